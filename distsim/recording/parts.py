"""Recordings in parts that are closed now and then, so that whatever ends a run leaves all but the last of them.

While a run records, `parts/` in its folder holds files spikes-START-STOP.h5 (and voltages-...), the steps between
which each was recorded, and the one that is being written, spikes.h5.part. An HDF5 file whose writer is killed may be
unreadable as a whole; those that are closed and moved into place are not touched any more. At the end they are joined.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from distsim.recording.file_sink import SPIKES, VOLTAGES, FileSink
from distsim.recording.sonata import times_of
from distsim.recording.spikes import Spikes, read_periods, read_spikes
from distsim.recording.voltages import Voltages, read_samples, read_voltages

FOLDER = "parts"


class Span(NamedTuple):
    """The steps start + 1 ... stop of a part."""

    start: int
    stop: int


def part_path(folder: Path, name: str, span: Span) -> Path:
    """Where the part of `name` (spikes.h5 or voltages.h5) is in the run's `folder`."""
    return folder / FOLDER / f"{Path(name).stem}-{span.start:012d}-{span.stop:012d}.h5"


def spans_in(folder: Path, name: str) -> list[Span]:
    """The closed parts of `name` in the run's `folder`, in order of time."""
    matches = [
        re.fullmatch(rf"{Path(name).stem}-(\d+)-(\d+)\.h5", path.name) for path in (folder / FOLDER).glob("*.h5")
    ]
    return sorted(Span(int(match[1]), int(match[2])) for match in matches if match)


class PartSink:
    """A sink that writes parts; every method is collective.

    Parameters
    ----------
    folder : of the run. comm : an mpi4py communicator (rank 0 moves files). dt : the step (ms).
    make : makes the `FileSink` for a folder.
    start : the step at which the next part begins; set it when recording begins.
    """

    def __init__(self, folder: Path, comm, dt: Fraction, make: Callable[[Path], FileSink], start: int = 0) -> None:
        self.folder, self.comm, self.dt, self.start = folder, comm, dt, start
        self._make = make
        self._on_root(lambda: (folder / FOLDER).mkdir(exist_ok=True))
        self._sink: FileSink | None = make(folder / FOLDER)  # at once: what cannot be written is said at the start
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
            self._sink = self._make(self.folder / FOLDER)
        return self._sink

    def spikes(self, steps: np.ndarray, gids: np.ndarray) -> None:
        self._current.spikes(steps, gids)

    def voltages(self, steps: np.ndarray, block: np.ndarray) -> None:
        self._current.voltages(steps, block)

    def commit(self, step: int) -> None:
        """Close the part that ends at `step`; what follows goes to the next one."""
        if step <= self.start or not self.files:
            return
        span, current = Span(self.start, step), self._current
        current.rename({name: part_path(self.folder, name, span) for name in self.files})
        current.close(*self._period(span))
        self._sink, self.start = None, step

    def _period(self, span: Span) -> tuple[float, float]:
        return tuple(float(time) for time in times_of(np.array(span), self.dt))

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
        self._on_root(lambda: shutil.rmtree(self.folder / FOLDER))

    def _spans(self) -> list[Span]:
        """The closed parts, as rank 0 sees them (collective)."""
        return self.comm.bcast(spans_in(self.folder, self.files[0]) if self.comm.rank == 0 else None)

    def stop(self, step: int) -> None:
        """Close what there is, to be gone on with later; a part of no steps is removed."""
        self.commit(step)
        if self._sink is not None:
            paths = {name: self.folder / FOLDER / name for name in self.files}
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
            whole.copy({name: part_path(self.folder, name, span) for name in self.files})
        whole.close(*self._period(Span(spans[0].start, spans[-1].stop)))


# --- going on ---------------------------------------------------------------------------------------------------------


def rewind(folder: Path, files: Sequence[str], span: Span, dt: Fraction) -> None:
    """Leave of the recordings `files` in the run's `folder` what was recorded in `span`, as parts (on one rank).

    What was recorded later is removed, also all if the span is empty; a complete file becomes a part again.

    Raises
    ------
    ValueError
        If the recordings of that span are not all there.
    """
    (folder / FOLDER).mkdir(exist_ok=True)
    for name in files:
        spans, whole = spans_in(folder, name), folder / name
        kept = [other for other in spans if other.stop <= span.stop and span.start < span.stop]
        is_chain = [span.start, *(other.stop for other in kept)] == [*(other.start for other in kept), span.stop]
        is_empty = span.stop <= span.start
        as_whole = not (is_chain or is_empty)
        if as_whole and not _covers(whole, name, span, dt):
            raise ValueError(f"{folder}: {name} up to {float(span.stop * dt):g} ms is not all there")
        for other in spans:
            if as_whole or other not in kept:
                part_path(folder, name, other).unlink()
        if as_whole:
            whole.replace(part_path(folder, name, span))
        whole.unlink(missing_ok=True)


def _covers(path: Path, name: str, span: Span, dt: Fraction) -> bool:
    """Whether the complete file at `path` is a recording of the steps of `span`, no more and no fewer."""
    if not path.is_file():
        return False
    if name == SPIKES:
        found = next(iter(read_periods(path)), (None, None))
        return found == tuple(float(time) for time in times_of(np.array(span), dt))
    first, n, interval = read_samples(path)
    before, last = (step // interval for step in span)
    return n == last - before and (n == 0 or first == (before + 1) * interval)


# --- reading ----------------------------------------------------------------------------------------------------------


def has_parts(folder: Path) -> bool:
    """Whether the run's `folder` holds closed parts."""
    return any(spans_in(folder, name) for name in (SPIKES, VOLTAGES))


def read_spike_parts(folder: Path) -> dict[str, Spikes]:
    """The spikes in the closed parts of the run's `folder`, by population, as `read_spikes` gives them."""
    parts = [read_spikes(part_path(folder, SPIKES, span)) for span in spans_in(folder, SPIKES)]
    return {name: _joined_spikes([part[name] for part in parts]) for name in (parts[0] if parts else ())}


def read_voltage_parts(folder: Path) -> dict[str, Voltages]:
    """The voltages in the closed parts of the run's `folder`, by population, as `read_voltages` gives them."""
    parts = [read_voltages(part_path(folder, VOLTAGES, span)) for span in spans_in(folder, VOLTAGES)]
    return {name: _joined_voltages([part[name] for part in parts]) for name in (parts[0] if parts else ())}


def _joined_spikes(parts: list[Spikes]) -> Spikes:
    times, ids = (np.concatenate([getattr(part, key) for part in parts]) for key in ("times", "ids"))
    return Spikes(times, ids, parts[0].n, parts[0].t_start_ms, parts[-1].t_stop_ms, parts[0].dt_ms)


def _joined_voltages(parts: list[Voltages]) -> Voltages:
    times, V = (np.concatenate([getattr(part, key) for part in parts]) for key in ("times", "V"))
    return Voltages(times, parts[0].ids, V, parts[0].interval_ms)
