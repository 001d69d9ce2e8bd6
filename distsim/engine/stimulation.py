"""Input that does not come from neurons of the network: Poisson trains, step currents, given spikes.

Every neuron has its own Poisson train: one Philox block of (stimulus, neuron, step // 4) gives the numbers of four
consecutive steps, so a rank draws only for its own neurons. A number is the count of thresholds that its word exceeds
(`streams.poisson_table`), whole populations at a time, eight thresholds at once, so that LLVM vectorises it; tables
with many thresholds (large means) are searched instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from ..elements import PoissonInput
from ..network import Network
from . import streams
from .decomposition import Decomposition, runs

DRAW = 2048  # neurons drawn for at a time: their numbers stay in the L1 cache
LARGEST_MEAN = 40_000.0  # of one table, so that a number fits 16 bits; larger ones are sums
SEARCHED = 64  # thresholds from which on the table is searched

# columns of PoissonInputs.entries
FIRST, LAST, DELAY, START, STOP, OBJECT, TABLE, TABLE_END, LOWEST, RECEPTOR, COUNTS, GUIDE, DRAWN = range(13)


class PoissonInputs(NamedTuple):
    """Poisson input to this rank's neurons.

    Attributes
    ----------
    entries : int64 (n, 13), one stimulus onto one run of local neurons; columns above. DRAWN is the block of four
        steps that `counts` holds.
    weights : float64 (n,), pA. thresholds : uint32, the tables; guides : int32, for those that are searched.
    counts : uint16, numbers of four steps, by step and neuron, entry after entry.
    words : uint32 (4, DRAW), scratch.
    """

    entries: np.ndarray
    weights: np.ndarray
    thresholds: np.ndarray
    guides: np.ndarray
    counts: np.ndarray
    words: np.ndarray


class Currents(NamedTuple):
    """Changes of device currents, by step.

    Attributes
    ----------
    steps : int64 (n,), ascending. first, last : int64 (n,), the neurons lids[first:last] change.
    changes : float64 (n,), pA. lids : int64, local neurons, device after device. position : int64 (1,), the next one.
    """

    steps: np.ndarray
    first: np.ndarray
    last: np.ndarray
    changes: np.ndarray
    lids: np.ndarray
    position: np.ndarray


class Trains(NamedTuple):
    """Spikes that sources of this rank emit, by (step, lid).

    Attributes
    ----------
    steps : int64 (n,); lids : int64 (n,). position : int64 (1,), the next one.
    """

    steps: np.ndarray
    lids: np.ndarray
    position: np.ndarray


def plan_poisson(
    stimuli: Sequence[tuple[int, PoissonInput]], network: Network, deal: Decomposition, is_two: np.ndarray
) -> PoissonInputs:
    """Tables and buffers of this rank's Poisson input.

    Parameters
    ----------
    stimuli : with the number that tells the trains of one stimulus from those of another.
    is_two : as in `connectivity.connect`.
    """
    entries, weights, thresholds, guides = [], [], [], []
    n_thresholds = n_counts = 0
    for number, stimulus in stimuli:
        mean = stimulus.rate * network.grid.dt_ms * 1e-3
        parts = max(1, int(np.ceil(mean / LARGEST_MEAN)))
        table = streams.poisson_table(mean / parts)
        padded = np.full(-(-table.thresholds.size // 8) * 8, 2**32 - 1, np.uint32)
        padded[: table.thresholds.size] = table.thresholds
        two = is_two[network.populations.index(stimulus.target.population)]
        gids = stimulus.target.gids
        for part in range(parts if mean > 0 else 0):
            for first, last in runs(deal.lids(gids[deal.local(gids)])):
                window = (first, last, stimulus.delay, stimulus.start, stimulus.stop, number + (part << 20))
                where = (n_thresholds, n_thresholds + padded.size, table.first, int(two and stimulus.weight < 0))
                entries.append((*window, *where, n_counts, len(guides) << streams.GUIDE_BITS, -1))
                weights.append(stimulus.weight)
                n_counts += 4 * (last - first)
        thresholds.append(padded)
        guides.append(table.guide)
        n_thresholds += padded.size
    return PoissonInputs(
        np.array(entries, np.int64).reshape(-1, DRAWN + 1),
        np.array(weights, float),
        np.concatenate([*thresholds, np.zeros(0, np.uint32)]),
        np.concatenate([*guides, np.zeros(0, np.int32)]),
        np.zeros(n_counts, np.uint16),
        np.empty((4, DRAW), np.uint32),
    )


def plan_currents(network: Network, deal: Decomposition) -> Currents:
    """Changes of the device current by step: a change at step k with delay d first acts in step k + d + 1."""
    rows, lids, end = [], [np.zeros(0, np.int64)], 0
    for device in network.step_currents:
        gids = device.target.gids
        mine = deal.lids(gids[deal.local(gids)])
        changes = np.diff(device.amplitudes, prepend=0.0)
        steps = device.times + device.delay + 1
        rows += [(step, end, end + mine.size, change) for step, change in zip(steps, changes, strict=True)]
        lids.append(mine)
        end += mine.size
    rows.sort(key=lambda row: row[0])
    steps, first, last, changes = np.array(rows, float).reshape(-1, 4).T
    whole = (column.astype(np.int64) for column in (steps, first, last))
    return Currents(*whole, changes.copy(), np.concatenate(lids), np.zeros(1, np.int64))


def plan_spikes(network: Network, deal: Decomposition) -> Trains:
    """What the spike sources of this rank emit."""
    steps, lids = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for population in network.populations:
        for k, train in enumerate(population.spike_steps):
            gid = population.first + k
            if deal.local(gid):
                steps.append(train)
                lids.append(np.full(train.size, deal.lids(gid)))
    steps, lids = np.concatenate(steps), np.concatenate(lids)
    order = np.lexsort((lids, steps))
    return Trains(steps[order], lids[order], np.zeros(1, np.int64))


@njit
def apply_currents(t, currents, neurons):
    """Apply the changes due at step `t` to the device currents of the local neurons."""
    k = currents.position[0]
    while k < currents.steps.size and currents.steps[k] <= t:
        for lid in currents.lids[currents.first[k] : currents.last[k]]:
            neurons.device[lid] += currents.changes[k]
            neurons.current[lid] = neurons.I_e[lid] + neurons.device[lid]
        k += 1
    currents.position[0] = k


@njit
def add_scheduled(t, trains, first_lid, last_lid, inputs):
    """Add the spikes that sources first_lid ... last_lid - 1 emit at step `t` to their `inputs`."""
    k = trains.position[0]
    while k < trains.steps.size and trains.steps[k] == t and trains.lids[k] < last_lid:
        inputs[trains.lids[k] - first_lid] += 1.0
        k += 1
    trains.position[0] = k


@njit
def draw_poisson(t, poisson, rank, size, k0, k1):
    """Draw the numbers of the next four steps for every stimulus whose last ones are used up at step `t`.

    Limits, per neuron and step: one Philox word (0.2 ns vectorised), a comparison with each threshold, 2 bytes written.
    """
    for e in range(poisson.entries.shape[0]):
        entry = poisson.entries[e]
        emitted = t - entry[DELAY]
        if emitted <= entry[START] or emitted > entry[STOP] or emitted >> 2 == entry[DRAWN]:
            continue
        entry[DRAWN] = emitted >> 2
        n_entry = entry[LAST] - entry[FIRST]
        for a in range(0, n_entry, DRAW):
            n = min(DRAW, n_entry - a)
            owner = (entry[FIRST] + a) * size + rank
            streams.words_by_owner(n, owner, size, emitted >> 2, entry[OBJECT], streams.POISSON, k0, k1, poisson.words)
            for w in range(4):
                counts = poisson.counts[entry[COUNTS] + w * n_entry + a :]
                if entry[TABLE_END] - entry[TABLE] > SEARCHED:
                    search_levels(n, poisson.words[w], poisson.thresholds, poisson.guides, entry, counts)
                else:
                    count_levels(n, poisson.words[w], poisson.thresholds[entry[TABLE] : entry[TABLE_END]], counts)


@njit
def count_levels(n, u, thresholds, counts):
    """counts[i] = number of thresholds (a multiple of 8 of them, ascending) below u[i]."""
    for j in range(0, thresholds.size, 8):
        c0, c1, c2, c3 = thresholds[j], thresholds[j + 1], thresholds[j + 2], thresholds[j + 3]
        c4, c5, c6, c7 = thresholds[j + 4], thresholds[j + 5], thresholds[j + 6], thresholds[j + 7]
        for i in range(n):
            x = u[i]
            k = np.uint32(x > c0) + np.uint32(x > c1) + np.uint32(x > c2) + np.uint32(x > c3)
            k += np.uint32(x > c4) + np.uint32(x > c5) + np.uint32(x > c6) + np.uint32(x > c7)
            counts[i] = np.uint16(k) if j == 0 else np.uint16(counts[i] + np.uint16(k))


@njit
def search_levels(n, u, thresholds, guides, entry, counts):
    for i in range(n):
        counts[i] = np.uint16(streams.level(u[i], thresholds, entry[TABLE], guides, entry[GUIDE]))


@njit
def add_poisson(t, poisson, first, last, inputs):
    """Add what arrives at step `t` to the inputs (receptors, ROW) of local neurons first ... last - 1."""
    for e in range(poisson.entries.shape[0]):
        entry = poisson.entries[e]
        a, b = max(first, entry[FIRST]), min(last, entry[LAST])
        emitted = t - entry[DELAY]
        if a >= b or emitted <= entry[START] or emitted > entry[STOP]:
            continue
        where = entry[COUNTS] + (emitted & 3) * (entry[LAST] - entry[FIRST]) - entry[FIRST]
        weight, lowest = poisson.weights[e], np.float64(entry[LOWEST])
        row, counts = inputs[entry[RECEPTOR]][a - first :], poisson.counts[where + a : where + b]
        for i in range(b - a):
            row[i] += weight * (lowest + np.float64(counts[i]))
