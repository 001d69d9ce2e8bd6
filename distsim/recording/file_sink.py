"""`FileSink`: write recordings to the files of a folder, as the simulation passes them on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distsim.description.reports import Report
from distsim.recording.pieces import Pieces
from distsim.recording.report_files import file_of
from distsim.recording.samples import SampleFile
from distsim.recording.spikes import SpikeFile

if TYPE_CHECKING:
    from mpi4py import MPI


class FileSink:
    """Writes a file for each report; every method is collective.

    Parameters
    ----------
    folder : Path
        Where the files go.
    dt : Fraction
        The step in ms.
    comm : mpi4py.MPI.Comm or None
        The ranks that write; None for a single process.
    reports : sequence of Report
        The recordings that get a file each.
    """

    def __init__(self, folder: Path, dt: Fraction, comm: MPI.Comm | None, reports: Sequence[Report]) -> None:
        self.folder = folder
        self._widths: dict[str, dict[str, int]] = {}
        self._files = {report.name: self._open(report, dt, comm) for report in reports}

    def _open(self, report: Report, dt: Fraction, comm: MPI.Comm | None) -> SpikeFile | SampleFile:
        path = self.folder / file_of(report.name)
        if report.is_spikes:
            return SpikeFile(path, {p.name: (p.first, p.n) for p in report.populations}, dt, comm)
        rank, size = (comm.rank, comm.size) if comm else (0, 1)
        mine = {p.name: np.flatnonzero((report.ids[p.name] + p.first) % size == rank) for p in report.populations}
        self._widths[report.name] = {name: columns.size for name, columns in mine.items()}
        return SampleFile(path, report.ids, dt, report.interval, comm, mine, units=report.units)

    @property
    def mode(self) -> str:
        """How files are written, see `OutputFile`; "off" if nothing is recorded."""
        return next((file.mode for file in self._files.values()), "off")

    @property
    def files(self) -> list[str]:
        return [file_of(name) for name in self._files]

    def take(self, name: str, steps: np.ndarray, values: np.ndarray) -> None:
        """Take what the report `name` recorded, see `engine.step.sinks`."""
        file = self._files[name]
        if isinstance(file, SpikeFile):
            file.append(steps, values)
        else:
            file.append(steps, self._by_population(name, values))

    def _by_population(self, name: str, values: np.ndarray) -> dict[str, np.ndarray]:
        widths = self._widths[name]
        return dict(zip(widths, np.split(values, np.cumsum(list(widths.values()))[:-1], axis=1), strict=True))

    def copy(self, paths: Mapping[str, Path]) -> None:
        """Append the content of complete files of the same neurons: `paths` by the names of `files`."""
        for name, file in self._files.items():
            file.copy(paths[file_of(name)])

    def rename(self, paths: Mapping[str, Path]) -> None:
        """Change where the complete files go: `paths` by the names of `files`."""
        for name, file in self._files.items():
            file.rename(paths[file_of(name)])

    def close(self, t_start_ms: float, t_stop_ms: float, pieces: Pieces = ()) -> None:
        """Complete the files and move them into place; `pieces` (ms) are the recorded pieces if there are breaks."""
        for file in self._files.values():
            file.pieces = pieces
            file.close(t_start_ms, t_stop_ms)
