"""The rates of single neurons by population: box plots, or bars where so few spikes make few different rates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.analysis.drawing import colors_of, own_canvas, save, say_empty
from distsim.analysis.shares import SHARES_CAPTION, draw_shares
from distsim.analysis.statistics import rates
from distsim.description.units import without_unit
from distsim.recording.spikes import Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ABOVE_LEGEND = 24.0  # points: the title is beside the legend only where there is room for it
FAR = 0.5  # of the highest rate: where the lowest is beyond, the axis does not begin at 0
FEW = 3  # spikes: where three quarters of the neurons have fewer, boxes are lines and whiskers are missing
BOXES_CAPTION = """box: middle half of the neurons, line in it: median
whiskers: to the last neuron within 1.5 box lengths of the box, dots: neurons beyond"""


@own_canvas()
def rates_boxplot(
    populations: Mapping[str, Spikes],
    t0: float,
    t1: float,
    path: str | Path,
    colors: Mapping[str, str] | None = None,
    reference_rates_hz: Mapping[str, float] | None = None,
    title: str | None = None,
    *,
    recorded_ms: float | None = None,
    sizes: Mapping[str, int] | None = None,
    reference: str = "reference mean",
    note: str | None = None,
) -> None:
    """Draw the distribution of the neurons' rates over t0 < t <= t1, from top to bottom.

    A box holds the middle half of the neurons, its line is their median, the whiskers reach to the last neuron within
    1.5 box lengths of it. In a period so short that nearly all neurons have no, one or two spikes there are bars
    instead: the share of the neurons with each rate. A dot is the population's mean, a diamond a reference for it.

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
    recorded_ms : float, optional
        How much of the period was recorded, by default all of it.
    sizes : mapping of str to int, optional
        Sizes of the populations that `populations` holds only in part.
    reference : str
        What the reference is.
    note : str, optional
        Shown below.

    Raises
    ------
    ValueError
        If the period is empty.
    """
    from matplotlib.figure import Figure

    t0, t1, recorded_ms = (
        without_unit(*given, "ms") for given in (("t0", t0), ("t1", t1), ("recorded_ms", recorded_ms))
    )
    if not t1 > t0:
        raise ValueError(f"the period from {t0} to {t1} ms is empty")
    recorded_ms = t1 - t0 if recorded_ms is None else recorded_ms
    single = {name: _rates_of(spikes, t0, t1, recorded_ms) for name, spikes in populations.items() if spikes.n > 0}
    height = float(np.clip(1.4 + 0.5 * len(single), 3.2, 6.0) if len(single) <= 12 else 1.2 + 0.24 * len(single))
    figure = Figure(figsize=(8.0, height + 0.4), layout="constrained")
    axes = figure.add_subplot()
    caption = note or ""
    if single:
        drawn, above = _draw_distributions(axes, single, colors_of(populations, colors), recorded_ms)
        _label_populations(axes, single, sizes or {})
        _draw_means(axes, single, reference_rates_hz or {}, reference, above)
        if not above:
            _fit_to_boxes(axes, single, reference_rates_hz or {})
        caption = "\n".join(filter(None, [drawn, note]))
    else:
        say_empty(axes)
    axes.set_xlabel("rate of single neurons (spikes/s)")
    axes.set_title(title or "", loc="left", fontsize=11, pad=ABOVE_LEGEND)
    figure.supxlabel(caption, fontsize=8.5, color="0.35")
    save(figure, path, dpi=150)


def _rates_of(spikes: Spikes, t0: float, t1: float, recorded_ms: float) -> np.ndarray:
    inside = (spikes.times > t0) & (spikes.times <= t1)
    return rates(spikes.ids[inside], spikes.n, recorded_ms)


def _draw_distributions(
    axes: Axes, single: Mapping[str, np.ndarray], colors: Mapping[str, str], duration_ms: float
) -> tuple[str, float]:
    """Draw boxes or bars, and return what they mean and how far above the middle of a row there is room for a mean."""
    one_spike = 1000.0 / duration_ms
    if max(np.quantile(values, 0.75) for values in single.values()) < (FEW - 0.5) * one_spike:
        draw_shares(axes, single, colors, one_spike)
        fired = any(values.any() for values in single.values())
        text = SHARES_CAPTION.format(duration=duration_ms, rate=one_spike)
        return text if fired else f"none of these neurons fired in {duration_ms:g} ms", 0.3
    _draw_boxes(axes, single, colors)
    return BOXES_CAPTION, 0.0


def _fit_to_boxes(axes: Axes, single: Mapping[str, np.ndarray], references: Mapping[str, float]) -> None:
    """Let the axis hold all neurons and references: from 0, unless that would squeeze the boxes to its right edge."""
    known = np.array([references[name] for name in single if name in references])
    values = np.concatenate([*single.values(), known])
    low, high = float(values.min()), float(values.max())
    start = low if FAR * high < low < high else 0.0
    margin = 0.05 * (high - start)
    axes.set_xlim(start - margin if start else -0.01 * high, high + margin)


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


def _label_populations(axes: Axes, single: Mapping[str, np.ndarray], sizes: Mapping[str, int]) -> None:
    """Write the names beside the rows, and how many neurons were recorded where that is not all."""
    few = len(single) <= 12
    labels = []
    for name, values in single.items():
        part = f"{values.size:,} of {sizes[name]:,}" if sizes.get(name, values.size) > values.size else ""
        labels.append(f"{name}{(chr(10) if few else ', ') + part if part else ''}")
    axes.set_yticks(np.arange(len(single)), labels, fontsize=11 if few else 8)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(single) - 0.5, -0.5)


def _draw_means(
    axes: Axes, single: Mapping[str, np.ndarray], references: Mapping[str, float], reference: str, above: float = 0.0
) -> None:
    """Draw the mean rates and the reference rates, and say in a legend which is which."""
    from matplotlib.patheffects import withStroke

    # Means and references lie close together, on boxes of any colour: a white dot within an open diamond with a halo.
    style: dict[str, Any] = {"linestyle": "none", "clip_on": False}
    pairs = [(references[name], place - above) for place, name in enumerate(single) if name in references]
    if pairs:
        diamond: dict[str, Any] = {"marker": "D", "markersize": 9}
        diamond |= {"markerfacecolor": "none", "markeredgecolor": "black"}
        diamond["path_effects"] = [withStroke(linewidth=3.2, foreground="white")]
        axes.plot(*zip(*pairs, strict=True), label=reference, zorder=4, **diamond, **style)
        axes.set_xlim(right=max(axes.get_xlim()[1], 1.05 * max(rate for rate, _ in pairs)))
    means = [values.mean() for values in single.values()]
    dot: dict[str, Any] = {"marker": "o", "markersize": 5.5, "markerfacecolor": "white", "markeredgecolor": "black"}
    axes.plot(means, np.arange(len(single)) - above, label="mean", zorder=5, **dot, **style)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=9)
