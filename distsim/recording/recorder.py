"""Base of all recordings: an output file, filled at the start, concluded once at the end, given up on an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.files.paths import as_path
from distsim.recording.members import PIECES, dataset
from distsim.recording.output import OutputFile
from distsim.recording.pieces import Pieces
from distsim.recording.seal import trust
from distsim.recording.sonata import check_sound, open_to_read

if TYPE_CHECKING:
    import h5py
    from mpi4py import MPI
    from typing_extensions import Self


PERIOD = ("t_start_ms", "t_stop_ms")  # attributes of a population: the recorded period


class Recorder:
    """Base of the writers; they say what a new file holds (`_create`) and what is added at the end (`_conclude`).

    Every method is collective. Used in a ``with`` statement the file is closed at the end; after an exception it
    stays incomplete, under its temporary name ``<path>.part``.

    Attributes
    ----------
    pieces : sequence of (float, float)
        Start and end (ms) of each recorded piece; set before the file is closed where there are several.
    """

    def __init__(self, path: str | Path, comm: MPI.Comm | None, parallel: bool | None, n_bytes: int) -> None:
        self._closed = False
        self.pieces: Pieces = ()
        self._period: dict[str, float] = {}
        self._file = OutputFile(path, comm, parallel, n_bytes)
        self._file.attempt_writing(self._create)
        self._file.settle()

    @property
    def mode(self) -> str:
        """How the file is written: ``"parallel"``, ``"rank 0"`` or ``"serial"``."""
        return self._file.mode

    def _create(self) -> None:
        raise NotImplementedError

    def _conclude(self) -> None:
        raise NotImplementedError

    def rename(self, path: Path) -> None:
        """Let the complete file go to `path` instead."""
        self._file.path = path

    def _attempted(self, action: Callable[[], Any], n_bytes: int = 0) -> Any:
        """Return what `action` returns here, once it went well on all ranks and there is space for `n_bytes` in all.

        Raises
        ------
        Exception
            On every rank, if `action` fails on any of them (an OSError on those where it went well).
        """
        found: list[Any] = []
        self._file.attempt(lambda: found.append(action()))
        self._file.reserve(n_bytes)  # settles, too
        return found[0]

    def _check_source(self, path: str | Path) -> None:
        """Check on rank 0 that a file can be read to its end; the other ranks rely on that."""
        self._attempted(lambda: check_sound(path) if self._file.rank == 0 else None)
        self._attempted(lambda: trust(as_path(path)))

    def _read_share(
        self, path: str | Path, datasets: Mapping[str, tuple[int, ...]], start: int, n: int, n_bytes: int
    ) -> list[Any]:
        """Return this rank's share of the `n` rows from `start` on of each of the `datasets` in the complete file at
        `path`, which are named with the shape of a row; see `_attempted`."""
        share = self._file.share(n)
        rows = slice(start + share.start, start + share.stop)

        def read() -> list[Any]:
            with open_to_read(path) as file:
                return [_rows_of(file, name, rows, row) for name, row in datasets.items()]

        found: list[Any] = self._attempted(read, n_bytes)
        return found

    def close(self, t_start_ms: float | None = None, t_stop_ms: float | None = None) -> None:
        """Close the file and move it into place; a second call does nothing.

        Parameters
        ----------
        t_start_ms, t_stop_ms : float, optional
            The recorded period in ms.

        Raises
        ------
        OSError
            On every rank, if it could not be completed.
        """
        if self._closed:
            return
        self._closed = True
        self._period = {
            key: float(time) for key, time in zip(PERIOD, (t_start_ms, t_stop_ms), strict=True) if time is not None
        }
        self._file.attempt_writing(self._conclude)
        if len(self.pieces) > 1:
            self._file.attempt_writing(self._write_pieces)
        self._file.finish()

    def _write_pieces(self) -> None:
        """Write the recorded pieces, so that the file alone tells breaks from silence and from values that are NaN."""
        pieces = np.array(self.pieces, dtype="<f8")
        share = self._file.share(len(pieces))
        self._file.write(self._file.h5.create_dataset(PIECES, pieces.shape, "<f8"), share.start, pieces[share])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._closed = True
            self._file.abandon()


def _rows_of(file: h5py.File, name: str, rows: slice, row: tuple[int, ...]) -> Any:
    found = dataset(file, name, ndim=1 + len(row))
    if found.shape[1:] != row or found.shape[0] < rows.stop:
        raise ValueError(f"{found.name} has the shape {found.shape}, not {(rows.stop, *row)} or more rows")
    return found[rows]
