"""From projections to this rank's synapse table.

Every rank draws only the synapses onto its own neurons: indegrees by `streams.split_over_targets`, then source, delay
and weight of synapse k of a target from one Philox block keyed by (projection, target, k). Synapses are written once,
into buckets of neighbouring sources, and each bucket, small enough for the cache, is sorted into its part of the
table: no scatter over the whole memory, no second generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from ..network import Network, Population, Projection
from ..rules import Explicit
from . import streams
from .decomposition import Decomposition
from .delivery import SLOT_BITS, WIDE, Synapses
from .weights import WeightCode, plan_weights

CHUNK = 1024  # entries of a bucket's pool that are taken at a time
BUCKET = 1 << 17  # synapses a bucket aims at
DRAW = 512  # synapses drawn at a time


class Pool(NamedTuple):
    """Entries (key << 32 | word, code) of one source population in chains of chunks, one chain a bucket."""

    entries: np.ndarray
    codes: np.ndarray
    following: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    fill: np.ndarray
    used: np.ndarray


class Shape(NamedTuple):
    """What is common to the synapses of one source population: sources a bucket (as a shift), number of delays."""

    shift: int
    n_delays: int
    wide: int


class Draw(NamedTuple):
    """How the synapses of a projection are drawn: sources, and the tables of delay and weight."""

    source_first: int
    source_step: int
    n_sources: int
    delay_thresholds: np.ndarray
    delay_guide: np.ndarray
    delay_slots: np.ndarray
    weight_thresholds: np.ndarray
    weight_guide: np.ndarray
    weight_slots: np.ndarray
    weight_first: int


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
        if not _is_distribution(projection.delay):
            found.append(np.atleast_1d(network.grid.steps(projection.delay, "delay")))
        else:
            first, cdf = delay_levels(network, projection)
            table = streams.quantile_table(first, cdf)
            found.append(table.first + np.arange(table.n_levels))
    return np.unique(np.concatenate(found))


def _is_distribution(value) -> bool:
    return hasattr(value, "cdf")


def delay_levels(network: Network, projection: Projection) -> tuple[int, np.ndarray]:
    """A delay distribution rounded to the grid: first step and the distribution function at each step."""
    dt, low_high = network.grid.dt_ms, projection.delay.support()
    first, last = max(1, round(low_high[0] / dt) - 1), round(low_high[1] / dt) + 1
    return first, projection.delay.cdf((np.arange(first, last + 1) + 0.5) * dt)


def _delay_table(network: Network, projection: Projection, delays: np.ndarray):
    if _is_distribution(projection.delay):
        table = streams.quantile_table(*delay_levels(network, projection))
    else:
        table = streams.quantile_table(int(network.grid.steps(projection.delay, "delay")), np.ones(1))
    slots = np.searchsorted(delays, table.first + np.arange(table.n_levels))
    return table, slots.astype(np.int32)


# --- build ------------------------------------------------------------------------------------------------------------


def connect(network: Network, seed: int, layout: Layout, deal: Decomposition, is_two: np.ndarray) -> Synapses:
    """This rank's synapse table.

    Parameters
    ----------
    is_two : bool, by population: whether excitatory and inhibitory input have receptors of their own.
    """
    delays = delays_in_use(network)
    code = plan_weights(network)
    builders = [_Builder(network, seed, layout, deal, delays, code, is_two, shard) for shard in range(layout.n_shards)]
    totals = np.array([builder.n_synapses for builder in builders], np.int64)
    if totals.size and totals.max() >= 2**32:
        raise ValueError(f"{totals.max()} synapses in one shard: more than 2^32 - 1, use more ranks")
    base = np.concatenate([[0], np.cumsum(totals)])
    words = np.empty(base[-1], np.uint32)
    codes = np.empty(base[-1] if code.form == WIDE else 0, np.uint32)
    index = np.zeros((layout.n_shards, network.n * delays.size + 1), np.uint32)
    for shard, builder in enumerate(builders):
        part = slice(base[shard], base[shard + 1])
        builder.build(words[part], codes[part] if codes.size else codes, index[shard])
    slots = (layout.n_shards, layout.receptors, layout.width)
    empty = (layout.n_shards, layout.receptors, 0)
    row_fixed = np.zeros(slots if code.fixed else empty, np.int32)
    row = np.zeros(empty if code.fixed else slots)
    return Synapses(code.form, words, codes, index, base[:-1].copy(), delays, code.palette, code.unit, row_fixed, row)


class _Builder:
    """Builds the table of one shard."""

    def __init__(self, network, seed, layout, deal, delays, code: WeightCode, is_two, shard) -> None:
        self.network, self.layout, self.deal, self.delays, self.code = network, layout, deal, delays, code
        self.key, self.is_two = streams.key(seed), is_two
        self.lids = (shard * layout.width, min((shard + 1) * layout.width, deal.n_local))
        self.plans = [self._plan(number, p) for number, p in enumerate(network.projections)]
        self.n_synapses = sum(plan[-1] for plan in self.plans)

    def _plan(self, number: int, projection: Projection):
        """(lids, their indegrees, n) of a random projection; (None, synapses chosen, n) of an explicit one."""
        target = projection.target
        if isinstance(projection.rule, Explicit):
            gids = target.gids[projection.rule.targets] if len(target) else projection.rule.targets
            chosen = np.flatnonzero(self.deal.local(gids) & self._in_shard(self.deal.lids(gids)))
            return None, chosen, chosen.size
        gids = target.gids
        mine = np.flatnonzero(self.deal.local(gids) & self._in_shard(self.deal.lids(gids)))
        indegree = np.zeros(mine.size, np.int32)
        streams.split_over_targets(projection.rule.n, len(target), mine, number, *self.key, indegree)
        return self.deal.lids(gids[mine]), indegree, int(indegree.sum(dtype=np.int64))

    def _in_shard(self, lids: np.ndarray) -> np.ndarray:
        return (lids >= self.lids[0]) & (lids < self.lids[1])

    def build(self, words: np.ndarray, codes: np.ndarray, index: np.ndarray) -> None:
        """Fill this shard's part of the table, one source population after the other."""
        start = 0
        for population in self.network.populations:
            numbers = [n for n, p in enumerate(self.network.projections) if p.source.population is population]
            total = sum(self.plans[number][-1] for number in numbers)
            if total:
                pool, shape = make_pool(total, population.n, self.delays.size, self.code.form == WIDE)
                for number in numbers:
                    self._generate(number, population, pool, shape)
            else:
                pool, shape = make_pool(0, population.n, self.delays.size, False)
            part = index[population.first * self.delays.size :][: population.n * self.delays.size]
            start = sort_buckets(pool, shape, start, part, words, codes)
        index[-1] = start
        if start != self.n_synapses:
            raise RuntimeError(f"connectivity: {start} synapses in the table, {self.n_synapses} drawn")

    def _generate(self, number: int, population: Population, pool: Pool, shape: Shape) -> None:
        projection = self.network.projections[number]
        two = bool(self.is_two[self.network.populations.index(projection.target.population)])
        if isinstance(projection.rule, Explicit):
            self._list_synapses(number, projection, two, pool, shape)
            return
        lids, indegree, _ = self.plans[number]
        table, delay_slots = _delay_table(self.network, projection, self.delays)
        weight, first = self.code.tables[number]
        values = self.code.values(number)
        indices = projection.source.indices
        draw = Draw(
            indices.start,
            indices.step,
            len(indices),
            table.thresholds,
            table.guide,
            delay_slots,
            weight.thresholds,
            weight.guide,
            self._receptor_offset(values, two).astype(np.int32),
            first,
        )
        rank, size = self.deal.rank, self.deal.size
        generate(pool, shape, draw, lids, indegree, self.lids[0], rank, size, number, *self.key)

    def _list_synapses(self, number: int, projection: Projection, two: bool, pool: Pool, shape: Shape) -> None:
        rule, chosen = projection.rule, self.plans[number][1]
        n = rule.sources.size
        u = np.empty((4, n), np.uint32)
        streams.words_by_index(n, 0, 0, number, streams.SYNAPSE, *self.key, u)
        indices = projection.source.indices
        sources = indices.start + indices.step * rule.sources[chosen]
        lids = self.deal.lids(projection.target.gids[rule.targets[chosen]]) - self.lids[0]
        delays = self._listed_delays(projection, n, u[1])[chosen]
        codes, weights = self._listed_weights(number, projection, n, u[2])
        slots = lids + self._receptor_offset(weights[chosen], two)
        add_listed(pool, shape, sources, delays, slots, codes[chosen])

    def _listed_delays(self, projection: Projection, n: int, u: np.ndarray) -> np.ndarray:
        """Positions in `delays` of the n synapses of a list."""
        if _is_distribution(projection.delay):
            table, slots = _delay_table(self.network, projection, self.delays)
            return slots[np.searchsorted(table.thresholds, u)].astype(np.int64)
        steps = np.broadcast_to(self.network.grid.steps(projection.delay, "delay"), n)
        return np.searchsorted(self.delays, steps)

    def _listed_weights(self, number: int, projection: Projection, n: int, u: np.ndarray):
        """Codes and weights (pA) of the n synapses of a list."""
        if self.code.tables[number] is None:
            weights = np.asarray(projection.weight, float)
            return self.code.code(weights), weights
        table, first = self.code.tables[number]
        levels = np.searchsorted(table.thresholds, u)
        return first + levels, self.code.values(number)[levels]

    def _receptor_offset(self, weights: np.ndarray, two: bool) -> np.ndarray:
        return np.where((weights < 0) & two, self.layout.width, 0)


def make_pool(total: int, n_sources: int, n_delays: int, wide: bool) -> tuple[Pool, Shape]:
    shift = 0
    while (1 << shift) * max(total, 1) < BUCKET * n_sources and (1 << shift) < n_sources:
        shift += 1
    n_buckets = -(-n_sources >> shift) + 1
    n_chunks = total // CHUNK + n_buckets + 1
    pool = Pool(
        np.empty(n_chunks * CHUNK if total else 0, np.uint64),
        np.empty(n_chunks * CHUNK if wide and total else 0, np.uint32),
        np.full(n_chunks, -1, np.int64),
        np.full(n_buckets, -1, np.int64),
        np.full(n_buckets, -1, np.int64),
        np.full(n_buckets, CHUNK, np.int64),
        np.zeros(1, np.int64),
    )
    return pool, Shape(shift, n_delays, int(wide))


@njit(inline="always")
def push(pool, shape, source, delay, slot, code):
    """Append a synapse to the bucket of its source."""
    bucket = source >> shape.shift
    fill = pool.fill[bucket]
    if fill == CHUNK:
        chunk = pool.used[0]
        pool.used[0] = chunk + 1
        if pool.head[bucket] < 0:
            pool.head[bucket] = chunk
        else:
            pool.following[pool.tail[bucket]] = chunk
        pool.tail[bucket] = chunk
        fill = 0
    at = pool.tail[bucket] * CHUNK + fill
    pool.fill[bucket] = fill + 1
    key = (source - (bucket << shape.shift)) * shape.n_delays + delay
    if shape.wide:
        pool.codes[at] = np.uint32(code)
        pool.entries[at] = (np.uint64(key) << np.uint64(32)) | np.uint64(slot)
    else:
        word = np.uint64(np.uint32(slot)) | (np.uint64(np.uint32(code) & np.uint32(0xFFFF)) << np.uint64(SLOT_BITS))
        pool.entries[at] = (np.uint64(key) << np.uint64(32)) | word


@njit(cache=True)
def generate(pool, shape, draw, lids, indegree, first_lid, rank, size, projection, k0, k1):
    """Draw the synapses of the targets `lids`: indegree[i] of them onto lids[i], sources with replacement."""
    u = np.empty((4, DRAW), np.uint32)
    n_sources = np.uint64(draw.n_sources)
    for i in range(lids.size):
        slot, gid = lids[i] - first_lid, lids[i] * size + rank
        for start in range(0, indegree[i], DRAW):
            n = min(DRAW, indegree[i] - start)
            streams.words_by_index(n, gid, start, projection, streams.SYNAPSE, k0, k1, u)
            for k in range(n):
                # u0 and u3 are one 64-bit number: the upper word of its product with n_sources
                low = (np.uint64(u[3, k]) * n_sources) >> np.uint64(32)
                which = np.int64((np.uint64(u[0, k]) * n_sources + low) >> np.uint64(32))
                source = draw.source_first + draw.source_step * which
                d = streams.level(u[1, k], draw.delay_thresholds, 0, draw.delay_guide, 0)
                w = streams.level(u[2, k], draw.weight_thresholds, 0, draw.weight_guide, 0)
                to = slot + draw.weight_slots[w]
                push(pool, shape, source, np.int64(draw.delay_slots[d]), to, draw.weight_first + w)


@njit(cache=True)
def add_listed(pool, shape, sources, delays, slots, codes):
    for k in range(sources.size):
        push(pool, shape, sources[k], delays[k], slots[k], codes[k])


@njit(cache=True)
def sort_buckets(pool, shape, start, index, words, codes):
    """Move the buckets' synapses to words[start:], sorted by (source, delay); `index` gets where each segment
    begins."""
    width = (1 << shape.shift) * shape.n_delays
    cursor = np.empty(width, np.int64)
    for bucket in range(pool.head.size):
        first = bucket * width
        n = min(width, index.size - first)
        if n <= 0:
            break
        cursor[:n] = 0
        for passing in range(2):
            chunk = pool.head[bucket]
            while chunk >= 0:
                last = pool.fill[bucket] if chunk == pool.tail[bucket] else CHUNK
                for at in range(chunk * CHUNK, chunk * CHUNK + last):
                    key = np.int64(pool.entries[at] >> np.uint64(32))
                    if passing == 0:
                        cursor[key] += 1
                    else:
                        words[cursor[key]] = np.uint32(pool.entries[at])
                        if shape.wide:
                            codes[cursor[key]] = pool.codes[at]
                        cursor[key] += 1
                chunk = pool.following[chunk]
            if passing == 0:
                for key in range(n):
                    count = cursor[key]
                    cursor[key] = start
                    index[first + key] = start
                    start += count
    return start
