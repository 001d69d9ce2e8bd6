"""All kernels compiled before a simulation begins: a network of a few neurons, run by one rank, needs every kernel but
the models' own loops, and so fills the cache for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..description.distance import Linear
from ..description.distributions import Normal
from ..description.in_space import InSpace
from ..description.network import Network
from ..description.positions import UniformBox
from ..description.rules import explicit, fixed_indegree, fixed_outdegree, fixed_total_number, pairwise_bernoulli
from ..engine.connectivity.build_dense import FEWEST, SPARSEST
from ..engine.connectivity.table_plan import TablePlan
from ..engine.model_loops import Loops, loops_of
from ..engine.settings import described_settings
from ..parallel import Comm


def fill_cache(plan: TablePlan, comm: Comm, loops: Loops, simulate: Callable[[Network], Any]) -> None:
    """Have all kernels that a network needs in the cache: compiled by one rank a node while the others wait
    (collective).

    Parameters
    ----------
    plan : TablePlan
        The network and the layout of its synapses.
    comm : communicator
        The ranks.
    loops : Loops
        Takes the models' loops.
    simulate : callable
        Builds a `Simulation` of a small network on this rank alone.
    """

    def compile_kernels() -> None:
        small = simulate(small_network())
        small.run(1.0)
        small.restore(small.state())

    kernels: dict[str, Callable[[], object]] = {"kernels": compile_kernels}
    if any(isinstance(projection.rule, InSpace) for projection in plan.network.projections):
        kernels["kernels of space"] = lambda: simulate(small_space())
    settings = described_settings(plan.network, seed=0)  # of whose arrays only the shapes matter
    wanted = loops_of(plan, settings.parameters, settings.inputs)
    loops.fill_cache(comm, wanted, kernels)


def small_network() -> Network:
    """A few neurons, connected, stimulated and recorded in every way."""
    network = Network()
    neurons = network.create("neurons", 3, "iaf_psc_delta", V_m=Normal(0.0, 1.0))
    weight = Normal(1.0, 0.1, minimum=0.0)
    for rule in (fixed_total_number(9), fixed_outdegree(1), pairwise_bernoulli(0.5), explicit([0], [1])):
        network.connect(neurons, neurons, rule, weight, 0.1)
    many = network.create("many", FEWEST // 1024, "iaf_psc_delta")
    network.connect(many[:1024], many, fixed_total_number(int(FEWEST * SPARSEST) + 1), 0.0, 0.1)
    network.poisson_input(neurons, 1000.0, 1.0, 0.1)
    network.record_spikes(neurons)
    return network


def small_space() -> Network:
    """A few neurons in space, connected in every way."""
    network = Network()
    neurons = network.create("neurons", 3, "iaf_psc_delta", positions=UniformBox((1.0, 1.0)))
    near, drawn = Linear(1.0, -0.1), Normal(1.0, 0.1, minimum=0.5)
    network.connect(neurons, neurons, pairwise_bernoulli(near), near, drawn)
    network.connect(neurons, neurons, fixed_indegree(1), drawn, near)
    return network
