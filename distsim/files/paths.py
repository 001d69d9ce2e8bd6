"""Paths as users give them, the names of the notes in a run's folder, and files that are written as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUMMARY = "summary.json"
CONFIG = "config.toml"  # what the run was asked to do
# Both are there until a run is complete.
MARKER = "running.json"  # its host and process, its subfolders and its configuration
NOTE = "recording.json"  # which neurons it records, in the form of its summary
PARTS = "parts"  # folder of the closed parts of its recordings


def as_path(path: str | Path) -> Path:
    """Return `path` with `~` or `~user` at its start replaced by that user's home folder.

    Raises
    ------
    FileNotFoundError
        If that home folder is not known.
    """
    given = os.fspath(path)
    found = Path(os.path.expanduser(given))
    if given.startswith("~") and str(found) == str(Path(given)):
        raise FileNotFoundError(f"{path}: the home folder of {found.parts[0]} is not known")
    # A file that is named ~ (given as ./~) stays one, also when the result is passed to `as_path` again.
    return found.absolute() if str(found).startswith("~") else found


def temporary_path(path: Path) -> Path:
    """Return a name beside `path` under which to write the file until it is complete.

    The name is random: ranks and processes that do not know of each other may write the same file, and each moves a
    complete one into place.
    """
    return path.with_name(f"{path.name}.{os.urandom(4).hex()}.part")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`, and move what was written there into place at the end.

    After an exception nothing of it is left, and a file that was at `path` stays as it was.
    """
    part = temporary_path(path)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
