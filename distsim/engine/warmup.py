"""A network of a few neurons whose simulation needs every kernel: run by one rank, it fills the cache for all."""

from __future__ import annotations

import numpy as np

from ..distributions import Normal
from ..network import Network
from ..rules import explicit, fixed_outdegree, fixed_total_number, pairwise_bernoulli


def small_network(models: list[str]) -> Network:
    """Three neurons of each of `models` (names), connected, stimulated and recorded in every way."""
    network = Network()
    for name in models:
        population = network.create(name, 3, name)
        if not population.model.is_source:
            for rule in (fixed_total_number(9), fixed_outdegree(1), explicit(np.array([0]), np.array([1]))):
                network.connect(population, population, rule, Normal(1.0, 0.1, minimum=0.0), 0.1)
            network.connect(population, population, pairwise_bernoulli(0.5), Normal(1.0, 0.1, minimum=0.0), 0.1)
            network.poisson_input(population, 1000.0, 1.0, 0.1)
            network.record_spikes(population)
    return network
