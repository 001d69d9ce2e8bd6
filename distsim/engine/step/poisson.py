"""Poisson input: every neuron its own train, a number for each neuron and step.

A number comes from a 16-bit piece of a Philox block (stimulus, neuron, step // 8), so that one block serves a neuron
for eight steps and a rank draws only for its own neurons. Sixteen bits do not hold a probability exactly, hence a
mixture: of the 65,536 cells floor(65536 p_k) belong to number k, which the piece tells alone; the few cells that are
left belong to all numbers together, and who falls into them (one in some thousands) is drawn from what of p is left,
with 32 bits of a block of its own. Together exact to 2^-42. A cell's number is a count of thresholds, 32 neurons at a
time.

Inputs of a large mean (`WIDE`: more than MOST_THRESHOLDS likely numbers) are drawn with 32 bits by searching a table.

Where the rate changes in time, the same random words meet the table of the present mean, see `poisson_rates`. Where it
differs from neuron to neuron, a number is found with 32 bits by summing up probabilities.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..compiled.intrinsics import LINE, NoAlias, equal_bytes, kernel, lowest_bit, lowest_bits
from ..random import streams
from .poisson_rates import Signals, count_edges, follow, poisson_number, set_edges, set_laws

CONSTANT, SHARED, BY_NEURON = range(3)  # rates: a number, a function of time, of each neuron

# One stimulus onto neurons first ... last - 1 of one block.
ENTRY = np.dtype(
    [
        ("first", np.int64),
        ("last", np.int64),
        ("delay", np.int64),  # steps; and emitted in (start, stop] steps
        ("start", np.int64),
        ("stop", np.int64),
        ("obj", np.int64),  # tells its random numbers from those of others
        ("receptor", np.int64),
        ("is_wide", np.int64),
        ("counts", np.int64),  # where its numbers begin in `narrow` or `wide`
        ("drawn", np.int64),  # which steps are there
        ("cell", np.int64),  # its thresholds are cells[cell:cell_end]
        ("cell_end", np.int64),
        ("base", np.int64),  # the number below the first threshold
        ("rest", np.int64),  # what stands for a number still to be drawn
        ("table", np.int64),  # where its table begins in `tables`, and its guide in `guides`
        ("guide", np.int64),
        ("lowest", np.int64),  # number of the table
        ("kind", np.int64),  # of its rate; the following are used where that is not CONSTANT
        ("signal", np.int64),
        ("version", np.int64),  # of the signal, when numbers were drawn last
        ("counted", np.int64),  # pair of steps (wide: step) drawn last
        ("kept", np.int64),  # where its random words begin
        ("rates", np.int64),  # where the rates of its neurons begin, and their laws or edges
        ("law", np.int64),
        ("levels", np.int64),  # edges of a neuron
    ]
)


class PoissonInputs(NamedTuple):
    """Poisson input to this rank's neurons.

    Attributes
    ----------
    entries : ENTRY (n,), block after block.
    of_block : int64 (blocks + 1,), the first entry of each block. weights : float64 (n,), pA.
    cells : uint16, thresholds; tables : uint32, guides : int32, of `streams.QuantileTable`s.
    narrow : uint8, numbers of eight steps: of steps 2 w and 2 w + 1 side by side for each neuron, w after w; LINE more.
    wide : uint16, less `lowest`, numbers of four steps, step after step.
    words : uint32 (4, ROW), scratch.
    signals : rates that are no constant numbers.
    """

    entries: np.ndarray
    of_block: np.ndarray
    weights: np.ndarray
    cells: np.ndarray
    tables: np.ndarray
    guides: np.ndarray
    narrow: np.ndarray
    wide: np.ndarray
    words: np.ndarray
    signals: Signals


# --- draw -------------------------------------------------------------------------------------------------------------


@kernel(forceinline=True)
def draw_poisson(t, poisson, rank, size, k0, k1):
    """Draw the next numbers of every stimulus whose last ones are used up at step `t`.

    Limits, per neuron and step: half a Philox word (0.09 ns), half as many comparisons as thresholds, 32 at a time
    (0.05 ns for ten), a byte written.
    """
    if poisson.signals.signals.size:
        follow(t, poisson.signals, poisson.cells, poisson.tables, poisson.guides)
    for e in range(poisson.entries.shape[0]):
        entry = poisson.entries[e]
        emitted = t - entry.delay
        if emitted <= entry.start or emitted > entry.stop:
            continue
        if entry.kind != CONSTANT:
            draw_changing(emitted, entry, poisson, rank, size, k0, k1)
            continue
        steps = emitted >> 2 if entry.is_wide else emitted >> 3
        if steps != entry.drawn:
            entry.drawn = steps
            owner, n = entry.first * size + rank, entry.last - entry.first
            streams.words_by_owner(n, owner, size, steps, entry.obj, streams.POISSON, k0, k1, poisson.words)
            for w in range(4):
                if entry.is_wide:
                    search_numbers(n, poisson.words[w], poisson, entry, poisson.wide[entry.counts + w * n :])
                else:
                    numbers = poisson.narrow[entry.counts + 2 * w * n : entry.counts + 2 * (w + 1) * n]
                    thresholds = poisson.cells[entry.cell : entry.cell_end]
                    count_cells(poisson.words[w].view(np.uint16), thresholds, np.uint8(entry.base), numbers)
                    draw_rest(numbers, 8 * steps + 2 * w, owner, size, poisson, entry, k0, k1)


@kernel()
def draw_changing(emitted, entry, poisson, rank, size, k0, k1):
    """Draw the numbers of step `emitted` of an entry whose rate is no constant number."""
    signal, n = poisson.signals.signals[entry.signal], entry.last - entry.first
    is_new = entry.version != signal.version
    if entry.kind == BY_NEURON:
        if is_new:
            entry.version = signal.version
            first = entry.rates + (signal.position - 1) * n  # before the first piece there are no rates
            rates = poisson.signals.rates[first : first + n] if signal.position else poisson.signals.rates[:0]
            if entry.is_wide:
                set_laws(rates, signal.per_step, poisson.signals.law[3 * entry.law : 3 * (entry.law + n)])
            else:
                edges = poisson.signals.edges[entry.law : entry.law + entry.levels * n]
                set_edges(rates, signal.per_step, n, edges)
        keep_words(emitted, entry, n, streams.POISSON_BY_NEURON, poisson, rank, size, k0, k1)
        words = poisson.signals.kept[entry.kept + (emitted & 3) * n : entry.kept + ((emitted & 3) + 1) * n]
        if entry.is_wide:
            search_by_neuron(words, entry, poisson.signals, poisson.wide[entry.counts + (emitted & 3) * n :])
        else:  # side by side with those of the step before or after it
            numbers = poisson.narrow[entry.counts + ((emitted >> 1) & 3) * 2 * n + (emitted & 1) :]
            count_by_neuron(words, entry, signal, poisson.signals, poisson.words[0], numbers)
        return
    keep_words(emitted, entry, n, streams.POISSON, poisson, rank, size, k0, k1)
    w = emitted & 3 if entry.is_wide else (emitted >> 1) & 3
    if w == entry.counted and not is_new:
        return
    entry.counted, entry.version = w, signal.version
    entry.cell, entry.cell_end, entry.base, entry.rest = signal.cell, signal.cell_end, signal.base, signal.rest
    entry.table, entry.guide, entry.lowest = signal.table, signal.guide, signal.lowest
    words = poisson.signals.kept[entry.kept + w * n : entry.kept + (w + 1) * n]
    if entry.is_wide:
        search_numbers(n, words, poisson, entry, poisson.wide[entry.counts + w * n :])
    else:
        numbers = poisson.narrow[entry.counts + 2 * w * n : entry.counts + 2 * (w + 1) * n]
        count_cells(words.view(np.uint16), poisson.cells[entry.cell : entry.cell_end], np.uint8(entry.base), numbers)
        draw_rest(numbers, 2 * (emitted >> 1), entry.first * size + rank, size, poisson, entry, k0, k1)


@kernel()
def keep_words(emitted, entry, n, purpose, poisson, rank, size, k0, k1):
    """Draw the random words of the steps around `emitted`, unless they are there."""
    is_short = entry.is_wide or entry.kind == BY_NEURON  # a word serves one step, not two
    steps = emitted >> 2 if is_short else emitted >> 3
    if steps != entry.drawn:
        entry.drawn, entry.counted = steps, -1
        owner = entry.first * size + rank
        streams.words_by_owner(n, owner, size, steps, entry.obj, purpose, k0, k1, poisson.words)
        for w in range(4):
            for i in range(n):
                poisson.signals.kept[entry.kept + w * n + i] = poisson.words[w, i]


@kernel()
def search_by_neuron(words, entry, signals, numbers):
    """Draw the numbers of an entry whose neurons have rates of their own, of a large mean."""
    for i in range(words.size):
        law = 3 * (entry.law + i)
        mean = signals.law[law]
        numbers[i] = poisson_number(words[i], mean, signals.law[law + 1], signals.law[law + 2], np.int64(mean))


@kernel()
def count_by_neuron(words, entry, signal, signals, scratch, numbers):
    """Draw the numbers of an entry whose neurons have rates of their own, as bytes: numbers[2 i] of neuron i."""
    n, counts, levels = words.size, scratch[: words.size], entry.levels
    count_edges(words, signals.edges[entry.law : entry.law + levels * n], counts)
    for i in range(n):
        numbers[2 * i] = np.uint8(counts[i])
        if counts[i] == levels:  # or more
            mean = signals.rates[entry.rates + (signal.position - 1) * n + i] * signal.per_step
            p = math.exp(-mean)
            numbers[2 * i] = np.uint8(max(levels, poisson_number(words[i], mean, p, p, np.int64(0))))


@kernel()
def count_cells(pieces, thresholds, base, numbers):
    """numbers[i] = base + how many of the thresholds (`padded`, ascending) pieces[i] exceeds."""
    j = 0
    while j < thresholds.size:  # ten in a pass
        left = thresholds.size - j
        so_far = j > 0
        if left >= 10:
            count_ten(pieces, thresholds[j : j + 10], so_far, base, numbers)
            j += 10
        elif left >= 7:
            count_seven(pieces, thresholds[j : j + 7], so_far, base, numbers)
            j += 7
        else:
            count_three(pieces, thresholds[j : j + 3], so_far, base, numbers)
            j += 3


@kernel(forceinline=True)
def of_one(k, x, a):
    return np.uint8(k + np.uint8(1)) if x > a else k


@kernel(forceinline=True)
def of_three(k, x, a, b, c):
    """k + how many of a <= b <= c are less than x: the middle one tells with which other one to compare."""
    above = x > b
    k = np.uint8(k + np.uint8(2)) if above else k
    return of_one(k, x, c if above else a)


@kernel(forceinline=True)
def of_seven(k, x, a, b, c, d, e, f, g):
    above = x > d
    k = np.uint8(k + np.uint8(4)) if above else k
    middle, low, high = f if above else b, e if above else a, g if above else c
    return of_three(k, x, low, middle, high)


@kernel(cache=True, pipeline_class=NoAlias)
def count_three(pieces, c, so_far, base, numbers):
    c0, c1, c2 = c[0], c[1], c[2]
    for i in range(numbers.size):
        numbers[i] = of_three(numbers[i] if so_far else base, pieces[i], c0, c1, c2)


@kernel(cache=True, pipeline_class=NoAlias)
def count_seven(pieces, c, so_far, base, numbers):
    c0, c1, c2, c3, c4, c5, c6 = c[0], c[1], c[2], c[3], c[4], c[5], c[6]
    for i in range(numbers.size):
        numbers[i] = of_seven(numbers[i] if so_far else base, pieces[i], c0, c1, c2, c3, c4, c5, c6)


@kernel(cache=True, pipeline_class=NoAlias)
def count_ten(pieces, c, so_far, base, numbers):
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9]
    for i in range(numbers.size):
        k = of_seven(numbers[i] if so_far else base, pieces[i], c0, c1, c2, c3, c4, c5, c6)
        numbers[i] = of_three(k, pieces[i], c7, c8, c9)


@kernel()
def draw_rest(numbers, step, owner, size, poisson, entry, k0, k1):
    """Draw those of the numbers of steps `step` and step + 1 of which the cell tells nothing."""
    rest = np.uint8(entry.rest)
    for start in range(0, numbers.size, LINE):
        found = equal_bytes(numbers, start, rest) & lowest_bits(numbers.size - start)
        while found:
            i = start + lowest_bit(found)
            numbers[i] = rest_number(i, step, owner, size, poisson, entry, k0, k1)
            found &= found - np.uint64(1)


@kernel()
def rest_number(i, step, owner, size, poisson, entry, k0, k1):
    who, when = np.uint32(owner + size * (i >> 1)), np.uint32(step + (i & 1))
    what, purpose = np.uint32(entry.obj), np.uint32(streams.POISSON_REST)
    u = streams.philox(when, who, what, purpose, np.uint32(k0), np.uint32(k1))[0]
    return np.uint8(entry.lowest + streams.level(u, poisson.tables, entry.table, poisson.guides, entry.guide))


@kernel()
def search_numbers(n, u, poisson, entry, numbers):
    for i in range(n):
        numbers[i] = np.uint16(streams.level(u[i], poisson.tables, entry.table, poisson.guides, entry.guide))


# --- add --------------------------------------------------------------------------------------------------------------


@kernel(forceinline=True)
def is_on(t, entry):
    """Return whether what arrives at step `t` was emitted while the stimulus was on."""
    emitted = t - entry.delay
    return (emitted > entry.start) & (emitted <= entry.stop)


@kernel(inline="always")
def pairs_of(t, poisson, entry):
    """Numbers of two steps of a narrow entry's neurons, uint16 (n,), and the bits by which to shift them for `t`."""
    emitted, n = t - entry.delay, entry.last - entry.first
    start = entry.counts + ((emitted >> 1) & 3) * 2 * n
    return poisson.narrow[start : start + 2 * n].view(np.uint16), np.uint16((emitted & 1) << 3)


@kernel(forceinline=True)
def add_poisson(t, poisson, e, first, inputs):
    """Add what arrives at step `t` by entry `e` to `inputs` (receptors, ROW) of a block that begins at lid `first`."""
    entry, weight = poisson.entries[e], poisson.weights[e]
    if not is_on(t, entry):
        return
    n = entry.last - entry.first
    row = inputs[entry.receptor, entry.first - first : entry.last - first]
    if entry.is_wide:
        start = entry.counts + ((t - entry.delay) & 3) * n
        numbers = poisson.wide[start : start + n]
        for i in range(n):
            row[i] += weight * np.float64(entry.lowest + np.int64(numbers[i]))
    else:
        pairs, shift = pairs_of(t, poisson, entry)
        for i in range(n):
            row[i] += weight * np.float64((pairs[i] >> shift) & np.uint16(255))
