"""The figures of a run, drawn again from its folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from distsim.analysis.raster import raster
from distsim.analysis.rates import rates_boxplot
from distsim.recording.spikes import Spikes, read_spikes


def plot_folder(folder: str | Path, t0: float | None = None, t1: float | None = None) -> list[Path]:
    """Draw ``raster.png`` and ``rates.png`` from ``summary.json`` and ``spikes.h5`` of a run's folder.

    Parameters
    ----------
    folder : str or Path
        The run's folder.
    t0, t1 : float, optional
        The period in ms; by default from t_presim_ms to the end of the run.

    Returns
    -------
    list of Path
        The pictures.

    Raises
    ------
    FileNotFoundError
        If the folder or one of the two files is missing.
    ValueError
        If one of them is damaged, or the period is empty.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    summary = read_summary(folder / "summary.json")
    t_start = float(summary["t_presim_ms"])
    t_stop = t_start + float(summary["t_sim_ms"])
    period = (t_start if t0 is None else t0, t_stop if t1 is None else t1)
    spikes = _in_order_of(summary["populations"], read_spikes(folder / "spikes.h5"))
    pictures = [folder / "raster.png", folder / "rates.png"]
    colors = _collect(summary["populations"], "color")
    raster(spikes, *period, pictures[0], colors, title=_title(summary))
    references = _collect(summary["populations"], "reference_rate_hz")
    rates_boxplot(spikes, *period, pictures[1], colors, references, title=_title(summary))
    return pictures


def read_summary(path: str | Path) -> dict[str, Any]:
    """Read a run's ``summary.json`` and check that it holds what the figures need.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not JSON, or an entry is missing or of the wrong kind.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file: {error}") from error
    if not isinstance(summary, dict):
        raise ValueError(f"{path}: not the summary of a run")
    for key, kind in (("populations", dict), ("t_presim_ms", (int, float)), ("t_sim_ms", (int, float))):
        if not isinstance(summary.get(key), kind):
            raise ValueError(f"{path}: {key} is missing or of the wrong kind")
    return summary


def _in_order_of(populations: Mapping[str, Any], spikes: Mapping[str, Spikes]) -> dict[str, Spikes]:
    """Return the recorded spikes in the summary's order of populations; what it does not name comes last."""
    names = [name for name in [*populations, *spikes] if name in spikes]
    return {name: _recorded_only(populations.get(name), spikes[name]) for name in names}


def _recorded_only(entry: Any, spikes: Spikes) -> Spikes:
    """Return the spikes with the recorded neurons of a population numbered through, so that no other seems silent."""
    if not isinstance(entry, dict) or entry.get("recorded") is None:
        return spikes
    ids = np.concatenate([np.zeros(0, np.int64), *(np.arange(first, last) for first, last in entry["recorded"])])
    return dataclasses.replace(spikes, ids=np.searchsorted(ids, spikes.ids), n=ids.size)


def _collect(populations: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return one entry of the populations that have it."""
    return {name: entry[key] for name, entry in populations.items() if isinstance(entry, dict) and entry.get(key)}


def _title(summary: Mapping[str, Any]) -> str | None:
    """Return the network's name, its scale if it is scaled, and the seed."""
    name, config = summary.get("network"), summary.get("config")
    if not isinstance(name, str):
        return None
    config = config if isinstance(config, dict) else {}
    parts = [name]
    for key, word in (("N_scaling", "N"), ("K_scaling", "K")):
        if config.get(key, 1.0) != 1.0:
            parts.append(f"{word} scaled by {config[key]:g}")
    if "seed" in summary:
        parts.append(f"seed {summary['seed']}")
    return ", ".join(parts)
