"""Damaged files of a run end in right data or a clear error: no crash, no hang, no code run, nothing changed.

The normal suite damages more than 500 files; `DAMAGES=20 python -m pytest -rP tests/unit/test_damaged_files.py` takes
twenty times as many (an hour). The figures are printed.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import os
import random
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from distsim import Simulation, checkpoints
from distsim.cli import STOPPED
from distsim.models import microcircuit
from distsim.models.parameters import convert
from distsim.recording import probe, seal
from distsim.recording.spikes import read_spikes
from distsim.recording.voltages import read_voltages
from tests import damage
from tests.damage import Damage
from tests.damage_worker import COMM, small_network
from tests.long_runs import options_of
from tests.small_runs import run_both
from tests.unit.test_cli import ROOT, run, start

TIMES = int(os.environ.get("DAMAGES", "1"))
LIMIT = 120.0  # s that one file may take
CLEAR = {"ValueError", "OSError", "InputError", "FaultError", "MemoryError"}


class Worker:
    """The process that reads damaged folders; started again where one has killed it."""

    def __init__(self, warm: tuple[str, Path]) -> None:
        self.warm, self.process = warm, None

    def ask(self, action: str, folder: Path) -> dict:
        if self.process is None:
            self._start()
            assert "ok" in self._answer(*self.warm, limit=False)
        return self._answer(action, folder, limit=True)

    def _start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
        command = [sys.executable, "-m", "tests.damage_worker"]
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


@contextlib.contextmanager
def worker_for(action: str, folder: Path) -> Iterator[Worker]:
    worker = Worker((action, folder))
    try:
        yield worker
    finally:
        worker.end()


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
    sim.checkpoint(place / "state" / "checkpoint-000001.h5")
    return place


def look(good: Path, tmp_path: Path, run_name: str, file: str, action: str, damages: list[Damage]) -> None:
    """Damage `file` of a run in each of these ways, and see what `action` says."""
    folder, seen, wrong = tmp_path / "place" / run_name, collections.Counter(), []
    folder.parent.mkdir()
    damage.make_secret(folder.parent)
    shutil.copy(good / "words.json", folder.parent)
    sound = shutil.copytree(good / run_name, tmp_path / "sound")  # some actions change it
    shutil.copy(good / "words.json", tmp_path)
    with worker_for(action, sound) as worker:
        expected = worker.ask(action, sound) if action in ("load", "checkpoint", "config") else {"ok": ""}
        assert "ok" in expected, expected
        for way in damages:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(good / run_name, folder)
            way.apply(folder / file)
            before = damage.picture_of(folder.parent)
            answer = worker.ask(action, folder)
            after = damage.picture_of(folder.parent)
            problem = judge(answer, expected, way, folder, before == after or action in ("plot", "resume", "auto"))
            seen["right" if "ok" in answer else answer["error"][0]] += 1
            if problem:
                wrong.append(f"{way.name}: {problem}: {answer}")
    print(f"{file}, {action}: {len(damages)} damaged: {dict(seen)}")
    assert not wrong, "\n".join(wrong)


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


def many(make, n: int, seed: int) -> list[Damage]:
    return [make(random.Random(f"{seed} {k}")) for k in range(n * TIMES)]


SPIKES = ["/spikes", "/spikes/E", "/spikes/E/timestamps", "/spikes/E/node_ids"]
REPORT = ["/report", "/report/E", "/report/E/data", "/report/E/mapping", "/report/E/mapping/node_ids"]
OF_SPIKES = [("/", "magic"), *(("/spikes/E", key) for key in ("n", "dt_ms", "t_start_ms", "t_stop_ms"))]
OF_REPORT = [("/", "magic"), *(("/report/E", key) for key in ("first_step", "interval_steps", "dt_ms"))]


@pytest.mark.parametrize(("file", "n"), [("spikes.h5", 60), ("voltages.h5", 40)])
def test_recordings_with_damaged_bytes(good, tmp_path, file, n):
    look(good, tmp_path, "mixed", file, "load", many(damage.of_bytes, n, 1))


@pytest.mark.parametrize(
    ("file", "targets", "attributes"), [("spikes.h5", SPIKES, OF_SPIKES), ("voltages.h5", REPORT, OF_REPORT)]
)
def test_recordings_of_another_structure(good, tmp_path, file, targets, attributes):
    look(good, tmp_path, "mixed", file, "load", chosen(list(damage.of_structure(targets, attributes)), 12 * TIMES, 2))


def test_parts_with_damaged_bytes(good, tmp_path):
    part = next((good / "stopped" / "parts").glob("spikes-*.h5"))
    ways = [*many(damage.of_bytes, 30, 3), *damage.instead()]
    look(good, tmp_path, "stopped", f"parts/{part.name}", "load", ways)


@pytest.mark.parametrize("file", ["spikes.h5", "voltages.h5", "summary.json"])
def test_other_things_in_the_place_of_a_file(good, tmp_path, file):
    look(good, tmp_path, "mixed", file, "load", list(damage.instead()))


def test_summaries(good, tmp_path):
    ways = [*damage.of_texts(), *many(damage.of_bytes, 30, 4), *many(damage.of_values, 120, 5)]
    look(good, tmp_path, "mixed", "summary.json", "load", ways)


def test_summaries_that_are_drawn(good, tmp_path):
    look(good, tmp_path, "mixed", "summary.json", "plot", many(damage.of_values, 12, 6))


def test_what_a_run_was_asked_to_do(good, tmp_path):
    ways = [*damage.of_texts(), *many(damage.of_bytes, 20, 7), *many(damage.of_values, 60, 8), *damage.instead()]
    look(good, tmp_path, "stopped", "running.json", "config", ways)


@pytest.mark.parametrize("action", ["resume", "auto"])
@pytest.mark.parametrize("kind", ["part", "running.json"])
def test_runs_that_are_to_go_on(good, tmp_path, action, kind):
    part = next((good / "stopped" / "parts").glob("spikes-*.h5"))
    file, make = (f"parts/{part.name}", damage.of_bytes) if kind == "part" else (kind, damage.of_values)
    look(good, tmp_path, "stopped", file, action, many(make, 3, 11))


def test_the_latest_checkpoint_is_damaged(good, tmp_path):
    """Then the one before is taken, also where the bytes of the latest are no file's."""
    look(good, tmp_path, "stopped", "checkpoint-000002.h5", "resume", list(damage.instead())[:4])


def test_checkpoints(good, tmp_path):
    ways = [*damage.instead(), *many(damage.of_bytes, 40, 9), *many(damage.of_headers, 60, 10)]
    look(good, tmp_path, "state", "checkpoint-000001.h5", "checkpoint", ways)


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


def test_states_that_would_lead_kernels_astray(good, tmp_path):
    ways = [
        Damage(name, lambda path, what=what, edit=edit: damage.forge_array(path, what, edit))
        for name, (what, edit) in FORGED.items()
    ]
    same = Damage("the same", lambda path: damage.forge_array(path, HISTORY, lambda a: a))
    look(good, tmp_path, "state", "checkpoint-000001.h5", "checkpoint", [*ways, same])
    # Forging itself does no harm.
    shutil.copy(good / "state" / "checkpoint-000001.h5", tmp_path)
    same.apply(tmp_path / "checkpoint-000001.h5")
    assert checkpoints.read(tmp_path / "checkpoint-000001.h5", COMM).state.facts["step"] == 200
    for way in ways:
        shutil.copy(good / "state" / "checkpoint-000001.h5", tmp_path)
        way.apply(tmp_path / "checkpoint-000001.h5")
        with pytest.raises(ValueError, match=r"checkpoint-000001\.h5: "):
            Simulation(small_network(), 1, COMM, checkpoint=tmp_path / "checkpoint-000001.h5")


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
            read_voltages(path)


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
