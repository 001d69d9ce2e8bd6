"""Durations as people write them: 10s, 1.5min, 23h50m, 500ms."""

from __future__ import annotations

import itertools
import re

SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PIECE = r"(\d+\.?\d*|\.\d+)(ms|min|[smhd])"


def seconds(text: str) -> float:
    """`text` in seconds; ValueError unless it is numbers with units, each smaller than the one before."""
    pieces = re.findall(PIECE, text)
    units = [SECONDS[unit] for _, unit in pieces]
    if not re.fullmatch(f"(?:{PIECE})+", text) or any(a <= b for a, b in itertools.pairwise(units)):
        raise ValueError(f"{text!r} is no duration such as 10s, 500ms, 15min or 23h50m")
    return sum(float(number) * SECONDS[unit] for number, unit in pieces)
