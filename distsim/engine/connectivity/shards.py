"""The table of one shard: the synapses of each projection onto it, counted, then drawn, then sorted into place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...description.edge_files import EdgeFile
from ...description.elements import Projection
from ...description.in_space import InSpace
from ...description.indices import numbers_at, progression
from ...description.rules import Drawn, Explicit, FixedOutdegree, OneToOne
from ..random import streams
from ..step.decomposition import Decomposition
from ..step.delivery import synapses_by_source
from ..step.layout import receptor_of
from . import draws, edges
from .build_dense import Second, delay_steps
from .draw_in_space import owners_of
from .pairs_in_space import words_of_pairs
from .pool import Pool, Shape, make_pool, make_shape, sort_buckets
from .read_edges import Lists
from .synapse_plan import delay_table
from .table_plan import TablePlan

GIVEN = (Explicit, OneToOne, EdgeFile, InSpace)  # rules whose synapses are listed


@dataclass(frozen=True)
class BuildContext:
    """Tables that all shards of a rank share while they are built.

    Attributes
    ----------
    plan : TablePlan
        How synapses are kept.
    deal : Decomposition
        Which neurons are this rank's.
    key : tuple of int
        The key of the random numbers.
    second : Second
        Synapses that have no place in a bit matrix, by projection.
    lists : Lists
        Edges of files onto this rank's neurons, by projection.
    """

    plan: TablePlan
    deal: Decomposition
    key: tuple[int, int]
    second: Second
    lists: Lists = field(default_factory=dict)

    @cached_property
    def own(self) -> dict[int, edges.OwnEdges]:
        """The edges of each list that lead to this rank's neurons, by projection."""
        projections = self.plan.network.projections
        listed = [(k, p) for k, p in enumerate(projections) if isinstance(p.rule, GIVEN)]
        layout, lists = self.plan.layout, self.lists
        return {number: edges.own_edges(p, self.deal, layout, lists.get(number)) for number, p in listed}

    @cached_property
    def counts_by_source(self) -> dict[int, np.ndarray]:
        """Synapses onto each shard (int64) of projections drawn source by source, counted by drawing them once."""
        found = {}
        for number, projection in enumerate(self.plan.network.projections):
            if isinstance(projection.rule, FixedOutdegree):
                found[number] = np.zeros(self.plan.layout.n_shards, np.int64)
                kept = draws.Range(0, self.deal.n_local, self.deal.rank, self.deal.size)
                self.draw_by_source(number, kept, found[number], False, *make_pool(0, 1, 1, False))
        return found

    def draw_by_source(
        self, number: int, kept: draws.Range, counts: np.ndarray, fill: bool, pool: Pool, shape: Shape
    ) -> None:
        projection, width = self.plan.network.projections[number], self.plan.layout.width
        own = draws.own_positions(projection.target, projection.source)
        assert isinstance(projection.rule, FixedOutdegree)
        draw, n = self.draw(number), projection.rule.n
        draws.generate_by_source(fill, pool, shape, draw, kept, width, counts, own, n, *self.key)

    def receptor_offset(self, number: int, weights: np.ndarray) -> np.ndarray:
        """Distance (int32) of the slot of each of `weights` (pA) of projection `number` from that of the neuron."""
        projection = self.plan.network.projections[number]
        n_receptors = self.plan.receptors[self.plan.network.populations.index(projection.target.population)]
        receptor = receptor_of(weights, n_receptors, projection.receptor)
        return (receptor * self.plan.layout.width).astype(np.int32)

    def draw(self, number: int) -> draws.Draw:
        """Sources, targets and tables of projection `number`."""
        projection = self.plan.network.projections[number]
        source, target, rule = projection.source, projection.target, projection.rule
        target_first, target_step, target_numbers = progression(target.indices)
        delay, delay_slots = delay_table(self.plan.network, projection, self.plan.delays)
        (weight, first), values = self.plan.code.table(number), self.plan.code.values(number)
        assert isinstance(rule, Drawn)
        return draws.Draw(
            number,
            *progression(source.indices),
            len(source),
            target.population.first + target_first,
            target_step,
            target_numbers,
            len(target),
            int(not getattr(rule, "allow_multapses", False)),
            int(not rule.allow_autapses),
            delay.thresholds,
            delay.guide,
            delay_slots,
            weight.thresholds,
            weight.guide,
            self.receptor_offset(number, values),
            first,
            values,
        )


class ShardBuilder:
    """Builds the table of one shard: of the local neurons first_lid ... last_lid - 1."""

    def __init__(self, context: BuildContext, shard: int) -> None:
        self.context, self.plan, self.number = context, context.plan, shard
        self.network, self.deal = self.plan.network, context.deal
        first = shard * self.plan.layout.width
        last = min(first + self.plan.layout.width, self.deal.n_local)
        self.kept = draws.Range(first, last, self.deal.rank, self.deal.size)
        self.parts = [self._part(number, p) for number, p in enumerate(self.network.projections)]
        self.n_synapses = sum(part.n for part in self.parts)

    @property
    def most_places(self) -> int:
        """Return the most places that the table takes, the empty places of the grains included."""
        segments = self.network.n * self.plan.segments
        return self.n_synapses + ((1 << self.plan.grain_bits) - 1) * min(segments, self.n_synapses)

    def _part(self, number: int, projection: Projection) -> ByTarget | BySource | Given:
        """The synapses of a projection onto this shard, counted but not yet made."""
        if number in self.context.second:
            return SecondSynapses(self, number, projection)
        if isinstance(projection.rule, GIVEN):
            return (ListedInSpace if isinstance(projection.rule, InSpace) else Listed)(self, number, projection)
        return (BySource if isinstance(projection.rule, FixedOutdegree) else ByTarget)(self, number, projection)

    def keeps(self, gids: np.ndarray) -> np.ndarray:
        """Positions of the gids that belong to this shard."""
        lids = self.deal.lids(gids)
        return np.flatnonzero(self.deal.local(gids) & (lids >= self.kept.first_lid) & (lids < self.kept.last_lid))

    def build(self, words: np.ndarray, weights: np.ndarray, delay_codes: np.ndarray, index: np.ndarray) -> int:
        """Fill this shard's part of the table, one source population after the other; the places it takes."""
        start, plan, table = 0, self.plan, (words, weights, delay_codes)
        for population in self.network.populations:
            parts = [part for part in self.parts if part.projection.source.population is population and part.n]
            segments = index[population.first * plan.segments :][: population.n * plan.segments]
            form = (plan.is_wide, plan.by_source, 1 << plan.grain_bits, plan.code.zero)
            given = [part for part in parts if isinstance(part, Given)]
            if len(given) == len(parts):
                shape = make_shape(0, plan.delays.size, *form)
                start = self._place(given, shape, start, segments, *table)
                continue
            pool, shape = make_pool(sum(part.n for part in parts), population.n, plan.delays.size, *form)
            for part in parts:
                part.make(pool, shape)
            start = sort_buckets(pool, shape, start, segments, *table)
        index[-1] = start
        found = int(synapses_by_source(index, plan.segments, plan.grain_bits).sum())
        if found != self.n_synapses:
            raise RuntimeError(f"connectivity: {found} synapses in the table, {self.n_synapses} counted")
        return start

    def _place(self, parts: list[Given], shape: Shape, start: int, index: np.ndarray, *table: np.ndarray) -> int:
        """Write the synapses of `parts`, all of those from a population, to the table; where they end."""
        for part in parts:
            for chosen in part.cut():
                edges.count_edges(shape, *part.ends(chosen), index)
        end: int = edges.ends_of_segments(shape, start, index)
        for part in reversed(parts):
            for chosen in part.cut(backwards=True):
                edges.place_edges(shape, part.synapses(chosen), index, *table)
        edges.finish_segments(shape, end, index, *table)
        return end


class ByTarget:
    """A projection drawn target by target."""

    def __init__(self, shard: ShardBuilder, number: int, projection: Projection) -> None:
        self.shard, self.number, self.projection = shard, number, projection
        self.targets = shard.keeps(projection.target.gids)
        self.indegree = draws.indegrees(projection, number, self.targets, shard.context.key)
        self.n = int(self.indegree.sum(dtype=np.int64))

    def make(self, pool: Pool, shape: Shape) -> None:
        own = draws.own_positions(self.projection.source, self.projection.target)[self.targets]
        draw, key = self.shard.context.draw(self.number), self.shard.context.key
        draws.generate_by_target(pool, shape, draw, self.shard.kept, self.targets, own, self.indegree, *key)


class BySource:
    """A projection drawn source by source."""

    def __init__(self, shard: ShardBuilder, number: int, projection: Projection) -> None:
        self.shard, self.number, self.projection = shard, number, projection
        self.n = int(shard.context.counts_by_source[number][shard.number])

    def make(self, pool: Pool, shape: Shape) -> None:
        self.shard.context.draw_by_source(self.number, self.shard.kept, np.zeros(1, np.int64), True, pool, shape)


class Given:
    """Synapses that are given one by one, looked at a piece at a time.

    Attributes
    ----------
    chosen : what stands for the synapses, in their order; n of them in all.
    """

    chosen: list[np.ndarray]

    def __init__(self, shard: ShardBuilder, number: int, projection: Projection) -> None:
        self.shard, self.number, self.projection = shard, number, projection
        self.chosen = self.choose()
        self.n = sum(part.shape[-1] for part in self.chosen)

    def choose(self) -> list[np.ndarray]:
        """Find the synapses onto this shard."""
        raise NotImplementedError

    def ends(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return sources and delays, see `Edges`, of the synapses that `chosen`, a part of self.chosen, stands for."""
        raise NotImplementedError

    def synapses(self, chosen: np.ndarray) -> edges.Edges:
        """Return these synapses."""
        raise NotImplementedError

    def cut(self, backwards: bool = False) -> Iterator[np.ndarray]:
        """Yield self.chosen in pieces, from the first to the last or backwards."""
        turn = reversed if backwards else iter
        for part in turn(self.chosen):
            for start in turn(range(0, part.shape[-1], edges.PIECE)):
                yield part[..., start : start + edges.PIECE]

    def make(self, pool: Pool, shape: Shape) -> None:
        for chosen in self.cut():
            edges.push_edges(pool, shape, self.synapses(chosen))

    def onto(
        self, lids: np.ndarray, ends: tuple[np.ndarray, np.ndarray], codes: np.ndarray | None, weights: np.ndarray
    ) -> edges.Edges:
        """Return synapses onto local neurons `lids` with sources and delays `ends`; `weights` in pA."""
        slots = lids - self.shard.kept.first_lid + self.shard.context.receptor_offset(self.number, weights)
        if codes is None or self.shard.plan.is_wide:
            return edges.Edges(*ends, slots, np.zeros(0, np.int64), weights)
        return edges.Edges(*ends, slots, codes, np.zeros(0))


class SecondSynapses(Given):
    """Repeat synapses, which one bit cannot represent; weight and delay are constant."""

    def choose(self) -> list[np.ndarray]:
        return self.shard.context.second[self.number].get(self.shard.number, [])

    def ends(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        plan = self.shard.plan
        delay = np.searchsorted(plan.delays, delay_steps(plan.network, self.projection.delay))
        return chosen[0].astype(np.int64), np.full(chosen.shape[1], delay, np.int64)

    def synapses(self, chosen: np.ndarray) -> edges.Edges:
        (_, code), weight = self.shard.plan.code.table(self.number), self.shard.plan.code.values(self.number)
        each = np.ones(chosen.shape[1], np.int64)
        return self.onto(chosen[1].astype(np.int64), self.ends(chosen), each * code, each * weight)


class Listed(Given):
    """A projection given as pairs."""

    def choose(self) -> list[np.ndarray]:
        self.own = self.shard.context.own[self.number]
        if self.projection.delay_steps is None:
            self.delay_table = delay_table(self.shard.network, self.projection, self.shard.plan.delays)
        return [self.own.of_shard(self.shard.number)]

    def ends(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return numbers_at(self.projection.source.indices, self.own.sources[chosen]), self._delays(chosen)

    def synapses(self, chosen: np.ndarray) -> edges.Edges:
        target = self.projection.target
        gids = target.population.first + numbers_at(target.indices, self.own.targets[chosen])
        return self.onto(self.shard.deal.lids(gids), self.ends(chosen), *self._weights(chosen))

    def _words(self, chosen: np.ndarray) -> np.ndarray:
        """Random words of each synapse, uint32 (4, n)."""
        chosen = chosen if self.own.rows is None else self.own.rows[chosen]
        u = np.empty((4, chosen.size), np.uint32)
        streams.words_of_indices(chosen, 0, self.number, streams.SYNAPSE, *self.shard.context.key, u)
        return u

    def _delays(self, chosen: np.ndarray) -> np.ndarray:
        """Positions in the delays that occur."""
        steps = self.projection.delay_steps
        if steps is None:
            table, slots = self.delay_table
            positions: np.ndarray = slots[np.searchsorted(table.thresholds, self._words(chosen)[1])]
            return positions.astype(np.int64)
        if self.own.delays is None:
            return np.full(chosen.size, np.searchsorted(self.shard.plan.delays, int(steps)))  # type: ignore[arg-type]
        listed: np.ndarray = self.own.delays[chosen]
        return np.searchsorted(self.shard.plan.delays, listed)

    def _weights(self, chosen: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
        """Codes, where there are any, and weights (pA)."""
        code = self.shard.plan.code
        if self.own.weights is not None:
            weights = self.own.weights[chosen]
            return None if self.shard.plan.is_wide else code.code(weights), weights
        table, first = code.table(self.number)
        if table.n_levels == 1:
            levels = np.zeros(chosen.size, np.int64)
        else:
            levels = np.searchsorted(table.thresholds, self._words(chosen)[2])
        return first + levels, code.values(self.number)[levels]


class ListedInSpace(Listed):
    """A projection drawn in space; what is drawn for a synapse belongs to the neuron that chose it."""

    def _words(self, chosen: np.ndarray) -> np.ndarray:
        rule, own, u = self.projection.rule, self.own, np.empty((4, chosen.size), np.uint32)
        assert isinstance(rule, InSpace) and own.rows is not None
        ends = own.sources[chosen], own.targets[chosen]
        owners = owners_of(rule, self.projection.source, self.projection.target, ends)
        words_of_pairs(own.rows[chosen], owners, self.number, *self.shard.context.key, u)
        return u
