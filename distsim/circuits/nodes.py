"""Read the nodes of a SONATA circuit: populations of one neuron model each, or of virtual nodes, which only spike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..neurons import MODELS
from ..recording.members import children, dataset, has, member
from ..recording.sonata import open_to_read
from .config import Config
from .types import Types, read_types

POINT, VIRTUAL = ("point_neuron", "point_process"), "virtual"
PREFIX = "nest:"
AXES = ("x", "y", "z")
DYNAMICS = "dynamics_params"


@dataclass(frozen=True)
class Nodes:
    """A population of nodes.

    Attributes
    ----------
    name : str
        Of the population.
    n : int
        Nodes; their ids are 0 ... n - 1.
    model : str or None
        The neuron model; None of virtual nodes.
    parameters : mapping of str to float or ndarray
        Of the model.
    positions : ndarray of float64, shape (n, axes), or None
        Coordinates, where all nodes have them.
    attributes : mapping of str to ndarray, shape (n,)
        What node sets ask for: columns of the types as texts, values of the nodes as numbers.
    """

    name: str
    n: int
    model: str | None
    parameters: Mapping[str, float | np.ndarray]
    positions: np.ndarray | None
    attributes: Mapping[str, np.ndarray]


def read_all_nodes(config: Config) -> dict[str, Nodes]:
    """Return all populations of nodes by name.

    Raises
    ------
    FileNotFoundError, ValueError
        A file is not there or damaged, a population has several models, or one that is not supported.
    """
    found: dict[str, Nodes] = {}
    for entry in config.section("networks").get("nodes", []):
        types = read_types(entry.get("node_types_file"), "node_type_id")
        path = Path(entry["nodes_file"])
        with open_to_read(path) as file:
            raw = {name: _Raw(group) for name, group in children(file, "nodes")}
        for name, nodes in raw.items():
            if name in found:
                raise ValueError(f"{path}: there are nodes {name!r} in another file already")
            found[name] = _population(config, f"{path}: /nodes/{name}", name, nodes, types)
    return found


class _Raw:
    """Ids, types and values of a population of nodes, as they are in the file."""

    def __init__(self, group: h5py.Group) -> None:
        self.types = dataset(group, "node_type_id", "iu")[:].astype(np.int64)
        self.n = self.types.size
        if has(group, "node_id"):
            ids = dataset(group, "node_id", "iu")[:]
            if not np.array_equal(ids, np.arange(self.n)):
                raise ValueError(f"{group.name}/node_id: must be 0 to {self.n - 1} in this order")
        whole = np.zeros(self.n, np.int64), np.arange(self.n)
        names = ("node_group_id", "node_group_index")
        self.group, self.index = (
            dataset(group, name, "iu")[:].astype(np.int64) if has(group, name) else usual
            for name, usual in zip(names, whole, strict=True)
        )
        self.values: dict[str, np.ndarray] = {}
        self.dynamics: dict[str, np.ndarray] = {}
        for number in np.unique(self.group).tolist():
            if has(group, str(number)):
                self._read(member(group, str(number)), number)

    def _read(self, group: Any, number: int) -> None:
        """Read the values of the nodes of one group; NaN stands for those of the others."""
        chosen = self.group == number
        for name in group:
            if name == DYNAMICS:
                for key in group[name]:
                    self._keep(self.dynamics, key, dataset(group, f"{name}/{key}"), chosen)
            elif isinstance(group[name], h5py.Dataset) and group[name].dtype.kind in "iuf":
                self._keep(self.values, name, group[name], chosen)

    def _keep(self, kept: dict[str, np.ndarray], name: str, found: h5py.Dataset, chosen: np.ndarray) -> None:
        values, places = found[:], self.index[chosen]
        if places.size and places.max() >= len(values):
            raise ValueError(f"{found.name} has {len(values)} values, but node_group_index reaches {places.max()}")
        kept.setdefault(name, np.full((self.n, *values.shape[1:]), np.nan))[chosen] = values[places]

    @property
    def positions(self) -> np.ndarray | None:
        """Return the coordinates, if all nodes have some."""
        placed = [self.values[axis] for axis in AXES if axis in self.values]
        if not placed and self.values.get("positions", np.zeros(0)).ndim == 2:
            placed = list(self.values["positions"].T)
        found = np.stack(placed, axis=1) if placed else np.full((1, 1), np.nan)
        return found if len(placed) <= len(AXES) and np.isfinite(found).all() else None


def _population(config: Config, where: str, name: str, nodes: _Raw, types: Types) -> Nodes:
    used = np.unique(nodes.types).tolist()
    for number in used:
        if number not in types:
            raise ValueError(f"{where}: node type {number} is in no table of types")
    texts = {
        column: np.array([types[number].get(column, "") for number in nodes.types.tolist()], object)
        for column in dict.fromkeys(column for number in used for column in types[number])
    }
    kinds = {types[number].get("model_type", "") for number in used}
    attributes = {**texts, **{key: value for key, value in nodes.values.items() if value.ndim == 1}}
    if kinds <= {VIRTUAL}:
        return Nodes(name, nodes.n, None, {}, None, attributes)
    if not kinds <= set(POINT):
        raise ValueError(
            f"{where}: model_type {', '.join(sorted(kinds))}: supported are {', '.join(POINT)} and "
            f"{VIRTUAL}, and no population may hold virtual nodes and neurons"
        )
    model = _model(where, {types[number].get("model_template", "") for number in used})
    return Nodes(name, nodes.n, model, _parameters(config, where, model, nodes, types), nodes.positions, attributes)


def _model(where: str, templates: set[str]) -> str:
    """Return the model that all nodes of a population have."""
    if len(templates) > 1:
        models = ", ".join(sorted(templates))
        raise ValueError(f"{where}: several models, {models}: one for each population is supported")
    (template,) = templates
    model = template.removeprefix(PREFIX)
    if not template.startswith(PREFIX) or model not in MODELS or MODELS[model].is_source:
        known = ", ".join(f"{PREFIX}{name}" for name, each in MODELS.items() if not each.is_source)
        raise ValueError(f"{where}: model_template {template!r} is not supported; supported are {known}")
    return model


def _parameters(config: Config, where: str, model: str, nodes: _Raw, types: Types) -> dict[str, float | np.ndarray]:
    """Return the parameters of a model, from the files that the types name and from the nodes' own values."""
    known, given = MODELS[model].parameters, {}
    for number in np.unique(nodes.types).tolist():
        file = types[number].get(DYNAMICS)
        given[number] = config.component("point_neuron_models_dir", file) if file else {}
        for key in given[number]:
            if key not in known:
                raise ValueError(f"{where}: {file}: {model} has no parameter {key!r}; it has {', '.join(known)}")
    # As in NEST, V_m at time 0 does not follow E_L.
    names = dict.fromkeys([*(key for values in given.values() for key in values), *nodes.dynamics, "V_m"])
    defaults = MODELS[model].defaults()
    found: dict[str, float | np.ndarray] = {}
    for key in (key for key in names if key in known):
        each = {number: values.get(key, defaults[key]) for number, values in given.items()}
        if known[key].choices:
            found[key] = _only(where, key, list(each.values()))
            continue
        column = np.array([float(each[number]) for number in nodes.types.tolist()])
        own = nodes.dynamics.get(key, np.full(nodes.n, np.nan))
        column = np.where(np.isnan(own), column, own)
        found[key] = float(column[0]) if column.size and np.all(column == column[0]) else column
    unknown = [key for key in nodes.dynamics if key not in known]
    if unknown:
        raise ValueError(f"{where}: {DYNAMICS}/{unknown[0]}: {model} has no such parameter; it has {', '.join(known)}")
    return found


def _only(where: str, key: str, values: list[Any]) -> Any:
    if any(value != values[0] for value in values):
        raise ValueError(f"{where}: {key} differs between node types, which is not supported")
    return values[0]
