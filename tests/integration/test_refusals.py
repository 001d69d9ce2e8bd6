"""A refusal changes nothing: a folder holds the same bytes before and after, and can be resumed as planned."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from distsim import Network, Simulation
from distsim.cli.command import GUARDED, STOPPED
from distsim.results import folder
from distsim.simulation import checkpoints
from tests.support.commands import run
from tests.support.long_runs import options_of, same

PLAN = options_of("microcircuit")
GUARD = [*PLAN, "--t-sim", "300", "--max-rate", "0.01"]
PANELS = ["brunel-delta", "--set", "N_E=200", "--t-sim", "2", "--no-plots", "--panel", "all"]
CUT = ["--max-wall", "1ms"]
KEPT = ["--checkpoint-wall", "10min"]


def snapshot(top: Path) -> dict[str, bytes | None]:
    """Return the bytes of every file, and the names of the folders."""
    paths = sorted(top.rglob("*"))
    return {str(path.relative_to(top)): path.read_bytes() if path.is_file() else None for path in paths}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A folder of runs: stopped, complete with and without a checkpoint, ended by the guard, of panels, of Python."""
    top = tmp_path_factory.mktemp("runs")
    assert run(*PLAN, "--out", top / "stopped", *CUT) == STOPPED
    for _ in range(3):
        assert run("resume", top / "stopped", *CUT) == STOPPED
    assert run(*PLAN, "--out", top / "complete", *KEPT) == 0
    assert run(*PLAN, "--out", top / "bare") == 0
    assert run(*GUARD, "--out", top / "guarded", *KEPT) == GUARDED
    assert run(*PANELS, "--out", top / "panels") == 0
    net = Network()
    net.record_spikes(net.create("E", 10))
    Simulation(net).save(top / "python")
    return top


@pytest.fixture
def here(runs, tmp_path, monkeypatch) -> Path:
    """A copy of them, the working folder."""
    shutil.copytree(runs, tmp_path / "runs")
    monkeypatch.chdir(tmp_path / "runs")
    return tmp_path / "runs"


def refused(here: Path, capsys, *argv, said: str) -> None:
    before = snapshot(here)
    capsys.readouterr()
    assert run(*argv) == 2
    assert said in capsys.readouterr().err
    assert snapshot(here) == before


NOT_ALL = "is incomplete up to"
REFUSALS = {
    # a run that was stopped
    "shorter": (["resume", "stopped", "--t-sim", "1"], "ms are simulated already"),
    "off the grid": (["resume", "stopped", "--t-sim", "70.05"], "multiple of dt"),
    "too long": (["resume", "stopped", "--t-sim", "1e300"], "--t-sim"),
    "bad time": (["resume", "stopped", "--t-sim", "-1"], "--t-sim"),
    "bad rate": (["resume", "stopped", "--max-rate", "nan"], "--max-rate"),
    "bad checkpoints": (["resume", "stopped", "--checkpoint-every", "0.05ms"], "multiple of dt"),
    "bad duration": (["resume", "stopped", "--max-wall", "soon"], "--max-wall"),
    "unknown option": (["resume", "stopped", "--seed", "2"], "--seed"),
    "auto, another length": ([*PLAN, "--t-sim", "80", "--resume", "auto", "--out", "stopped"], "t_sim differs"),
    "auto, another seed": ([*PLAN, "--seed", "2", "--resume", "auto", "--out", "stopped"], "seed differs"),
    "auto, another parameter": ([*PLAN, "--set", "g=-5", "--resume", "auto", "--out", "stopped"], "g differs"),
    "auto, another network": (["brunel-alpha", "--resume", "auto", "--out", "stopped"], "the network differs"),
    "auto, other recordings": ([*PLAN, "--no-record", "--resume", "auto", "--out", "stopped"], "--no-record"),
    "auto, overwriting": ([*PLAN, "--overwrite", "--resume", "auto", "--out", "stopped"], "no --overwrite"),
    "auto, bad checkpoints": (
        [*PLAN, "--checkpoint-every", "0.05ms", "--resume", "auto", "--out", "stopped"],
        "multiple of dt",
    ),
    "a run is there": ([*PLAN, "--out", "stopped"], "holds an earlier run"),
    "a run is to be replaced by a wrong one": ([*PLAN, "--out", "stopped", "--overwrite", "--set", "g=5"], "g=5"),
    "drawn too early": (["plot", "stopped"], "has not come to its end"),
    "a bench is there": (
        ["bench", "--quick", "--networks", "brunel-alpha", "--out", "stopped"],
        "holds an earlier run",
    ),
    "the panels of a run": ([*PANELS, "--out", "stopped"], "holds an earlier run"),
    # complete ones
    "complete, shorter": (["resume", "complete", "--t-sim", "1"], "the run is complete with 70.1 ms"),
    "complete, off the grid": (["resume", "complete", "--t-sim", "80.05"], "multiple of dt"),
    "complete, no checkpoint": (["resume", "bare", "--t-sim", "80"], "complete and kept no checkpoint"),
    "complete, auto": ([*PLAN, "--t-sim", "80", "--resume", "auto", "--out", "complete"], "t_sim differs"),
    "guarded": (["resume", "guarded"], "--max-rate 0 resumes it"),
    "guarded, shorter": (["resume", "guarded", "--max-rate", "0", "--t-sim", "0.1"], "ms are simulated already"),
    "panels": (["resume", "panels"], "complete and kept no checkpoint"),
    "panels, auto": ([*PANELS, "--resume", "auto", "--out", "panels"], "not with --panel all"),
    "of Python": (["resume", "python"], "complete and kept no checkpoint"),
    "nothing": (["resume", "nowhere"], "no such folder"),
}


@pytest.mark.parametrize(("argv", "said"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_refused_changes_nothing(here, capsys, argv, said):
    refused(here, capsys, *argv, said=said)


def test_a_run_is_resumed_as_planned_after_it_was_refused(here, capsys):
    refused(here, capsys, "resume", "stopped", "--t-sim", "1", said="ms are simulated already")
    assert run(*PLAN, "--out", "stopped", "--resume", "auto") == 0
    same(here / "stopped", here / "bare")


# --- folders in which something is wrong ------------------------------------------------------------------------------


def cut_off(paths: list[Path]) -> None:
    for path in paths:
        path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("name", ["raster.png", "spikes.h5.part", "recording.json"])
def test_a_folder_in_place_of_a_file_is_found_before_anything_is_removed(here, capsys, name):
    (here / "complete" / name).unlink(missing_ok=True)
    (here / "complete" / name).mkdir()
    refused(here, capsys, *PLAN, "--out", "complete", "--overwrite", said=f"{name} is a folder")


def test_an_extension_of_damaged_recordings_leaves_no_note(here, capsys):
    cut_off([here / "complete" / "spikes.h5"])
    refused(here, capsys, "resume", "complete", "--t-sim", "80", said="spikes.h5")


def test_files_that_a_killed_run_left_under_their_temporary_names_are_removed(here):
    (here / "bare" / "summary.json.deadbeef.part").write_text("{")
    (here / "bare" / "mine.part").write_text("not a run's")
    assert run(*PLAN, "--out", "bare", "--overwrite") == 0
    assert {path.name for path in (here / "bare").glob("*.part")} == {"mine.part"}


@pytest.mark.parametrize("name", ["stopped", "complete", "guarded"])
def test_checkpoints_that_are_damaged_stay_where_they_are(here, capsys, name):
    cut_off(checkpoints.checkpoints_in(here / name))
    argv = ["resume", name, "--t-sim", "300", "--max-rate", "0"]
    refused(here, capsys, *argv, said="there is no checkpoint to resume from")


def test_a_damaged_checkpoint_is_set_aside_only_where_the_run_resumes(here, capsys):
    before, last = checkpoints.checkpoints_in(here / "stopped")
    cut_off([last])
    refused(here, capsys, "resume", "stopped", "--t-sim", "1", said="ms are simulated already")
    assert run("resume", "stopped", *CUT) == STOPPED
    assert (here / "stopped" / f"{last.name}.damaged").exists() and not before.with_name(
        f"{before.name}.damaged"
    ).exists()


@pytest.mark.parametrize("command", [["resume", "stopped"], [*PLAN, "--out", "stopped", "--resume", "auto"]])
@pytest.mark.parametrize("lost", ["spikes", "voltages"])
def test_recordings_that_are_not_all_there_stay_as_they_are(here, capsys, command, lost):
    """The other file, of which all is there, has parts beyond the checkpoint, which resuming would remove."""
    parts = here / "stopped" / "parts"
    next(iter(sorted(parts.glob(f"{lost}-*")))).unlink()
    for name in ("spikes", "voltages"):
        (parts / f"{name}-000000999000-000000999001.h5").write_bytes(b"later")
    refused(here, capsys, *command, said=f"{lost}.h5 is incomplete up to")


@pytest.mark.parametrize("command", [["resume", "stopped"], [*PLAN, "--out", "stopped", "--resume", "auto"]])
def test_a_checkpoint_of_another_network_changes_nothing(here, capsys, command):
    assert run(*PLAN, "--seed", "2", "--out", "other", *CUT) == STOPPED
    (strange,) = checkpoints.checkpoints_in(here / "other")
    shutil.copy(strange, here / "stopped" / "checkpoint-000009.h5")
    refused(here, capsys, *command, said="of another network or seed")


@pytest.mark.parametrize(
    "command",
    [
        ["resume", "stopped"],
        [*PLAN, "--out", "stopped", "--resume", "auto"],
        [*PLAN, "--out", "stopped", "--overwrite"],
    ],
)
def test_a_folder_in_which_another_process_writes_is_left_alone(here, capsys, monkeypatch, command):
    monkeypatch.setattr(folder, "PATIENCE", 0.0)
    marker = here / "stopped" / "running.json"
    alive = {"host": socket.gethostname(), "process": os.getpid(), "since": None}
    marker.write_text(json.dumps({**json.loads(marker.read_text()), **alive}))
    refused(here, capsys, *command, said="another run is writing there")


@pytest.mark.parametrize("name", ["stopped", "complete"])
def test_a_network_for_which_memory_is_too_small_changes_nothing(here, capsys, monkeypatch, name):
    monkeypatch.setattr("distsim.engine.check.memory_of_machine", lambda: 1000)
    refused(here, capsys, "resume", name, "--t-sim", "90", said="of memory")
    refused(here, capsys, *PLAN, "--out", name, "--overwrite", said="of memory")


def fail(*_, **__):
    raise PermissionError(13, "Permission denied", "there")


def test_a_folder_that_cannot_be_written_is_left_alone(here, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", fail)
        refused(here, capsys, "resume", "stopped", said="cannot be written")
        refused(here, capsys, "resume", "complete", "--t-sim", "90", said="cannot be written")
        refused(here, capsys, *PLAN, "--out", "stopped", "--overwrite", said="cannot be written")
        refused(here, capsys, *PLAN, "--out", "new/deep", said="cannot be written")
        refused(here, capsys, *PANELS, "--out", "new", said="cannot be written")
        refused(here, capsys, *PLAN, said="cannot be written")


def test_panels_of_which_one_cannot_be_claimed_leave_nothing(here, capsys):
    """The folder itself holds a run that was stopped, and its marker is written before panel B turns out a file."""
    (here / "stopped" / "B").write_text("mine")
    refused(here, capsys, *PANELS, "--out", "stopped", "--overwrite", said="cannot be written")
    (here / "new").mkdir()
    (here / "new" / "C").write_text("mine")
    refused(here, capsys, *PANELS, "--out", "new", said="cannot be written")


def test_a_name_that_is_too_long_leaves_no_folders_above_it(here, capsys):
    refused(here, capsys, *PLAN, "--out", f"new/deep/{'x' * 300}", said="cannot be written")


def test_a_python_simulation_that_may_not_be_saved_changes_nothing(here):
    net = Network()
    net.record_spikes(net.create("E", 10))
    before = snapshot(here)
    for name in ("stopped", "complete", "python"):
        with pytest.raises(ValueError, match="holds an earlier run"):
            Simulation(net).save(here / name)
    assert snapshot(here) == before
