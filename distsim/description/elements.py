"""The elements of a network: populations and parts of them, projections, stimuli, recorders. Frozen data."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from ..neurons import NeuronModel
from ..synapses import SynapseModel, static
from .distance import OfDistance
from .distributions import Distribution
from .edge_files import FromFile
from .indices import Indices, among, as_array, bracketed, canonical, compact, parse, read_indices
from .positions import Positions
from .rates import Rate
from .rules import Rule
from .spike_trains import SpikeTrains

Value = float | np.ndarray | Distribution | FromFile | OfDistance
FOREVER = 2**62  # the step at which something ends that never ends
SPIKES, V_M = "spikes", "V_m"  # names of reports: of spikes, and of the membrane potential of any model
REPORT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]{0,99}")
# Names of other files and pictures of a run, and what the names of checkpoints begin with.
OTHER_FILES = {SPIKES, "voltages", "nodes", "summary", "config", "recording", "running", "parts"}
OTHER_FILES |= {"raster", "rates", "statistics", "panels", "bench"}
CHECKPOINTS = "checkpoint-"


def nearest(name: str, known: Sequence[str]) -> str:
    """Return 'did you mean X?' where one of `known` resembles `name`, otherwise a list of `known`."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"


@dataclass(frozen=True, eq=False)
class Population:
    """`n` neurons (or sources) of one model with the global ids first ... first + n - 1.

    `pop[a:b]`, `pop[[1, 5, 7]]` and `pop[mask]` select a part of it, see `Selection`; `parameters` holds a number, an
    array of n numbers or a distribution each; `positions` say where its neurons are, if they have positions.
    """

    name: str
    n: int
    model: NeuronModel
    parameters: Mapping[str, Value]
    first: int
    spike_trains: SpikeTrains | None = None
    positions: Positions | None = None

    def __reduce__(self) -> tuple:
        """Copy and pickle the parameters as a dict, since their read-only view can be neither."""
        fields = (self.name, self.n, self.model, dict(self.parameters), self.first, self.spike_trains, self.positions)
        return _population, fields

    @property
    def spike_steps(self) -> Sequence[np.ndarray]:
        """Return the steps of the given spikes of each source."""
        return self.spike_trains or ()

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Index) -> Selection:
        return Selection(self, read_indices(self.name, index, self.n))

    @property
    def span(self) -> slice:
        """Return its part of an array with one value for each gid."""
        return slice(self.first, self.first + self.n)

    def holds(self, gids: int | np.ndarray) -> bool | np.ndarray:
        """Return which of the `gids` belong to its neurons."""
        return (gids >= self.first) & (gids < self.first + self.n)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.n} {self.model.name}>"


def _population(name: str, n: int, model: NeuronModel, values: dict, *others: Any) -> Population:
    """Return a population whose parameters cannot be changed."""
    return Population(name, n, model, MappingProxyType(_read_only(values)), *others)


def _read_only(values: dict) -> dict:
    """Make the arrays in `values` read-only, which copies and unpickled arrays are not; return `values`."""
    for value in values.values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return values


@dataclass(frozen=True, eq=False)
class Selection:
    """Some neurons of a population, each at most once: `pop[index]`, which can itself be indexed in the same way.

    An index is a whole number, a slice, a list or array of whole numbers, or a mask (a bool for each neuron), with the
    meaning that it has in NumPy: negative numbers count from the end. Listed neurons keep their order, which is that of
    `one_to_one`, of positions in `explicit`, of values given to `Simulation.set` and of columns of voltages. A list of
    equally spaced neurons, upwards, is the same selection as the slice.

    Attributes
    ----------
    indices : range or ndarray of int64, shape (n,), read-only
        The neurons, numbered from 0 in their population; an array only where a range cannot express them.
    """

    population: Population
    indices: Indices

    def __post_init__(self) -> None:
        indices = self.indices
        kept = canonical(indices) if isinstance(indices, range) else compact(np.array(indices, np.int64))
        object.__setattr__(self, "indices", kept)

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(_read_only(state))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selection):
            return NotImplemented
        return self.population is other.population and self._key == other._key

    def __hash__(self) -> int:
        return hash((self.population, self._key))

    @property
    def _key(self) -> range | bytes:
        return self.indices if isinstance(self.indices, range) else self.indices.tobytes()

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Index) -> Selection:
        chosen = read_indices(self.population.name, index, len(self), bracketed(self.indices))
        return Selection(self.population, among(self.indices, chosen))

    @property
    def gids(self) -> np.ndarray:
        """Return the global ids, int64, in the order of `indices`."""
        return self.population.first + as_array(self.indices)

    def __repr__(self) -> str:
        return f"<{self.population.name}{bracketed(self.indices)}>"


Index = int | slice | Sequence[int] | Sequence[bool] | np.ndarray
Part = str | Population | Selection  # 'E', 'E[:50]', 'E[-1]', 'E[[1, 5, 7]]', or the same as objects


def check_name(name: object) -> None:
    """Check that files and messages can hold `name` as the name of a population; ValueError if not."""
    if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or not name.isprintable():
        raise ValueError(f"population name {name!r}: must be a printable text, not '', '.' or '..', without '/'")


def check_report_name(name: object) -> str:
    """Return `name`; ValueError unless it can name a report and its file."""
    if not isinstance(name, str) or not REPORT_NAME.fullmatch(name):
        raise ValueError(f"name of a recorder {name!r}: must be letters, digits and _ . + -, beginning with a letter")
    if name.lower() in OTHER_FILES or name.lower().startswith(CHECKPOINTS):  # some file systems ignore case
        raise ValueError(f"name of a recorder {name!r}: other files of a run have this name")
    return name


def select(what: Population | Selection) -> Selection:
    if isinstance(what, Population):
        return what[:]
    if isinstance(what, Selection):
        return what
    raise TypeError(f"expected a population or a part of one, not {what!r}")


def find(what: str | Population | Selection, sizes: Mapping[str, int]) -> tuple[str, Indices]:
    """Return name and neurons (0-based) of a part of the populations of `sizes`: 'E', 'E[5]', 'E[-20:]', 'E[:100:2]',
    'E[1, 5, 7]', 'E[[1, 5, 7]]', or `pop[index]`.

    Raises
    ------
    ValueError : no part of a population, no such population, or one of another size.
    """
    if not isinstance(what, str):
        selection = select(what)
        name, n = selection.population.name, len(selection.population)
        if sizes.get(_known(name, name, sizes)) != n:
            raise ValueError(f"{selection}: population {name} has {sizes[name]} neurons here, not {n}")
        return name, selection.indices
    if what in sizes:
        return what, range(sizes[what])
    parsed = parse(what)
    if parsed is None:
        known = next(iter(sizes), "E")
        raise ValueError(f"{what}: must be a population or a part of one, such as {known}[0:100] or {known}[[1, 5]]")
    name, index = parsed
    if isinstance(index, slice) and index.step == 0:
        raise ValueError(f"{what}: the step must be at least 1")
    n = sizes[_known(what, name, sizes)]
    try:
        return name, range(n) if index is None else read_indices(name, index, n)
    except IndexError as error:
        raise ValueError(str(error)) from None


def _known(what: str, name: str, sizes: Mapping[str, int]) -> str:
    if name not in sizes:
        raise ValueError(f"{what}: no population {name!r}: {nearest(name, list(sizes))}")
    return name


@dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from `source` to `target` by `rule`; weight in pA (iaf_psc_*), delay in ms, and in steps (int, int16 for
    each synapse, None where it is drawn), or both as columns of a file, or functions of distance; `synapse` is their
    model; `receptor` where they arrive, from 0 (None: by the sign of the weight)."""

    source: Selection
    target: Selection
    rule: Rule
    weight: Value
    delay: Value
    delay_steps: int | np.ndarray | FromFile | OfDistance | None
    synapse: SynapseModel = static
    receptor: int | None = None

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(_read_only(state))


@dataclass(frozen=True, eq=False)
class PoissonInput:
    """An independent Poisson train of `rate` (spikes/s) for each neuron of `target`, emitted in (start, stop] steps.

    `rate` is a number, an array with a number for each neuron of `target`, or a function of time, see `rates`.
    """

    target: Selection
    rate: Rate
    weight: float
    delay: int
    start: int
    stop: int
    receptor: int | None = None


@dataclass(frozen=True, eq=False)
class StepCurrent:
    """The current into `target` becomes amplitudes[k] (pA) at times[k]; it acts `delay` later (steps)."""

    target: Selection
    times: np.ndarray
    amplitudes: np.ndarray
    delay: int


@dataclass(frozen=True)
class Recorder:
    """`what` of `target`, in (start, stop] steps: its spikes, or a recordable at every multiple of `interval` steps.

    Recorders of one `name` are reported together, see `reports`.
    """

    name: str
    what: str
    target: Selection
    interval: int = 1
    start: int = 0
    stop: int = FOREVER
