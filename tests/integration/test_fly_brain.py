"""examples/fly_brain.py: a small synthetic brain, excited and silenced neurons, files as they were published."""

from __future__ import annotations

import json
import runpy
import shutil

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

import distsim
from distsim import Simulation
from distsim.parallel import SerialCommunicator
from tests.support.commands import ROOT, run
from tests.support.ranks import launcher
from tests.support.standing_ranks import command

EXAMPLE = ROOT / "examples" / "fly_brain.py"
SMALL = ["--synthetic", "--set", "N=300", "--set", "edges=9000", "--t-sim", "300", "--no-plots"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fly")
    assert run("run", EXAMPLE, *SMALL, "--set", f"folder={folder}", "--out", folder / "one") == 0
    return folder


def test_excited_neurons_fire_at_each_spike_of_their_input(small):
    result = distsim.load(small / "one")
    assert result.summary["n_neurons"] == 300 and result.summary["n_synapses"] == 9000
    counts = np.bincount(result.spikes("fly")[1], minlength=300)
    assert counts[:20].sum() == pytest.approx(20 * 150 * 0.3, abs=4 * np.sqrt(20 * 150 * 0.3))
    assert counts[20:].sum() > 0


@pytest.mark.skipif(launcher() is None or shutil.which("mpirun") is None, reason="there is no mpirun")
def test_two_ranks_find_the_same_spikes(small):
    out = small / "two"
    done = command(2, "run", EXAMPLE, *SMALL, "--set", f"folder={small}", "--out", out, cwd=small)
    assert done.returncode == 0, done.stderr
    one, two = (json.loads((small / name / "summary.json").read_text()) for name in ("one", "two"))
    assert one["spikes_sha256"] == two["spikes_sha256"]


def test_silenced_neurons_do_not_fire(small):
    given = [*SMALL, "--set", f"folder={small}", "--silenced", "0-9,720575940600000000", "--excited", "0-19"]
    assert run("run", EXAMPLE, *given, "--out", small / "silenced") == 0
    counts = np.bincount(distsim.load(small / "silenced").spikes("fly")[1], minlength=300)
    assert not counts[:10].any() and counts[10:20].all()


def test_files_are_read_as_they_were_published(tmp_path):
    ids = [720575940600000007, 720575940600000001, 720575940600000003]
    csv.write_csv(pa.table({"": ids, "Completed": [True] * 3}), tmp_path / "neurons.csv")
    edges = {
        "Presynaptic_ID": [ids[0], ids[1]],
        "Postsynaptic_ID": [ids[1], ids[2]],
        "Presynaptic_Index": [0, 1],
        "Postsynaptic_Index": [1, 2],
        "Connectivity": [400, 7],
        "Excitatory": [1, -1],
        "Excitatory x Connectivity": [400, -7],
    }
    parquet.write_table(pa.table(edges), tmp_path / "connections.parquet")
    brain = runpy.run_path(str(EXAMPLE))["FlyBrain"]()
    given = {"neurons": str(tmp_path / "neurons.csv"), "connections": str(tmp_path / "connections.parquet")}
    net = brain.network(**given, excited=str(ids[0]))
    net.record("g", "fly")
    sim = Simulation(net, seed=1, comm=SerialCommunicator())
    sim.run(100.0)
    found = sim.connections("fly", "fly")
    np.testing.assert_allclose(found.weights, [110.0, -1.925], rtol=1e-15)
    times, neurons = sim.spikes("fly")
    first, second = times[neurons == 0], times[neurons == 1]
    assert first.size > 5 and second.size > 0
    times, g = sim.samples("g", "fly")
    np.testing.assert_allclose(g[np.isclose(times, second[0] + 1.8), 2], -1.925, rtol=1e-12)
    for wrong in ("5", "0-3", "720575940600000002", "x"):
        with pytest.raises(ValueError, match=f"excited: {wrong} is neither an id of the table nor rows from 0 to 2"):
            brain.network(**given, excited=wrong)


def test_without_files_the_example_says_what_it_needs(capsys, tmp_path):
    assert run("run", EXAMPLE, "--out", tmp_path / "none") != 0
    said = capsys.readouterr()
    assert "give the files of --neurons and --connections, or --synthetic" in said.out + said.err
