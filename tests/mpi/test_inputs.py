"""Inputs and trials: the same bits on any number of ranks, across checkpoints, changes and resets."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from distsim import (
    Network,
    Normal,
    PiecewiseRate,
    Simulation,
    SinusoidalRate,
    csv_spikes,
    explicit,
    fixed_indegree,
    sonata_spikes,
)
from distsim.parallel import SerialCommunicator

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD
N = 61


def network(given=None) -> Network:
    """Poisson input of all kinds, currents of all kinds, given spikes; neurons on parts that ranks share unevenly."""
    rng, net = np.random.default_rng(5), Network(0.1)
    E = net.create("E", N, V_m=Normal(-62.0, 3.0), I_e=250.0, t_ref=0.5)
    I = net.create("I", 7, "iaf_psc_delta")
    S = net.spike_source("S", *(given or (rng.integers(1, 400, 300) / 10, rng.integers(0, 9, 300))))
    net.connect(E, E, fixed_indegree(8), Normal(40.0, 5.0), 0.5)
    net.connect(S, E, explicit(rng.integers(0, 9, 90), rng.integers(0, N, 90)), 300.0, 1.1)
    net.poisson_input(E, rng.uniform(0.0, 9000.0, N), 20.0, 1.5)
    net.poisson_input("E[[60, 2, 31, 5]]", PiecewiseRate([0.0, 3.0, 7.7], rng.uniform(0, 1e6, (3, 4))), 1.0, 0.3)
    net.poisson_input(I, PiecewiseRate(np.arange(200) / 10, rng.uniform(0.0, 2e4, 200)), 0.5, 0.7)
    net.poisson_input(I, SinusoidalRate(2e6, 1e6, 70.0, 20.0), 0.001, 0.1)
    net.poisson_source("P", 5, rng.uniform(0.0, 900.0, 5))
    net.noise_current(E, 20.0, 200.0, 0.3, start=0.2)
    net.noise_current("E[[7, 3, 44]]", 0.0, 100.0)
    net.sinusoidal_current(I, 30.0, 50.0)
    net.sampled_current("E[::5]", rng.normal(0.0, 100.0, (30, 13)), 0.7)
    net.step_current("E[1::3]", [1.0, 4.0, 9.0], [50.0, -50.0, 0.0])
    net.record_spikes()
    net.record_voltages(E)
    net.record_voltages(I)
    return net


def change(sim: Simulation) -> None:
    net = sim.network
    sim.set(net.poisson_inputs[0], rate=PiecewiseRate([0.0, 9.0], np.outer([3000.0, 5000.0], np.ones(N))))
    sim.set(net.poisson_inputs[3], rate=np.linspace(0.0, 9e5, 7))
    sim.set("P", rate=SinusoidalRate(500.0, 300.0, 60.0))
    sim.set(net.currents[0], std=90.0)
    sim.set(net.currents[3], values=np.arange(20.0), start=6.0)
    sim.set(net.step_currents[0], times=[8.0], amplitudes=[70.0])
    sim.set("S", times=[11.03, 12.0, 12.0, 14.5], ids=[0, 3, 3, 8], round_times=True)


def found(sim: Simulation) -> list:
    """Return all spikes (by rank 0's gids, on all ranks), V_m, and the counts of the neurons."""
    spikes = [array.tolist() for name in ("E", "I", "S", "P") for array in sim.spikes(name)]
    return [*spikes, sim.voltages("E")[1].tolist(), sim.voltages("I")[1].tolist(), sim.spike_counts().tolist()]


def whole(comm, changes: bool, noise_seed: int | None = None) -> list:
    sim = Simulation(network(), 2, comm, noise_seed=noise_seed)
    sim.run(5.3)
    if changes:
        change(sim)
    sim.run(10.0)
    return found(sim)


@pytest.mark.parametrize("noise_seed", [None, 9])
@pytest.mark.parametrize("changes", [False, True])
def test_inputs_are_those_of_one_rank(changes, noise_seed):
    assert whole(COMM, changes, noise_seed) == whole(SerialCommunicator(), changes, noise_seed)


@pytest.mark.parametrize("changes", [False, True])
def test_a_checkpoint_of_all_ranks_is_resumed_by_one_and_by_all(changes, folder):
    expected = whole(SerialCommunicator(), changes, 9)
    first = Simulation(network(), 2, COMM, noise_seed=9)
    first.run(5.3)
    if changes:
        change(first)
    first.run(1.5)
    first.checkpoint(folder / "c.h5")
    for comm in (COMM, SerialCommunicator()):
        later = Simulation(network(), 2, comm, checkpoint=folder / "c.h5")
        assert later.noise_seed == 9
        later.run(8.5)
        assert found(later)[-3:-1] == [V[68:] for V in expected[-3:-1]] and found(later)[-1] == expected[-1]


def test_trials_are_new_simulations():
    sim = Simulation(network(), 2, COMM)
    for noise_seed in (9, 2, 9):
        sim.run(3.0)
        change(sim)
        sim.run(1.0)
        sim.reset(noise_seed=noise_seed)
        sim.run(5.3)
        sim.run(10.0)
        assert found(sim) == whole(SerialCommunicator(), False, noise_seed)
        sim.reset()


def test_spikes_of_files_are_read_by_all_ranks(folder):
    rng = np.random.default_rng(5)
    times, ids = rng.integers(1, 400, 300) / 10, rng.integers(0, 9, 300)
    if COMM.rank == 0:
        with h5py.File(folder / "s.h5", "w") as file:
            file["spikes/S/timestamps"], file["spikes/S/node_ids"] = times, ids
        rows = "".join(f"{t},{k}\n" for t, k in zip(times, ids, strict=True))
        (folder / "s.csv").write_text("time,id\n" + rows)
    COMM.Barrier()
    hashes = set()
    for given in ((times, ids), (sonata_spikes(folder / "s.h5"),), (csv_spikes(folder / "s.csv"), None, 9)):
        sim = Simulation(network(given), 2, COMM)
        sim.run(8.0)
        hashes.add(sim.spikes_sha256())
    assert len(hashes) == 1


@pytest.mark.skipif(COMM.size == 1, reason="needs ranks that differ")
def test_ranks_that_differ_are_named():
    odd = COMM.rank == COMM.size - 1
    with pytest.raises(ValueError, match="the ranks do not agree about the noise seed"):
        Simulation(network(), 2, COMM, noise_seed=3 + odd)
    sim = Simulation(network(), 2, COMM)
    with pytest.raises(ValueError, match="the ranks do not agree about the noise seed"):
        sim.reset(3 + odd)
    for what, values in (("S", {"times": [[1.0 + odd], *[[]] * 8]}), (sim.network.currents[0], {"std": 1.0 + odd})):
        with pytest.raises(ValueError, match="the ranks do not agree about what is set"):
            sim.set(what, **values)
    net = network()
    net.noise_current("E", 1.0 * odd, 1.0)
    with pytest.raises(ValueError, match="the ranks do not agree about noise current 4 into E"):
        Simulation(net, 2, COMM)
