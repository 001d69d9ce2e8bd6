"""A run that is stopped and resumed leaves the files of an uninterrupted one; on one rank, from the command line."""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import distsim
from distsim.cli import durations
from distsim.cli.command import STOPPED
from distsim.parallel import FaultError, InputError, SerialCommunicator
from distsim.results import folder
from distsim.runs import controlled_run, housekeeping
from distsim.simulation import checkpoints
from tests.support.commands import run
from tests.support.faults import some
from tests.support.long_runs import LAYOUTS, by_source, options_of, same, until

COMM = SerialCommunicator()


def names(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()}


@pytest.fixture(scope="module")
def uncut(tmp_path_factory):
    """Return a function that gives the folder of a whole run of a network."""

    @functools.cache
    def of(name: str, *options) -> Path:
        out = tmp_path_factory.mktemp("uncut") / name
        assert run(*options_of(name), *options, "--out", out) == 0
        return out

    return of


# --- cut and resumed --------------------------------------------------------------------------------------------------


CUT_OFTEN = [("microcircuit", True, 20.1), ("stimulated", False, 30), ("delta", False, 60), ("delta", True, 60)]
CUT_LONG = [(name, layout, 70) for name in ("microcircuit", "stimulated") for layout in LAYOUTS]


@pytest.mark.parametrize(("name", "layout", "t_sim"), some(CUT_OFTEN + CUT_LONG, CUT_OFTEN))
def test_a_run_stopped_again_and_again_leaves_the_files_of_one_that_was_not(
    tmp_path, uncut, name, layout, t_sim, monkeypatch
):
    by_source(layout, monkeypatch)
    out = tmp_path / "cut"
    code, stops = (
        run(*options_of(name), "--t-sim", t_sim, "--out", out, "--max-wall", "1ms", "--checkpoint-every", "7.7ms"),
        0,
    )
    while code == STOPPED:
        stops += 1
        assert stops < 50 and "running.json" in names(out) and "summary.json" not in names(out)
        code = run("resume", out, "--max-wall", "1ms")
    assert code == 0 and stops > 3
    same(out, uncut(name, "--t-sim", t_sim))
    assert names(out) - names(uncut(name, "--t-sim", t_sim)) == {
        f"checkpoint-{checkpoints.checkpoints_in(out)[-1].stem[-6:]}.h5"
    }


def test_parts_are_closed_now_and_then_and_joined(tmp_path, uncut, monkeypatch):
    monkeypatch.setattr(housekeeping, "COMMIT_EVERY", 0.0)
    seen, joined = [], controlled_run.ControlledRun.conclude

    def look(self) -> None:
        seen.append(sorted(path.name for path in (self.place / "parts").iterdir()))
        found = distsim.load(self.place)
        seen.append((found.period, {name: s.times.size for name, s in found._spikes.items()}))
        joined(self)

    monkeypatch.setattr(controlled_run.ControlledRun, "conclude", look)
    assert run(*options_of("microcircuit"), "--out", tmp_path / "run") == 0
    same(tmp_path / "run", uncut("microcircuit"))
    assert names(tmp_path / "run") == names(uncut("microcircuit"))
    assert len([name for name in seen[0] if name.startswith("spikes-")]) > 3
    assert seen[1][0][0] == 10.0 and sum(seen[1][1].values()) > 20


def test_a_complete_run_is_extended(tmp_path, uncut):
    out = tmp_path / "run"
    options = options_of("microcircuit")
    assert run(*options, "--t-sim", "13.3", "--checkpoint-wall", "10min", "--out", out) == 0
    assert len(checkpoints.checkpoints_in(out)) == 1
    assert run("resume", out, "--t-sim", "40") == 0
    assert run("resume", out, "--t-sim", options[options.index("--t-sim") + 1]) == 0
    same(out, uncut("microcircuit"))


def test_a_run_whose_warm_up_was_cut_and_one_that_records_nothing(tmp_path):
    quick = ["microcircuit", "--scale", "0.02", "--t-presim", "30", "--t-sim", "40", "--no-plots", "--no-record"]
    assert run(*quick, "--out", tmp_path / "whole") == 0
    assert run(*quick, "--out", tmp_path / "cut", "--max-wall", "1ms") == STOPPED
    assert run("resume", tmp_path / "cut") == 0
    same(tmp_path / "cut", tmp_path / "whole")
    assert names(tmp_path / "cut") == {"config.toml", "summary.json"}


@pytest.mark.parametrize("place", ["distsim.recording.parts.PartSink._join", "distsim.runs.run.summary.write"])
def test_what_ends_a_run_while_it_concludes_can_be_made_good(tmp_path, uncut, monkeypatch, place):
    def fail(*_) -> None:
        raise RuntimeError("the lights are out")

    out = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="the lights"):
        patch.setattr(place, fail)
        run(*options_of("microcircuit"), "--checkpoint-every", "20ms", "--out", out)
    monkeypatch.setattr("distsim.results.folder._is_alive", lambda owner: False)
    assert run("resume", out) == 0
    same(out, uncut("microcircuit"))


def test_a_disk_that_is_full_at_a_checkpoint_leaves_the_one_before(tmp_path, uncut, monkeypatch):
    def write(path: Path, *arguments) -> None:
        if path.name == "checkpoint-000003.h5":
            raise OSError(28, "No space left on device", str(path))
        original(path, *arguments)

    original, out = checkpoints.write_checkpoint, tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(FaultError, match="No space left"):
        patch.setattr(checkpoints, "write_checkpoint", write)
        run(*options_of("microcircuit"), "--checkpoint-every", "20ms", "--out", out)
    monkeypatch.setattr("distsim.results.folder._is_alive", lambda owner: False)
    assert [path.name for path in checkpoints.checkpoints_in(out)] == ["checkpoint-000001.h5", "checkpoint-000002.h5"]
    assert run("resume", out) == 0
    same(out, uncut("microcircuit"))


def test_a_stopped_panel_stops_the_others(tmp_path, monkeypatch, uncut):
    """A signal while the first of four panels is built."""
    build = controlled_run.part_sink
    monkeypatch.setattr(controlled_run, "part_sink", lambda *a: os.kill(os.getpid(), signal.SIGTERM) or build(*a))
    small = ["--set", "N_E=200", "--no-plots", "--panel"]
    assert run("brunel-delta", *small, "all", "--out", tmp_path / "all") == STOPPED
    monkeypatch.undo()
    assert run("resume", tmp_path / "all" / "A") == 0
    assert run("brunel-delta", *small, "A", "--out", tmp_path / "A") == 0
    same(tmp_path / "all" / "A", tmp_path / "A")


# --- what resume finds ------------------------------------------------------------------------------------------------


def test_resume_auto_starts_resumes_and_leaves_alone(tmp_path, uncut, capsys):
    out = tmp_path / "run"
    command = [*options_of("microcircuit"), "--out", out, "--resume", "auto"]
    assert run(*command, "--max-wall", "1ms") == STOPPED
    assert run(*command, "--seed", "2") == 2
    assert "holds another run (seed differs)" in capsys.readouterr().err
    assert run(*command) == 0
    assert "resumed   at 5 ms" in capsys.readouterr().out
    same(out, uncut("microcircuit"))
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert run(*command) == 0 and "nothing to do" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert run(*command, "--seed", "2") == 2


def test_resume_auto_starts_again_where_there_is_no_checkpoint(tmp_path, uncut, capsys):
    out = tmp_path / "run"
    command = [*options_of("microcircuit"), "--out", out, "--resume", "auto"]
    assert run(*command, "--max-wall", "1ms") == STOPPED
    for path in checkpoints.checkpoints_in(out):
        path.unlink()
    assert run("resume", out) == 2 and "there is no checkpoint to resume from" in capsys.readouterr().err
    assert run(*command) == 0 and "the run starts from the beginning" in capsys.readouterr().out
    same(out, uncut("microcircuit"))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Return a function that puts a run that was stopped several times into a folder, which it returns."""
    kept = tmp_path_factory.mktemp("stopped")

    def put(out: Path, times: int = 3) -> Path:
        source = kept / str(times)
        if times == 1 and not source.exists():
            assert run(*options_of("microcircuit"), "--out", source, "--max-wall", "1ms") == STOPPED
        elif not source.exists():
            assert run("resume", put(source, times - 1), "--max-wall", "1ms") == STOPPED
        shutil.copytree(source, out)
        return out

    return put


def test_a_damaged_checkpoint_is_named_and_the_one_before_used(stopped, tmp_path, uncut, capsys):
    out = stopped(tmp_path / "run")
    before, last = checkpoints.checkpoints_in(out)
    raw = bytearray(last.read_bytes())
    raw[len(raw) // 3] ^= 4
    last.write_bytes(raw)
    capsys.readouterr()
    assert run("resume", out) == 0
    said = capsys.readouterr().out
    assert f"warning: {last}: damaged: dataset " in said and " has the sum " in said
    assert "resumed   at 10 ms" in said and before != last
    same(out, uncut("microcircuit"))


def test_where_all_checkpoints_are_damaged_that_is_said(stopped, tmp_path, capsys):
    out = stopped(tmp_path / "run", 2)
    for path in checkpoints.checkpoints_in(out):
        path.write_bytes(path.read_bytes()[:1000])
    assert run("resume", out) == 2
    said = capsys.readouterr()
    assert said.out.count("its end is missing") == 2 and "start the run again with --overwrite" in said.err


def test_a_recording_that_is_not_all_there_is_an_error(stopped, tmp_path, capsys):
    out = stopped(tmp_path / "run", 4)
    next(path for path in sorted((out / "parts").iterdir()) if path.name.startswith("spikes")).unlink()
    assert run("resume", out) == 2
    assert "spikes.h5 is incomplete up to 20 ms" in capsys.readouterr().err


def test_a_folder_that_is_stopped_is_read_and_its_figures_wait(stopped, tmp_path, capsys):
    out = stopped(tmp_path / "run", 4)
    found = distsim.load(out)
    assert found.period == (10.0, 20.0)
    assert found.voltages("L23E[:41]")[0].tolist() == pytest.approx(np.arange(102, 201, 3) / 10)
    assert run("plot", out) == 2 and f"distsim resume {out}" in capsys.readouterr().err
    assert run(*options_of("microcircuit"), "--out", out) == 2
    assert "holds an earlier run (config.toml, running.json, checkpoint-" in capsys.readouterr().err
    assert run(*options_of("microcircuit"), "--t-sim", "1", "--out", out, "--overwrite") == 0
    assert names(out) == {"config.toml", "summary.json", "spikes.h5", "voltages.h5"}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--checkpoint-every", "10"], "'10' is no duration such as 10s"),
        (["--checkpoint-every", "0s"], "0s is not longer than 0 s"),
        (["--checkpoint-every", "0.05ms"], "--checkpoint-every: 0.05 ms is not a multiple of dt"),
        (["--max-wall", "5m10h"], "'5m10h' is no duration"),
        (["--resume", "auto"], "--resume auto: needs --out"),
        (["--resume", "auto", "--out", "x", "--overwrite"], "needs --out, and no --overwrite"),
    ],
)
def test_bad_options_are_named_and_leave_nothing(tmp_path, capsys, monkeypatch, argv, said):
    monkeypatch.chdir(tmp_path)
    assert run("microcircuit", "--scale", "0.02", *argv) == 2
    assert said in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_what_cannot_be_resumed_is_said(stopped, tmp_path, capsys, uncut):
    for place, said in (("none", "no such folder"), ("", "there is no run with a checkpoint")):
        assert run("resume", tmp_path / place) == 2 and said in capsys.readouterr().err
    assert run("resume", uncut("microcircuit"), "--t-sim", "100") == 2
    assert "the run is complete and kept no checkpoint" in capsys.readouterr().err
    out = stopped(tmp_path / "run", 3)
    assert run("resume", out, "--t-sim", "1") == 2 and "5 ms are simulated already" in capsys.readouterr().err


def test_panels_run_together_are_not_kept(tmp_path, capsys):
    assert run("brunel-delta", "--panel", "all", "--max-wall", "1h", "--out", tmp_path / "x") == 2
    assert "run the panels one by one" in capsys.readouterr().err


# --- signals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.validation), "SIGUSR1"])
def test_a_signal_stops_the_run_with_a_checkpoint(tmp_path, name):
    out = tmp_path / "run"
    command = ["microcircuit", "--scale", "0.02", "--t-presim", "0", "--t-sim", "1e7", "--no-plots", "--out", out]
    process = subprocess.Popen(
        [sys.executable, "-m", "distsim", *map(str, command), "--checkpoint-every", "50ms"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: checkpoints.checkpoints_in(out))
        process.send_signal(getattr(signal, name))
        sent = time.monotonic()
        said, _ = process.communicate(timeout=60)
        assert time.monotonic() - sent < 30
    finally:
        process.kill()
    assert process.returncode == STOPPED
    assert f"{name} received" in said and said.rstrip().endswith(f"python -m distsim resume {out}")
    assert folder.is_unfinished(out) and distsim.load(out).period[1] > 40


TWICE = """
import os, signal, time
from distsim.runs.signals import Signals
with Signals(True) as signals:
    os.kill(os.getpid(), signal.SIGINT)
    print(signals.received, flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(20)
"""


def test_a_second_interrupt_ends_at_once():
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, timeout=15)
    assert (done.returncode, done.stdout) == (-signal.SIGINT, "SIGINT\n")
    assert "at once if interrupted again" in done.stderr


# --- durations and chunks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10s", 10.0), ("500ms", 0.5), ("1.5min", 90.0), ("23h50m", 85800.0), ("1d2h", 93600.0), ("2m3s", 123.0)],
)
def test_durations(text, expected):
    assert durations.seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "10", "s", "-1s", "1s2h", "1h1h", "1 s", "1e3s", "nans"])
def test_no_durations(text):
    with pytest.raises(ValueError, match="no duration"):
        durations.seconds(text)


class Stub:
    """A simulation for a `Housekeeping`: steps and nothing else."""

    def __init__(self) -> None:
        self.step, self.chunk, self.saved = 0, 500, []


def test_checkpoints_are_at_multiples_and_chunks_as_long_as_time_allows(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(housekeeping.time, "perf_counter", lambda: clock[0])
    sim, chunks = Stub(), []
    limits, signals = housekeeping.Limits(every=700), housekeeping.Signals()
    look = housekeeping.Housekeeping(COMM, limits, signals, lambda s: None, lambda s: s.saved.append(s.step))
    look.begin(sim, lambda s: None)
    for seconds_a_step in (1e-6, 1.0):
        for _ in range(12):
            chunks.append(sim.chunk)
            sim.step += sim.chunk
            clock[0] += sim.chunk * seconds_a_step
            assert not look(sim)
    assert sim.saved and sim.saved == [700 * (k + 1) for k in range(len(sim.saved))]
    assert chunks[0] == 50 and max(chunks) == 700 and chunks[-1] == 1
    signals.received = "SIGTERM"
    assert look(sim) and look.why == "SIGTERM received"


# --- who is writing ---------------------------------------------------------------------------------------------------


def test_a_process_that_has_ended_but_was_not_waited_for_is_not_writing(stopped, tmp_path, capsys):
    out = stopped(tmp_path / "run")
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = {**json.loads((out / "running.json").read_text()), "host": socket.gethostname(), "process": process.pid}
    owner["since"] = None
    (out / "running.json").write_text(json.dumps(owner))
    assert run("resume", out) == 2 and f"process {process.pid}" in capsys.readouterr().err
    process.stdin.close()
    until(lambda: Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "Z")
    assert run("resume", out) == 0
    process.wait()


def test_a_process_with_the_number_of_one_that_was_killed_is_not_the_one_that_writes(stopped, tmp_path):
    out = stopped(tmp_path / "run")
    marker = out / "running.json"
    mine = {"host": socket.gethostname(), "process": os.getpid(), "since": "0"}
    marker.write_text(json.dumps({**json.loads(marker.read_text()), **mine}))
    assert run("resume", out) == 0


def test_a_marker_that_cannot_be_written_leaves_what_was_there(stopped, tmp_path, monkeypatch):
    out = stopped(tmp_path / "run")
    before = (out / "running.json").read_bytes()

    def full(self, *args, **options):
        self.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert run("resume", out) == 2
    assert (out / "running.json").read_bytes() == before and not [*out.glob("running.json.*")]
    assert run("resume", out) == 0


def test_of_two_that_claim_a_folder_at_once_one_gets_it(tmp_path):
    granted, start = [], threading.Barrier(2)

    def claim() -> None:
        start.wait()
        with contextlib.suppress(InputError):
            folder.claim_again(tmp_path, {})
            granted.append(1)

    marker = tmp_path / "running.json"
    for _ in range(50):
        marker.write_text('{"host": null, "process": null}')
        threads = [threading.Thread(target=claim) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(granted) == 1
        granted.clear()


def test_a_damaged_summary_is_named(tmp_path, capsys):
    out = tmp_path / "run"
    command = ("microcircuit", "--scale", 0.02, "--t-presim", 0, "--t-sim", 2, "--no-plots", "--out", out)
    assert run(*command) == 0
    (out / "summary.json").write_text((out / "summary.json").read_text()[:100])
    assert run(*command, "--resume", "auto") == 2
    assert str(out / "summary.json") in capsys.readouterr().err
