"""Marked periods of a raster plot: a band over the rows of the neurons concerned and a bar on the time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.analysis.bands import row_heights
from distsim.analysis.rows import Rows
from distsim.description.units import without_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of a band and of its bar; the second for another kind of stimulus.
COLORS = (("#ffe0a3", "#e69f00"), ("#c5e5f7", "#3f9fd8"))
BAND, BAR = COLORS[0]


@dataclass(frozen=True)
class Mark:
    """A period of some neurons, such as that of a stimulus.

    Attributes
    ----------
    t0, t1 : float
        In ms.
    population : str
        Its name.
    first, last : int
        The first and the last neuron concerned.
    label : str
        What the legend calls it.
    """

    t0: float
    t1: float
    population: str
    first: int
    last: int
    label: str = "stimulus"

    def __post_init__(self) -> None:
        for name in ("t0", "t1"):
            object.__setattr__(self, name, without_unit(name, getattr(self, name), "ms"))


def draw_marks(
    axes: Axes, marks: Sequence[Mark], shown: Mapping[str, Rows], edges: np.ndarray, t0: float, t1: float
) -> None:
    """Draw what of `marks` lies in the period t0 to t1; the bands of the populations lie between `edges`."""
    heights = row_heights([rows.n for rows in shown.values()], edges)
    places = dict(zip(shown, zip(edges[:-1], heights, strict=True), strict=True))
    seen = [mark for mark in marks if mark.t0 < t1 and mark.t1 > t0]
    # Colours do not change with the period that is shown.
    labels = dict.fromkeys(mark.label for mark in marks)
    colors = dict(zip(labels, cycle(COLORS), strict=False))
    for mark in seen:
        if mark.population in shown:
            first, stop = np.searchsorted(shown[mark.population].ids, [mark.first, mark.last + 1])
            top, height = places[mark.population]
            rows = top + height * np.array([first, stop])
            _draw_band(axes, (max(mark.t0, t0), min(mark.t1, t1)), rows, colors[mark.label][0])
    bars = {(max(mark.t0, t0), min(mark.t1, t1), mark.label) for mark in seen}
    # The longest first: a pulse during another stimulus is seen.
    for start, stop, label in sorted(bars, key=lambda bar: (bar[0] - bar[1], bar)):
        # Below the axis, where there are no spikes.
        bar = {"color": colors[label][1], "linewidth": 0, "clip_on": False, "zorder": 3}
        axes.axvspan(start, stop, ymin=-0.012, ymax=0.0, **bar)
    if seen:
        _draw_legend(axes, {label: colors[label] for label in dict.fromkeys(mark.label for mark in seen)})


def _draw_band(axes: Axes, period: tuple[float, float], rows: np.ndarray, color: str) -> None:
    from matplotlib.patches import Rectangle

    if rows[1] > rows[0]:
        size = (period[1] - period[0], rows[1] - rows[0])
        # Without antialiasing there is no seam between neighbours.
        axes.add_patch(Rectangle((period[0], rows[0]), *size, color=color, linewidth=0, zorder=0, antialiased=False))


def _draw_legend(axes: Axes, colors: Mapping[str, tuple[str, str]]) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(facecolor=band, edgecolor=bar, label=label) for label, (band, bar) in colors.items()]
    style: dict[str, Any] = {"loc": "upper right", "bbox_to_anchor": (1.0, -0.035), "frameon": False, "fontsize": 9}
    axes.legend(handles=patches, ncols=len(patches), **style)
