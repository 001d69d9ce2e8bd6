"""Bins of time within the recorded pieces, and the checks that the statistics share."""

from __future__ import annotations

import numpy as np

from distsim.description.units import without_unit
from distsim.recording.pieces import Pieces, piece_of, within

ROUNDING = 1e-6  # of a bin


def bins_of(
    times: np.ndarray, t0: float, t1: float, width: float, pieces: Pieces | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bin of each time, -1 outside of all, and the number of whole bins in each piece from t0 to t1.

    Bins include their end. Those of a piece follow those of the one before.
    """
    t0, t1, width = (without_unit(*given, "ms") for given in (("t0", t0), ("t1", t1), ("bin", width)))
    check_positive("bin", width)
    times = as_times(times)
    recorded = [(t0, t1)] if pieces is None else within(pieces, t0, t1)
    starts, stops = np.array(recorded, dtype=np.float64).reshape(-1, 2).T
    n_bins = np.floor((stops - starts) / width + ROUNDING).astype(np.int64)
    check_positive("number of whole bins from t0 to t1", int(n_bins.sum()))
    places = np.zeros(times.size, np.int64) if pieces is None else piece_of(times, recorded)
    # A spike at the very end of a bin must not slip into the next one by rounding.
    bins = np.ceil((times - starts[places]) / width - ROUNDING).astype(np.int64) - 1
    inside = (places >= 0) & (bins >= 0) & (bins < n_bins[places])
    return np.where(inside, bins + (np.cumsum(n_bins) - n_bins)[places], -1), n_bins


def counts_in(bins: np.ndarray, n_bins: np.ndarray) -> np.ndarray:
    """Return how many spikes each bin holds; the arguments are what `bins_of` returns."""
    return np.bincount(bins[bins >= 0], minlength=int(n_bins.sum()))


def as_times(times: np.ndarray) -> np.ndarray:
    """Return times in ms as float64."""
    return np.asarray(without_unit("times", times, "ms"), dtype=np.float64)


def as_ids(ids: np.ndarray, n: int) -> np.ndarray:
    """Return ids as int64; ValueError if one of them is not between 0 and n - 1."""
    ids = np.asarray(without_unit("ids", ids, ""), dtype=np.int64)
    if ids.size and not 0 <= ids.min() <= ids.max() < n:
        raise ValueError(f"ids must be between 0 and {n - 1}; they reach from {ids.min()} to {ids.max()}")
    return ids


def check_positive(name: str, value: float) -> None:
    """Check that a value is greater than 0; ValueError if not."""
    if not value > 0:
        raise ValueError(f"{name} must be positive, not {value}")
