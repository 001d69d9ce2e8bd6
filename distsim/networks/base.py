"""`NetworkModel`: a network that people run by name, described in one file.

A subclass names its parameters and describes the network; its subcommand, with options, help and figures, is made from
that. `distsim/networks/brunel_delta.py` is an example, and so is `examples/my_network.py`, a file for `distsim run`.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..description.network import Network
from .parameters import NetworkParameters, make

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Option:
    """An option of a network's subcommand that stands for parameters.

    Attributes
    ----------
    name : str
        The option without its dashes; ``N_E`` is typed ``--N-E``.
    text : str
        Text in --help; by default that of the parameter's field.
    parameters : tuple of str
        The parameters that take the option's value; by default the one of the same name.
    choices : mapping of str to mapping
        The values that the option takes, each with the parameters that it sets.
    sets : mapping
        The parameters that an option without a value sets.
    excludes : tuple of str
        Other options that must not be given together with this one.
    """

    name: str
    text: str = ""
    parameters: tuple[str, ...] = ()
    choices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sets: Mapping[str, Any] = field(default_factory=dict)
    excludes: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """Return the option as typed on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def key(self) -> str:
        """Return the option as the name of a variable."""
        return self.name.replace("-", "_")

    def settings(self, value: Any) -> dict[str, Any]:
        """Return the parameters that the option sets where it is given with `value`."""
        if self.sets:
            return dict(self.sets)
        return dict(self.choices[value]) if self.choices else dict.fromkeys(self.parameters or (self.name,), value)


@dataclass(frozen=True)
class Variant:
    """A named setting of a network, such as a panel of a figure.

    Attributes
    ----------
    parameters : mapping
        The parameters that it sets.
    t_sim : float, optional
        Simulated time after the warm-up (ms); by default the network's.
    text, title : str
        Text in --help, and title of figures.
    """

    parameters: Mapping[str, Any]
    t_sim: float | None = None
    text: str = ""
    title: str = ""


class NetworkModel:
    """A network that people run by name. Only `describe` must be written; --help shows the class docstring.

    Attributes
    ----------
    name : str
        Subcommand and name of folders; by default the name of the class: ``MyNetwork`` is ``my-network``.
    summary : str
        One line on the network; by default the first one of the docstring.
    Parameters : type
        A frozen dataclass, derived from `NetworkParameters`, whose fields are made by `parameter`.
    populations : tuple of str
        Names of the populations, in the order of lists in the parameters.
    colors : mapping of str to str
        Colours of populations in figures.
    options : tuple of Option
        Options of the subcommand; every parameter can be given by ``--set NAME=VALUE`` as well.
    variants : mapping of str to Variant
        Named settings, chosen by the option `variant_option`; `variant_text` introduces them in --help.
    t_presim, t_sim : float
        Default warm-up, which is not recorded, and simulated time after it (ms).
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    Parameters: ClassVar[type[Any]] = NetworkParameters
    populations: ClassVar[tuple[str, ...]] = ()
    colors: ClassVar[Mapping[str, str]] = {}
    options: ClassVar[tuple[Option, ...]] = ()
    variants: ClassVar[Mapping[str, Variant]] = {}
    variant_option: ClassVar[str] = "variant"
    variant_text: ClassVar[str] = "named setting"
    t_presim: ClassVar[float] = 0.0
    t_sim: ClassVar[float] = 1000.0

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "name" not in vars(cls):
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", "-", cls.__name__).lower()
        if "summary" not in vars(cls):
            cls.summary = cls.description().split("\n")[0].rstrip(".")

    @classmethod
    def description(cls) -> str:
        """Return the docstring of the class, or that of its module."""
        own = vars(cls).get("__doc__")
        return inspect.cleandoc(own or getattr(inspect.getmodule(cls), "__doc__", None) or cls.name)

    # --- for subclasses to fill in ----------------------------------------------------------------------------------

    def describe(self, parameters: Any, dt: float, t_presim: float) -> Network:
        """Return the network with these `parameters`.

        Parameters
        ----------
        parameters : Parameters
            All of them, checked.
        dt : float
            Resolution (ms).
        t_presim : float
            Warm-up (ms), for stimuli that count from its end.

        Raises
        ------
        ValueError
            If the parameters do not go together; the message names them.
        """
        raise NotImplementedError

    def figures(self, parameters: Any, t_presim: float, t_sim: float, variant: str | None) -> dict[str, Any]:
        """Return options of raster.png and rates.png, beside those of any network."""
        return {}

    def report(self, parameters: Any, summary: dict[str, Any]) -> str:
        """Return a text to print at the end of a run."""
        return ""

    def reference_rates(self, parameters: Any) -> dict[str, float]:
        """Return published mean rates (spikes/s) by population."""
        return {}

    # --- for scripts ------------------------------------------------------------------------------------------------

    def network(self, dt: float = 0.1, t_presim: float | None = None, **parameters: Any) -> Network:
        """Return the network with some `parameters`, which are checked, and the defaults of all others.

        Raises
        ------
        ValueError
            If one of them is unknown, or of the wrong kind or range; the message names them all.
        """
        checked = make(
            type(self).Parameters, parameters, {name: f"{name}={value}" for name, value in parameters.items()}
        )
        return self.describe(checked, dt, self.t_presim if t_presim is None else t_presim)


def check_model(model: type[NetworkModel]) -> None:
    """Check a subclass before its subcommand is made.

    Raises
    ------
    ValueError
        If it could not be run; the message names each reason.
    """
    found = []
    if not (isinstance(model.name, str) and NAME.fullmatch(model.name)):
        found.append(f"name {model.name!r} must be lower-case words joined by '-', such as 'my-network'")
    if model.describe is NetworkModel.describe:
        found.append("describe(self, parameters, dt, t_presim) is missing")
    if not (isinstance(model.Parameters, type) and dataclasses.is_dataclass(model.Parameters)):
        found.append("Parameters must be a dataclass: @dataclass(frozen=True) class Parameters(NetworkParameters)")
    else:
        found += _wrong_names(model, {each.name for each in dataclasses.fields(model.Parameters)})
    times = {"t_presim": model.t_presim, "t_sim": model.t_sim}
    times |= {f"t_sim of variant {name!r}": v.t_sim for name, v in model.variants.items() if v.t_sim is not None}
    for what, time in times.items():
        if not (isinstance(time, (int, float)) and 0.0 <= time < math.inf):
            found.append(f"{what} is {time!r}, not a time in ms")
    if found:
        raise ValueError("\n".join(f"{model.__name__}: {each}" for each in found))


def _wrong_names(model: type[NetworkModel], known: set[str]) -> list[str]:
    """Return a message for each name that an option or variant sets and that is no parameter."""
    groups: dict[str, Collection[str]] = {
        f"variant {name!r}": variant.parameters for name, variant in model.variants.items()
    }
    for option in model.options:
        groups[f"option {option.flag}"] = {
            name for value in option.choices or [None] for name in option.settings(value)
        }
    return [
        f"{where} sets {name!r}, which is no parameter"
        for where, those in groups.items()
        for name in those
        if name not in known
    ]
