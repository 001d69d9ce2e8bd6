"""A network of a few neurons whose simulation needs every kernel: run by one rank, it fills the cache for all."""

from __future__ import annotations

from ..distributions import Normal
from ..elements import Population
from ..network import Network
from ..rules import explicit, fixed_outdegree, fixed_total_number, pairwise_bernoulli


def small_network(models: list[str]) -> Network:
    """Three neurons of each of `models` (names), connected, stimulated and recorded in every way."""
    network = Network()
    for name in models:
        if name == "spike_source":
            network.spike_source(name, [[0.1]])
        elif name == "poisson_source":
            network.poisson_source(name, 3, 1000.0)
        else:
            _add_neurons(network, network.create(name, 3, name))
    return network


def _add_neurons(network: Network, population: Population) -> None:
    weight = Normal(1.0, 0.1, minimum=0.0)
    for rule in (fixed_total_number(9), fixed_outdegree(1), pairwise_bernoulli(0.5), explicit([0], [1])):
        network.connect(population, population, rule, weight, 0.1)
    network.poisson_input(population, 1000.0, 1.0, 0.1)
    network.record_spikes(population)
