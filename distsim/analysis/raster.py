"""The raster plot: a dot for each spike of a sample of the neurons, and the populations' rate below it if wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.analysis.bands import band_edges, enlarged_text, label_bands, row_heights
from distsim.analysis.drawing import (
    add_axes,
    colors_of,
    join_axes,
    own_canvas,
    part_titles,
    save,
    say_empty,
    write_across,
)
from distsim.analysis.groups import draw_groups
from distsim.analysis.marks import Mark, draw_marks
from distsim.analysis.population_rate import PopulationRate, draw_rate
from distsim.analysis.rows import MAX_NEURONS, MAX_SPIKES, Rows, choose_rows, present, recorded_ids
from distsim.description.units import without_unit
from distsim.recording.pieces import Pieces
from distsim.recording.spikes import Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES = ("populations", "ids", "bars")


@dataclass(frozen=True, eq=False)
class Raster:
    """Content of a raster plot: the spikes with t0 < t <= t1 of all neurons, or of every k-th.

    Attributes
    ----------
    populations : mapping of str to Spikes
        From top to bottom.
    t0, t1 : float
        The period in ms.
    colors : mapping of str to str, optional
        Colours of populations; the others go by their names (`colors_of`).
    recorded : mapping of str to ndarray of int, optional
        The recorded neurons, ascending, of populations that were recorded only in part.
    only : sequence of str, optional
        The populations to show; all recorded ones if none of these was recorded.
    first : int, optional
        Of each population only so many neurons, the first recorded ones.
    style : str
        ``"populations"``: from top to bottom, each with its name. For one population there is also ``"ids"``: upwards
        over the ids of its neurons, and ``"bars"``: the same with bars for spikes. Several are drawn as
        ``"populations"`` whatever is said here.
    rate : PopulationRate, optional
        Drawn below.
    marks : sequence of Mark
        Periods to be marked.
    groups : mapping of str to int, optional
        The neurons of each group, such as a cluster, of populations that consist of groups of equal size, which follow
        each other by id. The groups are delimited and numbered from 0.
    group : str
        What a group is called.
    pieces : sequence of (float, float), optional
        Start and end (ms) of each recorded piece, by which the rate goes. By default all was recorded.
    title : str, optional
        Shown above.
    max_neurons, max_spikes : int
        If there are more, only every k-th neuron is drawn, with the smallest k that suffices; the figure says so.

    Raises
    ------
    ValueError
        If the period is empty or there is no such style.
    TypeError
        If `rate` is no `PopulationRate` or one of `marks` no `Mark`.
    """

    populations: Mapping[str, Spikes]
    t0: float
    t1: float
    colors: Mapping[str, str] | None = None
    recorded: Mapping[str, np.ndarray] | None = None
    only: Sequence[str] | None = None
    first: int | None = None
    style: str = "populations"
    rate: PopulationRate | None = None
    marks: Sequence[Mark] = ()
    groups: Mapping[str, int] | None = None
    group: str = "group"
    title: str | None = None
    max_neurons: int = MAX_NEURONS
    max_spikes: int = MAX_SPIKES
    pieces: Pieces | None = None

    def __post_init__(self) -> None:
        for name in ("t0", "t1"):
            object.__setattr__(self, name, without_unit(name, getattr(self, name), "ms"))
        if not self.t1 > self.t0:
            raise ValueError(f"the period from {self.t0} to {self.t1} ms is empty")
        if self.style not in STYLES:
            raise ValueError(f"style {self.style!r}: must be one of {', '.join(STYLES)}")
        if not isinstance(self.rate, PopulationRate | None):
            example = f"(bin={self.rate})" if isinstance(self.rate, int | float) else ""
            raise TypeError(
                f"rate={self.rate!r}: must be a PopulationRate{example} of distsim.analysis.population_rate"
            )
        for mark in self.marks:
            if not isinstance(mark, Mark):
                raise TypeError(f"marks: {mark!r} must be a Mark of distsim.analysis.marks")

    @own_canvas()
    def save(self, path: str | Path) -> None:
        """Draw it into the picture `path`."""
        from matplotlib.figure import Figure

        height = max(6.0, 1.6 + 0.17 * len(self.populations))
        figure = Figure(figsize=(9.0, height), layout="constrained")
        axes = add_axes(figure, figure.add_gridspec(1, 1)[0], self.rate is not None)
        notes = draw_raster(self, *axes, points=72.0 * (height - 0.9))
        left = axes[0].set_title(self.title or "", loc="left", fontsize=11)
        part_titles(figure, left, axes[0].set_title(", ".join(notes), loc="right", fontsize=9, color="0.35"))
        join_axes(figure, [axes])
        save(figure, path, dpi=200)


def raster(
    populations: Mapping[str, Spikes],
    t0: float,
    t1: float,
    path: str | Path,
    colors: Mapping[str, str] | None = None,
    **options: Any,
) -> None:
    """Draw a raster plot into the picture `path`.

        raster(spikes, 500.0, 600.0, "raster.png", only=["E"], first=50, rate=PopulationRate(bin=0.1))

    Parameters
    ----------
    populations, t0, t1, colors, options
        As in `Raster`.
    path : str or Path
        The picture to be written.

    Raises
    ------
    ValueError
        If the period is empty or there is no such style.
    """
    Raster(populations, t0, t1, colors, **options).save(path)


def draw_raster(
    picture: Raster, axes: Axes, rate_axes: Axes | None = None, *, points: float | None = None
) -> list[str]:
    """Draw `picture` into axes of your own, and return what a reader should know of it.

    Parameters
    ----------
    picture : Raster
        What is drawn.
    axes, rate_axes : Axes
        For the spikes, and for `picture.rate` if there is one.
    points : float, optional
        The height of both together, by which labels are chosen; by default as the axes are now.

    Returns
    -------
    list of str
        Which neurons are left out, which populations enlarged, and what the rate is that of.

    Raises
    ------
    ValueError
        If there are axes for the rate and none is to be drawn, or the other way round.
    """
    if (rate_axes is None) != (picture.rate is None):
        raise ValueError("rate_axes go with a picture that has a rate, and only with such a one")
    if points is None:
        points = sum(72.0 * a.bbox.height / a.figure.dpi for a in (axes, rate_axes) if a is not None)
    t0, t1, colors = picture.t0, picture.t1, colors_of(picture.populations, picture.colors)
    ids = recorded_ids(picture.populations, picture.recorded)
    wanted = {name: ids[name][: picture.first] for name in present(picture.only, ids)}
    shown, every = choose_rows(picture.populations, wanted, t0, t1, picture.max_neurons, picture.max_spikes)
    style = picture.style if len(shown) == 1 else "populations"
    height = points if rate_axes is None else 0.8 * points
    edges = draw_spikes(axes, shown, colors, "|" if style == "bars" else "o", height)
    draw_marks(axes, picture.marks, shown, edges, t0, t1)
    draw_groups(axes, picture.groups or {}, shown, edges, height, picture.group)
    if shown and not any(rows.times.size for rows in shown.values()):
        write_across(axes, "no spikes of these neurons in this period")
    _label_rows(axes, shown, edges, colors, style, height)
    axes.set_xlim(t0, t1)
    axes.set_title(picture.title or "", loc="left", fontsize=11)
    notes = [f"1 in {every} neurons shown"] if every > 1 else []
    notes += filter(None, [enlarged_text(list(shown), [rows.n for rows in shown.values()], edges)])
    if rate_axes is not None and picture.rate is not None:
        of_whom = (picture.populations, ids, t0, t1, colors, picture.pieces)
        notes.append(draw_rate(rate_axes, picture.rate, *of_whom, points=points - height))
        axes.tick_params(axis="x", bottom=False, labelbottom=False)
    (rate_axes or axes).set_xlabel("time (ms)")
    return notes


def draw_spikes(
    axes: Axes, shown: Mapping[str, Rows], colors: Mapping[str, str], marker: str, points: float
) -> np.ndarray:
    """Draw the spikes, and return where the populations' bands begin and end on the axis, which points down."""
    sizes = [rows.n for rows in shown.values()]
    edges = band_edges(sizes)
    size = _dot_size(sum(rows.times.size for rows in shown.values()))
    if marker == "|":
        size = float(np.clip(0.8 * points / max(edges[-1], 1), 1.0, 8.0))
    style: dict[str, Any] = {"linestyle": "none", "marker": marker, "markersize": size, "rasterized": True}
    style["markeredgewidth"] = 0.8 if marker == "|" else 0
    for (name, rows), top, height in zip(shown.items(), edges[:-1], row_heights(sizes, edges), strict=True):
        axes.plot(rows.times, top + height * (rows.rows + 0.5), color=colors[name], **style)
    axes.set_ylim(max(edges[-1], 1), 0)
    return edges


def _dot_size(n_spikes: int) -> float:
    """Return the diameter (points) with which the dots cover an eighth of the figure if they can."""
    return float(np.clip(180.0 / np.sqrt(max(n_spikes, 1)), 0.9, 3.0))


def _label_rows(
    axes: Axes, shown: Mapping[str, Rows], edges: np.ndarray, colors: Mapping[str, str], style: str, points: float
) -> None:
    """Say what the rows are."""
    if not shown:
        say_empty(axes)
    if style == "populations":
        axes.set_ylabel("neurons by population\n(ids increase downwards)")
        if shown:
            label_bands(axes, list(shown), edges, colors, points)
        return
    ((name, rows),) = shown.items()
    axes.set_ylim(0, rows.n)
    axes.set_ylabel(f"neuron id ({name})")
    label_ids(axes, rows.ids)


def label_ids(axes: Axes, ids: np.ndarray) -> None:
    """Write ids beside some of the rows."""
    from matplotlib.ticker import MaxNLocator

    ticks = np.asarray(MaxNLocator(6, integer=True).tick_values(0, ids.size - 1)).astype(int)
    ticks = ticks[(ticks >= 0) & (ticks < ids.size)]
    axes.set_yticks(ticks + 0.5, [str(i) for i in ids[ticks]])
    for label in axes.get_yticklabels()[:1]:
        label.set_verticalalignment("bottom")  # clear of the highest label of a rate below
