"""What a network consists of: populations and slices of them, projections, stimuli, recorders. Frozen data."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ..neurons import NeuronModel
from ..synapses import SynapseModel, static
from .distributions import Distribution
from .rules import Rule

Value = float | np.ndarray | Distribution
FOREVER = 2**62  # the step at which what never stops does


def nearest(name: str, known: Sequence[str]) -> str:
    """'did you mean X?' where one of `known` resembles `name`, otherwise what is known."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"


@dataclass(frozen=True, eq=False)
class Population:
    """`n` neurons (or sources) of one model with the global ids first ... first + n - 1.

    `pop[a:b]` selects a slice of it; `parameters` holds a number, an array of n numbers or a distribution each.
    """

    name: str
    n: int
    model: NeuronModel
    parameters: Mapping[str, Value]
    first: int
    spike_steps: tuple[np.ndarray, ...] = ()

    def __reduce__(self) -> tuple:
        """Copy and pickle the parameters as a dict, since their read-only view can be neither."""
        return _population, (self.name, self.n, self.model, dict(self.parameters), self.first, self.spike_steps)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: slice | int) -> Selection:
        return Selection(self, range(self.n))[index]

    @property
    def span(self) -> slice:
        """Its place in an array with one value for each gid."""
        return slice(self.first, self.first + self.n)

    def holds(self, gids: int | np.ndarray) -> bool | np.ndarray:
        """Which of the `gids` are those of its neurons."""
        return (gids >= self.first) & (gids < self.first + self.n)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.n} {self.model.name}>"


def _population(name: str, n: int, model: NeuronModel, values: dict, first: int, spike_steps: tuple) -> Population:
    """Return a population whose parameters cannot be changed."""
    return Population(name, n, model, MappingProxyType(_read_only(values)), first, spike_steps)


def _read_only(values: dict) -> dict:
    """Make the arrays in `values` read-only, which copies and unpickled arrays are not; return `values`."""
    for value in values.values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return values


@dataclass(frozen=True)
class Selection:
    """Neurons `indices` (a range, 0-based) of a population."""

    population: Population
    indices: range

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: slice | int) -> Selection:
        if isinstance(index, slice):
            chosen = self.indices[index]
            if chosen.step < 0:
                raise ValueError(f"{self.population.name}[{index}]: a selection runs upwards")
            return Selection(self.population, chosen)
        i = self.indices[index]
        return Selection(self.population, range(i, i + 1))

    @property
    def gids(self) -> np.ndarray:
        """Global ids, int64, ascending."""
        return self.population.first + np.arange(self.indices.start, self.indices.stop, self.indices.step)

    def __repr__(self) -> str:
        r = self.indices
        return f"<{self.population.name}[{r.start}:{r.stop}:{r.step}]>"


Part = str | Population | Selection  # 'E', 'E[:50]', 'E[-1]', or the same as objects


def check_name(name: object) -> None:
    """ValueError unless `name` is one that files and texts can keep as the name of a population."""
    if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or not name.isprintable():
        raise ValueError(f"population name {name!r}: must be a printable text, not '', '.' or '..', without '/'")


def select(what: Population | Selection) -> Selection:
    if isinstance(what, Population):
        return what[:]
    if isinstance(what, Selection):
        return what
    raise TypeError(f"expected a population or a slice of one, not {what!r}")


def find(what: str | Population | Selection, sizes: Mapping[str, int]) -> tuple[str, range]:
    """Name and neurons (0-based) of a part of the populations of `sizes`: 'E', 'E[5]', 'E[-20:]', 'E[:100:2]', or
    `pop[a:b]`.

    Raises
    ------
    ValueError : no slice of a population, no such population, or one of another size.
    """
    if not isinstance(what, str):
        selection = select(what)
        name, n = selection.population.name, len(selection.population)
        if sizes.get(_known(name, name, sizes)) != n:
            raise ValueError(f"{selection}: population {name} has {sizes[name]} neurons here, not {n}")
        return name, selection.indices
    if what in sizes:
        return what, range(sizes[what])
    match = re.fullmatch(r"([^\[\]]+)(?:\[(?:(-?\d+)|(-?\d*):(-?\d*)(?::(\d*))?)\])?", what)
    if not match:
        raise ValueError(f"{what}: must be a population or a slice of one, such as {next(iter(sizes), 'E')}[0:100]")
    name, *bounds = match.groups()
    index, *parts = [int(b) if b else None for b in bounds]
    if parts[2] == 0:
        raise ValueError(f"{what}: the step must be at least 1")
    neurons = range(sizes[_known(what, name, sizes)])
    if index is None:
        return name, neurons[slice(*parts)]
    if not -len(neurons) <= index < len(neurons):
        raise ValueError(f"{what}: population {name} has {len(neurons)} neurons")
    return name, range(neurons[index], neurons[index] + 1)


def _known(what: str, name: str, sizes: Mapping[str, int]) -> str:
    if name not in sizes:
        raise ValueError(f"{what}: no population {name!r}: {nearest(name, list(sizes))}")
    return name


@dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from `source` to `target` by `rule`; weight in pA (iaf_psc_*), delay in ms, and in steps (int, int16 for
    each synapse, None where it is drawn); `synapse` is their model."""

    source: Selection
    target: Selection
    rule: Rule
    weight: Value
    delay: Value
    delay_steps: int | np.ndarray | None
    synapse: SynapseModel = static

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(_read_only(state))


@dataclass(frozen=True, eq=False)
class PoissonInput:
    """To each neuron of `target` its own Poisson train of `rate` (spikes/s), emitted in (start, stop] steps."""

    target: Selection
    rate: float
    weight: float
    delay: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class StepCurrent:
    """The current into `target` becomes amplitudes[k] (pA) at times[k]; both are in effect `delay` later (steps)."""

    target: Selection
    times: np.ndarray
    amplitudes: np.ndarray
    delay: int


@dataclass(frozen=True)
class VoltageRecorder:
    """V_m of `target` at every multiple of `interval` steps."""

    target: Selection
    interval: int
