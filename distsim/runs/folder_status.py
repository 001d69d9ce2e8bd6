"""Read the state of a run's folder once, before anything is decided."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import kinds
from ..files.paths import CONFIG, MARKER, SUMMARY
from ..files.plain_files import read_json
from ..parallel import InputError
from ..recording.checkpoint_file import checkpoints_in, read_header
from ..results import folder
from .request import RunRequest
from .request_file import read_config

SUMMARY_READ = kinds.record(  # the entries of a summary that are read here
    {}, {"stopped": kinds.record({"time_ms": kinds.number(), "why": kinds.text()})}
)


class FolderState(enum.Enum):
    """State of a run in a folder."""

    MISSING = enum.auto()  # no such folder
    EMPTY = enum.auto()  # nothing of a run
    UNFINISHED = enum.auto()  # a run that was stopped or killed, or is under way
    COMPLETE = enum.auto()
    GUARDED = enum.auto()  # complete up to where the guard ended it


@dataclass(frozen=True)
class FolderStatus:
    """The state of a run's folder.

    Attributes
    ----------
    place : Path
        The folder.
    state : FolderState
        What the folder holds.
    request : RunRequest or None
        The request of the run; None if no file there holds it.
    problems : tuple of str
        Why no file holds the request, file by file.
    finding : str or None
        How the guard ended the run, in words.
    has_checkpoint : bool
        Whether there is a checkpoint, damaged or not.
    """

    place: Path
    state: FolderState
    request: RunRequest | None = None
    problems: tuple[str, ...] = ()
    finding: str | None = None
    has_checkpoint: bool = False


def read_status(place: Path) -> FolderStatus:
    """Return the state of the folder `place` (on one rank).

    Raises
    ------
    InputError
        If the summary of a complete run is damaged.
    """
    if not place.is_dir():
        return FolderStatus(place, FolderState.MISSING)
    request, problems = _read_request(place)
    has_checkpoint = bool(checkpoints_in(place))
    if folder.is_unfinished(place):
        state, finding = FolderState.UNFINISHED, None
    elif (place / SUMMARY).is_file():
        finding = _finding(place)
        state = FolderState.GUARDED if finding else FolderState.COMPLETE
    else:
        state, finding = FolderState.UNFINISHED if has_checkpoint else FolderState.EMPTY, None
    return FolderStatus(place, state, request, problems, finding, has_checkpoint)


def _read_request(place: Path) -> tuple[RunRequest | None, tuple[str, ...]]:
    """Return the request of the run in `place`, and what is wrong with the files that should hold it."""
    problems = []
    for path, read in _sources(place):
        try:
            if request := read():
                return request, ()
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            text = str(error.strerror or error) if isinstance(error, OSError) else str(error)
            problems += [line if str(path) in line else f"{path}: {line}" for line in text.splitlines()]
    return None, tuple(problems)


def _sources(place: Path) -> Iterator[tuple[Path, Callable[[], RunRequest | None]]]:
    """Yield the files that hold the request of a run, the most reliable first, with a function that reads it."""

    def of(found: Any) -> RunRequest | None:
        return RunRequest.from_json(found) if found else None

    def in_checkpoint(path: Path) -> RunRequest | None:
        return of(read_header(path)["config"])

    yield place / MARKER, lambda: of(folder.noted_config(place))
    yield place / CONFIG, lambda: read_config(place)
    for path in reversed(checkpoints_in(place)):
        yield path, functools.partial(in_checkpoint, path)


def _finding(place: Path) -> str | None:
    """Return how the guard ended the complete run in `place`, in words; None if it did not."""
    path = place / SUMMARY
    try:
        summary = read_json(path)
        kinds.check(summary, SUMMARY_READ)
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); --overwrite starts the run again") from None
    found = summary.get("stopped")
    return f"was stopped at {found['time_ms']:g} ms: {found['why']}" if found else None
