"""Draw figures at the end of a run, which is complete by then: a figure that fails is a warning."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..networks.base import NetworkModel
from ..parallel import cause
from .request import RunRequest


def draw(folder: Path, action: Callable[[], Iterable[Path]]) -> list[str]:
    """Return the names of the pictures that `action` draws into `folder`; warn and return none if it fails (on one
    rank)."""
    try:
        return [path.name for path in action()]
    except Exception as error:  # of any kind: the run does not depend on it
        warn(f"no figures: {in_one_line(error)}; to draw them again: python -m distsim plot {folder}")
        return []


def draw_all(folder: Path) -> list[str]:
    """Draw all figures of a run's or a bench's folder, see `draw`."""

    def plot() -> list[Path]:
        from ..analysis.figures import plot_folder  # brings matplotlib

        return plot_folder(folder)

    return draw(folder, plot)


def describe(model: NetworkModel, parameters: Any, request: RunRequest, comm: Any) -> Mapping:
    """Return what `model` adds to the figures of all networks; warn and return nothing if it fails (on all ranks)."""
    try:
        return model.figures(parameters, request.t_presim, request.t_sim, request.variant)
    except Exception as error:
        if comm.rank == 0:
            warn(f"{in_one_line(error)}: figures are those of any network, without what is special to {model.name}")
        return {}


def warn(text: str) -> None:
    print(f"distsim: warning: {text}", file=sys.stderr, flush=True)


def in_one_line(error: Exception) -> str:
    """Return the type and message of an error in one line."""
    if isinstance(error, OSError | MemoryError):
        return cause(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
