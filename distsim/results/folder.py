"""A run's folder: claimed before anything is built, so that no run overwrites another."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..files import kinds
from ..files.paths import CONFIG, MARKER, NOTE, PARTS, SUMMARY, as_path, written_whole
from ..files.plain_files import read_json
from ..parallel import InputError
from ..recording.nodes import NODES
from ..recording.report_files import SPIKES, VOLTAGES, is_report_file

FILES: tuple[str, ...] = (SUMMARY, CONFIG, SPIKES, VOLTAGES, NODES)
FILES += ("raster.png", "rates.png", "voltages.png", "statistics.png", "panels.png")
FILES += ("bench.json", "bench.png")
FILES += (f"{SPIKES}.part", f"{VOLTAGES}.part")
PATTERNS = (f"checkpoint-{'[0-9]' * 6}.h5*", PARTS, NOTE)  # needed to resume an incomplete run and to read it
NOTES = (MARKER, NOTE)  # written before it is known whether an earlier run can be resumed
TEMPORARY = f".{'[0-9a-f]' * 8}.part"  # ends the names of `temporary_path`
PATIENCE = 5.0  # s
OWNER = kinds.record(
    {},
    {
        "host": kinds.maybe(kinds.text()),
        "process": kinds.maybe(kinds.whole(1, 2**31 - 1)),
        "since": kinds.maybe(kinds.text()),
        "parts": kinds.listed(kinds.text()),
        "config": kinds.maybe(kinds.mapped(kinds.ANYTHING)),
    },
)

Notes = dict[str, bytes | None]  # what each of NOTES held, None where there was none


class Words(NamedTuple):
    """Names that errors give to the folder and to the option that overwrites it."""

    folder: str
    overwrite: str


COMMAND_LINE, PYTHON = Words("--out", "add --overwrite"), Words("folder", "set overwrite=True")


def claim(
    out: str | None,
    network: str,
    overwrite: bool,
    parts: Sequence[str] = (),
    words: Words = COMMAND_LINE,
    config: Mapping[str, Any] | None = None,
    reports: Sequence[str] = (),
) -> Path:
    """Make the folder `out`, or the first free results/<network>-<number>, mark it as taken and return it.

    `parts` are subfolders for one run each; they are claimed together with it, until it is released. `config` is the
    request of the run, to be noted there; `reports` are the report files that it will write.

    Raises
    ------
    InputError : a run is writing there, an earlier one is there and `overwrite` is not given, or it cannot be written.
    """
    if out is not None and not out.strip():
        raise InputError(f"{words.folder}: must name a folder")
    made: list[Path] = []  # folders that were missing
    try:
        path = _first_free(network, made) if out is None else as_path(out)
    except FileNotFoundError as error:
        raise InputError(f"{words.folder} {error}") from None
    places = [path, *(path / part for part in parts)]
    taken: dict[Path, Notes] = {}
    try:
        # Nothing is touched before all are known to be free.
        for place in places:
            _check_free(place, overwrite, words, reports)
        for place in places:
            _make(place, made)
            with _alone(place):
                if place == path:  # the parts are ours now
                    _check_owner(place, words)
                before = _read_notes(place)
                _take(place, overwrite, parts if place == path else (), words, config)
                taken[place] = before
        for place in places:
            clear(place, reports)
    except (OSError, InputError) as error:
        with contextlib.suppress(OSError):
            for other, before in taken.items():
                give_back(other, before)
            for other in reversed(made):
                other.rmdir()
        if isinstance(error, InputError):
            raise
        raise InputError(f"{words.folder} {place}: cannot be written ({error.strerror or error})") from None
    return path


def release(path: Path) -> None:
    """Remove the marker and the note of the run in `path`, which is complete."""
    (path / NOTE).unlink(missing_ok=True)
    (path / MARKER).unlink(missing_ok=True)


def claim_again(path: Path, config: Mapping[str, Any]) -> Notes:
    """Mark the folder of an earlier run as taken by this process, and return what `give_back` needs.

    `config` is the request of the earlier run.

    Raises
    ------
    InputError : as `claim`.
    """
    try:
        with _alone(path):
            _check_owner(path, COMMAND_LINE)
            before = _read_notes(path)
            _take(path, True, (), COMMAND_LINE, config)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
    return before


def give_back(path: Path, before: Notes) -> None:
    """Restore the notes as they were before the folder was claimed."""
    for name, content in before.items():
        if content is None:
            (path / name).unlink(missing_ok=True)
        elif not (path / name).is_file() or (path / name).read_bytes() != content:
            _write_whole(path / name, content)


def note_config(path: Path, config: Mapping[str, Any]) -> None:
    """Write the request `config` of the run into the marker of `path`, a claimed folder."""
    _mark(path, {**(_owner(path) or {}), "config": config})


def clear(path: Path, reports: Sequence[str] = ()) -> None:
    """Remove all that an earlier run left in `path`, a claimed folder, and files named as `reports`, except the
    marker."""
    files = files_of(path, reports)
    for name in files:
        (path / name).unlink(missing_ok=True)
    for found in _unfinished(path):
        shutil.rmtree(found) if found.is_dir() else found.unlink()
    # A run that is killed while it writes one of these leaves it under its temporary name.
    for name in (*files, *NOTES):
        for found in path.glob(name + TEMPORARY):
            found.unlink(missing_ok=True)


def files_of(path: Path, reports: Sequence[str] = ()) -> list[str]:
    """Return the names of the files that a run in `path` may have left: those of all runs, and those of the reports
    that its summary or note lists, and of `reports`."""
    names = list(FILES)
    for file in (*_reports_in(path / SUMMARY), *_reports_in(path / NOTE), *reports):
        names += [file, f"{file}.part", f"{file.removesuffix('.h5')}.png"]
    return list(dict.fromkeys(names))


def _reports_in(path: Path) -> list[str]:
    """Return the report files that a summary or note lists; none if it is not there or damaged."""
    try:
        found = read_json(path)["recording"]["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    names = found if isinstance(found, list) else []
    return [name for name in names if isinstance(name, str) and is_report_file(name)]


def await_end(path: Path) -> None:
    """Wait until the run in `path` has ended: a launcher may exit a moment before its ranks do."""
    until = time.monotonic() + PATIENCE
    while (owner := _owner(path)) and _is_alive(owner) and time.monotonic() < until:
        time.sleep(0.1)


def pause(path: Path) -> None:
    """Write into the marker of `path` that no process is writing there, so that the run can be resumed."""
    owner = _owner(path) or {}
    _mark(path, {**owner, "host": None, "process": None})


def noted_config(path: Path) -> dict[str, Any] | None:
    """Return the request of the unfinished run in `path`; None if there is no run, or no request noted."""
    return (_owner(path) or {}).get("config")


def is_unfinished(path: Path) -> bool:
    """Return whether the run in `path` is incomplete."""
    return (path / MARKER).exists()


def remove_results(path: Path) -> None:
    """Remove what a resumed run will write again: all but its recordings."""
    for name in files_of(path):
        if not name.endswith(".h5"):
            (path / name).unlink(missing_ok=True)


def _make(path: Path, made: list[Path]) -> None:
    """Make a folder and its parents; append to `made` those that were missing."""
    if os.path.lexists(path) and not path.is_dir():  # a broken link, too
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    for place in reversed([place for place in (path, *path.parents) if not place.exists()]):
        place.mkdir(exist_ok=True)
        made.append(place)


def _read_notes(path: Path) -> Notes:
    return {name: (path / name).read_bytes() if (path / name).is_file() else None for name in NOTES}


def _unfinished(path: Path) -> list[Path]:
    return sorted(found for pattern in PATTERNS for found in path.glob(pattern))


def _check_owner(path: Path, words: Words) -> None:
    whole = path.resolve()
    owner, above = _owner(path), _owner(whole.parent)
    if above and whole.name in above.get("parts", ()):
        owner = owner or above
    if owner and _is_alive(owner):
        where = f"process {owner['process']} on {owner['host']}"
        raise InputError(f"{words.folder} {path}: another run is writing there ({where}); choose another folder")


def _check_free(path: Path, overwrite: bool, words: Words, reports: Sequence[str]) -> None:
    _check_owner(path, words)
    files = files_of(path, reports)
    earlier = [name for name in (*files, MARKER) if (path / name).exists()]
    earlier += [found.name for found in _unfinished(path)]
    if earlier and not overwrite:
        what = f"holds an earlier run ({', '.join(earlier)})"
        raise InputError(f"{words.folder} {path}: {what}; choose another folder or {words.overwrite}")
    for name in (*files, MARKER, NOTE):
        # Found before anything is removed: a run that is half removed is lost.
        if (path / name).is_dir() and not (path / name).is_symlink():
            raise InputError(f"{words.folder} {path}: {name} is a folder, no file of a run; choose another folder")


def _take(
    path: Path, overwrite: bool, parts: Sequence[str], words: Words, config: Mapping[str, Any] | None = None
) -> None:
    with tempfile.TemporaryFile(dir=path):
        pass
    if not overwrite and (path / MARKER).exists():
        raise InputError(f"{words.folder} {path}: another run has just begun there; choose another folder")
    me = {"host": socket.gethostname(), "process": os.getpid(), "since": _since(os.getpid())}
    _mark(path, {**me, "parts": list(parts), "config": config})


def _mark(path: Path, owner: Mapping[str, Any]) -> None:
    """Write the marker as a whole or, where the disk is full, leave what was there."""
    _write_whole(path / MARKER, json.dumps(owner).encode("utf8"))


def _write_whole(path: Path, content: bytes) -> None:
    with written_whole(path) as part:
        part.write_bytes(content)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Lock the folder against claims of other processes, where it can be locked, for a ``with`` statement."""
    place = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)


def _owner(path: Path) -> dict | None:
    """Return the content of the marker in `path`; None if there is none, or it is damaged."""
    try:
        found = read_json(path / MARKER)
    except (OSError, ValueError):
        return None
    return found if kinds.fits(found, OWNER) else None


def _is_alive(owner: dict) -> bool:
    """Return whether the process still runs; one on another host cannot be asked and counts as ended."""
    if owner.get("host") != socket.gethostname():
        return False
    try:
        process = int(owner.get("process", 0))
        os.kill(process, 0)
    except (OSError, ValueError):
        return False
    return not _is_zombie(process) and owner.get("since") in (None, _since(process))


def _since(process: int) -> str | None:
    """Return when a process was started, which tells it from a later one of the same number; None if not known."""
    fields = _stat(process)
    return fields[19] if fields else None


def _is_zombie(process: int) -> bool:
    """Return whether a process has ended but is not reaped yet, which can take a while after a rank was killed."""
    return _stat(process)[:1] == ["Z"]


def _stat(process: int) -> list[str]:
    """Return Linux's entries on a process, from its state on; none on other systems."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []


def _first_free(network: str, made: list[Path]) -> Path:
    """Make the first free folder results/<network>-<number>, as `_make`; the process that makes it owns it."""
    number = 1
    while True:
        path = Path("results", f"{network}-{number}")
        try:
            _make(path.parent, made)
            path.mkdir()
        except FileExistsError:
            number += 1
            continue
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror or error}); choose --out") from None
        made.append(path)
        return path
