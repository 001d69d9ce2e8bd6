"""Edge lists from files: each rank reads its part, and passes every edge to the rank of its target.

The ranks go through the file in rounds, one block each, so that no rank ever holds more than a few blocks beside its
own edges. Everything that is wrong with a value is found here, and raised on all ranks.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...description.distributions import Distribution
from ...description.edge_files import EdgeFacts, EdgeFile, check_number_of_edges, content_of
from ...description.elements import Projection
from ...description.grid import TimeGrid
from ...description.indices import numbers_at
from ...description.network import Network
from ...description.projections import MOST_DELAYS, steps_of_delay
from ...description.quantities import LARGEST
from ...files.edge_tables import EdgeBlock
from ...parallel import Comm, SerialCommunicator
from ..step.decomposition import Decomposition
from .weights import PALETTE_SIZE


class OwnList(NamedTuple):
    """Edges of a file onto this rank's neurons, in the order of the file.

    Attributes
    ----------
    sources, targets : ndarray of int32, shape (n,)
        0-based in their selections.
    weights : ndarray of float64, shape (n,)
        Empty where the file has none.
    delays : ndarray of int16, shape (n,)
        Steps; empty where the file has none.
    rows : ndarray of uint32, shape (n,)
        Numbers of the edges in the file; empty where nothing is drawn for them.
    """

    sources: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    delays: np.ndarray
    rows: np.ndarray


class Chunk(NamedTuple):
    """Edges of one block that go to one rank: where the block begins, and what becomes an `OwnList`."""

    start: int
    own: OwnList


class Parcel(NamedTuple):
    """Message of one rank to another in a round: an error, whether more blocks follow, and edges."""

    problem: tuple[int, str] | None
    has_more: bool
    chunk: Chunk | None


Lists = Mapping[int, OwnList]  # by projection


def read_lists(network: Network, comm: Comm, deal: Decomposition, keep: bool = True) -> dict[int, OwnList]:
    """Read the edges of all files of `network`; keep those onto this rank's neurons, if asked to (collective).

    Raises
    ------
    ValueError
        On all ranks: a value that is missing or out of range, or a file that has changed.
    """
    lists = {}
    for number, projection in enumerate(network.projections):
        rule = projection.rule
        if isinstance(rule, EdgeFile) and (keep or not all(comm.allgather(rule.is_read))):
            lists[number] = Reading(projection, network.grid, comm, deal, keep).read()
    return lists


def read_facts(network: Network, comm: Comm | None = None) -> None:
    """Count edges in files, their delays and weights, unless that is done; keep no edges (collective with `comm`)."""
    comm = SerialCommunicator() if comm is None else comm
    read_lists(network, comm, Decomposition(network.n, comm.size, comm.rank), keep=False)


@dataclass
class Tally:
    """Counts of delays and weights in the blocks of this rank; see `EdgeFacts`."""

    blocks: list[tuple[int, int, bytes]]
    delays: np.ndarray
    weights: np.ndarray | None

    def add(self, start: int, own: OwnList) -> None:
        digest = hashlib.blake2b(digest_size=16)
        for array in own[:4]:
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        self.blocks.append((start, own.sources.size, digest.digest()))
        if own.delays.size:
            self.delays += np.bincount(own.delays, minlength=self.delays.size)
        if self.weights is not None:
            self.weights = np.union1d(self.weights, own.weights)
            if self.weights.size >= PALETTE_SIZE:
                self.weights = None


class Reading:
    """One file on its way to the ranks."""

    def __init__(self, projection: Projection, grid: TimeGrid, comm: Comm, deal: Decomposition, keep: bool) -> None:
        assert isinstance(projection.rule, EdgeFile)
        self.projection, self.rule, self.grid = projection, projection.rule, grid
        self.comm, self.deal, self.keep = comm, deal, keep
        columns = self.rule.columns
        self.needs_rows = any(isinstance(value, Distribution) for value in (projection.weight, projection.delay))
        self.tally = Tally([], np.zeros(MOST_DELAYS + 1, np.int64), None if columns.weight is None else np.zeros(0))
        self.indegree = np.zeros(len(projection.target), np.int64)
        self.chunks: list[Chunk] = []

    def read(self) -> OwnList:
        """Read the file and keep its facts; return this rank's edges, none if they are not to be kept (collective)."""
        blocks = self._checked()
        has_more = True
        while has_more:
            parcels = self._pass_on(self._next(blocks))
            problems = [parcel.problem for parcel in parcels if parcel.problem]
            if problems:
                raise ValueError(min(problems)[1])
            for parcel in parcels:
                if parcel.chunk is not None and self.keep:
                    self.chunks.append(parcel.chunk)
            has_more = any(parcel.has_more for parcel in parcels)
        starts = self._conclude()
        return self._own(starts)

    def _checked(self) -> Iterator[tuple[int, OwnList]]:
        for block in self.rule.blocks(self.comm.rank, self.comm.size):
            own = self._check(block)
            self.tally.add(block.start, own)
            self.indegree += np.bincount(own.targets, minlength=self.indegree.size)
            yield block.start, own

    def _next(self, blocks: Iterator[tuple[int, OwnList]]) -> tuple[tuple[int, str] | None, Chunk | None]:
        try:
            found = next(blocks, None)
        except (ValueError, OSError) as error:
            last = self.tally.blocks[-1][0] if self.tally.blocks else -1
            return (last, str(error)), None
        except MemoryError:
            return (-1, f"{self.rule.table.path}: cannot be read (not enough memory)"), None
        return None, None if found is None else Chunk(*found)

    def _pass_on(self, found: tuple[tuple[int, str] | None, Chunk | None]) -> list[Parcel]:
        """Send the edges of a block to the ranks of their targets; return what arrives (collective)."""
        problem, chunk = found
        has_more = chunk is not None
        if self.comm.size == 1:
            kept = None if chunk is None else Chunk(chunk.start, self._of_rank(chunk.own, self.deal.rank))
            return [Parcel(problem, has_more, kept)]
        if chunk is None:
            return list(self.comm.alltoall([Parcel(problem, has_more, None)] * self.comm.size))
        owners = self._owners(chunk.own)
        order = np.argsort(owners, kind="stable")
        ends = np.cumsum(np.bincount(owners, minlength=self.comm.size))
        parts = np.split(order, ends[:-1])
        chunks = [Chunk(chunk.start, _take(chunk.own, part)) for part in parts]
        return list(self.comm.alltoall([Parcel(problem, has_more, part) for part in chunks]))

    def _owners(self, own: OwnList) -> np.ndarray:
        gids = self.projection.target.population.first + numbers_at(self.projection.target.indices, own.targets)
        return (gids % self.deal.size).astype(np.uint16 if self.deal.size < 1 << 16 else np.int64)

    def _of_rank(self, own: OwnList, rank: int) -> OwnList:
        return own if self.deal.size == 1 else _take(own, np.flatnonzero(self._owners(own) == rank))

    def _conclude(self) -> dict[int, int]:
        """Keep the facts; return the first row of each block by where it begins (collective)."""
        told = self.comm.allgather((self.tally.blocks, self.tally.weights))
        blocks = sorted(block for part, _ in told for block in part)
        n = sum(rows for _, rows, _ in blocks)
        check_number_of_edges(self.rule, n)
        counts = None if self.rule.columns.delay is None else self.comm.allreduce(self.tally.delays)
        most = int(self.comm.allreduce(self.indegree).max(initial=0))
        weights = _together([part for _, part in told])
        self.rule.keep(EdgeFacts(n, counts, weights, most, content_of(blocks)))
        firsts = np.cumsum([0, *(rows for _, rows, _ in blocks)])
        return {start: int(first) for (start, _, _), first in zip(blocks, firsts, strict=False)}

    def _own(self, first_rows: Mapping[int, int]) -> OwnList:
        chunks, self.chunks = sorted(self.chunks, key=lambda chunk: chunk.start), []
        for k, (start, own) in enumerate(chunks):
            if self.needs_rows:
                chunks[k] = Chunk(start, own._replace(rows=own.rows + np.uint32(first_rows[start])))
        parts = [list(own) for _, own in chunks]
        chunks.clear()
        own = joined(parts)
        give_back_memory()
        return own

    # --- one block ----------------------------------------------------------------------------------------------------

    def _check(self, block: EdgeBlock) -> OwnList:
        """Return a block's edges with delays in steps; ValueError naming the first value that cannot be."""
        columns, projection = self.rule.columns, self.projection
        self._check_range(block, columns.source, block.sources, 0, len(projection.source) - 1)
        self._check_range(block, columns.target, block.targets, 0, len(projection.target) - 1)
        if block.weights is not None:
            self._check_range(block, str(columns.weight), block.weights, -LARGEST, LARGEST)
        delays = np.zeros(0, np.int16)
        if block.delays is not None:
            delays = self._steps(block, str(columns.delay), block.delays)
        n, is_short = block.sources.size, max(len(projection.source), len(projection.target)) < 2**31
        kind = np.int32 if is_short else np.int64
        rows = np.arange(n if self.needs_rows else 0, dtype=np.uint32)
        weights = np.zeros(0) if block.weights is None else block.weights
        return OwnList(block.sources.astype(kind), block.targets.astype(kind), weights, delays, rows)

    def _check_range(self, block: EdgeBlock, column: str, values: np.ndarray, low: float, high: float) -> None:
        wrong = ~((values >= low) & (values <= high))
        if wrong.any():
            row = int(np.argmax(wrong))
            allowed = f"from {low:g} to {high:g}" if high == LARGEST else f"from {low} to {high}"
            allowed = allowed if high >= low else "an id, but there is no neuron"
            raise ValueError(f"{self._where(block, row, column)}: must be {allowed}, not {values[row]}")

    def _steps(self, block: EdgeBlock, column: str, values: np.ndarray) -> np.ndarray:
        try:
            return np.asarray(steps_of_delay(column, values, self.grid)).astype(np.int16)
        except ValueError:
            row = first_wrong(values.size, lambda n: steps_of_delay(column, values[:n], self.grid))
        try:
            steps_of_delay(self._where(block, row, column), values[row : row + 1], self.grid)
        except ValueError as error:
            raise ValueError(str(error)) from None
        raise AssertionError("a delay that is wrong among others is right alone")

    def _where(self, block: EdgeBlock, row: int, column: str) -> str:
        table = self.rule.table
        return f"{table.path}: {table.place(block.start, row)}: column {column!r}"


def first_wrong(n: int, check: Callable[[int], object]) -> int:
    """Return the first of `n` values with which `check` of the first values raises a ValueError."""
    low, high = 0, n - 1
    while low < high:
        middle = (low + high) // 2
        try:
            check(middle + 1)
            low = middle + 1
        except ValueError:
            high = middle
    return low


def give_back_memory() -> None:
    """Return freed memory to the system, where the C library can: blocks leave as much of it as a rank's edges take."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _take(own: OwnList, chosen: np.ndarray) -> OwnList:
    return OwnList(*(array[chosen] if array.size else array for array in own))


def joined(parts: list[list[np.ndarray]]) -> OwnList:
    """Return the columns of all parts behind one another, and empty the parts on the way."""
    nothing = np.zeros(0, np.int32)
    parts.append([nothing, nothing, np.zeros(0), np.zeros(0, np.int16), np.zeros(0, np.uint32)])
    columns = []
    for k, empty in enumerate(parts[-1]):
        columns.append(np.concatenate([part[k] for part in parts]))
        for part in parts:
            part[k] = empty
    return OwnList(*columns)


def _together(weights: list[np.ndarray | None]) -> np.ndarray | None:
    """Return the different weights that the ranks found, None if one found too many, or all together did."""
    found = np.zeros(0)
    for part in weights:
        if part is None:
            return None
        found = np.union1d(found, part)
    return found if found.size < PALETTE_SIZE else None
