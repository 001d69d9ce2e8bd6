"""The command line on one rank: what it writes and prints; bad input gets one clear message and leaves nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from distsim import Network, Simulation, fixed_indegree, pairwise_bernoulli
from distsim.cli.command import run_command
from distsim.cli.options import make_parser
from distsim.networks import EIClustered, Microcircuit
from distsim.networks.registry import networks
from distsim.parallel import SerialCommunicator
from distsim.recording.samples import read_reports
from distsim.recording.spike_hash import spikes_sha256
from distsim.recording.spikes import read_spikes
from distsim.runs.report import network_text, phases_text
from tests.support.command_mistakes import MISTAKES, SEVERAL
from tests.support.commands import FILES, PNG, ROOT, run, start

QUICK = ["--scale", "0.02", "--t-presim", "20", "--t-sim", "80"]
MODELS = tuple(networks().values())

# The keys of summary.json that other programs rely on (DESIGN.md).
KEYS = {
    "network", "seed", "ranks", "dt_ms", "t_presim_ms", "t_sim_ms", "n_neurons", "n_synapses", "n_spikes",
    "spikes_sha256", "populations", "timing", "memory", "recording", "config", "versions",
}  # fmt: skip
PHASES = {"deliver", "update", "stimulate", "exchange", "record"}


def microcircuit_run(out, *options) -> dict:
    assert run("microcircuit", *QUICK, "--out", out, *options) == 0
    return json.loads((Path(out) / "summary.json").read_text())


def rates(summary: dict) -> dict[str, tuple]:
    return {name: (p["n"], p["n_spikes"], p["rate_hz"]) for name, p in summary["populations"].items()}


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, dict]:
    """A run's folder and summary."""
    out = tmp_path_factory.mktemp("run") / "deep" / "er"
    return out, microcircuit_run(out)


def fields_of_counts(value, name: str = "") -> list[tuple[str, object]]:
    """Return every number in a summary whose name says that it counts something."""
    if isinstance(value, dict):
        return [field for key, part in value.items() for field in fields_of_counts(part, key)]
    if isinstance(value, list):
        return [field for part in value for field in fields_of_counts(part, name)]
    counts = ("n", "order", "neurons", "synapses", "events", "steps", "interval", "due", "delivered", "on_their_way")
    is_count = name in counts or re.match(
        r"n_(?!scaling)|N_(?!scaling)|num_|full_num_|.*bytes|ranks|seed|stim_cl", name
    )
    return [(name, value)] if is_count else []


@pytest.mark.parametrize("command", ["microcircuit --scale 0.02 --thalamus", "brunel-alpha --order 20", "ei-clustered"])
def test_what_is_counted_is_whole(tmp_path, command):
    options = ["--t-presim", "0", "--t-sim", "2", "--no-plots", "--profile"]
    options += ["--set", "N_E=400", "--set", "N_I=100"] if command == "ei-clustered" else []
    options += ["--set", "full_num_neurons=[2e4, 6e3, 2e4, 5e3, 5e3, 1e3, 1e4, 3000.0]"] if "micro" in command else []
    assert run(*command.split(), *options, "--out", tmp_path / "run") == 0
    found = fields_of_counts(json.loads((tmp_path / "run" / "summary.json").read_text()))
    assert len(found) > 15 and [field for field in found if not isinstance(field[1], int | None)] == []


def reference() -> Simulation:
    """Return the same run from the Python API."""
    network = Microcircuit().describe(Microcircuit.Parameters(N_scaling=0.02, K_scaling=0.02))
    network.record_voltages(network["L4E"][:40:3], 0.5)
    sim = Simulation(network, 1, SerialCommunicator())
    sim.run(20.0, record=False)
    sim.run(80.0)
    return sim


# --- what a run leaves ------------------------------------------------------------------------------------------------


def test_the_folder_holds_what_was_promised(finished):
    out, _ = finished
    assert {path.name for path in out.iterdir()} == FILES | {"raster.png", "rates.png"}
    for name in ("raster.png", "rates.png"):
        assert (out / name).read_bytes()[:8] == PNG


def test_the_summary_has_the_keys_that_others_read(finished):
    _, summary = finished
    assert set(summary) >= KEYS
    assert (summary["network"], summary["seed"], summary["ranks"]) == ("microcircuit", 1, 1)
    assert (summary["dt_ms"], summary["t_presim_ms"], summary["t_sim_ms"]) == (0.1, 20.0, 80.0)
    assert list(summary["populations"]) == list(Microcircuit.populations)
    timing = summary["timing"]
    assert set(timing) >= {"startup_s", "build_s", "presim_s", "sim_s", "real_time_factor", "phases"}
    assert timing["real_time_factor"] == pytest.approx(timing["sim_s"] / 0.08)
    assert set(timing["phases"]) == PHASES
    for phase in timing["phases"].values():
        assert 0 <= phase["min"] <= phase["mean"] <= phase["max"]
    assert sum(phase["mean"] for phase in timing["phases"].values()) <= 1.05 * timing["sim_s"]
    memory = summary["memory"]
    assert memory["peak_rss_bytes_total"] == sum(memory["peak_rss_bytes_per_rank"]) > 10**7
    assert summary["recording"]["mode"] == "serial"
    assert {"distsim", "python", "numpy", "numba", "h5py"} <= set(summary["versions"])


def test_the_summary_holds_every_parameter_resolved(finished):
    config = finished[1]["config"]
    names = {field.name for field in dataclasses.fields(Microcircuit.Parameters)}
    assert names <= set(config)
    assert (config["N_scaling"], config["K_scaling"], config["g"], config["tau_syn"]) == (0.02, 0.02, -4.0, 0.5)
    assert np.shape(config["conn_probs"]) == (8, 8)


def test_numbers_and_rates_are_those_of_the_files(finished):
    out, summary = finished
    spikes, n_spikes = read_spikes(out / "spikes.h5"), 0
    for name, population in summary["populations"].items():
        assert spikes[name].n == population["n"]
        assert population["rate_hz"] == pytest.approx(spikes[name].ids.size / population["n"] / 0.08)
        assert np.all((spikes[name].times > 20.0) & (spikes[name].times <= 100.0))
        n_spikes += spikes[name].ids.size
    assert summary["n_spikes"] == n_spikes > 50
    assert summary["n_neurons"] == sum(p["n"] for p in summary["populations"].values())


def test_the_command_line_gives_what_the_api_gives(finished):
    out, summary = finished
    sim = reference()
    assert summary["spikes_sha256"] == sim.spikes_sha256() == spikes_sha256(out / "spikes.h5", sim.network.grid.dt)
    assert summary["n_synapses"] == sim.n_synapses
    for name, spikes in read_spikes(out / "spikes.h5").items():
        times, ids = sim.spikes(sim.network[name])
        np.testing.assert_array_equal(spikes.times, times)
        np.testing.assert_array_equal(spikes.ids, ids)


def test_a_run_again_gives_the_same_and_another_seed_does_not(finished, tmp_path):
    out, summary = finished
    again = microcircuit_run(tmp_path / "again", "--no-plots")
    other = microcircuit_run(tmp_path / "other", "--no-plots", "--seed", "2")
    assert again["spikes_sha256"] == summary["spikes_sha256"] != other["spikes_sha256"]
    assert (tmp_path / "again" / "spikes.h5").stat().st_size == (out / "spikes.h5").stat().st_size
    assert not list((tmp_path / "again").glob("*.png"))


def test_what_is_seen_while_it_runs(tmp_path, capsys):
    summary = microcircuit_run(tmp_path / "run", "--no-plots")
    printed = capsys.readouterr()
    assert printed.err == ""
    for text in ("1,544", "119,548", "memory", "warm-up", "simulate", "real-time factor", "ETA", "spikes/s"):
        assert text in printed.out
    for name, population in summary["populations"].items():
        (line,) = [line for line in printed.out.splitlines() if line.split()[:1] == [name]]
        assert f"{population['rate_hz']:.3f}" in line and f"{population['reference_rate_hz']:.3f}" in line
    for phase in PHASES:
        assert any(line.split()[:1] == [phase] for line in printed.out.splitlines())
    assert "no neuron fired" not in printed.out
    assert summary["spikes_sha256"] in printed.out and str(tmp_path / "run") in printed.out
    assert "\r" not in printed.out  # no terminal


# --- options ----------------------------------------------------------------------------------------------------------


def test_no_record_counts_all_the_same(finished, tmp_path):
    _, summary = finished
    silent = microcircuit_run(tmp_path / "run", "--no-record")
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES - {"spikes.h5"}
    assert silent["spikes_sha256"] is None and silent["recording"]["mode"] == "off"
    assert rates(silent) == rates(summary) and silent["n_spikes"] == summary["n_spikes"]


def test_a_run_that_recorded_nothing_is_not_drawn_and_says_why(tmp_path, capsys):
    microcircuit_run(tmp_path / "run", "--no-record")
    assert run("plot", tmp_path / "run") == 2
    error = capsys.readouterr().err
    assert "spikes.h5: no such file" in error and "recorded no spikes (as with --no-record)" in error


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["microcircuit", *QUICK, "--input", "dc"], "no neuron fired; down-scaled networks with DC input may"),
        (["brunel-delta", "--N-E", "100", "--nu-ext-over-nu-thr", "0", "--t-sim", "10"], "no neuron fired\n"),
    ],
    ids=["microcircuit", "brunel-delta"],
)
def test_where_no_neuron_fired_the_run_says_so(tmp_path, capsys, argv, said):
    assert run(*argv, "--out", tmp_path / "run") == 0
    assert said in capsys.readouterr().out


def test_chosen_neurons_are_recorded(finished, tmp_path):
    out, summary = finished
    some = microcircuit_run(tmp_path / "run", "--record-spikes", "L6I", "L4E[10:200]", "L4E[300:400:2]")
    assert rates(some) == rates(summary)
    assert some["spikes_sha256"] != summary["spikes_sha256"]
    found, whole = read_spikes(tmp_path / "run" / "spikes.h5"), read_spikes(out / "spikes.h5")
    assert list(found) == ["L4E", "L6I"]
    np.testing.assert_array_equal(found["L6I"].ids, whole["L6I"].ids)
    kept = np.isin(whole["L4E"].ids, [*range(10, 200), *range(300, 400, 2)])
    assert 0 < kept.sum() < kept.size
    np.testing.assert_array_equal(found["L4E"].ids, whole["L4E"].ids[kept])
    np.testing.assert_array_equal(found["L4E"].times, whole["L4E"].times[kept])
    options = ("--record-spikes", "L4E[300:400:2]", "--record-spikes", "L6I", "L4E[10:200]")
    assert microcircuit_run(tmp_path / "twice", *options)["spikes_sha256"] == some["spikes_sha256"]


def test_numbers_of_synapses_that_are_left_to_chance_are_about():
    for rule, text in ((pairwise_bernoulli(0.5), "about 50"), (fixed_indegree(5), "50")):
        net = Network()
        E = net.create("E", 10)
        net.connect(E, E, rule, 1.0, 1.0)
        assert f"synapses  {text}\n" in network_text("some", net, 1, (1, 1))


def test_the_phases_and_the_rest_are_the_whole():
    phases = {"deliver": {"min": 0.1, "mean": 0.2, "max": 0.3}, "update": {"min": 0.3, "mean": 0.3, "max": 0.3}}
    *_, rest = phases_text(phases, 0.8).splitlines()
    assert rest.split() == ["rest", "0.300", "37.5%"]


def test_voltages_are_recorded(tmp_path):
    options = ["--record-voltages", "L4E[:40:3]", "--voltage-interval", "0.5", "--no-plots"]
    microcircuit_run(tmp_path / "run", *options)
    found, sim = read_reports(tmp_path / "run" / "voltages.h5"), reference()
    assert list(found) == ["L4E"]
    times, V = sim.voltages(sim.network["L4E"][:40:3])
    np.testing.assert_array_equal(found["L4E"].times, times)
    np.testing.assert_array_equal(found["L4E"].values, V.astype(np.float32))
    assert found["L4E"].ids.tolist() == list(range(0, 40, 3))


def test_options_and_set_are_two_ways_to_the_same(finished, tmp_path):
    _, summary = finished
    same = ["--out", tmp_path / "a", "--set", "N_scaling=0.02", "--set", "K_scaling=2e-2", *QUICK[2:], "--no-plots"]
    assert run("microcircuit", *same) == 0
    found = json.loads((tmp_path / "a" / "summary.json").read_text())
    assert found["spikes_sha256"] == summary["spikes_sha256"]
    changed = microcircuit_run(tmp_path / "b", "--set", "g=-5", "--no-plots")
    assert changed["config"]["g"] == -5.0 and changed["spikes_sha256"] != summary["spikes_sha256"]


def test_thalamus_and_dc(tmp_path):
    options = ["--thalamus", "--dc-stimulus", "--input", "dc", "--v0", "original", "--no-plots"]
    times = ["--set", "th_start=30", "--set", "dc_start=60", "--set", "dc_dur=20"]
    summary = microcircuit_run(tmp_path / "run", *options, *times)
    assert summary["populations"]["TH"]["n"] == 902 and summary["populations"]["TH"]["n_spikes"] > 500
    assert summary["n_neurons"] == 1544
    config = summary["config"]
    assert (config["poisson_input"], config["thalamic_input"], config["dc_input"]) == (False, True, True)
    assert config["V0_type"] == "original"
    times = read_spikes(tmp_path / "run" / "spikes.h5")["TH"].times
    assert times.min() > 30.0 and times.max() <= 40.0


def test_an_earlier_run_is_kept_unless_it_may_be_replaced(finished, tmp_path, capsys):
    folder = tmp_path / "run"
    microcircuit_run(folder, "--record-voltages", "L4E[:2]")
    before = everything_in(folder)
    assert run("microcircuit", *QUICK, "--out", folder) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert everything_in(folder) == before
    (folder / "mine.txt").write_text("kept")
    microcircuit_run(folder, "--overwrite", "--no-plots")
    assert {path.name for path in folder.iterdir()} == FILES | {"mine.txt"}


def test_without_out_each_run_gets_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert run("microcircuit", *QUICK, "--no-plots", "--no-record") == 0
    assert sorted(path.name for path in Path("results").iterdir()) == ["microcircuit-1", "microcircuit-2"]


def test_figures_are_drawn_again_from_the_files(finished, tmp_path, capsys):
    out, _ = finished
    for name in ("spikes.h5", "summary.json"):
        (tmp_path / name).write_bytes((out / name).read_bytes())
    assert run("plot", tmp_path) == 0
    printed = capsys.readouterr().out
    for name in ("raster.png", "rates.png"):
        assert str(tmp_path / name) in printed
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()


@pytest.mark.parametrize("times", [("0", "5"), ("5", "0"), ("0", "0")])
def test_no_warm_up_or_no_time_at_all_is_a_run(tmp_path, times):
    out, (t_presim, t_sim) = tmp_path / "run", times
    options = ["--scale", "0.02", "--t-presim", t_presim, "--t-sim", t_sim, "--out", out]
    assert run("microcircuit", *options) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert summary["t_sim_ms"] == float(t_sim)
    assert (summary["timing"]["real_time_factor"] is None) == (t_sim == "0")


def test_only_the_times_that_are_used_must_lie_on_the_grid(tmp_path):
    """700 ms, when the thalamus would fire, is no multiple of 0.3 ms."""
    argv = ["--scale", "0.02", "--dt", "0.3", "--t-presim", "0", "--t-sim", "30", "--no-plots", "--out", tmp_path]
    assert run("microcircuit", *argv) == 0


def test_attributes_of_the_spike_file_say_when(finished):
    out, _ = finished
    with h5py.File(out / "spikes.h5") as file:
        attributes = dict(file["spikes/L4E"].attrs)
    assert (attributes["t_start_ms"], attributes["t_stop_ms"]) == (20.0, 100.0)


# --- help -------------------------------------------------------------------------------------------------------------


def subparsers() -> dict:
    return make_parser(networks())._subparsers._group_actions[0].choices


@pytest.mark.parametrize("argv", [["--help"], ["microcircuit", "--help"], ["plot", "--help"], ["microcircuit", "-h"]])
def test_help_is_printed_once_and_is_no_error(argv, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*argv) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("usage: distsim") and printed.err == ""
    assert not list(tmp_path.iterdir())


def test_help_explains_every_option_and_parameter(capsys):
    run("microcircuit", "--help")
    text = " ".join(capsys.readouterr().out.split())
    for action in subparsers()["microcircuit"]._actions:
        assert action.help, action.option_strings
        assert all(option in text for option in action.option_strings)
    for field in dataclasses.fields(Microcircuit.Parameters):
        assert field.name in text and field.metadata["text"] in text
        assert not field.metadata["unit"] or field.metadata["unit"] in text


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_help_speaks_of_this_network(capsys, model):
    """Populations in examples are its own; lists and matrices are explained only where there are some."""
    assert run(model.name, "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"e.g. {model.populations[1]} '{model.populations[0]}[:100]'" in text
    shapes = [field.metadata.get("shape", ()) for field in dataclasses.fields(model.Parameters)]
    assert ("matrices [target, source]" in text) == any(len(shape) == 2 for shape in shapes)
    assert ("lists as [1, 2]" in text) == any(shapes)
    lists = f"lists by population in the order {', '.join(model.populations)}"
    assert (lists in text) == isinstance(model, Microcircuit)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_help_lists_what_is_allowed(model):
    lines = subparsers()[model.name].epilog.splitlines()
    helps = {action.dest: action.help for action in subparsers()[model.name]._actions}
    for field in dataclasses.fields(model.Parameters):
        allowed = ("true", "false") if field.type == "bool" else field.metadata["limits"].get("choices", ())
        (line,) = [line for line in lines if line.split()[0] == field.name]
        for word in allowed:
            assert word in line and word in helps.get(f"option_{field.name}", word)
    if isinstance(model, EIClustered):
        assert helps["option_clustering"] == "what is clustered: weight or probabilities (weight)"
        assert helps["option_fixed_indegree"].endswith(": true or false (false)")


@pytest.mark.parametrize("option", ["--t-presim", "--t-sim", "--dt", "--voltage-interval"])
def test_help_gives_the_unit_of_times(option):
    (action,) = [a for a in subparsers()["microcircuit"]._actions if option in a.option_strings]
    assert " ms" in action.help


def test_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("distsim ")


def test_nobody_but_rank_0_prints_help(capsys):
    second = SerialCommunicator()
    second.rank, second.size = 1, 2
    assert run_command(["microcircuit", "--help"], second) == 0
    assert run_command(["microcircuit", "--scale", "0"], second) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working folder with a file and an earlier run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "earlier").mkdir()
    (tmp_path / "earlier" / "summary.json").write_text("{}")
    return tmp_path


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("typed", "named"), MISTAKES, ids=[typed for typed, _ in MISTAKES])
def test_bad_input_is_named_once_and_leaves_nothing(folder, capsys, monkeypatch, typed, named):
    monkeypatch.setattr("distsim.runs.run.run", lambda *_, **__: pytest.fail("was run all the same"))
    before = sorted(folder.rglob("*"))
    argv = [word.strip("'") for word in typed.split()]
    small = [] if "--scale" in typed or "scaling" in typed else ["--scale", "0.02"]
    assert run("microcircuit", *small, *argv) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("distsim: error: ") and printed.err.count("\n") == 1
    for text in named:
        assert text in printed.err
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        ([], ["no command", "--help"]),
        (["microcircit"], ["microcircit", "microcircuit"]),
        (["--scale", "0.1"], ["0.1", "microcircuit"]),
        (["plot"], ["DIR"]),
        (["plot", "nowhere"], ["nowhere", "no such folder"]),
        (["plot", "."], ["summary.json", "no such file", "not the folder of a run"]),
        (["plot", "earlier/summary.json"], ["a file", "give the folder", "here earlier"]),
        (["plot", "earlier"], ["summary.json", "populations"]),
        (["plot", "earlier", "--scale", "0.1"], ["--scale"]),
    ],
)
def test_other_bad_commands_are_named_once(folder, capsys, argv, named):
    before = sorted(folder.rglob("*"))
    assert run(*argv) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("distsim: error: ") and printed.err.count("\n") == 1
    for text in named:
        assert text in printed.err
    assert sorted(folder.rglob("*")) == before


def plain_options(model) -> list[str]:
    """Return the options that are called like the parameter they set."""
    fields = {field.name for field in dataclasses.fields(model.Parameters)}
    return [option.name for option in model.options if option.name in fields]


def shortcuts() -> list[tuple]:
    """Every option that stands for a parameter, with a value that is none."""
    return [(model.name, name) for model in MODELS for name in plain_options(model)]


@pytest.mark.parametrize(("network", "name"), shortcuts())
def test_an_option_is_named_as_it_was_typed(folder, capsys, network, name):
    option, argv = f"--{name.replace('_', '-')}", [network, "--out", "run"]
    assert run(*argv, option, "x") == 2
    assert capsys.readouterr().err.startswith(f"distsim: error: {option} x: ")
    assert run(*argv, "--set", f"{name}=x") == 2
    assert capsys.readouterr().err.startswith(f"distsim: error: --set {name}=x: ")
    assert run(*argv, option, "1", "--set", f"{name}=2") == 2
    assert capsys.readouterr().err.startswith(f"distsim: error: --set {name}=2: {option} 1 sets it, too")


def test_a_panel_is_named_where_it_sets_what_is_set_again(folder, capsys):
    assert run("brunel-delta", "--panel", "A", "--set", "g=5") == 2
    assert "--set g=5: --panel A sets it, too: give either of them" in capsys.readouterr().err
    assert run("brunel-delta", "--panel", "A", "--g", "5") == 2
    assert "--g 5: --panel A sets g, too: give either of them" in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "named"), SEVERAL, ids=[typed for typed, _ in SEVERAL])
def test_all_mistakes_are_named_at_once(folder, capsys, typed, named):
    before = sorted(folder.rglob("*"))
    assert run("microcircuit", *typed.split()) == 2
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert printed.out == "" and all(line.startswith("distsim: error: ") for line in lines)
    assert len(lines) == len(named) and all(any(name in line for line in lines) for name in named), lines
    assert sorted(folder.rglob("*")) == before


# --- as a process -----------------------------------------------------------------------------------------------------


def test_a_process_ends_with_the_code_of_its_run(tmp_path):
    good = start("microcircuit", *QUICK, "--out", "run", "--no-plots", cwd=tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    assert (tmp_path / "run" / "spikes.h5").exists()
    bad = start("microcircuit", *QUICK, "--out", "run", cwd=tmp_path)
    assert bad.returncode == 2 and bad.stdout == "" and bad.stderr.count("\n") == 1


def test_a_time_beyond_all_steps_is_refused_in_time(tmp_path):
    done = start("microcircuit", "--scale", "0.02", "--t-sim", "1e300", cwd=tmp_path, timeout=15)
    assert done.returncode == 2 and "--t-sim" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_error_ends_the_process_with_its_traceback(tmp_path):
    script = tmp_path / "failing.py"
    script.write_text(
        "import sys\n"
        "from distsim import __main__\nfrom distsim.runs import run\n"
        "def fail(*_, **__): raise RuntimeError('the neurons are on fire')\n"
        "run.run = fail\n"
        f"sys.argv[1:] = ['microcircuit', '--scale', '0.02', '--out', {str(tmp_path / 'run')!r}]\n"
        "sys.exit(__main__.main())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode not in (0, 2)
    assert done.stderr.count("Traceback") == 1 and "the neurons are on fire" in done.stderr
