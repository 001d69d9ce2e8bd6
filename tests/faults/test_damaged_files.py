"""Damaged files of a run end in right data or a clear error: no crash, no hang, no code run, nothing changed.

The suite damages about 250 files; those marked as validation are thousands (an hour and more). The figures are printed:
python -m pytest -rP -m "validation or not validation" tests/faults/test_damaged_files.py
"""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import random
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from distsim import Simulation
from distsim.cli.command import STOPPED
from distsim.networks import microcircuit
from distsim.networks.parameters import convert
from distsim.recording import probe, seal
from distsim.recording.samples import read_reports
from distsim.recording.spikes import read_spikes
from distsim.simulation import checkpoints
from tests.support import damage
from tests.support.commands import ROOT, run, start
from tests.support.damage import Damage
from tests.support.damage_worker import COMM, small_network
from tests.support.folder_with_run import folder_with_run
from tests.support.long_runs import options_of
from tests.support.small_runs import run_both

LIMIT = 120.0  # s that one file may take
FIGURES = {
    "title": "one",
    "period": [10.0, 50.0],
    "only": ["E"],
    "first": 4,
    "style": "bars",
    "rate": {"bin": 1.0, "populations": ["E"], "ylim": [0, 100], "tick_step": 50},
    "rates": {"reference": "known", "note": "of others"},
    "marks": [{"t0": 20.0, "t1": 30.0, "population": "E", "first": 0, "last": 3, "label": "light"}],
}
CLEAR = {"ValueError", "OSError", "InputError", "FaultError", "MemoryError"}


class Worker:
    """The process that reads damaged folders; started again where one has killed it."""

    def __init__(self, good: Path) -> None:
        self.good, self.process = good, None

    def ask(self, action: str, folder: Path) -> dict:
        """Return what became of the action; at the first time whatever may be imported is, from sound folders."""
        if self.process is None:
            self._start()
            for name, each in SOUND.items():
                answer = self._answer(name, copy(self.good, each, folder.parent.parent / "sound"), limit=False)
                assert "ok" in answer, answer
        return self._answer(action, folder, limit=True)

    def _start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
        command = [sys.executable, "-m", "tests.support.damage_worker"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )

    def _answer(self, action: str, folder: Path, limit: bool) -> dict:
        task = {"action": action, "folder": str(folder), "limit": limit}
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                if not selector.select(LIMIT):
                    self.end()
                    return {"error": ["hang"], "text": "", "caught": []}
                line = self.process.stdout.readline()
                if not line:
                    code = self.process.wait()
                    self.process = None
                    return {"error": ["crash"], "text": f"exit code {code}", "caught": []}
                if line.startswith("answer "):
                    return json.loads(line.removeprefix("answer "))

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


# Folders in which each action goes well.
SOUND = {
    "load": "mixed",
    "plot": "mixed",
    "config": "stopped",
    "checkpoint": "state",
    "resume": "stopped",
    "auto": "stopped",
}


def copy(good: Path, name: str, place: Path) -> Path:
    """Copy a sound folder to `place`."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(good / name, place / name)
    shutil.copy(good / "words.json", place)
    return place / name


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """Folders that are sound: of a complete run, a stopped one, one with nothing but a checkpoint."""
    place = tmp_path_factory.mktemp("good")
    run_both(place, COMM)
    words = [*options_of("microcircuit"), "--t-presim", "0"]
    assert run(*words, "--out", place / "stopped", "--max-wall", "1ms") == STOPPED
    assert run("resume", place / "stopped", "--max-wall", "1ms") == STOPPED
    (place / "words.json").write_text(json.dumps(words))
    sim = Simulation(small_network(), 1, COMM)
    sim.run(20.0)
    (place / "state").mkdir()
    sim.checkpoint(place / "state" / STATE)
    folder_with_run(place / "drawn", FIGURES, config={"N_scaling": 0.5}, changed={"g": -5.0, "J": [1, 2]})
    return place


@pytest.fixture(scope="module")
def worker(good) -> Iterator[Worker]:
    process = Worker(good)
    yield process
    process.end()


@pytest.fixture
def look(good, worker, tmp_path) -> Callable[..., None]:
    """Return a function that damages a file of a run in each of some ways, and sees what an action says."""

    def of(name: str, file: str, action: str, damages: list[Damage]) -> None:
        place, seen, wrong = tmp_path / "place", collections.Counter(), []
        folder = copy(good, name, place)
        expected = worker.ask(action, folder) if action in ("load", "checkpoint", "config") else {"ok": ""}
        assert "ok" in expected, expected
        for way in damages:
            copy(good, name, place)
            damage.make_secret(place)
            way.apply(folder / file)
            before = damage.picture_of(place)
            answer = worker.ask(action, folder)
            is_same = action in ("plot", "resume", "auto") or before == damage.picture_of(place)
            problem = judge(answer, expected, way, folder, is_same)
            seen["right" if "ok" in answer else answer["error"][0]] += 1
            if problem:
                wrong.append(f"{way.name}: {problem}: {answer}")
        print(f"{file}, {action}: {len(damages)} damaged: {dict(seen)}")
        assert not wrong, "\n".join(wrong)

    return of


def judge(answer: dict, expected: dict, way: Damage, folder: Path, is_same: bool) -> str | None:
    """Say what is wrong with an answer."""
    if answer["caught"]:
        return "code was run, or a file was written elsewhere"
    if not is_same:
        return "the folder was changed"
    if "ok" in answer:
        return None if way.is_new or answer["ok"] == expected["ok"] or not expected["ok"] else "wrong data"
    if not CLEAR & set(answer["error"]):
        return "no clear error"
    if str(folder) not in answer["text"] or "Traceback" in answer["text"]:
        return "the file is not named"
    return None


def chosen(ways: list[Damage], n: int, seed: int) -> list[Damage]:
    """Return `n` of the ways, all if there are no more."""
    return random.Random(seed).sample(ways, min(n, len(ways)))


def many(make: Callable[[random.Random], Damage], n: int, seed: int) -> list[Damage]:
    return [make(random.Random(f"{seed} {k}")) for k in range(n)]


SPIKES = ["/spikes", "/spikes/E", "/spikes/E/timestamps", "/spikes/E/node_ids"]
REPORT = ["/report", "/report/E", "/report/E/data", "/report/E/mapping", "/report/E/mapping/node_ids"]
OF_SPIKES = [("/", "magic"), *(("/spikes/E", key) for key in ("n", "dt_ms", "t_start_ms", "t_stop_ms"))]
OF_REPORT = [("/", "magic"), *(("/report/E", key) for key in ("first_step", "interval_steps", "dt_ms"))]
STRUCTURES = {"spikes.h5": (SPIKES, OF_SPIKES), "voltages.h5": (REPORT, OF_REPORT)}
STATE = "checkpoint-000001.h5"


def a_part(good: Path) -> str:
    return f"parts/{next((good / 'stopped' / 'parts').glob('spikes-*.h5')).name}"


@pytest.mark.parametrize(("file", "n"), [("spikes.h5", 20), ("voltages.h5", 12)])
def test_recordings_with_damaged_bytes(look, file, n):
    look("mixed", file, "load", many(damage.of_bytes, n, 1))


@pytest.mark.parametrize("file", STRUCTURES)
def test_recordings_of_another_structure(look, file):
    look("mixed", file, "load", chosen(list(damage.of_structure(*STRUCTURES[file])), 4, 2))


def test_parts_with_damaged_bytes(good, look):
    look("stopped", a_part(good), "load", [*many(damage.of_bytes, 8, 3), *damage.instead()])


@pytest.mark.parametrize("file", ["spikes.h5", "voltages.h5", "summary.json"])
def test_other_things_in_the_place_of_a_file(look, file):
    look("mixed", file, "load", list(damage.instead()))


def test_summaries(look):
    ways = [*damage.of_texts(), *many(damage.of_bytes, 12, 4), *many(damage.of_values, 60, 5)]
    look("mixed", "summary.json", "load", ways)


def test_summaries_that_are_drawn(look):
    look("mixed", "summary.json", "plot", many(damage.of_values, 3, 6))


def test_what_a_run_was_asked_to_do(look):
    ways = [*damage.of_texts(), *many(damage.of_bytes, 5, 7), *many(damage.of_values, 15, 8), *damage.instead()]
    look("stopped", "running.json", "config", ways)


@pytest.mark.parametrize("action", ["resume", "auto"])
@pytest.mark.parametrize("kind", ["part", "running.json"])
def test_runs_that_are_to_be_resumed(good, look, action, kind):
    file, make = (a_part(good), damage.of_bytes) if kind == "part" else (kind, damage.of_values)
    look("stopped", file, action, many(make, 2, 11))


def test_the_one_before_a_damaged_checkpoint_is_taken(look):
    look("stopped", "checkpoint-000002.h5", "resume", list(damage.instead())[:4])


def test_checkpoints(look):
    ways = [*damage.instead(), *many(damage.of_bytes, 40, 9), *many(damage.of_headers, 60, 10)]
    look("state", STATE, "checkpoint", ways)


LONG = {
    "spikes": ("mixed", "spikes.h5", "load", damage.of_bytes, 1200),
    "voltages": ("mixed", "voltages.h5", "load", damage.of_bytes, 800),
    "summary": ("mixed", "summary.json", "load", damage.of_values, 1500),
    "figures": ("mixed", "summary.json", "plot", damage.of_values, 150),
    "figures of others": ("drawn", "summary.json", "plot", damage.of_values, 150),
    "marker": ("stopped", "running.json", "config", damage.of_values, 600),
    "going on": ("stopped", "running.json", "auto", damage.of_values, 100),
    "checkpoint": ("state", STATE, "checkpoint", damage.of_bytes, 800),
    "header": ("state", STATE, "checkpoint", damage.of_headers, 1200),
    "part": ("stopped", None, "load", damage.of_bytes, 200),
    "part, resume": ("stopped", None, "resume", damage.of_bytes, 50),
}


@pytest.mark.validation
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("what", LONG)
def test_thousands_of_damaged_files(good, look, what):
    name, file, action, make, n = LONG[what]
    look(name, file or a_part(good), action, many(make, n, 20))


@pytest.mark.validation
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("file", STRUCTURES)
def test_all_other_structures(look, file):
    look("mixed", file, "load", list(damage.of_structure(*STRUCTURES[file])))


HISTORY, COUNTS = "history/gids", "history/counts"
FORGED = {
    "a neuron that there is not": (HISTORY, lambda a: np.full_like(a, 2**32 - 1)),
    "one spike more": (HISTORY, lambda a: np.append(a, a[:1])),
    "other spikes": (HISTORY, lambda a: (a + 1) % 20),
    "signed": (HISTORY, lambda a: a.astype("<i4")),
    "less than none": (COUNTS, lambda a: a - 5),
    "too many": (COUNTS, lambda a: np.full_like(a, 2**60)),
    "no steps": (COUNTS, lambda a: a[:0]),
    "other type": ("state/0", lambda a: a.astype("<f4")),
    "one neuron less": ("state/0", lambda a: a[1:]),
    "refractory for ever": ("refractory", lambda a: a - 100),
    "as many as never": ("emitted", lambda a: a - 2**62),
}


def test_states_that_would_lead_kernels_astray(good, look, tmp_path):
    ways = [
        Damage(name, lambda path, what=what, edit=edit: damage.forge_array(path, what, edit))
        for name, (what, edit) in FORGED.items()
    ]
    same = Damage("the same", lambda path: damage.forge_array(path, HISTORY, lambda a: a))
    look("state", STATE, "checkpoint", [*ways, same])
    # Forging itself does no harm.
    shutil.copy(good / "state" / STATE, tmp_path)
    same.apply(tmp_path / STATE)
    assert checkpoints.read(tmp_path / STATE, COMM).state.facts["step"] == 200
    for way in ways:
        shutil.copy(good / "state" / STATE, tmp_path)
        way.apply(tmp_path / STATE)
        with pytest.raises(ValueError, match=rf"{STATE}: "):
            Simulation(small_network(), 1, COMM, checkpoint=tmp_path / STATE)


# --- one by one -------------------------------------------------------------------------------------------------------


def test_the_command_line_says_it_once(good, tmp_path):
    """Of a process of its own: one message, no traceback."""
    shutil.copytree(good / "mixed", tmp_path / "run")
    for name, content in (("spikes.h5", b"no HDF5"), ("summary.json", b"[" * 100_000)):
        (tmp_path / "run" / name).write_bytes(content)
        done = start("plot", tmp_path / "run", cwd=tmp_path)
        assert done.returncode in (1, 2) and done.stderr.count("\n") == 1, done.stderr
        assert str(tmp_path / "run" / name) in done.stderr


def test_recordings_are_sealed_and_hdf5_cuts_the_seal_off(good, tmp_path):
    for name in ("spikes.h5", "voltages.h5"):
        path = tmp_path / name
        shutil.copy(good / "mixed" / name, path)
        assert path.read_bytes()[-seal.LENGTH :].startswith(b"distsim-recording ")
        assert seal.is_sound(path)
        with h5py.File(path, "r+") as file:
            file.attrs["mine"] = 1
        assert not seal.is_sound(path) and b"distsim-recording " not in path.read_bytes()


def test_every_flipped_bit_of_a_recording_is_found(good, tmp_path):
    whole, rng = (good / "tiny" / "voltages.h5").read_bytes(), random.Random(12)
    for k in range(50):
        raw, path = bytearray(whole), tmp_path / f"{k}.h5"
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        path.write_bytes(raw)
        with pytest.raises(ValueError, match=rf"{k}\.h5: .*damaged: its"):
            read_reports(path)


def test_what_kills_hdf5_is_an_error(tmp_path, monkeypatch):
    """Whatever version of HDF5 there is: the other process is ended as HDF5 1.10.8 ends it."""
    path = tmp_path / "s.h5"
    with h5py.File(path, "w") as file:
        file.attrs["magic"] = np.uint32(0x0A7A)
        file["spikes/E/timestamps"], file["spikes/E/node_ids"] = [1.0], np.array([0], "u8")
    assert read_spikes(path)["E"].times.tolist() == [1.0]
    for number, said in ((11, r"HDF5 crashes over it \(SIGSEGV\)"), (24, "HDF5 does not come to an end with it")):
        os.utime(path, ns=(number, number))  # read anew
        monkeypatch.setattr(probe, "WITHOUT_MPI", f"import os; os.kill(os.getpid(), {number})")
        monkeypatch.setattr(probe, "COMMAND", probe.WITHOUT_MPI)
        with pytest.raises(ValueError, match=rf"s\.h5: .*{said}"):
            read_spikes(path)


def test_a_loop_without_end_is_ended():
    code = "from distsim.recording import probe; probe._limit(); probe._allow(0.5)\nwhile True: pass"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60)
    assert done.returncode == -signal.SIGXCPU


def test_texts_that_are_no_numbers():
    fields = {f.name: f for f in dataclasses.fields(microcircuit.Parameters)}
    for text in ("[" * 100_000, "9" * 10_000, "1e999", "{}", '"x"', "null", "nan", "[1,[2]]", "\0", "__import__('os')"):
        with pytest.raises(ValueError, match=r"must be|not a number"):
            convert(fields["N_scaling"], text)
        with pytest.raises(ValueError, match=r"must be|not a number"):
            convert(fields["full_mean_rates"], text)
