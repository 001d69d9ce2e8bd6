"""Strong scaling: what was measured on some numbers of ranks, and what a model says of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.analysis.bench_figure import PHASES
from distsim.analysis.drawing import own_canvas, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {**PHASES, "rest": "0.6", "all": "black"}


@own_canvas()
def scaling_figure(
    measured: Mapping[int, Mapping[str, float]],
    sizes: Sequence[int],
    modelled: Mapping[str, np.ndarray],
    path: str | Path,
    step: float | None = None,
    dominates: int | None = None,
    title: str | None = None,
) -> None:
    """Draw the time of a step by phase over the number of ranks: filled markers where it was measured, dashed lines
    where it is modelled.

    Parameters
    ----------
    measured : mapping of int to mapping of str to float
        Seconds of a step by phase, for each number of ranks.
    sizes : sequence of int
        Numbers of ranks of the model.
    modelled : mapping of str to ndarray
        Seconds of a step by phase, over `sizes`.
    path : str or Path
        The picture to be written.
    step : float, optional
        Model time of a step in s: a line shows where a simulation is as fast as nature.
    dominates : int, optional
        The number of ranks from which on the exchange takes longer than everything else.
    title : str, optional
        Shown above.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(8.5, 5.2), layout="constrained")
    axes = figure.add_subplot()
    curves = {"all": sum(modelled.values()), **modelled}
    for phase, seconds in curves.items():
        shown = np.where(np.asarray(seconds) > 0, seconds, np.nan)
        axes.plot(sizes, 1e6 * shown, "--", color=COLORS[phase], linewidth=2.0 if phase == "all" else 1.3)
        points = [(n, times.get(phase, sum(times.values()))) for n, times in measured.items()]
        points = [(n, 1e6 * t) for n, t in points if t > 0]
        size = 9 if phase == "all" else 6.5
        if points:
            axes.plot(*zip(*points, strict=True), "o", color=COLORS[phase], markersize=size, zorder=3)
    axes.set(xscale="log", yscale="log", xlabel="ranks", ylabel="time of a step (µs)")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    top = max(axes.get_ylim()[1], 2e6 * (step or 0.0))
    axes.set_ylim(max(axes.get_ylim()[0], 1e-4 * top), top)
    _draw_lines(axes, step, dominates)
    handles = [Line2D([], [], color=COLORS[phase], linewidth=4, label=phase) for phase in curves]
    handles += [Line2D([], [], color="0.3", marker="o", markersize=8, linestyle="none", label="measured")]
    handles += [Line2D([], [], color="0.3", linestyle="--", label="modelled")]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    axes.set_title(title or "", loc="left", fontsize=11)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    save(figure, path, dpi=150)


def _draw_lines(axes: Axes, step: float | None, dominates: int | None) -> None:
    """Draw where a simulation is as fast as nature, and from where on the exchange takes longest."""
    from matplotlib.patheffects import withStroke

    if step is not None:
        axes.axhline(1e6 * step, color="0.5", linewidth=0.8, linestyle=":")
        words: dict[str, Any] = {"xytext": (-2, 3), "textcoords": "offset points", "ha": "right", "fontsize": 9}
        axes.annotate("as fast as nature", (axes.get_xlim()[1], 1e6 * step), color="0.35", **words)
    if dominates is not None and dominates <= axes.get_xlim()[1]:
        axes.axvline(dominates, color=COLORS["exchange"], linewidth=1.0)
        words = {"xytext": (4, -4), "textcoords": "offset points", "va": "top", "fontsize": 9}
        text = f"from {dominates} ranks on\nthe exchange dominates"
        where = (dominates, 1.0)
        words["path_effects"] = [withStroke(linewidth=3.0, foreground="white")]
        axes.annotate(text, where, xycoords=axes.get_xaxis_transform(), color=COLORS["exchange"], **words)
