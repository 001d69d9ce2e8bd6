"""Statistics of the spikes of one population: rates, regularity, correlation, synchrony, spectrum.

    from distsim.analysis import statistics

    times, ids = result.spikes("E")
    cv = statistics.cv_isi(times, ids, result.sizes["E"], pieces=result.pieces)

`Result.statistics` computes all of them for each population. A period from t0 to t1 holds the spikes with
t0 < t <= t1, as a run that starts at t0 emits them; bins likewise.
Where a recording has breaks, `pieces` (`Result.pieces`) says what was recorded: nothing is counted across a break.
"""

from __future__ import annotations

import numpy as np

from distsim.analysis.bins import ROUNDING, as_ids, as_times, bins_of, check_positive, counts_in
from distsim.analysis.spectrum import rate_spectrum
from distsim.description.units import without_unit
from distsim.recording.pieces import Pieces, piece_of, recorded_between

__all__ = ["correlations", "cv_isi", "fano_factor", "population_rate", "rate_spectrum", "rates"]


def rates(ids: np.ndarray, n: int, duration_ms: float) -> np.ndarray:
    """Return the rate of each neuron: its number of spikes over the duration.

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
    check_positive("duration_ms", duration_ms)
    return np.bincount(as_ids(ids, n), minlength=n) / (duration_ms / 1000.0)


def cv_isi(
    times: np.ndarray, ids: np.ndarray, n: int, min_isis: int = 2, *, pieces: Pieces | None = None
) -> np.ndarray:
    """Return the coefficient of variation of each neuron's inter-spike intervals.

    CV = SD / mean of the intervals, the SD over their number m, not m - 1: 0 for regular spikes, 1 for a Poisson
    process (Softky & Koch 1993, J Neurosci 13:334).

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
    times, ids = as_times(times), as_ids(ids, n)
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

    With n_i the counts of neuron i in bins, rho_ij = cov(n_i, n_j) / sqrt(var(n_i) var(n_j)): 0 if independent, 1 if
    all spikes coincide (bins of 2 ms as in van Albada et al. 2015, PLoS Comput Biol 11:e1004490).

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
        In the order of the pairs (0, 1), (0, 2), ..., (1, 2), ...

    Raises
    ------
    ValueError
        If there is no whole bin.
    """
    ids = as_ids(ids, n)
    bins, n_bins = bins_of(times, t0, t1, bin, pieces)
    inside = bins >= 0
    active = np.unique(ids[inside])
    chosen = active[np.arange(min(max_neurons, active.size)) * active.size // max(min(max_neurons, active.size), 1)]
    row = np.full(n, -1)
    row[chosen] = np.arange(chosen.size)
    kept = inside & (row[ids] >= 0)
    n_all = int(n_bins.sum())
    counts = np.bincount(row[ids[kept]] * n_all + bins[kept], minlength=chosen.size * n_all)
    return _pearson(counts.reshape(chosen.size, n_all))


def _pearson(counts: np.ndarray) -> np.ndarray:
    """Return the correlation of each pair of rows, without those of rows that do not vary."""
    deviations = counts - counts.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.sum(deviations**2, axis=1))
    deviations = deviations[norms > 0] / norms[norms > 0, np.newaxis]
    products: np.ndarray = deviations @ deviations.T
    return products[np.triu_indices(len(deviations), k=1)]


def fano_factor(times: np.ndarray, t0: float, t1: float, bin: float = 1.0, *, pieces: Pieces | None = None) -> float:
    """Return variance over mean of the population's spike count in bins: the Fano factor, a measure of synchrony.

    F = var(N) / mean(N) with N the spikes of all neurons in a bin: 1 for independent Poisson neurons, more if they fire
    together (Potjans & Diesmann 2014, Cereb Cortex 24:785, with bins of 3 ms).

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

    Raises
    ------
    ValueError
        If there is no whole bin.
    """
    bins, n_bins = bins_of(times, t0, t1, bin, pieces)
    counts = counts_in(bins, n_bins)
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
    check_positive("n", n)
    t0, bin = without_unit("t0", t0, "ms"), without_unit("bin", bin, "ms")
    bins, n_bins = bins_of(times, t0, t1, bin)
    counts, edges = counts_in(bins, n_bins), t0 + bin * np.arange(int(n_bins.sum()) + 1)
    if pieces is None:
        return counts / (n * bin / 1000.0), edges
    recorded = recorded_between(edges, pieces)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(recorded > ROUNDING * bin, counts / (n * recorded / 1000.0), np.nan), edges
