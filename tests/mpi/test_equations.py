"""Models from equations: the same bits on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Network, NeuronModel, Simulation, Uniform, fixed_indegree
from distsim.parallel import SerialCommunicator
from tests.support import written_models

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD


def network(model: NeuronModel, weight: float) -> Network:
    net = Network(0.1)
    E = net.create("E", 47, model, I_e=Uniform(350.0, 900.0))
    net.connect(E, E, fixed_indegree(5), weight, 1.5)
    net.poisson_input(E[::2], 2000.0, weight, 0.7)
    net.record_spikes(E)
    return net


@pytest.mark.parametrize(("name", "weight"), [("adaptive", 40.0), ("aeif_cond_exp", 3.0)])
def test_any_number_of_ranks_gives_the_same_bits(name, weight):
    found = []
    for comm in (SerialCommunicator(), COMM):
        sim = Simulation(network(getattr(written_models, name)(), weight), 3, comm)
        sim.run(80.0)
        states = [sim.get("E", what).tobytes() for what in sim.network["E"].model.recordables]
        found.append((sim.spikes_sha256(), sim.spike_counts().sum(), states))
    assert found[0] == found[1] and found[0][1] > 40
    assert np.isfinite(np.frombuffer(found[0][2][0])).all()
