"""Statistics of the spikes of one population: rates, regularity, correlation, synchrony.

A period from t0 to t1 holds the spikes with t0 < t <= t1, as a run that starts at t0 emits them; bins likewise.
Where a recording has breaks, `pieces` (`Result.pieces`) says what was recorded: nothing is counted across a break.
"""

from __future__ import annotations

import numpy as np

from distsim.description.units import without_unit
from distsim.recording.pieces import Pieces, piece_of, recorded_between, within

ROUNDING = 1e-6  # of a bin


def rates(ids: np.ndarray, n: int, duration_ms: float) -> np.ndarray:
    """Return the rate of each neuron.

    Parameters
    ----------
    ids : ndarray of int, shape (n_spikes,)
        The neuron of each spike, 0 to n - 1.
    n : int
        The number of neurons.
    duration_ms : float
        The length in ms of the period that the spikes are from, without breaks in the recording.

    Returns
    -------
    ndarray of float64, shape (n,)
        In spikes/s.
    """
    duration_ms = without_unit("duration_ms", duration_ms, "ms")
    _check_positive("duration_ms", duration_ms)
    return np.bincount(_as_ids(ids, n), minlength=n) / (duration_ms / 1000.0)


def cv_isi(
    times: np.ndarray, ids: np.ndarray, n: int, min_isis: int = 2, *, pieces: Pieces | None = None
) -> np.ndarray:
    """Return the coefficient of variation of each neuron's inter-spike intervals (0 regular, 1 Poisson).

    Parameters
    ----------
    times : ndarray of float64, shape (n_spikes,)
        In ms, in any order.
    ids : ndarray of int, shape (n_spikes,)
        The neuron of each spike, 0 to n - 1.
    n : int
        The number of neurons.
    min_isis : int
        The intervals that a neuron must have at least.
    pieces : sequence of (float, float), optional
        Start and end (ms) of each recorded piece: only intervals within one count. By default all do.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN for the neurons that have fewer intervals.
    """
    times, ids = _as_times(times), _as_ids(ids, n)
    order = np.lexsort((times, ids))
    times, ids = times[order], ids[order]
    same = ids[1:] == ids[:-1]
    if pieces is not None:
        places = piece_of(times, pieces)
        same &= (places[1:] == places[:-1]) & (places[1:] >= 0)
    isis, owners = np.diff(times)[same], ids[1:][same]
    counts = np.bincount(owners, minlength=n)
    enough = counts >= max(min_isis, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.bincount(owners, isis, minlength=n) / counts
        variances = np.bincount(owners, (isis - means[owners]) ** 2, minlength=n) / counts
        return np.where(enough, np.sqrt(variances) / means, np.nan)


def correlations(
    times: np.ndarray,
    ids: np.ndarray,
    n: int,
    t0: float,
    t1: float,
    bin: float = 2.0,
    max_neurons: int = 250,
    *,
    pieces: Pieces | None = None,
) -> np.ndarray:
    """Return the Pearson correlations of the spike counts of all pairs of neurons.

    Neurons without a spike have none. Of more than `max_neurons` others, as many are taken, evenly spread over the
    ids.

    Parameters
    ----------
    times : ndarray of float64, shape (n_spikes,)
        In ms, in any order.
    ids : ndarray of int, shape (n_spikes,)
        The neuron of each spike, 0 to n - 1.
    n : int
        The number of neurons.
    t0, t1 : float
        The period in ms.
    bin : float
        The width of a bin in ms.
    max_neurons : int
        The neurons that are paired at most.
    pieces : sequence of (float, float), optional
        Start and end (ms) of each recorded piece; bins begin with each of them, and what remains after its last whole
        bin is left out. By default all was recorded.

    Returns
    -------
    ndarray of float64, shape (m * (m - 1) / 2,) for m neurons
    """
    ids = _as_ids(ids, n)
    bins, n_bins = _bins(times, t0, t1, bin, pieces)
    inside = bins >= 0
    active = np.unique(ids[inside])
    chosen = active[np.arange(min(max_neurons, active.size)) * active.size // max(min(max_neurons, active.size), 1)]
    row = np.full(n, -1)
    row[chosen] = np.arange(chosen.size)
    kept = inside & (row[ids] >= 0)
    counts = np.bincount(row[ids[kept]] * n_bins + bins[kept], minlength=chosen.size * n_bins)
    return _pearson(counts.reshape(chosen.size, n_bins))


def _pearson(counts: np.ndarray) -> np.ndarray:
    """Return the correlation of each pair of rows, without those of rows that do not vary."""
    deviations = counts - counts.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.sum(deviations**2, axis=1))
    deviations = deviations[norms > 0] / norms[norms > 0, np.newaxis]
    return (deviations @ deviations.T)[np.triu_indices(len(deviations), k=1)]


def fano_factor(times: np.ndarray, t0: float, t1: float, bin: float = 1.0, *, pieces: Pieces | None = None) -> float:
    """Return variance over mean of the population's spike count in bins: 1 if independent, more if synchronous.

    Parameters
    ----------
    times : ndarray of float64, shape (n_spikes,)
        The spikes of all neurons, in ms, in any order.
    t0, t1 : float
        The period in ms.
    bin : float
        The width of a bin in ms.
    pieces : sequence of (float, float), optional
        As in `correlations`.

    Returns
    -------
    float
        NaN if there is no spike.
    """
    bins, n_bins = _bins(times, t0, t1, bin, pieces)
    counts = np.bincount(bins[bins >= 0], minlength=n_bins)
    return float(counts.var() / counts.mean()) if counts.any() else float("nan")


def population_rate(
    times: np.ndarray, n: int, t0: float, t1: float, bin: float = 5.0, *, pieces: Pieces | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean rate of the neurons of a population in bins.

    Parameters
    ----------
    times : ndarray of float64, shape (n_spikes,)
        The spikes of all neurons, in ms, in any order.
    n : int
        The number of neurons.
    t0, t1 : float
        The period in ms.
    bin : float
        The width of a bin in ms; what remains after the last whole bin is left out.
    pieces : sequence of (float, float), optional
        Start and end (ms) of each recorded piece. By default all was recorded.

    Returns
    -------
    rates : ndarray of float64, shape (n_bins,)
        In spikes/s: of the part of the bin that was recorded, NaN where nothing was.
    edges : ndarray of float64, shape (n_bins + 1,)
        Where the bins begin and end, in ms.

    Raises
    ------
    ValueError
        If there is no neuron or no whole bin.
    """
    _check_positive("n", n)
    t0, bin = without_unit("t0", t0, "ms"), without_unit("bin", bin, "ms")
    bins, n_bins = _bins(times, t0, t1, bin)
    counts, edges = np.bincount(bins[bins >= 0], minlength=n_bins), t0 + bin * np.arange(n_bins + 1)
    if pieces is None:
        return counts / (n * bin / 1000.0), edges
    recorded = recorded_between(edges, pieces)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(recorded > ROUNDING * bin, counts / (n * recorded / 1000.0), np.nan), edges


def _bins(
    times: np.ndarray, t0: float, t1: float, width: float, pieces: Pieces | None = None
) -> tuple[np.ndarray, int]:
    """Return the bin of each time, -1 outside of all, and the number of whole bins in the pieces from t0 to t1.

    Bins include their end. Those of a piece follow those of the one before.
    """
    t0, t1, width = (without_unit(*given, "ms") for given in (("t0", t0), ("t1", t1), ("bin", width)))
    _check_positive("bin", width)
    times = _as_times(times)
    recorded = [(t0, t1)] if pieces is None else within(pieces, t0, t1)
    starts, stops = np.array(recorded, dtype=np.float64).reshape(-1, 2).T
    n_bins = np.floor((stops - starts) / width + ROUNDING).astype(np.int64)
    _check_positive("number of whole bins from t0 to t1", int(n_bins.sum()))
    places = np.zeros(times.size, np.int64) if pieces is None else piece_of(times, recorded)
    # A spike at the very end of a bin must not slip into the next one by rounding.
    bins = np.ceil((times - starts[places]) / width - ROUNDING).astype(np.int64) - 1
    inside = (places >= 0) & (bins >= 0) & (bins < n_bins[places])
    return np.where(inside, bins + (np.cumsum(n_bins) - n_bins)[places], -1), int(n_bins.sum())


def _as_times(times: np.ndarray) -> np.ndarray:
    return np.asarray(without_unit("times", times, "ms"), dtype=np.float64)


def _as_ids(ids: np.ndarray, n: int) -> np.ndarray:
    ids = np.asarray(without_unit("ids", ids, ""), dtype=np.int64)
    if ids.size and not 0 <= ids.min() <= ids.max() < n:
        raise ValueError(f"ids must be between 0 and {n - 1}; they reach from {ids.min()} to {ids.max()}")
    return ids


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be positive, not {value}")
