"""Spikes of all ranks, once per interval.

Every rank sends the counts of its spikes by step, and the first few of their ids, in a packet of fixed size
(Allgather); where some rank has more spikes than fit, all ids follow (Allgatherv, in the same way on all ranks). Both
are called from compiled code. What comes back is merged by (step, gid), so that nothing behind it can tell how many
ranks there are. An interval has at most min_delay steps: what is emitted in it arrives in the next one at the earliest.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import numpy as np

from ..compiled.intrinsics import call, kernel, pointer

MAX_SIZE = 1 << 31  # spikes in one interval: the counts of MPI are 32-bit
PACKETS = 128  # ids that the packets of all ranks together may hold: a latency's worth
LARGEST, SMALLEST = 32, 2  # ids in a packet


class Exchange(NamedTuple):
    """Plan and buffers.

    Attributes
    ----------
    handles : int64: addresses of MPI_Allgather and MPI_Allgatherv, handles of communicator, int32 and uint32.
    sent, received : uint32, gids by step; n_sent : int64 (1,).
    packet : int32 (interval + room,), counts by step, then the first ids; packets : int32, of all ranks.
    room : ids that a packet holds.
    counts, starts : int32 (size,), spikes by rank and where they begin in `received`.
    merged, scratch : uint32, one step's spikes of all ranks.
    cursor, bounds : int64 (size,) and (size + 1,), where merging stands and the runs that are left.
    """

    handles: np.ndarray
    sent: np.ndarray
    received: np.ndarray
    packet: np.ndarray
    packets: np.ndarray
    room: int
    counts: np.ndarray
    starts: np.ndarray
    n_sent: np.ndarray
    merged: np.ndarray
    scratch: np.ndarray
    cursor: np.ndarray
    bounds: np.ndarray


def plan_exchange(comm, interval: int, most_sent: int, most_received: int) -> Exchange:
    """Buffers for at most `most_sent` spikes of this rank and `most_received` of all in one step, `interval` steps.

    Memory is only touched as far as spikes fill it.
    """
    if most_received * interval >= MAX_SIZE:
        raise ValueError(f"{most_received * interval} spikes could be sent in one interval: more than 2^31")
    size = comm.size
    handles = mpi_handles(comm) if size > 1 else np.zeros(5, np.int64)
    room = packet_room(size)
    return Exchange(
        handles,
        np.empty(max(1, most_sent * interval), np.uint32),
        np.empty(max(1, most_received * interval) if size > 1 else 1, np.uint32),
        np.zeros(interval + room, np.int32),
        np.zeros(size * (interval + room), np.int32),
        room,
        np.zeros(size, np.int32),
        np.zeros(size, np.int32),
        np.zeros(1, np.int64),
        np.empty(max(1, most_received) if size > 1 else 1, np.uint32),
        np.empty(max(1, most_received) if size > 1 else 1, np.uint32),
        np.zeros(size, np.int64),
        np.zeros(size + 1, np.int64),
    )


def packet_room(size: int) -> int:
    """Ids that the packet of each of `size` ranks holds."""
    return min(LARGEST, max(SMALLEST, PACKETS // size))


def mpi_handles(comm) -> np.ndarray:
    """Addresses of the MPI functions that mpi4py has loaded and the handles they take."""
    from mpi4py import MPI

    library = ctypes.CDLL(MPI.__file__)  # looks into what it is linked with, too
    names = ("MPI_Allgather", "MPI_Allgatherv")
    functions = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in names]
    handles = [MPI._handleof(x) for x in (comm, MPI.INT32_T, MPI.UINT32_T)]
    return np.array([*functions, *handles], np.uint64).view(np.int64)


@kernel(forceinline=True)
def exchange(n_steps, plan, size):
    """Fill `received` and its counts with the spikes of all ranks in the last n_steps steps; False if MPI failed.

    Limits: one collective's latency (0.6 us on two ranks of one machine), or two; 4 bytes a spike.
    """
    if size == 1:
        return True
    allgather, allgatherv, comm, int32, uint32 = plan.handles
    for k in range(min(plan.n_sent[0], plan.room)):
        plan.packet[n_steps + k] = np.int32(plan.sent[k])
    length = n_steps + plan.room
    error = call(allgather, (pointer(plan.packet), length, int32, pointer(plan.packets), length, int32, comm))
    if error:
        return False
    total, most = np.int32(0), np.int32(0)
    for rank in range(size):
        plan.starts[rank] = total
        count = np.int32(0)
        for step in range(n_steps):
            count += plan.packets[rank * length + step]
        plan.counts[rank] = count
        total += count
        most = max(most, count)
    if most <= plan.room:
        for rank in range(size):
            ids = rank * length + n_steps
            for k in range(plan.counts[rank]):
                plan.received[plan.starts[rank] + k] = np.uint32(plan.packets[ids + k])
    else:
        error = call(
            allgatherv,
            (
                pointer(plan.sent),
                plan.n_sent[0],
                uint32,
                pointer(plan.received),
                pointer(plan.counts),
                pointer(plan.starts),
                uint32,
                comm,
            ),
        )
    return error == 0


@kernel(forceinline=True)
def append_interval(start, n_steps, plan, size, history, head):
    """Append the interval's spikes, merged by gid within each step, to the history; the new head of its ring."""
    gid_mask, step_mask = history.gids.size - 1, history.first.size - 1
    for rank in range(size):
        plan.cursor[rank] = plan.starts[rank]
    sent = 0
    for step in range(n_steps):
        if size == 1:
            n = np.int64(plan.packet[step])
            spikes = plan.sent[sent : sent + n]
            sent += n
        else:
            n, in_scratch = merge_step(step, n_steps, plan, size)
            spikes = plan.scratch if in_scratch else plan.merged
        slot = (start + step + 1) & step_mask
        history.first[slot], history.count[slot] = head, n
        for i in range(n):
            history.gids[(head + i) & gid_mask] = spikes[i]
        head += n
    return head


@kernel()
def merge_step(step, n_steps, plan, size):
    """Merge the spikes of one step, each rank's ascending, pairwise; their number, and whether they are in `scratch`
    rather than in `merged`."""
    n, n_runs = 0, 0
    for rank in range(size):
        count = np.int64(plan.packets[rank * (n_steps + plan.room) + step])
        if count:
            first = plan.cursor[rank]
            plan.bounds[n_runs] = n
            for i in range(count):
                plan.merged[n + i] = plan.received[first + i]
            plan.cursor[rank] = first + count
            n += count
            n_runs += 1
    plan.bounds[n_runs] = n
    source, target, in_scratch = plan.merged, plan.scratch, False
    while n_runs > 1:
        merged_runs = 0
        for run in range(0, n_runs, 2):
            a, b = plan.bounds[run], plan.bounds[run + 1]
            end = plan.bounds[min(run + 2, n_runs)]
            merge(source, a, b, end, target)
            plan.bounds[merged_runs] = a
            merged_runs += 1
        plan.bounds[merged_runs] = n
        n_runs = merged_runs
        source, target, in_scratch = target, source, not in_scratch
    return n, in_scratch


@kernel()
def merge(source, a, middle, end, target):
    """Merge the ascending source[a:middle] and source[middle:end] into target[a:end]."""
    i, j = a, middle
    for k in range(a, end):
        if j >= end or (i < middle and source[i] <= source[j]):
            target[k] = source[i]
            i += 1
        else:
            target[k] = source[j]
            j += 1
