"""Edge lists that stay in their files: CSV, Parquet and SONATA, as connection rules.

The description holds the path and the columns. What the engine must know beforehand of all edges (`EdgeFacts`) is found
when the file is read, by all ranks together where there are several.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..files.arrow_tables import CsvTable, ParquetTable
from ..files.edge_tables import EdgeBlock, EdgeColumns, EdgeTable
from ..files.sonata_tables import SonataTable
from .quantities import LARGEST, number
from .rules import MOST_LISTED, Rule


@dataclass(frozen=True)
class FromFile:
    """Values that are a column of an edge list."""

    column: str

    def __str__(self) -> str:
        return f"column {self.column!r}"


class EdgeFacts(NamedTuple):
    """Numbers, delays and weights of an edge list that was read, the same on all ranks.

    Attributes
    ----------
    n : int
        Edges.
    delay_counts : ndarray of int64, or None
        Edges by delay in steps; None where the file holds no delays.
    weights : ndarray of float64, or None
        The different weights, ascending; None where there are none, or too many to be listed.
    most : int
        The largest indegree.
    content : str
        A sum of all that was read.
    """

    n: int
    delay_counts: np.ndarray | None
    weights: np.ndarray | None
    most: int
    content: str


@dataclass(frozen=True, eq=False)
class EdgeFile(Rule):
    """The edges of a file; `weight` and `delay` say which values are in it, `scale` multiplies its weights.

    Attributes
    ----------
    table : EdgeTable
        The file, and the columns that are read.
    scale : float
        Factor of the weights.
    """

    table: EdgeTable
    scale: float
    _found: list[EdgeFacts] = field(default_factory=list, repr=False)

    @property
    def columns(self) -> EdgeColumns:
        """The columns that are read."""
        return self.table.columns

    @property
    def is_read(self) -> bool:
        """Return whether the facts are known already."""
        return bool(self._found)

    @property
    def facts(self) -> EdgeFacts:
        """Return numbers, delays and weights of the edges; RuntimeError before they are read."""
        if not self._found:
            raise RuntimeError(f"{self.table.path}: its edges are not read yet")
        return self._found[0]

    def keep(self, facts: EdgeFacts) -> None:
        """Keep what was found in the file."""
        self._found[:] = [facts]

    def identity(self) -> tuple:
        """Return what ranks must agree about before the file is read."""
        return (
            type(self.table).__name__,
            str(self.table.path.name),
            tuple(self.columns),
            self.scale,
            self.table.stamp[0],
        )

    def expected(self, n_sources: int, n_targets: int) -> float:
        return self.facts.n

    def __str__(self) -> str:
        return f"edges of {self.table.path}"

    __repr__ = __str__

    def blocks(self, reader: int, n_readers: int) -> Iterator[EdgeBlock]:
        """Yield the blocks of this reader, weights scaled; ValueError where the file has changed or is no list."""
        self.table.check_unchanged()
        for block in self.table.blocks(reader, n_readers):
            weights = block.weights if block.weights is None or self.scale == 1.0 else block.weights * self.scale
            yield block._replace(weights=weights)


def csv_edges(
    path: str | Path,
    source: str,
    target: str,
    weight: str | None = None,
    delay: str | None = None,
    *,
    delimiter: str = ",",
    scale: float = 1.0,
) -> EdgeFile:
    """The edges of a CSV file: a header with the names of columns, then one edge a line.

    Each rank reads a part of the file when the network is built, and keeps the edges onto its neurons.

    Parameters
    ----------
    path : str or Path
        The file, which every rank must find.
    source, target : str
        Columns of neurons, 0-based in the parts that are connected.
    weight : str, optional
        Column of weights (pA, or mV). Without it, `connect` takes a number or a distribution.
    delay : str, optional
        Column of delays (ms, multiples of dt), likewise.
    delimiter : str
        What stands between two values.
    scale : float
        Factor of the weights in the file.

    Raises
    ------
    ModuleNotFoundError
        pyarrow is not installed.
    ValueError
        There is no such column. Wrong values are found when the network is built, and named with their line.
    """
    return _edge_file(CsvTable(Path(path), EdgeColumns(source, target, weight, delay), delimiter), scale)


def parquet_edges(
    path: str | Path,
    source: str,
    target: str,
    weight: str | None = None,
    delay: str | None = None,
    *,
    scale: float = 1.0,
) -> EdgeFile:
    """The edges of a Parquet file; arguments and errors as those of `csv_edges`. Row groups are dealt to the ranks."""
    return _edge_file(ParquetTable(Path(path), EdgeColumns(source, target, weight, delay)), scale)


def sonata_edges(
    path: str | Path,
    population: str | None = None,
    weight: str | None = "syn_weight",
    delay: str | None = "delay",
    *,
    scale: float = 1.0,
) -> EdgeFile:
    """The edges of a SONATA file, /edges/POPULATION: source_node_id, target_node_id, and values of each edge.

    Parameters
    ----------
    path : str or Path
        The file, which every rank must find.
    population : str, optional
        The edges to be read, where the file holds several populations of them.
    weight, delay : str, optional
        Names in the groups of edges; None where `connect` gives a number or a distribution.
    scale : float
        Factor of the weights in the file.

    Raises
    ------
    ValueError
        No such population or values. Wrong values are found when the network is built, and named with their edge.
    """
    return _edge_file(SonataTable(Path(path), population, weight, delay), scale)


def _edge_file(table: EdgeTable, scale: float) -> EdgeFile:
    return EdgeFile(table, number("scale", scale, -LARGEST, LARGEST))


def content_of(blocks: list[tuple[int, int, bytes]]) -> str:
    """Return the sum of a file from the (start, rows, sum) of its blocks in any order."""
    found = hashlib.blake2b(digest_size=16)
    for _, n, digest in sorted(blocks):
        found.update(n.to_bytes(8, "little") + digest)
    return found.hexdigest()


def check_number_of_edges(rule: EdgeFile, n: int) -> None:
    """ValueError for more edges than a list may have."""
    if n > MOST_LISTED:
        raise ValueError(f"{rule.table.path}: {n} edges: at most {MOST_LISTED} in one file, use several")
