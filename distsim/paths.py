"""Paths as users give them, and the names that files have until they are complete."""

from __future__ import annotations

import os
from pathlib import Path


def as_path(path: str | Path) -> Path:
    """Return `path` with `~` or `~user` at its start replaced by that user's home folder.

    Raises
    ------
    FileNotFoundError
        If that is not known.
    """
    given = os.fspath(path)
    found = Path(os.path.expanduser(given))
    if given.startswith("~") and str(found) == str(Path(given)):
        raise FileNotFoundError(f"{path}: the home folder of {found.parts[0]} is not known")
    # ./~ is what its name says, here and where it is given on.
    return found.absolute() if str(found).startswith("~") else found


def temporary_path(path: Path) -> Path:
    """Return a name beside `path` under which to write it until it is complete.

    Nobody else has it: ranks and processes that know nothing of each other may write the same file, and each moves a
    complete one into place.
    """
    return path.with_name(f"{path.name}.{os.urandom(4).hex()}.part")
