"""From spikes to the input of this rank's neurons.

Synapses are sorted by (source, delay, target). Spikes are kept for as long as the longest delay, and each step delivers
just the segments that are due in it ("pull by delay"): all writes of a step go to one row of local neurons that stays
in the L2 cache, and since the segments are known beforehand, index and synapses are prefetched a few segments ahead.

A synapse is one 32-bit word: the lower half is its slot (receptor and target in the row), the upper half the code of
its weight. Local neurons are cut into shards so that 16 bits are enough for a slot on any number of ranks.

    FIXED    code = weight in `unit`s, signed; the row is an integer sum, which no order of events can change.
    PALETTE  code = position in a table of at most 65,536 weights, float64.
    WIDE     as PALETTE, with a 32-bit code in an array of its own.

Sums of floating-point weights are taken in an order that does not depend on the ranks: by time of the spike, source,
then position in the segment, where one target's synapses are in the order of their description.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from .intrinsics import kernel, prefetch

FIXED, PALETTE, WIDE = 0, 1, 2
SLOT_BITS = 16
SLOT_MASK = (1 << SLOT_BITS) - 1
BATCH = 4096  # segments looked up at a time
FAR, NEAR = 96, 32  # segments ahead at which the index and the synapses are prefetched
LINE = 16  # synapses to a cache line
SPAN_BITS = 40
SPAN_MASK = (1 << SPAN_BITS) - 1


class Synapses(NamedTuple):
    """This rank's synapse table.

    Attributes
    ----------
    form : FIXED, PALETTE or WIDE.
    words : uint32 (n,), slot | code << 16, shard after shard.
    codes : uint32 (n,) for WIDE, otherwise (0,).
    index : uint32 (shards, sources * len(delays) + 1), first synapse of each (source, delay) segment in its shard.
    base : int64 (shards,), first synapse of each shard.
    delays : int64, ascending, the delays (steps) that occur.
    palette : float64, the weights (pA) that codes stand for; unit : pA a unit of FIXED codes.
    row_fixed : int32 (shards, receptors * width) units; row : float64, likewise, pA. One of them is empty.
    width : neurons of a shard.
    """

    form: int
    words: np.ndarray
    codes: np.ndarray
    index: np.ndarray
    base: np.ndarray
    delays: np.ndarray
    palette: np.ndarray
    unit: float
    row_fixed: np.ndarray
    row: np.ndarray
    width: int


class History(NamedTuple):
    """The spikes of all ranks of the last steps, in a ring.

    Attributes
    ----------
    gids : uint32 (power of 2,), spikes by (step, gid).
    first, count : int64 (power of 2,), where the spikes of step t begin in `gids` and how many: at t modulo size.
    """

    gids: np.ndarray
    first: np.ndarray
    count: np.ndarray


@kernel()
def deliver(t, synapses, history, segments):
    """Add to the rows what is due at step `t`; number of synaptic events. `segments`: int64 (2, BATCH), scratch.

    Limits, per event: 4 bytes of synapse streamed from memory (prefetched), one read-modify-write in the L2 cache.
    """
    n_delays = synapses.delays.size
    gid_mask, step_mask = history.gids.size - 1, history.first.size - 1
    n, events = 0, 0
    for d in range(n_delays - 1, -1, -1):  # the oldest spikes first
        step = (t - synapses.delays[d]) & step_mask
        first, count = history.first[step], history.count[step]
        for q in range(first, first + count):
            segments[0, n] = np.int64(history.gids[q & gid_mask]) * n_delays + d
            n += 1
            if n == BATCH:
                events += deliver_batch(n, synapses, segments)
                n = 0
    return events + deliver_batch(n, synapses, segments)


@kernel()
def deliver_batch(n, synapses, segments):
    """Deliver the segments whose places in the index are segments[0, :n]; each form has its own compiled pipeline."""
    events = 0
    for shard in range(synapses.base.size):
        words, codes = synapses.words[synapses.base[shard] :], synapses.codes[synapses.base[shard] :]
        index, places, spans = synapses.index[shard], segments[0], segments[1]
        if synapses.form == FIXED:
            events += deliver_shard(n, places, spans, index, words, None, None, synapses.row_fixed[shard])
        elif synapses.form == PALETTE:
            events += deliver_shard(n, places, spans, index, words, None, synapses.palette, synapses.row[shard])
        else:
            events += deliver_shard(n, places, spans, index, words, codes, synapses.palette, synapses.row[shard])
    return events


@kernel()
def deliver_shard(n, places, spans, index, words, codes, palette, row):
    """Three stations run through the segments one behind the other: the index is prefetched, then looked up and the
    synapses prefetched, then the synapses are added. A span is first synapse | number of synapses << SPAN_BITS."""
    events = 0
    for q in range(-FAR, n):
        if q + FAR < n:  # both ends: they may lie in two cache lines
            prefetch(index, places[q + FAR])
            prefetch(index, places[q + FAR] + 1)
        if 0 <= q + NEAR < n:
            place = places[q + NEAR]
            a, b = np.int64(index[place]), np.int64(index[place + 1])
            spans[q + NEAR] = a | ((b - a) << SPAN_BITS)
            a &= -LINE
            while a < b:
                prefetch(words, a)
                a += LINE
        if q >= 0:
            first = spans[q] & SPAN_MASK
            last = first + (spans[q] >> SPAN_BITS)
            events += last - first
            add_span(first, last, words, codes, palette, row)
    return events


def add_span(first, last, words, codes, palette, row):
    """Add the synapses first ... last - 1 to the row; which form they have is known by the types of the arrays."""


@overload(add_span, inline="always")
def choose_add_span(first, last, words, codes, palette, row):
    if isinstance(palette, types.NoneType):
        return add_fixed
    return add_palette if isinstance(codes, types.NoneType) else add_wide


def add_fixed(first, last, words, codes, palette, row):
    for k in range(first, last):
        word = words[k]
        row[np.int64(word & np.uint32(SLOT_MASK))] += np.int32(word) >> np.int32(SLOT_BITS)


def add_palette(first, last, words, codes, palette, row):
    for k in range(first, last):
        word = words[k]
        row[np.int64(word & np.uint32(SLOT_MASK))] += palette[np.int64(word >> np.uint32(SLOT_BITS))]


def add_wide(first, last, words, codes, palette, row):
    for k in range(first, last):
        row[np.int64(words[k])] += palette[np.int64(codes[k])]
