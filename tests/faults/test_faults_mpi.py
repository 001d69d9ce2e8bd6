"""Exceptions and SIGKILL on any rank, at any time: all ranks end, and the run resumes as if nothing had happened.

The figures are printed: python -m pytest -rP -m "validation or not validation" tests/faults/test_faults_mpi.py
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from distsim.cli.command import STOPPED
from distsim.recording.checkpoint_file import checkpoints_in
from tests.support.altered_command import FIRE
from tests.support.commands import run
from tests.support.faults import OFTEN, PLACES, RUN, Started, check_fault, check_readable, check_resumes, some
from tests.support.long_runs import until
from tests.support.ranks import launcher

pytestmark = pytest.mark.skipif(launcher() is None, reason="there is no mpirun")


@pytest.fixture(scope="module")
def uncut(tmp_path_factory) -> Path:
    """The folder of one rank's whole run."""
    out = tmp_path_factory.mktemp("uncut") / "run"
    assert run(*RUN, "--out", out) == 0
    return out


# --- exceptions -------------------------------------------------------------------------------------------------------

# The call that fails: late enough for checkpoints to be there, but for the first.
CALLS = {"build": 1, "update": 16, "exchange": 2500, "record": 30, "checkpoint": 40}
CASES = [(phase, *place) for phase in CALLS for place in PLACES if (phase, place[0]) != ("exchange", 1)]
FAULTS = [("build:1:1:MemoryError", "not enough memory"), ("checkpoint:1:40:OSError", FIRE)]
FEW = [("build", 2, 0), ("update", 1, 0), ("exchange", 2, 0), ("record", 2, 0), ("checkpoint", 2, 0)]


def failed(out: Path, ranks: int, *changes: str) -> tuple[int, str]:
    """Return exit code of, and what was said by, a run with `changes`."""
    started = Started(ranks, "tests.support.altered_command", ",".join(changes), *RUN, *OFTEN, "--out", out)
    code = started.end()
    return code, started.said()


@pytest.mark.parametrize(("phase", "ranks", "rank"), some(CASES, FEW))
def test_an_exception_in_a_phase_ends_all_ranks_and_the_run_resumes(tmp_path, uncut, phase, ranks, rank):
    out = tmp_path / "run"
    code, said = failed(out, ranks, f"{phase}:{rank}:{CALLS[phase]}:RuntimeError")
    message = "MPI reported an error during the exchange of spikes" if phase == "exchange" else FIRE
    assert code not in (0, 2, STOPPED)
    assert said.count("Traceback (most recent call last)") == said.count(f"RuntimeError: {message}") == 1, said
    assert ranks == 1 or f"distsim: error on rank {rank} of {ranks}; all ranks end" in said
    assert bool(checkpoints_in(out)) == (phase != "build")
    check_resumes(out, uncut)


def test_an_exception_on_all_ranks_but_0_is_said_once(tmp_path):
    code, said = failed(tmp_path / "run", 4, "build:1+2+3:1:RuntimeError")
    assert code not in (0, 2, STOPPED)
    assert said.count("Traceback") == said.count(f"RuntimeError: {FIRE}") == 1, said


@pytest.mark.parametrize(("fault", "named"), some(FAULTS, FAULTS[1:]))
def test_what_the_machine_does_not_give_to_one_rank_is_said_without_a_traceback(tmp_path, uncut, fault, named):
    code, said = failed(tmp_path / "run", 2, fault)
    check_fault(code, said, "on rank 1 of 2", named)
    check_resumes(tmp_path / "run", uncut)


# --- killed -----------------------------------------------------------------------------------------------------------


def killed(out: Path, ranks: int, rank: int, rng: np.random.Generator) -> float | None:
    """Kill a rank of a run at a random time; s until mpirun ended, None where the run was faster."""
    there = checkpoints_in(out)
    started = Started(ranks, "distsim", *RUN, *OFTEN, "--out", out, "--resume", "auto")
    until(lambda: len(started.ranks()) == ranks or started.has_ended())
    if rng.integers(3):
        started.until_checkpoints(out, int(rng.integers(1, 4)), there)
        time.sleep(rng.uniform(0, 0.3))
    else:
        time.sleep(rng.uniform(0, 2))
    if not started.kill(rank):
        assert started.end() == 0, started.said()
        return None
    begun = time.monotonic()
    code, took = started.end(10), time.monotonic() - begun
    if code == 0:  # it was at its end already
        return None
    assert code not in (2, STOPPED), started.said()
    assert "Traceback" not in started.said()
    return took


@pytest.mark.parametrize("n", [2, pytest.param(50, marks=[pytest.mark.validation, pytest.mark.timeout(1800)])])
def test_runs_whose_ranks_are_killed_resume(tmp_path, uncut, n):
    """Each run is killed up to three times, on other numbers of ranks, before it may end."""
    rng, took, runs = np.random.default_rng(n), [], 0
    places = itertools.cycle(rng.permutation(PLACES).tolist())
    while len(took) < n:
        out, runs = tmp_path / str(runs), runs + 1
        for ranks, rank in itertools.islice(places, int(rng.integers(1, 4))):
            seconds = killed(out, ranks, rank, rng)
            check_readable(out)
            took += [] if seconds is None else [seconds]
        check_resumes(out, uncut)
    print(f"{len(took)} kills in {runs} runs: {len(took)} ended, slowest {max(took):.1f} s, {runs} resumed")
