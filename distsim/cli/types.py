"""Types of arguments: a text becomes a number, a duration, a seed or a path, or an error says what is allowed."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable

from ..files.paths import as_path
from . import durations


def number(minimum: float, *, excluded: bool = False) -> Callable[[str], float]:
    """Return the argument type of a finite number of at least `minimum`, or above it if that is `excluded`."""

    def convert(text: str) -> float:
        allowed = f"a number {'greater than' if excluded else 'of at least'} {minimum:g}"
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {allowed}") from None
        if not math.isfinite(value) or value < minimum or (excluded and value == minimum):
            raise argparse.ArgumentTypeError(f"{text} is not {allowed}")
        return value

    return convert


def duration(text: str) -> float:
    """Return 10s or 23h50m in seconds, more than none."""
    try:
        value = durations.seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not longer than 0 s")
    return value


def seed(text: str) -> int:
    """Return a whole number from 0 to 2^64 - 1."""
    if not re.fullmatch(r"\d+", text) or int(text) >= 2**64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2^64 - 1")
    return int(text)


def path(text: str) -> str:
    """Return a path; the shell does not expand ~ in --out=~/results."""
    try:
        return str(as_path(text)) if text.startswith("~") else text
    except FileNotFoundError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
