"""Spikes on disk: the SONATA spike file, written by all ranks together and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from distsim.recording.members import MOST_NEURONS, WHOLE, attribute, children
from distsim.recording.members import dataset as numbers
from distsim.recording.recorder import Recorder
from distsim.recording.sonata import (
    LONGEST,
    SHORTEST,
    in_order,
    open_to_read,
    times_of,
    write_header,
    write_sorting,
    write_units,
)

if TYPE_CHECKING:
    from mpi4py import MPI

CHUNK = 16384
BLOCK = 1 << 20  # spikes copied at a time
DATASETS = ("timestamps", "node_ids")


class SpikeFile(Recorder):
    """Writer of a SONATA spike file; its datasets hold the same bytes for any number of ranks.

    See `Recorder` for what a ``with`` statement does. Every method is collective; all ranks pass the same arguments.

    Parameters
    ----------
    path : str or Path
        The file; it appears under this name when it is closed.
    populations : mapping of str to (int, int)
        First gid and number of neurons of each recorded population, in the order of the file.
    dt : Fraction
        The step in ms.
    comm : mpi4py.MPI.Comm, optional
        The ranks that write; None for a single process.
    parallel : bool, optional
        See `OutputFile`.

    Attributes
    ----------
    counts : dict of str to int
        The spikes written so far, by population.

    Raises
    ------
    OSError
        On every rank, here and from every method, if writing fails on any rank (but see `OutputFile`).
    """

    def __init__(
        self,
        path: str | Path,
        populations: Mapping[str, tuple[int, int]],
        dt: Fraction,
        comm: MPI.Comm | None = None,
        *,
        parallel: bool | None = None,
    ) -> None:
        self.dt = dt
        self.populations = {name: (int(first), int(n)) for name, (first, n) in populations.items()}
        self.counts = dict.fromkeys(self.populations, 0)
        self._last = (-1, -1)
        super().__init__(path, comm, parallel, self._bytes(0))

    def _create(self) -> None:
        write_header(self._file.h5)
        spikes = self._file.h5.create_group("spikes", track_order=True)
        for name, (first, n) in self.populations.items():
            group = spikes.create_group(name)
            group.create_dataset("timestamps", (0,), "<f8", maxshape=(None,), chunks=(CHUNK,))
            group.create_dataset("node_ids", (0,), "<u8", maxshape=(None,), chunks=(CHUNK,))
            write_units(group["timestamps"], "ms")
            write_sorting(group, "by_time")
            group.attrs.update({"n": np.int64(n), "first_gid": np.int64(first), "dt_ms": float(self.dt)})

    def append(self, steps: np.ndarray, gids: np.ndarray) -> None:
        """Write the spikes that follow those written so far; gids of populations not recorded are left out.

        Parameters
        ----------
        steps : ndarray of int64, shape (n,)
            The step of each spike.
        gids : ndarray of uint32 or int64, shape (n,)
            The neuron of each spike. Sorted by (step, gid) and the same on all ranks.

        Raises
        ------
        ValueError
            If the spikes are not in order, within themselves or after those written before.
        """
        steps, gids = np.asarray(steps), np.asarray(gids)
        self._follow(steps, gids)
        if not steps.size:
            return
        self._file.reserve(self._bytes(sum(self.counts.values()) + steps.size))
        for name, (first, n) in self.populations.items():
            chosen = np.flatnonzero((gids >= first) & (gids < first + n))
            if chosen.size:
                mine = chosen[self._file.share(chosen.size)]
                self._extend(name, chosen.size, times_of(steps[mine], self.dt), gids[mine].astype(np.uint64) - first)
        self._file.settle()

    def copy(self, path: str | Path) -> None:
        """Append the spikes of the complete file at `path`, which follow those written so far, in bounded memory.

        Parameters
        ----------
        path : str or Path
            A file of the same populations; every rank reads its share of it.

        Raises
        ------
        ValueError
            On every rank, if it cannot be read on any of them (an OSError on those that can).
        """
        self._check_source(path)
        for name in self.populations:
            n = self._attempted(partial(_n_spikes, path, name))
            for start in range(0, n, BLOCK):
                self._copy_block(path, name, start, min(BLOCK, n - start))
        self._file.settle()

    def _copy_block(self, path: str | Path, name: str, start: int, n: int) -> None:
        datasets = {f"spikes/{name}/{dataset}": () for dataset in DATASETS}
        n_bytes = self._bytes(sum(self.counts.values()) + n)
        self._extend(name, n, *self._read_share(path, datasets, start, n, n_bytes))

    def _bytes(self, n_spikes: int) -> int:
        """Return the space that `n_spikes` take at most: each dataset may end in a chunk that is almost empty."""
        return 16 * (n_spikes + CHUNK * len(self.populations))

    def _follow(self, steps: np.ndarray, gids: np.ndarray) -> None:
        """Check that the spikes follow the last one, and remember their own last."""
        if steps.ndim != 1 or steps.shape != gids.shape:
            raise ValueError(f"steps and gids must be equally long lists, not of shape {steps.shape} and {gids.shape}")
        if not steps.size:
            return
        if not in_order(steps, gids, self._last):
            raise ValueError("spikes must be sorted by (step, gid) and follow those written before")
        self._last = (int(steps[-1]), int(gids[-1]))

    def _extend(self, name: str, n_new: int, times: np.ndarray, ids: np.ndarray) -> None:
        """Make room for the `n_new` spikes that all ranks bring, and write this rank's share of them."""
        count = self.counts[name]
        start = count + self._file.share(n_new).start
        for dataset, rows in zip(DATASETS, (times, ids), strict=True):
            self._file.attempt_writing(self._file.extend, f"spikes/{name}/{dataset}", count + n_new, start, rows)
        self.counts[name] += n_new

    def _conclude(self) -> None:
        for name in self.populations:
            self._file.h5["spikes"][name].attrs.update(self._period)


@dataclass(frozen=True, eq=False)
class Spikes:
    """The recorded spikes of one population.

    Attributes
    ----------
    times : ndarray of float64, shape (n_spikes,)
        In ms, in the order of the file.
    ids : ndarray of int64, shape (n_spikes,)
        The neuron of each spike, 0 to n - 1.
    n : int
        The number of neurons (where the file does not say: the highest id plus one).
    t_start_ms, t_stop_ms : float or None
        The recorded period in ms, if the file says.
    dt_ms : float or None
        The step in ms, if the file says.
    """

    times: np.ndarray
    ids: np.ndarray
    n: int
    t_start_ms: float | None = None
    t_stop_ms: float | None = None
    dt_ms: float | None = None


def read_spikes(path: str | Path) -> dict[str, Spikes]:
    """Read a SONATA spike file, distsim's or another's.

    Returns
    -------
    dict of str to Spikes
        By population, in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged or not a SONATA spike file.
    """
    with open_to_read(path) as file:
        return {name: _read_population(group) for name, group in children(file, "spikes")}


def read_periods(path: str | Path) -> list[tuple[float | None, float | None]]:
    """Return the recorded period (ms) of each population of a spike file, see `read_spikes`."""
    with open_to_read(path) as file:
        groups = [group for _, group in children(file, "spikes")]
        return [(attribute(group, "t_start_ms"), attribute(group, "t_stop_ms")) for group in groups]


def _n_spikes(path: str | Path, name: str) -> int:
    with open_to_read(path) as file:
        return int(numbers(file, f"spikes/{name}/timestamps").shape[0])


def _read_population(group: h5py.Group) -> Spikes:
    times = numbers(group, "timestamps")[:].astype(np.float64)
    ids = numbers(group, "node_ids", WHOLE)[:].astype(np.int64)
    if times.shape != ids.shape:
        raise ValueError(f"population {group.name} has {times.size} timestamps but {ids.size} node_ids")
    if not np.isfinite(times).all():
        raise ValueError(f"population {group.name} has timestamps that are not finite")
    n = attribute(group, "n", 0, MOST_NEURONS)
    n = int(min(ids.max(initial=-1) + 1, MOST_NEURONS) if n is None else n)
    if ids.size and not 0 <= ids.min() <= ids.max() < n:
        raise ValueError(f"population {group.name} has node_ids outside 0 to {n - 1}")
    start, stop = (attribute(group, key) for key in ("t_start_ms", "t_stop_ms"))
    if start is not None and stop is not None and start > stop:
        raise ValueError(f"population {group.name} is recorded from {start} to {stop} ms, which is no period")
    t_start_ms, t_stop_ms = (None if time is None else float(time) for time in (start, stop))
    return Spikes(times, ids, n, t_start_ms, t_stop_ms, _step(group))


def _step(group: h5py.Group) -> float | None:
    dt = attribute(group, "dt_ms", SHORTEST, LONGEST)
    return None if dt is None else float(dt)
