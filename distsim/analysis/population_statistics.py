"""All statistics of the spikes of each population at once, and a table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from distsim.analysis.rows import number_through, recorded_ids
from distsim.analysis.statistics import correlations, cv_isi, fano_factor, rate_spectrum, rates
from distsim.recording.pieces import Pieces, recorded_ms, within
from distsim.recording.spikes import Spikes

SEGMENT = 250.0  # ms of a segment of the rate, where the recording is as long


@dataclass(frozen=True, eq=False)
class PopulationStatistics:
    """Statistics of the recorded neurons of one population; formulas are in `distsim.analysis.statistics`.

    Attributes
    ----------
    ids : ndarray of int64, shape (n,)
        The recorded neurons, 0-based in the population.
    rates : ndarray of float64, shape (n,)
        Of each neuron, in spikes/s.
    cv_isi : ndarray of float64, shape (n,)
        Coefficient of variation of each neuron's inter-spike intervals; NaN where it has less than two.
    correlations : ndarray of float64, shape (n_pairs,)
        Of the spike counts of pairs of neurons that fired.
    fano_factor : float
        Of the population's spike count; NaN without spikes.
    frequencies : ndarray of float64, shape (n_frequencies,)
        In Hz, from 0.
    spectrum : ndarray of float64, shape (n_frequencies,)
        Power spectral density of the population's rate, in (spikes/s)^2 / Hz.
    """

    ids: np.ndarray
    rates: np.ndarray
    cv_isi: np.ndarray
    correlations: np.ndarray
    fano_factor: float
    frequencies: np.ndarray
    spectrum: np.ndarray


def population_statistics(
    populations: Mapping[str, Spikes],
    t0: float,
    t1: float,
    recorded: Mapping[str, np.ndarray] | None = None,
    *,
    pieces: Pieces | None = None,
    correlation_bin: float = 2.0,
    fano_bin: float = 1.0,
    segment: float | None = None,
) -> dict[str, PopulationStatistics]:
    """Return the statistics of the spikes t0 < t <= t1 of each population that has recorded neurons.

    Parameters
    ----------
    populations : mapping of str to Spikes
        In any order.
    t0, t1 : float
        The period in ms.
    recorded : mapping of str to ndarray of int, optional
        The recorded neurons, ascending, of populations that were recorded only in part.
    pieces : sequence of (float, float), optional
        Start and end (ms) of each recorded piece; nothing is counted across a break. By default all was recorded.
    correlation_bin, fano_bin : float
        The widths of bins in ms.
    segment : float, optional
        The length of the segments of the spectrum in ms; by default 250, or the longest piece if that is shorter.

    Raises
    ------
    ValueError
        If the recorded pieces of the period are shorter than a bin, or all are shorter than `segment`.
    """
    ids = {name: neurons for name, neurons in recorded_ids(populations, recorded).items() if neurons.size}
    inside = within([(t0, t1)] if pieces is None else pieces, t0, t1)
    duration = recorded_ms(inside, t0, t1)
    if segment is None:
        segment = min(SEGMENT, max((stop - start for start, stop in inside), default=0.0))
    found = {}
    for name, neurons in ids.items():
        spikes, n = number_through(populations[name], neurons), neurons.size
        kept = (spikes.times > t0) & (spikes.times <= t1)
        times, owners = spikes.times[kept], spikes.ids[kept]
        found[name] = PopulationStatistics(
            neurons,
            rates(owners, n, duration),
            cv_isi(times, owners, n, pieces=inside),
            correlations(times, owners, n, t0, t1, correlation_bin, pieces=inside),
            fano_factor(times, t0, t1, fano_bin, pieces=inside),
            *rate_spectrum(times, n, t0, t1, min(1.0, segment / 2), segment, pieces=inside),
        )
    return found


def statistics_table(found: Mapping[str, PopulationStatistics]) -> str:
    """Return a table of means by population: rates, CV of ISI, correlations, the Fano factor, the spectrum's peak."""
    head = ("population", "neurons", "spikes/s", "CV of ISI", "correlation", "Fano factor", "peak (Hz)")
    lines = [head, *(_row(name, s) for name, s in found.items())]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *(text.rjust(w) for text, w in zip(line[1:], widths[1:], strict=True))])
        for line in lines
    )


def _row(name: str, s: PopulationStatistics) -> Sequence[str]:
    values = [mean(s.rates), mean(s.cv_isi), mean(s.correlations), s.fano_factor, peak(s)]
    formats = ("{:.3f}", "{:.3f}", "{:.4f}", "{:.2f}", "{:.0f}")
    texts = [form.format(value) if np.isfinite(value) else "-" for form, value in zip(formats, values, strict=True)]
    return (name, f"{s.ids.size:,}", *texts)


def mean(values: np.ndarray) -> float:
    """Return the mean of the values that are finite; NaN if none is."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def peak(s: PopulationStatistics) -> float:
    """Return the frequency (Hz) above 0 at which the spectrum is highest; NaN if there is no power."""
    power = s.spectrum[1:]
    return float(s.frequencies[1:][np.argmax(power)]) if power.any() else float("nan")
