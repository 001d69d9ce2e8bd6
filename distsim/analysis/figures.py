"""The figures of a run, drawn again from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from distsim.analysis.bench_figure import bench_figure
from distsim.analysis.opened_run import OpenedRun, open_run
from distsim.analysis.panels import panels
from distsim.analysis.raster import Raster, raster
from distsim.analysis.rates import rates_boxplot
from distsim.analysis.run_folder import check_recorded, collect, recorded_neurons, recorded_only, title_of
from distsim.analysis.traces import label_of, traces, window
from distsim.files.paths import as_path
from distsim.files.plain_files import read_json
from distsim.recording.pieces import recorded_ms
from distsim.recording.report_files import SPIKES, report_of
from distsim.recording.samples import Samples


def plot_folder(folder: str | Path, t0: float | None = None, t1: float | None = None) -> list[Path]:
    """Draw the figures of a run from its folder: ``raster.png`` and ``rates.png`` of recorded spikes, ``voltages.png``
    of recorded membrane potentials, and a picture of every other sampled quantity, named as its file.

    Where the folder holds the panels of a figure, draw those of each panel's folder, and ``panels.png``; where it is
    that of ``distsim bench``, draw ``bench.png``.

    Parameters
    ----------
    folder : str or Path
        The run's folder, with ``summary.json`` and the recordings.
    t0, t1 : float, optional
        The period in ms. By default the raster's is as the summary says and else from t_presim_ms to the end of the
        run; that of sampled quantities is the same, but at most the first 500 ms.

    Returns
    -------
    list of Path
        The pictures.

    Raises
    ------
    FileNotFoundError
        If a folder, the summary or the recordings are missing.
    NotADirectoryError
        If `folder` is a file.
    ValueError
        If one of them is damaged, or the period is empty, or all of the run is, or nothing was recorded in the period.
    """
    folder = as_path(folder)
    if is_of_bench(folder):
        return [plot_bench(folder)]
    run = open_run(folder)
    if "panels" in run.summary:
        drawn = [plot_folder(run.folder / name, t0, t1) for name in run.summary["panels"]]
        return [*(path for paths in drawn for path in paths), plot_panels(run.folder, t0, t1)]
    if not run.summary["t_sim_ms"]:
        raise ValueError(f"{run.folder}: nothing to draw: the run has no time after its warm-up")
    pictures = plot_spikes(run, t0, t1) if run.has(SPIKES) or not run.sampled else []
    return [*pictures, *(plot_samples(run, file, t0, t1) for file in run.sampled)]


def plot_spikes(run: OpenedRun, t0: float | None = None, t1: float | None = None) -> list[Path]:
    """Draw ``raster.png`` and ``rates.png`` and return their paths; the rest is as in `plot_folder`."""
    spikes, period = run.spikes(), run.whole_period(t0, t1)
    check_recorded(run.pieces, *period)
    pictures = [run.folder / "raster.png", run.folder / "rates.png"]
    options = {"title": run.title, **run.raster_options()}
    raster(spikes, *run.raster_period(t0, t1), pictures[0], run.colors, **options)
    alone = {name: recorded_only(run.populations.get(name), s) for name, s in spikes.items()}
    references, sizes = (collect(run.populations, key) for key in ("reference_rate_hz", "n"))
    said: dict[str, Any] = {"title": run.title, "sizes": sizes, **run.rates_options()}
    said["recorded_ms"] = recorded_ms(run.pieces, *period)
    rates_boxplot(alone, *period, pictures[1], run.colors, references, **said)
    return pictures


def plot_samples(run: OpenedRun, file: str, t0: float | None = None, t1: float | None = None) -> Path:
    """Draw the samples in a file of the run, into a picture of its name, and return its path; see `plot_folder`."""
    check_recorded(run.pieces, *run.whole_period(t0, t1))
    spikes = run.spikes() if run.has(SPIKES) else None
    options: dict[str, Any] = {"spikes": spikes, "recorded": recorded_neurons(run.populations), "pieces": run.pieces}
    samples, path = run.samples(file), (run.folder / file).with_suffix(".png")
    options |= {"colors": run.colors, "title": run.title, "label": label_of(report_of(file), samples)}
    traces(samples, *_traces_period(run, samples, t0, t1), path, **options)
    return path


def _traces_period(
    run: OpenedRun, samples: Mapping[str, Samples], t0: float | None, t1: float | None
) -> tuple[float, float]:
    """Return the period that is given, or that of the raster if the model chose one in which there are samples."""
    if t0 is not None or t1 is not None:
        return run.whole_period(t0, t1)
    if "period" in run.figures:
        start, stop = run.raster_period(None, None)
        if any(np.any((s.times > start) & (s.times <= stop)) for s in samples.values()):
            return start, stop
    return window(run.pieces, samples)


def plot_panels(folder: str | Path, t0: float | None = None, t1: float | None = None) -> Path:
    """Draw ``panels.png`` of a folder whose subfolders are the runs of a figure's panels; the picture.

    Parameters and errors are those of `plot_folder`.
    """
    run = open_run(folder)
    pictures = [_panel(run.folder / name, name, t0, t1) for name in run.summary["panels"]]
    title = title_of({key: run.summary.get(key) for key in ("network", "seed", "noise_seed")})
    panels(pictures, run.folder / "panels.png", title)
    return run.folder / "panels.png"


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
    run = open_run(folder)
    options = {"title": run.figures.get("title", name), **run.raster_options()}
    return Raster(run.spikes(), *run.raster_period(t0, t1), run.colors, **options)
