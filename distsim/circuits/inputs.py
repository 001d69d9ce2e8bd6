"""Inputs of a SONATA simulation: spikes of virtual nodes, and current clamps."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..description.network import Network
from ..files.plain_files import open_plain
from ..recording.members import WHOLE, dataset, has
from ..recording.spikes import Spikes, read_spikes
from .config import Config
from .node_sets import NodeSets
from .nodes import Nodes

SPIKES, CLAMP = "spikes", "current_clamp"
SPIKE_MODULES = ("sonata", "h5", "csv")


def spike_trains(config: Config, nodes: Mapping[str, Nodes], dt: float) -> dict[str, list[np.ndarray]]:
    """Return the spike times (ms) of all virtual nodes by population, rounded to multiples of dt.

    Raises
    ------
    FileNotFoundError, ValueError
        A file is not there or damaged, or spikes are given to other nodes.
    """
    trains: dict[str, list[list[np.ndarray]]]
    trains = {name: [[] for _ in range(each.n)] for name, each in nodes.items() if each.model is None}
    sets = NodeSets.of(config, nodes)
    for name, entry in config.section("inputs").items():
        if entry["input_type"] != SPIKES:
            continue
        where = f"{config.path}: inputs.{name}"
        chosen = sets.choose(where, entry.get("node_set", {"population": list(trains)}))
        for population, ids in chosen.items():
            if population not in trains:
                raise ValueError(f"{where}: {population} are neurons; spikes are given to virtual nodes")
            found = _read(where, entry, population)
            known = np.isin(found.ids, ids)
            for node in np.unique(found.ids[known]).tolist():
                trains[population][node].append(found.times[found.ids == node])
    return {name: [_on_grid(each, dt) for each in of_all] for name, of_all in trains.items()}


def _on_grid(parts: list[np.ndarray], dt: float) -> np.ndarray:
    """Return times (ms) rounded to multiples of dt; those before dt are at dt, the first step."""
    steps = np.maximum(np.rint(np.concatenate([np.zeros(0), *parts]) / dt), 1.0)
    times: np.ndarray = np.sort(steps) * dt
    return times


def _read(where: str, entry: Mapping[str, Any], population: str) -> Spikes:
    """Return the spikes of a population in a file."""
    file, module = entry.get("input_file"), entry["module"]
    if module not in SPIKE_MODULES or not isinstance(file, str):
        known = ", ".join(SPIKE_MODULES)
        raise ValueError(f"{where}: module {module!r} is not supported; supported are {known}, with an input_file")
    if module == "csv" or Path(file).suffix == ".csv":
        return _read_csv(file, population)
    found = _read_older(file, population) or read_spikes(file)
    if population not in found:
        raise ValueError(f"{where}: {file} has no spikes of {population}, only of {', '.join(found) or 'none'}")
    return found[population]


def _read_older(file: str, population: str) -> dict[str, Spikes]:
    """Return the spikes in a file of SONATA's first layout, /spikes/gids, which names no population; none of others."""
    open_plain(file).close()  # HDF5 would block on a pipe
    if not h5py.is_hdf5(file):
        return {}
    with h5py.File(file, "r") as opened:
        if not has(opened, "spikes") or not has(opened["spikes"], "gids"):
            return {}
        times, ids = dataset(opened, "spikes/timestamps")[:], dataset(opened, "spikes/gids", WHOLE)[:].astype(np.int64)
    if times.size != ids.size:
        raise ValueError(f"{file}: {times.size} timestamps, but {ids.size} gids")
    return {population: Spikes(times.astype(np.float64), ids, int(ids.max(initial=-1)) + 1)}


def _read_csv(file: str, population: str) -> Spikes:
    """Return spikes from a table with columns timestamps, node_ids and, if there are several, population."""
    with open(file, newline="", encoding="utf8") as opened:
        rows = list(csv.DictReader(opened, delimiter=" ", skipinitialspace=True))
    try:
        rows = [row for row in rows if row.get("population", population) == population]
        times = np.array([float(row["timestamps"]) for row in rows])
        ids = np.array([int(row["node_ids"]) for row in rows], np.int64)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file}: must have columns timestamps and node_ids, numbers in each line ({error})") from None
    return Spikes(times, ids, int(ids.max(initial=-1)) + 1)


def add_currents(network: Network, config: Config, nodes: Mapping[str, Nodes]) -> None:
    """Add the current clamps to `network`; other inputs than these and spikes are refused."""
    sets = NodeSets.of(config, nodes)
    for name, entry in config.section("inputs").items():
        where = f"{config.path}: inputs.{name}"
        if entry["input_type"] == SPIKES:
            continue
        if entry["input_type"] != CLAMP or entry["module"] != "IClamp":
            asked, known = f"{entry['input_type']!r} by {entry['module']!r}", f"{SPIKES}, and {CLAMP} by IClamp"
            raise ValueError(f"{where}: input_type {asked} is not supported; supported are {known}")
        values = [entry.get(key) for key in ("amp", "delay", "duration")]
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            raise ValueError(f"{where}: amp (pA), delay and duration (ms) must be numbers, not {values}")
        amplitude, start, duration = (float(value) for value in values if value is not None)
        for population, ids in sets.choose(where, entry.get("node_set")).items():
            network.dc_current(network[population][ids], amplitude, start, start + duration)
