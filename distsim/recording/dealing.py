"""Between what each rank has of its own neurons, dealt round-robin, and slices of neighbours that ranks write or read.

Neuron gid is the neuron number gid // size of rank gid % size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mpi4py import MPI


def slice_of(comm: MPI.Comm | None, mine: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the values of neurons bounds[rank] to bounds[rank + 1] - 1 (collective).

    Parameters
    ----------
    comm : the ranks; None for a single process.
    mine : ndarray, shape (n_local,)
        The values of this rank's neurons.
    bounds : ndarray of int64, shape (size + 1,)
        Where the ranks' slices begin and end, from 0 to the number of neurons.
    """
    if comm is None:
        return mine
    size, rank = comm.size, comm.rank
    received = _exchange(comm, mine, np.diff(_firsts(bounds, size, rank)), _owners(bounds, size, rank))
    values = np.empty(bounds[rank + 1] - bounds[rank], mine.dtype)
    for owner, part in enumerate(received):
        values[(owner - bounds[rank]) % size :: size] = part
    return values


def own_of(comm: MPI.Comm | None, values: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the values of this rank's neurons from slices (collective): undoes `slice_of`."""
    if comm is None:
        return values
    size, rank = comm.size, comm.rank
    parts = [values[(owner - bounds[rank]) % size :: size] for owner in range(size)]
    counts = np.diff(_firsts(bounds, size, rank))
    return np.concatenate(_exchange(comm, np.concatenate(parts), _owners(bounds, size, rank), counts))


def _firsts(bounds: np.ndarray, size: int, rank: int) -> np.ndarray:
    """Return the first neuron of `rank`, by its number there, at or behind each of `bounds`."""
    firsts: np.ndarray = np.maximum(0, -((rank - bounds) // size))
    return firsts


def _owners(bounds: np.ndarray, size: int, rank: int) -> np.ndarray:
    """Return how many neurons of the slice of `rank` each rank owns."""
    return np.array([np.diff(_firsts(bounds[rank : rank + 2], size, owner))[0] for owner in range(size)])


def _exchange(comm: MPI.Comm, sent: np.ndarray, n_sent: np.ndarray, n_received: np.ndarray) -> list[np.ndarray]:
    """Send each rank its part of `sent`; return the parts that came, by rank."""
    width = sent.dtype.itemsize
    received = np.empty(n_received.sum(), sent.dtype)
    sent = np.ascontiguousarray(sent)
    comm.Alltoallv([sent.view(np.uint8), n_sent * width], [received.view(np.uint8), n_received * width])
    return np.split(received, np.cumsum(n_received)[:-1])
