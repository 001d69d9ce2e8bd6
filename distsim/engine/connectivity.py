"""From projections to this rank's synapse table.

Every rank holds, and where the rule allows draws, only the synapses onto its own neurons (`draws`); they are sorted
population by population of their sources (`pool`), so that little more memory is needed than for the table itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..distributions import Distribution
from ..elements import Projection
from ..network import Network
from ..rules import Explicit, FixedOutdegree, OneToOne
from . import draws, streams
from .decomposition import Decomposition
from .delivery import GRAIN_BITS, SLOT_BITS, WIDE, Synapses, synapses_by_source
from .dense import Dense
from .dense_connectivity import SecondSynapses, connect_dense, constant, plan_groups
from .pool import Pool, Shape, make_pool, sort_buckets
from .weights import WeightCode, plan_weights

SHORT = 6  # synapses of a segment, on average, from which on the index by delay pays
MOST_EMPTY = 0.3  # empty places for each synapse up to which grains of several synapses pay


@dataclass(frozen=True)
class Layout:
    """Where a local neuron is in the rows: shard lid // width, slot receptor * width + lid % width."""

    n_local: int
    width: int
    receptors: int

    @property
    def n_shards(self) -> int:
        return max(1, -(-self.n_local // self.width))


def plan_layout(n_local: int, receptors: int, block: int) -> Layout:
    """Shards of at most 65,536 slots, whole blocks of neurons each."""
    most = (1 << SLOT_BITS) // receptors // block * block
    width = min(most, -(-max(n_local, 1) // block) * block)
    return Layout(n_local, width, receptors)


# --- plan: what can be said from the description alone ----------------------------------------------------------------


def delays_in_use(network: Network) -> np.ndarray:
    """All delays (steps) that the projections can have, ascending int64."""
    found = [np.zeros(0, np.int64)]
    for projection in network.projections:
        if not isinstance(projection.delay, Distribution):
            found.append(np.atleast_1d(network.grid.steps(projection.delay, "delay")))
        else:
            first, cdf = delay_levels(network, projection)
            table = streams.quantile_table(first, cdf)
            found.append(table.first + np.arange(table.n_levels))
    return np.unique(np.concatenate(found))


def delay_levels(network: Network, projection: Projection) -> tuple[int, np.ndarray]:
    """A delay distribution rounded to the grid, halves upwards: first step and the distribution function by step."""
    dt, low_high = network.grid.dt_ms, projection.delay.support()
    first, last = max(1, round(low_high[0] / dt) - 1), round(low_high[1] / dt) + 1
    return first, projection.delay.cdf((np.arange(first, last + 1) + 0.5) * dt * (1 - 1e-12))


def delay_table(network: Network, projection: Projection, delays: np.ndarray):
    if isinstance(projection.delay, Distribution):
        table = streams.quantile_table(*delay_levels(network, projection))
    else:
        table = streams.quantile_table(int(network.grid.steps(projection.delay, "delay")), np.ones(1))
    slots = np.searchsorted(delays, table.first + np.arange(table.n_levels))
    return table, slots.astype(np.int32)


def n_expected(projection: Projection) -> int:
    """Synapses to be expected of a projection."""
    return round(projection.rule.expected(len(projection.source), len(projection.target)))


def in_table(network: Network) -> list[Projection]:
    """Projections that are not in bit matrices."""
    in_matrices = {number for group in plan_groups(network) for number in group.numbers}
    return [projection for number, projection in enumerate(network.projections) if number not in in_matrices]


def n_in_table(network: Network) -> int:
    """Synapses to be expected that are not in bit matrices."""
    return sum(map(n_expected, in_table(network)))


def plan_grain(network: Network, size: int, n_shards: int, delays: np.ndarray, by_source: bool) -> int:
    """Bits of the grains of a table: GRAIN_BITS where few places are empty, otherwise 0."""
    empty = size * empty_places(network, size, n_shards, delays, by_source)
    return GRAIN_BITS if 0 < empty < MOST_EMPTY * n_in_table(network) else 0


def empty_places(network: Network, size: int, n_shards: int, delays: np.ndarray, by_source: bool) -> int:
    """Places to be expected that fill up grains of several synapses, on each of `size` ranks: the segments of a
    population's neurons hold Poisson numbers of synapses, whose means differ with the delay."""
    means = {population.name: np.zeros(delays.size) for population in network.populations}
    for projection in in_table(network):
        source = projection.source.population
        means[source.name] += n_expected(projection) / max(1, source.n) * shares(network, projection, delays)
    total = 0.0
    for population in network.populations:
        mean = means[population.name]
        mean = mean.sum(keepdims=True) if by_source else mean
        total += population.n * n_shards * float(expected_filling(mean / size / n_shards).sum())
    return round(total)


def shares(network: Network, projection: Projection, delays: np.ndarray) -> np.ndarray:
    """Which share of a projection's synapses has each of the delays."""
    if isinstance(projection.delay, Distribution):
        table, slots = delay_table(network, projection, delays)
        return np.bincount(slots, np.diff(table.thresholds / 2**32, prepend=0.0), delays.size)
    steps = np.searchsorted(delays, np.atleast_1d(network.grid.steps(projection.delay, "delay")))
    return np.bincount(steps, minlength=delays.size) / max(1, steps.size)


def expected_filling(mean: np.ndarray) -> np.ndarray:
    """Mean of -N modulo the synapses of a grain for Poisson numbers N of these means: the distribution of N modulo a
    number is a sum over the roots of unity."""
    grain = 1 << GRAIN_BITS
    k = np.arange(grain)
    weights = (-k % grain) @ np.exp(-2j * np.pi * np.outer(k, k) / grain) / grain
    return (np.exp(np.multiply.outer(mean, np.exp(2j * np.pi * k / grain) - 1)) @ weights).real


# --- build ------------------------------------------------------------------------------------------------------------


def connect(
    network: Network,
    seed: int,
    layout: Layout,
    deal: Decomposition,
    is_two: np.ndarray,
    by_source: bool | None = None,
) -> tuple[Synapses, Dense]:
    """This rank's synapses: a table, and bit matrices for what is alike and dense.

    Parameters
    ----------
    is_two : bool, by population: whether excitatory and inhibitory input have receptors of their own.
    by_source : the layout of the table, by default what `goes_by_source` says.
    """
    key = streams.key(seed)
    dense, second = connect_dense(network, layout, deal, key, is_two)
    delays = delays_in_use(network)
    code = plan_weights(network)
    if by_source is None:
        by_source = goes_by_source(network.n, n_in_table(network) / deal.size, layout, delays)
    by_source = by_source and code.form != WIDE
    grain_bits = plan_grain(network, deal.size, layout.n_shards, delays, by_source)
    plan = Plan(network, layout, deal, key, delays, code, is_two, second, by_source, grain_bits)
    shards = [ShardBuilder(plan, shard) for shard in range(layout.n_shards)]
    most = np.array([shard.most_places for shard in shards], np.int64)
    if most.max() >= 2**32:
        raise ValueError(f"{most.max()} places for synapses in one shard: more than 2^32 - 1, use more ranks")
    slots = layout.receptors * layout.width
    words = np.empty(most.sum(), np.uint32)  # memory that is not written to is not taken
    codes = np.empty(most.sum() if code.form == WIDE else 0, np.uint32)
    delay_codes = np.empty(most.sum() if plan.by_source else 0, np.uint16)
    index = np.zeros((layout.n_shards, network.n * plan.segments + 1), np.uint32)
    base = np.zeros(layout.n_shards + 1, np.int64)
    for shard, builder in enumerate(shards):
        start = base[shard]
        base[shard + 1] = start + builder.build(words[start:], codes[start:], delay_codes[start:], index[shard])
    ring = ring_size(plan.delays) if plan.by_source else 1
    size = ring * layout.n_shards * slots
    table = Synapses(
        code.form,
        words[: base[-1]],
        codes[: base[-1]],
        delay_codes[: base[-1]],
        index,
        plan.grain_bits,
        plan.segments,
        base[:-1].copy(),
        plan.delays,
        code.palette,
        code.unit,
        np.zeros(size if code.fixed else 0, np.int32),
        np.zeros(0 if code.fixed else size),
        ring - 1,
        slots,
        layout.width,
    )
    return table, dense


def ring_size(delays: np.ndarray) -> int:
    """Rows that are filled at once where all synapses of a spike are delivered together: a power of 2."""
    return 1 << int(delays[-1] - delays[0]).bit_length() if delays.size else 1


def goes_by_source(n_sources: int, n_synapses: float, layout: Layout, delays: np.ndarray) -> bool:
    """Whether a table of `n_synapses` on each rank has an index by source and delays in the synapses.

    With segments of 8 synapses both layouts are as fast, with 2 this one takes half the time (microcircuit on 8 and 32
    ranks). It must not take much more memory than the other.
    """
    index = 4 * n_sources * layout.n_shards
    row = 8 * layout.receptors * layout.width * layout.n_shards
    by_delay = index * delays.size + row + 4 * n_synapses
    by_source = index + ring_size(delays) * row + 6 * n_synapses
    is_short = n_synapses < SHORT * n_sources * layout.n_shards * delays.size
    return 1 < delays.size <= 1 << 16 and is_short and by_source < 1.5 * by_delay


@dataclass(frozen=True)
class Plan:
    """What all shards share; is_two as in `connect`, second: what has no place in a bit matrix, by projection,
    by_source: as `goes_by_source` says, grain_bits as `plan_grain` does."""

    network: Network
    layout: Layout
    deal: Decomposition
    key: tuple[int, int]
    delays: np.ndarray
    code: WeightCode
    is_two: np.ndarray
    second: Mapping[int, SecondSynapses]
    by_source: bool
    grain_bits: int

    @property
    def segments(self) -> int:
        """Entries of the index for each source."""
        return 1 if self.by_source else self.delays.size

    def receptor_offset(self, number: int, weights: np.ndarray) -> np.ndarray:
        """Distance (int32) of the slot of each of `weights` (pA) of projection `number` from that of the neuron."""
        target = self.network.projections[number].target.population
        two = self.is_two[self.network.populations.index(target)]
        return np.where((weights < 0) & two, self.layout.width, 0).astype(np.int32)

    def draw(self, number: int) -> draws.Draw:
        """Sources, targets and tables of projection `number`."""
        projection = self.network.projections[number]
        source, target, rule = projection.source.indices, projection.target.indices, projection.rule
        delay, delay_slots = delay_table(self.network, projection, self.delays)
        weight, first = self.code.tables[number]
        return draws.Draw(
            number,
            source.start,
            source.step,
            len(source),
            projection.target.population.first + target.start,
            target.step,
            len(target),
            int(not getattr(rule, "allow_multapses", False)),
            int(not rule.allow_autapses),
            delay.thresholds,
            delay.guide,
            delay_slots,
            weight.thresholds,
            weight.guide,
            self.receptor_offset(number, self.code.values(number)),
            first,
        )


class ShardBuilder:
    """Builds the table of one shard: of the local neurons first_lid ... last_lid - 1."""

    def __init__(self, plan: Plan, shard: int) -> None:
        self.plan, self.network, self.deal = plan, plan.network, plan.deal
        first = shard * plan.layout.width
        last = min(first + plan.layout.width, plan.deal.n_local)
        self.kept = draws.Range(first, last, plan.deal.rank, plan.deal.size)
        self.parts = [self._part(number, p) for number, p in enumerate(self.network.projections)]
        self.n_synapses = sum(part.n for part in self.parts)

    @property
    def most_places(self) -> int:
        """What the table takes at most, the empty places of the grains included."""
        segments = self.network.n * self.plan.segments
        return self.n_synapses + ((1 << self.plan.grain_bits) - 1) * min(segments, self.n_synapses)

    def _part(self, number: int, projection: Projection):
        """The synapses of a projection onto this shard, counted but not yet made."""
        if number in self.plan.second:
            return Second(self, number, projection)
        if isinstance(projection.rule, Explicit | OneToOne):
            return Listed(self, number, projection)
        return (BySource if isinstance(projection.rule, FixedOutdegree) else ByTarget)(self, number, projection)

    def keeps(self, gids: np.ndarray) -> np.ndarray:
        """Positions of the gids that belong to this shard."""
        lids = self.deal.lids(gids)
        return np.flatnonzero(self.deal.local(gids) & (lids >= self.kept.first_lid) & (lids < self.kept.last_lid))

    def build(self, words: np.ndarray, codes: np.ndarray, delay_codes: np.ndarray, index: np.ndarray) -> int:
        """Fill this shard's part of the table, one source population after the other; the places it takes."""
        start, plan = 0, self.plan
        for population in self.network.populations:
            parts = [part for part in self.parts if part.projection.source.population is population]
            total = sum(part.n for part in parts)
            form = (plan.code.form == WIDE, plan.by_source, 1 << plan.grain_bits, plan.code.zero)
            pool, shape = make_pool(total, population.n, plan.delays.size, *form)
            for part in parts:
                part.make(pool, shape)
            segments = index[population.first * plan.segments :][: population.n * plan.segments]
            start = sort_buckets(pool, shape, start, segments, words, codes, delay_codes)
        index[-1] = start
        found = int(synapses_by_source(index, plan.segments, plan.grain_bits).sum())
        if found != self.n_synapses:
            raise RuntimeError(f"connectivity: {found} synapses in the table, {self.n_synapses} counted")
        return start


class ByTarget:
    """A projection drawn target by target."""

    def __init__(self, shard: ShardBuilder, number: int, projection: Projection) -> None:
        self.shard, self.number, self.projection = shard, number, projection
        self.targets = shard.keeps(projection.target.gids)
        self.indegree = draws.indegrees(projection, number, self.targets, shard.plan.key)
        self.n = int(self.indegree.sum(dtype=np.int64))

    def make(self, pool: Pool, shape: Shape) -> None:
        own = draws.own_positions(self.projection.source, self.projection.target)[self.targets]
        draw, key = self.shard.plan.draw(self.number), self.shard.plan.key
        draws.generate_by_target(pool, shape, draw, self.shard.kept, self.targets, own, self.indegree, *key)


class BySource:
    """A projection drawn source by source, counted by drawing it once without keeping it."""

    def __init__(self, shard: ShardBuilder, number: int, projection: Projection) -> None:
        self.shard, self.number, self.projection = shard, number, projection
        self.own = draws.own_positions(projection.target, projection.source)
        self.n = self._generate(False, *make_pool(0, 1, 1, False))

    def make(self, pool: Pool, shape: Shape) -> None:
        self._generate(True, pool, shape)

    def _generate(self, fill: bool, pool: Pool, shape: Shape) -> int:
        draw, plan = self.shard.plan.draw(self.number), self.shard.plan
        n = self.projection.rule.n
        return draws.generate_by_source(fill, pool, shape, draw, self.shard.kept, self.own, n, *plan.key)


class Second:
    """What of a projection has no place in a bit matrix; weight and delay are constant."""

    def __init__(self, shard: ShardBuilder, number: int, projection: Projection) -> None:
        self.shard, self.number, self.projection = shard, number, projection
        second, kept = shard.plan.second[number], shard.kept
        self.chosen = np.flatnonzero((second.lids >= kept.first_lid) & (second.lids < kept.last_lid))
        self.n = self.chosen.size

    def make(self, pool: Pool, shape: Shape) -> None:
        plan, second = self.shard.plan, self.shard.plan.second[self.number]
        code, weight = plan.code.tables[self.number][1], plan.code.values(self.number)
        delay = np.searchsorted(plan.delays, plan.network.grid.steps(constant(self.projection.delay), "delay"))
        slots = second.lids[self.chosen] - self.shard.kept.first_lid + plan.receptor_offset(self.number, weight)
        each = np.ones(self.n, np.int64)
        draws.add_listed(pool, shape, second.sources[self.chosen], delay * each, slots, code * each)


class Listed:
    """A projection given as pairs."""

    def __init__(self, shard: ShardBuilder, number: int, projection: Projection) -> None:
        self.shard, self.number, self.projection = shard, number, projection
        rule = projection.rule
        if isinstance(rule, OneToOne):
            each = np.arange(len(projection.target))
            rule = Explicit(each, each)
        gids = projection.target.gids
        self.rule, self.n_all = rule, rule.sources.size
        self.chosen = shard.keeps(gids[rule.targets]) if gids.size else np.zeros(0, np.int64)
        self.n = self.chosen.size

    def make(self, pool: Pool, shape: Shape) -> None:
        u = np.empty((4, self.n_all), np.uint32)
        streams.words_by_index(self.n_all, 0, 0, self.number, streams.SYNAPSE, *self.shard.plan.key, u)
        indices = self.projection.source.indices
        sources = indices.start + indices.step * self.rule.sources[self.chosen]
        gids = self.projection.target.gids[self.rule.targets[self.chosen]]
        codes, weights = self._weights(u[2])
        slots = self.shard.deal.lids(gids) - self.shard.kept.first_lid
        slots = slots + self.shard.plan.receptor_offset(self.number, weights[self.chosen])
        draws.add_listed(pool, shape, sources, self._delays(u[1])[self.chosen], slots, codes[self.chosen])

    def _delays(self, u: np.ndarray) -> np.ndarray:
        """Positions in the delays of all synapses of the list."""
        network, delays, delay = self.shard.network, self.shard.plan.delays, self.projection.delay
        if isinstance(delay, Distribution):
            table, slots = delay_table(network, self.projection, delays)
            return slots[np.searchsorted(table.thresholds, u)].astype(np.int64)
        steps = network.grid.steps(delay, "delay")
        return np.searchsorted(delays, np.broadcast_to(steps, self.n_all))

    def _weights(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes and weights (pA) of all synapses of the list."""
        code = self.shard.plan.code
        if code.tables[self.number] is None:
            weights = np.asarray(self.projection.weight, float)
            return code.code(weights), weights
        table, first = code.tables[self.number]
        levels = np.searchsorted(table.thresholds, u)
        return first + levels, code.values(self.number)[levels]
