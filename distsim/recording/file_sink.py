"""Recordings that go to the files of a run's folder, part by part, as the simulation hands them on."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np

from .pieces import Pieces
from .spikes import SpikeFile
from .voltages import VoltageFile

SPIKES, VOLTAGES = "spikes.h5", "voltages.h5"


class FileSink:
    """Writes `spikes.h5` and, if voltages are recorded, `voltages.h5`; every method is collective.

    Parameters
    ----------
    folder : where the files go. dt : the step (ms). comm : an mpi4py communicator, or None.
    populations : name -> (first gid, n) of the populations whose spikes are recorded.
    voltage_ids : name -> int64 ids (0-based in the population) of the neurons whose V_m is recorded.
    mine : name -> int64, the columns among these that this rank brings.
    interval : steps between two samples.
    """

    def __init__(
        self,
        folder: Path,
        dt: Fraction,
        comm,
        populations: Mapping[str, tuple[int, int]],
        voltage_ids: Mapping[str, np.ndarray],
        mine: Mapping[str, np.ndarray],
        interval: int,
    ) -> None:
        self.folder, self._mine = folder, mine
        self.spike_file = SpikeFile(folder / SPIKES, populations, dt, comm) if populations else None
        self.voltage_file = (
            VoltageFile(folder / VOLTAGES, voltage_ids, dt, interval, comm, mine) if voltage_ids else None
        )

    @property
    def mode(self) -> str:
        """How files are written, see `OutputFile`; "off" if nothing is recorded."""
        files = [file for file in (self.spike_file, self.voltage_file) if file]
        return files[0].mode if files else "off"

    @property
    def files(self) -> list[str]:
        return [name for name, file in ((SPIKES, self.spike_file), (VOLTAGES, self.voltage_file)) if file]

    def spikes(self, steps: np.ndarray, gids: np.ndarray) -> None:
        self.spike_file.append(steps, gids)

    def voltages(self, steps: np.ndarray, block: np.ndarray) -> None:
        parts, start = {}, 0
        for name, columns in self._mine.items():
            parts[name] = block[:, start : start + columns.size]
            start += columns.size
        self.voltage_file.append(steps, parts)

    def copy(self, paths: Mapping[str, Path]) -> None:
        """Append what complete files of the same neurons hold: `paths` by the names of `files`."""
        if self.spike_file:
            self.spike_file.copy(paths[SPIKES])
        if self.voltage_file:
            self.voltage_file.copy(paths[VOLTAGES])

    def rename(self, paths: Mapping[str, Path]) -> None:
        """Let the complete files go to `paths`, by the names of `files`."""
        if self.spike_file:
            self.spike_file.rename(paths[SPIKES])
        if self.voltage_file:
            self.voltage_file.rename(paths[VOLTAGES])

    def close(self, t_start_ms: float, t_stop_ms: float, pieces: Pieces = ()) -> None:
        """Complete the files and move them into place; `pieces` (ms) is what was recorded where that has breaks."""
        for file in filter(None, (self.spike_file, self.voltage_file)):
            file.pieces = pieces
        if self.spike_file:
            self.spike_file.close(t_start_ms, t_stop_ms)
        if self.voltage_file:
            self.voltage_file.close()
