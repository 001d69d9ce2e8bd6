"""The power spectrum of a population's rate, by averaged periodograms."""

from __future__ import annotations

import numpy as np

from distsim.analysis.bins import ROUNDING, bins_of, check_positive, counts_in
from distsim.description.units import without_unit
from distsim.recording.pieces import Pieces


def rate_spectrum(
    times: np.ndarray,
    n: int,
    t0: float,
    t1: float,
    bin: float = 1.0,
    segment: float = 250.0,
    *,
    pieces: Pieces | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the one-sided power spectral density of the rate of a population, by Welch's method.

    The rate r (spikes/s) in bins of Delta s is cut into segments of L bins that overlap by half. With the Hann window
    w_k = (1 - cos(2 pi k / L)) / 2 a segment of mean rate <r> gives::

        S(f) = 2 Delta |sum_k w_k (r_k - <r>) exp(-2 pi i f k Delta)|^2 / sum_k w_k^2

    without the factor 2 at f = 0 and at the Nyquist frequency; the mean over the segments is returned. Its integral
    over f is the variance of the rate. n independent Poisson neurons of rate nu have S(f) = 2 nu / n.

    Parameters
    ----------
    times : ndarray of float64, shape (n_spikes,)
        The spikes of all neurons, in ms, in any order.
    n : int
        The number of neurons.
    t0, t1 : float
        The period in ms.
    bin : float
        The width of a bin in ms; frequencies reach up to 500 / bin Hz.
    segment : float
        The length of a segment in ms; frequencies are 1000 / segment Hz apart.
    pieces : sequence of (float, float), optional
        Start and end (ms) of each recorded piece: segments lie within one. By default all was recorded.

    Returns
    -------
    frequencies : ndarray of float64, shape (L // 2 + 1,)
        In Hz, from 0.
    power : ndarray of float64, shape (L // 2 + 1,)
        In (spikes/s)^2 / Hz.

    Raises
    ------
    ValueError
        If there is no neuron, or no piece is as long as a segment, or a segment has less than two bins.

    References
    ----------
    Welch P (1967), IEEE Trans Audio Electroacoust 15:70, doi:10.1109/TAU.1967.1161901.
    """
    check_positive("n", n)
    bin, segment = without_unit("bin", bin, "ms"), without_unit("segment", segment, "ms")
    bins, n_bins = bins_of(times, t0, t1, bin, pieces)
    length = int(segment / bin + ROUNDING)
    if length < 2:
        raise ValueError(f"segment must have two bins of {bin:g} ms or more, not {segment:g} ms")
    if n_bins.max() < length:
        raise ValueError(f"segment must be at most {n_bins.max() * bin:g} ms, the longest piece, not {segment:g} ms")
    rates = counts_in(bins, n_bins) / (n * bin / 1000.0)
    segments = np.concatenate([_segments(piece, length) for piece in np.split(rates, np.cumsum(n_bins)[:-1])])
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)
    amplitudes = np.fft.rfft(window * (segments - segments.mean(axis=1, keepdims=True)), axis=1)
    power = np.mean(np.abs(amplitudes) ** 2, axis=0) * (2.0 * bin / 1000.0 / np.sum(window**2))
    power[0] /= 2.0
    if length % 2 == 0:
        power[-1] /= 2.0
    return np.fft.rfftfreq(length, bin / 1000.0), power


def _segments(piece: np.ndarray, length: int) -> np.ndarray:
    """Return the segments of `length` bins of a piece, each half a segment after the one before."""
    if piece.size < length:
        return np.empty((0, length))
    return np.lib.stride_tricks.sliding_window_view(piece, length)[:: max(1, length // 2)]
