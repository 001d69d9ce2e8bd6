"""Given spike trains of any number: lists, arrays of times and ids, columns of files; checked, and kept compactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from ..files.spike_tables import SpikeTable
from ..neurons.sources import MOST_SPIKES
from .grid import TimeGrid
from .quantities import numbers, shown
from .units import without_unit

PIECE = 1 << 20  # spikes read at a time, since a conversion takes several arrays
MOST_KEY = 2**63 - 1


@dataclass(frozen=True, eq=False)
class SpikeTrains(Sequence[np.ndarray]):
    """The spikes of `n` sources; item k is the train of source k (steps, int64, ascending).

    Attributes
    ----------
    keys : ndarray of int64, ascending, read-only
        step * n + source of each spike.
    """

    n: int
    keys: np.ndarray

    def __len__(self) -> int:
        return self.n

    @overload
    def __getitem__(self, k: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, k: slice) -> list[np.ndarray]: ...

    def __getitem__(self, k: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(k, slice):
            return list(self)[k]
        source = range(self.n)[k]
        steps: np.ndarray = self.keys[self.keys % self.n == source] // self.n
        return steps

    def __iter__(self) -> Iterator[np.ndarray]:
        sources = self.keys % max(self.n, 1)
        order = np.argsort(sources, kind="stable")
        ends = np.cumsum(np.bincount(sources, minlength=self.n))[:-1]
        return iter(np.split(self.keys[order] // max(self.n, 1), ends) if self.n else [])

    @property
    def size(self) -> int:
        """Return the number of spikes."""
        return self.keys.size

    @property
    def first_step(self) -> int:
        """Return the step of the first spike; that of none is beyond all."""
        return int(self.keys[0]) // self.n if self.size else MOST_KEY

    def __reduce__(self) -> tuple:
        return _read_only, (self.n, self.keys)


def _read_only(n: int, keys: np.ndarray) -> SpikeTrains:
    keys.setflags(write=False)
    return SpikeTrains(n, keys)


class SpikeReader:
    """Collects spikes of the source population `name`, and checks them.

    Parameters
    ----------
    name : str
        What errors call it.
    n : int
        Sources.
    round_times : bool
        Whether times off the grid are rounded to the nearest step, at least the first one; they are refused otherwise.
    """

    def __init__(self, name: str, n: int, grid: TimeGrid, round_times: bool) -> None:
        self.name, self.n, self.grid, self.round_times = name, n, grid, round_times
        self.pieces: list[np.ndarray] = []

    def add(self, times: np.ndarray, ids: np.ndarray | int, where: str) -> None:
        """Add spikes of the sources `ids`, or of one, at `times` (ms, float64); ValueError naming a wrong one."""
        for start in range(0, times.size, PIECE):
            piece = times[start : start + PIECE]
            sources = ids[start : start + PIECE] if isinstance(ids, np.ndarray) else ids
            steps = self._steps(piece, where)
            least = int(steps.min(initial=1))
            if least < 1:
                at = f" {ids}" if isinstance(ids, int) else "s"
                raise ValueError(
                    f"{self.name}: spike times of source{at} must be at least dt = {self.grid.dt_ms:g} ms, "
                    f"not {self.grid.ms(least):g} ms"
                )
            if int(steps.max(initial=0)) > MOST_KEY // max(self.n, 1) - 1:
                raise ValueError(f"{self.name}: {where}: {piece.max():g} ms are too late for {self.n} sources")
            if isinstance(sources, np.ndarray) and (sources.min(initial=0) < 0 or sources.max(initial=0) >= self.n):
                wrong = sources[(sources < 0) | (sources >= self.n)][0]
                raise ValueError(f"{self.name}: {where}: ids must be from 0 to {self.n - 1}, not {wrong}")
            self.pieces.append(steps * self.n + sources)

    def _steps(self, times: np.ndarray, where: str) -> np.ndarray:
        if not self.round_times:
            found: np.ndarray = self.grid.steps(times, f"{self.name}: {where}")
            return found
        if not np.isfinite(times).all():
            raise ValueError(f"{self.name}: {where} must be finite, not {times[~np.isfinite(times)][0]}")
        steps: np.ndarray = np.rint(times * self.grid.dt.denominator / self.grid.dt.numerator).astype(np.int64)
        steps[(steps == 0) & (times > 0.0)] = 1
        return steps

    def trains(self) -> SpikeTrains:
        """Return all spikes; ValueError if a source has more than `MOST_SPIKES` in a step."""
        keys = self.pieces[0] if len(self.pieces) == 1 else np.concatenate([np.zeros(0, np.int64), *self.pieces])
        self.pieces.clear()
        keys.sort()
        crowded = np.flatnonzero(keys[MOST_SPIKES:] == keys[:-MOST_SPIKES]) if keys.size > MOST_SPIKES else keys[:0]
        if crowded.size:
            source = keys[crowded[0]] % self.n
            raise ValueError(
                f"{self.name}: source {source} has more than {MOST_SPIKES} spikes at one time: use several sources"
            )
        return _read_only(self.n, keys)


def read_trains(
    name: str, times: object, grid: TimeGrid, ids: object = None, n: int | None = None, round_times: bool = False
) -> SpikeTrains:
    """Return the spike trains of the source population `name`.

    Parameters
    ----------
    times : a list of times (ms) for each source; or the times of all spikes, whose sources are `ids`; or a file.
    ids : the source of each of the times, 0 to n - 1.
    n : sources; by default as many as lists, or the largest of `ids` and 1 more.
    round_times : see `SpikeReader`.

    Raises
    ------
    ValueError : times off the grid or below dt, ids that are none of the sources, too many spikes in a step.
    """
    if isinstance(times, SpikeTable):
        n = times.n_sources if n is None else n
        reader = SpikeReader(name, n, grid, round_times)
        for found in times.blocks():
            reader.add(found.times, found.ids, f"{times.path}: spike time")
        return reader.trains()
    times = without_unit(f"{name}: times", times, "ms")
    if ids is not None:
        return _flat(name, times, ids, grid, n, round_times)
    trains = list(times) if np.iterable(times) else [times]  # refused below
    if n is not None and n != len(trains):
        raise ValueError(f"{name}: times of {len(trains)} sources, not {n}; times of all spikes go with ids")
    reader = SpikeReader(name, len(trains), grid, round_times)
    for k, train in enumerate(trains):
        what = f"spike time of source {k}"
        values = numbers(f"{name}: {what}", train, unit="ms")
        if np.ndim(values) != 1:
            message = "times must be a list of times for each source, such as [[1.0, 2.0]] for one source"
            raise ValueError(f"{name}: {message}, not {shown(times)}")
        reader.add(np.asarray(values), k, what)
    return reader.trains()


def _flat(name: str, times: object, ids: object, grid: TimeGrid, n: int | None, round_times: bool) -> SpikeTrains:
    """Return trains given as times and sources of all spikes."""
    values = np.atleast_1d(numbers(f"{name}: times", times, unit="ms"))
    sources = np.atleast_1d(np.asarray(ids))
    if sources.dtype.kind not in "iu" and sources.size:
        raise ValueError(f"{name}: ids must be whole numbers, not {shown(ids)}")
    if values.ndim != 1 or values.shape != sources.shape:
        raise ValueError(f"{name}: {values.size} times and {sources.size} ids must be lists of equally many numbers")
    n = int(sources.max(initial=-1)) + 1 if n is None else n
    reader = SpikeReader(name, n, grid, round_times)
    reader.add(values, sources.astype(np.int64), "spike time")
    return reader.trains()
