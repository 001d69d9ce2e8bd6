"""Which neurons a node set selects: by name, by population and ids, or by attributes of nodes and their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..files.plain_files import read_json
from .config import Config
from .nodes import Nodes

IDS = ("node_id", "node_ids")
ALL = "all"
Chosen = dict[str, np.ndarray]  # ids by population, ascending, not empty


@dataclass(frozen=True)
class NodeSets:
    """Node sets by name, and all nodes by population."""

    named: Mapping[str, Any]
    populations: Mapping[str, Nodes]

    @classmethod
    def of(cls, config: Config, populations: Mapping[str, Nodes]) -> NodeSets:
        """Return the node sets that a configuration defines."""
        file = config.entries.get("node_sets_file")
        listed = read_json(file) if file else {}
        if not isinstance(listed, dict):
            raise ValueError(f"{file}: must be an object of node sets")
        return cls({**listed, **config.section("node_sets")}, populations)

    def choose(self, where: str, node_set: Any) -> Chosen:
        """Return the ids that a node set selects, by population.

        Parameters
        ----------
        where : str
            The entry that asks for it, for messages.
        node_set : str, dict or list
            The name of a set, of a population or "all"; conditions that a node must fulfill; names of several sets.

        Raises
        ------
        ValueError
            There is no such set, population or attribute, or no node fulfills the conditions.
        """
        chosen = self._chosen(where, node_set, 0)
        if not chosen:
            raise ValueError(f"{where}: node_set {node_set!r} selects no nodes")
        return chosen

    def _chosen(self, where: str, node_set: Any, depth: int) -> Chosen:
        populations = self.populations
        if depth > len(self.named):
            raise ValueError(f"{where}: node sets refer to each other in a circle")
        if isinstance(node_set, str):
            if node_set in self.named:
                return self._chosen(where, self.named[node_set], depth + 1)
            if node_set in populations:
                return {node_set: np.arange(populations[node_set].n)}
            if node_set == ALL:
                return {name: np.arange(nodes.n) for name, nodes in populations.items() if nodes.model}
            known = ", ".join([*self.named, *populations, ALL])
            raise ValueError(f"{where}: no node set {node_set!r}: there are {known}")
        if isinstance(node_set, list):
            return self._together(where, node_set, depth)
        if not isinstance(node_set, dict):
            raise ValueError(f"{where}: node_set must be a name, conditions or a list of names, not {node_set!r}")
        found: Chosen = {}
        for name in _as_list(node_set.get("population", list(populations))):
            if name not in populations:
                raise ValueError(f"{where}: no population {name!r}: there are {', '.join(populations)}")
            ids = _fulfilling(where, node_set, populations[name])
            if ids.size:
                found[name] = ids
        return found

    def _together(self, where: str, names: list, depth: int) -> Chosen:
        """Return what several sets select together."""
        found: Chosen = {}
        for each in names:
            if not isinstance(each, str):
                raise ValueError(f"{where}: node_set {names!r}: a list must name node sets; ids need a population")
            for name, ids in self._chosen(where, each, depth).items():
                found[name] = np.union1d(found.get(name, ids), ids)
        return found


def _fulfilling(where: str, conditions: Mapping[str, Any], nodes: Nodes) -> np.ndarray:
    chosen = np.ones(nodes.n, bool)
    for key, wanted in conditions.items():
        values = _as_list(wanted)
        if key == "population":
            continue
        if key in IDS:
            ids = np.array(values if all(type(k) is int for k in values) else [-1], np.int64)
            if "population" in conditions and ids.size and (ids.min() < 0 or ids.max() >= nodes.n):
                raise ValueError(f"{where}: {key} of {nodes.name} must be whole numbers from 0 to {nodes.n - 1}")
            chosen &= np.isin(np.arange(nodes.n), ids)
        elif key in nodes.attributes:
            column = nodes.attributes[key]
            texts = column.dtype.kind == "O"
            chosen &= np.isin(column.astype(str) if texts else column, [str(v) if texts else v for v in values])
        elif "population" in conditions:
            raise ValueError(f"{where}: nodes {nodes.name} have no {key!r}; they have {', '.join(nodes.attributes)}")
        else:
            chosen[:] = False
    return np.flatnonzero(chosen)


def _as_list(value: Any) -> list:
    return value if isinstance(value, list) else [value]
