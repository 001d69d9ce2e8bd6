"""A run's folder as a `Result`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from .analysis.run_folder import existing_folder, pieces_of, read_summary
from .recording.file_sink import SPIKES, VOLTAGES
from .recording.part_files import has_parts, read_spike_parts, read_voltage_parts
from .recording.spikes import Spikes, read_spikes
from .recording.voltages import Voltages, read_voltages
from .result import Result

SUMMARY = "summary.json"
FILES = (SUMMARY, SPIKES, VOLTAGES)


def load(folder: str | Path) -> Result:
    """What the run in `folder` has recorded; each rank reads for itself.

    Any of `summary.json`, `spikes.h5` and `voltages.h5` may be missing; then what they say is not known. Of a run that
    has not come to its end it is what its closed parts hold.

    Raises
    ------
    FileNotFoundError : no such folder, or none of the files is there.
    NotADirectoryError : it is a file.
    ValueError : a file is damaged, or they contradict each other.
    """
    folder = existing_folder(folder)
    paths = {name: folder / name for name in FILES if os.path.lexists(folder / name)}
    if not paths and not has_parts(folder):
        raise FileNotFoundError(f"{folder}: no run is there (none of {', '.join(FILES)})")
    summary = read_summary(paths[SUMMARY]) if SUMMARY in paths else None
    spikes = _in_order(read_spikes(paths[SPIKES]) if SPIKES in paths else read_spike_parts(folder))
    voltages = _recorded_samples(read_voltages(paths[VOLTAGES]) if VOLTAGES in paths else read_voltage_parts(folder))
    sizes = _sizes(folder, summary, spikes, voltages)
    recorded = {name: _recorded(summary, name, s.n) for name, s in spikes.items()}
    period = _period(summary, spikes, voltages)
    pieces = [tuple(piece) for piece in pieces_of(summary or {}, period)]
    return Result(sizes, _dt(summary, spikes), period, spikes, recorded, voltages, summary, pieces)


def _in_order(spikes: Mapping[str, Spikes]) -> dict[str, Spikes]:
    """The spikes by (time, id), as distsim writes them and others may not."""
    orders = {name: np.lexsort((s.ids, s.times)) for name, s in spikes.items()}
    return {name: replace(s, times=s.times[orders[name]], ids=s.ids[orders[name]]) for name, s in spikes.items()}


def _recorded_samples(voltages: Mapping[str, Voltages]) -> dict[str, Voltages]:
    """The voltages without the samples between recorded pieces, which are NaN in all neurons."""
    if not voltages:
        return {}
    kept = ~np.all([np.isnan(v.V).all(axis=1) for v in voltages.values() if v.V.shape[1]], axis=0)
    if np.all(kept):
        return dict(voltages)
    return {name: replace(v, times=v.times[kept], V=v.V[kept]) for name, v in voltages.items()}


def _sizes(folder: Path, summary: dict | None, spikes: Mapping[str, Spikes], voltages: Mapping[str, Voltages]) -> dict:
    """Neurons by population: in the order of the summary, or else of the files."""
    sizes = {} if summary is None else {name: _entry(folder, summary, name)["n"] for name in summary["populations"]}
    for name, s in spikes.items():
        if sizes.setdefault(name, s.n) != s.n:
            raise ValueError(f"{folder}: {name} has {sizes[name]} neurons by {SUMMARY} but {s.n} by {SPIKES}")
    for name, v in voltages.items():
        highest = int(v.ids.max(initial=-1))
        if sizes.setdefault(name, highest + 1) <= highest:
            raise ValueError(f"{folder}: {name} has {sizes[name]} neurons, but {VOLTAGES} holds its neuron {highest}")
    return sizes


def _entry(folder: Path, summary: dict, name: str) -> dict:
    entry = summary["populations"].get(name)
    if not (isinstance(entry, dict) and isinstance(entry.get("n"), int)):
        raise ValueError(f"{folder / SUMMARY}: populations.{name}.n is missing or not a whole number")
    return entry


def _recorded(summary: dict | None, name: str, n: int) -> np.ndarray:
    """Whether the spikes of each neuron are recorded; of all where no summary says otherwise."""
    ranges = None if summary is None else summary["populations"].get(name, {}).get("recorded")
    if ranges is None:
        return np.ones(n, bool)
    recorded = np.zeros(n, bool)
    for first, last in ranges:
        recorded[first:last] = True
    return recorded


def _dt(summary: dict | None, spikes: Mapping[str, Spikes]) -> float | None:
    known = [] if summary is None else [summary.get("dt_ms")]
    return next((dt for dt in [*known, *(s.dt_ms for s in spikes.values())] if dt is not None), None)


def _period(
    summary: dict | None, spikes: Mapping[str, Spikes], voltages: Mapping[str, Voltages]
) -> tuple[float, float]:
    """The recorded period (ms): as the spike file says, which is on the grid, or the summary, or the data."""
    for s in spikes.values():
        if s.t_start_ms is not None and s.t_stop_ms is not None:
            return s.t_start_ms, s.t_stop_ms
    if summary is not None:
        return float(summary["t_presim_ms"]), float(summary["t_presim_ms"] + summary["t_sim_ms"])
    times = np.concatenate([np.zeros(1), *(x.times for x in (*spikes.values(), *voltages.values()))])
    return 0.0, float(times.max())
