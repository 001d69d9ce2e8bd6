"""A run's folder: claimed before anything is built, so that no run overwrites another."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .parallel import InputError

FILES = ("summary.json", "spikes.h5", "voltages.h5", "raster.png", "rates.png", "panels.png")
FILES += ("bench.json", "bench.png")
FILES += ("spikes.h5.part", "voltages.h5.part")
MARKER = "running.json"  # there while a run writes: its host and process, and its subfolders


class Words(NamedTuple):
    """What errors call the folder, and how the user asks to overwrite it."""

    folder: str
    overwrite: str


COMMAND_LINE, PYTHON = Words("--out", "add --overwrite"), Words("folder", "set overwrite=True")


def claim(
    out: str | None, network: str, overwrite: bool, parts: Sequence[str] = (), words: Words = COMMAND_LINE
) -> Path:
    """Make the folder `out`, or the first free results/<network>-<number>, mark it as taken and return it.

    `parts` are subfolders for a run each; they are claimed with it, all or none, and are its own until it is released.

    Raises
    ------
    InputError : a run is writing there, an earlier one is there and `overwrite` is not given, or it cannot be written.
    """
    if out is not None and not out.strip():
        raise InputError(f"{words.folder}: must name a folder")
    path = _first_free(network) if out is None else Path(out)
    places = [path, *(path / part for part in parts)]
    taken = []
    try:
        # Nothing is touched before all are known to be free.
        for place in places:
            _check_free(place, overwrite, words)
        for place in places:
            _take(place, overwrite, parts if place == path else (), words)
            taken.append(place)
        for place in places:
            for name in FILES:
                (place / name).unlink(missing_ok=True)
    except (OSError, InputError) as error:
        for other in taken:
            release(other)
        if isinstance(error, InputError):
            raise
        raise InputError(f"{words.folder} {place}: cannot be written ({error.strerror or error})") from None
    return path


def release(path: Path) -> None:
    """The run in `path` is complete."""
    (path / MARKER).unlink(missing_ok=True)


def _check_free(path: Path, overwrite: bool, words: Words) -> None:
    whole = path.resolve()
    owner, above = _owner(path), _owner(whole.parent)
    if above and whole.name in above.get("parts", ()):
        owner = owner or above
    if owner and _is_alive(owner):
        where = f"process {owner['process']} on {owner['host']}"
        raise InputError(f"{words.folder} {path}: another run is writing there ({where}); choose another folder")
    earlier = [name for name in (*FILES, MARKER) if (path / name).exists()]
    if earlier and not overwrite:
        what = f"holds an earlier run ({', '.join(earlier)})"
        raise InputError(f"{words.folder} {path}: {what}; choose another folder or {words.overwrite}")


def _take(path: Path, overwrite: bool, parts: Sequence[str], words: Words) -> None:
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path):
        pass
    if overwrite:
        release(path)
    try:
        with open(path / MARKER, "x", encoding="utf8") as file:
            json.dump({"host": socket.gethostname(), "process": os.getpid(), "parts": list(parts)}, file)
    except FileExistsError:
        raise InputError(f"{words.folder} {path}: another run has just begun there; choose another folder") from None


def _owner(path: Path) -> dict | None:
    try:
        return json.loads((path / MARKER).read_text(encoding="utf8"))
    except (OSError, ValueError):
        return None


def _is_alive(owner: dict) -> bool:
    """Whether the process still runs; one on another host cannot be asked and counts as ended."""
    if owner.get("host") != socket.gethostname():
        return False
    try:
        os.kill(int(owner.get("process", 0)), 0)
    except (OSError, ValueError):
        return False
    return True


def _first_free(network: str) -> Path:
    """Make the first folder of this name that there is not; whoever makes it has it."""
    number = 1
    while True:
        path = Path("results", f"{network}-{number}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            number += 1
            continue
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror or error}); choose --out") from None
        return path
