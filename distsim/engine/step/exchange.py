"""Spikes of all ranks, once per interval: `add` each spike of this rank, then `exchange`. Nothing else knows packets.

Every rank sends the counts of its spikes by step, and the first few of their ids, in a packet of fixed size
(Allgather); where some rank has more spikes than fit, all ids follow (Allgatherv, in the same way on all ranks). Both
are called from compiled code. The spikes are merged by (step, gid), so that nothing downstream depends on the number of
ranks. An interval has at most min_delay steps: a spike emitted in it arrives in the next one at the earliest.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import numpy as np

from ...parallel import Comm
from ..compiled.intrinsics import call, kernel, pointer

MAX_SIZE = 1 << 31  # spikes in one interval: the counts of MPI are 32-bit
PACKETS = 128  # ids in the packets of all ranks together: sending them takes about as long as the latency
LARGEST, SMALLEST = 32, 2  # ids in a packet
FAILED, MARKED = -1, -2  # instead of the head of the history
MARK = np.int32(-(1 << 31))  # instead of the count of a step


class SpikeExchange(NamedTuple):
    """The spikes of this rank in the present interval, and buffers for those of all ranks.

    Attributes
    ----------
    handles : int64
        Addresses of MPI_Allgather and MPI_Allgatherv, handles of communicator, int32 and uint32.
    sent, received : uint32
        Gids by step, of this rank and of all.
    packet, packets : int32
        Counts by step, then the first ids, shape (interval + room,); the same of all ranks. Counts are 0 before the
        first spike of an interval is added.
    room : int
        Ids that a packet holds.
    counts, starts : int32, shape (size,)
        Spikes by rank and where they begin in `received`.
    n_sent : int64, shape (1,)
        Spikes added in this interval.
    merged, scratch : uint32
        One step's spikes of all ranks.
    cursor, bounds : int64, shapes (size,) and (size + 1,)
        Progress of the merge, and the ascending runs left to merge.
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


class Traffic(NamedTuple):
    """Cost of an interval's exchange to each rank: collective calls, and bytes that it receives."""

    collectives: int
    bytes: float


def plan_exchange(comm: Comm, interval: int, most_sent: int, most_received: int) -> SpikeExchange:
    """Return buffers for at most `most_sent` spikes of this rank and `most_received` of all in one step.

    Memory is only touched as far as spikes fill it.

    Parameters
    ----------
    comm : communicator
        The ranks.
    interval : int
        Steps between two exchanges, at most.
    most_sent, most_received : int
        Spikes in one step.

    Raises
    ------
    ValueError
        More spikes than MPI can count could be sent in one interval.
    """
    if most_received * interval >= MAX_SIZE:
        raise ValueError(f"{most_received * interval} spikes could be sent in one interval: more than 2^31")
    size = comm.size
    handles = mpi_handles(comm) if size > 1 else np.zeros(5, np.int64)
    room = packet_room(size)
    return SpikeExchange(
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
    """Return how many ids the packet of each of `size` ranks holds."""
    return min(LARGEST, max(SMALLEST, PACKETS // size))


def traffic(size: int, n_steps: int, n_spikes: float) -> Traffic:
    """Return what the exchange of an interval costs where `size` ranks share `n_spikes` spikes evenly."""
    if size == 1:
        return Traffic(0, 0.0)
    room = packet_room(size)
    packets = 4.0 * size * (n_steps + room)
    return Traffic(2, packets + 4.0 * n_spikes) if n_spikes > room * size else Traffic(1, packets)


def mpi_handles(comm: Comm) -> np.ndarray:
    """Return the addresses of the MPI functions that mpi4py has loaded and the handles they take."""
    from mpi4py import MPI

    library = ctypes.CDLL(MPI.__file__)  # finds symbols of the libraries that it is linked with, too
    names = ("MPI_Allgather", "MPI_Allgatherv")
    functions = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in names]
    handles = [MPI._handleof(x) for x in (comm, MPI.INT32_T, MPI.UINT32_T)]
    return np.array([*functions, *handles], np.uint64).view(np.int64)


@kernel(forceinline=True)
def add(step, gid, spikes):
    """Add a spike of this rank's neuron `gid` in step `step` (from 0) of the interval; by ascending step and gid."""
    spikes.sent[spikes.n_sent[0]] = gid
    spikes.n_sent[0] += 1
    spikes.packet[step] += np.int32(1)


@kernel(forceinline=True)
def mark(spikes):
    """Have the exchange of this interval end as MARKED on all ranks."""
    spikes.packet[0] = MARK


@kernel(forceinline=True)
def exchange(start, n_steps, spikes, size, history, head):
    """Append the spikes of all ranks in the interval of `n_steps` steps after `start` to the history.

    Return the new head of its ring; FAILED where MPI reports an error; MARKED where a rank marked the interval. Then
    nothing is left of what was added.
    """
    found = gather(n_steps, spikes, size)
    if found == FAILED:
        return np.int64(FAILED)
    head = np.int64(MARKED) if found == MARKED else append_interval(start, n_steps, spikes, size, history, head)
    spikes.n_sent[0] = 0
    for k in range(spikes.packet.size):
        spikes.packet[k] = 0
    return np.int64(head)


@kernel(forceinline=True)
def gather(n_steps, spikes, size):
    """Fill `received` and its counts with the spikes of all ranks; return 0, or why not: FAILED or MARKED.

    Limits: one collective's latency (0.6 us on two ranks of one machine), or two; 4 bytes a spike.
    """
    if size == 1:
        return MARKED if spikes.packet[0] == MARK else 0
    allgather, allgatherv, comm, int32, uint32 = spikes.handles
    for k in range(min(spikes.n_sent[0], spikes.room)):
        spikes.packet[n_steps + k] = np.int32(spikes.sent[k])
    length = n_steps + spikes.room
    error = call(allgather, (pointer(spikes.packet), length, int32, pointer(spikes.packets), length, int32, comm))
    if error:
        return FAILED
    total, most = np.int32(0), np.int32(0)
    for rank in range(size):
        if spikes.packets[rank * length] == MARK:
            return MARKED
        spikes.starts[rank] = total
        count = np.int32(0)
        for step in range(n_steps):
            count += spikes.packets[rank * length + step]
        spikes.counts[rank] = count
        total += count
        most = max(most, count)
    if most <= spikes.room:
        for rank in range(size):
            ids = rank * length + n_steps
            for k in range(spikes.counts[rank]):
                spikes.received[spikes.starts[rank] + k] = np.uint32(spikes.packets[ids + k])
    else:
        error = call(
            allgatherv,
            (
                pointer(spikes.sent),
                spikes.n_sent[0],
                uint32,
                pointer(spikes.received),
                pointer(spikes.counts),
                pointer(spikes.starts),
                uint32,
                comm,
            ),
        )
    return FAILED if error else 0


@kernel(forceinline=True)
def append_interval(start, n_steps, spikes, size, history, head):
    """Append the interval's spikes, merged by gid within each step, to the history; return its new head."""
    gid_mask, step_mask = history.gids.size - 1, history.first.size - 1
    for rank in range(size):
        spikes.cursor[rank] = spikes.starts[rank]
    sent = 0
    for step in range(n_steps):
        if size == 1:
            n = np.int64(spikes.packet[step])
            gids = spikes.sent[sent : sent + n]
            sent += n
        else:
            n, in_scratch = merge_step(step, n_steps, spikes, size)
            gids = spikes.scratch if in_scratch else spikes.merged
        slot = (start + step + 1) & step_mask
        history.first[slot], history.count[slot] = head, n
        for i in range(n):
            history.gids[(head + i) & gid_mask] = gids[i]
        head += n
    return head


@kernel()
def merge_step(step, n_steps, spikes, size):
    """Merge the spikes of one step, ascending on each rank, pairwise; return their number, and whether they are in
    `scratch` rather than in `merged`."""
    n, n_runs = 0, 0
    for rank in range(size):
        count = np.int64(spikes.packets[rank * (n_steps + spikes.room) + step])
        if count:
            first = spikes.cursor[rank]
            spikes.bounds[n_runs] = n
            for i in range(count):
                spikes.merged[n + i] = spikes.received[first + i]
            spikes.cursor[rank] = first + count
            n += count
            n_runs += 1
    spikes.bounds[n_runs] = n
    source, target, in_scratch = spikes.merged, spikes.scratch, False
    while n_runs > 1:
        merged_runs = 0
        for run in range(0, n_runs, 2):
            a, b = spikes.bounds[run], spikes.bounds[run + 1]
            end = spikes.bounds[min(run + 2, n_runs)]
            merge(source, a, b, end, target)
            spikes.bounds[merged_runs] = a
            merged_runs += 1
        spikes.bounds[merged_runs] = n
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
