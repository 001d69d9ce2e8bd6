"""Folders of runs that are under way, were stopped or killed: what `load` gives of them is known, complete and of one
moment."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import distsim
from distsim import Network, Result, Simulation
from distsim.cli.command import GUARDED, STOPPED
from distsim.parallel import SerialCommunicator
from distsim.recording import folder_state
from distsim.recording.note import read_note, write_note
from distsim.recording.part_files import Span, part_path, spans_in
from distsim.recording.parts import PartSink
from distsim.recording.samples import SampleFile
from distsim.results import loading, summary
from distsim.runs import controlled_run, housekeeping
from tests.support.commands import run

RECORDED = ["--record-spikes", "L4E[:10]", "L23I[3:30:2]", "--record-voltages", "L4E[:3]", "--voltage-interval", "0.3"]
QUICK = ["microcircuit", "--scale", "0.02", "--t-presim", "10", "--t-sim", "70", "--no-plots", *RECORDED]


class Killed(BaseException):
    """The end of a process."""


def kill(*_, **__) -> None:
    raise Killed


@pytest.fixture(scope="module")
def complete(tmp_path_factory) -> Result:
    out = tmp_path_factory.mktemp("complete") / "run"
    assert run(*QUICK, "--out", out) == 0
    return distsim.load(out)


@pytest.fixture(scope="module")
def in_parts(tmp_path_factory) -> Path:
    """The folder of a run that was killed before its parts were joined; there are several."""
    out = tmp_path_factory.mktemp("parts") / "run"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(housekeeping, "COMMIT_EVERY", 0.0)
        patch.setattr(PartSink, "_join", kill)
        run(*QUICK, "--out", out)
    assert len(spans_in(out, "spikes.h5")) > 3
    return out


@pytest.fixture
def folder(in_parts, tmp_path) -> Path:
    return Path(shutil.copytree(in_parts, tmp_path / "run"))


def check(found: Result, complete: Result, stop: float, start: float = 10.0) -> None:
    """Compare what was read of a run up to `stop` (ms) with the complete run."""
    assert found.pieces == ((start, stop),) and found.period == (start, stop)
    assert (found.sizes, found.dt) == (complete.sizes, complete.dt)
    for part in ("L4E[:10]", "L23I[3:30:2]"):
        times, ids = complete.spikes(part)
        inside = (times > start) & (times <= stop)
        np.testing.assert_array_equal(found.spikes(part), (times[inside], ids[inside]))
    times, V = complete.voltages("L4E[:3]")
    inside = (times > start) & (times <= stop)
    np.testing.assert_array_equal(found.voltages("L4E[:3]")[0], times[inside])
    np.testing.assert_array_equal(found.voltages("L4E[:3]")[1], V[inside])
    for part in ("L4E[100:200]", "L4E", "L23I[4]", "L5E"):
        with pytest.raises(ValueError, match="not all recorded"):
            found.spikes(part)
    trains = [train for segment in found.to_neo().segments for train in segment.spiketrains]
    assert len(trains) == 10 + 14
    of_figures = ("title", "colors", "recorded")
    mine, whole = found.raster(), complete.raster()
    for key in of_figures:
        assert str(getattr(mine, key)) == str(getattr(whole, key))


# --- runs that ended before their end ---------------------------------------------------------------------------------


def test_a_stopped_run_knows_what_it_recorded(complete, tmp_path, capsys):
    out = tmp_path / "run"
    code = run(*QUICK, "--out", out, "--max-wall", "1ms")
    for _ in range(3):
        assert code == STOPPED
        code = run("resume", out, "--max-wall", "1ms")
    found = distsim.load(out)
    check(found, complete, 20.0)
    assert found.summary is None and found.sizes["L6I"] == complete.sizes["L6I"]
    assert run("plot", out) == 2 and "has not come to its end" in capsys.readouterr().err
    assert run(*QUICK, "--out", out, "--resume", "auto") == 0
    check(distsim.load(out), complete, 80.0)
    assert {path.name for path in out.iterdir()} == {"config.toml", "summary.json", "spikes.h5", "voltages.h5"}


def test_a_run_stopped_in_its_warm_up_has_nothing_yet(tmp_path):
    assert run(*QUICK, "--out", tmp_path / "run", "--max-wall", "1ms") == STOPPED
    with pytest.raises(FileNotFoundError, match="nothing is recorded there yet"):
        distsim.load(tmp_path / "run")


def test_what_was_recorded_stays_known_while_a_run_is_taken_up(complete, tmp_path, monkeypatch):
    """From the claim of the folder until its recordings continue."""
    seen = []

    def look(*arguments, **options):
        seen.append(distsim.load(out).pieces)
        return original(*arguments, **options)

    original = controlled_run.Simulation
    out = tmp_path / "run"
    assert run(*QUICK, "--out", out, "--max-wall", "1ms") == STOPPED
    for _ in range(2):
        assert run("resume", out, "--max-wall", "1ms") == STOPPED
    monkeypatch.setattr(controlled_run, "Simulation", look)
    monkeypatch.setattr(controlled_run.ControlledRun, "simulate", kill)
    with pytest.raises(Killed):
        run("resume", out)
    assert seen == [((10.0, 15.0),)]
    check(distsim.load(out), complete, 15.0)


def fails_at(n: int, original):
    """Return a function that does as `original` does, but the n-th time, when the process ends."""
    calls = iter(range(1, 10**6))
    return lambda *arguments, **options: kill() if next(calls) == n else original(*arguments, **options)


def moves_but(name: str):
    """Return `Path.replace` of a process that ends when a file of that name is to be moved or to be replaced."""
    original = Path.replace

    def move(self, target):
        names = (self.name, Path(target).name)
        return kill() if name in names and ".part" not in self.name else original(self, target)

    return move


def remove_one(path: Path, **_) -> None:
    min(path.iterdir()).unlink()
    kill()


DEATHS = {
    "before its parts are joined": (PartSink, "_join", lambda _: kill),
    "when a part is closed for spikes only": (SampleFile, "close", lambda original: fails_at(3, original)),
    "while its parts are removed": (shutil, "rmtree", lambda _: remove_one),
    "before its summary is written": (summary, "write", lambda _: kill),
}


@pytest.mark.parametrize("death", DEATHS)
def test_a_killed_run_knows_what_it_recorded(complete, tmp_path, monkeypatch, death):
    where, name, make = DEATHS[death]
    out = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(housekeeping, "COMMIT_EVERY", 0.0)
        patch.setattr(where, name, make(getattr(where, name)))
        run(*QUICK, "--out", out)
    spans = spans_in(out, "voltages.h5")
    stop = spans[-1].stop / 10 if "spikes only" in death else 80.0
    if "spikes only" in death:
        assert len(spans_in(out, "spikes.h5")) == len(spans) + 1 == 3
    check(distsim.load(out), complete, stop)


def test_a_run_killed_when_its_whole_voltages_are_closed(complete, tmp_path, monkeypatch):
    def close(self, *period) -> None:
        return kill() if self._file.path == out / "voltages.h5" else original(self, *period)

    out, original = tmp_path / "run", SampleFile.close
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(housekeeping, "COMMIT_EVERY", 0.0)
        patch.setattr(SampleFile, "close", close)
        run(*QUICK, "--out", out)
    assert (out / "spikes.h5").exists() and not (out / "voltages.h5").exists()
    check(distsim.load(out), complete, 80.0)


def test_a_run_of_one_part_killed_while_it_is_moved(complete, tmp_path, monkeypatch):
    out = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "replace", moves_but("voltages.h5"))
        run(*QUICK, "--out", out)
    assert (out / "spikes.h5").exists() and spans_in(out, "voltages.h5") == [Span(100, 800)]
    check(distsim.load(out), complete, 80.0)


EXTENSIONS = {
    "before anything is moved": ("distsim.runs.controlled_run.rewind", kill),
    "between the two files": ("pathlib.Path.replace", moves_but("voltages.h5")),
    "before the summary is removed": ("distsim.runs.controlled_run.folder.remove_results", kill),
    "before it continues": ("distsim.runs.controlled_run.ControlledRun.simulate", kill),
}


@pytest.mark.parametrize("death", EXTENSIONS)
def test_a_run_killed_while_it_is_extended(complete, tmp_path, monkeypatch, death):
    out = tmp_path / "run"
    assert run(*QUICK, "--t-sim", "20", "--checkpoint-wall", "10min", "--out", out) == 0
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(*EXTENSIONS[death])
        run("resume", out, "--t-sim", "70")
    found = distsim.load(out)
    check(found, complete, 30.0)
    assert (found.summary is None) == (death != "before anything is moved")
    monkeypatch.setattr("distsim.results.folder._is_alive", lambda owner: False)
    again = shutil.copytree(out, tmp_path / "again")  # the process that ended holds files of `out` open: it is this one
    assert run("resume", again, "--t-sim", "70") == 0
    check(distsim.load(again), complete, 80.0)


def test_a_run_that_the_guard_ended_knows_what_it_recorded(complete, tmp_path):
    out = tmp_path / "run"
    assert run(*QUICK, "--t-sim", "500", "--max-rate", "0.01", "--out", out) == GUARDED
    found = distsim.load(out)
    assert found.summary["stopped"]["time_ms"] == 100.0 and found.period == (10.0, 100.0)
    with pytest.raises(ValueError, match="not all recorded"):
        found.spikes("L4E[100:200]")


@pytest.mark.parametrize("died", ["distsim.recording.parts.PartSink._join", "distsim.results.summary.write"])
def test_voltages_alone_have_the_whole_period(tmp_path, monkeypatch, died):
    """Samples do not say when the recording ended: they are 7 ms apart."""
    monkeypatch.setattr("distsim.runs.prepared._set_recorders", only_voltages)
    monkeypatch.setattr(died, kill)
    with pytest.raises(Killed):
        run(*QUICK[:8], "--out", tmp_path / "run")
    found = distsim.load(tmp_path / "run")
    assert found.period == (10.0, 80.0) and found.voltages("L4E[:2]")[0].tolist() == [
        float(t) for t in range(14, 81, 7)
    ]
    with pytest.raises(ValueError, match="not all recorded"):
        found.spikes("L4E")


def only_voltages(network: Network, *_) -> None:
    network.drop_recorders("spikes")
    network.record_voltages(network.select("L4E[:2]"), 7.0)


@pytest.mark.parametrize(
    "died", ["distsim.recording.file_sink.FileSink.close", "distsim.simulation.saving.summary.write"]
)
def test_a_simulation_whose_saving_was_cut(tmp_path, monkeypatch, died):
    net = Network(0.1)
    E = net.create("E", 5, I_e=4000.0)
    net.record_spikes(E[:2])
    net.record_voltages(E[1:2], 1.0)
    sim = Simulation(net, 1, SerialCommunicator())
    for duration, record in ((10.0, True), (20.0, False), (10.0, True)):
        sim.run(duration, record)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(died, kill)
        patch.setattr("distsim.simulation.saving.release", lambda path: None)
        sim.save(tmp_path)
    if died.endswith("close"):
        with pytest.raises(FileNotFoundError, match="nothing is recorded there yet"):
            distsim.load(tmp_path)
        return
    found = distsim.load(tmp_path)
    assert found.summary is None and list(found.pieces) == [(0.0, 10.0), (30.0, 40.0)]
    np.testing.assert_array_equal(found.spikes("E[:2]"), sim.spikes("E[:2]"))
    np.testing.assert_array_equal(found.voltages("E[1]")[0], sim.voltages("E[1]")[0])
    with pytest.raises(ValueError, match="not all recorded"):
        found.spikes("E")


def test_panels_say_which_folders_to_load(tmp_path, monkeypatch, capsys):
    out, small = tmp_path / "all", ["--set", "N_E=200", "--t-sim", "5", "--no-plots", "--panel", "all"]
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(PartSink, "_join", fails_at(2, PartSink._join))
        run("brunel-delta", *small, "--out", out)
    with pytest.raises(
        ValueError, match=r"holds the runs of a figure's panels \(A, B, C, D\): load one of them, .*/A$"
    ):
        distsim.load(out)
    assert run("plot", out) == 2 and "has not come to its end" in capsys.readouterr().err
    whole, killed = distsim.load(out / "A"), distsim.load(out / "B")
    assert whole.summary and killed.summary is None
    for panel in (whole, killed):
        assert panel.sizes == whole.sizes and panel.raster().colors == whole.raster().colors
    assert killed.raster().title == "brunel-delta B: fast oscillation, seed 1"
    assert {n: r.sum() for n, r in whole._recorded.items()} == {n: r.sum() for n, r in killed._recorded.items()}
    (out / "summary.json").write_text(json.dumps({"panels": {"A": {}, "B": {}}}))
    with pytest.raises(ValueError, match="holds the runs of a figure's panels"):
        distsim.load(out)


def test_parts_without_a_note_are_not_taken_for_recordings_of_all(folder, monkeypatch):
    monkeypatch.setattr(folder_state, "PATIENCE", 0.1)
    (folder / "recording.json").unlink()
    with pytest.raises(ValueError, match=r"nothing says which neurons were recorded \(recording.json is missing\)"):
        distsim.load(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"populations": {"E": {}}}', '{"populations": {"E": {"n": "1"}}}'])
def test_a_damaged_note_is_named(folder, text):
    (folder / "recording.json").write_text(text)
    with pytest.raises(ValueError, match=r"recording\.json: "):
        distsim.load(folder)


def test_a_note_is_written_as_a_whole(tmp_path, monkeypatch):
    write_note(tmp_path, facts := {"dt_ms": 0.1, "populations": {"E": {"n": 1}}, "recording": {"files": []}})
    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("full")))
        write_note(tmp_path, {})
    assert read_note(tmp_path) == facts and [path.name for path in tmp_path.iterdir()] == ["recording.json"]


# --- folders that change while they are read --------------------------------------------------------------------------


def meanwhile(monkeypatch, name: str, act, times: int = 1) -> list[int]:
    """Let something happen to the folder before `loading` reads with `name`, so many times; the calls."""
    calls, original = [], getattr(loading, name)

    def read(*arguments):
        calls.append(1)
        if len(calls) <= times:
            act()
        return original(*arguments)

    monkeypatch.setattr(loading, name, read)
    return calls


def joined(folder: Path, complete: Path) -> None:
    """Do to the parts of a run what its end does to them."""
    for name in ("spikes.h5", "voltages.h5"):
        shutil.copy(complete / name, folder)
    shutil.rmtree(folder / "parts")


@pytest.fixture(scope="module")
def whole(complete, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    assert run(*QUICK, "--out", out) == 0
    return out


@pytest.mark.parametrize("name", ["read_note", "read_spike_parts", "read_report_parts"])
def test_parts_that_are_joined_while_they_are_read(complete, folder, whole, monkeypatch, name):
    calls = meanwhile(monkeypatch, name, lambda: joined(folder, whole))
    check(distsim.load(folder), complete, 80.0)
    assert len(calls) == (2 if name == "read_note" else 1)


def finished(folder: Path, whole: Path) -> None:
    joined(folder, whole)
    shutil.copy(whole / "summary.json", folder)
    for name in ("running.json", "recording.json"):
        (folder / name).unlink()


def test_a_run_that_is_complete_before_its_parts_are_read(complete, folder, whole, monkeypatch):
    meanwhile(monkeypatch, "read_spike_parts", lambda: finished(folder, whole))
    found = distsim.load(folder)
    check(found, complete, 80.0)
    assert found.summary is not None


def without_last(folder: Path) -> tuple[Span, Path]:
    """Move the last part of both away; where it was, and where it is."""
    last, aside = spans_in(folder, "spikes.h5")[-1], folder.with_name("aside")
    (aside / "parts").mkdir(parents=True)
    for name in ("spikes.h5", "voltages.h5"):
        part_path(folder, name, last).rename(part_path(aside, name, last))
    return last, aside


@pytest.mark.parametrize("closed", [["spikes.h5"], ["spikes.h5", "voltages.h5"]])
@pytest.mark.parametrize("name", ["read_note", "read_spike_parts", "read_report_parts"])
def test_parts_that_are_closed_while_others_are_read(complete, folder, monkeypatch, name, closed):
    last, aside = without_last(folder)

    def close() -> None:
        for file in closed:
            part_path(aside, file, last).rename(part_path(folder, file, last))

    calls = meanwhile(monkeypatch, name, close)
    check(distsim.load(folder), complete, last.start / 10)
    assert len(calls) == 1
    check(distsim.load(folder), complete, last.stop / 10 if len(closed) == 2 else last.start / 10)


def test_a_part_closed_for_spikes_only_is_not_read_yet(complete, folder):
    for last in spans_in(folder, "spikes.h5")[-2:]:
        part_path(folder, "voltages.h5", last).unlink()
    check(distsim.load(folder), complete, spans_in(folder, "voltages.h5")[-1].stop / 10)


def test_the_first_part_closed_for_spikes_only_is_nothing_yet(folder):
    for span in spans_in(folder, "voltages.h5"):
        part_path(folder, "voltages.h5", span).unlink()
    with pytest.raises(FileNotFoundError, match="nothing is recorded there yet"):
        distsim.load(folder)


def test_a_part_that_is_missing_is_a_break(folder, complete):
    lost = spans_in(folder, "spikes.h5")[1]
    part_path(folder, "voltages.h5", lost).unlink()
    found = distsim.load(folder)
    assert found.pieces == ((10.0, lost.start / 10), (lost.stop / 10, 80.0))
    times, _ = complete.spikes("L4E[:10]")
    inside = (times <= lost.start / 10) | (times > lost.stop / 10)
    np.testing.assert_array_equal(found.spikes("L4E[:10]")[0], times[inside])


def extended(folder: Path) -> None:
    """Do to the files of a complete run what its extension does to them."""
    (folder / "parts").mkdir()
    for name in ("spikes.h5", "voltages.h5"):
        (folder / name).rename(part_path(folder, name, Span(100, 800)))
    (folder / "summary.json").unlink()


@pytest.mark.parametrize("name", ["read_summary", "read_spikes", "read_reports"])
def test_a_complete_run_that_is_extended_while_it_is_read(complete, folder, whole, monkeypatch, name):
    note = (folder / "recording.json").read_text()
    finished(folder, whole)
    (folder / "recording.json").write_text(note)
    meanwhile(monkeypatch, name, lambda: extended(folder))
    found = distsim.load(folder)
    check(found, complete, 80.0)
    assert found.summary is None


def test_files_that_become_parts_while_they_are_looked_for(complete, folder, whole, monkeypatch):
    """Parts are listed before, files after: then there is neither, and still something."""
    note = (folder / "recording.json").read_text()
    finished(folder, whole)
    (folder / "recording.json").write_text(note)
    original, seen = folder_state._identity, []

    def identity(path: Path):
        if path.name == "summary.json" and not seen:
            seen.append(1)
            extended(folder)
        return original(path)

    monkeypatch.setattr(folder_state, "_identity", identity)
    check(distsim.load(folder), complete, 80.0)


def test_a_run_that_is_overwritten_while_it_is_read(folder, monkeypatch):
    def clear() -> None:
        shutil.rmtree(folder / "parts")
        (folder / "recording.json").unlink()

    meanwhile(monkeypatch, "read_spike_parts", clear)
    with pytest.raises(FileNotFoundError, match="run: nothing is recorded there yet"):
        distsim.load(folder)


def test_a_folder_that_is_being_cleared_is_waited_for(complete, whole, tmp_path, monkeypatch):
    """The summary goes first: then nothing says any more who was recorded."""
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    (folder / "summary.json").unlink()
    (folder / "running.json").write_text("{}")
    pauses = []

    def wait(_) -> None:
        pauses.append(1)
        for name in ("spikes.h5", "voltages.h5"):
            (folder / name).unlink(missing_ok=True)

    monkeypatch.setattr(folder_state.time, "sleep", wait)
    with pytest.raises(FileNotFoundError, match="nothing is recorded there yet"):
        distsim.load(folder)
    assert len(pauses) == 1


def test_a_folder_that_never_rests_is_an_error(folder, monkeypatch):
    monkeypatch.setattr(folder_state, "PATIENCE", 0.0)
    numbers = iter(range(10**6))
    change = lambda: (folder / "running.json").write_text(f"{next(numbers):9d}" + " " * (next(numbers) % 97))  # noqa: E731
    calls = meanwhile(monkeypatch, "read_note", change, times=10**6)
    with pytest.raises(ValueError, match="run: changed 20 times while it was read"):
        distsim.load(folder)
    assert len(calls) == 20


def test_a_damaged_part_is_named_at_once(folder, monkeypatch):
    span = spans_in(folder, "voltages.h5")[1]
    path = part_path(folder, "voltages.h5", span)
    path.write_bytes(path.read_bytes()[:3000])
    monkeypatch.setattr(folder_state.time, "sleep", kill)
    with pytest.raises(ValueError, match=rf"{path.name}: not a complete SONATA file"):
        distsim.load(folder)


# --- a run under way --------------------------------------------------------------------------------------------------


def test_a_run_under_way_is_read_again_and_again(tmp_path):
    out = tmp_path / "run"
    options = ["--t-sim", "150", "--checkpoint-every", "3ms", "--out", out]
    command = [sys.executable, "-m", "distsim", *map(str, [*QUICK, *options])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    begun, found = time.monotonic(), []
    try:
        while process.poll() is None:
            assert time.monotonic() - begun < 240
            try:
                found.append(distsim.load(out))
            except FileNotFoundError as error:
                assert not found
                assert any(
                    word in str(error) for word in ("is recorded there yet", "no such folder", "no run is there")
                )
                time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    last = distsim.load(out)
    assert last.period == (10.0, 160.0) and last.summary is not None
    assert len({result.period for result in found}) > 5
    for result in found:
        start, stop = result.period
        assert result.pieces == ((start, stop),) and start == 10.0
        times, ids = last.spikes("L4E[:10]")
        np.testing.assert_array_equal(result.spikes("L4E[:10]"), (times[times <= stop], ids[times <= stop]))
        times, V = last.voltages("L4E[:3]")
        np.testing.assert_array_equal(result.voltages("L4E[:3]")[0], times[times <= stop])
        np.testing.assert_array_equal(result.voltages("L4E[:3]")[1], V[times <= stop])
        with pytest.raises(ValueError, match="not all recorded"):
            result.spikes("L4E[100:200]")
