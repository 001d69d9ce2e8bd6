"""Synapses given one by one: find those onto this rank's neurons, and write them to the table.

One pass over a list finds the edges onto each shard, as positions in the list; after it a rank looks at its own edges
only, a piece at a time. Where all synapses from a population are given, they need no pool: their segments are counted
in the index, and each synapse is written to its place, the last one first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...description.elements import Projection
from ...description.indices import progression
from ...description.rules import Explicit
from ..compiled.cache import njit
from ..step.decomposition import Decomposition
from ..step.layout import Layout
from .pool import fill_up, push, word_of
from .read_edges import OwnList

PIECE = 1 << 16  # edges handled at a time


class Edges(NamedTuple):
    """Synapses of one shard, in the order of their description.

    Attributes
    ----------
    sources : int64, counted in their population. delays : int64, positions in the delays that occur.
    slots : int64, in the row of the shard. codes : int64, weights : float64 (pA), one of them empty.
    """

    sources: np.ndarray
    delays: np.ndarray
    slots: np.ndarray
    codes: np.ndarray
    weights: np.ndarray


class OwnEdges(NamedTuple):
    """Edges of a list onto this rank's neurons.

    Attributes
    ----------
    sources, targets : of the whole list, or, of a file, of the own edges; 0-based in their selection.
    positions : uint32, of the own edges in the list, ascending within a shard. begin : int64 (shards + 1,), where the
        positions of each shard begin.
    weights : float64 (pA), delays : int16 (steps), of the list; None where they are not listed.
    rows : uint32, numbers of the edges of a file for what is drawn; None where they are the positions.
    """

    sources: np.ndarray
    targets: np.ndarray
    positions: np.ndarray
    begin: np.ndarray
    weights: np.ndarray | None
    delays: np.ndarray | None
    rows: np.ndarray | None

    def of_shard(self, shard: int) -> np.ndarray:
        return self.positions[self.begin[shard] : self.begin[shard + 1]]


def own_edges(projection: Projection, deal: Decomposition, layout: Layout, read: OwnList | None) -> OwnEdges:
    """Find the edges of a projection whose synapses are given that lead to this rank's neurons; `read` holds those of
    a file."""
    rule, n = projection.rule, len(projection.target)
    weights, delays, rows = projection.weight, projection.delay_steps, None
    if read is not None:
        sources, targets = read.sources, read.targets
        weights, delays = read.weights if read.weights.size else weights, read.delays if read.delays.size else delays
        rows = read.rows if read.rows.size else None
    elif isinstance(rule, Explicit):
        sources, targets = rule.sources, rule.targets
    else:
        sources = targets = np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)
    shards, place = np.empty(n, np.int32), (deal.rank, deal.size, layout.width, layout.n_shards)
    first, step, numbers = progression(projection.target.indices)
    find_shards(projection.target.population.first + first, step, numbers, *place, shards)
    counts = np.zeros(layout.n_shards + 1, np.int64)  # the last one: on other ranks
    count_by_shard(targets, shards, counts)
    begin = np.cumsum(counts) - counts
    positions = np.empty(begin[-1], np.uint32)
    sort_by_shard(targets, shards, begin.copy(), positions)
    listed_weights = weights if isinstance(weights, np.ndarray) else None
    listed_delays = delays if isinstance(delays, np.ndarray) else None
    return OwnEdges(sources, targets, positions, begin, listed_weights, listed_delays, rows)


@njit(cache=True)
def find_shards(first, step, numbers, rank, size, width, elsewhere, shards):
    """Set the shard of each target, or `elsewhere` on other ranks; targets are gids as in `indices.progression`."""
    for k in range(shards.size):
        gid = first + step * (numbers[k] if numbers.size else k)
        shards[k] = gid // size // width if gid % size == rank else elsewhere


@njit(cache=True)
def count_by_shard(targets, shards, counts):
    for k in range(targets.size):
        counts[shards[targets[k]]] += 1


@njit(cache=True)
def sort_by_shard(targets, shards, cursor, positions):
    for k in range(targets.size):
        shard = shards[targets[k]]
        if shard < cursor.size - 1:
            positions[cursor[shard]] = k
            cursor[shard] += 1


# --- into the table ---------------------------------------------------------------------------------------------------


@njit(cache=True)
def push_edges(pool, shape, edges):
    """Append synapses to the pool."""
    for k in range(edges.sources.size):
        code = edges.codes[k] if edges.codes.size else 0
        weight = edges.weights[k] if shape.wide else 0.0
        push(pool, shape, edges.sources[k], edges.delays[k], edges.slots[k], code, weight)


@njit(cache=True)
def count_edges(shape, sources, delays, index):
    """Count synapses by segment in `index`."""
    for k in range(sources.size):
        index[segment_of(shape, sources[k], delays[k])] += np.uint32(1)


@njit(inline="always")
def segment_of(shape, source, delay):
    return source if shape.by_source else source * shape.n_delays + delay


@njit(cache=True)
def ends_of_segments(shape, start, index):
    """Turn counts in `index` into the ends of segments of whole grains from `start` on; return the last end."""
    for segment in range(index.size):
        count = np.int64(index[segment])
        start += count + -count % shape.grain
        index[segment] = start
    return start


@njit(cache=True)
def place_edges(shape, edges, index, words, weights, delay_codes):
    """Write synapses in front of those already placed; `index` holds where each segment begins so far."""
    for k in range(edges.sources.size - 1, -1, -1):
        segment = segment_of(shape, edges.sources[k], edges.delays[k])
        at = np.int64(index[segment]) - 1
        index[segment] = at
        if shape.wide:
            words[at], weights[at] = edges.slots[k], edges.weights[k]
        else:
            words[at] = word_of(edges.slots[k], edges.codes[k])
        if shape.by_source:
            delay_codes[at] = edges.delays[k]


@njit(cache=True)
def finish_segments(shape, end, index, words, weights, delay_codes):
    """Sort each segment by delay where the index is by source, and pad its first grain; the last ends at `end`."""
    for segment in range(index.size):
        first = np.int64(index[segment])
        following = end
        if segment + 1 < index.size:
            following = np.int64(index[segment + 1]) // shape.grain * shape.grain
        if shape.by_source:
            sort_by_delay(first, following, shape, words, weights, delay_codes)
        fill_up(first, following, shape, words, weights, delay_codes)


@njit()
def sort_by_delay(first, end, shape, words, weights, delay_codes):
    """Sort the synapses first ... end - 1 by delay; those with the same keep their order."""
    is_sorted = True
    for k in range(first + 1, end):
        is_sorted &= delay_codes[k - 1] <= delay_codes[k]
    if is_sorted:
        return
    order = np.argsort(delay_codes[first:end], kind="mergesort")
    words[first:end] = words[first:end][order]
    delay_codes[first:end] = delay_codes[first:end][order]
    if shape.wide:
        weights[first:end] = weights[first:end][order]
