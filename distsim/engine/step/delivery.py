"""Delivery of spikes: turn them into input of this rank's neurons.

Synapses are sorted by (source, delay, target). Spikes are kept for as long as the longest delay, and each step delivers
just the segments that are due in it ("pull by delay"): all writes of a step go to one row of local neurons that stays
in the L2 cache, and since the segments are known beforehand, index and synapses are prefetched a few segments ahead.

Where segments hold only a few synapses (many ranks, many delays) looking them up is most of the work, and the index of
sources times delays outgrows the table. There synapses carry their delays, the index is by source alone, and a spike's
synapses are all delivered at once, as soon as it may arrive, into a ring of rows, one for each step to come ("push").

A segment is padded to whole grains of 8 synapses. So all grains that are due can be listed without a branch on the
length of a segment, and added in one loop that runs across the ends of segments: a mispredicted branch costs more than
the empty places of a grain. Empty places come before the first synapse of a segment and have weight 0. Where segments
are short, a grain is a single synapse.

A synapse is one 32-bit word: the lower half is its slot (receptor and target in the row), the upper half the code of
its weight. Local neurons are cut into shards so that 16 bits are enough for a slot on any number of ranks.

    FIXED    code = weight in `unit`s, signed; the row is an integer sum, which no order of events can change.
    PALETTE  code = position in the palette, a lookup table of at most 65,536 float64 weights.
    WIDE     float64 weights in an array of their own, beside the words, where a palette cannot hold all of them.

Sums of floating-point weights are taken in an order that depends neither on the ranks nor on the layout: by time of the
spike, source, then position in the segment, where one target's synapses are in the order of their description.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from ..compiled.intrinsics import COUNTED, kernel, prefetch, store_count

FIXED, PALETTE, WIDE = 0, 1, 2
SLOT_BITS = 16
SLOT_MASK = (1 << SLOT_BITS) - 1
BATCH = 4096  # segments looked up at a time
GRAIN_BITS = 3  # grains are of 2^3 synapses, or of one
FAR, NEAR = 16, 64  # segments and grains ahead at which the index and the synapses are prefetched
LISTED = 8192  # grains listed at a time, at least


class Synapses(NamedTuple):
    """This rank's synapse table.

    Attributes
    ----------
    form : FIXED, PALETTE or WIDE.
    words : uint32 (n,), slot | code << 16, shard after shard; n includes empty places.
    weights : float64 (n,), pA, for WIDE, otherwise (0,).
    delay_codes : uint16 (n,), positions in `delays`, where the index is by source; otherwise (0,).
    index : uint32 (shards, sources * segments + 1), first synapse of each (source, delay) segment in its shard; the
        segment ends where the grains of the next one begin.
    grain_bits : a grain has 2^grain_bits synapses: GRAIN_BITS, or 0.
    segments : segments of a source: len(delays), or 1 where the index is by source.
    base : int64 (shards,), first synapse of each shard.
    delays : int64, ascending, the delays (steps) that occur.
    palette : float64, the weights (pA) that PALETTE codes stand for.
    unit : pA per unit of FIXED codes.
    row_fixed : int32 (ring * shards * slots,), units; row : float64, likewise, pA. One of them is empty. They form a
        ring buffer: input of step t is in row t & ring_mask. With an index by source and delay, one row is enough.
    ring_mask : rows of the ring - 1.
    slots : receptors * width, of a shard in a row.
    width : neurons of a shard.
    """

    form: int
    words: np.ndarray
    weights: np.ndarray
    delay_codes: np.ndarray
    index: np.ndarray  # type: ignore[assignment]  # hides tuple.index, of no use here
    grain_bits: int
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
    count: np.ndarray  # type: ignore[assignment]  # hides tuple.count, of no use here


class Scratch(NamedTuple):
    """Arrays in which `deliver` works.

    Attributes
    ----------
    places : int64 (BATCH,), segments by their place in the index.
    grains : uint32, numbers of grains in their shard; room for LISTED, the longest segment and those prefetched.
    offsets : int64 (len(delays),), where the row of each delay begins among the rows.
    """

    places: np.ndarray
    grains: np.ndarray
    offsets: np.ndarray


def make_scratch(synapses: Synapses) -> Scratch:
    """Return the arrays in which `deliver` works for these synapses."""
    longest = max(int(np.diff(index >> synapses.grain_bits).max(initial=0)) for index in synapses.index)
    grains = np.empty(LISTED + longest + COUNTED + NEAR, np.uint32)
    return Scratch(np.empty(BATCH, np.int64), grains, np.zeros(synapses.delays.size, np.int64))


def segment_bounds(index: np.ndarray, places: np.ndarray, grain_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where segments of a shard begin and end, by their places in its index; int64."""
    return index[places].astype(np.int64), index[places + 1].astype(np.int64) >> grain_bits << grain_bits


def synapses_by_source(index: np.ndarray, segments: int, grain_bits: int) -> np.ndarray:
    """Return the number of synapses of each source in a shard, int64."""
    empty = index[:-1] & np.uint32((1 << grain_bits) - 1)
    places = np.diff(index[:: max(1, segments)].astype(np.int64) >> grain_bits) << grain_bits
    found: np.ndarray = places - empty.reshape(-1, max(1, segments)).sum(axis=1, dtype=np.int64)
    return found


@kernel(cache=True)
def deliver(t, synapses, history, scratch):
    """Add to the rows the input due at step `t`, or, with an index by source, all input from spikes emitted the
    shortest delay ago; return the number of synaptic events.

    Limits, per event: 4 bytes of synapse from memory, one read-modify-write in the L2 cache (0.29 ns). At natural
    density, on one of two ranks of a Zen 5 (49,000 events and 1,600 segments a step, half of them empty, a sixteenth of
    the places): 0.58 ns an event alone, a seventh of it for listing the grains, and 0.64 in the loop over time, where
    the update of the neurons evicts the row from the cache. Adding segment by segment took 0.83: two mispredicted
    branches each. Tried without gain: grains of 4 or 16, masks instead of empty places, two to eight delays at once
    (fewer segments, but rows that leave the L2 cache), other distances and kinds of prefetch, prefetching the row.
    """
    gid_mask, step_mask = history.gids.size - 1, history.first.size - 1
    by_source = synapses.delay_codes.size > 0
    n, events = np.int64(0), 0
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
                n = np.int64(0)
    return events + deliver_batch(n, synapses, scratch) if n else events


@kernel(cache=True)
def deliver_again(now, synapses, history, scratch):
    """Fill the rows of the steps after `now` again, for an index by source, when a simulation is resumed.

    Spikes are delivered in order of time, and each row is cleared once its step is past, so that sums of floating-point
    weights are the same as before.
    """
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
    events, bits = 0, np.uint32(synapses.grain_bits)
    places, grains, offsets = scratch
    for shard in range(synapses.base.size):
        base, start = synapses.base[shard], row_start(0, shard, synapses)
        index, words, weights = synapses.index[shard], synapses.words[base:], synapses.weights[base:]
        palette, fixed, row = synapses.palette, synapses.row_fixed[start:], synapses.row[start:]
        if synapses.delay_codes.size:
            steps = synapses.delay_codes[base:]
            if synapses.form == FIXED:
                events += deliver_shard(n, places, grains, bits, index, words, None, None, fixed, steps, offsets)
            elif synapses.form == PALETTE:
                events += deliver_shard(n, places, grains, bits, index, words, None, palette, row, steps, offsets)
            else:
                events += deliver_shard(n, places, grains, bits, index, words, weights, None, row, steps, offsets)
        elif synapses.form == FIXED:
            events += deliver_shard(n, places, grains, bits, index, words, None, None, fixed, None, None)
        elif synapses.form == PALETTE:
            events += deliver_shard(n, places, grains, bits, index, words, None, palette, row, None, None)
        else:
            events += deliver_shard(n, places, grains, bits, index, words, weights, None, row, None, None)
    return events


@kernel()
def row_start(t, shard, synapses):
    """Return the position in the rows of the input to `shard` that arrives at step `t`."""
    return ((t & synapses.ring_mask) * synapses.base.size + shard) * synapses.slots


@kernel()
def deliver_shard(n, places, grains, bits, index, words, weights, palette, row, steps, offsets):
    """List the grains of the segments, prefetching the index, then add them; return the number of synaptic events."""
    events, listed = 0, np.int64(0)
    room, empty = grains.size - COUNTED - NEAR, (np.uint32(1) << bits) - np.uint32(1)
    for q in range(-FAR, n):
        if q + FAR < n:
            prefetch(index, places[q + FAR])
        if q >= 0:
            place = np.uint64(places[q])
            first, following = index[place], index[place + np.uint64(1)]
            grain = first >> bits
            count = np.int64((following >> bits) - grain)
            events += (count << np.int64(bits)) - np.int64(first & empty)
            if listed + count > room:
                add_grains(listed, grains, bits, words, weights, palette, row, steps, offsets)
                listed = np.int64(0)
            store_count(grains, listed, grain)  # entries beyond `count` are overwritten
            k = COUNTED
            while k < count:
                store_count(grains, listed + k, grain + np.uint32(k))
                k += COUNTED
            listed += count
    add_grains(listed, grains, bits, words, weights, palette, row, steps, offsets)
    return events


@kernel()
def add_grains(n, grains, bits, words, weights, palette, row, steps, offsets):
    """Add the synapses of grains[:n] to the row, NEAR grains behind those being prefetched."""
    if n == 0:
        return
    for i in range(n, n + NEAR):
        grains[i] = grains[n - 1]
    for i in range(min(n, NEAR)):
        prefetch(words, np.int64(grains[i]) << np.int64(bits))
    for i in range(n):
        prefetch(words, np.int64(grains[i + NEAR]) << np.int64(bits))
        if weights is not None:
            prefetch(weights, np.int64(grains[i + NEAR]) << np.int64(bits))
        first = np.uint64(grains[i]) << np.uint64(bits)
        if bits:
            add_synapses(first, 1 << GRAIN_BITS, words, weights, palette, row, steps, offsets)
        else:
            add_synapses(first, 1, words, weights, palette, row, steps, offsets)


def add_synapses(first, n, words, weights, palette, row, steps, offsets):
    """Add the `n` synapses from `first` on to the row; the types of the arrays tell their form."""


@overload(add_synapses, inline="always")
def choose_add_synapses(first, n, words, weights, palette, row, steps, offsets):
    is_wide, pushes = not isinstance(weights, types.NoneType), not isinstance(steps, types.NoneType)
    if is_wide:
        return push_wide if pushes else add_wide
    if isinstance(palette, types.NoneType):
        return push_fixed if pushes else add_fixed
    return push_palette if pushes else add_palette


def add_fixed(first, n, words, weights, palette, row, steps, offsets):
    for k in range(n):
        at = first + np.uint64(k)
        word = words[at]
        row[np.int64(word & np.uint32(SLOT_MASK))] += np.int32(word) >> np.int32(SLOT_BITS)


def add_palette(first, n, words, weights, palette, row, steps, offsets):
    for k in range(n):
        at = first + np.uint64(k)
        word = words[at]
        row[np.int64(word & np.uint32(SLOT_MASK))] += palette[np.int64(word >> np.uint32(SLOT_BITS))]


def add_wide(first, n, words, weights, palette, row, steps, offsets):
    for k in range(n):
        at = first + np.uint64(k)
        row[np.int64(words[at])] += weights[at]


def push_fixed(first, n, words, weights, palette, row, steps, offsets):
    for k in range(n):
        at = first + np.uint64(k)
        word = words[at]
        row[offsets[steps[at]] + np.int64(word & np.uint32(SLOT_MASK))] += np.int32(word) >> np.int32(SLOT_BITS)


def push_palette(first, n, words, weights, palette, row, steps, offsets):
    for k in range(n):
        at = first + np.uint64(k)
        word = words[at]
        slot = offsets[steps[at]] + np.int64(word & np.uint32(SLOT_MASK))
        row[slot] += palette[np.int64(word >> np.uint32(SLOT_BITS))]


def push_wide(first, n, words, weights, palette, row, steps, offsets):
    for k in range(n):
        at = first + np.uint64(k)
        row[offsets[steps[at]] + np.int64(words[at])] += weights[at]
