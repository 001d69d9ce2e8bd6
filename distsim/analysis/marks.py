"""Marked periods of a raster plot: a band over the rows of the neurons concerned and a bar on the time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distsim.analysis.rows import Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND, BAR = "#ffe0a3", "#e69f00"


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


def draw_marks(
    axes: Axes, marks: Sequence[Mark], shown: Mapping[str, Rows], edges: np.ndarray, t0: float, t1: float
) -> None:
    """Draw what of `marks` lies in the period t0 to t1; the bands of the populations lie between `edges`."""
    tops = dict(zip(shown, edges[:-1], strict=True))
    seen = [mark for mark in marks if mark.t0 < t1 and mark.t1 > t0]
    for mark in seen:
        if mark.population in shown:
            first, stop = np.searchsorted(shown[mark.population].ids, [mark.first, mark.last + 1])
            _draw_band(axes, (max(mark.t0, t0), min(mark.t1, t1)), tops[mark.population] + np.array([first, stop]))
    for start, stop in sorted({(max(mark.t0, t0), min(mark.t1, t1)) for mark in seen}):
        # Below the axis, where there are no spikes.
        axes.axvspan(start, stop, ymin=-0.012, ymax=0.0, color=BAR, linewidth=0, clip_on=False, zorder=3)
    if seen:
        _draw_legend(axes, list(dict.fromkeys(mark.label for mark in seen)))


def _draw_band(axes: Axes, period: tuple[float, float], rows: np.ndarray) -> None:
    from matplotlib.patches import Rectangle

    if rows[1] > rows[0]:
        size = (period[1] - period[0], rows[1] - rows[0])
        # Without antialiasing there is no seam between neighbours.
        axes.add_patch(Rectangle((period[0], rows[0]), *size, color=BAND, linewidth=0, zorder=0, antialiased=False))


def _draw_legend(axes: Axes, labels: list[str]) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(facecolor=BAND, edgecolor=BAR, label=label) for label in labels]
    axes.legend(handles=patches, loc="upper right", bbox_to_anchor=(1.0, -0.035), frameon=False, fontsize=9)
