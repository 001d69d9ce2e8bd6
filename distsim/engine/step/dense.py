"""Delivery where a good part of all pairs is connected by equal synapses: one bit per pair, summed bit by bit.

A group of projections between two populations that share weight and delay is a matrix of bits, a row for each source
and a column for each local target. What arrives at a neuron in a step is the weight times the number of its bits in the
rows of the spikes that are due. The rows are summed as binary numbers that stand upright: `planes[k]` holds digit k of
64 neurons a word, and full adders (two logical operations of AVX-512 each) add fifteen rows at once to all of them.

Limits, per spike and 512 local targets: one cache line from the L3 cache or memory, three logical operations; then,
once a step, 0.06 (one spike) to 0.34 ns a neuron to turn upright numbers into input. A synapse so costs a tenth of what
it costs in `delivery`. Only the span of words in which the rows have bits is looked at, since clusters leave most of a
row empty. Second synapses of a pair are in the table of `delivery`. Sums are whole numbers: no order can change them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..compiled.intrinsics import NoAlias, count_ones, kernel, prefetch
from .delivery import row_start

PLANE = 1024  # words of a plane: 65,536 neurons, the most that a shard has; a constant, so that LLVM sees no overlap
W = 2 * PLANE  # half words of a plane
GROUP = 15  # rows added at once
LINE = 8  # words of a cache line
FEW = 3  # as many rows, or fewer, have a shorter way
NO_ROWS = (np.int64(0), np.int64(PLANE), np.int64(0))  # rows, and the words in which they have bits
MOST_ROWS = 68 * GROUP  # in one sum: numbers have ten digits

# Summed are the rows of the panels first_panel ... last_panel - 1.
SUM = np.dtype(
    [
        ("first_panel", np.int64),
        ("last_panel", np.int64),
        ("words", np.int64),  # of a row
        ("targets", np.int64),  # neurons that begin at `slot` of the row of `shard`
        ("shard", np.int64),
        ("slot", np.int64),
    ]
)
# A matrix of the synapses of one delay from sources first_gid ... last_gid - 1.
PANEL = np.dtype(
    [
        ("delay", np.int64),  # steps
        ("first_gid", np.int64),
        ("last_gid", np.int64),
        ("bits", np.int64),  # where its bits begin
        ("row", np.int64),  # where its rows begin in `spans`
    ]
)


class Dense(NamedTuple):
    """Bit matrices onto this rank's neurons.

    Attributes
    ----------
    sums : SUM (n,).
    weights : float64 (n,), of each sum, pA (mV for delta synapses).
    panels : PANEL (m,).
    spans : uint16 (rows, 2), first and last (excluded) word of each row with bits; all `words` and 0 where none has.
    bits : uint64; the first PLANE words are 0.
    spikes : int64 (m, 2), planes : uint64 (10 PLANE,), rows : int64 (MOST_ROWS + GROUP,), scratch.
    """

    sums: np.ndarray
    weights: np.ndarray
    panels: np.ndarray
    spans: np.ndarray
    bits: np.ndarray
    spikes: np.ndarray
    planes: np.ndarray
    rows: np.ndarray


@kernel(forceinline=True)
def deliver_dense(t, dense, history, synapses):
    """Add to the rows of the synapse table what is due at step `t`; number of synaptic events."""
    find_spikes(t, dense, history)
    events, gid_mask = 0, history.gids.size - 1
    for s in range(dense.sums.shape[0]):
        n, first, last = NO_ROWS
        for p in range(dense.sums[s].first_panel, dense.sums[s].last_panel):
            panel, spikes = dense.panels[p], dense.spikes[p]
            for q in range(spikes[0], spikes[1]):
                row = np.int64(history.gids[q & gid_mask]) - panel.first_gid
                span = dense.spans[panel.row + row]
                first, last = min(first, np.int64(span[0])), max(last, np.int64(span[1]))
                dense.rows[n] = panel.bits + row * dense.sums[s].words
                if spikes[1] - spikes[0] > GROUP:
                    prefetch_row(dense.rows[n], span, dense.bits)
                n += 1
                if n == MOST_ROWS:
                    events += add_sum(t, s, n, first, last, dense, synapses)
                    n, first, last = NO_ROWS
        if first < last:
            events += add_sum(t, s, n, first, last, dense, synapses)
    return events


@kernel(forceinline=True)
def find_spikes(t, dense, history):
    """Find the spikes that are due at step `t` in each panel; where these are few, ask for their rows."""
    gid_mask, step_mask = history.gids.size - 1, history.first.size - 1
    for s in range(dense.sums.shape[0]):
        for p in range(dense.sums[s].first_panel, dense.sums[s].last_panel):
            panel, spikes = dense.panels[p], dense.spikes[p]
            step = (t - panel.delay) & step_mask
            first = history.first[step]
            last = first + history.count[step]
            spikes[0] = first_from(panel.first_gid, first, last, history.gids, gid_mask)
            spikes[1] = first_from(panel.last_gid, spikes[0], last, history.gids, gid_mask)
            if spikes[1] - spikes[0] <= GROUP:
                for q in range(spikes[0], spikes[1]):
                    row = np.int64(history.gids[q & gid_mask]) - panel.first_gid
                    start = panel.bits + row * dense.sums[s].words
                    prefetch_row(start, dense.spans[panel.row + row], dense.bits)


@kernel()
def prefetch_row(start, span, bits):
    for word in range(np.int64(span[0]) & -LINE, np.int64(span[1]), LINE):
        prefetch(bits, start + word)


@kernel()
def first_from(gid, first, last, gids, mask):
    """The first of the ascending spikes first ... last - 1 of the ring `gids` that is not below `gid`."""
    while first < last:
        middle = (first + last) >> 1
        if gids[middle & mask] < gid:
            first = middle + 1
        else:
            last = middle
    return first


@kernel()
def add_sum(t, s, n, first, last, dense, synapses):
    """Sum words first ... last - 1 of the rows dense.rows[:n] and add the input at step `t`; number of events."""
    what, weight, n_words = dense.sums[s], dense.weights[s], last - first
    bits, rows, planes = dense.bits[first:], dense.rows, dense.planes  # the first words are a row without synapses
    start = row_start(t, what.shard, synapses) + what.slot
    target = synapses.row[start + 64 * first : start + min(64 * last, what.targets)]
    n_rows = n
    while n_rows % GROUP and n_rows != 1 and n_rows != FEW:
        rows[n_rows] = 0
        n_rows += 1
    if n_rows == 1:
        return add_one_row(bits[rows[0] : rows[0] + n_words], weight, target)
    if n_rows == FEW:
        return add_few_rows(rows, n_words, bits, weight, target)
    for k in range(10):
        for j in range(n_words):
            planes[k * PLANE + j] = 0
    for g in range(0, n_rows, GROUP):
        add_rows(rows[g : g + GROUP], n_words, bits, planes)
    return spread(n, planes.view(np.uint32), weight, target)


@kernel(cache=True, pipeline_class=NoAlias)
def add_one_row(row, weight, target):
    """Add the weight to `target` where the row has bits; their number. 0.06 ns a neuron."""
    total, whole = 0, target.size >> 6
    for j in range(row.size):
        n = 64 if j < whole else target.size - 64 * whole
        part = target[64 * j : 64 * j + n]
        total += count_ones(row[j])
        for k in range(n):
            part[k] += weight if row[j] & (np.uint64(1) << np.uint64(k)) else 0.0
    return total


@kernel(forceinline=True)
def full_adder(a, b, c):
    """Digit and carry of the sum of three bits, 64 times over."""
    d = a ^ b
    return d ^ c, (a & b) | (d & c)


@kernel(cache=True, pipeline_class=NoAlias)
def add_few_rows(r, n_words, bits, weight, target):
    """Add the weight to `target` for each bit in the rows that begin at bits[r[0]], bits[r[1]] and bits[r[2]]; number
    of bits. 0.1 ns a neuron."""
    x0, x1, x2 = bits[r[0] : r[0] + n_words], bits[r[1] : r[1] + n_words], bits[r[2] : r[2] + n_words]
    twice, thrice = 2 * weight, 3 * weight
    total, whole = 0, target.size >> 6
    for j in range(n_words):
        n = 64 if j < whole else target.size - 64 * whole
        part = target[64 * j : 64 * j + n]
        ones, twos = full_adder(x0[j], x1[j], x2[j])
        total += count_ones(ones) + 2 * count_ones(twos)
        for k in range(n):
            bit = np.uint64(1) << np.uint64(k)
            low, high = weight if ones & bit else 0.0, thrice if ones & bit else twice
            part[k] += high if twos & bit else low
    return total


@kernel(cache=True, pipeline_class=NoAlias)
def add_rows(r, n_words, bits, planes):
    """Add the rows that begin at bits[r[0]] ... bits[r[14]] to the numbers in `planes`."""
    # views, so that the index is j alone, which cannot be negative
    x0, x1, x2 = bits[r[0] : r[0] + n_words], bits[r[1] : r[1] + n_words], bits[r[2] : r[2] + n_words]
    x3, x4, x5 = bits[r[3] : r[3] + n_words], bits[r[4] : r[4] + n_words], bits[r[5] : r[5] + n_words]
    x6, x7, x8 = bits[r[6] : r[6] + n_words], bits[r[7] : r[7] + n_words], bits[r[8] : r[8] + n_words]
    x9, x10, x11 = bits[r[9] : r[9] + n_words], bits[r[10] : r[10] + n_words], bits[r[11] : r[11] + n_words]
    x12, x13, x14 = bits[r[12] : r[12] + n_words], bits[r[13] : r[13] + n_words], bits[r[14] : r[14] + n_words]
    for j in range(n_words):
        # fifteen bits become a number of four digits
        a, a2 = full_adder(x0[j], x1[j], x2[j])
        b, b2 = full_adder(x3[j], x4[j], x5[j])
        c, c2 = full_adder(x6[j], x7[j], x8[j])
        d, d2 = full_adder(x9[j], x10[j], x11[j])
        e, e2 = full_adder(x12[j], x13[j], x14[j])
        f, f2 = full_adder(a, b, c)
        ones, g2 = full_adder(d, e, f)
        a, a4 = full_adder(a2, b2, c2)
        b, b4 = full_adder(d2, e2, f2)
        twos, c4 = full_adder(a, b, g2)
        fours, eights = full_adder(a4, b4, c4)
        # which is added to the ten digits that are there
        planes[j], carry = planes[j] ^ ones, planes[j] & ones
        planes[PLANE + j], carry = full_adder(planes[PLANE + j], twos, carry)
        planes[2 * PLANE + j], carry = full_adder(planes[2 * PLANE + j], fours, carry)
        planes[3 * PLANE + j], carry = full_adder(planes[3 * PLANE + j], eights, carry)
        planes[4 * PLANE + j], carry = planes[4 * PLANE + j] ^ carry, planes[4 * PLANE + j] & carry
        planes[5 * PLANE + j], carry = planes[5 * PLANE + j] ^ carry, planes[5 * PLANE + j] & carry
        planes[6 * PLANE + j], carry = planes[6 * PLANE + j] ^ carry, planes[6 * PLANE + j] & carry
        planes[7 * PLANE + j], carry = planes[7 * PLANE + j] ^ carry, planes[7 * PLANE + j] & carry
        planes[8 * PLANE + j], carry = planes[8 * PLANE + j] ^ carry, planes[8 * PLANE + j] & carry
        planes[9 * PLANE + j] ^= carry


@kernel(forceinline=True)
def number(k, a, b, c, d):
    """The number whose four digits are bit k of the words."""
    bit = np.uint32(1) << np.uint32(k)
    low = np.int32(1 if a & bit else 0) + np.int32(2 if b & bit else 0)
    return low + np.int32(4 if c & bit else 0) + np.int32(8 if d & bit else 0)


@kernel(cache=True, pipeline_class=NoAlias)
def spread(n_rows, planes, weight, target):
    """Add weight times the numbers in `planes` (uint32: 32 neurons a word) to `target`; the sum of the numbers.

    Of n_rows rows no number has more digits than n_rows; 0.2 to 0.34 ns a neuron.
    """
    total, zero = 0, np.uint32(0)
    whole = target.size >> 5
    for j in range(whole + 1):
        n = 32 if j < whole else target.size - 32 * whole
        part = target[32 * j : 32 * j + n]
        a, b, c, d = planes[j], planes[W + j], planes[2 * W + j], planes[3 * W + j]
        events = np.int32(0)
        if n_rows < 1 << 4:
            for k in range(n):
                x = number(k, a, b, c, d)
                events += x
                part[k] += weight * x
        else:
            e, f, g, h = planes[4 * W + j], planes[5 * W + j], planes[6 * W + j], planes[7 * W + j]
            if n_rows < 1 << 8:
                for k in range(n):
                    x = number(k, a, b, c, d) + 16 * number(k, e, f, g, h)
                    events += x
                    part[k] += weight * x
            else:
                y, z = planes[8 * W + j], planes[9 * W + j]
                for k in range(n):
                    x = number(k, a, b, c, d) + 16 * number(k, e, f, g, h) + 256 * number(k, y, z, zero, zero)
                    events += x
                    part[k] += weight * x
        total += events
    return total
