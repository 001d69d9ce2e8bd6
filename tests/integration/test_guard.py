"""A run that the guard ends, from the command line: exit code, one line, complete files, and how to resume."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import distsim
from distsim.cli.command import GUARDED, STOPPED
from distsim.recording.spike_hash import spikes_sha256
from tests.support.commands import run
from tests.support.long_runs import contents, same

RUNAWAY = [
    "brunel-delta",
    "--max-rate",
    "300",
    "--set",
    "N_E=300",
    "--set",
    "J=3",
    "--g",
    "0",
    "--t-presim",
    "20",
    "--t-sim",
    "250.5",
]
SAID = "distsim: stopped at 100 ms: E fired "


def summary_of(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text())


@pytest.fixture(scope="module")
def ended(tmp_path_factory) -> Path:
    """A run's folder, ended by the guard, with a checkpoint."""
    out = tmp_path_factory.mktemp("ended") / "run"
    assert run(*RUNAWAY, "--checkpoint-wall", "1h", "--out", out) == GUARDED not in (0, 1, 2, STOPPED)
    return out


def test_a_run_that_is_ended_is_whole_and_says_why(ended, tmp_path, capsys):
    assert run(*RUNAWAY, "--out", tmp_path / "run") == GUARDED
    said = capsys.readouterr()
    assert said.err.startswith(SAID) and said.err.count("\n") == 1
    assert said.err.endswith(" spikes/s per neuron from 0 to 100 ms, more than 300\n")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "config.toml", "summary.json", "spikes.h5", "raster.png", "rates.png",
    }  # fmt: skip
    found = summary_of(tmp_path / "run")
    assert found["stopped"]["population"] == "E" and found["stopped"]["time_ms"] == 100.0
    assert found["stopped"]["why"] in said.err
    assert (found["t_sim_ms"], found["config"]["t_sim"], found["config"]["max_rate"]) == (80.0, 250.5, 300.0)
    assert 300 < found["populations"]["E"]["rate_hz"] < 477
    assert distsim.load(tmp_path / "run").period == (20.0, 100.0)
    assert contents(tmp_path / "run") == contents(ended)
    assert run("plot", tmp_path / "run") == 0


def test_a_run_that_is_stopped_and_resumed_is_ended_at_the_same_step(ended, tmp_path):
    out = tmp_path / "run"
    code, stops = run(*RUNAWAY, "--max-wall", "1ms", "--out", out), 0
    while code == STOPPED:
        code, stops = run("resume", out, "--max-wall", "1ms"), stops + 1
    assert code == GUARDED and stops > 2
    assert summary_of(out)["stopped"] == summary_of(ended)["stopped"]
    same(out, ended)


def test_without_the_guard_the_run_continues(ended, tmp_path, capsys):
    out = tmp_path / "run"
    assert run(*RUNAWAY, "--max-rate", "0", "--out", out) == 0
    assert capsys.readouterr().err == "" and "stopped" not in summary_of(out)
    assert summary_of(out)["t_sim_ms"] == 250.5


def test_an_ended_run_is_resumed_if_that_is_asked_for(tmp_path, capsys):
    out = tmp_path / "run"
    command = [*RUNAWAY, "--no-plots", "--checkpoint-wall", "1h", "--out", out, "--resume", "auto"]
    assert run(*command) == GUARDED
    capsys.readouterr()
    assert run(*command) == GUARDED and "the run was stopped at 100 ms: E fired" in capsys.readouterr().out
    assert run("resume", out) == 2
    said = capsys.readouterr().err
    assert "the run was stopped at 100 ms" in said and "--max-rate 0 resumes it" in said
    assert run("resume", out, "--max-rate", "0") == 0
    assert run(*RUNAWAY, "--max-rate", "0", "--no-plots", "--out", tmp_path / "whole") == 0
    assert contents(out) == contents(tmp_path / "whole")


def test_a_run_that_is_ended_in_its_warm_up_has_empty_files(tmp_path, capsys):
    out = tmp_path / "run"
    assert run(*RUNAWAY, "--t-presim", "150", "--out", out) == GUARDED
    found = summary_of(out)
    assert (found["t_sim_ms"], found["n_spikes"], found["stopped"]["time_ms"]) == (0.0, 0, 100.0)
    assert found["spikes_sha256"] == spikes_sha256(out / "spikes.h5", distsim.Network(0.1).grid.dt)
    assert {path.name for path in out.iterdir()} == {"config.toml", "summary.json", "spikes.h5"}
    assert "spikes/s\n" not in capsys.readouterr().out  # no table of nothing
    assert run("plot", out) == 2
    assert "nothing to draw: the run has no time after its warm-up" in capsys.readouterr().err


def test_panels_continue_after_one_that_is_ended(tmp_path):
    panels = ["brunel-delta", "--panel", "all", "--set", "N_E=200", "--set", "J=2", "--max-rate", "150"]
    assert run(*panels, "--t-sim", "200", "--no-plots", "--out", tmp_path / "run") == GUARDED
    found = summary_of(tmp_path / "run")["panels"]
    assert [name for name, each in found.items() if "stopped" in each] == ["A"]
