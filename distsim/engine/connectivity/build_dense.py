"""From projections whose synapses are all alike to bit matrices, see `dense`.

Which projections these are follows from the description alone, so it is the same on any number of ranks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...description.distance import OfDistance
from ...description.distributions import Distribution
from ...description.edge_files import FromFile
from ...description.elements import Population, Projection, Selection, Value
from ...description.indices import Indices, hull, progression
from ...description.network import Network
from ...description.rules import AllToAll, FixedIndegree, FixedTotalNumber, PairwiseBernoulli
from ...synapses import PACKED
from ..compiled.cache import njit
from ..compiled.intrinsics import count_ones
from ..step.decomposition import Decomposition
from ..step.dense import GROUP, MOST_ROWS, PANEL, PLANE, SUM, Dense
from ..step.layout import Layout, receptor_of
from . import draws

RULES = (AllToAll, FixedIndegree, FixedTotalNumber, PairwiseBernoulli)  # drawn target by target
SPARSEST = 1 / 100  # of all pairs must be connected: below, the table of `delivery` takes less memory and time
FEWEST = 1 << 20  # pairs of a matrix
LINE = 8  # words
PIECE = 1 << 20  # synapses drawn at a time, but those of one target at least


@dataclass(frozen=True)
class Group:
    """Projections of one pair of populations, one weight (pA), one delay (steps) and one receptor (None: by the sign of
    the weight): their numbers, and the ranges of neurons of both populations within which they lie."""

    source: Population
    target: Population
    weight: float
    delay: int
    receptor: int | None
    numbers: tuple[int, ...]
    sources: range
    targets: range


# Synapses whose pair has one already, by projection and shard: arrays uint32 (2, n), sources in their population and
# local targets.
Second = Mapping[int, Mapping[int, list[np.ndarray]]]


# --- plan -------------------------------------------------------------------------------------------------------------


def plan_groups(network: Network, fewest: int | None = None) -> list[Group]:
    """The groups of projections that are kept as bit matrices, of `fewest` pairs at least (by default FEWEST)."""
    fewest = FEWEST if fewest is None else fewest
    found: dict[tuple[int, int, float, int, int | None], list[int]] = {}
    for number, projection in enumerate(network.projections):
        weight = constant(projection.weight)
        if is_alike(projection) and weight is not None and constant(projection.delay) is not None:
            ends = id(projection.source.population), id(projection.target.population)
            delay = delay_steps(network, projection.delay)
            found.setdefault((*ends, weight, delay, projection.receptor), []).append(number)
    groups = [
        _group(network, weight, delay, receptor, tuple(numbers))
        for (_, _, weight, delay, receptor), numbers in found.items()
    ]
    return [group for group in groups if _is_dense(network, group, fewest)]


def is_alike(projection: Projection) -> bool:
    """Return whether a bit can stand for a synapse of `projection`, as far as rule and synapse model go."""
    return isinstance(projection.rule, RULES) and projection.synapse.table == PACKED


def constant(value: Value) -> float | None:
    """The number that all draws of `value` are, if there is one."""
    if isinstance(value, Distribution):
        low, high = value.support()
        return low if low == high else None
    if isinstance(value, FromFile | OfDistance):
        return None
    return float(value) if np.ndim(value) == 0 else None


def delay_steps(network: Network, delay: Value) -> int:
    """Return the steps of a delay that is one number; a drawn one is rounded as all draws, halves upwards."""
    assert not isinstance(delay, FromFile | OfDistance)
    if not isinstance(delay, Distribution):
        return int(network.grid.steps(delay, "delay"))
    return int(np.floor(delay.support()[0] / network.grid.dt_ms * (1 + 1e-12) + 0.5))


def _group(network: Network, weight: float, delay: int, receptor: int | None, numbers: tuple[int, ...]) -> Group:
    projections = [network.projections[number] for number in numbers]
    ends = projections[0].source.population, projections[0].target.population
    sources = _hull([projection.source.indices for projection in projections])
    return Group(*ends, weight, delay, receptor, numbers, sources, _hull([p.target.indices for p in projections]))


def _hull(parts: list[Indices]) -> range:
    full = [hull(part) for part in parts if len(part)]
    return range(min(r.start for r in full), max(r.stop for r in full)) if full else range(0)


def _is_dense(network: Network, group: Group, fewest: int) -> bool:
    n_pairs = len(group.sources) * len(group.targets)
    projections = [network.projections[number] for number in group.numbers]
    expected = sum(p.rule.expected(len(p.source), len(p.target)) for p in projections)
    return n_pairs >= fewest and expected >= SPARSEST * n_pairs


def matrix_bytes(groups: list[Group], size: int) -> int:
    """Bytes that the matrices take on each of `size` ranks."""
    return sum(8 * len(group.sources) * _words(0, -(-len(group.targets) // size)) for group in groups)


def expected_seconds(network: Network, group: Group) -> int:
    """Synapses to be expected whose pair has one already, of all ranks, if projections overlap independently."""
    filled: dict[tuple[Selection, Selection], float] = {}  # share of the pairs that are connected
    bits, synapses = 0.0, 0.0
    for number in group.numbers:
        projection = network.projections[number]
        ends = projection.source, projection.target
        n_pairs = len(ends[0]) * len(ends[1])
        expected = projection.rule.expected(len(ends[0]), len(ends[1]))
        density = expected / max(1, n_pairs)
        if getattr(projection.rule, "allow_multapses", False):
            density = 1.0 - math.exp(-density)
        before = filled.get(ends, 0.0)
        filled[ends] = 1.0 - (1.0 - before) * (1.0 - min(1.0, density))
        bits += n_pairs * (filled[ends] - before)
        synapses += expected
    return round(synapses - bits + _shared_bits(filled))


def _shared_bits(filled: Mapping[tuple[Selection, Selection], float]) -> float:
    """Pairs to be expected that are connected in two of these, each spread evenly over the rectangle around it."""
    hulls = [(hull(source.indices), hull(target.indices)) for source, target in filled]
    bounds = np.array([(s.start, s.stop, t.start, t.stop) for s, t in hulls], float).reshape(-1, 4)
    chosen = [len(source) * len(target) for source, target in filled]
    density = np.array(list(filled.values())) * chosen / [max(1, len(s) * len(t)) for s, t in hulls]
    shared = 0.0
    for k, (first, last, top, bottom) in enumerate(bounds[:-1]):
        others = bounds[k + 1 :]
        width = np.minimum(last, others[:, 1]) - np.maximum(first, others[:, 0])
        height = np.minimum(bottom, others[:, 3]) - np.maximum(top, others[:, 2])
        both = np.maximum(width, 0.0) * np.maximum(height, 0.0)
        shared += density[k] * float(both @ density[k + 1 :])
    return shared


# --- build ------------------------------------------------------------------------------------------------------------


def connect_dense(
    network: Network,
    groups: list[Group],
    layout: Layout,
    deal: Decomposition,
    key: tuple[int, int],
    receptors: np.ndarray,
) -> tuple[Dense, Second]:
    """The matrices onto this rank's neurons; and what has no place in them, by projection of the groups.

    Parameters
    ----------
    groups, layout, receptors : see `TablePlan`.
    """
    pieces = [piece for group in groups for piece in _pieces(network, group, layout, deal, receptors)]
    sizes = [len(group.sources) * _words(first, last) for group, first, last, _ in pieces]
    begin = np.cumsum([PLANE, *sizes])
    bits = np.empty(begin[-1] if pieces else 0, np.uint64)  # np.empty, unlike np.zeros, asks for huge pages
    bits[:] = 0
    second: dict[int, dict[int, list]] = {number: {} for group in groups for number in group.numbers}
    for (group, first, last, _), start in zip(pieces, begin, strict=False):
        for number in group.numbers:
            drawn = _draw(network, number, group, (first, last), bits[start:], deal, key)
            second[number][first // layout.width] = list(drawn)
    return _tables(pieces, begin, layout, bits), second


def with_weights(
    network: Network, groups: list[Group], layout: Layout, deal: Decomposition, receptors: np.ndarray, dense: Dense
) -> Dense:
    """Return matrices with the weights of `groups`, which are those that `dense` was built of but for these."""
    pieces = [piece for group in groups for piece in _pieces(network, group, layout, deal, receptors)]
    sizes = [len(group.sources) * _words(first, last) for group, first, last, _ in pieces]
    return _tables(pieces, np.cumsum([PLANE, *sizes]), layout, dense.bits)


def _pieces(network: Network, group: Group, layout: Layout, deal: Decomposition, receptors: np.ndarray) -> list[tuple]:
    """The group's local targets, cut at the borders of shards: (group, first lid, last lid, receptor)."""
    n_receptors = receptors[network.populations.index(group.target)]
    receptor = int(receptor_of(group.weight, n_receptors, group.receptor))
    first, last = deal.local_range(group.target.first + group.targets.start, len(group.targets))
    pieces = []
    while first < last and len(group.sources):
        end = min(last, (first // layout.width + 1) * layout.width)
        pieces.append((group, first, end, receptor))
        first = end
    return pieces


def _words(first: int, last: int) -> int:
    """Words of a row: whole cache lines, which are whole vectors too."""
    return -(-(last - first) // (64 * LINE)) * LINE


def _tables(pieces: list[tuple], begin: np.ndarray, layout: Layout, bits: np.ndarray) -> Dense:
    """Matrices with the same targets and weight are summed together."""
    together: dict[tuple, list] = {}
    spans = np.zeros((sum(len(group.sources) for group, *_ in pieces), 2), np.uint16)
    row = 0
    for (group, first, last, receptor), start in zip(pieces, begin, strict=False):
        gid, n_rows = group.source.first + group.sources.start, len(group.sources)
        find_spans(bits[start:], _words(first, last), spans[row : row + n_rows])
        panel = (group.delay, gid, gid + n_rows, start, row)
        together.setdefault((first, last, receptor, group.weight), []).append(panel)
        row += n_rows
    sums: list[tuple[int, ...]] = []
    panels: list[tuple[int, ...]] = []
    for (first, last, receptor, _), parts in together.items():
        place = (first // layout.width, receptor * layout.width + first % layout.width)
        sums.append((len(panels), len(panels) + len(parts), _words(first, last), last - first, *place))
        panels += parts
    return Dense(
        np.array(sums, SUM),
        np.array([weight for *_, weight in together], float),
        np.array(panels, PANEL),
        spans,
        bits,
        np.zeros((len(panels), 2), np.int64),
        np.zeros(10 * PLANE, np.uint64),
        np.zeros(MOST_ROWS + GROUP, np.int64),
    )


def _draw(
    network: Network,
    number: int,
    group: Group,
    lids: tuple[int, int],
    bits: np.ndarray,
    deal: Decomposition,
    key: tuple[int, int],
) -> Iterator[np.ndarray]:
    """Set the bits of projection `number` onto local neurons lids[0] ... lids[1] - 1; yield the rest, see `Second`."""
    projection: Projection = network.projections[number]
    assert isinstance(projection.rule, RULES)
    gids = projection.target.gids
    mine = deal.lids(gids)
    targets = np.flatnonzero(deal.local(gids) & (mine >= lids[0]) & (mine < lids[1]))
    indegree = draws.indegrees(projection, number, targets, key)
    own = draws.own_positions(projection.source, projection.target)[targets]
    first_source, source_step, numbers = progression(projection.source.indices)
    n_sources = len(projection.source)
    distinct = not getattr(projection.rule, "allow_multapses", False)
    chosen = np.empty(indegree.max(initial=0), np.int64)
    stamps = np.zeros(n_sources if distinct else 0, np.int64)
    extra = np.empty((2, min(int(indegree.sum(dtype=np.int64)), max(PIECE, chosen.size))), np.uint32)
    for first, last in _pieces_of(indegree):
        n_extra = set_bits(
            bits,
            _words(*lids),
            np.array([group.sources.start, first_source, source_step, n_sources, lids[0]], np.int64),
            numbers,
            number,
            distinct,
            not projection.rule.allow_autapses,
            gids[targets[first:last]],
            mine[targets[first:last]],
            own[first:last],
            indegree[first:last],
            first,
            (stamps, chosen, extra),
            *key,
        )
        if n_extra:
            yield extra[:, :n_extra].copy()


def _pieces_of(indegree: np.ndarray) -> Iterator[tuple[int, int]]:
    """Cut targets into runs (first, last excluded) of at most PIECE synapses, or of one target."""
    ends = np.cumsum(indegree, dtype=np.int64)
    first, done = 0, 0
    while first < indegree.size:
        last = max(first + 1, int(np.searchsorted(ends, done + PIECE, side="right")))
        yield first, last
        first, done = last, int(ends[last - 1])


@njit(cache=True)
def set_bits(
    bits, n_words, place, numbers, number, distinct, skip_self, gids, lids, own, indegree, done, scratch, k0, k1
):
    """Draw the sources of each target and set their bits; synapses whose bit is set go to `extra`; their number.

    Parameters
    ----------
    place : int64 (5,): source of row 0, first source, sources between two, sources; local id of column 0.
    numbers : int64, the sources if they are listed, see `indices.progression`; otherwise empty.
    number : of the projection. own : positions of the targets among the sources, or -1.
    done : targets of the projection before these.
    scratch : stamps (int64 (n_sources,), 0 before the first target), chosen (int64, the largest indegree), extra.
    """
    row_0, first_source, source_step, n_sources, first_lid = place
    stamps, chosen, extra = scratch
    u = np.empty((4, draws.DRAW), np.uint32)
    n_extra = 0
    for i in range(gids.size):
        skip, stamp = own[i] if skip_self else -1, done + i + 1
        draws.choose_alike(indegree[i], n_sources, skip, distinct, gids[i], number, k0, k1, u, stamps, stamp, chosen)
        draws.look_up(numbers, indegree[i], chosen)
        column = lids[i] - first_lid
        word, bit = column >> 6, np.uint64(1) << np.uint64(column & 63)
        for k in range(indegree[i]):
            source = first_source + source_step * chosen[k]
            at = (source - row_0) * n_words + word
            if bits[at] & bit:
                extra[0, n_extra], extra[1, n_extra] = source, lids[i]
                n_extra += 1
            bits[at] |= bit
    return n_extra


@njit(cache=True)
def find_spans(bits, n_words, spans):
    """Set the `spans` (rows, 2) of a matrix, see `Dense`."""
    for row in range(len(spans)):
        start, first, last = row * n_words, 0, n_words
        while first < n_words and bits[start + first] == 0:
            first += 1
        while last > first and bits[start + last - 1] == 0:
            last -= 1
        spans[row, 0], spans[row, 1] = first, last if last > first else 0


# --- ledger -----------------------------------------------------------------------------------------------------------


def outdegrees_by_delay(dense: Dense) -> Iterator[tuple[int, int, np.ndarray]]:
    """Of each matrix: delay (steps), gid of the first source, synapses of its sources (int64)."""
    for begin, end, n_words, *_ in dense.sums.tolist():
        for delay, first, last, start, _ in dense.panels[begin:end].tolist():
            yield int(delay), int(first), count_bits(dense.bits[start:], last - first, n_words)


@njit(cache=True)
def count_bits(bits, n_rows, n_words):
    """Bits that are set in each row."""
    counts = np.zeros(n_rows, np.int64)
    for i in range(n_rows):
        for j in range(n_words):
            counts[i] += count_ones(bits[i * n_words + j])
    return counts
