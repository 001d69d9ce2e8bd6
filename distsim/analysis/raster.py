"""The raster plot: a dot for each spike of a sample of the neurons, populations stacked from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distsim.analysis.drawing import choose_labels, colors_of, save, say_empty
from distsim.recording.spikes import Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# As many dots and neurons as can be told apart.
MAX_NEURONS, MAX_SPIKES = 8000, 60000


def raster(
    populations: Mapping[str, Spikes],
    t0: float,
    t1: float,
    path: str | Path,
    colors: Mapping[str, str] | None = None,
    max_neurons: int = MAX_NEURONS,
    max_spikes: int = MAX_SPIKES,
    title: str | None = None,
) -> None:
    """Draw the spikes with t0 < t <= t1 of all neurons, or of the same fraction of each population.

    Parameters
    ----------
    populations : mapping of str to Spikes
        From top to bottom.
    t0, t1 : float
        The period in ms.
    path : str or Path
        The picture to be written.
    colors : mapping of str to str, optional
        Colours of populations; the others go by their names (`colors_of`).
    max_neurons, max_spikes : int
        If there are more, only every k-th neuron is drawn, with the smallest k that suffices; the figure says so.
    title : str, optional
        Shown above.

    Raises
    ------
    ValueError
        If the period is empty.
    """
    from matplotlib.figure import Figure

    if not t1 > t0:
        raise ValueError(f"the period from {t0} to {t1} ms is empty")
    shown = {name: _within(spikes, t0, t1) for name, spikes in populations.items() if spikes.n > 0}
    every = _sampling(shown, max_neurons, max_spikes)
    height = max(6.0, 1.6 + 0.17 * len(shown))
    figure = Figure(figsize=(9.0, height), layout="constrained")
    axes = figure.add_subplot()
    colors = colors_of(populations, colors)
    edges = _draw_spikes(axes, shown, every, colors)
    if shown:
        _label(axes, list(shown), edges, colors, points=72.0 * (height - 0.9))
    else:
        say_empty(axes)
    axes.set_xlim(t0, t1)
    axes.set_xlabel("time (ms)")
    axes.set_ylabel("neurons by population")
    axes.set_title(title or "", loc="left", fontsize=11)
    if every > 1:
        axes.set_title(f"1 in {every} neurons shown", loc="right", fontsize=9, color="0.35")
    save(figure, path, dpi=200)


def _within(spikes: Spikes, t0: float, t1: float) -> Spikes:
    inside = (spikes.times > t0) & (spikes.times <= t1)
    return Spikes(spikes.times[inside], spikes.ids[inside], spikes.n)


def _sampling(populations: Mapping[str, Spikes], max_neurons: int, max_spikes: int) -> int:
    """Return k, of which every k-th neuron is to be drawn."""
    n_neurons = sum(spikes.n for spikes in populations.values())
    n_spikes = sum(spikes.ids.size for spikes in populations.values())
    return max(1, -(-n_neurons // max_neurons), -(-n_spikes // max_spikes))


def _draw_spikes(axes: Axes, populations: Mapping[str, Spikes], every: int, colors: Mapping[str, str]) -> np.ndarray:
    """Draw the spikes, and return where the populations' bands begin and end on the axis, which points down."""
    rows = [-(-spikes.n // every) for spikes in populations.values()]
    edges = np.concatenate([[0], np.cumsum(rows)])
    drawn = {name: spikes.ids % every == 0 for name, spikes in populations.items()}
    size = _dot_size(sum(np.count_nonzero(chosen) for chosen in drawn.values()))
    for (name, spikes), top in zip(populations.items(), edges[:-1], strict=True):
        chosen = drawn[name]
        rows_of_spikes = top + spikes.ids[chosen] // every + 0.5
        style = {"linestyle": "none", "marker": "o", "markeredgewidth": 0, "rasterized": True}
        axes.plot(spikes.times[chosen], rows_of_spikes, color=colors[name], markersize=size, **style)
    axes.set_ylim(max(edges[-1], 1), 0)
    return edges


def _dot_size(n_spikes: int) -> float:
    """Return the diameter (points) with which the dots cover an eighth of the figure if they can."""
    return float(np.clip(180.0 / np.sqrt(max(n_spikes, 1)), 0.9, 3.0))


def _label(axes: Axes, names: list[str], edges: np.ndarray, colors: Mapping[str, str], points: float) -> None:
    """Write the names beside their bands, `points` high in all, and draw a fine line between the bands."""
    middles = (edges[:-1] + edges[1:]) / 2
    distance = points / edges[-1] * np.diff(middles).min(initial=edges[-1])
    font = float(np.clip(distance / 1.1, 7.0, 11.0))
    labels = choose_labels(middles, np.diff(edges), 1.05 * font * edges[-1] / points)
    axes.set_yticks(middles[labels], [names[i] for i in labels], fontsize=font)
    axes.tick_params(axis="y", length=0)
    for i, label in zip(labels, axes.get_yticklabels(), strict=True):
        label.set_color(colors[names[i]])
    for edge in edges[1:-1]:
        axes.axhline(edge, color="0.8", linewidth=0.4, zorder=0)
