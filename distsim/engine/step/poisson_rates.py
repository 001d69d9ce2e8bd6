"""Rates of Poisson input that change in time: the table of the present mean, made anew where the mean changes.

A rate that all neurons of an input share, whatever its course in time, has one table, as a constant rate has: making
it takes about a microsecond, and numbers are drawn from it as from any other. So thousands of pieces cost no more than
one. A sinusoid changes its mean in every step.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..compiled.intrinsics import NoAlias, kernel
from ..random.streams import GUIDE_BITS

CELLS = 1 << 16
NARROW_CELLS = 80  # thresholds, in the end those of MOST_THRESHOLDS and as many as are counted at once
NARROW_TABLE = 256  # levels of the rest of a narrow table
TINY = 1e-30  # relative probability below which levels are left out

# A rate that changes in time, of one part of an input.
SIGNAL = np.dtype(
    [
        ("delay", np.int64),  # steps; and emitted in (start, stop] steps
        ("start", np.int64),
        ("stop", np.int64),
        ("first", np.int64),  # its pieces are piece_steps[first:last]
        ("last", np.int64),
        ("position", np.int64),  # pieces that have begun
        ("version", np.int64),  # changes of the mean so far
        ("rates", np.int64),  # where its rates begin in `rates`, if all neurons share them
        ("is_shared", np.int64),
        ("is_sine", np.int64),
        ("is_wide", np.int64),
        ("mean", np.float64),  # of a step, at present; less than 0 before the first step
        ("per_step", np.float64),  # mean per spikes/s
        ("rate", np.float64),  # of a sinusoid, spikes/s
        ("amplitude", np.float64),
        ("cycles", np.float64),  # of a step
        ("phase", np.float64),  # cycles
        ("cell", np.int64),  # its table, see `poisson.ENTRY`
        ("cell_end", np.int64),
        ("base", np.int64),
        ("rest", np.int64),
        ("table", np.int64),
        ("guide", np.int64),
        ("lowest", np.int64),
    ]
)


class Signals(NamedTuple):
    """Rates that change in time, and those that differ from neuron to neuron.

    Attributes
    ----------
    signals : SIGNAL (n,).
    piece_steps : int64, the steps at which pieces begin, signal after signal.
    rates : float64, spikes/s: of shared pieces; of neurons, piece after piece, entry after entry.
    law : float64, of each neuron with a rate of its own whose numbers are wide: mean, and probability and distribution
        function at its mode.
    edges : uint32, of such a neuron whose numbers are bytes: the least words of numbers 1, 2, ...
    kept : uint32, the random words of eight steps, of entries whose table may change among them: four of each neuron.
    levels : float64, scratch: probabilities of the levels of a table.
    """

    signals: np.ndarray
    piece_steps: np.ndarray
    rates: np.ndarray
    law: np.ndarray
    edges: np.ndarray
    kept: np.ndarray
    levels: np.ndarray


# --- in time ----------------------------------------------------------------------------------------------------------


@kernel()
def follow(t, signals, cells, tables, guides):
    """Bring all signals up to what arrives at step `t`, and their tables where the mean has changed."""
    for s in range(signals.signals.size):
        signal = signals.signals[s]
        emitted = t - signal.delay
        if emitted <= signal.start or emitted > signal.stop:
            continue
        if signal.is_sine:
            mean = sine(emitted, signal)
        else:
            k = signal.position
            while signal.first + k < signal.last and signals.piece_steps[signal.first + k] < emitted:
                k += 1
            if k == signal.position and signal.mean >= 0.0:
                continue
            signal.position = k
            mean = 0.0
            if signal.is_shared and k > 0:
                mean = signals.rates[signal.rates + k - 1] * signal.per_step
        if signal.is_shared and mean == signal.mean:
            continue
        signal.mean = mean
        signal.version += 1
        if signal.is_shared:
            if signal.is_wide:
                make_wide(mean, signal, signals.levels, tables, guides)
            else:
                make_narrow(mean, signal, signals.levels, cells, tables)


@kernel()
def sine(emitted, signal):
    """Return the mean of the step `emitted` of a sinusoid."""
    cycles = signal.cycles * emitted + signal.phase
    rate = signal.rate + signal.amplitude * math.sin(2.0 * math.pi * (cycles - math.floor(cycles)))
    return max(0.0, rate) * signal.per_step


@kernel(error_model="numpy")
def fill_levels(mean, levels):
    """Write the probabilities of a Poisson number of `mean` into `levels`; return the lowest number, and how many."""
    mode = np.int64(mean)
    lowest, last = mode, mode
    p, total = 1.0, 1.0
    while lowest > 0:
        p *= lowest / mean
        if p < TINY:
            break
        lowest -= 1
        total += p
    p = 1.0
    while last - lowest + 2 < levels.size:
        p *= mean / (last + 1)
        if p < TINY:
            break
        last += 1
        total += p
    p = 1.0 / total
    levels[mode - lowest] = p
    for k in range(mode, lowest, -1):
        p *= k / mean
        levels[k - 1 - lowest] = p
    p = levels[mode - lowest]
    for k in range(mode + 1, last + 1):
        p *= mean / k
        levels[k - lowest] = p
    return lowest, last + 1 - lowest


@kernel(error_model="numpy")
def make_narrow(mean, signal, levels, cells, tables):
    """Make the cells of `mean` and the table of what they leave, as `poisson.cell_table` does."""
    lowest, n = fill_levels(mean, levels)
    base, end, k = np.int64(-1), np.int64(0), np.int64(0)
    total = 0.0
    for i in range(n):
        share = levels[i] * CELLS
        whole = np.int64(share)
        if whole > 0 and k < NARROW_CELLS:
            if base < 0:
                base = lowest + i
            end += whole
            cells[signal.cell + k] = np.uint16(end - 1)
            k += 1
        levels[i] = share - whole
        total += levels[i]
    signal.base, signal.rest = base, base + k
    while k % 10 != 0:  # as many as are counted at once
        cells[signal.cell + k] = np.uint16(CELLS - 1)
        k += 1
    signal.cell_end = signal.cell + k
    if total <= 0.0:
        levels[0], total = 1.0, 1.0
    make_table(lowest, n, total, signal, levels, tables)


@kernel()
def make_wide(mean, signal, levels, tables, guides):
    """Make the table of `mean` and its guide, as `streams.quantile_table` does."""
    lowest, n = fill_levels(mean, levels)
    size = make_table(lowest, n, 1.0, signal, levels, tables)
    k = np.int64(0)
    for g in range(1 << GUIDE_BITS):
        start = np.uint32(g << (32 - GUIDE_BITS))
        while k < size - 1 and start > tables[signal.table + k]:
            k += 1
        guides[signal.guide + g] = k


@kernel(error_model="numpy")
def make_table(lowest, n, total, signal, levels, tables):
    """Write the thresholds between `n` levels whose weights sum to `total`; return how many there are."""
    size, cdf = np.int64(0), 0.0
    signal.lowest = lowest
    for i in range(n):
        cdf += levels[i] / total
        edge = math.floor(cdf * 4294967296.0 + 0.5)
        if edge < 1.0:
            signal.lowest += 1
        elif edge < 4294967296.0:
            tables[signal.table + size] = np.uint32(np.int64(edge) - 1)
            size += 1
        else:
            break
    tables[signal.table + size] = np.uint32(4294967295)
    return size + 1


# --- by neuron --------------------------------------------------------------------------------------------------------


@kernel()
def set_laws(rates, per_step, law):
    """Write the `law` of each neuron (three numbers) whose rate is rates[i] (spikes/s); 0 if there are no rates."""
    for i in range(law.size // 3):
        mean = rates[i] * per_step if rates.size else 0.0
        law[3 * i] = mean
        law[3 * i + 1], law[3 * i + 2] = law_at_mode(mean)


@kernel(error_model="numpy")
def set_edges(rates, per_step, n, edges):
    """Write the least words of numbers 1, 2, ... of each of `n` neurons: of number k + 1 of neuron i at [n k + i]."""
    for i in range(n):
        mean = rates[i] * per_step if rates.size else 0.0
        p = math.exp(-mean)
        cdf = p
        for k in range(edges.size // n):
            edges[n * k + i] = np.uint32(min(4294967295.0, math.floor(cdf * 4294967296.0 + 0.5)))
            p *= mean / (k + 1)
            cdf += p


@kernel()
def count_edges(words, edges, counts):
    """counts[i] = how many edges of neuron i its word reaches."""
    n = counts.size
    for i in range(n):
        counts[i] = np.uint32(words[i] >= edges[i])
    start = n
    while start < edges.size:
        count_one(words, edges[start : start + n], counts)
        start += n


@kernel(cache=True, pipeline_class=NoAlias)
def count_one(words, edges, counts):
    for i in range(counts.size):
        counts[i] += np.uint32(words[i] >= edges[i])


@kernel(error_model="numpy")
def law_at_mode(mean):
    """Return probability and distribution function of a Poisson number at its mode."""
    mode = np.int64(mean)
    below, above, p, k = 0.0, 0.0, 1.0, mode
    while k > 0 and p > TINY:
        p *= k / mean
        below += p
        k -= 1
    p, k = 1.0, mode
    while p > TINY:
        k += 1
        p *= mean / k
        above += p
    total = 1.0 + below + above
    return 1.0 / total, (1.0 + below) / total


@kernel(error_model="numpy")
def poisson_number(word, mean, p, cdf, k):
    """Return the Poisson number of a random word: the least whose distribution function reaches it.

    `p` and `cdf` are the probability and the distribution function at the number `k`.
    """
    u = (np.float64(word) + 0.5) * (1.0 / 4294967296.0)
    if u <= cdf:
        while k > 0 and u <= cdf - p:
            cdf -= p
            p *= k / mean
            k -= 1
    else:
        while u > cdf and p > 0.0:
            k += 1
            p *= mean / k
            cdf += p
    return k
