"""Sampled quantities on disk: the SONATA report, written by all ranks together and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from distsim.recording.members import (
    MOST_NEURONS,
    REAL,
    WHOLE,
    attribute,
    children,
    dataset,
    has_attribute,
    text_attribute,
)
from distsim.recording.recorder import Recorder
from distsim.recording.sonata import LONGEST, SHORTEST, open_to_read, times_of, write_header, write_units
from distsim.recording.transpose import Transpose

if TYPE_CHECKING:
    from mpi4py import MPI

BLOCK = 1 << 22  # values copied at a time
LAST = 2**53  # step of a sample


def chunk_shape(n_columns: int) -> tuple[int, int]:
    """Return samples and neurons of a chunk: 256 KiB, and the last row of chunks, which may be almost empty, small."""
    n_columns = max(n_columns, 1)
    rows = min(max(2**22 // n_columns, 16), 1024)
    return rows, min(n_columns, 2**16 // rows)


class SampleFile(Recorder):
    """Writer of a SONATA report of one quantity; its datasets hold the same bytes for any number of ranks.

    See `Recorder` for what a ``with`` statement does. Every method is collective.

    Parameters
    ----------
    path : str or Path
        The file; it appears under this name when it is closed.
    columns : mapping of str to ndarray of int64, shape (n,)
        The recorded neurons of each population (0-based in it, ascending) on all ranks together.
    dt : Fraction
        The step in ms.
    interval_steps : int
        The steps from one sample to the next.
    comm : mpi4py.MPI.Comm, optional
        The ranks that write; None for a single process.
    mine : mapping of str to ndarray of int64, shape (n_mine,), optional
        The columns (indices into `columns`) that this rank brings; by default all of them. A population may be missing.
    units : mapping of str to str, optional
        The unit of each population's values; mV by default.
    parallel : bool, optional
        See `OutputFile`.

    Raises
    ------
    OSError
        On every rank, here and from every method, if writing fails on any rank (but see `OutputFile`).
    ValueError
        On every rank, if a column is brought by several ranks or by none.
    """

    def __init__(
        self,
        path: str | Path,
        columns: Mapping[str, np.ndarray],
        dt: Fraction,
        interval_steps: int,
        comm: MPI.Comm | None = None,
        mine: Mapping[str, np.ndarray] | None = None,
        *,
        units: Mapping[str, str] | None = None,
        parallel: bool | None = None,
    ) -> None:
        self.dt, self.interval_steps = dt, int(interval_steps)
        self._units = dict.fromkeys(columns, "mV") if units is None else units
        self.n_samples = 0
        self.columns = {name: np.asarray(ids, dtype=np.int64) for name, ids in columns.items()}
        self._first_step: int | None = None
        self._plan(comm, mine)
        super().__init__(path, comm, parallel, self._bytes(0))

    def _plan(self, comm: MPI.Comm | None, mine: Mapping[str, np.ndarray] | None) -> None:
        """Lay the columns of all populations side by side, so that one exchange serves them all."""
        if mine is None:
            mine = {name: np.arange(ids.size) for name, ids in self.columns.items()}
        self._mine = {name: np.asarray(mine.get(name, ()), dtype=np.int64) for name in self.columns}
        ends = np.cumsum([0] + [ids.size for ids in self.columns.values()])
        self._span = {name: slice(*ends[i : i + 2]) for i, name in enumerate(self.columns)}
        shifted = [self._span[name].start + own for name, own in self._mine.items()]
        self._transpose = Transpose(comm, np.concatenate([np.empty(0, dtype=np.int64), *shifted]), int(ends[-1]))

    def _create(self) -> None:
        write_header(self._file.h5)
        report = self._file.h5.create_group("report", track_order=True)
        for name, ids in self.columns.items():
            group = report.create_group(name)
            chunks = chunk_shape(ids.size)
            group.create_dataset("data", (0, ids.size), "<f4", maxshape=(None, None), chunks=chunks)
            write_units(group["data"], self._units[name])
            group.attrs.update({"dt_ms": float(self.dt), "interval_steps": self.interval_steps})
            self._create_mapping(group.create_group("mapping"), ids)

    def _create_mapping(self, mapping: h5py.Group, ids: np.ndarray) -> None:
        """Say whose columns they are, and when: neurons of one compartment each."""
        arrays = {
            "node_ids": ids.astype("<u8"),
            "index_pointers": np.arange(ids.size + 1, dtype="<u8"),
            "element_ids": np.zeros(ids.size, dtype="<u4"),
            "element_pos": np.zeros(ids.size, dtype="<f4"),
        }
        for name, array in arrays.items():
            share = self._file.share(array.size)
            self._file.write(mapping.create_dataset(name, array.shape, array.dtype), share.start, array[share])
        # libsonata looks for index_pointers, bmtk for index_pointer.
        mapping["index_pointer"] = mapping["index_pointers"]
        mapping["node_ids"].attrs["sorted"] = np.uint8(1)
        write_units(mapping.create_dataset("time", (3,), "<f8"), "ms")

    def append(self, steps: np.ndarray, block: Mapping[str, np.ndarray]) -> None:
        """Write the samples that follow those written so far.

        Parameters
        ----------
        steps : ndarray of int64, shape (k,)
            The steps of the samples, `interval_steps` apart; the same on all ranks.
        block : mapping of str to ndarray of float64, shape (k, n_mine)
            The values of this rank's columns, in the order of `mine`.

        Raises
        ------
        ValueError
            On every rank, if the steps do not continue those written before, or a block has the wrong shape on any.
        """
        steps = np.asarray(steps, dtype=np.int64)
        if not steps.size:
            return
        self._follow(steps)
        n_bytes = self._bytes(self.n_samples + steps.size)
        local = self._attempted(lambda: self._side_by_side(steps.size, block), n_bytes)
        rows = self._transpose.rows(local, self._file.bounds(steps.size))
        self._extend(steps.size, {name: rows[:, span] for name, span in self._span.items()})
        self._file.settle()

    def copy(self, path: str | Path) -> None:
        """Append the samples of the complete file at `path`, which follow those written so far, in bounded memory.

        Parameters
        ----------
        path : str or Path
            A report of the same neurons; every rank reads its share of it.

        Raises
        ------
        ValueError
            On every rank, if it cannot be read on any of them (an OSError on those that can), or does not follow.
        """
        self._check_source(path)
        all_steps = self._attempted(lambda: _steps_in(path))
        rows = max(1, BLOCK // max(1, sum(ids.size for ids in self.columns.values())))
        for start in range(0, all_steps.size, rows):
            steps = all_steps[start : start + rows]
            self._follow(steps)
            self._copy_block(path, start, steps.size)

    def _copy_block(self, path: str | Path, start: int, n: int) -> None:
        datasets = {f"report/{name}/data": (ids.size,) for name, ids in self.columns.items()}
        blocks = self._read_share(path, datasets, start, n, self._bytes(self.n_samples + n))
        self._extend(n, dict(zip(self.columns, blocks, strict=True)))
        self._file.settle()

    def _extend(self, n: int, blocks: Mapping[str, np.ndarray]) -> None:
        """Write this rank's share of the `n` samples that follow, (share, neurons) by population."""
        length, start = self.n_samples + n, self.n_samples + self._file.share(n).start
        for name in self.columns:
            self._file.attempt_writing(self._file.extend, f"report/{name}/data", length, start, blocks[name])
        self.n_samples += n

    def _bytes(self, n_samples: int) -> int:
        """Return the space that `n_samples` take at most, in chunks that may be almost empty."""
        shapes = [(ids.size, *chunk_shape(ids.size)) for ids in self.columns.values()]
        return sum(4 * (n + columns) * (n_samples + rows) for n, rows, columns in shapes)

    def _follow(self, steps: np.ndarray) -> None:
        if self._first_step is None:
            self._first_step = int(steps[0])
        expected = self._first_step + self.interval_steps * (self.n_samples + np.arange(steps.size))
        if not np.array_equal(steps, expected):
            raise ValueError(f"samples must be {self.interval_steps} steps apart and follow those written before")

    def _side_by_side(self, n_samples: int, block: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return this rank's columns of all populations as one float32 array."""
        local = np.empty((n_samples, sum(own.size for own in self._mine.values())), dtype=np.float32)
        start = 0
        for name, own in self._mine.items():
            values = np.asarray(block[name]) if own.size else np.empty((n_samples, 0))
            if values.shape != (n_samples, own.size):
                raise ValueError(f"values of {name} must have shape {(n_samples, own.size)}, not {values.shape}")
            local[:, start : start + own.size] = values
            start += own.size
        return local

    def _conclude(self) -> None:
        """Write when the samples are: as start, stop (exclusive) and step in ms, and exactly as steps."""
        first = self._first_step or 0
        steps = [first, first + self.n_samples * self.interval_steps, self.interval_steps]
        time = times_of(np.array(steps), self.dt)
        share = self._file.share(time.size)
        for group in self._file.h5["report"].values():
            group.attrs["first_step"] = first
            self._file.write(group["mapping/time"], share.start, time[share])


@dataclass(frozen=True, eq=False)
class Samples:
    """The recorded values of a quantity of one population.

    Attributes
    ----------
    times : ndarray of float64, shape (n_samples,)
        In ms.
    ids : ndarray of int64, shape (n,)
        The recorded neurons, 0-based in the population.
    values : ndarray of float32, shape (n_samples, n)
        In `unit`; float64 from a simulation.
    interval_ms : float
        From one sample to the next.
    unit : str
        For instance mV; empty if the file does not say, or for a pure number.
    """

    times: np.ndarray
    ids: np.ndarray
    values: np.ndarray
    interval_ms: float
    unit: str = "mV"


def read_reports(path: str | Path) -> dict[str, Samples]:
    """Read a SONATA report of one quantity.

    Returns
    -------
    dict of str to Samples
        By population, in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged or not a SONATA report.
    """
    with open_to_read(path) as file:
        found = {name: _read_population(group) for name, group in children(file, "report")}
        times = [samples.times for samples in found.values()]
        if not all(other.size == times[0].size and np.allclose(other, times[0], rtol=1e-9) for other in times[1:]):
            raise ValueError("the populations have samples at different times")
        return found


def read_grid(path: str | Path) -> tuple[int, int, int]:
    """Return of a report of distsim's the step of the first sample, their number, and the steps between two."""
    with open_to_read(path) as file:
        for _, group in children(file, "report"):
            first, interval = _grid_of(group)
            return first, dataset(group, "data", ndim=2).shape[0], interval
        raise ValueError("there is no population in /report")


def _steps_in(path: str | Path) -> np.ndarray:
    first, n, interval = read_grid(path)
    return first + interval * np.arange(n)


def _grid_of(group: h5py.Group) -> tuple[int, int]:
    """Return the step of the first sample, and the steps between two."""
    first = attribute(group, "first_step", 0, LAST, whole=True)
    interval = attribute(group, "interval_steps", 1, LAST, whole=True)
    if first is None or interval is None:
        raise ValueError(f"the attributes first_step and interval_steps of {group.name} are not both there")
    return int(first), int(interval)


def _read_population(group: h5py.Group) -> Samples:
    data, ids = dataset(group, "data", REAL, 2), dataset(group, "mapping/node_ids", WHOLE)[:].astype(np.int64)
    values = data[:]
    if values.shape[1] != ids.size:
        raise ValueError(f"population {group.name} has data of shape {values.shape} but {ids.size} node_ids")
    if (ids.size and not 0 <= ids.min() <= ids.max() < MOST_NEURONS) or np.unique(ids).size < ids.size:
        raise ValueError(f"population {group.name} has node_ids that are negative, too large or there twice")
    times, interval = _times_of(group, len(values))
    return Samples(times, ids, values, interval, text_attribute(data, "units"))


def _times_of(group: h5py.Group, n: int) -> tuple[np.ndarray, float]:
    """Return the times of `n` samples, and from one to the next (ms)."""
    dt = attribute(group, "dt_ms", SHORTEST, LONGEST)
    if has_attribute(group, "first_step") and dt is not None:
        first, interval = _grid_of(group)
        # The step as the fraction it was, so that the times are those of the spike file.
        step = Fraction(dt).limit_denominator(10**6)
        return times_of(first + interval * np.arange(n), step), float(times_of(np.array(interval), step))
    time = dataset(group, "mapping/time")[:].astype(np.float64)
    if time.size != 3 or not np.isfinite(time).all() or not time[2] > 0:
        raise ValueError(f"{group.name}/mapping/time is not start, stop and step")
    return time[0] + time[2] * np.arange(n), float(time[2])
