"""All variants of a network, run one after another: a folder each, and above them one figure and one summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..parallel import on_root
from ..recording.report_files import SPIKES
from ..results import folder as folders
from ..results import summary
from . import pictures, run
from .prepared import PreparedRun
from .signals import Signals


def run_panels(each: Mapping[str, PreparedRun], folder: Path, comm: Any, signals: Signals) -> dict | None:
    """Run each variant into its subfolder of `folder`, a claimed one (collective).

    Returns
    -------
    dict or None
        The summary; None if a run was stopped before its end.
    """
    first = next(iter(each.values()))
    results: dict[str, dict] = {}
    for name, prepared in each.items():
        if comm.rank == 0:
            print(f"{chr(10) if results else ''}{first.model.variant_option} {name}", flush=True)
        startup = 0.0 if results else None
        result = run.run(prepared, folder / name, comm, signals, startup=startup)
        if result is None:
            return None
        results[name] = result

    def finish() -> dict:
        request = first.request
        result = {
            "network": request.network,
            "seed": request.seed,
            "noise_seed": request.noise,
            "ranks": comm.size,
            "panels": results,
        }
        summary.write(folder, result)
        folders.release(folder)
        can_be_drawn = all(SPIKES in each["recording"]["files"] and each["t_sim_ms"] for each in results.values())
        plots = _draw(folder) if request.plots and can_be_drawn else []
        names = ", ".join([*(f"{name}/" for name in results), "summary.json", *plots])
        print(f"\nfiles in {folder}: {names}", flush=True)
        return result

    return on_root(comm, finish)


def _draw(folder: Path) -> list[str]:
    def plot() -> list[Path]:
        from ..analysis.figures import plot_panels

        return [plot_panels(folder)]

    return pictures.draw(folder, plot)
