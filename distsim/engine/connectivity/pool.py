"""Synapses on their way into the table: sorted by (source, delay) in pieces that fit the cache.

Synapses are written once, as they are drawn, into buckets of neighbouring sources; then each bucket is sorted into its
part of the table. No scatter over the whole memory, and nothing is drawn twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..compiled.cache import njit
from ..step.delivery import SLOT_BITS, SLOT_MASK

CHUNK = 1024  # entries of a bucket that are allotted at a time
BUCKET = 1 << 17  # synapses a bucket aims at


class Pool(NamedTuple):
    """Entries (key << 32 | word) and WIDE weights of one source population in chains of chunks, a chain a bucket."""

    entries: np.ndarray
    weights: np.ndarray
    following: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    fill: np.ndarray
    used: np.ndarray


class Shape(NamedTuple):
    """Properties shared by the synapses of one source population: sources a bucket (as a shift), number of delays,
    whether weights are apart, whether the index is by source alone, synapses a grain, the code of the weight 0."""

    shift: int
    n_delays: int
    wide: int
    by_source: int
    grain: int
    zero: int


def make_pool(
    total: int, n_sources: int, n_delays: int, wide: bool, by_source: bool = False, grain: int = 1, zero: int = 0
) -> tuple[Pool, Shape]:
    shift = 0
    while (1 << shift) * max(total, 1) < BUCKET * n_sources and (1 << shift) < n_sources:
        shift += 1
    n_buckets = -(-n_sources >> shift) + 1
    n_chunks = total // CHUNK + n_buckets + 1
    shape = make_shape(shift, n_delays, wide, by_source, grain, zero)
    pool = Pool(
        np.empty(n_chunks * CHUNK if total else 0, np.uint64),
        np.empty(n_chunks * CHUNK if wide and total else 0),
        np.full(n_chunks, -1, np.int64),
        np.full(n_buckets, -1, np.int64),
        np.full(n_buckets, -1, np.int64),
        np.full(n_buckets, CHUNK, np.int64),
        np.zeros(1, np.int64),
    )
    return pool, shape


def make_shape(shift: int, n_delays: int, wide: bool, by_source: bool, grain: int, zero: int) -> Shape:
    return Shape(shift, n_delays, int(wide), int(by_source), grain, zero)


@njit(inline="always")
def push(pool, shape, source, delay, slot, code, weight):
    """Append a synapse to the bucket of its source; `weight` (pA) counts if weights are apart, otherwise `code`."""
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
        pool.weights[at] = weight
        pool.entries[at] = (np.uint64(key) << np.uint64(32)) | np.uint64(slot)
    else:
        pool.entries[at] = (np.uint64(key) << np.uint64(32)) | np.uint64(word_of(slot, code))


@njit(inline="always")
def word_of(slot, code):
    """The word of a synapse whose weight is not apart."""
    return np.uint32(slot) | ((np.uint32(code) & np.uint32(0xFFFF)) << np.uint32(SLOT_BITS))


@njit(cache=True)
def sort_buckets(pool, shape, start, index, words, weights, delay_codes):
    """Move the buckets' synapses to words[start:], sorted by (source, delay); `index` gets where each segment begins,
    or, by source, where each source does; where the last one ends. Every segment ends where a grain does."""
    width = (1 << shape.shift) * shape.n_delays
    of_segment = shape.n_delays if shape.by_source else 1  # keys
    n_keys = index.size * of_segment
    cursor = np.empty(width, np.int64)
    for bucket in range(pool.head.size):
        first = bucket * width
        n = min(width, n_keys - first)
        if n <= 0:
            break
        for key in range(n):
            cursor[key] = 0
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
                            weights[cursor[key]] = pool.weights[at]
                        if shape.by_source:
                            delay_codes[cursor[key]] = np.uint16(key % shape.n_delays)
                        cursor[key] += 1
                chunk = pool.following[chunk]
            if passing == 0:
                for key in range(0, n, of_segment):
                    count = 0
                    for k in range(key, key + of_segment):
                        count += cursor[k]
                    start += -count % shape.grain
                    index[(first + key) // of_segment] = start
                    for k in range(key, key + of_segment):
                        count = cursor[k]
                        cursor[k] = start
                        start += count
        for key in range(0, n, of_segment):
            begin, end = np.int64(index[(first + key) // of_segment]), cursor[key + of_segment - 1]
            fill_up(begin, end, shape, words, weights, delay_codes)
    return start


@njit(inline="always")
def fill_up(first, end, shape, words, weights, delay_codes):
    """Fill the first grain of a segment with weights 0, onto several neurons, so that the sums need not wait for one
    another."""
    for k in range(first // shape.grain * shape.grain, first):
        like = words[end - 1 - k % shape.grain % (end - first)]
        if shape.wide:
            words[k], weights[k] = like, 0.0
        else:
            words[k] = (like & np.uint32(SLOT_MASK)) | np.uint32(shape.zero << SLOT_BITS)
        if shape.by_source:
            delay_codes[k] = 0
