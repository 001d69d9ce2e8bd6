"""What all recordings share: an output file, filled at the start, concluded once at the end, given up on an error."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from distsim.recording.output import OutputFile

if TYPE_CHECKING:
    from typing import Self

    from mpi4py import MPI


class Recorder:
    """Base of the writers; they say what a new file holds (`_create`) and what is added at the end (`_conclude`).

    Every method is collective. Used in a ``with`` statement the file is closed at the end; after an exception it
    stays incomplete, under its temporary name ``<path>.part``.
    """

    def __init__(self, path: str | Path, comm: MPI.Comm | None, parallel: bool | None, n_bytes: int) -> None:
        self._closed = False
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

    def close(self) -> None:
        """Close the file and move it into place; a second call does nothing.

        Raises
        ------
        OSError
            On every rank, if it could not be completed.
        """
        if self._closed:
            return
        self._closed = True
        self._file.attempt_writing(self._conclude)
        self._file.finish()

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
