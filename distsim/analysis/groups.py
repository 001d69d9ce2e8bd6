"""Groups of neurons within the bands of a raster plot, such as clusters: lines between them, and their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from distsim.analysis.bands import row_heights
from distsim.analysis.rows import Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FONT = 8.0  # points
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # from one numbered group to the next


def draw_groups(
    axes: Axes, sizes: Mapping[str, int], shown: Mapping[str, Rows], edges: np.ndarray, points: float, label: str
) -> None:
    """Draw lines between groups of neurons, and write their numbers on the right.

    Parameters
    ----------
    axes : Axes
        Those of the raster plot.
    sizes : mapping of str to int
        The neurons of each group, by population; groups follow each other by id and are numbered from 0.
    shown : mapping of str to Rows
        What is drawn of the populations, whose bands lie between `edges`.
    edges : ndarray of float64, shape (n_populations + 1,)
        Where the bands begin and end.
    points : float
        The height of all bands.
    label : str
        What a group is called.
    """
    heights = row_heights([rows.n for rows in shown.values()], edges)
    places: list[float] = []
    names: list[str] = []
    for (name, rows), top, height in zip(shown.items(), edges[:-1], heights, strict=True):
        if sizes.get(name) and rows.n:
            numbers, first = np.unique(rows.ids // sizes[name], return_index=True)
            bounds = top + height * np.append(first, rows.n)
            for bound in bounds[1:-1]:
                axes.axhline(bound, color="0.7", linewidth=0.4, linestyle=(0, (6, 4)), zorder=0)
            every = _every(np.diff(bounds).min() * points / max(edges[-1], 1))
            numbered = numbers % every == 0
            places += ((bounds[:-1] + bounds[1:]) / 2)[numbered].tolist()
            names += [str(number) for number in numbers[numbered]]
    if places:
        side = axes.secondary_yaxis("right")
        side.set_yticks(places, names, fontsize=FONT, color="0.35")
        side.tick_params(axis="y", length=0, pad=2)
        side.set_ylabel(label, fontsize=FONT + 1, color="0.35")


def _every(distance: float) -> int:
    """Return the k with which the numbers of every k-th group, `distance` points apart, do not touch."""
    return next((step for step in STEPS if step * distance >= 1.15 * FONT), STEPS[-1])
