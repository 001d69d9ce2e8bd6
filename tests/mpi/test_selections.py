"""Parts given as lists and masks, in every rule, input and recorder, are the same on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

import distsim
from distsim import Network, Normal, Simulation
from distsim.engine.connectivity import build_dense, table_plan
from distsim.parallel import SerialCommunicator
from distsim.recording.spikes import read_spikes

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD
N_E, N_I = 61, 23
RULES = {
    "indegree": distsim.fixed_indegree(20), "indegree, distinct": distsim.fixed_indegree(15, False, False),
    "outdegree": distsim.fixed_outdegree(9), "outdegree, distinct": distsim.fixed_outdegree(8, False, False),
    "total": distsim.fixed_total_number(500), "total, distinct": distsim.fixed_total_number(300, False, False),
    "bernoulli": distsim.pairwise_bernoulli(0.3, False), "all": distsim.all_to_all(False),
    "one": distsim.one_to_one(), "explicit": distsim.explicit(np.arange(90) % 31, np.arange(90) * 7 % 31),
}  # fmt: skip


def describe(rule, weight=6.0, delay=1.5) -> Network:
    rng, net = np.random.default_rng(5), Network(0.1)
    E = net.create("E", N_E, V_m=Normal(-60.0, 4.0), tau_syn_ex=0.7, tau_syn_in=2.1)
    I = net.create("I", N_I, "iaf_psc_alpha", I_e=300.0)
    random = net.poisson_source("random", N_E, 500.0)
    some, others = E[rng.permutation(N_E)[:31]], E[rng.permutation(N_E)[:31]]
    net.connect(some, others, rule, weight, delay)
    net.connect(random[np.arange(N_E) % 4 < 3][[9, 2, 30]], others[:3], distsim.one_to_one(), 500.0, 0.7)
    net.connect(I[[20, 3, 4]], some[::2], distsim.fixed_indegree(4), Normal(-9.0, 2.0, maximum=0.0), 2.0)
    net.poisson_input(E[rng.random(N_E) < 0.6], 9000.0, 60.0, 1.5)
    net.poisson_input(others, 3000.0, 60.0, 1.5)
    net.step_current(some, [5.0, 20.0], [200.0, 0.0])
    net.step_current("I[[22, 0, 1, 5]]", [7.0], [300.0])
    net.record_spikes(some, others[[3, 1]], random[[8, 2, 11]])
    net.record_voltages(E[[60, 0, 7, 8, 31]], 0.3)
    net.record_voltages("I[5,3]", 0.3)
    return net


def run(comm, network: Network) -> dict:
    """Return what must not depend on the ranks (collective)."""
    sim = Simulation(network, 3, comm)
    sim.run(30.0)
    sim.set("E[[50, 1, 9, 33, 2]]", I_e=[10.0, 50.0, 90.0, 330.0, 20.0], tau_m=[9.0, 8.0, 7.0, 6.0, 5.0])
    sim.set(network["I"][[7, 2, 21]], V_m=Normal(-60.0, 3.0))
    potentials = sim.get("I[[21, 0, 7]]", "V_m").tolist()
    sim.run(30.0)
    E = network["E"]
    return {
        "sha": sim.spikes_sha256(), "counts": sim.spike_counts().tolist(), "ledger": sim.ledger(), "V": potentials,
        "voltages": [sim.voltages(part)[1].tolist() for part in (E[[8, 60, 31]], "I[3,5]")],
        "I_e": sim.get(E[[2, 50]], "I_e").tolist(), "tau_m": sim.get("E", "tau_m").tolist(),
    }  # fmt: skip


def check(*arguments) -> None:
    """Compare a run on all ranks with one on rank 0 alone."""
    serial = COMM.bcast(run(SerialCommunicator(), describe(*arguments)) if COMM.rank == 0 else None)
    assert sum(serial["counts"]) > 100 and serial["I_e"] == [20.0, 10.0]
    for found in COMM.allgather(run(COMM, describe(*arguments))):
        for what in serial:
            assert found[what] == serial[what], what


@pytest.mark.parametrize("rule", RULES)
def test_each_rule(rule):
    check(RULES[rule], Normal(6.0, 1.0), Normal(1.5, 0.7, minimum=0.1))


@pytest.mark.parametrize("rule", ["indegree", "indegree, distinct", "total", "total, distinct", "bernoulli", "all"])
def test_bit_matrices(rule, monkeypatch):
    monkeypatch.setattr(build_dense, "FEWEST", 1)
    assert build_dense.plan_groups(describe(RULES[rule]))
    check(RULES[rule])


def test_an_index_by_source(monkeypatch):
    monkeypatch.setattr(table_plan, "goes_by_source", lambda *_: True)
    check(RULES["explicit"], Normal(6.0, 1.0), Normal(1.5, 0.7, minimum=0.1))


def test_a_run_is_resumed_by_all_ranks(folder):
    """The checkpoint is of rank 0 alone; the files hold what that rank records afterwards."""
    path = folder / "checkpoint.h5"

    def first(comm) -> Simulation:
        sim = Simulation(describe(RULES["indegree"]), 3, comm)
        sim.run(20.0, record=False)
        return sim

    if COMM.rank == 0:
        sim = first(SerialCommunicator())
        sim.checkpoint(path)
        sim.run(30.0)
        sim.save(folder / "alone")
    COMM.barrier()
    sim = Simulation(describe(RULES["indegree"]), 3, COMM, checkpoint=path)
    sim.run(30.0)
    sim.save(folder / "all")
    COMM.barrier()
    alone, together = (distsim.load(folder / name) for name in ("alone", "all"))
    assert together.summary["spikes_sha256"] == alone.summary["spikes_sha256"]
    assert together.summary["populations"]["E"]["recorded"] == alone.summary["populations"]["E"]["recorded"]
    assert together.spikes("random[2,8,11]")[0].size
    np.testing.assert_array_equal(together.voltages("E[[60, 7]]")[1], alone.voltages("E[[60, 7]]")[1])
    of_files = [read_spikes(folder / name / "spikes.h5")["E"] for name in ("alone", "all")]
    assert of_files[0].ids.tolist() == of_files[1].ids.tolist()
    with pytest.raises(ValueError, match=r"the voltages of E\[\[60, 1\]\] are not all recorded"):
        together.voltages("E[[60, 1]]")


def test_ranks_that_list_other_neurons_are_told():
    def differing() -> Network:
        net = describe(RULES["one"])
        net.record_spikes(net["I"][[3, 1, COMM.rank + 5]])
        return net

    if COMM.size > 1:
        with pytest.raises(ValueError, match="the ranks do not agree about the recorders"):
            Simulation(differing(), 3, COMM)
