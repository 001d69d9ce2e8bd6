"""`load_sonata`: the network of a SONATA configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from ..description.network import Network
from .config import Config, read_config
from .edges import read_all_edges
from .inputs import add_currents, spike_trains
from .nodes import read_all_nodes
from .reports import add_reports

DT = 0.1  # ms, where the configuration does not say


def load_sonata(path: str | Path, dt: float | None = None) -> Network:
    """Return the network of a SONATA configuration, `circuit_config.json` or `simulation_config.json`.

        net = distsim.load_sonata("simulation_config.json")
        sim = distsim.Simulation(net)

    Populations have the names of the nodes; virtual nodes become spike sources. A simulation's spikes (rounded to
    multiples of dt) and current clamps are given to them, its reports are recorded, and all spikes. Edges stay in
    their files until the network is built, when each rank reads a part of them.

    Parameters
    ----------
    path : str or Path
        The configuration, which every rank must find, and all files that it names.
    dt : float, optional
        Resolution (ms); by default that of `run`, or 0.1.

    Raises
    ------
    FileNotFoundError
        A file is missing.
    ValueError
        A file is damaged, or asks for something that is not supported; the message names it.
    """
    return network_of(read_config(path), dt)


def network_of(config: Config, dt: float | None = None) -> Network:
    """Return the network of a configuration, see `load_sonata`."""
    network = Network(config.section("run").get("dt", DT) if dt is None else dt)
    nodes = read_all_nodes(config)
    for name, each in nodes.items():
        if each.model is not None:
            network.create(name, each.n, each.model, each.positions, **each.parameters)
    for name, trains in spike_trains(config, nodes, network.dt).items():
        network.spike_source(name, cast(Sequence, trains))
    for edges in read_all_edges(config, nodes):
        network.connect(network[edges.source], network[edges.target], edges.rule)
    add_currents(network, config, nodes)
    if "reports" in config.entries or "output" in config.entries:
        add_reports(network, config, nodes)
    return network
