"""Draw the share of neurons with each rate as bars with percentages, where there are few different rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES_CAPTION = "bars: share of the neurons with this rate; one spike in {duration:g} ms is {rate:.3g} spikes/s"
HEIGHT, LEAST = 0.4, 0.012  # of all neurons' bar and of the lowest one, where rows are 1 apart


def draw_shares(axes: Axes, single: Mapping[str, np.ndarray], colors: Mapping[str, str], one_spike: float) -> None:
    """Draw a row of bars for each population, from top to bottom; rates are multiples of `one_spike` (spikes/s)."""
    for place, (name, values) in enumerate(single.items()):
        numbers, counts = np.unique(np.round(values / one_spike).astype(int), return_counts=True)
        shares, bottom = counts / values.size, place + 0.4
        heights = np.maximum(HEIGHT * shares, LEAST)
        axes.bar(numbers * one_spike, -heights, 0.7 * one_spike, bottom, color=colors[name], linewidth=0)
        axes.axhline(bottom, color="0.8", linewidth=0.4, zorder=0)
        if len(single) <= 12:
            for number, share, height in zip(numbers, shares, heights, strict=True):
                _write_share(axes, number * one_spike, bottom - height, share)
    highest = max(1, round(max(values.max() for values in single.values()) / one_spike))
    axes.set_xlim(-0.5 * one_spike, (highest + 0.5) * one_spike)
    if highest <= 12:
        ticks = one_spike * np.arange(highest + 1)
        axes.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])


def _write_share(axes: Axes, x: float, y: float, share: float) -> None:
    # Rounded up to all or down to none it would contradict the other bars.
    text = "<1 %" if share < 0.01 else ">99 %" if 0.99 < share < 1.0 else f"{100 * share:.0f} %"
    place: dict[str, Any] = {"xytext": (0.0, 1.0), "textcoords": "offset points", "ha": "center", "va": "bottom"}
    axes.annotate(text, (x, y), fontsize=7, color="0.35", **place)
