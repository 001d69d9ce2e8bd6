"""The table of one shard: the synapses of each projection onto it, counted, then drawn, then sorted into place."""

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
from .delivery import WIDE, synapses_by_source
from .dense_connectivity import SecondSynapses, delay_steps
from .layout import Layout
from .pool import Pool, Shape, make_pool, sort_buckets
from .synapse_plan import delay_table
from .weights import WeightCode


@dataclass(frozen=True)
class Plan:
    """What all shards share; is_two as in `connectivity.connect`, second: what has no place in a bit matrix, by
    projection, by_source: as `layout.goes_by_source` says, grain_bits as `grains.plan_grain` does."""

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
        delay = np.searchsorted(plan.delays, delay_steps(plan.network, self.projection.delay))
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
