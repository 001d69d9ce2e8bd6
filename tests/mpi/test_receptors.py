"""Receptors, random numbers in steps, relays and drawn parameters: the same bits on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Network, NeuronModel, Parameter, Simulation
from distsim.parallel import SerialCommunicator
from tests.support.receptor_networks import RECORDED, mixed

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD
STATES = {
    "M": ("V_m", "tau_syn"),
    "A": ("V_m", "dI_syn_2"),
    "G": ("V_m", "sfa_1", "q_sfa"),
    "D": ("V_m", "tau_m", "E_L"),
}


def outcome(sim: Simulation) -> dict[str, object]:
    """Return spikes, samples and states (collective)."""
    found: dict[str, object] = {"delivered": sim.ledger().delivered}
    for name in "MAGPD":
        found[f"spikes {name}"] = [array.tolist() for array in sim.spikes(name)]
    for name, quantities in RECORDED.items():
        for what in quantities:
            found[f"{name}-{what}"] = sim.samples(f"{name}-{what}", f"{name}[::3]")[1].tobytes()
    for name, quantities in STATES.items():
        for what in quantities:
            found[f"last {name}-{what}"] = sim.get(name, what).tobytes()
    return found


@pytest.fixture(scope="module")
def whole() -> dict:
    """Return the results of the network on one rank."""
    found = None
    if COMM.rank == 0:
        sim = Simulation(mixed(), 3, SerialCommunicator())
        sim.run(80.0)
        found = outcome(sim)
        assert all(len(found[f"spikes {name}"][0]) > 40 for name in "MAGPD")
    return COMM.bcast(found)


def test_any_number_of_ranks_gives_the_same_bits(whole):
    sim = Simulation(mixed(), 3, COMM)
    sim.run(33.3)
    sim.run(46.7)
    found = outcome(sim)
    for what, expected in whole.items():
        assert found[what] == expected, what


@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 3), (3, 1), (2, 1)])
def test_a_checkpoint_of_some_ranks_is_resumed_on_others(whole, folder, n, m):
    if max(n, m) > COMM.size:
        pytest.skip("needs more ranks")
    groups = [COMM.Split(0 if COMM.rank < size else MPI.UNDEFINED, COMM.rank) for size in (n, m)]
    if groups[0] != MPI.COMM_NULL:
        sim = Simulation(mixed(), 3, groups[0])
        sim.run(30.1)
        sim.checkpoint(folder / "c.h5")
    COMM.barrier()
    if groups[1] != MPI.COMM_NULL:
        later = Simulation(mixed(), 3, groups[1], checkpoint=folder / "c.h5")
        later.run(49.9)
        found = outcome(later)
        for name in "MAGPD":
            times, ids = (np.array(array) for array in whole[f"spikes {name}"])
            assert found[f"spikes {name}"] == [times[times > 30.15].tolist(), ids[times > 30.15].tolist()], name
        for what in (what for what in whole if what.startswith("last ")):
            assert found[what] == whole[what], what


def burst(n, wait, ex, inh, current, often):
    return n + 1.0, wait, np.int64(often) if n == 20.0 else 0


bursting = NeuronModel(
    "bursting",
    {"often": Parameter(0.0, "", "spikes at once")},
    ("n",),
    lambda parameters, dt: {"often": parameters["often"]},
    burst,
    most_spikes=2,
    recordables={},
)


@pytest.mark.parametrize("who", [0, 4, 5])
def test_too_many_spikes_of_one_neuron_are_one_error_on_all_ranks(who):
    net = Network(0.1)
    net.create("B", 7, bursting, often=np.where(np.arange(7) == who, 3.0, 2.0))
    net.record_spikes()
    sim = Simulation(net, 1, COMM)
    sim.run(1.0)
    with pytest.raises(RuntimeError, match=f"bursting: .* most_spikes = 2, .* for neuron {who} of B") as error:
        sim.run(10.0)
    assert len(set(COMM.allgather(str(error.value)))) == 1
