"""Compiled kernels: filled once, damage is found and mended, what others compile is left alone."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from distsim.engine.compiled import cache
from distsim.engine.compiled.cache import MANIFEST, fill_once
from distsim.parallel import SerialCommunicator

ROOT = Path(__file__).resolve().parents[2]


class Kernels:
    """Stand-ins for compiling: they count, and write files as Numba does unless these are there."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder, self.names, self.compiled = folder, names, []

    def fill(self) -> list[str]:
        """Fill the cache; the names of what was compiled, not loaded."""
        self.compiled = []
        fill_once(SerialCommunicator(), self.folder, {name: lambda name=name: self._load(name) for name in self.names})
        return self.compiled

    def _load(self, name: str) -> None:
        code, index = self.folder / f"{name}-1.py311.1.nbc", self.folder / f"{name}-1.py311.nbi"
        if not (code.exists() and index.exists()):
            self.compiled.append(name)
            code.write_bytes(name.encode() * 100)
            index.write_bytes(pickle.dumps("0.60") + pickle.dumps(("stamp", {"signature": code.name})))


@pytest.fixture
def kernels(tmp_path) -> Kernels:
    found = Kernels(tmp_path, "one", "two")
    assert found.fill() == ["one", "two"]
    return found


def test_nothing_is_compiled_twice(kernels):
    assert kernels.fill() == []
    kernels.names = ("one", "two", "three")
    assert kernels.fill() == ["three"] and kernels.fill() == []


@pytest.mark.parametrize("damage", [lambda data: data[:10], lambda data: b"", lambda data: data[:-1] + b"!"])
@pytest.mark.parametrize("name", ["two-1.py311.1.nbc", "two-1.py311.nbi"])
def test_what_is_damaged_is_compiled_again_and_nothing_else(kernels, name, damage):
    file = kernels.folder / name
    file.write_bytes(damage(file.read_bytes()))
    assert kernels.fill() == ["two"] and kernels.fill() == []


def test_a_file_that_is_gone_is_made_again(kernels):
    (kernels.folder / "one-1.py311.1.nbc").unlink()
    assert kernels.fill() == ["one"] and kernels.fill() == []


@pytest.mark.parametrize("text", ["", "[]", '{"compiled": 1}', "nonsense"])
def test_without_a_manifest_everything_is_asked_for_again(kernels, text):
    (kernels.folder / MANIFEST).write_text(text)
    asked = []
    fill_once(
        SerialCommunicator(), kernels.folder, {name: lambda name=name: asked.append(name) for name in ("one", "two")}
    )
    assert asked == ["one", "two"] and kernels.fill() == []


def test_what_was_compiled_since_then_is_no_damage(kernels):
    (kernels.folder / "two-1.py311.2.nbc").write_bytes(b"another signature")
    (kernels.folder / "two-1.py311.nbi").write_bytes(pickle.dumps("0.60") + pickle.dumps(("stamp", {"a": 1, "b": 2})))
    assert kernels.fill() == []
    assert (kernels.folder / "two-1.py311.2.nbc").exists()


def test_processes_at_once_compile_once(tmp_path):
    code = """
        import sys, time
        from pathlib import Path
        from distsim.engine.compiled.cache import fill_once
        from distsim.parallel import SerialCommunicator
        def compile():
            time.sleep(0.5)
            with open(sys.argv[1] + "/log", "a") as log:
                log.write("compiled\\n")
        fill_once(SerialCommunicator(), Path(sys.argv[1]), {"kernels": compile})
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert (tmp_path / "log").read_text().split() == ["compiled"]


SCRIPT = """
    import numba
    from distsim import Network, Simulation
    from distsim.engine.compiled.cache_folder import folder

    @numba.njit(cache=True)
    def mine(x):
        return x + 1

    net = Network()
    E = net.create("E", 30, "iaf_psc_alpha", I_e=600.0)
    sim = Simulation(net)
    sim.set(E[:5], tau_m=5.0)
    sim.run(5.0)
    print("mine", mine(1), numba.config.CACHE_DIR == "", sorted(folder().rglob("*mine*")))
"""


def test_a_script_that_changes_parameters_and_compiles_its_own_leaves_the_cache_whole(tmp_path):
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for run in range(2):
        command = [sys.executable, "script.py"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "mine 2 True []"
        assert run == 0 or "compiling" not in done.stdout
    assert list((tmp_path / "__pycache__").glob("script.mine*.nbc"))


def test_a_full_disk_costs_only_the_kernel(monkeypatch, capsys):
    def no_space(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device", "kernel.nbc")

    monkeypatch.setattr(cache._Cache, "save_overload", no_space)
    added = [cache.njit(cache=True)(lambda x: x + 1) for _ in range(2)]
    assert [add(1) for add in added] == [2, 2]
    assert capsys.readouterr().err == "distsim: compiled kernels cannot be kept: kernel.nbc: No space left on device\n"


# --- threads ----------------------------------------------------------------------------------------------------------


def test_threads_at_once_compile_once(tmp_path):
    kernels = Kernels(tmp_path, "one", "two")
    compiled, begin = [], threading.Barrier(8)

    def fill() -> None:
        begin.wait()
        fill_once(
            SerialCommunicator(),
            tmp_path,
            {name: lambda name=name: (compiled.append(name), kernels._load(name)) for name in kernels.names},
        )

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(fill) for _ in range(8)]:
            done.result(60)
    assert compiled == ["one", "two"]


def test_numba_is_made_ready_by_one_thread_at_a_time(tmp_path, monkeypatch):
    inside, most = [], []

    class Context:
        def refresh(self) -> None:
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.01)
            inside.pop()

    target = type("Target", (), {"typing_context": Context(), "target_context": Context()})
    monkeypatch.setattr(cache, "cpu_target", target)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(fill_once, SerialCommunicator(), tmp_path, {}) for _ in range(8)]:
            done.result(60)
    assert len(most) == 16 and max(most) == 1


THREADS = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    import numba
    from distsim import Network, Simulation, fixed_indegree
    from distsim.neurons import NeuronModel
    from distsim.neurons.iaf_psc_delta import iaf_psc_delta
    sys.setswitchinterval(1e-5)

    @numba.njit
    def shared(x):
        return x + 1.0

    def model(gain):
        def step(V, wait, ex, inh, current, theta):
            new = shared(V) + gain + ex
            spike = new >= theta
            return new - theta if spike else new, wait, spike
        return NeuronModel("climber", iaf_psc_delta.parameters, ("V",), lambda p, dt: {"theta": 30.0}, step)

    def one(k):
        net = Network()
        E = net.create("E", 40 + k, "iaf_psc_exp", I_e=400.0)
        P = net.create("P", 5, model(k % 3), E_L=0.0, V_m=0.0)
        net.connect(E, E, fixed_indegree(5), 10.0, 1.0)
        net.poisson_input(E, 1000.0, 10.0, 0.1)
        net.record_spikes(E)
        net.record_spikes(P)
        sim = Simulation(net, seed=k)
        sim.run(20.0)
        if k % 2:
            sim.set(P, E_L=1.0)
        sim.run(10.0)
        return sim.spikes_sha256()

    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(one, range(15)))
    print(at_once == [one(k) for k in range(15)], len(set(at_once)), numba.config.CACHE_DIR == "")
"""


@pytest.mark.parametrize("n", [1, pytest.param(5, marks=pytest.mark.validation)])
def test_simulations_in_threads_give_what_they_give_one_after_the_other(tmp_path, n):
    (tmp_path / "script.py").write_text(textwrap.dedent(THREADS))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(n):
        command = [sys.executable, "script.py"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "True 15 True"
    assert {path.name for path in tmp_path.iterdir()} == {"script.py"}


def test_importing_the_engine_changes_no_setting_and_makes_no_folder(tmp_path):
    code = """
        import numba
        set_to = []
        class Config(type(numba.config)):
            def __setattr__(self, name, value):
                set_to.append(name)
        numba.config.__class__ = Config
        import distsim.simulation.simulation
        print(set_to)
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DISTSIM_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.stdout, list(tmp_path.iterdir())) == ("[]\n", []), done.stderr
