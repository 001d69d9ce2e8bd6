"""A checkpoint of N ranks is taken up by M, and what follows is what would have followed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from distsim import Network, Normal, Simulation, explicit
from distsim.engine.connectivity import table_plan
from distsim.networks import BrunelDelta, Microcircuit, brunel_delta, microcircuit
from distsim.parallel import SerialCommunicator
from distsim.recording.checkpoint_file import DamagedError
from distsim.simulation import checkpoints

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD
PAIRS = list(itertools.product(range(1, 5), repeat=2))
SOME = [(1, 2), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2)]


def scaled_microcircuit() -> Network:
    return Microcircuit().describe(microcircuit.Parameters(N_scaling=0.02, K_scaling=0.02))


def delta() -> Network:
    """Brunel's delta network, small, with bit matrices and two sources of given spikes."""
    net = BrunelDelta().describe(brunel_delta.Parameters(N_E=2000, J=0.5))
    given = net.spike_source("given", [np.arange(1, 400, 7) / 10, np.arange(2, 390, 3) / 10])
    net.connect(given, net.populations[0][:50], explicit([0, 1] * 25, range(50)), 3.0, 2.7)
    net.record_voltages(net.populations[0][:30:7], 0.7)
    return net


def everything() -> Network:
    """Floating-point weights, two receptors, all kinds of sources and currents, voltages at an interval."""
    rng, net = np.random.default_rng(6), Network(0.1)
    E = net.create("E", 61, tau_syn_ex=0.7, tau_syn_in=2.1, I_e=rng.uniform(300.0, 500.0, 61), E_L=-65.0)
    alpha = net.create("alpha", 20, "iaf_psc_alpha", I_e=Normal(370.0, 5.0))
    given = net.spike_source("given", [np.sort(rng.integers(1, 500, 40)) / 10 for _ in range(5)])
    random = net.poisson_source("random", 7, 90.0, 5.0, 40.0)
    for source, n in ((E, 3000), (given, 300), (random, 400), (alpha, 200)):
        rule = explicit(rng.integers(0, len(source), n), rng.integers(0, 61, n))
        net.connect(source, E, rule, rng.normal(10.0, 60.0, n), rng.integers(1, 40, n) / 10)
    net.poisson_input(alpha, 9000.0, 3.0, 1.2)
    net.step_current(E[10:50:3], [10.0, 20.0, 31.2], [50.1, -50.0, 0.3], delay=0.4)
    net.record_spikes(E, given, random)
    net.record_voltages(E[::9], 0.3)
    return net


def meeting() -> Network:
    """Given spikes and changes of current at round times, where checkpoints are, some of two devices at once."""
    rng, net = np.random.default_rng(8), Network(0.1)
    E = net.create("E", 23, I_e=rng.uniform(200.0, 500.0, 23), t_ref=0.55)
    given = net.spike_source("given", [[5.0, 10.0, 10.1, 20.0], [9.9, 10.0, 10.0, 15.0], [10.0], [1.0, 12.0]])
    net.connect(
        given, E, explicit(rng.integers(0, 4, 90), rng.integers(0, 23, 90)), 400.0, rng.integers(1, 30, 90) / 10
    )
    net.step_current(E[2:20:3], [0.0, 9.0, 14.0], [50.1, -1e17, 0.3], delay=0.9)  # acts from 10.0 on
    net.step_current(E[1:], [5.0, 9.8, 10.0], [1e12, 100.3, 33.3])  # from 10.0 on, too
    net.record_spikes(E, given)
    net.record_voltages(E, 0.1)
    return net


NETWORKS = {"microcircuit": scaled_microcircuit, "delta": delta, "everything": everything, "meeting": meeting}


def group(n: int) -> MPI.Comm | None:
    """Return a communicator of the first n ranks; None on the others."""
    comm = COMM.Split(0 if COMM.rank < n else MPI.UNDEFINED, COMM.rank)
    return None if comm == MPI.COMM_NULL else comm


def outcome(sim: Simulation) -> dict:
    """Return what must not depend on ranks and cuts, the same on all ranks (collective)."""
    state, gids = sim.state(), np.arange(sim.network.n)
    found = {name: sim.gather(gids, values).tobytes() for name, values in state.neurons.items() if name != "counted"}
    found |= {"spikes": sim.sink.recorded("spikes")[0].tobytes() + sim.sink.recorded("spikes")[1].tobytes()}
    sampled = {r.target.population.name: r.target for r in sim.network.recorders if r.name == "V_m"}
    found |= {f"V of {name}": sim.voltages(what)[1].tobytes() for name, what in sampled.items()}
    return found | {"ledger": sim.ledger(), "facts": {**state.facts, "pieces": None}}


def uncut(describe: Callable[[], Network], cut: float, rest: float) -> dict:
    sim = Simulation(describe(), 1, SerialCommunicator())
    sim.run(cut, record=False)
    sim.run(rest)
    return outcome(sim)


def check(describe: Callable[[], Network], cut: float, rest: float, n: int, m: int, path: Path) -> dict:
    """Run on n ranks up to `cut`, then on m, and compare with one rank's run without a cut."""
    first, second = group(n), group(m)
    if first is not None:
        sim = Simulation(describe(), 1, first)
        sim.run(cut, record=False)
        sim.checkpoint(path)
        sim.run(1.0)  # writing changes nothing, and the file is not touched any more
    COMM.barrier()
    found = None
    if second is not None:
        sim = Simulation(describe(), 1, second, checkpoint=path)
        assert sim.time == cut
        sim.run(rest)
        found = outcome(sim)
    expected = COMM.bcast(uncut(describe, cut, rest) if COMM.rank == 0 else None)
    if found is not None:
        for what in expected:
            assert found[what] == expected[what], what
    return expected


def check_all(folder: Path, name: str, by_source: bool, cut: float, pairs, monkeypatch) -> None:
    if name != "delta":
        monkeypatch.setattr(table_plan, "goes_by_source", lambda *_: by_source)
    for n, m in pairs:
        if max(n, m) <= COMM.size:
            expected = check(NETWORKS[name], cut, 30.0, n, m, folder / f"{n}-{m}.h5")
            assert expected["facts"]["spikes"] > 10


layouts = pytest.mark.parametrize(
    ("name", "by_source"),
    [("microcircuit", False), ("microcircuit", True), ("everything", False), ("everything", True), ("delta", False)],
)


@layouts
def test_from_n_ranks_to_m(folder, name, by_source, monkeypatch):
    some = [(1, 2), (2, 3), (3, 1)] if name == "microcircuit" else SOME
    check_all(folder, name, by_source, 20.7, some if COMM.size == 3 else [(1, 2), (2, 1)], monkeypatch)


@pytest.mark.parametrize("cut", [pytest.param(5.0, marks=pytest.mark.validation), 9.8, 9.9, 10.0, 10.1])
def test_no_given_spike_and_no_change_of_current_is_lost_or_doubled_at_a_cut(folder, cut, monkeypatch):
    pairs = SOME if COMM.size == 3 else [(1, 2), (2, 1)]
    check_all(folder, "meeting", False, cut, pairs, monkeypatch)


@pytest.mark.validation
@layouts
@pytest.mark.parametrize("cut", [0.0, 0.1, 7.3, 33.1])
def test_from_all_numbers_of_ranks_to_all(folder, name, by_source, cut, monkeypatch):
    check_all(folder, name, by_source, cut, PAIRS, monkeypatch)


def test_where_rank_0_alone_writes(folder, monkeypatch):
    monkeypatch.setattr("distsim.recording.output.h5py.get_config", lambda: SimpleNamespace(mpi=False))
    check_all(folder, "everything", False, 12.3, [(2, 1), (2, 2), (3, 2)], monkeypatch)


def test_changed_parameters_are_taken_up(folder):
    def changed(comm, **options) -> Simulation:
        sim = Simulation(everything(), 1, comm, **options)
        if not options:
            sim.run(11.3, record=False)
            E = sim.network["E"]
            sim.set(E[3:40:2], tau_m=np.linspace(8.0, 12.0, 19), V_m=Normal(-60.0, 2.0))
            sim.set(E, I_e=Normal(420.0, 20.0), t_ref=1.3)
            sim.set(sim.network["random"], rate=120.0)
            sim.set(sim.network.poisson_inputs[-1], rate=9500.0, weight=2.5)
            sim.run(0.7, record=False)
        return sim

    def run_on(sim: Simulation) -> dict:
        sim.set(sim.network["E"], I_e=Normal(430.0, 20.0))
        sim.run(25.0)
        return outcome(sim)

    changed(COMM).checkpoint(folder / "c.h5")
    found = run_on(changed(COMM, checkpoint=folder / "c.h5"))
    expected = COMM.bcast(run_on(changed(SerialCommunicator())) if COMM.rank == 0 else None)
    for what in expected:
        assert found[what] == expected[what], what


def test_another_network_or_seed_is_named(folder):
    sim = Simulation(everything(), 1, COMM)
    sim.run(5.0)
    sim.checkpoint(folder / "c.h5")
    with pytest.raises(ValueError, match=r"c\.h5: the checkpoint is of another network or seed: the seed differs"):
        Simulation(everything(), 2, COMM, checkpoint=folder / "c.h5")
    with pytest.raises(ValueError, match=r"population .* differs"):
        Simulation(scaled_microcircuit(), 1, COMM, checkpoint=folder / "c.h5")
    with pytest.raises(DamagedError, match=r"none\.h5: cannot be read \(No such file"):
        Simulation(everything(), 1, COMM, checkpoint=folder / "none.h5")


def test_a_flipped_bit_is_an_error_on_all_ranks_that_names_the_dataset(folder):
    sim = Simulation(everything(), 1, COMM)
    sim.run(30.0)
    sim.checkpoint(folder / "c.h5")
    if COMM.rank == 0:
        with h5py.File(folder / "c.h5") as file:
            place = file["I_e"].id.get_offset()
        raw = bytearray((folder / "c.h5").read_bytes())
        raw[place + 3] ^= 16
        (folder / "c.h5").write_bytes(raw)
    COMM.barrier()
    with pytest.raises(DamagedError, match=r"c\.h5: damaged: dataset I_e has the sum [0-9a-f]{16}, not [0-9a-f]{16}"):
        checkpoints.read(folder / "c.h5", COMM)
