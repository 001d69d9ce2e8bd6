"""What the figures share: colours of populations, which labels there is room for, writing the picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The colours of NEST's figures of the microcircuit.
EXCITATORY, INHIBITORY = "#595289", "#af143c"
OTHER = ("#2f7f6f", "#b8860b", "#4a6fa5", "#7f5539", "#6b7280")


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


def say_empty(axes: Axes) -> None:
    """Write into an empty figure why it is empty."""
    axes.set_yticks([])
    axes.text(0.5, 0.5, "no neurons recorded", transform=axes.transAxes, ha="center", va="center", color="0.35")


def save(figure: Figure, path: str | Path, dpi: int) -> None:
    """Write a figure under a temporary name and move it into place; the suffix of `path` says the format."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        figure.savefig(part, format=path.suffix.lstrip(".") or "png", dpi=dpi)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
