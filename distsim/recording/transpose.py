"""Turn columns (each rank's neurons) into rows (points in time), so that all ranks write equal slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mpi4py import MPI


class Transpose:
    """Exchange blocks of columns for blocks of rows among the ranks; planned once, applied often.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm or None
        The ranks; None for a single process.
    mine : ndarray of int64, shape (n_mine,)
        The columns that this rank brings.
    n_columns : int
        The columns of all ranks.

    Raises
    ------
    ValueError
        On every rank, if a column is brought by several ranks or by none.
    """

    def __init__(self, comm: MPI.Comm | None, mine: np.ndarray, n_columns: int) -> None:
        self.comm = comm
        self.columns = [mine] if comm is None else comm.allgather(mine)
        if not np.array_equal(np.sort(np.concatenate(self.columns)), np.arange(n_columns)):
            raise ValueError(f"each of the {n_columns} columns must be brought by exactly one rank")
        self.rank = 0 if comm is None else comm.rank
        self.counts = np.array([columns.size for columns in self.columns])

    def rows(self, block: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        """Return this rank's rows with all columns; collective.

        Parameters
        ----------
        block : ndarray of float32, shape (n_rows, n_mine)
            All rows of this rank's columns.
        bounds : ndarray of int64, shape (size + 1,)
            Rank r gets the rows bounds[r] to bounds[r + 1] - 1.

        Returns
        -------
        ndarray of float32, shape (bounds[rank + 1] - bounds[rank], n_columns)
        """
        n_rows = np.diff(bounds)
        received = self._exchange(np.ascontiguousarray(block), n_rows)
        rows = np.empty((n_rows[self.rank], self.counts.sum()), dtype=block.dtype)
        ends = np.cumsum(self.counts * n_rows[self.rank])
        for columns, part in zip(self.columns, np.split(received, ends[:-1]), strict=True):
            rows[:, columns] = part.reshape(-1, columns.size) if columns.size else 0
        return rows

    def _exchange(self, block: np.ndarray, n_rows: np.ndarray) -> np.ndarray:
        """Send every rank its rows of this rank's columns; return what all ranks sent, one after the other."""
        if self.comm is None:
            return block.ravel()
        counts = self.counts * n_rows[self.rank]
        received = np.empty(counts.sum(), dtype=block.dtype)
        self.comm.Alltoallv([block, n_rows * self.counts[self.rank]], [received, counts])
        return received
