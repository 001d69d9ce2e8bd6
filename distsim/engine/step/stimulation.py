"""Input that does not come from neurons of the network and is not random: step currents, given spikes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...description.elements import StepCurrent
from ...description.network import Network
from ...description.spike_trains import SpikeTrains
from ..compiled.intrinsics import kernel
from .decomposition import Decomposition
from .population_state import find_shared_currents, sum_currents

PIECE = 1 << 20  # given spikes that are dealt at a time


class Currents(NamedTuple):
    """Amplitudes of the devices that inject current into neurons of this rank, by step.

    Neurons with the same devices form a group: its current is the sum of its devices' amplitudes in their order,
    computed anew at each change, so that nothing of earlier amplitudes remains.

    Attributes
    ----------
    steps : int64 (n,), ascending; amplitudes : float64 (n,), pA; devices : int64 (n,), whose amplitude it becomes.
    now : float64 (n_devices,), pA, the amplitudes that hold.
    first_group : int64 (n_devices + 1,): groups[first_group[d] : first_group[d + 1]] get current from device d.
    first_device : int64 (n_groups + 1,): group g gets that of members[first_device[g] : first_device[g + 1]].
    first_lid : int64 (n_groups + 1,): group g has the local neurons lids[first_lid[g] : first_lid[g + 1]].
    updated : int64 (n_groups,), the change before which a group was last updated.
    position : int64 (1,), the next change.
    """

    steps: np.ndarray
    amplitudes: np.ndarray
    devices: np.ndarray
    now: np.ndarray
    first_group: np.ndarray
    groups: np.ndarray
    first_device: np.ndarray
    members: np.ndarray
    first_lid: np.ndarray
    lids: np.ndarray
    updated: np.ndarray
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


def plan_currents(network: Network, deal: Decomposition, devices: Sequence[StepCurrent] | None = None) -> Currents:
    """Return the amplitudes by step: those of step k with delay d first act in step k + d + 1.

    `devices` are those of the network, by default as described.
    """
    devices = network.step_currents if devices is None else devices
    targets = [device.target.gids for device in devices]
    targets = [deal.lids(gids[deal.local(gids)]) for gids in targets]
    none = np.zeros(0, np.int64)
    local = [(number, device) for number, device in enumerate(devices) if targets[number].size]
    steps = np.concatenate([none, *(device.times + device.delay + 1 for _, device in local)])
    owners = np.concatenate([none, *(np.full(device.times.size, number) for number, device in local)])
    amplitudes = np.concatenate([np.zeros(0), *(device.amplitudes for _, device in local)])
    order = np.argsort(steps, kind="stable")
    members, lids = _group(targets, deal.n_local)
    groups: list[list[int]] = [[] for _ in targets]
    for group, numbers in enumerate(members):
        for number in numbers:
            groups[number].append(group)
    return Currents(
        steps[order],
        amplitudes[order],
        owners[order],
        np.zeros(len(targets)),
        *_joined(groups),
        *_joined(members),
        *_joined(lids),
        np.full(len(members), -1),
        np.zeros(1, np.int64),
    )


def resume(currents: Currents, trains: Trains, step: int) -> None:
    """Move `currents` and `trains`, just planned, to the step after `step`."""
    for planned in (currents, trains):
        planned.position[0] = np.searchsorted(planned.steps, step, side="right")
    done = int(currents.position[0])
    devices, from_behind = np.unique(currents.devices[:done][::-1], return_index=True)
    currents.now[devices] = currents.amplitudes[done - 1 - from_behind]


def _group(targets: Sequence[np.ndarray], n_local: int) -> tuple[list[list[int]], list[np.ndarray]]:
    """Return the devices and the local neurons of each group, where device d injects into the neurons targets[d]."""
    group_of = np.zeros(n_local, np.int64)
    before, device = [-1], [-1]  # of each group: the group that it was without its last device, and that device
    for number, mine in enumerate(targets):
        old, new = np.unique(group_of[mine], return_inverse=True)
        group_of[mine] = len(before) + new
        before += old.tolist()
        device += old.size * [number]
    order = np.argsort(group_of, kind="stable")
    found, first = np.unique(group_of[order], return_index=True)
    members: list[list[int]] = []
    for group in found.tolist():
        members.append([])
        while group:
            members[-1].append(device[group])
            group = before[group]
        members[-1].reverse()
    lids = np.split(order, first[1:])
    kept = [k for k, numbers in enumerate(members) if numbers]  # the first one may be that of neurons without device
    return [members[k] for k in kept], [lids[k] for k in kept]


def _joined(parts: Sequence[Sequence[int] | np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return where each of `parts` begins and ends in all of them, one after the other, and these (int64)."""
    first = np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)])
    return first.astype(np.int64), np.concatenate([np.zeros(0, np.int64), *(np.array(p, np.int64) for p in parts)])


def plan_spikes(network: Network, deal: Decomposition, trains: Sequence[SpikeTrains | None] | None = None) -> Trains:
    """Return the spikes that this rank's spike sources emit.

    `trains` are those of each population (None: not a spike source), by default as described.
    """
    trains = [population.spike_trains for population in network.populations] if trains is None else trains
    found = [
        _local_spikes(population.first, given, deal)
        for population, given in zip(network.populations, trains, strict=True)
        if given is not None
    ]
    if len(found) == 1:
        return Trains(*found[0], np.zeros(1, np.int64))
    none = np.zeros(0, np.int64)
    steps, lids = (np.concatenate([none, *parts]) for parts in (zip(*found, strict=True) if found else ((), ())))
    order = np.lexsort((lids, steps))
    return Trains(steps[order], lids[order], np.zeros(1, np.int64))


def _local_spikes(first: int, trains: SpikeTrains, deal: Decomposition) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and local ids of the spikes of this rank's sources, by (step, id); gids begin at `first`."""
    steps, lids = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, trains.size, PIECE):
        when, sources = np.divmod(trains.keys[start : start + PIECE], trains.n)
        gids = sources + first
        mine = deal.local(gids)
        steps.append(when[mine])
        lids.append(deal.lids(gids[mine]))
    return np.concatenate(steps), np.concatenate(lids)


@kernel()
def apply_currents(t, currents, neurons):
    """Let the amplitudes hold that are due at step `t`, and bring the currents of their neurons up to date."""
    first = last = currents.position[0]
    while last < currents.steps.size and currents.steps[last] <= t:
        currents.now[currents.devices[last]] = currents.amplitudes[last]
        last += 1
    if last == first:
        return
    for k in range(first, last):
        device = currents.devices[k]
        for group in currents.groups[currents.first_group[device] : currents.first_group[device + 1]]:
            if currents.updated[group] != last:
                currents.updated[group] = last
                update_group(group, currents, neurons)
    find_shared_currents(neurons)
    currents.position[0] = last


@kernel(forceinline=True)
def update_group(group, currents, neurons):
    """Sum the amplitudes of a group's devices, and give its neurons that current."""
    current = 0.0
    for device in currents.members[currents.first_device[group] : currents.first_device[group + 1]]:
        current += currents.now[device]
    lids = currents.lids[currents.first_lid[group] : currents.first_lid[group + 1]]
    for lid in lids:
        neurons.device[lid] = current
    sum_currents(neurons, lids)


@kernel()
def add_scheduled(t, trains, first_lid, last_lid, inputs):
    """Add the spikes that sources first_lid ... last_lid - 1 emit at step `t` to their `inputs`."""
    k = trains.position[0]
    while k < trains.steps.size and trains.steps[k] == t and trains.lids[k] < last_lid:
        inputs[trains.lids[k] - first_lid] += 1.0
        k += 1
    trains.position[0] = k
