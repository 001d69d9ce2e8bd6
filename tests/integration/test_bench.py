"""`bench`: what it measures, computes as limits, prints, draws and writes; peers are played by small scripts."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pytest

from distsim import Network, Simulation, fixed_total_number, pairwise_bernoulli
from distsim.analysis.bench_figure import bench_figure
from distsim.cli.command import run_command
from distsim.description.distributions import Normal
from distsim.parallel import SerialCommunicator
from distsim.performance.bench import peers
from distsim.performance.bench.cases import CASES, SCALES, available_memory, largest_scale
from distsim.performance.bench.command import missing_text
from distsim.performance.bench.measure import measure
from distsim.performance.bench.table import networks_text, phases_text
from distsim.performance.limits import PHASES, Period, exchange_limit, limits
from distsim.performance.probes import SIZES, Probes, probe

SERIAL = SerialCommunicator()
# 1 byte, addition, word a ns; an exchange takes 1 us
UNIT = Probes(np.array([1.0, 1e9]), np.full(2, 1e9), np.full(2, 1e9), 1e9, 1e9, 1e-6)


def run(*argv) -> int:
    return run_command([str(word) for word in argv], SerialCommunicator())


def period(simulation: Simulation, steps: int) -> Period:
    return Period(steps, -(-steps // simulation.engine.interval), simulation.spike_counts(), 1.0)


# --- probes and limits ------------------------------------------------------------------------------------------------


def test_probes_find_plausible_speeds():
    found = probe(SERIAL)
    assert found.read.size == found.update.size == len(SIZES)
    for rate in (*found.read, *found.update, found.adds, found.philox):
        assert 1e7 < rate < 1e13
    assert found.collective == 0.0
    assert found.reading(1.0) == found.read[0] and found.reading(1e12) == found.read[-1]


def test_limits_of_a_table_are_its_bytes_and_events():
    network = Network(0.1)
    neurons = network.create("E", 200, "iaf_psc_exp", I_e=500.0)
    network.connect(neurons, neurons, fixed_total_number(4000), Normal(1.0, 0.1, minimum=0.0), 1.5)
    network.poisson_input(neurons, 1000.0, 1.0, 0.1)
    simulation = Simulation(network, 1, SERIAL)
    simulation.run(50.0)
    found = limits(simulation.engine, period(simulation, 500), UNIT)
    assert list(found) == list(PHASES)
    emitted = int(simulation.spike_counts().sum())
    assert found["deliver"].operations == simulation.ledger().due > 0
    places = simulation.engine.synapses.words.size / simulation.n_synapses  # for each synapse
    assert found["deliver"].bytes == pytest.approx(4 * places * simulation.ledger().due + 4 * emitted)
    # V and I_ex, refractoriness, an int32 row, a Poisson number
    assert found["update"].bytes == 500 * 200 * (2 * 16 + 4 + 8 + 2)
    assert found["update"].seconds == pytest.approx(1e-9 * found["update"].bytes)
    assert found["stimulate"].operations == pytest.approx(0.5 * 200 * 500, rel=0.01)
    assert found["exchange"].seconds == pytest.approx(8e-9 * emitted)  # one rank
    alone = exchange_limit(2, Period(500, 34, np.array([34 * 2 * 32]), 1.0), UNIT)
    assert alone.seconds == pytest.approx(1e-6 * 34 + 8e-9 * 34 * 2 * 32)
    assert exchange_limit(2, Period(500, 34, np.array([34 * 2 * 32 + 1]), 1.0), UNIT).operations == 68


def test_limits_of_matrices_are_their_rows():
    network = Network(0.1)
    neurons = network.create("E", 1024, "iaf_psc_delta", I_e=800.0, V_m=Normal(-70.0, 5.0))
    network.connect(neurons, neurons, pairwise_bernoulli(0.1), 0.01, 1.5)
    simulation = Simulation(network, 1, SERIAL)
    simulation.run(30.0)
    found = limits(simulation.engine, period(simulation, 300), UNIT)["deliver"]
    emitted, words = int(simulation.spike_counts().sum()), np.diff(simulation.engine.dense.spans.astype(int)).mean()
    assert emitted > 300 and 15 < words <= 16 and found.operations == 0
    assert found.bytes == 8 * words * emitted + 16 * 1024 * 300


def test_a_network_is_measured():
    network = CASES["microcircuit"].describe(0.02)
    found = measure(network, 1, SERIAL, (10.0, 20.0), UNIT)
    assert found["n_neurons"] == 1544 and found["n_synapses"] == 119548
    assert found["bytes_per_synapse"] > 4 and found["peak_rss_bytes"] > 10**7
    assert found["event_ns"] > 0 and found["update_ns"] > 0 and found["rate_hz"] > 0
    assert set(found["phases"]) == set(PHASES)
    parts = sum(phase["real_time_factor"] for phase in found["phases"].values())
    assert 0 < parts <= 1.05 * found["real_time_factor"]


# --- cases ------------------------------------------------------------------------------------------------------------


def test_all_four_networks_are_timed_and_nothing_is_recorded():
    assert {case.model.name for case in CASES.values()} == {
        "brunel-alpha", "brunel-delta", "ei-clustered", "microcircuit",
    }  # fmt: skip
    for case in CASES.values():
        assert not case.describe(0.1).recorders
        assert case.times(True) == (0.1 * case.t_presim, 0.1 * case.t_sim)


def test_the_microcircuit_is_as_large_as_memory_allows():
    size = {1.0: 1000, 0.5: 260, 0.2: 45, 0.1: 12}
    case = CASES["microcircuit"]

    def n_bytes(network: Network) -> int:
        return next(size[scale] for scale in SCALES if network.n_neurons == case.describe(scale).n_neurons)

    assert [largest_scale(case, n_bytes, available) for available in (2000, 1000, 60, 1)] == [1.0, 0.5, 0.2, 0.1]
    assert largest_scale(CASES["brunel-alpha"], n_bytes, 0.0) == 1.0
    assert available_memory() > 10**7


# --- peers ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "SCRIPTS", tmp_path)
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "0")
    (tmp_path / "good.py").write_text(
        "import os, sys\n"
        "assert not any(name.startswith('OMPI_') for name in os.environ)\n"
        "print('versions Peer 1, ' + ' '.join(sys.argv[1:]))\n"
        "print('build_s 1.5\\nreal_time_factor 6\\nrate_hz 3\\nn_synapses 10')\n"
    )
    (tmp_path / "bad.py").write_text("raise SystemExit('no such peer')")
    (tmp_path / "silent.py").write_text("print('versions Peer 1')")
    (tmp_path / "slow.py").write_text("import time; time.sleep(30)")


def test_a_peer_is_run_with_its_options(scripts):
    versions, figures = peers.run_peer(sys.executable, "good.py", ("--panel", "A"), (0.0, 60.0), 3, 2)
    assert versions == "Peer 1, --panel A --t-presim 0.0 --t-sim 60.0 --seed 3 --threads 2"
    assert figures["real_time_factor"] == 6.0
    assert isinstance(figures["n_synapses"], int) and isinstance(figures["real_time_factor"], float)


@pytest.mark.parametrize(("script", "why"), [("bad.py", "no such peer"), ("silent.py", "build_s"), ("slow.py", "1 s")])
def test_a_peer_that_fails_is_not_timed(scripts, script, why):
    begun = time.perf_counter()
    with pytest.raises(peers.NotTimed, match=why):
        peers.run_peer(sys.executable, script, (), (0.0, 1.0), 1, 1, limit=1.0)
    assert time.perf_counter() - begun < 20


def test_which_peers_a_python_has_is_found_out(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "MODULES", {"NEST": "no_such_module_at_all", "Brian2": "json"})
    assert peers.installed(sys.executable) == {"Brian2"}
    with pytest.raises(peers.NotTimed, match="does not run"):
        peers.installed(str(tmp_path))


def test_missing_peers_are_named_with_how_to_get_them():
    networks = ["brunel-alpha", "brunel-delta-A", "microcircuit"]
    text = missing_text(networks, {"NEST"}, True)
    assert "Brian2" in text and "NEST" not in text and "pip install .[peers]" in text
    assert missing_text(networks, {"NEST", "Brian2"}, True) == missing_text(["microcircuit"], set(), True) == ""
    assert "one node" in missing_text(networks, {"NEST", "Brian2"}, False)


# --- what is printed, drawn and written -------------------------------------------------------------------------------


def result(peer: dict | None) -> dict:
    phases = {phase: {"real_time_factor": 0.1, "limit": 0.02 * (phase != "exchange")} for phase in PHASES}
    return {
        "scale": 1.0, "n_neurons": 12500, "n_synapses": 15625000, "build_s": 0.2, "real_time_factor": 0.5,
        "event_ns": 0.3, "update_ns": 0.4, "bytes_per_synapse": 1.5, "peak_rss_bytes": 4e8, "phases": phases,
        "peer": peer,
    }  # fmt: skip


TIMED = {"name": "NEST", "real_time_factor": 5.0, "times_faster": 10.0}


def test_tables_show_peers_and_distances_from_limits():
    text = networks_text({"one": result(TIMED), "two": result({"name": "Brian2", "problem": "no compiler"})})
    assert "times faster" in text and "10.0" in text and "not timed: no compiler" in text
    assert "times faster" not in networks_text({"one": result(None)})
    lines = phases_text({"one": result(None)}).splitlines()
    assert lines[1].split() == ["one", "deliver", "20.0%", "0.1000", "0.0200", "5.0"]
    assert lines[4].split() == ["exchange", "20.0%", "0.1000", "0.0000", "-"]


@pytest.mark.parametrize("peer", [None, TIMED, {"name": "NEST", "problem": "not installed"}])
def test_the_figure_is_drawn_with_and_without_peers(tmp_path, peer):
    found = {"machine": "A, 2 cores, B", "ranks": 2, "networks": {"one": result(peer), "two": result(None)}}
    bench_figure(found, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_writes_numbers_and_figure(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(peers, "MODULES", {"NEST": "no_such_module_at_all"})
    out = tmp_path / "bench"
    assert run("bench", "--quick", "--networks", "microcircuit", "brunel-alpha", "--out", out) == 0
    assert {path.name for path in out.iterdir()} == {"bench.json", "bench.png"}
    found = json.loads((out / "bench.json").read_text())
    assert set(found) == {"machine", "ranks", "seed", "quick", "versions", "probes", "networks"}
    assert found["networks"]["microcircuit"]["scale"] == 0.1 and found["networks"]["brunel-alpha"]["peer"] is None
    printed = capsys.readouterr()
    assert printed.err == "" and "pip install .[peers]" in printed.out and "limit" in printed.out
    assert run("bench", "--quick", "--networks", "microcircuit", "--out", out) == 2
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--networks", "brunel"], ["--networks", "brunel-alpha"]),
        (["--peer-python", "/no/such/python"], ["--peer-python", "/no/such/python"]),
        (["--seed", "-1"], ["--seed"]),
        (["--scale", "1"], ["--scale"]),
    ],
)
def test_mistakes_are_named_once_and_nothing_is_left(tmp_path, monkeypatch, capsys, argv, named):
    monkeypatch.chdir(tmp_path)
    assert run("bench", *argv) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("distsim: error: ") and printed.err.count("\n") == 1
    assert all(text in printed.err for text in named) and not list(tmp_path.iterdir())


def test_the_scripts_of_the_peers_are_there():
    scripts = {case.script for case in CASES.values() if case.script}
    assert scripts and all((peers.SCRIPTS / script).is_file() for script in scripts)
