"""Recordings in parts that are closed now and then, so that a run that is killed loses only the last part.

While a run records, `parts/` in its folder holds files spikes-START-STOP.h5 (voltages-..., and so on), named by the
steps between which each was recorded, and the part being written, spikes.h5.part. An HDF5 file whose writer is killed
may be unreadable as a whole; parts that are closed and moved into place are never touched again. At the end they are
joined.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from distsim.files.paths import PARTS
from distsim.parallel import Comm
from distsim.recording.file_sink import FileSink
from distsim.recording.part_files import Span, part_path, spans_in
from distsim.recording.sonata import times_of


class PartSink:
    """A sink that writes parts; every method is collective.

    Parameters
    ----------
    folder : the run's folder.
    comm : an mpi4py communicator; rank 0 moves files.
    dt : the step (ms).
    make : returns the `FileSink` for a folder.
    start : the step at which the next part begins; set it when recording begins.
    """

    def __init__(
        self, folder: Path, comm: Comm, dt: Fraction, make: Callable[[Path], FileSink], start: int = 0
    ) -> None:
        self.folder, self.comm, self.dt, self.start = folder, comm, dt, start
        self._make = make
        self._on_root(lambda: (folder / PARTS).mkdir(exist_ok=True))
        self._sink: FileSink | None = make(folder / PARTS)  # at once: errors of writing come at the start
        self.mode, self.files = self._sink.mode, self._sink.files

    def _on_root(self, action: Callable[[], object]) -> None:
        error = None
        if self.comm.rank == 0:
            try:
                action()
            except OSError as failure:
                error = failure
        error = self.comm.bcast(error)
        if error is not None:
            raise error

    @property
    def _current(self) -> FileSink:
        if self._sink is None:
            self._sink = self._make(self.folder / PARTS)
        return self._sink

    def take(self, name: str, steps: np.ndarray, values: np.ndarray) -> None:
        """Take what the report `name` recorded, see `engine.step.sinks`."""
        self._current.take(name, steps, values)

    def commit(self, step: int) -> None:
        """Close the part that ends at `step`; what follows goes to the next one."""
        if step <= self.start or not self.files:
            return
        span, current = Span(self.start, step), self._current
        current.rename({name: part_path(self.folder, name, span) for name in self.files})
        current.close(*self._period(span))
        self._sink, self.start = None, step

    def _period(self, span: Span) -> tuple[float, float]:
        start, stop = times_of(np.array(span), self.dt)
        return float(start), float(stop)

    def close(self, step: int) -> None:
        """Close the last part and join all of them: the run's files hold the same as if there had been no parts."""
        self.commit(step)
        if self.files and not self._spans():  # nothing was recorded: the files are empty
            self._current.rename({name: self.folder / name for name in self.files})
            self._current.close(*self._period(Span(step, step)))
            self._sink = None
        elif self.files:
            self.stop(step)
            self._join()
        self._on_root(lambda: shutil.rmtree(self.folder / PARTS))

    def _spans(self) -> list[Span]:
        """Return the closed parts, as rank 0 sees them (collective)."""
        spans: list[Span] = self.comm.bcast(spans_in(self.folder, self.files[0]) if self.comm.rank == 0 else None)
        return spans

    def stop(self, step: int) -> None:
        """Close the current part, so that the run can be resumed; remove it if it has no steps."""
        self.commit(step)
        if self._sink is not None:
            paths = {name: self.folder / PARTS / name for name in self.files}
            self._sink.rename(paths)
            self._sink.close(*self._period(Span(step, step)))
            self._on_root(lambda: [path.unlink() for path in paths.values()])
        self._sink = None

    def _join(self) -> None:
        spans = self._spans()
        if len(spans) == 1:
            self._on_root(lambda: [part_path(self.folder, n, spans[0]).replace(self.folder / n) for n in self.files])
            return
        whole = self._make(self.folder)
        for span in spans:
            try:
                whole.copy({name: part_path(self.folder, name, span) for name in self.files})
            except ValueError as error:  # a damaged part is a fault, not a mistake of the user's
                raise OSError(str(error)) from None
        whole.close(*self._period(Span(spans[0].start, spans[-1].stop)))
