"""Read files back safely, whatever bytes they hold: open regular files only, and parse JSON strictly."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

LARGEST = 1 << 28  # bytes of JSON: its lists take many times as much memory
DIGITS = 20  # of a whole number: 2^64 has as many


def open_plain(path: str | Path) -> BinaryIO:
    """Open a regular file to read its bytes; a pipe without a writer would block for ever.

    Raises
    ------
    OSError
        If there is none, if it is not a regular file, or if it cannot be read.
    """
    # Opening a device may have effects: check before opening, and again after, as the file may have been replaced.
    _check_regular(os.stat(path), path)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        _check_regular(os.fstat(handle), path)
    except OSError:
        os.close(handle)
        raise
    return open(handle, "rb")


def _check_regular(found: os.stat_result, path: str | Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_json(path: str | Path) -> Any:
    """Return the value in a JSON file, see `parse_json`.

    Raises
    ------
    OSError
        As `open_plain`.
    ValueError
        If it is not JSON; the message names the file.
    """
    with open_plain(path) as file:
        raw = file.read(LARGEST + 1)
    try:
        if len(raw) > LARGEST:
            raise ValueError(f"larger than {LARGEST >> 20} MiB")
        return parse_json(raw)
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file: {error}") from None


def parse_json(raw: bytes) -> Any:
    """Return the value of a JSON text in UTF-8, in which numbers are finite and keys are unique.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, parse_float=_finite, parse_int=_whole, parse_constant=_finite, object_pairs_hook=_once)
        if "\\ud" in text.lower():  # half of a pair of surrogates can be neither printed nor written
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise ValueError(f"not in UTF-8 ({error.reason})") from None
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS:
        raise ValueError(f"a whole number of {len(text)} digits")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found
