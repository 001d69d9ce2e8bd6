"""Edges of a SONATA file whose weights and delays are values of the edges or, where these have none, of their types."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .sonata_tables import SonataTable

WEIGHT, DELAY, TIMES = "syn_weight", "delay", "nsyns"
DEFAULTS = {TIMES: 1.0, DELAY: 1.0}  # the delay (ms) is that of NEST's static_synapse


class TypedSonataTable(SonataTable):
    """The edges of one population; a weight is syn_weight times nsyns, the number of synapses that an edge stands for.

    Parameters
    ----------
    path : Path
        The file.
    population : str
        Of edges.
    types : mapping of int to mapping of str to float
        Values of each edge type by name.
    """

    def __init__(self, path: Path, population: str, types: Mapping[int, Mapping[str, float]]) -> None:
        self.types = types
        super().__init__(path, population, WEIGHT, DELAY)

    def _check_group(self, where: str, group: Any) -> None:
        for name in (WEIGHT, DELAY, TIMES):
            if group is not None and name in group and (group[name].ndim != 1 or group[name].dtype.kind not in "iuf"):
                raise ValueError(f"{self.path}: {where}/{name} is no list of numbers")

    def _values(self, group: Any, name: str, rows: slice) -> np.ndarray:
        values = self._column(group, name, rows)
        return values * self._column(group, TIMES, rows) if name == WEIGHT else values

    def _column(self, group: Any, name: str, rows: slice) -> np.ndarray:
        """Return values of edges, of their groups where these have some, otherwise of their types."""
        ids = group["edge_type_id"][rows].astype(np.int64)
        values = np.empty(ids.size)
        numbers = group["edge_group_id"][rows] if "edge_group_id" in group else np.zeros(ids.size, np.int64)
        places = group["edge_group_index"][rows].astype(np.int64) if "edge_group_id" in group else None
        for number in np.unique(numbers):
            chosen, held = numbers == number, group.get(str(number))
            if held is None or name not in held:
                values[chosen] = self._of_types(name, ids[chosen])
                continue
            wanted = np.arange(rows.start, rows.stop) if places is None else places[chosen]
            if wanted.size and wanted.max() >= held[name].shape[0]:
                where = f"/edges/{self.population}/{number}/{name}"
                raise ValueError(f"{self.path}: {where} has no value {wanted.max()}, only {held[name].shape[0]}")
            first = int(wanted.min(initial=0))
            values[chosen] = held[name][first : int(wanted.max(initial=-1)) + 1][wanted - first]
        return values

    def _of_types(self, name: str, ids: np.ndarray) -> np.ndarray:
        found = np.empty(ids.size)
        for number in np.unique(ids).tolist():
            value = self.types.get(number, {}).get(name, DEFAULTS.get(name))
            if value is None:
                missing = "has no" if number in self.types else "is in no table of types: no"
                where = f"/edges/{self.population}: edge type {number}"
                raise ValueError(f"{self.path}: {where} {missing} {name!r}, nor have its edges")
            found[ids == number] = value
        return found
