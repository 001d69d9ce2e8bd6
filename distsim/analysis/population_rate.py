"""The rate of a population over time, drawn below a raster plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distsim.analysis.rows import present
from distsim.analysis.statistics import population_rate
from distsim.description.units import without_unit
from distsim.recording.pieces import Pieces
from distsim.recording.spikes import Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 11.0  # points that a label takes


@dataclass(frozen=True)
class PopulationRate:
    """Options of the population rate below a raster plot.

    Attributes
    ----------
    bin : float
        The width of a bin in ms; at most the whole period is taken.
    populations : sequence of str, optional
        Whose spikes count; by default all. Where none of them was recorded, all that were.
    ylim : (float, float), optional
        Range of the axis in spikes/s; by default from 0 to a little above the highest bin.
    tick_step : float, optional
        Distance of the ticks in spikes/s, from the lower end of `ylim`; a multiple of it where labels would overlap.
    """

    bin: float = 5.0
    populations: Sequence[str] | None = None
    ylim: tuple[float, float] | None = None
    tick_step: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "bin", without_unit("bin", self.bin, "ms"))
        object.__setattr__(self, "tick_step", without_unit("tick_step", self.tick_step, "spikes/s"))
        object.__setattr__(self, "ylim", without_unit("ylim", self.ylim, "spikes/s"))
        if not self.bin > 0:
            raise ValueError(f"bin must be greater than 0 ms, not {self.bin}")
        if self.tick_step is not None and not (self.tick_step > 0 and self.ylim is not None):
            raise ValueError(f"tick_step={self.tick_step} must be greater than 0 spikes/s and goes with ylim")


def draw_rate(
    axes: Axes,
    rate: PopulationRate,
    populations: Mapping[str, Spikes],
    ids: Mapping[str, np.ndarray],
    t0: float,
    t1: float,
    colors: Mapping[str, str],
    pieces: Pieces | None = None,
    *,
    points: float | None = None,
) -> str:
    """Draw the mean rate of the neurons `ids` in each recorded bin; return a caption.

    Ticks are chosen by the height of the axes in `points`, by default as they are now.
    """
    names = present(rate.populations, ids)
    n, width = sum(ids[name].size for name in names), min(rate.bin, t1 - t0)
    times = np.concatenate([np.zeros(0), *(populations[name].times for name in names)])
    rates, edges = population_rate(times, max(n, 1), t0, t1, width, pieces=pieces)
    color = colors[names[0]] if len(names) == 1 else "0.25"
    axes.stairs(rates, edges, fill=True, color=color, linewidth=0)
    axes.set_ylabel("rate\n(spikes/s)")
    axes.tick_params(axis="y", labelsize=9)
    axes.set_ylim(rate.ylim or (0.0, 1.1 * np.nanmax(rates) if np.nan_to_num(rates).any() else 1.0))
    _set_ticks(axes, rate, 72.0 * axes.bbox.height / axes.figure.dpi if points is None else points)
    total = sum(populations[name].n for name in names)
    counted = f"{n:,}" if n == total else f"{n:,} of {total:,}"
    return f"rate of {counted} neuron{'s' if total != 1 else ''} ({' and '.join(names)}) in bins of {width:g} ms"


def _set_ticks(axes: Axes, rate: PopulationRate, points: float) -> None:
    from matplotlib.ticker import MaxNLocator

    if rate.tick_step is None or rate.ylim is None:
        axes.yaxis.set_major_locator(MaxNLocator(3, prune=None if rate.ylim else "upper"))
    else:
        ticks = np.arange(rate.ylim[0], rate.ylim[1] + rate.tick_step / 2, rate.tick_step)
        axes.set_yticks(ticks[:: _every(ticks.size - 1, points / LINE)])
    _lower_the_highest_label(axes)


def _every(steps: int, room: float) -> int:
    """Return k, so that every k-th tick is drawn where there is room for so many steps; the last one too, if it can."""
    few = [k for k in range(1, steps + 1) if steps / k <= room]
    return next((k for k in few if steps % k == 0), 1 if not few else few[0])


def _lower_the_highest_label(axes: Axes) -> None:
    """Write the label at the upper end of the axis below its tick: centred, it would touch that of the raster."""
    top = axes.get_ylim()[1]
    for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True):
        if np.isclose(place, top):
            label.set_verticalalignment("top")
