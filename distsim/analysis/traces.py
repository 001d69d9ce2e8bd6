"""Traces of a recorded quantity: a row for each of a few neurons, with the neuron's spikes marked."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distsim.analysis.drawing import colors_of, own_canvas, save, write_across
from distsim.description.elements import V_M
from distsim.description.units import without_unit
from distsim.recording.pieces import Pieces, piece_of
from distsim.recording.samples import Samples
from distsim.recording.spikes import Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WINDOW = 500.0  # ms of a long recording that are shown unless a period is given
MOST_ROWS, MOST_OF_ONE = 16, 8  # neurons that are shown, of all populations and of one
POTENTIAL = "membrane potential (mV)"
SPIKE = 0.4  # height of a spike above the highest value, of the range of values


@dataclass(frozen=True, eq=False)
class Trace:
    """One row of the figure.

    Attributes
    ----------
    population : str
        Its name.
    neuron : int
        0-based in the population.
    times, values : ndarray of float64, shape (n_samples,)
        In ms, and in the unit of the quantity; a value that is NaN interrupts the line.
    spikes : ndarray of float64, shape (n_spikes,), or None
        In ms; None if they were not recorded.
    """

    population: str
    neuron: int
    times: np.ndarray
    values: np.ndarray
    spikes: np.ndarray | None

    @property
    def name(self) -> str:
        return f"{self.population}[{self.neuron}]"


@own_canvas()
def traces(
    samples: Mapping[str, Samples],
    t0: float,
    t1: float,
    path: str | Path,
    *,
    spikes: Mapping[str, Spikes] | None = None,
    recorded: Mapping[str, np.ndarray] | None = None,
    pieces: Pieces | None = None,
    colors: Mapping[str, str] | None = None,
    most: int | None = None,
    title: str | None = None,
    label: str = POTENTIAL,
) -> None:
    """Draw the samples of a few neurons from t0 to t1 into the picture `path`.

    The rows of a population share their range. A spike is a line from the last sample before it up to a fixed height;
    between recorded pieces the rows are blank.

    Parameters
    ----------
    samples : mapping of str to Samples
        By population, from top to bottom.
    t0, t1 : float
        The period in ms.
    path : str or Path
        The picture to be written.
    spikes : mapping of str to Spikes, optional
        Those to be marked.
    recorded : mapping of str to ndarray of int, optional
        The recorded neurons, ascending, of populations that were recorded only in part.
    pieces : sequence of (float, float), optional
        Start and end (ms) of each recorded piece. By default all was recorded.
    colors : mapping of str to str, optional
        Colours of populations; the others go by their names (`colors_of`).
    most : int, optional
        The neurons of each population that are shown at most, the first recorded ones; by default 8, and fewer where
        there are many populations.
    title : str, optional
        Shown above.
    label : str, optional
        The quantity and its unit.

    Raises
    ------
    ValueError
        If the period is empty.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    t0, t1 = without_unit("t0", t0, "ms"), without_unit("t1", t1, "ms")
    if not t1 > t0:
        raise ValueError(f"the period from {t0} to {t1} ms is empty")
    samples = {name: s for name, s in samples.items() if s.ids.size}
    most = most or max(1, min(MOST_OF_ONE, MOST_ROWS // max(len(samples), 1)))
    shown = [
        _trace(name, s, column, (t0, t1), pieces, _spikes_of(name, int(s.ids[column]), spikes or {}, recorded or {}))
        for name, s in samples.items()
        for column in range(min(most, s.ids.size))
    ]
    height = max(3.0, 1.3 + 0.72 * len(shown))
    figure = Figure(figsize=(9.0, height), layout=ConstrainedLayoutEngine(h_pad=0.02))
    rows = list(figure.subplots(max(len(shown), 1), 1, sharex=True, squeeze=False)[:, 0])
    _draw_rows(rows, shown, colors_of(samples, colors))
    rows[-1].set_xlim(t0, t1)
    rows[-1].set_xlabel("time (ms)")
    rows[0].set_title(title or "", loc="left", fontsize=11)
    figure.supylabel(label, fontsize=10)
    _caption(figure, shown, {name: s.ids.size for name, s in samples.items()}, pieces or [(t0, t1)], (t0, t1))
    save(figure, path, dpi=150)


def label_of(name: str, samples: Mapping[str, Samples]) -> str:
    """Return the quantity of the report `name`, with its unit, or those of its populations where they differ."""
    units = [s.unit.replace("$", r"\$") for s in samples.values()]  # which would begin a formula
    if name == V_M and {*units} <= {"mV", ""}:
        return POTENTIAL
    if len({*units}) > 1:
        whose = {unit: ", ".join(itertools.compress(samples, [unit == of for of in units])) for unit in units}
        return f"{name} ({'; '.join(f'{of}: {unit or 1}' for unit, of in whose.items())})"
    return f"{name} ({units[0]})" if any(units) else name


def window(pieces: Pieces, samples: Mapping[str, Samples]) -> tuple[float, float]:
    """Return the first 500 ms from the start of a recording, or all of it if that is shorter; of samples that begin
    later, as recorders with a start of their own take them, those from the first one on."""
    start, stop = pieces[0][0], pieces[-1][1]
    first = min((s.times[0] - s.interval_ms for s in samples.values() if s.times.size), default=start)
    if first >= start + WINDOW:
        start = float(first)
    return start, min(stop, start + WINDOW)


def _spikes_of(
    name: str, neuron: int, spikes: Mapping[str, Spikes], recorded: Mapping[str, np.ndarray]
) -> np.ndarray | None:
    if name not in spikes or (name in recorded and neuron not in recorded[name]):
        return None
    times: np.ndarray = spikes[name].times[spikes[name].ids == neuron]
    return times


def _trace(
    name: str,
    samples: Samples,
    column: int,
    period: tuple[float, float],
    pieces: Pieces | None,
    spikes: np.ndarray | None,
) -> Trace:
    """Return one neuron's samples and spikes in the period, with a NaN wherever the recording was interrupted."""
    inside = (samples.times >= period[0]) & (samples.times <= period[1])
    times, values = samples.times[inside], samples.values[inside, column].astype(np.float64)
    values[~np.isfinite(values)] = np.nan
    breaks = np.diff(times) > 1.5 * samples.interval_ms if samples.interval_ms else np.zeros(0, bool)
    if pieces is not None:
        places = piece_of(times, pieces)
        values[places < 0] = np.nan
        breaks = (np.diff(places) != 0) if not breaks.size else breaks | (np.diff(places) != 0)
    after = np.flatnonzero(breaks) + 1
    times, values = np.insert(times, after, times[after]), np.insert(values, after, np.nan)
    if spikes is not None:
        spikes = spikes[(spikes > period[0]) & (spikes <= period[1])]
    return Trace(name, int(samples.ids[column]), times, values, spikes)


def _draw_rows(rows: Sequence[Axes], traces: Sequence[Trace], colors: Mapping[str, str]) -> None:
    from matplotlib.ticker import MaxNLocator

    if not traces:
        rows[0].set_yticks([])
        write_across(rows[0], "nothing recorded")
    ranges = {t.population: _range([o for o in traces if o.population == t.population]) for t in traces}
    marked = any(t.spikes is not None and t.spikes.size for t in traces)
    for axes, trace in zip(rows, traces, strict=bool(traces)):
        low, high = ranges[trace.population]
        top = high + SPIKE * (high - low)
        axes.plot(trace.times, trace.values, color=colors[trace.population], linewidth=0.8)
        if trace.spikes is not None:
            starts = _values_before(trace.spikes, trace, high)
            axes.vlines(trace.spikes, starts, top, color=colors[trace.population], linewidth=0.8)
        if not np.isfinite(trace.values).any():
            write_across(axes, "no sample in this period")
        margin = 0.08 * (high - low)
        axes.set_ylim(low - margin, (top if marked else high) + margin)
        axes.yaxis.set_major_locator(MaxNLocator(2, steps=[1, 2, 5, 10]))
        axes.tick_params(axis="y", labelsize=8)
        axes.set_ylabel(trace.name, rotation=0, ha="right", va="center", color=colors[trace.population])
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        if axes is not rows[-1]:
            axes.spines["bottom"].set_visible(False)
            axes.tick_params(axis="x", bottom=False, labelbottom=False)


def _range(traces: Sequence[Trace]) -> tuple[float, float]:
    """Return the lowest and the highest value of some neurons, 1 apart if they are the same."""
    values = np.concatenate([trace.values[np.isfinite(trace.values)] for trace in traces])
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _values_before(spikes: np.ndarray, trace: Trace, otherwise: float) -> np.ndarray:
    """Return the value at the last sample before each spike: at the spike itself V_m is reset already."""
    if not trace.times.size:
        return np.full(spikes.size, otherwise)
    before = np.searchsorted(trace.times, spikes - 1e-6, side="left") - 1
    found = np.where(before >= 0, trace.values[np.maximum(before, 0)], np.nan)
    return np.where(np.isfinite(found), found, otherwise)


def _caption(
    figure: Figure, traces: Sequence[Trace], sizes: Mapping[str, int], pieces: Pieces, period: tuple[float, float]
) -> None:
    """Say below the figure what is marked, what is blank and what is left out."""
    known = [trace.spikes for trace in traces if trace.spikes is not None]
    silent = [trace.name for trace in traces if trace.spikes is None]
    texts = ["vertical lines: spikes"] if any(spikes.size for spikes in known) else []
    if silent:
        whose = f" of {', '.join(silent) if len(silent) <= 3 else f'{len(silent)} of these neurons'}" if known else ""
        texts.append(f"spikes{whose} were not recorded")
    left_out = [
        f"{shown} of {n:,} recorded neurons of {name}"
        for name, n in sizes.items()
        if (shown := sum(trace.population == name for trace in traces)) < n
    ]
    texts += [f"shown: {', '.join(left_out[:4])}{' and others' * (len(left_out) > 4)}"] if left_out else []
    start, stop = pieces[0][0], pieces[-1][1]
    if period[0] > start or period[1] < stop:
        texts.append(f"recorded: {start:g} to {stop:g} ms")
    if any(before[1] < period[1] and after[0] > period[0] for before, after in itertools.pairwise(pieces)):
        texts.append("blank: not recorded")
    figure.supxlabel("; ".join(texts), fontsize=8.5, color="0.35")
