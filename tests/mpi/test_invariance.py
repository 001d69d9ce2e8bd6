"""The spikes are a matter of the network and the seed: this number of ranks gives what one rank alone gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Network, Normal, Simulation, explicit, fixed_total_number
from distsim.engine.connectivity import table_plan
from distsim.engine.step import buffers
from distsim.networks import Microcircuit, microcircuit
from distsim.parallel import SerialCommunicator

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD


def outcome(sim: Simulation) -> dict:
    """Return all that must not depend on the ranks (collective)."""
    recorded = [r.target.population for r in sim.network.recorders if r.name == "spikes"]
    sampled = {r.target.population.name: r.target for r in sim.network.recorders if r.name == "V_m"}
    return {
        "sha": sim.spikes_sha256(),
        "counts": sim.spike_counts().tolist(),
        "n_synapses": sim.n_synapses,
        "ledger": sim.ledger(),
        "spikes": {p.name: [x.tolist() for x in sim.spikes(p)] for p in recorded},
        "voltages": {name: [x.tolist() for x in sim.voltages(what)] for name, what in sampled.items()},
    }


def simulate(comm, describe: Callable[[], Network], seed: int, *pieces: float) -> dict:
    sim = Simulation(describe(), seed, comm)
    for piece in pieces:
        sim.run(piece)
    return outcome(sim)


def check(describe: Callable[[], Network], seed: int, *pieces: float) -> dict:
    """Compare a run on all ranks with one on rank 0 alone; return what came out."""
    serial = COMM.bcast(simulate(SerialCommunicator(), describe, seed, *pieces) if COMM.rank == 0 else None)
    found = simulate(COMM, describe, seed, *pieces)
    everywhere = COMM.allgather(found)
    for what in serial:
        assert all(other[what] == serial[what] for other in everywhere), what
    return found


def two_populations(delay=None, n: int = 80) -> Network:
    net = Network(0.1)
    E = net.create("E", n, V_m=Normal(-62.0, 4.0), tau_syn_ex=0.5, tau_syn_in=0.5)
    I = net.create("I", n // 4, V_m=Normal(-62.0, 4.0), tau_syn_ex=0.5, tau_syn_in=0.5)
    for source, weight in ((E, Normal(90.0, 9.0, minimum=0.0)), (I, Normal(-400.0, 40.0, maximum=0.0))):
        for target in (E, I):
            net.connect(source, target, fixed_total_number(12 * n), weight, delay or Normal(1.5, 0.75, minimum=0.05))
    for target in (E, I):
        net.poisson_input(target, 12_000.0, 90.0, 1.5)
    net.record_spikes(E, I)
    return net


def scaled_microcircuit(**options) -> Callable[[], Network]:
    return lambda: Microcircuit().describe(microcircuit.Parameters(N_scaling=0.02, K_scaling=0.02, **options))


@pytest.mark.parametrize("seed", [1, 2**63 + 5])
def test_two_populations_with_poisson_input(seed):
    assert sum(check(two_populations, seed, 150.0)["counts"]) > 200


@pytest.mark.parametrize("seed", [1, 2])
def test_the_microcircuit(seed):
    assert sum(check(scaled_microcircuit(), seed, 250.0)["counts"]) > 200


def together(n: int, apart: float) -> Network:
    """Return neurons that fire in the same step, or over some steps, and excite the next ones."""
    net = Network(0.1)
    E = net.create("E", n, I_e=400.0 + apart * np.arange(n))
    net.connect(E, E, fixed_total_number(5 * n), Normal(20.0, 2.0), 0.5)
    net.record_spikes(E)
    return net


@pytest.mark.parametrize(("n", "apart"), [(40, 0.0), (400, 0.0), (400, 0.3), (2000, 0.1)])
def test_more_spikes_than_a_packet_holds_and_fewer(n, apart):
    assert min(check(lambda: together(n, apart), 1, 40.0, 20.0)["counts"]) > 0


def test_the_microcircuit_with_an_index_by_source(monkeypatch):
    by_delay = simulate(COMM, scaled_microcircuit(), 2, 33.3, 66.7)
    monkeypatch.setattr(table_plan, "goes_by_source", lambda *_: True)
    assert check(scaled_microcircuit(), 2, 100.0) == by_delay


def test_the_microcircuit_with_a_thalamic_pulse():
    pulse = {"thalamic_input": True, "th_start": 20.0, "th_duration": 10.0, "th_rate": 300.0}
    found = check(scaled_microcircuit(**pulse), 1, 60.0)
    assert found["spikes"]["TH"][0]


def test_the_microcircuit_with_dc_input_and_a_dc_stimulus():
    options = {"poisson_input": False, "dc_input": True, "dc_start": 20.0, "dc_dur": 30.0, "V0_type": "original"}
    assert sum(check(scaled_microcircuit(**options), 3, 80.0)["counts"]) > 50


@pytest.mark.parametrize(
    ("delay", "pieces"),
    [(None, (70.0, 80.0)), (1.5, (0.7, 0.7, 98.6, 50.0)), (1.5, (1.6, 1.4, 0.1, 146.9))],
)
def test_pieces_give_the_spikes_of_the_whole(delay, pieces):
    def describe() -> Network:
        return two_populations(delay)

    serial = COMM.bcast(simulate(SerialCommunicator(), describe, 1, sum(pieces)) if COMM.rank == 0 else None)
    assert serial["spikes"]["E"][0]
    assert all(found == serial for found in COMM.allgather(simulate(COMM, describe, 1, *pieces)))


def test_voltages_at_an_interval():
    def describe() -> Network:
        net = two_populations()
        other = net.create("other", 7, E_L=np.linspace(-70.0, -60.0, 7), V_th=-40.0)
        net.record_voltages(net["E"][5:60:7], 0.3)
        net.record_voltages(net["I"][3], 0.3)
        net.record_voltages(other, 0.3)
        return net

    found = check(describe, 1, 10.0, 0.2, 19.8)["voltages"]
    assert np.shape(found["E"][1]) == (100, 8) and np.std(found["E"][1]) > 1.0
    assert np.shape(found["I"][1]) == (100, 1)


def test_voltages_recorded_before_and_after_a_flush(monkeypatch):
    monkeypatch.setattr(buffers, "SAMPLE_BUFFER", 64)
    monkeypatch.setattr(buffers, "SPIKE_BUFFER", 0)

    def describe() -> Network:
        net = two_populations()
        net.record_voltages(net["E"][:5])
        return net

    assert np.shape(check(describe, 1, 20.0)["voltages"]["E"][1]) == (200, 5)


def test_more_ranks_than_neurons():
    def describe() -> Network:
        net = Network(0.1)
        pair = net.create("pair", 2, I_e=np.array([500.0, 0.0]))
        net.connect(pair[0], pair[1], explicit([0, 0], [0, 0]), np.array([2000.0, 900.0]), np.array([1.0, 2.3]))
        net.poisson_input(pair[1], 3000.0, 40.0, 1.5)
        net.record_spikes(pair)
        net.record_voltages(pair)
        return net

    found = check(describe, 1, 30.0, 30.0)
    assert all(found["counts"])


@pytest.mark.parametrize("n", [0, 1])
def test_almost_no_neurons(n):
    def describe() -> Network:
        net = Network(0.1)
        net.record_spikes(net.create("few", n, I_e=600.0))
        net.create("none", 0)
        return net

    counts = check(describe, 1, 50.0)["counts"]
    assert len(counts) == n and all(counts)


def test_lists_sources_and_two_receptors():
    """Sums of floating-point weights are the same for every order in which ranks see them."""

    def describe() -> Network:
        rng, net = np.random.default_rng(6), Network(0.1)
        E = net.create("E", 61, tau_syn_ex=0.7, tau_syn_in=2.1, I_e=rng.uniform(300.0, 500.0, 61), E_L=-65.0)
        given = net.spike_source("given", [np.sort(rng.integers(1, 500, 40)) / 10 for _ in range(5)])
        random = net.poisson_source("random", 7, 90.0, 5.0, 40.0)
        for source, n in ((E, 3000), (given, 300), (random, 400)):
            rule = explicit(rng.integers(0, len(source), n), rng.integers(0, 61, n))
            net.connect(source, E, rule, rng.normal(10.0, 60.0, n), rng.integers(1, 40, n) / 10)
        net.step_current(E[10:50:3], [10.0, 20.0], [50.0, -50.0], delay=0.4)
        net.record_spikes(E, given, random)
        net.record_voltages(E[::9])
        return net

    found = check(describe, 1, 50.0)
    assert sum(found["counts"][:61]) > 50


def test_a_small_ring_grows_on_all_ranks():
    def run(comm) -> dict:
        net = Network(0.1)
        E = net.create("E", 50, I_e=50_000.0, t_ref=0.0)
        net.connect(E, E, fixed_total_number(500), 1.0, Normal(5.0, 2.0, minimum=0.05))
        net.record_spikes(E)
        sim = Simulation(net, 1, comm)
        sim.engine.history = sim.engine.history._replace(gids=np.zeros(64, np.uint32))
        sim.run(30.0)
        assert sim.engine.history.gids.size >= 2048
        return outcome(sim)

    serial = COMM.bcast(run(SerialCommunicator()) if COMM.rank == 0 else None)
    assert all(found == serial for found in COMM.allgather(run(COMM)))


def test_a_spike_lost_on_one_rank_is_an_error_on_all():
    sim = Simulation(two_populations(1.5), 1, COMM)
    sim.run(60.0)
    history = sim.engine.history
    if COMM.rank == COMM.size - 1:
        # The newest spike that has a target here.
        step = next(t for t in range(sim.step, 0, -1) if history.count[t % history.count.size])
        history.count[step % history.count.size] -= 1
    errors = 0
    try:
        sim.ledger()
    except RuntimeError as error:
        errors = int("conservation violated" in str(error))
    assert COMM.allreduce(errors) == COMM.size


def test_changes_between_runs():
    """Parameters, potentials and rates changed between two runs, of slices that the ranks share unevenly."""

    def run(comm) -> dict:
        net = two_populations()
        E, noise = net["E"], net.poisson_inputs[0]
        net.record_voltages(E[:7])
        sim = Simulation(net, 3, comm)
        sim.run(20.3)
        sim.set(E[1::3], V_m=Normal(-55.0, 3.0), tau_m=np.linspace(5.0, 15.0, len(E[1::3])))
        sim.set(net["I"], I_e=Normal(50.0, 20.0), t_ref=1.0)
        sim.set(noise, rate=15_000.0)
        sim.run(29.7)
        parameters = {name: sim.get(E, name).tolist() for name in ("V_m", "I_e", "tau_m")}
        return outcome(sim) | parameters

    serial = COMM.bcast(run(SerialCommunicator()) if COMM.rank == 0 else None)
    assert sum(serial["counts"]) > 100
    for found in COMM.allgather(run(COMM)):
        for what in serial:
            assert found[what] == serial[what], what


def test_a_population_that_some_ranks_have_no_neuron_of_is_changed():
    """Ranks without a neuron of it have not loaded its loop, and prepare together what the change needs."""

    def run(comm) -> dict:
        net = Network(0.1)
        net.create("other", 2, "iaf_psc_delta")
        one = net.create("one", 1, "iaf_psc_alpha", I_e=500.0)
        net.record_spikes(one)
        sim = Simulation(net, 1, comm)
        sim.run(30.0)
        sim.set(one, tau_m=20.0)
        sim.run(30.0)
        return outcome(sim)

    serial = COMM.bcast(run(SerialCommunicator()) if COMM.rank == 0 else None)
    assert serial["counts"][2] > 2
    assert all(found == serial for found in COMM.allgather(run(COMM)))
