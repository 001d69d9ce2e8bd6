"""Input that does not come from neurons of the network and is not random: step currents, given spikes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..network import Network
from .decomposition import Decomposition
from .intrinsics import kernel
from .population_state import find_shared_currents, sum_currents


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


@kernel()
def apply_currents(t, currents, neurons):
    """Apply the changes due at step `t` to the device currents of the local neurons."""
    k = currents.position[0]
    while k < currents.steps.size and currents.steps[k] <= t:
        lids = currents.lids[currents.first[k] : currents.last[k]]
        for lid in lids:
            neurons.device[lid] += currents.changes[k]
        sum_currents(neurons, lids)
        k += 1
    if k > currents.position[0]:
        find_shared_currents(neurons)
    currents.position[0] = k


@kernel()
def add_scheduled(t, trains, first_lid, last_lid, inputs):
    """Add the spikes that sources first_lid ... last_lid - 1 emit at step `t` to their `inputs`."""
    k = trains.position[0]
    while k < trains.steps.size and trains.steps[k] == t and trains.lids[k] < last_lid:
        inputs[trains.lids[k] - first_lid] += 1.0
        k += 1
    trains.position[0] = k
