"""The figures of a run, drawn again from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from distsim.analysis.bench_figure import bench_figure
from distsim.analysis.marks import Mark
from distsim.analysis.panels import panels
from distsim.analysis.population_rate import PopulationRate
from distsim.analysis.raster import Raster, raster
from distsim.analysis.rates import rates_boxplot
from distsim.analysis.run_folder import (
    break_marks,
    check_recorded,
    collect,
    existing_folder,
    in_order_of,
    pieces_of,
    rates_options,
    read_summary,
    recorded_neurons,
    recorded_only,
    title_of,
)
from distsim.files.paths import as_path
from distsim.files.plain_files import read_json
from distsim.recording.part_files import has_parts
from distsim.recording.pieces import recorded_ms
from distsim.recording.spikes import Spikes, read_spikes


def plot_folder(folder: str | Path, t0: float | None = None, t1: float | None = None) -> list[Path]:
    """Draw ``raster.png`` and ``rates.png`` from ``summary.json`` and ``spikes.h5`` of a run's folder.

    Where the folder holds the panels of a figure, draw those of each panel's folder, and ``panels.png``; where it is
    that of ``distsim bench``, draw ``bench.png``.

    Parameters
    ----------
    folder : str or Path
        The run's folder.
    t0, t1 : float, optional
        The period in ms; by default the raster's as the summary says and else from t_presim_ms to the end of the run.

    Returns
    -------
    list of Path
        The pictures.

    Raises
    ------
    FileNotFoundError
        If a folder or one of the two files is missing.
    NotADirectoryError
        If `folder` is a file.
    ValueError
        If one of them is damaged, or the period is empty, or all of the run is, or nothing was recorded in the period.
    """
    folder = as_path(folder)
    if is_of_bench(folder):
        return [plot_bench(folder)]
    folder, summary = _open(folder)
    if "panels" in summary:
        drawn = [plot_folder(folder / name, t0, t1) for name in summary["panels"]]
        return [*(path for paths in drawn for path in paths), plot_panels(folder, t0, t1)]
    if not summary["t_sim_ms"]:
        raise ValueError(f"{folder}: nothing to draw: the run has no time after its warm-up")
    spikes, period = _read(folder, summary), _whole_period(summary, t0, t1)
    pieces = pieces_of(summary, _whole_period(summary, None, None))
    check_recorded(pieces, *period)
    pictures = [folder / "raster.png", folder / "rates.png"]
    colors, title = collect(summary["populations"], "color"), title_of(summary)
    raster(spikes, *_raster_period(folder, summary, t0, t1), pictures[0], colors, **_options(folder, summary, title))
    alone = {name: recorded_only(summary["populations"].get(name), s) for name, s in spikes.items()}
    references, sizes = (collect(summary["populations"], key) for key in ("reference_rate_hz", "n"))
    said = {"title": title, "sizes": sizes, **_rates_options(folder, summary)}
    said["recorded_ms"] = recorded_ms(pieces, *period)
    rates_boxplot(alone, *period, pictures[1], colors, references, **said)
    return pictures


def plot_panels(folder: str | Path, t0: float | None = None, t1: float | None = None) -> Path:
    """Draw ``panels.png`` of a folder whose subfolders are the runs of a figure's panels; the picture.

    Parameters and errors are those of `plot_folder`.
    """
    folder, summary = _open(folder)
    pictures = [_panel(folder / name, name, t0, t1) for name in summary["panels"]]
    panels(pictures, folder / "panels.png", title_of({key: summary.get(key) for key in ("network", "seed")}))
    return folder / "panels.png"


def is_of_bench(folder: Path) -> bool:
    """Return whether `folder` is that of ``distsim bench``."""
    return (folder / "bench.json").is_file() and not (folder / "summary.json").exists()


def plot_bench(folder: Path) -> Path:
    """Draw ``bench.png`` from ``bench.json`` and return its path; ValueError if ``bench.json`` is damaged."""
    path = folder / "bench.json"
    bench = read_json(path)
    try:
        bench_figure(bench, folder / "bench.png")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not what distsim bench writes ({type(error).__name__}: {error})") from error
    return folder / "bench.png"


def _panel(folder: Path, name: str, t0: float | None, t1: float | None) -> Raster:
    """Return the raster of one panel's run."""
    folder, summary = _open(folder)
    period = _raster_period(folder, summary, t0, t1)
    colors, title = collect(summary["populations"], "color"), _figures(summary).get("title", name)
    return Raster(_read(folder, summary), *period, colors, **_options(folder, summary, title))


def _open(folder: str | Path) -> tuple[Path, dict[str, Any]]:
    folder = existing_folder(folder)
    return folder, read_summary(folder / "summary.json")


def _read(folder: Path, summary: Mapping[str, Any]) -> dict[str, Spikes]:
    path = folder / "spikes.h5"
    if not path.is_file() and has_parts(folder):
        raise FileNotFoundError(f"{folder}: the run has not come to its end: distsim resume {folder}")
    if not path.is_file():
        recorded = summary.get("spikes_sha256", "unknown") is not None
        why = "it is missing" if recorded else "the run recorded no spikes (as with --no-record)"
        raise FileNotFoundError(f"{path}: no such file: figures are drawn from it, and {why}")
    return in_order_of(summary["populations"], read_spikes(path))


def _whole_period(summary: Mapping[str, Any], t0: float | None, t1: float | None) -> tuple[float, float]:
    """Return the recorded period, unless another is given."""
    t_start = float(summary["t_presim_ms"])
    return t_start if t0 is None else t0, t_start + float(summary["t_sim_ms"]) if t1 is None else t1


def _raster_period(folder: Path, summary: Mapping[str, Any], t0: float | None, t1: float | None) -> tuple[float, float]:
    if t0 is None and t1 is None and "period" in _figures(summary):
        try:
            t0, t1 = (float(t) for t in _figures(summary)["period"])
        except (TypeError, ValueError):
            raise ValueError(f"{folder / 'summary.json'}: figures: period must be two times (ms)") from None
    return _whole_period(summary, t0, t1)


def _figures(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the model says of its figures."""
    return summary.get("figures", {})


def _options(folder: Path, summary: Mapping[str, Any], title: str | None) -> dict[str, Any]:
    """Return the options of `raster` that the summary stands for."""
    figures, options = _figures(summary), {"title": title, "recorded": recorded_neurons(summary["populations"])}
    try:
        for key, kind in (("only", list), ("first", int), ("style", str)):
            if key in figures:
                if not isinstance(figures[key], kind):
                    raise ValueError(f"{key} is of the wrong kind")
                options[key] = figures[key]
        options["pieces"] = pieces_of(summary, _whole_period(summary, None, None))
        options["marks"] = [Mark(**mark) for mark in figures.get("marks", [])]
        options["marks"] += break_marks(summary.get("recorded_ms", ()), collect(summary["populations"], "n"))
        if "rate" in figures:
            given = PopulationRate(**figures["rate"])
            options["rate"] = PopulationRate(**{**figures["rate"], "bin": _on_grid(given.bin, summary.get("dt_ms"))})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{folder / 'summary.json'}: figures: {error}") from None
    return options


def _rates_options(folder: Path, summary: Mapping[str, Any]) -> dict[str, str]:
    try:
        return rates_options(summary)
    except ValueError as error:
        raise ValueError(f"{folder / 'summary.json'}: {error}") from None


def _on_grid(width: float, dt: float | None) -> float:
    """Return the multiple of dt next to `width`: with any other, bins would differ in steps."""
    return width if not dt else max(1.0, float(np.round(width / dt))) * dt
