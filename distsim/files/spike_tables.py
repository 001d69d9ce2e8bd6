"""Spike trains in files, read in blocks: CSV and SONATA."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROWS = 1 << 20  # of a block
BYTES = 1 << 23


class SpikeBlock(NamedTuple):
    """Spikes that follow each other in a file: times (ms, float64) and ids (int64)."""

    times: np.ndarray
    ids: np.ndarray


class SpikeTable(ABC):
    """Spikes in the file `path`."""

    path: Path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path.name})"  # the same on all ranks

    @abstractmethod
    def blocks(self) -> Iterator[SpikeBlock]:
        """Yield all spikes; ValueError naming file and place where there are none."""

    @property
    def n_sources(self) -> int:
        """Return 1 more than the largest id."""
        return max((int(block.ids.max(initial=-1)) for block in self.blocks()), default=-1) + 1


class SonataSpikes(SpikeTable):
    """The spikes of one population of a SONATA file: /spikes/POP/timestamps and node_ids."""

    def __init__(self, path: Path, population: str | None) -> None:
        import h5py

        self.path = path
        try:
            with h5py.File(path, "r") as file:
                known = list(file["spikes"]) if "spikes" in file else []
                chosen = known[0] if population is None and len(known) == 1 else population
                if chosen not in known:
                    asked = "several populations" if chosen is None and known else f"no population {chosen!r}"
                    raise ValueError(f"{path}: {asked} of spikes: there are {', '.join(map(repr, known)) or 'none'}")
                self.where = f"/spikes/{chosen}"
                self.scale = self._check(file[self.where])
        except OSError as error:
            raise ValueError(f"{path}: is no HDF5 file that can be read ({error})") from None

    def _check(self, group: Any) -> float:
        """Return the ms of a unit of time; ValueError if the group is not whole."""
        for name in ("timestamps", "node_ids"):
            if name not in group or group[name].ndim != 1 or group[name].dtype.kind not in "iuf":
                raise ValueError(f"{self.path}: {self.where}/{name} is missing, or no list of numbers")
        if group["timestamps"].shape != group["node_ids"].shape:
            sizes = [group[name].shape[0] for name in ("timestamps", "node_ids")]
            raise ValueError(f"{self.path}: {self.where} has {sizes[0]} timestamps and {sizes[1]} node_ids")
        unit = group["timestamps"].attrs.get("units", "milliseconds")
        unit = unit.decode() if isinstance(unit, bytes) else str(unit)
        scales = {"milliseconds": 1.0, "ms": 1.0, "seconds": 1e3, "s": 1e3}
        if unit not in scales:
            where = f"{self.path}: {self.where}/timestamps"
            raise ValueError(f"{where}: units must be milliseconds or seconds, not {unit!r}")
        return scales[unit]

    def blocks(self) -> Iterator[SpikeBlock]:
        import h5py

        with h5py.File(self.path, "r") as file:
            group = file[self.where]
            for start in range(0, group["timestamps"].shape[0], ROWS):
                rows = slice(start, start + ROWS)
                ids, times = group["node_ids"][rows], group["timestamps"][rows].astype(float)
                if ids.dtype.kind == "f" and not np.array_equal(ids, np.floor(ids)):
                    raise ValueError(f"{self.path}: {self.where}/node_ids must be whole numbers")
                yield SpikeBlock(times if self.scale == 1.0 else times * self.scale, ids.astype(np.int64))


class CsvSpikes(SpikeTable):
    """A CSV file with a header and one spike a line."""

    def __init__(self, path: Path, time: str, id: str, delimiter: str) -> None:
        self.path, self.delimiter = path, delimiter
        with open(path, "rb") as file:
            line = file.readline()
        try:
            head = line.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(f"{path}: the first line is no text: a CSV file begins with names of columns") from None
        self.names = names = [name.strip().strip('"') for name in head.split(delimiter)]
        for name in (time, id):
            if name not in names:
                raise ValueError(f"{path}: no column {name!r}: there are {', '.join(map(repr, names))}")
        self.columns = (names.index(time), names.index(id))

    def blocks(self) -> Iterator[SpikeBlock]:
        with open(self.path, "rb") as file:
            file.readline()
            line = 1
            while text := file.read(BYTES):
                text += b"" if text.endswith(b"\n") else file.readline()
                if text.strip():
                    yield self._read(text, line)
                line += text.count(b"\n")

    def _read(self, text: bytes, before: int) -> SpikeBlock:
        """Return the spikes of whole lines, which follow `before` others."""
        where = f"{self.path}: after line {before}"
        try:
            times, ids = self._columns(text)
        except ValueError as error:  # pyarrow's are ValueErrors, too
            raise ValueError(f"{where}: {error}") from None
        wrong = np.flatnonzero(ids != np.floor(ids))
        if wrong.size:
            raise ValueError(f"{where}: ids must be whole numbers, not {ids[wrong[0]]:g}")
        return SpikeBlock(times, ids.astype(np.int64))

    def _columns(self, text: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Return times and ids as float64; by pyarrow, ten times as fast, where it is installed."""
        try:
            import pyarrow as pa
            from pyarrow import csv
        except ModuleNotFoundError:
            lines = text.decode("utf8").splitlines()
            found = np.loadtxt(lines, float, delimiter=self.delimiter, usecols=self.columns, ndmin=2, comments=None)
            return np.ascontiguousarray(found[:, 0]), found[:, 1]
        used = [self.names[k] for k in self.columns]
        table = csv.read_csv(
            pa.BufferReader(text),
            read_options=csv.ReadOptions(column_names=self.names, use_threads=False, block_size=len(text) + 1),
            parse_options=csv.ParseOptions(delimiter=self.delimiter),
            convert_options=csv.ConvertOptions(
                include_columns=used, column_types=dict.fromkeys(used, pa.float64()), null_values=[]
            ),
        )
        times, ids = (table.column(name).to_numpy().astype(float) for name in used)
        return times, ids
