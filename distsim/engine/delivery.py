"""From spikes to the input of this rank's neurons.

Synapses are sorted by (source, delay, target). Spikes are kept for as long as the longest delay, and each step delivers
just the segments that are due in it ("pull by delay"): all writes of a step go to one row of local neurons that stays
in the L2 cache, and since the segments are known beforehand, index and synapses are prefetched a few segments ahead.

Where segments hold only a few synapses (many ranks, many delays) looking them up is most of the work, and the index of
sources times delays outgrows the table. There synapses carry their delays, the index is by source alone, and a spike's
synapses are all delivered at once, as soon as it may arrive, into a ring of rows, one for each step to come ("push");
but for WIDE tables (below).

A synapse is one 32-bit word: the lower half is its slot (receptor and target in the row), the upper half the code of
its weight. Local neurons are cut into shards so that 16 bits are enough for a slot on any number of ranks.

    FIXED    code = weight in `unit`s, signed; the row is an integer sum, which no order of events can change.
    PALETTE  code = position in a table of at most 65,536 weights, float64.
    WIDE     as PALETTE, with a 32-bit code in an array of its own.

Sums of floating-point weights are taken in an order that depends neither on the ranks nor on the layout: by time of the
spike, source, then position in the segment, where one target's synapses are in the order of their description.
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
FAR, NEAR = 16, 6  # segments ahead at which the index and the synapses are prefetched
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
    delay_codes : uint16 (n,), positions in `delays`, where the index is by source; otherwise (0,).
    index : uint32 (shards, sources * segments + 1), first synapse of each (source, delay) segment in its shard.
    segments : segments of a source: len(delays), or 1 where the index is by source.
    base : int64 (shards,), first synapse of each shard.
    delays : int64, ascending, the delays (steps) that occur.
    palette : float64, the weights (pA) that codes stand for; unit : pA a unit of FIXED codes.
    row_fixed : int32 (ring * shards * slots,) units; row : float64, likewise, pA. One of them is empty. What arrives at
        step t is in row t & ring_mask of the ring, which has one row where steps are delivered one by one.
    ring_mask : ring - 1. slots : of a shard in a row, receptors * width. width : neurons of a shard.
    """

    form: int
    words: np.ndarray
    codes: np.ndarray
    delay_codes: np.ndarray
    index: np.ndarray
    segments: int
    base: np.ndarray
    delays: np.ndarray
    palette: np.ndarray
    unit: float
    row_fixed: np.ndarray
    row: np.ndarray
    ring_mask: int
    slots: int
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


class Scratch(NamedTuple):
    """Arrays in which `deliver` works.

    Attributes
    ----------
    places, spans : int64 (BATCH,), segments by their place in the index, and what the index says of them.
    offsets : int64 (len(delays),), where the row of each delay begins among the rows.
    """

    places: np.ndarray
    spans: np.ndarray
    offsets: np.ndarray


def make_scratch(n_delays: int) -> Scratch:
    return Scratch(np.empty(BATCH, np.int64), np.empty(BATCH, np.int64), np.zeros(n_delays, np.int64))


@kernel()
def deliver(t, synapses, history, scratch):
    """Add to the rows what is due at step `t`, or, by source, what was emitted the shortest delay ago; number of
    synaptic events.

    Limits, per event: 4 bytes of synapse from memory, one read-modify-write in the L2 cache. At natural density, on one
    of two ranks of a Zen 5 with 163 ns to memory, in segments of 31 synapses: fetching alone takes 0.35 ns an event,
    adding alone 0.38 (row in L2; 0.31 in L1), all together 0.80; with the table in cache 0.65, so that a segment costs
    two mispredicted branches (10 ns). Tried without gain: masked groups of 8 synapses without any branch, two to eight
    delays at once (fewer segments, but rows that leave the L2 cache), other distances and kinds of prefetch.
    """
    gid_mask, step_mask = history.gids.size - 1, history.first.size - 1
    by_source = synapses.delay_codes.size > 0
    n, events = 0, 0
    for d in range(synapses.segments - 1, -1, -1):  # the oldest spikes first
        emitted = t - synapses.delays[d]
        if by_source:
            for k in range(synapses.delays.size):
                scratch.offsets[k] = row_start(emitted + synapses.delays[k], 0, synapses)
        first, count = history.first[emitted & step_mask], history.count[emitted & step_mask]
        for q in range(first, first + count):
            scratch.places[n] = np.int64(history.gids[q & gid_mask]) * synapses.segments + d
            n += 1
            if n == BATCH:
                events += deliver_batch(n, synapses, scratch)
                n = 0
    return events + deliver_batch(n, synapses, scratch)


@kernel(cache=True)
def deliver_again(now, synapses, history, scratch):
    """Where synapses are by source, fill the rows of the steps after `now` as they were: in order of time, and each row
    emptied once its step is past, so that sums of floating-point weights are the same."""
    if synapses.delay_codes.size == 0:
        return
    row = synapses.base.size * synapses.slots
    for t in range(now - synapses.delays[-1] + synapses.delays[0], now + 1):
        if t > 0:
            deliver(t, synapses, history, scratch)
        start = row_start(t, 0, synapses)
        if synapses.form == FIXED:
            synapses.row_fixed[start : start + row] = 0
        else:
            synapses.row[start : start + row] = 0.0


@kernel()
def deliver_batch(n, synapses, scratch):
    """Deliver the segments scratch.places[:n]; each form and layout has its own compiled pipeline."""
    events = 0
    places, spans, offsets = scratch
    for shard in range(synapses.base.size):
        base, start = synapses.base[shard], row_start(0, shard, synapses)
        index, words, codes = synapses.index[shard], synapses.words[base:], synapses.codes[base:]
        palette, fixed, row = synapses.palette, synapses.row_fixed[start:], synapses.row[start:]
        if synapses.delay_codes.size:
            steps = synapses.delay_codes[base:]
            if synapses.form == FIXED:
                events += deliver_shard(n, places, spans, index, words, None, None, fixed, steps, offsets)
            else:
                events += deliver_shard(n, places, spans, index, words, None, palette, row, steps, offsets)
        elif synapses.form == FIXED:
            events += deliver_shard(n, places, spans, index, words, None, None, fixed, None, None)
        elif synapses.form == PALETTE:
            events += deliver_shard(n, places, spans, index, words, None, palette, row, None, None)
        else:
            events += deliver_shard(n, places, spans, index, words, codes, palette, row, None, None)
    return events


@kernel()
def row_start(t, shard, synapses):
    """Where the input of `shard` that arrives at step `t` begins in the rows."""
    return ((t & synapses.ring_mask) * synapses.base.size + shard) * synapses.slots


@kernel()
def deliver_shard(n, places, spans, index, words, codes, palette, row, steps, offsets):
    """Three stations run through the segments one behind the other: the index is prefetched, then looked up and the
    synapses prefetched, then the synapses are added. A span is first synapse | number of synapses << SPAN_BITS."""
    events = 0
    for q in range(-FAR, n):
        if q + FAR < n:
            prefetch(index, places[q + FAR])
        if 0 <= q + NEAR < n:
            place = places[q + NEAR]
            a, b = np.int64(index[place]), np.int64(index[place + 1])
            spans[q + NEAR] = a | ((b - a) << SPAN_BITS)
            while a < b:
                prefetch(words, a)
                a += LINE
        if q >= 0:
            first = spans[q] & SPAN_MASK
            last = first + (spans[q] >> SPAN_BITS)
            events += last - first
            add_span(first, last, words, codes, palette, row, steps, offsets)
    return events


def add_span(first, last, words, codes, palette, row, steps, offsets):
    """Add the synapses first ... last - 1 to the row; which form they have is known by the types of the arrays."""


@overload(add_span, inline="always")
def choose_add_span(first, last, words, codes, palette, row, steps, offsets):
    is_wide, pushes = not isinstance(codes, types.NoneType), not isinstance(steps, types.NoneType)
    if isinstance(palette, types.NoneType):
        return push_fixed if pushes else add_fixed
    if pushes:
        return push_palette
    return add_wide if is_wide else add_palette


def add_fixed(first, last, words, codes, palette, row, steps, offsets):
    for k in range(first, last):
        word = words[k]
        row[np.int64(word & np.uint32(SLOT_MASK))] += np.int32(word) >> np.int32(SLOT_BITS)


def add_palette(first, last, words, codes, palette, row, steps, offsets):
    for k in range(first, last):
        word = words[k]
        row[np.int64(word & np.uint32(SLOT_MASK))] += palette[np.int64(word >> np.uint32(SLOT_BITS))]


def add_wide(first, last, words, codes, palette, row, steps, offsets):
    for k in range(first, last):
        row[np.int64(words[k])] += palette[np.int64(codes[k])]


def push_fixed(first, last, words, codes, palette, row, steps, offsets):
    for k in range(first, last):
        word = words[k]
        row[offsets[steps[k]] + np.int64(word & np.uint32(SLOT_MASK))] += np.int32(word) >> np.int32(SLOT_BITS)


def push_palette(first, last, words, codes, palette, row, steps, offsets):
    for k in range(first, last):
        word = words[k]
        at = offsets[steps[k]] + np.int64(word & np.uint32(SLOT_MASK))
        row[at] += palette[np.int64(word >> np.uint32(SLOT_BITS))]
