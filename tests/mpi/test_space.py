"""Networks in space: the same positions, synapses and spikes on any number of ranks, and errors on all of them."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Circle, Linear, Network, Points, Simulation, UniformBox, fixed_indegree, pairwise_bernoulli
from distsim.parallel import SerialCommunicator
from tests.support.in_space import everything

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD


def seen(sim: Simulation) -> list:
    sim.run(60.0)
    names = [population.name for population in sim.network.populations]
    found: list = [sim.spikes_sha256(), sim.n_spikes, sim.ledger(), [sim.positions(name).tolist() for name in names]]
    for a in names:
        for b in names:
            c = sim.connections(a, b)
            found.append([x.tolist() for x in (c.sources, c.targets, c.weights, c.delays)])
    return found


def test_positions_synapses_and_spikes_are_the_same_on_any_number_of_ranks():
    alone, together = Simulation(everything(), 3, SerialCommunicator()), Simulation(everything(), 3, COMM)
    expected, found = seen(alone), seen(together)
    assert expected[1] > 100 and found == expected


def test_each_rank_draws_the_synapses_onto_its_own_neurons_only():
    sim = Simulation(everything(), 3, COMM)
    mine = len(sim.connections("E", "E", local=True))
    assert COMM.allreduce(mine) == len(sim.connections("E", "E")) and (COMM.size == 1 or mine < COMM.allreduce(mine))


def test_too_few_within_reach_of_one_neuron_are_named_on_all_ranks():
    net, places = Network(), np.zeros((12, 2))
    places[[4, 9]] = 5.0
    E = net.create("E", 12, positions=places)
    net.connect(E[:3], E, fixed_indegree(1, mask=Circle(1.0)), 1.0, 1.0)
    with pytest.raises(ValueError, match=r"within reach of E\[4\] there are 0 sources") as error:
        Simulation(net, 1, COMM)
    assert len(set(COMM.allgather(str(error.value)))) == 1


@pytest.mark.skipif(COMM.size == 1, reason="one rank agrees with itself")
def test_ranks_must_agree_about_positions_and_functions():
    for differing in ("positions", "function", "mask"):
        own = COMM.rank if differing == "positions" else 0
        net = Network()
        E = net.create("E", 5, positions=Points(np.full((5, 2), 0.1 * own)))
        p = Linear(0.5, -0.1 * (COMM.rank if differing == "function" else 1))
        net.connect(E, E, pairwise_bernoulli(p, mask=Circle(1.0 + COMM.rank * (differing == "mask"))), 1.0, 1.0)
        with pytest.raises(ValueError, match=r"the ranks do not agree about (population E|projection 0)"):
            Simulation(net, 1, COMM)


def test_more_ranks_than_neurons():
    net = Network()
    E = net.create("E", 2, positions=UniformBox((1.0, 1.0)))
    net.connect(E, E, pairwise_bernoulli(1.0, mask=Circle(2.0)), Linear(1.0, 1.0), Linear(1.0, 1.0))
    assert Simulation(net, 1, COMM).n_synapses == 4
