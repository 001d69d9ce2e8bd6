"""The synapses of projections whose rule, weights or delays depend on positions, as lists of a rank's own edges.

Each rank draws the synapses onto its own neurons; of a fixed outdegree, which is drawn source by source, all of them,
and keeps its own. Weights and delays are functions of distance, or drawn by synapse: the k-th one of the neuron that
chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from ...description.distance import Linear, OfDistance
from ...description.distributions import Distribution
from ...description.elements import Population, Projection, Selection
from ...description.in_space import InSpace, reach_of
from ...description.indices import as_array
from ...description.network import Network
from ...description.positions import MOST_AXES
from ...description.rules import FixedIndegree, FixedOutdegree
from ..random import streams
from ..step.decomposition import Decomposition
from . import pairs_in_space
from .cells import Cells, most_runs, sort_into_cells
from .pairs_in_space import Axis, Choosing, Law
from .read_edges import OwnList, joined
from .synapse_plan import steps_of_distances

ROOM = 1 << 20  # synapses drawn at a time, or those of one neuron


class TooFewError(ValueError):
    """A neuron with too few others within its reach."""

    def __init__(self, place: tuple[int, int], message: str) -> None:
        super().__init__(message)
        self.place = place


def positions_of(population: Population, seed: int) -> np.ndarray:
    """Return the positions of a population's neurons, float64 (n, axes), read-only; drawn ones follow from the seed."""
    positions, n = population.positions, population.n
    assert positions is not None
    u = np.zeros((n if positions.n_draws else 0, 3))
    for axis in range(positions.n_draws):
        gids = np.arange(population.first, population.first + n)
        u[:, axis] = streams.uniforms(gids, axis, 0, streams.POSITION, seed)
    placed = positions.place(u)
    placed.setflags(write=False)
    return placed


def draw_in_space(network: Network, seed: int, deal: Decomposition) -> dict[int, OwnList]:
    """Draw the synapses in space onto this rank's neurons, by projection.

    Raises
    ------
    TooFewError
        A neuron of this rank (of any rank, for a fixed outdegree) cannot have its number of synapses.
    """
    placed: dict[str, np.ndarray] = {}

    def place(population: Population) -> np.ndarray:
        if population.name not in placed:
            points = np.zeros((population.n, MOST_AXES))
            found = positions_of(population, seed)
            points[:, : found.shape[1]] = found
            placed[population.name] = points
        return placed[population.name]

    lists = {}
    for number, projection in enumerate(network.projections):
        if isinstance(projection.rule, InSpace):
            lists[number] = Drawing(network, number, projection, place, seed, deal).draw()
    return lists


class Drawing:
    """One projection on its way to a list: `choosers` choose among `others`, each of them one end of it."""

    def __init__(
        self,
        network: Network,
        number: int,
        projection: Projection,
        place: Callable[[Population], np.ndarray],
        seed: int,
        deal: Decomposition,
    ) -> None:
        assert isinstance(projection.rule, InSpace)
        self.network, self.number, self.projection, self.rule = network, number, projection, projection.rule
        self.key, self.deal = streams.key(seed), deal
        source, target = projection.source, projection.target
        self.points = {end: place(end.population)[as_array(end.indices)] for end in (source, target)}
        self.by_source = isinstance(self.rule.rule, FixedOutdegree)
        self.choosers, self.others = (source, target) if self.by_source else (target, source)
        period = np.zeros(MOST_AXES)
        assert source.population.positions is not None
        period[: source.population.positions.n_axes] = source.population.positions.period
        self.period = period

    def draw(self) -> OwnList:
        """Draw the synapses; see `draw_in_space`."""
        choosing, mine = self._choosing()
        cells, parts = self._cells(), []
        target_gids = self.projection.target.gids
        for first, chosen, counts in self._chosen(choosing, mine, cells):
            ends = np.repeat(mine[first : first + counts.size], counts), cells.order[chosen]
            rows = np.arange(chosen.size) - np.repeat(np.cumsum(counts) - counts, counts)
            sources, targets = ends if self.by_source else ends[::-1]
            if self.by_source:
                keep = np.flatnonzero(self.deal.local(target_gids[targets]))
                sources, targets, rows = sources[keep], targets[keep], rows[keep]
            parts.append(list(self._list(sources, targets, rows)))
        return joined(parts)

    def _choosing(self) -> tuple[Choosing, np.ndarray]:
        """Return the neurons that choose on this rank, and their places in the selection, int64."""
        gids, numbers = self.choosers.gids, as_array(self.choosers.indices)
        mine = np.arange(gids.size) if self.by_source else np.flatnonzero(self.deal.local(gids))
        is_same = self.choosers.population is self.others.population
        autapse = numbers[mine] if is_same and not self.rule.rule.allow_autapses else np.full(mine.size, -1)
        points = np.ascontiguousarray(self.points[self.choosers][mine])
        return Choosing(gids[mine].astype(np.uint32), autapse, points, *self.reach), mine

    @cached_property
    def law(self) -> Law:
        """Probability and mask."""
        rule, mask = self.rule, self.rule.mask
        p = rule.probability if isinstance(rule.probability, OfDistance) else Linear(rule.probability, 0.0)
        falls = p.coefficients.factor <= 0 if isinstance(p, Linear) else p.coefficients.factor >= 0
        inner, outer = (-1.0, np.inf) if mask is None else (mask.inner, mask.outer)
        sign, (around, low, high) = -1.0 if self.by_source else 1.0, self.corners
        axes = (Axis(sign, *map(float, axis)) for axis in zip(self.period, around, low, high, strict=True))
        return Law(p.coefficients, falls, rule.peak, self.cutoff, inner >= 0 or outer < np.inf, inner, outer, *axes)

    @property
    def cutoff(self) -> float:
        """Return the distance beyond which there are no pairs."""
        return reach_of(self.rule.rule, self.rule.near, np.inf)

    @property
    def corners(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return center, lower and upper corner of the mask, float64 (3,)."""
        found = np.zeros(MOST_AXES), np.full(MOST_AXES, -np.inf), np.full(MOST_AXES, np.inf)
        mask = self.rule.mask
        for corner, given in zip(found, (mask.around, mask.low, mask.high) if mask else (), strict=False):
            corner[: len(given)] = given
        return found

    @property
    def reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Return how far neurons that choose look for others, downwards and upwards, float64 (3,)."""
        around, low, high = self.corners
        outer = np.inf if self.rule.mask is None else self.rule.mask.outer
        low = np.maximum(np.maximum(low, around - outer), -self.cutoff)
        high = np.minimum(np.minimum(high, around + outer), self.cutoff)
        return (-low, high) if self.by_source else (high, -low)

    def _cells(self) -> Cells:
        points = np.ascontiguousarray(self.points[self.others].T)
        width = np.maximum(sum(self.reach), 0.0)
        return sort_into_cells(points, as_array(self.others.indices).copy(), self.period, width)

    def _chosen(
        self, choosing: Choosing, mine: np.ndarray, cells: Cells
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield, a part at a time, the first neuron that chooses, the places in `cells` that are chosen, and how many
        each neuron chooses."""
        rule, n_mine = self.rule.rule, mine.size
        counts, first = np.zeros(n_mine, np.int32), 0
        scratch = np.empty((most_runs(cells), 2), np.int64), np.empty(most_runs(cells))
        at_once = rule.n if isinstance(rule, FixedIndegree | FixedOutdegree) else cells.numbers.size
        if not at_once:
            return
        chosen = np.empty(max(at_once, ROOM), np.int32)
        while first < n_mine:
            begin, given = first, (choosing, cells, self.law)
            if isinstance(rule, FixedIndegree | FixedOutdegree):
                degree = rule.n, not rule.allow_multapses
                first = pairs_in_space.draw_degrees(
                    begin, *given, *degree, self.number, *self.key, *scratch, chosen, counts
                )
                if first < n_mine and counts[first] < 0:
                    raise self._too_few(int(mine[first]), -1 - int(counts[first]))
            else:
                first = pairs_in_space.draw_pairs(begin, *given, self.number, *self.key, *scratch, chosen, counts)
            yield begin, chosen[: counts[begin:first].sum(dtype=np.int64)], counts[begin:first]

    def _too_few(self, place: int, n: int) -> TooFewError:
        source, target = self.projection.source.population.name, self.projection.target.population.name
        neuron = f"{self.choosers.population.name}[{as_array(self.choosers.indices)[place]}]"
        others = "targets" if self.by_source else "sources"
        message = f"{source} -> {target}: {self.rule}, but within reach of {neuron} there are {n} {others}"
        return TooFewError((self.number, place), message)

    def _list(self, sources: np.ndarray, targets: np.ndarray, rows: np.ndarray) -> OwnList:
        """Return synapses (places in their selections) with weights and delays."""
        weight, delay = self.projection.weight, self.projection.delay
        weights, delays = np.zeros(0), np.zeros(0, np.int16)
        if isinstance(weight, OfDistance) or isinstance(delay, OfDistance):
            found = np.empty(sources.size)
            of_sources, of_targets = (self.points[end] for end in (self.projection.source, self.projection.target))
            pairs_in_space.distances(sources, targets, of_sources, of_targets, self.law, found)
            if isinstance(weight, OfDistance):
                weights = values_of(weight, found)
            if isinstance(delay, OfDistance):
                delays = steps_of_distances(self.network, self.projection, values_of(delay, found))
        is_drawn = isinstance(weight, Distribution) or isinstance(delay, Distribution)
        rows = rows.astype(np.uint32) if is_drawn else np.zeros(0, np.uint32)
        kind = np.int32 if max(len(self.choosers), len(self.others)) < 2**31 else np.int64
        return OwnList(sources.astype(kind), targets.astype(kind), weights, delays, rows)


def values_of(function: OfDistance, distances: np.ndarray) -> np.ndarray:
    """Return the values of a function at distances: compiled, so that they do not depend on a pair's place in them."""
    values = np.empty(distances.size)
    pairs_in_space.fill_values(distances, function.coefficients, values)
    return values


def owners_of(rule: InSpace, source: Selection, target: Selection, ends: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the gids, int64, of the neurons that chose the synapses with these `ends`, places in the selections."""
    end, places = (source, ends[0]) if isinstance(rule.rule, FixedOutdegree) else (target, ends[1])
    owners: np.ndarray = end.gids[places]
    return owners
