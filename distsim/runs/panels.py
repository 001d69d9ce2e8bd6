"""The panels of a figure, run one after another: a folder for each, and above them their figure and summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..parallel import on_root
from ..recording.file_sink import SPIKES
from ..results import folder as folders
from ..results import summary
from . import pictures, run


def run_panels(
    model, prepared: Mapping[str, tuple], folder: Path, comm, care: Mapping[str, run.Care] | None = None
) -> dict | None:
    """Run (parameters, network, options) of each panel into its subfolder of `folder`; the summary, or None if one of
    them was stopped before its end (collective)."""
    results = {}
    for panel, arguments in prepared.items():
        if comm.rank == 0:
            print(f"{chr(10) if results else ''}panel {panel}", flush=True)
        startup = 0.0 if results else None
        results[panel] = run.run(model, *arguments, folder / panel, comm, startup, (care or {}).get(panel))
        if results[panel] is None:
            return None

    def finish() -> dict:
        options = next(iter(prepared.values()))[2]
        result = {"network": model.NAME, "seed": options.seed, "ranks": comm.size, "panels": results}
        summary.write(folder, result)
        folders.release(folder)
        can_be_drawn = all(SPIKES in each["recording"]["files"] and each["t_sim_ms"] for each in results.values())
        plots = _draw(folder) if options.plots and can_be_drawn else []
        names = ", ".join([*(f"{panel}/" for panel in results), "summary.json", *plots])
        print(f"\nfiles in {folder}: {names}", flush=True)
        return result

    return on_root(comm, finish)


def _draw(folder: Path) -> list[str]:
    def plot() -> list[Path]:
        from ..analysis.figures import plot_panels

        return [plot_panels(folder)]

    return pictures.draw(folder, plot)
