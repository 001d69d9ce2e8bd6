"""A network of a few neurons that makes every kernel be compiled, run by one rank before the others begin."""

from __future__ import annotations

import numpy as np

from ..distributions import Normal
from ..network import Network
from ..parallel import SerialCommunicator
from ..rules import explicit, fixed_total_number
from . import CACHE
from .cache import fill_once


def compile_kernels(comm, network: Network) -> None:
    """Have all kernels that `network` needs in the cache (collective)."""
    models = sorted({population.model.name for population in network.populations})
    fill_once(comm, CACHE, "-".join(["kernels", *models]), lambda: run_small(models))


def run_small(models: list[str]) -> None:
    from .simulation import Simulation

    network = Network()
    for name in models:
        population = network.create(name, 3, name)
        if not population.model.is_source:
            for rule in (fixed_total_number(9), explicit(np.array([0]), np.array([1]))):
                network.connect(population, population, rule, Normal(1.0, 0.1, minimum=0.0), 0.1)
            network.poisson_input(population, 1000.0, 1.0, 0.1)
            network.record_spikes(population)
    Simulation(network, comm=SerialCommunicator(), warm=True).run(1.0)
