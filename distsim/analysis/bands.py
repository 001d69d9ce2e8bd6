"""The bands of a raster plot: one for each population, from top to bottom, with its name beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from distsim.analysis.drawing import choose_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST = 0.02  # of the height of all: enough for dots to be told apart and for a name


def band_edges(sizes: Sequence[int]) -> np.ndarray:
    """Return where bands of `sizes` rows begin and end: rows have height 1, or more in bands that were too small."""
    heights = np.asarray(sizes, dtype=np.float64)
    least = min(LEAST, 0.5 / max(heights.size, 1)) * heights.sum()
    return np.concatenate([[0.0], np.cumsum(np.maximum(heights, least))])


def row_heights(sizes: Sequence[int], edges: np.ndarray) -> np.ndarray:
    """Return the height of a row in each band."""
    return np.diff(edges) / np.maximum(sizes, 1)


def enlarged_text(names: Sequence[str], sizes: Sequence[int], edges: np.ndarray) -> str:
    """Say which bands are higher than their number of neurons demands; nothing if none is."""
    heights = row_heights(sizes, edges)
    enlarged = [name for name, height in zip(names, heights, strict=True) if height > 1.0 + 1e-9]
    if not enlarged:
        return ""
    return f"{' and '.join(enlarged) if len(enlarged) < 3 else 'small populations'} enlarged"


def label_bands(axes: Axes, names: list[str], edges: np.ndarray, colors: Mapping[str, str], points: float) -> None:
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
