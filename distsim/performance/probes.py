"""Measure this machine's limits: memory, caches, random numbers and MPI, on all ranks at once.

Half a second in all. No simulation needs it; `limits` holds what a simulation does against these numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from ..engine.compiled.cache import fill_once
from ..engine.compiled.cache_folder import agreed_folder
from ..engine.compiled.intrinsics import kernel
from ..engine.random import streams
from ..engine.step import delivery
from ..engine.step.exchange import SpikeExchange, add, exchange, plan_exchange
from ..parallel import Comm, SerialCommunicator

SIZES = tuple(1 << k for k in (17, 19, 21, 23, 25, 26))  # bytes: 128 kB to 64 MB, from L2 to memory
ONCE = 1 << 26  # bytes moved in one measurement
SLOTS = 1 << 15  # of the row that is added to: 128 kB, in the L2 cache
DRAWS, ADDS, COLLECTIVES = 1 << 21, 1 << 23, 1 << 10  # in one measurement
BEST_OF = 12  # short ones: what interrupts one is not in all


class Probes(NamedTuple):
    """This rank's best.

    Attributes
    ----------
    sizes : bytes, ascending. read, update : bytes/s of reading, and of reading and writing, arrays of these sizes.
    adds : additions/s to scattered places of a row in the L2 cache. philox : 32-bit words/s.
    collective : s, an exchange that needs one Allgather; 0 on one rank.
    """

    sizes: np.ndarray
    read: np.ndarray
    update: np.ndarray
    adds: float
    philox: float
    collective: float

    def reading(self, n_bytes: float) -> float:
        """Bytes/s of reading again and again an array of `n_bytes`."""
        return _between(n_bytes, self.sizes, self.read)

    def updating(self, n_bytes: float) -> float:
        """Bytes/s, read and written, of going again and again through an array of `n_bytes`."""
        return _between(n_bytes, self.sizes, self.update)


def _between(n_bytes: float, sizes: np.ndarray, rates: np.ndarray) -> float:
    return float(np.interp(np.log(max(n_bytes, 1.0)), np.log(sizes), rates))


def probe(comm: Comm) -> Probes:
    """Measure (collective)."""
    fill_once(comm, agreed_folder(comm), {"probes": lambda: _measure(SerialCommunicator(), 1 << 12, 1)})
    return _measure(comm, ONCE, COLLECTIVES)


def _measure(comm: Comm, once: int, n_collectives: int) -> Probes:
    numbers = np.ones(max(SIZES) // 8)  # zeros would all be one page that nobody has written
    parts = [(numbers[: size // 8], max(1, once // size)) for size in SIZES]
    read = [_rate(comm, n * part.nbytes, partial(read_all, n, part.view(np.int64))) for part, n in parts]
    # what is updated is read and written
    update = [_rate(comm, n * 2 * part.nbytes, partial(update_all, n, part)) for part, n in parts]
    words = np.random.default_rng(1).integers(0, SLOTS, SLOTS).astype(np.uint32) | np.uint32(1 << 16)
    row, u = np.zeros(SLOTS, np.int32), np.empty((4, 1024), np.uint32)
    n_adds, n_draws = max(1, min(ADDS, once) // SLOTS), max(1, min(DRAWS, once) // u.size)
    adds = _rate(comm, n_adds * SLOTS, lambda: add_all(n_adds, words, row))
    philox = _rate(comm, n_draws * u.size, lambda: draw_all(n_draws, u))
    spikes, history = plan_exchange(comm, 1, 1, comm.size), _short_history(comm.size)
    pairs = _rate(
        comm, n_collectives, lambda: exchange_all(n_collectives, spikes, comm.rank, comm.size, history), 4 * BEST_OF
    )
    sizes = np.array(SIZES, float)
    return Probes(sizes, np.array(read), np.array(update), adds, philox, 1.0 / pairs if comm.size > 1 else 0.0)


def _rate(comm: Comm, amount: float, work: Callable[[], object], best_of: int = BEST_OF) -> float:
    """`amount` by the shortest time (s) that `work` took while all ranks did it."""
    seconds = []
    for _ in range(best_of):
        comm.Barrier()
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return amount / min(seconds)


def _short_history(size: int) -> delivery.History:
    """Return a ring for the spikes of a few steps with one spike of each rank."""
    return delivery.History(np.zeros(1 << (2 * size).bit_length(), np.uint32), *np.zeros((2, 4), np.int64))


GRAIN = 1 << delivery.GRAIN_BITS
add_fixed = kernel(inline="always")(delivery.add_fixed)


@kernel(cache=True)
def read_all(repeats: int, numbers: np.ndarray) -> int:
    total = 0
    for k in range(repeats):
        for i in range(numbers.size):
            total += numbers[i] ^ k  # something new in each round, or the rounds could be merged into one
    return total


@kernel(cache=True)
def update_all(repeats: int, numbers: np.ndarray) -> None:
    for _ in range(repeats):
        for i in range(numbers.size):
            numbers[i] = 0.5 * numbers[i] + 1.0


@kernel(cache=True)
def add_all(repeats: int, words: np.ndarray, row: np.ndarray) -> None:
    for _ in range(repeats):
        for grain in range(words.size // GRAIN):
            add_fixed(np.uint64(grain * GRAIN), GRAIN, words, None, None, row, None, None)


@kernel(cache=True)
def draw_all(repeats: int, u: np.ndarray) -> None:
    for k in range(repeats):
        streams.words_by_owner(u.shape[1], 0, 1, k, 0, streams.POISSON, 1, 0, u)


@kernel(cache=True)
def exchange_all(repeats: int, spikes: SpikeExchange, rank: int, size: int, history: delivery.History) -> None:
    head = np.int64(0)
    for step in range(repeats):
        add(0, rank, spikes)
        head = exchange(step, 1, spikes, size, history, head)
