"""Reports of a SONATA simulation: which quantities of which neurons are recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..description.network import Network
from .config import Config
from .node_sets import NodeSets
from .nodes import Nodes

MODULES = ("multimeter_report", "membrane_report")
SPIKES_MODULE = "spikes_report"


def add_reports(network: Network, config: Config, nodes: Mapping[str, Nodes]) -> None:
    """Record all spikes of neurons, and what the reports ask for.

    Raises
    ------
    ValueError
        A report of another module, or of a quantity that the neurons do not have.
    """
    network.record_spikes(*(network[name] for name, each in nodes.items() if each.model))
    sets = NodeSets.of(config, nodes)
    for name, entry in config.section("reports").items():
        where = f"{config.path}: reports.{name}"
        if not entry.get("enabled", True) or entry.get("module") == SPIKES_MODULE:
            continue
        if entry.get("module") not in MODULES:
            raise ValueError(f"{where}: module {entry.get('module')!r}: supported are {', '.join(MODULES)}")
        what = entry.get("variable_name")
        quantities = what if isinstance(what, list) else [what]
        stop = entry.get("end_time", math.inf)
        for quantity in quantities:
            of = name if len(quantities) == 1 else f"{name}_{quantity}"
            for population, ids in sets.choose(where, entry.get("cells", "all")).items():
                if nodes[population].model is None:
                    raise ValueError(f"{where}: {population} are virtual nodes, which have nothing to record")
                part, start = network[population][ids], entry.get("start_time", 0.0)
                network.record(quantity, part, entry.get("dt"), start, stop, of)
