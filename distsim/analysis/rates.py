"""Box plots of the rates of single neurons, one box for each population."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distsim.analysis.drawing import colors_of, save, say_empty
from distsim.analysis.statistics import rates
from distsim.recording.spikes import Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def rates_boxplot(
    populations: Mapping[str, Spikes],
    t0: float,
    t1: float,
    path: str | Path,
    colors: Mapping[str, str] | None = None,
    reference_rates_hz: Mapping[str, float] | None = None,
    title: str | None = None,
) -> None:
    """Draw the distribution of the neurons' rates over t0 < t <= t1, from top to bottom.

    A box holds the middle half of the neurons, its line is their median, the whiskers reach to the last neuron within
    1.5 box lengths of it. A cross is the population's mean, a diamond a reference for it.

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
    reference_rates_hz : mapping of str to float, optional
        Mean rates (spikes/s) to compare with, for all populations or some.
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
    single = {name: _rates_of(spikes, t0, t1) for name, spikes in populations.items() if spikes.n > 0}
    height = float(np.clip(1.4 + 0.5 * len(single), 3.2, 6.0) if len(single) <= 12 else 1.2 + 0.24 * len(single))
    figure = Figure(figsize=(8.0, height), layout="constrained")
    axes = figure.add_subplot()
    if single:
        _draw_boxes(axes, single, colors_of(populations, colors))
        _draw_means(axes, single, reference_rates_hz or {})
    else:
        say_empty(axes)
    axes.set_xlabel("rate of single neurons (spikes/s)")
    axes.set_title(title or "", loc="left", fontsize=11)
    save(figure, path, dpi=150)


def _rates_of(spikes: Spikes, t0: float, t1: float) -> np.ndarray:
    inside = (spikes.times > t0) & (spikes.times <= t1)
    return rates(spikes.ids[inside], spikes.n, t1 - t0)


def _draw_boxes(axes: Axes, single: Mapping[str, np.ndarray], colors: Mapping[str, str]) -> None:
    places = np.arange(len(single))
    boxes = axes.boxplot(
        list(single.values()),
        positions=places,
        orientation="horizontal",
        widths=0.6,
        patch_artist=True,
        medianprops={"color": "black", "linewidth": 1.6},
        flierprops={"marker": "o", "markersize": 2.0, "markeredgewidth": 0, "alpha": 0.6},
    )
    for name, box, fliers, median in zip(single, *(boxes[k] for k in ("boxes", "fliers", "medians")), strict=True):
        box.set_facecolor(colors[name])
        fliers.set_markerfacecolor(colors[name])
        if max(box.get_facecolor()[:3]) < 0.3:  # a black line could not be seen
            median.set_color("white")
    axes.set_yticks(places, list(single), fontsize=11 if len(single) <= 12 else 8)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(single) - 0.5, -0.5)


def _draw_means(axes: Axes, single: Mapping[str, np.ndarray], reference: Mapping[str, float]) -> None:
    """Draw the mean rates and the reference rates, and say in a legend which is which."""
    from matplotlib.patheffects import withStroke

    # Means and references lie close together and on dark boxes: an open diamond around a cross, both with a halo.
    style = {"linestyle": "none", "clip_on": False, "path_effects": [withStroke(linewidth=3.2, foreground="white")]}
    pairs = [(reference[name], place) for place, name in enumerate(single) if name in reference]
    if pairs:
        diamond = {"marker": "D", "markersize": 9, "markerfacecolor": "none", "markeredgecolor": "black"}
        axes.plot(*zip(*pairs, strict=True), label="reference mean", zorder=4, **diamond, **style)
    means = [values.mean() for values in single.values()]
    cross = {"marker": "x", "markersize": 6, "color": "red", "markeredgewidth": 1.6}
    axes.plot(means, np.arange(len(single)), label="mean", zorder=5, **cross, **style)
    right = axes.get_xlim()[1]
    axes.set_xlim(-0.01 * right, right)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=9)
