"""Share what all figures need: colours of populations, where axes and labels go, writing the picture."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from distsim.files.paths import as_path, written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec
    from matplotlib.text import Text

# The colours of NEST's figures of the microcircuit.
EXCITATORY, INHIBITORY = "#595289", "#af143c"
OTHER = ("#2f7f6f", "#b8860b", "#4a6fa5", "#7f5539", "#6b7280")
HEIGHTS = (4, 1)  # of a raster and the rate below it


def colors_of(names: Iterable[str], chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a colour for each population: the chosen one, or by its name excitatory, inhibitory or another.

    ``L23E``, ``E3``, ``exc`` are taken for excitatory, ``L6I``, ``I``, ``inhibitory`` for inhibitory.
    """
    chosen, colors = chosen or {}, {}
    others = 0
    for name in names:
        color = chosen.get(name) or _color_by_name(name)
        if color is None:
            color = OTHER[others % len(OTHER)]
            others += 1
        colors[name] = color
    return colors


def _color_by_name(name: str) -> str | None:
    stem = name.rstrip("0123456789_- ")
    lower = stem.lower()
    if stem.endswith("E") or lower.startswith("exc") or lower in ("e", "ex"):
        return EXCITATORY
    if stem.endswith("I") or lower.startswith("inh") or lower in ("i", "in"):
        return INHIBITORY
    return None


def choose_labels(places: np.ndarray, sizes: np.ndarray, gap: float) -> np.ndarray:
    """Return which of the labels at `places` to write so that any two are `gap` apart: the largest bands first."""
    chosen: list[int] = []
    for label in np.argsort(-np.asarray(sizes), kind="stable"):
        if all(abs(places[label] - places[other]) >= gap for other in chosen):
            chosen.append(int(label))
    return np.sort(np.array(chosen, dtype=np.int64))


def add_axes(figure: Figure, cell: SubplotSpec, two: bool) -> list[Axes]:
    """Add axes in `cell`, or two, one above the other, that share their time axis."""
    if not two:
        return [figure.add_subplot(cell)]
    halves = cell.subgridspec(2, 1, height_ratios=HEIGHTS)
    axes = figure.add_subplot(halves[0])
    return [axes, figure.add_subplot(halves[1], sharex=axes)]


def join_axes(figure: Figure, groups: Sequence[Sequence[Axes]], columns: int = 1) -> None:
    """Lay out the figure for good: the two axes of each group of two without a gap, those of a column equally wide."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    boxes = [(axes[0].get_position(), axes[-1].get_position()) for axes in groups]
    for k, (axes, (above, below)) in enumerate(zip(groups, boxes, strict=True)):
        left = max(box.x0 for box, _ in boxes[k % columns :: columns])
        width = min(box.x1 for box, _ in boxes[k % columns :: columns]) - left
        seam = below.y0 + (above.y1 - below.y0) * (HEIGHTS[1] / sum(HEIGHTS) if len(axes) == 2 else 0.0)
        axes[0].set_position((left, seam, width, above.y1 - seam))
        if len(axes) == 2:
            axes[1].set_position((left, below.y0, width, seam - below.y0))


def part_titles(figure: Figure, left: Text, right: Text) -> None:
    """Raise the left title of axes by a line where the right one would overlap it, and wrap it where it is too wide."""
    figure.draw_without_rendering()
    assert left.axes is not None  # a title has axes
    width, room = left.get_window_extent().width, left.axes.bbox.width
    if width > room and ", " in left.get_text():
        parts = left.get_text().split(", ")
        ends = np.cumsum([len(part) + 2 for part in parts])
        first = max(1, int(np.searchsorted(ends, ends[-1] * room / width, side="right")))
        left.set_text(",\n".join(", ".join(line) for line in (parts[:first], parts[first:]) if line))
    if right.get_text() and width + right.get_window_extent().width > 0.98 * room:
        left.set_text(left.get_text() + "\n")


def say_empty(axes: Axes) -> None:
    """Write into a figure without neurons why it is empty."""
    axes.set_yticks([])
    write_across(axes, "no neurons recorded")


def write_across(axes: Axes, text: str) -> None:
    """Write into the middle of a figure why nothing is seen there."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color="0.35")


@contextlib.contextmanager
def own_canvas() -> Iterator[None]:
    """Import matplotlib, whichever backend is set, and let it use no TeX (a ``with`` statement, or a decorator).

    Figures here are drawn on canvases of their own by the format of the file, so no backend is needed; their labels
    hold signs that mean something else to TeX. The user's settings are restored afterwards.
    """
    matplotlib = _import_matplotlib()
    uses_tex = matplotlib.rcParams["text.usetex"]
    with matplotlib.rc_context({"text.usetex": False}) if uses_tex else contextlib.nullcontext():
        yield


def _import_matplotlib() -> ModuleType:
    """Import matplotlib also if MPLBACKEND names a backend that this Python lacks (as in notebooks).

    RuntimeError if the import fails for another reason, such as a matplotlibrc that cannot be read.
    """
    is_there = "matplotlib" in sys.modules
    wanted = None if is_there else os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    except Exception as error:
        # Forget the half-imported modules, so that the next import fails with the same message.
        for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib" and not is_there]:
            del sys.modules[name]
        raise RuntimeError(f"matplotlib: {error}") from error
    finally:
        if wanted is not None:
            os.environ["MPLBACKEND"] = wanted
    if wanted:
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = wanted
    return matplotlib


def save(figure: Figure, path: str | Path, dpi: int) -> None:
    """Write a figure under a temporary name and move it into place; the suffix of `path` says the format.

    A folder that is missing is made. Several ranks may write the same figure.
    """
    path = as_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part:
        figure.savefig(part, format=path.suffix.lstrip(".") or "png", dpi=dpi)
