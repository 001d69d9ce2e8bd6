"""Long runs under mpirun: cut, killed and stopped on N ranks, resumed on M, with the files of an uninterrupted run."""

from __future__ import annotations

import functools
import itertools
import os
import signal
from pathlib import Path

import pytest

import distsim
from distsim.cli.command import STOPPED
from distsim.recording.checkpoint_file import checkpoints_in
from distsim.results import folder
from tests.support.commands import run
from tests.support.faults import Started
from tests.support.long_runs import NETWORKS, SCALE, VOLTAGES, options_of, same
from tests.support.ranks import launcher, start
from tests.support.standing_ranks import command

pytestmark = pytest.mark.skipif(launcher() is None, reason="there is no mpirun")

LONG = ["microcircuit", *SCALE, "--t-sim", "300", *VOLTAGES]
SLOWLY = ["tests.support.altered_command", "slow=100"]  # long enough to be hit while it runs
OFTEN = ["--checkpoint-every", "50ms"]


@pytest.fixture(scope="module")
def uncut(tmp_path_factory):
    """Return a function that gives the folder of one rank's whole run."""

    @functools.cache
    def of(*argv: str) -> Path:
        out = tmp_path_factory.mktemp("uncut") / "run"
        assert run(*argv, "--out", out) == 0
        return out

    return of


def succeed(ranks: int, *argv, cwd: Path) -> None:
    done = command(ranks, *argv, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr


# --- from N ranks to M ------------------------------------------------------------------------------------------------


def in_pieces(out: Path, name: str, pieces: list[tuple[int, float | None]]) -> None:
    """Run (ranks, up to ms) one after the other, each from the checkpoint of the one before."""
    argv = [*options_of(name), "--out", out, "--checkpoint-wall", "1h"]
    end = argv[argv.index("--t-sim") + 1]
    for ranks, t_sim in pieces:
        succeed(ranks, *argv, "--t-sim", end if t_sim is None else t_sim, cwd=out.parent)
        argv = ["resume", out]


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        pytest.param("microcircuit", [(1, 10.7), (2, 23.3), (3, 41.9), (1, None)], marks=pytest.mark.validation),
        ("stimulated", [(3, 33.3), (2, None)]),
        pytest.param("stimulated", [(3, 11.1), (1, 33.3), (4, None)], marks=pytest.mark.validation),
        ("delta", [(2, 20.1), (4, 20.2), (1, None)]),
    ],
)
def test_each_piece_on_another_number_of_ranks(tmp_path, uncut, name, pieces):
    in_pieces(tmp_path / "run", name, pieces)
    same(tmp_path / "run", uncut(*options_of(name)))


@pytest.mark.validation
@pytest.mark.parametrize(("n", "m"), list(itertools.product((1, 2, 3, 4, 8), repeat=2)))
@pytest.mark.parametrize("name", NETWORKS)
def test_from_n_ranks_to_m(tmp_path, uncut, name, n, m):
    in_pieces(tmp_path / "run", name, [(n, 0.1 + 3.3 * n + 1.7 * m), (m, None)])
    same(tmp_path / "run", uncut(*options_of(name)))


# --- ended and stopped ------------------------------------------------------------------------------------------------


def begin(out: Path, *argv: str) -> Started:
    """A run of `LONG` on three ranks that has written two checkpoints."""
    there, started = checkpoints_in(out), Started(3, *SLOWLY, *(argv or [*LONG, *OFTEN, "--out", out]))
    started.until_checkpoints(out, 2, there)
    return started


def resume_and_compare(out: Path, expected: Path) -> None:
    """Resume on two ranks and compare."""
    assert folder.is_unfinished(out) and not (out / "summary.json").exists()
    assert distsim.load(out).period[1] >= 50.0
    succeed(2, "resume", out, "--checkpoint-every", "10s", cwd=out.parent)
    same(out, expected)


@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.validation), 2])
def test_a_killed_rank_ends_all_and_loses_only_what_came_last(tmp_path, uncut, rank):
    started = begin(tmp_path / "run")
    os.kill(started.ranks()[rank], signal.SIGKILL)
    assert started.end(10) not in (0, STOPPED)
    resume_and_compare(tmp_path / "run", uncut(*LONG))


def test_a_signal_to_mpirun_or_to_one_rank_stops_all_with_a_checkpoint(tmp_path, uncut):
    """Open MPI hands SIGUSR1 on to the ranks."""
    out = tmp_path / "run"
    started = begin(out)
    started.process.send_signal(signal.SIGUSR1)
    assert started.end(30) == STOPPED
    assert started.said().count("SIGUSR1 received") == 1 and f"python -m distsim resume {out}" in started.said()
    started = begin(out, "resume", str(out))
    os.kill(started.ranks()[1], signal.SIGTERM)
    assert started.end(30) == STOPPED and "SIGTERM received" in started.said()
    resume_and_compare(tmp_path / "run", uncut(*LONG))


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.validation), signal.SIGINT])
def test_mpirun_that_is_asked_to_end_leaves_a_checkpoint(tmp_path, uncut, number):
    """Open MPI sends its ranks SIGTERM, and a second later SIGKILL; its exit code is its own."""
    started = begin(tmp_path / "run")
    started.process.send_signal(number)
    assert started.end(30) != 0
    resume_and_compare(tmp_path / "run", uncut(*LONG))


def test_time_that_is_over_stops_all_ranks(tmp_path, uncut):
    out = tmp_path / "run"
    done = start(3, "-m", *SLOWLY, *LONG, "--out", out, "--max-wall", "100ms", cwd=tmp_path)
    assert done.returncode == STOPPED and done.stdout.count("--max-wall reached") == 1
    succeed(2, "resume", out, cwd=tmp_path)
    same(out, uncut(*LONG))
