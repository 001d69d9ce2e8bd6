"""A disk that is full, a folder that is gone, cannot be written or belongs to another run: one message, all ranks end,
and what was written stays."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from distsim.cli.command import STOPPED
from distsim.recording.checkpoint_file import checkpoints_in
from tests.support.commands import run
from tests.support.faults import LIMIT, OFTEN, RUN, Started, check_fault, check_readable, check_resumes, some
from tests.support.long_runs import SCALE, same, until
from tests.support.ranks import launcher, start

pytestmark = pytest.mark.skipif(launcher() is None, reason="there is no mpirun")

# The runs that are hit: recordings that are handed on, a checkpoint of the warm-up, which records nothing, the end.
RUNS = {
    "recording": RUN,
    "checkpoint": ["microcircuit", *SCALE, "--t-presim", "20000", "--t-sim", "200", "--no-plots"],
    "joining": ["microcircuit", *SCALE, "--t-sim", "400", "--record-voltages", "L23E", "L4E"],
}
ALL = [(kind, ranks) for kind in ("recording", "checkpoint") for ranks in (1, 2, 4)]
FEW = [("recording", 1), ("checkpoint", 2)]


@pytest.fixture(scope="module")
def uncut(tmp_path_factory) -> Callable[[str], Path]:
    """Return a function that gives the folder of one rank's whole run."""
    made = {}

    def of(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp("uncut") / "run"
            assert run(*RUNS[kind], "--out", made[kind]) == 0
        return made[kind]

    return of


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A disk of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(disk: Path, started: Started) -> Path:
    """Fill the disk until the run ends: what it removes meanwhile must not leave it space."""
    path = disk / "filler"
    with open(path, "wb", buffering=0) as file:
        while not started.has_ended():
            with contextlib.suppress(OSError):
                while file.write(bytes(4096)):
                    pass
    return path


# --- no space ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "ranks"), some(ALL, FEW))
def test_a_full_disk_is_said_and_the_run_resumes_once_there_is_space(disk, uncut, kind, ranks):
    out, expected = disk / "run", uncut(kind)
    started = Started(ranks, "distsim", *RUNS[kind], *OFTEN, "--out", out)
    started.until_checkpoints(out, 2)
    with ThreadPoolExecutor() as pool:
        filling = pool.submit(fill, disk, started)
        code, said = started.end(), started.said()
        filler = filling.result()
    check_fault(code, said, f"{out}/checkpoint-" if kind == "checkpoint" else str(out), "No space left on device")
    assert said.count(f"resume from the latest checkpoint: python -m distsim resume {out}") == 1
    check_readable(out)
    # Once more on the full disk: nothing is lost by it.
    again = start(ranks, "-m", "distsim", "resume", out, cwd=disk)
    assert again.returncode != 0 and again.stderr.count("distsim: error") == 1 and "Traceback" not in again.stderr
    filler.unlink()
    check_resumes(out, expected, *RUNS[kind])


@pytest.mark.parametrize("ranks", [2, *(pytest.param(n, marks=pytest.mark.validation) for n in (1, 4))])
def test_a_limit_to_the_size_of_files_reached_at_the_end_is_said_and_the_run_resumes(tmp_path, uncut, ranks):
    """Parts are smaller than the file that they are joined to."""
    out = tmp_path / "run"
    argv = ["file-size=11000000", *RUNS["joining"], *OFTEN, "--out", out]
    started = Started(ranks, "tests.support.altered_command", *argv)
    check_fault(started.end(), started.said(), str(out / "voltages.h5.part"), "File too large")
    assert not (out / "voltages.h5").exists()
    check_resumes(out, uncut("joining"), *RUNS["joining"])


# --- no folder --------------------------------------------------------------------------------------------------------


VANISHED = [(what, ranks) for what in ("run", "run/parts", "a file in its place") for ranks in (1, 2, 4)]


def remove(place: Path) -> None:
    """Remove a folder that is written to: at once, so that nothing comes back while it is emptied."""
    gone = place.with_name("gone")
    place.rename(gone)
    shutil.rmtree(gone)


@pytest.mark.parametrize(("what", "ranks"), some(VANISHED, [("run", 2), ("a file in its place", 2)]))
def test_a_folder_that_vanishes_is_said(tmp_path, what, ranks):
    out = tmp_path / "run"
    # Far longer than it is watched: on a busy machine, too, it is hit while it runs.
    started = Started(ranks, "distsim", *RUN, "--t-sim", "60000", *OFTEN, "--out", out)
    started.until_checkpoints(out, 2)
    assert not started.has_ended()
    remove(tmp_path / what if what.startswith("run") else out)
    if not what.startswith("run"):
        out.write_text("")
    code, said = started.end(), started.said()
    check_fault(code, said, str(out))
    assert (f"the folder {out} is gone" in said) == (what != "run/parts")
    assert ("resume" in said) == (what == "run/parts")
    if what == "run/parts":  # what was recorded is lost, and that is said, too
        done = start(ranks, "-m", "distsim", "resume", out, cwd=tmp_path)
        assert done.returncode == 2 and "incomplete up to" in done.stderr and done.stderr.count("distsim: error") == 1


@pytest.mark.parametrize("ranks", [2, pytest.param(1, marks=pytest.mark.validation)])
def test_a_disk_that_cannot_be_written_is_said(disk, uncut, ranks):
    out = disk / "run"
    assert run(*RUN, "--out", out, "--max-wall", "1ms") == STOPPED
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    commands = [[*RUN, "--out", disk / "new"], ["resume", out], ["bench", "--quick", "--out", disk / "new"]]
    for argv in commands[: 3 if ranks == 1 else 2]:
        done = start(ranks, "-m", "distsim", *argv, cwd=disk)
        check_fault(done.returncode, done.stderr, str(argv[-1]), "Read-only file system")
        assert done.returncode == 2 and done.stdout.strip() == ""
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    check_resumes(out, uncut("recording"))


# --- another run ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ranks", "n"), [(2, 1), pytest.param(1, 3, marks=pytest.mark.validation)])
def test_a_second_run_in_a_folder_stops_and_names_the_first(tmp_path, ranks, n):
    out, argv = tmp_path / "run", [*RUN, "--t-sim", "400"]
    assert run(*argv, "--out", tmp_path / "alone") == 0
    started = Started(2, "distsim", *argv, *OFTEN, "--out", out)
    until(lambda: len(started.ranks()) == 2, LIMIT)
    rank_0 = started.ranks()[0]
    started.until_checkpoints(out, 1)
    for process in started.ranks().values():
        os.kill(process, signal.SIGSTOP)  # the first run lasts as long as the others need
    try:
        before = checkpoints_in(out)
        for other in ([*argv, "--out", out, "--overwrite"], [*argv, "--out", out], ["resume", out])[:n]:
            done = start(ranks, "-m", "distsim", *other, cwd=tmp_path)
            assert done.returncode == 2
            check_fault(2, done.stderr, str(out), f"process {rank_0} on {socket.gethostname()}")
        assert checkpoints_in(out) == before
    finally:
        for process in started.ranks().values():
            os.kill(process, signal.SIGCONT)
    assert started.end() == 0, started.said()
    same(out, tmp_path / "alone")
