"""Read which edges a SONATA circuit has; the edges themselves stay in their files until the network is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import h5py

from ..description.edge_files import EdgeFile
from ..files.typed_edges import DELAY, TIMES, WEIGHT, TypedSonataTable
from ..recording.members import children, member
from ..recording.sonata import open_to_read
from .config import Config
from .nodes import Nodes
from .types import Types, read_types

STATIC = ("static_synapse", "nest:static_synapse")
ENDS = ("source_node_id", "target_node_id")


class Edges(NamedTuple):
    """A population of edges: names of the populations of nodes that it leads from and to, and its edges."""

    source: str
    target: str
    rule: EdgeFile


def read_all_edges(config: Config, nodes: Mapping[str, Nodes]) -> Iterator[Edges]:
    """Yield all populations of edges.

    Raises
    ------
    FileNotFoundError, ValueError
        A file is not there or damaged, edges lead to nodes that are not known, or synapses are not supported.
    """
    for entry in config.section("networks").get("edges", []):
        if not entry.get("enabled", True):
            continue
        file = entry.get("edge_types_file")
        values = _values(config, file, read_types(file, "edge_type_id"))
        path = Path(entry["edges_file"])
        with open_to_read(path) as opened:
            ends = {name: [_population(group, end) for end in ENDS] for name, group in children(opened, "edges")}
        for name, (source, target) in ends.items():
            for end in (source, target):
                if end not in nodes:
                    raise ValueError(f"{path}: /edges/{name}: no nodes {end!r}: there are {', '.join(nodes)}")
            if nodes[target].model is None:
                raise ValueError(f"{path}: /edges/{name}: leads to {target}, whose nodes are virtual")
            yield Edges(source, target, EdgeFile(TypedSonataTable(path, name, values), 1.0))


def _population(group: h5py.Group, end: str) -> str:
    found = member(group, end).attrs.get("node_population", "")
    return found.decode() if isinstance(found, bytes) else str(found)


def _values(config: Config, file: str | None, types: Types) -> dict[int, dict[str, float]]:
    """Return weight, delay and number of synapses of each type; ValueError for synapses that are not supported."""
    found: dict[int, dict[str, float]] = {}
    for number, row in types.items():
        where = f"{file}: edge type {number}"
        template, dynamics = row.get("model_template", STATIC[0]), row.get("dynamics_params")
        if template not in STATIC:
            raise ValueError(f"{where}: model_template {template!r} is not supported; supported is {STATIC[0]}")
        if row.get("weight_function"):
            raise ValueError(f"{where}: weight_function {row['weight_function']!r} is not supported; give {WEIGHT}")
        given = config.component("synaptic_models_dir", dynamics) if dynamics else {}
        if given:
            raise ValueError(f"{where}: {dynamics}: {next(iter(given))}: {STATIC[0]} takes no parameters")
        found[number] = {}
        for name in (WEIGHT, DELAY, TIMES):
            if name in row:
                try:
                    found[number][name] = float(row[name])
                except ValueError:
                    raise ValueError(f"{where}: {name} must be a number, not {row[name]!r}") from None
    return found
