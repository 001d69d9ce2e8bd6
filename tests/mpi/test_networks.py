"""The other networks, small, give on any number of ranks the spikes of one."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Simulation
from distsim.engine.connectivity import build_dense as dense_connectivity
from distsim.engine.connectivity import table_plan
from distsim.networks import BrunelAlpha, BrunelDelta, EIClustered
from distsim.parallel import SerialCommunicator

pytestmark = pytest.mark.mpi

CLUSTERS = {"N_E": 400, "N_I": 100, "n_clusters": 5, "rep": 3.0}
STIMULATION = {"stim_starts": np.array([20.0, 60.0]), "stim_ends": np.array([40.0, 80.0])}
SMALL = {
    "brunel-alpha": (BrunelAlpha(), {"order": 100, "epsilon": 0.2, "N_rec": 100}),
    "brunel-delta": (BrunelDelta(), {"N_E": 800, "epsilon": 0.2}),
    "ei-clustered": (EIClustered(), CLUSTERS | STIMULATION),
    "by probabilities": (EIClustered(), CLUSTERS | {"clustering": "probabilities"}),
    "by indegrees": (EIClustered(), CLUSTERS | {"fixed_indegree": True}),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("kept_as", ["matrix", "table", "by source"])
def test_networks_do_not_depend_on_the_ranks(name, kept_as, monkeypatch):
    model, values = SMALL[name]
    monkeypatch.setattr(dense_connectivity, "FEWEST", 1 if kept_as == "matrix" else dense_connectivity.FEWEST)

    def run(comm) -> Simulation:
        by_source = kept_as == "by source" and comm is MPI.COMM_WORLD
        monkeypatch.setattr(table_plan, "goes_by_source", lambda *_: by_source)
        sim = Simulation(model.network(0.1, 0.0, **values), 7, comm)
        sim.run(100.0)
        sim.ledger()
        return sim

    here, alone = run(MPI.COMM_WORLD), run(SerialCommunicator())
    assert len(alone.spikes(alone.network["E"][:50])[0]) > 0
    assert alone.engine.dense.sums.size > 0 or kept_as != "matrix"
    assert here.ledger() == alone.ledger()
    assert here.spikes_sha256() == alone.spikes_sha256()
    assert here.n_synapses == alone.n_synapses
