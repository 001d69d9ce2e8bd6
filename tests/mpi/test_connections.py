"""Synapses read back from any number of ranks are the same arrays, in the same order."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Network, Normal, Simulation, Uniform, explicit, fixed_indegree, fixed_outdegree, fixed_total_number
from distsim.parallel import SerialCommunicator
from distsim.simulation import simulation
from tests.support.weighted_networks import CODES, signed
from tests.support.weighted_networks import network as weighted

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD
PAIRS = [("E", "E"), ("E", "I[[80, 3, 5]]"), ("I[:50]", "E"), ("I", "I")]


def network() -> Network:
    net = Network(0.1)
    E = net.create("E", 1200, "iaf_psc_exp", tau_syn_in=1.0)
    I = net.create("I", 1000, "iaf_psc_exp", tau_syn_in=1.0)
    net.connect(E, E, fixed_total_number(30_000), 2.0, 1.5)  # bits, and repeated synapses in the table
    net.connect(E, I, fixed_outdegree(20), Normal(3.0, 1.0), Uniform(0.5, 3.0))
    net.connect(I, E, fixed_indegree(10), Normal(-3.0, 1.0), 0.8)
    rng = np.random.default_rng(1)
    sources, targets = rng.integers(0, 30, 2000), rng.integers(0, 30, 2000)
    net.connect(I, I, explicit(sources, targets), rng.normal(0, 9, 2000), rng.integers(1, 3, 2000) / 10)
    return net


def arrays(found) -> list[list]:
    return [getattr(found, name).tolist() for name in ("sources", "targets", "weights", "delays")]


def test_connections_do_not_depend_on_the_ranks():
    alone, together = Simulation(network(), 3, SerialCommunicator()), Simulation(network(), 3, COMM)
    for source, target in PAIRS:
        expected, found = alone.connections(source, target), together.connections(source, target)
        assert arrays(found) == arrays(expected) and len(found)
        mine = together.connections(source, target, local=True)
        first = together.network.select(target).population.first
        own = (expected.targets + first) % COMM.size == COMM.rank
        assert arrays(mine) == [np.array(values)[own].tolist() for values in arrays(expected)]


def test_asking_for_different_parts_is_refused_on_all_ranks():
    sim = Simulation(network(), 3, COMM)
    if COMM.size > 1:
        with pytest.raises(ValueError, match="do not agree about what connections are read"):
            sim.connections("E", "I" if COMM.rank else "E")


@pytest.mark.parametrize("many_delays", [False, True])
@pytest.mark.parametrize("code", CODES)
def test_changed_weights_and_their_checkpoints_do_not_depend_on_the_ranks(code, many_delays, tmp_path_factory):
    path = COMM.bcast(tmp_path_factory.mktemp("weights") / "state.h5" if COMM.rank == 0 else None)

    def change(comm) -> Simulation:
        net, projection = weighted(code, many_delays)
        with pytest.MonkeyPatch.context() as patch:
            if many_delays and comm is COMM:  # as on many ranks
                patch.setattr(simulation, "plan_table", partial(simulation.plan_table, by_source=True))
            sim = Simulation(net, 3, comm)
        sim.run(20.0)
        sim.set(projection, weight=signed)
        sim.run(10.0)
        return sim

    alone, together = change(SerialCommunicator()), change(COMM)
    together.checkpoint(path)
    later = Simulation(weighted(code, many_delays)[0], 3, SerialCommunicator(), checkpoint=path)
    for sim in (alone, together, later):
        sim.run(20.0)
    assert arrays(alone.connections("E", "I")) == arrays(together.connections("E", "I"))
    assert alone.spikes_sha256() == together.spikes_sha256() and alone.ledger() == together.ledger()
    assert np.array_equal(later.spike_counts(), alone.spike_counts())
