"""More ranks than a network needs, h5py without MPI, less memory than a network needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.faults import OFTEN, RUN, Started, check_fault, check_resumes, some
from tests.support.long_runs import same
from tests.support.ranks import launcher, start
from tests.support.standing_ranks import command

pytestmark = pytest.mark.skipif(launcher() is None, reason="there is no mpirun")


# --- ranks with little to do ------------------------------------------------------------------------------------------

SHORT = ["--t-presim", "0", "--t-sim", "300", "--no-plots"]
THREE = ["microcircuit", "--set", "full_num_neurons=[2,1,0,0,0,0,0,0]", *SHORT]
SIX = ["microcircuit", "--set", "full_num_neurons=[1,1,1,1,1,1,0,0]", *SHORT]
LEAN = {
    "no neurons": [*THREE, "--set", f"conn_probs={[[0.9] * 8] * 8}", "--record-voltages", "L23E", "L23I"],
    "no synapses": [*THREE, "--set", f"conn_probs={[[0.0] * 8] * 8}", "--record-voltages", "L23I"],
    "no spikes": [*SIX, "--set", "bg_rate=0", "--record-voltages", "L4E"],
    "nothing recorded": [*SIX, "--record-spikes", "L23E[:1]"],
}


@pytest.mark.parametrize(
    ("lack", "ranks"), some([(lack, ranks) for lack in LEAN for ranks in (4, 2)], [("no neurons", 4)])
)
def test_ranks_that_have_nothing_leave_the_files_of_one_rank(tmp_path, lack, ranks):
    """Cut once, and resumed on another number of ranks, with checkpoints."""
    whole, cut, keeping = tmp_path / "whole", tmp_path / "cut", ["--checkpoint-every", "50ms"]
    assert run(*LEAN[lack], "--out", whole) == 0
    summary = json.loads((whole / "summary.json").read_text())
    assert (summary["n_synapses"] == 0) == (lack == "no synapses")
    assert (summary["n_spikes"] == 0) == (lack == "no spikes")
    for argv in ([*LEAN[lack], *keeping, "--out", cut, "--t-sim", "130.1"], ["resume", cut, "--t-sim", "300"]):
        done = command(ranks, *argv, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        ranks = 6 - ranks
    same(cut, whole)


# --- h5py without MPI -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ranks", [2, *(pytest.param(n, marks=pytest.mark.validation) for n in (1, 4))])
def test_without_parallel_hdf5_rank_0_writes_the_same_files(tmp_path, ranks):
    out, argv = tmp_path / "run", [*RUN, "--t-sim", "200"]
    assert run(*argv, "--out", tmp_path / "whole") == 0
    done = start(ranks, "-m", "tests.support.altered_command", "serial-h5py", *argv, *OFTEN, "--out", out, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    mode = json.loads((out / "summary.json").read_text())["recording"]["mode"]
    assert mode == ("serial" if ranks == 1 else "rank 0")
    same(out, tmp_path / "whole")


@pytest.mark.validation
@pytest.mark.parametrize("fault", ["checkpoint:0:40:OSError", "record:0:30:RuntimeError", "update:1:12:RuntimeError"])
def test_without_parallel_hdf5_a_fault_on_one_rank_ends_all(tmp_path, fault):
    out, argv = tmp_path / "run", [*RUN, "--t-sim", "500"]
    assert run(*argv, "--out", tmp_path / "whole") == 0
    started = Started(2, "tests.support.altered_command", f"serial-h5py,{fault}", *argv, *OFTEN, "--out", out)
    code, said = started.end(), started.said()
    if "OSError" in fault:
        check_fault(code, said, "on fire")
    else:
        assert code == 1 and said.count("Traceback") == said.count("on fire") == 1, said
    check_resumes(out, tmp_path / "whole", *argv)


# --- too little memory ------------------------------------------------------------------------------------------------


def refused(tmp_path: Path, ranks: int, *argv: str) -> str:
    done = start(ranks, "-m", *argv, "--out", "run", cwd=tmp_path)
    check_fault(done.returncode, done.stderr, "GB of memory", "where there are")
    assert done.returncode == 2 and done.stdout.strip() == "" and not list(tmp_path.iterdir())
    return done.stderr


@pytest.mark.parametrize("ranks", [2, pytest.param(1, marks=pytest.mark.validation)])
def test_a_network_that_needs_more_memory_than_there_is_is_refused_before_it_is_built(tmp_path, ranks):
    said = refused(tmp_path, ranks, "distsim", "microcircuit", "--n-scaling", "20", "--k-scaling", "10")
    assert f"on each of {ranks} ranks" in said or ranks == 1


def test_the_memory_of_a_machine_is_for_all_its_ranks_together(tmp_path):
    few = ("tests.support.altered_command", "memory=300000000", *RUN, "--t-sim", "1")
    said = refused(tmp_path, 2, *few)
    assert "about 0.4 GB" in said and "(0.2 GB on each of 2 ranks)" in said and "there are 0.3 GB" in said
    assert start(1, "-m", *few, "--out", "run", cwd=tmp_path).returncode == 0
