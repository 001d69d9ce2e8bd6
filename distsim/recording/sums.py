"""Slices of arrays for ranks to write or read, and sums of arrays that do not depend on how they are sliced."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mpi4py import MPI

BLOCK = 1 << 16  # numbers that have a sum of their own


def block_bounds(n_ranks: int, n: int, parallel: bool = True) -> np.ndarray:
    """Return the bounds of the ranks' slices of `n` numbers, at the ends of blocks; all of them rank 0's otherwise."""
    if not parallel:
        return np.array([0] + n_ranks * [n])
    n_blocks = -(-n // BLOCK)
    return np.minimum(n, np.arange(n_ranks + 1) * n_blocks // n_ranks * BLOCK)


def _block_sums(rows: np.ndarray) -> bytes:
    blocks = (rows[start : start + BLOCK] for start in range(0, rows.size, BLOCK))
    return b"".join(hashlib.blake2b(block.tobytes(), digest_size=8).digest() for block in blocks)


def _sum_of(block_sums: list[bytes]) -> str:
    return hashlib.blake2b(b"".join(block_sums), digest_size=8).hexdigest()


def sums_of(comm: MPI.Comm | None, rows: Mapping[str, np.ndarray]) -> dict[str, str]:
    """The sum of each array from the ranks' slices (collective)."""
    mine = {name: _block_sums(np.ascontiguousarray(part)) for name, part in rows.items()}
    of_all = [mine] if comm is None else comm.allgather(mine)
    return {name: _sum_of([sums[name] for sums in of_all]) for name in mine}


def sum_of(array: np.ndarray) -> str:
    """The sum of an array that one rank holds."""
    return _sum_of([_block_sums(array)])
