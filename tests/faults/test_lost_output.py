"""Output that nobody takes is dropped, and the run goes to its end; closing its terminal stops it in good order."""

from __future__ import annotations

import errno
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distsim.cli.command import STOPPED
from distsim.process.standard_streams import Lasting
from distsim.results import folder
from distsim.runs.signals import Signals
from distsim.simulation import checkpoints
from tests.support.commands import ROOT, run
from tests.support.faults import some
from tests.support.long_runs import until
from tests.support.ranks import launcher

QUICK = ["brunel-delta", "--set", "N_E=200", "--t-sim", "40", "--no-plots", "--profile"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
ENVIRONMENT |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
WAYS = {
    "head": "{} | head -n 1",
    "both to head": "{} 2>&1 | head -n 1",
    "nobody at all": "{} 2>&1 | true",
    "closed": "{} >&-",
    "both closed": "{} >&- 2>&-",
    "all closed": "{} <&- >&- 2>&-",
    "a full disk": "{} > /dev/full",
    "all to a full disk": "{} > /dev/full 2>&1",
}
FEW = [("head", 1), ("closed", 1), ("both closed", 2), ("both to head", 2), ("all to a full disk", 1)]
# Open MPI's mpirun crashes, whatever it starts, where it has none of the three.
ALL = [(way, ranks) for way in WAYS if way != "all closed" for ranks in ((1, 2) if launcher() else (1,))]


def command(ranks: int, *argv) -> list[str]:
    """A run, without anything around it on one rank."""
    start = [] if ranks == 1 else ["timeout", "-k", "10", "90", *launcher(), "-n", str(ranks)]
    return [*start, sys.executable, "-m", "distsim", *map(str, argv)]


def shell(text: str, words: list[str], cwd: Path) -> subprocess.CompletedProcess:
    """Run a line of bash in which {} is a command, whose exit code, not that of a pipe's end, is the result."""
    line = f"set -o pipefail; {text.format(' '.join(words))}"
    return subprocess.run(["bash", "-c", line], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> str:
    out = tmp_path_factory.mktemp("expected") / "run"
    assert run(*QUICK, "--out", out) == 0
    return json.loads((out / "summary.json").read_text())["spikes_sha256"]


@pytest.mark.parametrize(("way", "ranks"), some(ALL, FEW))
def test_a_run_goes_to_its_end_whoever_reads(tmp_path, expected, ranks, way):
    done = shell(WAYS[way], command(ranks, *QUICK, "--out", "run"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "Broken pipe" not in done.stderr and "aborting" not in done.stderr
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"config.toml", "spikes.h5", "summary.json"}
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["spikes_sha256"] == expected


def test_a_run_goes_to_its_end_without_any_stream(tmp_path, expected):
    assert shell(WAYS["all closed"], command(1, *QUICK, "--out", "run"), tmp_path).returncode == 0
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["spikes_sha256"] == expected


@pytest.mark.parametrize(
    ("way", "argv", "code"),
    [
        ("nobody at all", ["--help"], 0),
        ("both closed", ["microcircuit", "--help"], 0),
        ("all to a full disk", ["microcircuit", "--help"], 0),
        *((way, ["microcircuit", "--scale", "0"], 2) for way in ("nobody at all", "both closed", "all to a full disk")),
    ],
)
def test_exit_codes_stay_those_of_the_command(tmp_path, way, argv, code):
    done = shell(WAYS[way], command(1, *argv), tmp_path)
    assert (done.returncode, done.stderr) == (code, "")


def test_progress_lines_are_dropped_too(tmp_path):
    """A line every 5 s during a run; here after every chunk."""
    script = "from distsim import __main__; from distsim.runs import progress; progress.EVERY_LINES = 0.0; "
    script += "raise SystemExit(__main__.main())"
    words = [sys.executable, "-c", f"'{script}'", *QUICK, "--out", "run"]
    assert shell(WAYS["head"], words, tmp_path).returncode == 0
    assert (tmp_path / "run" / "summary.json").exists()


def test_an_error_ends_with_its_code_though_nobody_reads_it(tmp_path):
    (tmp_path / "run").mkdir()
    for way in ("nobody at all", "both closed"):
        assert shell(WAYS[way], command(1, "plot", "run"), tmp_path).returncode == 2


# --- streams ----------------------------------------------------------------------------------------------------------


class Broken(io.StringIO):
    """A stream that fails until it is mended."""

    error: Exception | None = None

    def write(self, text: str) -> int:
        if self.error:
            raise self.error
        return super().write(text)


def test_a_disk_with_room_again_gets_what_follows():
    stream = Broken()
    lasting = Lasting(stream, 99)
    lasting.write("one ")
    stream.error = OSError(errno.ENOSPC, "full")
    assert lasting.write("two ") == 4
    stream.error = None
    lasting.write("three")
    assert stream.getvalue() == "one three"


def test_a_stream_that_was_closed_and_characters_that_it_has_not(tmp_path):
    lasting = Lasting((tmp_path / "out").open("w", encoding="ascii"), 99)
    print("µ and █", file=lasting, flush=True)
    lasting._stream.close()
    print("nothing", file=lasting, flush=True)
    assert not lasting.isatty() and (tmp_path / "out").read_text() == "? and ?\n"


# --- a terminal that is closed ----------------------------------------------------------------------------------------

LONG = ["microcircuit", "--scale", "0.02", "--t-presim", "0", "--t-sim", "1e7", "--no-plots"]


def test_a_terminal_that_is_closed_stops_the_run_with_a_checkpoint(tmp_path):
    """The terminal's process group gets SIGHUP, and what is written to the terminal afterwards fails."""
    out, (ours, theirs) = tmp_path / "run", pty.openpty()
    process = subprocess.Popen(
        [*command(1, *LONG, "--out", out, "--checkpoint-every", "50ms")],
        stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRONMENT, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        until(lambda: checkpoints.checkpoints_in(out))
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == STOPPED
    finally:
        process.kill()
        process.wait()
    assert folder.is_unfinished(out) and checkpoints.checkpoints_in(out)


def test_under_nohup_it_continues(tmp_path):
    out = tmp_path / "run"
    argv = ["nohup", *command(1, *LONG, "--out", out, "--checkpoint-every", "50ms")]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    try:
        until(lambda: checkpoints.checkpoints_in(out))
        process.send_signal(signal.SIGHUP)
        last = checkpoints.checkpoints_in(out)[-1]
        until(lambda: checkpoints.checkpoints_in(out)[-1] > last)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == STOPPED
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN])
def test_the_signal_is_watched_unless_it_is_ignored(before):
    was = signal.signal(signal.SIGHUP, before)
    try:
        with Signals() as signals:
            if before == signal.SIG_IGN:
                assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            else:
                os.kill(os.getpid(), signal.SIGHUP)
                time.sleep(0)
                assert signals.received == "SIGHUP"
        assert signal.getsignal(signal.SIGHUP) == before
    finally:
        signal.signal(signal.SIGHUP, was)
