"""Ranks that stay, for commands of distsim one after the other: two seconds a rank go into starting one.

`command` is called by tests. On first use it has mpirun start SIZE ranks (python -m tests.support.standing_ranks
FOLDER); each waits for lines of its pipe, asleep, and the first N of them run what a test wants of N ranks. Where one
of them fails, all end, and the next command starts others.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from tests.support.ranks import environment, launcher, start

SIZE = 4
LIMIT = 240.0  # s that a command may take, all kernels being compiled
TIMED_OUT = 124  # exit code, as that of timeout


# --- the tests' side --------------------------------------------------------------------------------------------------


class StandingRanks:
    """The ranks as seen by the process that started them."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="standing-ranks-"))
        self._is_stuck = False
        self._answers = self._pipe("answers")
        self._orders = [self._pipe(f"orders-{rank}") for rank in range(SIZE)]
        command = [*launcher(), "-n", str(SIZE), sys.executable, "-m", __name__, str(self.folder)]
        with open(self.folder / "mpirun", "w") as said:
            self._process = subprocess.Popen(
                command, env=environment(), stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
            )

    def _pipe(self, name: str) -> int:
        os.mkfifo(self.folder / name)
        # For reading, too: it can then be opened before the ranks open theirs.
        return os.open(self.folder / name, os.O_RDWR | os.O_CLOEXEC)

    def is_there(self) -> bool:
        return self._process.poll() is None

    def run(self, ranks: int, argv: list[str], cwd: Path, limit: float) -> subprocess.CompletedProcess:
        order = json.dumps({"ranks": ranks, "argv": argv, "cwd": str(cwd)}) + "\n"
        for orders in self._orders[:ranks]:
            os.write(orders, order.encode())
        codes = self._wait(ranks, time.monotonic() + limit)
        said = ["".join(self._said(f"{name}-{rank}") for rank in range(ranks)) for name in ("out", "err")]
        code = max(codes, default=0)  # as mpirun: that of a rank that fails is that of all
        if len(codes) < ranks:
            self._is_stuck = self.is_there()
            self.end()
            code = TIMED_OUT if self._is_stuck else self._process.returncode
        return subprocess.CompletedProcess(argv, code, *said)

    def _wait(self, ranks: int, until: float) -> list[int]:
        """Return the exit codes of the ranks that come to their end in time."""
        answers = b""
        while answers.count(b"\n") < ranks and self.is_there() and time.monotonic() < until:
            if select.select([self._answers], [], [], 1.0)[0]:
                answers += os.read(self._answers, 4096)
        return [int(word) for word in answers.split()]

    def _said(self, name: str) -> str:
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / name).read_text()
        return ""

    def end(self) -> None:
        """Let the ranks leave, as they do when this process ends; kill mpirun, which kills them, if they do not."""
        for pipe in (*self._orders, self._answers):
            os.close(pipe)
        try:
            self._process.wait(0.0 if self._is_stuck else 10.0)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10.0)
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


_there: list[StandingRanks] = []


def command(ranks: int, *argv, cwd: Path, limit: float = LIMIT) -> subprocess.CompletedProcess:
    """Run a command of distsim on `ranks` ranks that stay; what is about processes needs `ranks.start`."""
    if ranks > SIZE:
        return start(ranks, "-m", "distsim", *argv, cwd=cwd, limit=limit)
    if not _there:
        _there.append(StandingRanks())
        atexit.register(end)
    done = _there[0].run(ranks, [str(word) for word in argv], cwd, limit)
    if not _there[0].is_there():
        _there.clear()
    return done


def end() -> None:
    """Let the ranks leave, if there are any."""
    while _there:
        _there.pop().end()


# --- the ranks' side --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def saying_into(out: Path, err: Path) -> Iterator[None]:
    """Let this process, and compiled code in it, write into files instead of its standard streams."""
    kept = [os.dup(1), os.dup(2)]
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, old in zip((1, 2), kept, strict=True):
            os.dup2(old, number)
            os.close(old)


def serve(folder: Path) -> None:
    from mpi4py import MPI

    from distsim.cli.command import run_command

    rank = MPI.COMM_WORLD.rank
    comms = {n: MPI.COMM_WORLD.Split(int(rank >= n), rank) for n in range(1, SIZE + 1)}
    with open(folder / f"orders-{rank}") as orders, open(folder / "answers", "w") as answers:
        for line in orders:
            order = json.loads(line)
            os.chdir(order["cwd"])
            with saying_into(folder / f"out-{rank}", folder / f"err-{rank}"):
                try:
                    code = run_command(order["argv"], comms[order["ranks"]])
                except BaseException:
                    traceback.print_exc()
                    sys.stderr.flush()
                    MPI.COMM_WORLD.Abort(1)
            os.chdir("/")
            answers.write(f"{code}\n")
            answers.flush()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
