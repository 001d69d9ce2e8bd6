"""The figure of the statistics: distributions of rates, CV of ISI and correlations, and the spectrum, by population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.analysis.drawing import colors_of, own_canvas, save, write_across
from distsim.analysis.opened_run import open_run
from distsim.analysis.population_statistics import PopulationStatistics, population_statistics, statistics_table
from distsim.analysis.run_folder import recorded_neurons

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 24  # populations that are drawn
N_BINS = 30  # of a histogram
COLUMNS = ("rate (spikes/s)", "CV of inter-spike intervals", "correlation of spike counts", "frequency (Hz)")
TAIL = 0.002  # of the correlations at each end that the histograms leave out
CAPTION = """histograms: numbers of neurons, or pairs of neurons; dotted, and in the corner: mean
right: power spectral density of the population's rate, (spikes/s)²/Hz; F: Fano factor of its spike count"""


def plot_statistics(folder: str | Path) -> tuple[list[Path], list[str]]:
    """Draw ``statistics.png`` of a run, or of each run of a figure's panels, from its folder.

    Parameters
    ----------
    folder : str or Path
        The run's folder.

    Returns
    -------
    pictures : list of Path
        One a run.
    tables : list of str
        The statistics, see `statistics_table`.

    Raises
    ------
    FileNotFoundError
        If the folder, its summary or its spikes are missing.
    NotADirectoryError
        If it is a file.
    ValueError
        If one of them is damaged, or the recording is too short.
    """
    run = open_run(folder)
    if "panels" in run.summary:
        parts = {name: plot_statistics(run.folder / name) for name in run.summary["panels"]}
        tables = [f"panel {name}\n{table}" for name, (_, tables) in parts.items() for table in tables]
        return [picture for pictures, _ in parts.values() for picture in pictures], tables
    found = population_statistics(
        run.spikes(), *run.whole_period(), recorded_neurons(run.populations), pieces=run.pieces
    )
    statistics_figure(found, run.folder / "statistics.png", run.colors, run.title)
    return [run.folder / "statistics.png"], [statistics_table(found)]


@own_canvas()
def statistics_figure(
    found: Mapping[str, PopulationStatistics],
    path: str | Path,
    colors: Mapping[str, str] | None = None,
    title: str | None = None,
) -> None:
    """Draw statistics into the picture `path`: a row for each population, at most 24.

    Parameters
    ----------
    found : mapping of str to PopulationStatistics
        What `population_statistics` or `Result.statistics` returns, from top to bottom.
    path : str or Path
        The picture to be written.
    colors : mapping of str to str, optional
        Colours of populations; the others go by their names (`colors_of`).
    title : str, optional
        Shown above.
    """
    from matplotlib.figure import Figure

    shown = dict(list(found.items())[:MOST_ROWS])
    n = max(len(shown), 1)
    figure = Figure(figsize=(11.0, 1.6 + 1.0 * n), layout="constrained")
    axes = figure.subplots(n, len(COLUMNS), sharex="col", squeeze=False)
    ranges = [_range(name, shown) for name in ("rates", "cv_isi", "correlations", "frequencies")]
    for row, (name, color) in zip(axes, colors_of(found, colors).items(), strict=False):
        _draw_row(row, name, found[name], color, ranges)
    if not shown:
        write_across(axes[0, 0], "no neurons recorded")
    for column, limits in zip(axes.T, ranges, strict=True):
        column[-1].set_xlim(limits)
    for column, label in zip(axes.T, COLUMNS, strict=True):
        column[-1].set_xlabel(label)
    left_out = f"\nshown: {len(shown)} of {len(found)} populations" if len(found) > len(shown) else ""
    figure.suptitle(title or "", x=0.01, ha="left", fontsize=11)
    figure.supxlabel(CAPTION + left_out, fontsize=8.5, color="0.35")
    save(figure, path, dpi=150)


def _range(name: str, shown: Mapping[str, PopulationStatistics]) -> tuple[float, float]:
    """Return the range of one statistic that all rows show, with some room; of correlations without the tails."""
    values = np.concatenate([np.zeros(0), *(getattr(s, name) for s in shown.values())])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    tail = TAIL if name == "correlations" else 0.0
    low, high = (float(x) for x in np.quantile(values, (tail, 1.0 - tail)))
    margin = 0.0 if name == "frequencies" else 0.04 * (high - low) or 0.5
    return low - margin, high + margin


def _draw_row(
    row: np.ndarray, name: str, s: PopulationStatistics, color: str, ranges: Sequence[tuple[float, float]]
) -> None:
    for axes, values, limits in zip(row, (s.rates, s.cv_isi, s.correlations), ranges, strict=False):
        _draw_histogram(axes, values[np.isfinite(values)], color, limits)
    row[0].set_ylabel(name, rotation=0, ha="right", va="center", color=color, fontsize=11)
    _draw_spectrum(row[-1], s, color)
    if np.isfinite(s.fano_factor):
        _write_corner(row[-1], f"F = {s.fano_factor:.2f}")


def _draw_histogram(axes: Axes, values: np.ndarray, color: str, limits: tuple[float, float]) -> None:
    axes.set_yticks([])
    if not values.size:
        write_across(axes, "too few spikes")
        return
    axes.hist(values, N_BINS, range=limits, color=color)
    axes.axvline(values.mean(), color="0.2", linewidth=1.0, linestyle=":")
    _write_corner(axes, f"{values.mean():.3g}")


def _draw_spectrum(axes: Axes, s: PopulationStatistics, color: str) -> None:
    power = s.spectrum[1:]
    if not power.any():
        axes.set_yticks([])
        write_across(axes, "no spikes")
        return
    axes.plot(s.frequencies[1:], np.where(power > 0, power, np.nan), color=color, linewidth=1)
    axes.set_yscale("log")
    # Whole decades, so that there are labels and room for the Fano factor.
    top = np.ceil(np.log10(power.max()) + 0.2)
    low = np.floor(np.log10(np.quantile(power[power > 0], 0.02)))
    axes.set_ylim(10.0 ** min(low, top - 1.0), 10.0**top)
    axes.tick_params(axis="y", labelsize=8)


def _write_corner(axes: Axes, text: str) -> None:
    from matplotlib.patheffects import withStroke

    halo: dict[str, Any] = {"path_effects": [withStroke(linewidth=2.5, foreground="white")]}
    axes.text(0.98, 0.93, text, transform=axes.transAxes, ha="right", va="top", fontsize=9, color="0.2", **halo)
