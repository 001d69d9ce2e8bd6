"""The command line under mpirun: the same files on any number of ranks, one message, one end for all ranks."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path

import h5py
import pytest

from tests.support.ranks import launcher, start
from tests.support.standing_ranks import command

QUICK = ["microcircuit", "--scale", "0.02", "--t-presim", "10", "--t-sim", "90", "--no-plots"]
pytestmark = pytest.mark.skipif(launcher() is None, reason="there is no mpirun")


def microcircuit_run(ranks: int, out: Path, *options, is_started: bool = False) -> tuple[str, dict]:
    """Return the hash and the datasets' bytes of a run, on ranks that stay or that are started for it."""
    argv = [*QUICK, "--out", out, *options]
    done = start(ranks, "-m", "distsim", *argv, cwd=out.parent) if is_started else command(ranks, *argv, cwd=out.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((out / "summary.json").read_text())
    assert summary["ranks"] == ranks == len(summary["memory"]["peak_rss_bytes_per_rank"])
    assert done.stdout.count(summary["spikes_sha256"]) == 1
    return summary["spikes_sha256"], datasets(out)


def datasets(folder: Path) -> dict[str, tuple]:
    """Return type, shape and bytes of each dataset of the folder's HDF5 files."""
    found = {}

    def note(name: str, thing) -> None:
        if isinstance(thing, h5py.Dataset):
            found[name] = (thing.dtype.str, thing.shape, thing[()].tobytes())

    for path in sorted(folder.glob("*.h5")):
        with h5py.File(path) as file:
            file.visititems(note)
    return found


@pytest.fixture(scope="module")
def one_rank(tmp_path_factory):
    """Return a function that gives hash and datasets of one rank's run for a seed and options."""
    folder = tmp_path_factory.mktemp("one")

    @functools.cache
    def run(*options) -> tuple[str, dict]:
        return microcircuit_run(1, folder / str(len(list(folder.iterdir()))), *options)

    return run


@pytest.mark.parametrize("ranks", [2, 4, *(pytest.param(n, marks=pytest.mark.validation) for n in (3, 5, 8))])
def test_spikes_do_not_depend_on_the_ranks(tmp_path, one_rank, ranks):
    expected, found = one_rank("--seed", 1), microcircuit_run(ranks, tmp_path / "run", "--seed", 1)
    assert found[0] == expected[0]
    assert found[1] == expected[1]
    assert sum(shape[0] for name, (_, shape, _) in found[1].items() if name.endswith("node_ids")) > 50


def test_spikes_and_voltages_of_another_seed_do_not_depend_on_the_ranks(tmp_path, one_rank):
    """Of the one neuron of L4E two ranks have none."""
    options = ("--seed", 2, "--record-voltages", "L4E[0:1]", "L23E[:401]")
    expected, found = one_rank(*options), microcircuit_run(3, tmp_path / "run", *options)
    assert found[0] == expected[0] != one_rank("--seed", 1)[0]
    assert found[1] == expected[1]
    assert found[1]["report/L23E/data"][1] == (900, 401)


def test_ranks_with_unequal_shares_of_voltages_write_them_together(tmp_path):
    """Buffers of a rank with 501 neurons are full before those of one with 500."""
    argv = ["--scale", "0.05", "--t-presim", "0", "--t-sim", "230", "--no-plots", "--record-voltages", "L4E[:1001]"]
    done = command(2, "microcircuit", *argv, "--out", tmp_path / "run", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert datasets(tmp_path / "run")["report/L4E/data"][1] == (2300, 1001)


@pytest.mark.parametrize("ranks", [3, pytest.param(8, marks=pytest.mark.validation)])
def test_more_ranks_than_neurons(tmp_path, ranks):
    sizes = [1] * (ranks - 2 + ranks % 2) + [0] * (10 - ranks - ranks % 2)
    options = ["--set", f"full_num_neurons={sizes}", "--t-presim", "0", "--t-sim", "100", "--no-plots"]
    hashes = []
    for n in (1, ranks):
        out = tmp_path / str(n)
        done = command(n, "microcircuit", *options, "--out", out, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        summary = json.loads((out / "summary.json").read_text())
        assert summary["n_neurons"] == sum(sizes) < ranks and summary["n_spikes"] > 6
        hashes.append(summary["spikes_sha256"])
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("runs", [2, pytest.param(20, marks=[pytest.mark.validation, pytest.mark.timeout(1200)])])
def test_runs_of_one_network_on_two_ranks_give_one_hash(tmp_path, runs):
    """Stimuli, voltages, all phases; whatever else the machine does meanwhile."""
    options = ("--scale", "0.04", "--thalamus", "--set", "th_start=30", "--record-voltages", "L4E[:50]")
    found = [microcircuit_run(2, tmp_path / str(k), *options, is_started=k > 0) for k in range(runs)]
    assert len({sha for sha, _ in found}) == 1 and all(data == found[0][1] for _, data in found)
    assert found[0][1]["spikes/TH/node_ids"][1][0] > 50


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        pytest.param(["microcircuit", "--sclae", "0.1"], "--scale", marks=pytest.mark.validation),
        (["microcircuit", "--scale", "0.02", "--out", "file"], "--out file"),
    ],
    ids=["option", "output"],
)
def test_bad_input_is_named_once_on_all_ranks_which_end(tmp_path, argv, named):
    (tmp_path / "file").write_text("")
    done = start(2, "-m", "distsim", *argv, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("distsim: error: ") == 1 and named in done.stderr
    assert "Traceback" not in done.stderr and done.stdout.strip() == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_help_is_printed_once(tmp_path):
    done = start(2, "-m", "distsim", "microcircuit", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.count("usage: ") == 1


FAILING = """
import sys
from mpi4py import MPI
from distsim import __main__
from distsim.{room} import {module}

original = {module}.{name}

def fail_on_one_rank(*arguments, **options):
    if MPI.COMM_WORLD.rank == {rank}:
        raise RuntimeError("the neurons are on fire")
    return original(*arguments, **options)

{module}.{name} = fail_on_one_rank
sys.exit(__main__.main())
"""


@pytest.mark.parametrize(
    ("room", "module", "name", "rank"),
    [
        pytest.param("runs", "run", "run", 1, marks=pytest.mark.validation),
        ("runs", "run", "run", 0),
        pytest.param("runs", "controlled_run", "Simulation", 1, marks=pytest.mark.validation),
        ("results", "summary", "spread", 2),
        ("results", "summary", "write", 0),
    ],
    ids=["at the start", "on rank 0", "while building", "at the end", "while rank 0 writes"],
)
def test_an_exception_on_one_rank_ends_all_with_its_traceback(tmp_path, room, module, name, rank):
    script = tmp_path / "failing.py"
    script.write_text(FAILING.format(room=room, module=module, name=name, rank=rank))
    done = start(3, script, *QUICK, "--out", "run", cwd=tmp_path)
    assert done.returncode not in (0, 2, 124)
    assert done.stderr.count("Traceback (most recent call last)") == 1
    assert done.stderr.count("RuntimeError: the neurons are on fire") == 1
    assert f"on rank {rank} of 3" in done.stderr


SCRIPT = """
from mpi4py import MPI
from distsim import Network, Simulation

sim = Simulation(Network())
if MPI.COMM_WORLD.rank == 1:
    raise RuntimeError("the neurons are on fire")
sim.spike_counts()
"""


def test_a_script_that_fails_on_one_rank_ends_all(tmp_path):
    script = tmp_path / "failing.py"
    script.write_text(SCRIPT)
    done = start(2, script, cwd=tmp_path)
    assert done.returncode not in (0, 124)
    assert done.stderr.count("RuntimeError: the neurons are on fire") == 1


def test_networks_are_timed_on_two_ranks(tmp_path):
    argv = ["bench", "--quick", "--networks", "microcircuit", "--out", tmp_path / "bench"]
    done = command(2, *argv, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "bench" / "bench.json").read_text())
    assert found["ranks"] == 2 and found["probes"]["collective"] > 0
    assert found["networks"]["microcircuit"]["phases"]["exchange"]["limit"] > 0
    assert done.stdout.count("distsim bench:") == 1


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Path:
    """The folder of a run that two ranks stopped."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    argv = [*QUICK, "--t-presim", "0", "--out", out, "--max-wall", "1ms"]
    assert command(2, *argv, cwd=out.parent).returncode == 75
    return out


@pytest.mark.parametrize("file", ["parts", "running.json", "checkpoint"])
def test_ranks_that_resume_from_damaged_files_say_it_once(stopped, tmp_path, file):
    out = Path(shutil.copytree(stopped, tmp_path / "run"))
    harmed = {
        "parts": next((out / "parts").glob("spikes-*.h5")),
        "running.json": out / "running.json",
        "checkpoint": next(out.glob("checkpoint-*.h5")),
    }
    raw = bytearray(harmed[file].read_bytes())
    raw[3000 if file == "parts" else 0 : None if file == "running.json" else 3001] = b"\xff"
    harmed[file].write_bytes(raw)
    done = command(2, "resume", out, "--max-wall", "1ms", cwd=tmp_path)
    if file == "running.json":  # the checkpoint says it, too
        assert done.returncode == 75, done.stderr
        return
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.count("distsim: error") == 1 and str(out) in done.stderr
