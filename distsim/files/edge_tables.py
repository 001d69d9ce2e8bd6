"""Edge lists in files, read in blocks: CSV, Parquet and SONATA, each with its columns named.

A table knows its rows in blocks whose borders depend on the file alone. Of several readers each takes the blocks that
are dealt to it, so that together they read every row once.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np


class EdgeColumns(NamedTuple):
    """Names of the columns of an edge list; None for weights or delays that are not in it."""

    source: str
    target: str
    weight: str | None
    delay: str | None

    @property
    def used(self) -> list[str]:
        """The columns that are read."""
        return [name for name in self if name is not None]


class EdgeBlock(NamedTuple):
    """Rows of an edge list that follow each other.

    Attributes
    ----------
    start : int
        Where the block begins; ascends with the blocks of a file.
    sources, targets : ndarray of int64, shape (n,)
        Ids as they are in the file.
    weights, delays : ndarray of float64, shape (n,), or None
        None where the list has none.
    """

    start: int
    sources: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None
    delays: np.ndarray | None


class EdgeTable(ABC):
    """An edge list in the file `path`.

    Attributes
    ----------
    path : Path
        The file.
    columns : EdgeColumns
        Where its sources, targets, weights and delays are.
    stamp : tuple of int
        Size (bytes) and time of the last change (ns) as the table was opened.
    """

    def __init__(self, path: Path, columns: EdgeColumns) -> None:
        self.path, self.columns, self.stamp = path, columns, stamp_of(path)

    @abstractmethod
    def blocks(self, reader: int, n_readers: int) -> Iterator[EdgeBlock]:
        """Yield the blocks that are dealt to `reader`.

        Raises
        ------
        ValueError
            Something that is no number; the message names file, place and value.
        """

    @abstractmethod
    def place(self, start: int, row: int) -> str:
        """Return the words for row number `row` of the block that begins at `start`."""

    def check_unchanged(self) -> None:
        """ValueError if the file is no longer the one that was described."""
        if stamp_of(self.path) != self.stamp:
            raise ValueError(f"{self.path}: changed since it was described")


def stamp_of(path: Path) -> tuple[int, int]:
    """Return size (bytes) and time of the last change (ns) of a file."""
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


def check_columns(path: Path, columns: EdgeColumns, known: list[str]) -> None:
    """ValueError unless the columns are among those that are `known`, naming the first that is not."""
    for name in columns.used:
        if name not in known:
            raise ValueError(f"{path}: no column {name!r}: there are {', '.join(map(repr, known)) or 'none'}")


def whole_numbers(values: np.ndarray) -> np.ndarray | None:
    """Return numbers as int64; None unless all are whole."""
    if values.dtype.kind in "iu":
        return values.astype(np.int64, copy=False)
    if values.dtype.kind != "f" or not np.array_equal(values, np.floor(values)):
        return None
    return values.astype(np.int64)


def need_pyarrow(what: str) -> None:
    """ModuleNotFoundError with the command that installs pyarrow, where it is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ModuleNotFoundError:
        raise ModuleNotFoundError(f'{what} needs pyarrow: pip install "distsim[tables]"') from None
