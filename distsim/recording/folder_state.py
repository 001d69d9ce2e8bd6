"""Read a consistent snapshot of a run's folder, while the run is recording there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from distsim.files.paths import MARKER, NOTE, SUMMARY
from distsim.recording.part_files import Span, closed_parts, part_path
from distsim.recording.report_files import is_report_file

PATIENCE, PAUSE = 5.0, 0.01  # s: how long to try again while the folder changes, and between two attempts
FEWEST = 20  # attempts at least, however long each takes
Identity = tuple[int, int, int]  # of a file: another file of the same name has another one

T = TypeVar("T")


class State(NamedTuple):
    """The content of a run's folder: files by name, and the closed parts of recordings that are not joined yet."""

    files: Mapping[str, Identity]
    parts: Mapping[str, Mapping[Span, Identity]]

    def spans(self, name: str) -> list[Span]:
        """Return the closed parts of the report file `name`, in order of time."""
        return list(self.parts.get(name, {}))

    @property
    def reports(self) -> set[str]:
        """Return the names of the report files that exist, whole or in parts."""
        return {name for name in self.files if is_report_file(name)} | {
            name for name, spans in self.parts.items() if spans
        }

    def lasts_in(self, later: State) -> bool:
        """Return whether `later` has all of this unchanged; it may have more parts."""
        pairs = [(spans, later.parts.get(name, {})) for name, spans in self.parts.items()]
        return self.files == later.files and all(before.items() <= after.items() for before, after in pairs)


class UnsettledError(ValueError):
    """A file of the folder is being written or removed at this moment."""


def read_state(folder: Path) -> State:
    """Return the state of the run's `folder`."""
    # Parts first: one that is joined in the meantime is then found in the joined file.
    parts = {}
    for name, spans in closed_parts(folder).items():
        closed = {span: _identity(part_path(folder, name, span)) for span in spans}
        parts[name] = {span: identity for span, identity in closed.items() if identity is not None}
    found = {name: _identity(folder / name) for name in (SUMMARY, NOTE, MARKER, *_report_files(folder))}
    files = {name: identity for name, identity in found.items() if identity is not None}
    # A joined file is read itself; the run is removing its parts.
    return State(files, {name: {} if name in files else spans for name, spans in parts.items()})


def _report_files(folder: Path) -> list[str]:
    """Return the names of the files that may be whole reports."""
    try:
        return sorted(name for name in os.listdir(folder) if is_report_file(name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _identity(path: Path) -> Identity | None:
    try:
        found = path.lstat()
        with suppress(OSError):  # a broken link exists, too: reading it tells why it fails
            found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def read_at_once(folder: Path, read: Callable[[State], T]) -> T:
    """Call `read` with the folder's state, again until the state is the same before and after; return its value.

    A part that is closed meanwhile is no change: it was not in the state that was read.

    Raises
    ------
    ValueError
        If `read` raises it while the folder does not change, or if the folder keeps changing.
    """
    until = time.monotonic() + PATIENCE
    attempt = 0
    while True:
        attempt += 1
        before, failure = read_state(folder), None
        try:
            found = read(before)
        except (OSError, ValueError) as error:
            failure = error
        after = read_state(folder)
        if failure is None and before.lasts_in(after):
            return found
        is_over = attempt >= FEWEST and time.monotonic() > until
        if failure is not None and before == after and (is_over or not isinstance(failure, UnsettledError)):
            raise failure
        if is_over:
            raise ValueError(f"{folder}: changed {attempt} times while it was read; try again") from failure
        time.sleep(PAUSE)
