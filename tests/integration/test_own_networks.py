"""Networks of users: a file on the command line, and networks that other packages register."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

import numpy as np
import pytest

import distsim
from distsim.cli.command import STOPPED
from distsim.networks import Microcircuit, NetworkModel, registry
from distsim.runs.request_file import read_config
from tests.support.commands import ROOT, run
from tests.support.long_runs import same
from tests.support.ranks import launcher
from tests.support.standing_ranks import command

EXAMPLE = ROOT / "examples" / "my_network.py"
SMALL = ["--set", "N=400", "--set", "K=40", "--t-presim", "20", "--t-sim", "100"]


def test_the_example_is_short():
    assert len(EXAMPLE.read_text().splitlines()) < 60


def test_help_lists_parameters_with_units(capsys):
    assert run("run", EXAMPLE, "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    for words in ("usage: distsim run", "Random balanced network of excitatory", "--g VALUE", "--variant", "--profile"):
        assert words in text
    assert "J excitatory weight (20.0 pA)" in text and "rate Poisson input of a neuron (9000.0 spikes/s)" in text
    assert "K excitatory synapses of a neuron (200)" in text and "--checkpoint-every" in text


def test_a_run_of_a_file_has_all_that_others_have(tmp_path, capsys):
    out = tmp_path / "run"
    assert run("run", EXAMPLE, *SMALL, "--g", "4.5", "--profile", "--out", out) == 0
    said = capsys.readouterr().out
    assert "Random balanced network" in said and "simulate" in said and "spikes_sha256" in said
    files = {path.name for path in out.iterdir()}
    assert files == {"config.toml", "spikes.h5", "summary.json", "raster.png", "rates.png"}
    request = read_config(out)
    assert (request.network, request.source.network) == ("two-populations", "TwoPopulations")
    assert request.parameters["g"] == 4.5 and request.source.path == str(EXAMPLE)


def test_all_variants_of_a_file(tmp_path):
    assert run("run", EXAMPLE, *SMALL, "--variant", "all", "--no-plots", "--out", tmp_path / "run") == 0
    requests = {name: read_config(tmp_path / "run" / name) for name in ("balanced", "excited")}
    assert [requests[name].parameters["g"] for name in requests] == [5.0, 3.5]


@pytest.fixture(scope="module")
def uncut(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("uncut") / "run"
    assert run("run", EXAMPLE, *SMALL, "--no-plots", "--out", out) == 0
    return out


def stopped(tmp_path: Path, file: Path = EXAMPLE) -> Path:
    out = tmp_path / "cut"
    assert run("run", file, *SMALL, "--no-plots", "--out", out, "--max-wall", "1ms") == STOPPED
    return out


@pytest.mark.skipif(launcher() is None, reason="there is no mpirun")
@pytest.mark.parametrize("ranks", [2, 3])
def test_a_run_that_was_cut_is_resumed_on_another_number_of_ranks(tmp_path, uncut, ranks):
    out = stopped(tmp_path)
    done = command(ranks, "resume", out, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    same(out, uncut)


OWN_MODEL = """
from dataclasses import dataclass
from distsim import Network, NetworkModel, NetworkParameters, fixed_indegree


class Adapting(NetworkModel):
    "Neurons whose current of adaptation is recorded."

    @dataclass(frozen=True)
    class Parameters(NetworkParameters):
        pass

    populations = ("E",)

    def describe(self, parameters, dt, t_presim):
        net = Network(dt)
        exc = net.create("E", 40, adaptive, I_e=700.0)
        net.connect(exc, exc, fixed_indegree(5), 20.0, 1.5)
        net.record_spikes(exc)
        net.record("V", exc[::3])
        net.record("w", exc[[7, 2, 30]], interval=0.7)
        net.record("w", exc, interval=5.0, start=45.0, stop=90.0, name="late")
        return net
"""


@pytest.fixture(scope="module")
def adapting(tmp_path_factory) -> Path:
    """Return a folder with a run that was cut within the window of a report, and one that was not."""
    place = tmp_path_factory.mktemp("adapting")
    file = place / "adapting.py"
    file.write_text((ROOT / "tests" / "support" / "adaptive.py").read_text() + OWN_MODEL)
    asked = ["run", file, "--t-presim", "20", "--t-sim", "100", "--no-plots"]
    assert run(*asked, "--out", place / "whole") == 0
    assert run(*asked, "--out", place / "cut", "--max-wall", "1ms") == STOPPED
    for _ in range(10):
        assert run("resume", place / "cut", "--max-wall", "1ms") == STOPPED
    assert 45.0 < distsim.load(place / "cut").period[1] < 90.0
    return place


@pytest.mark.skipif(launcher() is None, reason="there is no mpirun")
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_all_reports_of_a_run_that_was_cut_are_those_of_one_that_was_not(tmp_path, adapting, ranks):
    shutil.copytree(adapting / "cut", tmp_path / "cut")
    done = command(ranks, "resume", tmp_path / "cut", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    same(tmp_path / "cut", adapting / "whole")
    one, other = distsim.load(tmp_path / "cut"), distsim.load(adapting / "whole")
    assert one.sampled == other.sampled == {"V_m": "mV", "late": "pA", "w": "pA"}
    for name, what in (("w", "E[[30, 7]]"), ("late", "E"), ("V_m", "E[3]")):
        for mine, others in zip(one.samples(name, what), other.samples(name, what), strict=True):
            np.testing.assert_array_equal(mine, others)
    assert one.samples("late", "E")[0].tolist() == [50.0, 55.0, 60.0, 65.0, 70.0, 75.0, 80.0, 85.0, 90.0]


def test_resume_auto_goes_on_with_the_run_of_a_file(tmp_path, uncut, capsys):
    out = stopped(tmp_path)
    argv = ["run", EXAMPLE, *SMALL, "--no-plots", "--out", out, "--resume", "auto"]
    assert run(*argv) == 0
    same(out, uncut)
    capsys.readouterr()
    assert run(*argv) == 0 and "the run is complete, nothing to do" in capsys.readouterr().out
    assert run(*argv, "--set", "J=19") == 2 and "J differs" in capsys.readouterr().err


def test_a_file_that_has_changed_or_is_gone_is_said(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(EXAMPLE.read_text())
    out = stopped(tmp_path, file)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    file.write_text(EXAMPLE.read_text() + "# another line\n")
    capsys.readouterr()
    assert run("resume", out) == 2
    said = capsys.readouterr().err
    assert "mine.py has changed since the run began (sha256 " in said and "--overwrite" in said
    assert run("run", file, *SMALL, "--no-plots", "--out", out, "--resume", "auto") == 2
    assert "the network's file differs" in capsys.readouterr().err
    file.unlink()
    assert run("resume", out) == 2 and "mine.py: cannot be read (No such file" in capsys.readouterr().err
    assert before == {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    file.write_text(EXAMPLE.read_text())
    assert run("resume", out) == 0


def test_a_configuration_of_another_version_of_a_file_is_taken_with_a_warning(tmp_path, capsys):
    file, config = tmp_path / "mine.py", tmp_path / "mine.toml"
    file.write_text(EXAMPLE.read_text())
    assert run("config", "run", file) == 0
    config.write_text(capsys.readouterr().out)
    file.write_text(EXAMPLE.read_text() + "# another line\n")
    assert run("config", "run", file, "--config", config) == 0
    printed = capsys.readouterr()
    assert printed.err == f"distsim: warning: {file} has changed since --config {config} was written\n"
    assert printed.out.startswith("# A run of distsim") and "warning" not in printed.out


HEAD = "from distsim import Network, NetworkModel\n\n\n"
DESCRIBE = "    def describe(self, parameters, dt, t_presim):\n        net = Network(dt)\n        net.create('E', 10)\n"
DESCRIBE += "        return net\n"
TWO = f"{HEAD}class One(NetworkModel):\n{DESCRIBE}\n\nclass Two(NetworkModel):\n{DESCRIBE}"
MISTAKES = {
    "no Python": ("class :\n", [], ["mine.py", "invalid syntax"]),
    "no network": ("x = 1\n", [], ["mine.py", "defines no network", "NetworkModel"]),
    "not described": (
        f"{HEAD}class One(NetworkModel):\n    pass\n",
        [],
        ["One: describe(self, parameters, dt, t_presim)"],
    ),
    "several": (TWO, [], ["several networks", "--network", "One, Two"]),
    "not among them": (TWO, ["--network", "Three"], ["no network 'Three'", "One, Two"]),
    "name": (f"{HEAD}class One(NetworkModel):\n    name = 'My net'\n{DESCRIBE}", [], ["'My net'", "my-network"]),
    "parameters": (f"{HEAD}class One(NetworkModel):\n    Parameters = dict\n{DESCRIBE}", [], ["must be a dataclass"]),
    "option": (TWO, ["--network", "One", "--gg", "1"], ["unknown option --gg"]),
}


@pytest.mark.parametrize(("text", "argv", "named"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_in_a_file_are_named_and_leave_nothing(tmp_path, capsys, monkeypatch, text, argv, named):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(text)
    assert run("run", "mine.py", *argv) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and all(words in printed.err for words in named), printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_no_such_file(tmp_path, capsys):
    assert run("run", tmp_path / "none.py") == 2
    assert "none.py: cannot be read (No such file or directory)" in capsys.readouterr().err


def test_one_of_several_networks_without_parameters(tmp_path):
    file = tmp_path / "two.py"
    file.write_text(TWO)
    assert run("run", file, "--network", "Two", "--t-sim", "5", "--no-record", "--out", tmp_path / "run") == 0
    assert read_config(tmp_path / "run").network == "two"


def test_a_file_may_import_its_neighbours(tmp_path):
    (tmp_path / "sizes_of_mine.py").write_text("N = 7\n")
    file = tmp_path / "mine.py"
    file.write_text(
        f"import sizes_of_mine\n{HEAD}class One(NetworkModel):\n{DESCRIBE.replace('10', 'sizes_of_mine.N')}"
    )
    assert run("run", file, "--t-sim", "5", "--no-record", "--out", tmp_path / "run") == 0


# --- of other packages ------------------------------------------------------------------------------------------------


class Registered(NetworkModel):
    """A network of another package."""

    def describe(self, parameters, dt, t_presim):
        return Microcircuit().network(dt, N_scaling=0.01, K_scaling=0.01)


class Broken(NetworkModel):
    """Describes nothing."""


class Twice(Registered):
    """Has the name of a network that is there."""

    name = "brunel-alpha"


@pytest.fixture
def entry_points(monkeypatch):
    """Return a function that registers classes of this module."""

    def register(*names: str) -> None:
        points = [importlib.metadata.EntryPoint(name, f"{__name__}:{name}", registry.GROUP) for name in names]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
        registry.networks.cache_clear()

    yield register
    monkeypatch.undo()
    registry.networks.cache_clear()


def test_a_registered_network_is_a_command(entry_points, tmp_path, capsys):
    entry_points("Registered")
    assert run("--help") == 0 and "A network of another package" in " ".join(capsys.readouterr().out.split())
    assert run("registered", "--t-sim", "5", "--no-plots", "--out", tmp_path / "run") == 0
    request = read_config(tmp_path / "run")
    assert request.network == "registered" and request.source is None
    assert run("resume", tmp_path / "run") == 0


@pytest.mark.parametrize(("name", "said"), [("Broken", "describe"), ("Twice", "already"), ("Missing", "Missing")])
def test_a_network_that_cannot_be_loaded_is_left_out_with_a_warning(entry_points, name, said):
    entry_points(name)
    with pytest.warns(UserWarning, match=f"network '{name}'.*{said}"):
        assert list(registry.networks()) == ["microcircuit", "brunel-alpha", "brunel-delta", "ei-clustered"]
