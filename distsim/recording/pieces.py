"""The recorded pieces of time: find the piece of a time, and how much of a period they cover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Time = TypeVar("Time", int, float)
Pieces = Sequence[Sequence[float]]  # start and end (ms) of each, ascending; a piece holds start < time <= end


def piece_of(times: np.ndarray, pieces: Pieces) -> np.ndarray:
    """Return the place in `pieces` of the piece that each time lies in, -1 for times in none of them.

    The start of the first piece belongs to it: files of other programs may hold something there.
    """
    times = np.asarray(times, dtype=np.float64)
    if not len(pieces):
        return np.full(times.shape, -1)
    starts, stops = np.array(pieces, dtype=np.float64).T
    places = np.searchsorted(stops, times, side="left")
    first = starts[np.minimum(places, starts.size - 1)]
    inside = (places < stops.size) & ((times > first) | ((places == 0) & (times == first)))
    return np.where(inside, places, -1)


def within(pieces: Sequence[Sequence[Time]], t0: Time, t1: Time) -> list[tuple[Time, Time]]:
    """Return the parts of `pieces` that lie in the period t0 to t1."""
    cut = [(max(start, t0), min(stop, t1)) for start, stop in pieces]
    return [(start, stop) for start, stop in cut if start < stop]


def recorded_ms(pieces: Pieces, t0: float, t1: float) -> float:
    """Return how much of the period t0 to t1 was recorded."""
    return sum(stop - start for start, stop in within(pieces, t0, t1))


def recorded_between(edges: np.ndarray, pieces: Pieces) -> np.ndarray:
    """Return how much (ms) was recorded between each of `edges` and the next, shape (n_edges - 1,)."""
    if not len(pieces):
        return np.zeros(len(edges) - 1)
    bounds = np.array(pieces, dtype=np.float64)
    lengths = np.diff(bounds, axis=1)[:, 0]
    before = np.cumsum(lengths) - lengths
    return np.diff(np.interp(edges, bounds.ravel(), np.column_stack([before, before + lengths]).ravel()))


def common(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the pieces that both lists cover."""
    return [piece for start, stop in one for piece in within(other, start, stop)]


def merged(pieces: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ascending pieces with adjacent ones joined.

    Raises
    ------
    ValueError
        If two of them overlap.
    """
    found: list[tuple[int, int]] = []
    for start, stop in pieces:
        if found and start < found[-1][1]:
            raise ValueError(f"the pieces {found[-1]} and {(start, stop)} overlap")
        if found and start == found[-1][1]:
            start = found.pop()[0]
        found.append((start, stop))
    return found
