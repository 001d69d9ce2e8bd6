"""Runs that something happens to: started, hit, inspected, and resumed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import pytest

import distsim
from distsim.recording.checkpoint_file import checkpoints_in
from distsim.results import folder
from tests.support.commands import run
from tests.support.long_runs import SCALE, VOLTAGES, same, until
from tests.support.ranks import environment, launcher

RUN = ["microcircuit", *SCALE, "--t-sim", "1500", *VOLTAGES]  # long enough to be hit while it runs
OFTEN = ["--checkpoint-every", "100ms"]
PLACES = [(ranks, rank) for ranks in (1, 2, 4) for rank in range(ranks)]
LIMIT = 60  # s that a run may take, whatever happens to it
TIMED_OUT = 124  # exit code of timeout


class Started:
    """A command on some ranks, under way: `process` is mpirun; all that is said goes to `log`."""

    def __init__(self, ranks: int, *argv, cwd: Path | None = None) -> None:
        command = [*launcher(), "-n", str(ranks), sys.executable, "-m", *map(str, argv)]
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as this run
        self.process = subprocess.Popen(
            command,
            env=environment(),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def until_checkpoints(self, out: Path, n: int, there: list[Path] = ()) -> None:
        """Wait for `n` checkpoints that were not there, or the run's end."""
        until(lambda: len({*checkpoints_in(out)} - {*there}) >= n or self.has_ended(), LIMIT)

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def ranks(self) -> dict[int, int]:
        """Return the ranks' processes by rank, as far as there are any."""
        found = {}
        with contextlib.suppress(OSError):  # any of them may end meanwhile
            for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
                match = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", Path(f"/proc/{child}/environ").read_bytes())
                found |= {int(match[1]): int(child)} if match else {}
        return found

    def kill(self, rank: int) -> bool:
        """Say if there was such a rank to be killed."""
        with contextlib.suppress(KeyError, ProcessLookupError):
            os.kill(self.ranks()[rank], signal.SIGKILL)
            return True
        return False

    def end(self, limit: float = LIMIT) -> int:
        """Wait for mpirun and return its exit code; after `limit` s all are killed, and the test has failed."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            for rank in self.ranks():
                self.kill(rank)
            pytest.fail(f"not at its end after {limit} s\n{self.said()}")
        finally:
            self.process.kill()
            self.process.wait()

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()


def some(cases: list[tuple], few: list[tuple]) -> list:
    """Leave all but a few cases to long test runs."""
    return [pytest.param(*case, marks=() if case in few else pytest.mark.validation) for case in cases]


def check_fault(code: int, said: str, *named: str) -> None:
    """A fault of the machine or the user: one message that names it, no traceback, an end."""
    lines = re.findall(r"^distsim: error.*$", said, re.MULTILINE)
    assert code not in (0, TIMED_OUT) and len(lines) == 1 and "Traceback" not in said, said
    assert all(name in lines[0] for name in named), said


def check_readable(out: Path) -> None:
    """Read all files that are complete by their names, and what distsim makes of them."""
    for path in out.rglob("*.h5"):
        with h5py.File(path) as file:
            file.visititems(lambda _, thing: thing[()] if isinstance(thing, h5py.Dataset) else None)
    for path in checkpoints_in(out):
        distsim.simulation.checkpoints.read(path, distsim.parallel.SerialCommunicator())
    if any((out / "parts").glob("*-*.h5")):
        assert distsim.load(out).period[1] > 0


def check_resumes(out: Path, expected: Path, *argv: str) -> None:
    """Closed parts are readable; resumed on one rank, the run leaves the files of one that was not hit."""
    check_readable(out)
    if not (out / "summary.json").exists():
        assert folder.is_unfinished(out) or not out.exists()
    assert run(*(argv or RUN), "--out", out, "--resume", "auto", "--checkpoint-every", "1h") == 0
    same(out, expected)
