"""Requests of runs: the same in JSON, in TOML, from options, from a file, and in the run's folder."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path

import pytest

from distsim.networks.registry import Source, networks
from distsim.parallel import SerialCommunicator
from distsim.runs.prepared import prepare
from distsim.runs.request import CheckpointSchedule, Recording, RunRequest
from distsim.runs.request_file import from_toml, read_config, to_toml
from tests.support.commands import run

COMM = SerialCommunicator()
SMALL = ["brunel-alpha", "--order", "50", "--t-sim", "20", "--no-plots"]


def request(network: str = "ei-clustered", **given) -> RunRequest:
    model = networks()[network]
    asked = RunRequest(model.name, {}, 0.0, 10.0, 0.1, 1, **given)
    return prepare(model, asked, COMM).request


REQUESTS = {
    "as usual": {},
    "recording": {"recording": Recording(("E[:10]", "I"), (), 0.5)},
    "voltages": {"recording": Recording(None, ("E[0]",))},
    "nothing": {"recording": Recording.nothing()},
    "checkpoints": {"checkpoints": CheckpointSchedule(10.0, 600.0), "max_rate": 0.0, "plots": False, "profile": True},
    "source": {"source": Source("/home/me/my 'net\".py", "Mine", "ab" * 32)},
}


@pytest.mark.parametrize("given", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("network", list(networks()))
def test_a_request_is_the_same_after_json_and_toml(tmp_path, network, given):
    if network == "microcircuit" and given.get("recording") not in (None, Recording.nothing()):
        given = {"recording": Recording(("L4E[:10]",), ("L5I[0]",), 0.5)}
    asked = request(network, **given)
    assert RunRequest.from_json(json.loads(json.dumps(asked.to_json()))) == asked
    text = to_toml(asked, networks()[network])
    (tmp_path / "config.toml").write_text(text, encoding="utf8")
    assert read_config(tmp_path) == asked
    if sys.version_info >= (3, 11):
        import tomllib

        assert tomllib.loads(text) == from_toml(text)  # any reader of TOML understands it


def test_requests_are_frozen_and_equal_where_all_is_equal():
    one, other = request(), request()
    assert one == other and one.difference(other) is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.seed = 2


DIFFERENCES = {
    "seed": {"seed": 2},
    "dt": {"dt": 0.2},
    "t_sim": {"t_sim": 11.0},
    "recording": {"recording": Recording(())},
    "variant": {"variant": "A"},
    "the network's file": {"source": Source("/x.py", "X", "00")},
}


@pytest.mark.parametrize(("name", "changes"), DIFFERENCES.items(), ids=DIFFERENCES)
def test_what_differs_is_named(name, changes):
    one = request()
    assert one.difference(dataclasses.replace(one, **changes)) == name


def test_a_parameter_that_differs_is_named_and_what_changes_nothing_is_not():
    one = request()
    other = dataclasses.replace(one, parameters={**one.parameters, "rep": 3.0})
    assert one.difference(other) == "rep"
    alike = dataclasses.replace(one, plots=False, profile=True, max_rate=1.0, checkpoints=CheckpointSchedule(1.0))
    assert one.difference(alike) is None and one != alike


@pytest.mark.parametrize("key", [*request().to_json()])
def test_a_damaged_request_is_refused_by_name(key):
    found = request().to_json()
    with pytest.raises(ValueError, match=f"here.{key}"):
        RunRequest.from_json({**found, key: object()}, "here")


# --- distsim config and --config --------------------------------------------------------------------------------------


def config(capsys, *argv) -> str:
    capsys.readouterr()
    assert run("config", *argv) == 0
    return capsys.readouterr().out


def test_a_configuration_has_every_parameter_with_unit_and_comment(capsys):
    text = config(capsys, "microcircuit", "--scale", "0.1")
    found = from_toml(text)
    fields = {field.name: field for field in dataclasses.fields(networks()["microcircuit"].Parameters)}
    assert set(found["parameters"]) == set(fields) and found["parameters"]["N_scaling"] == 0.1
    for name, field in fields.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"{name} = ")]
        if not isinstance(found["parameters"][name], list) or not isinstance(found["parameters"][name][0], list):
            assert field.metadata["text"] in line and field.metadata["unit"] in line, line
    assert "t_sim = 1000.0 # ms" in text and "# every" in text and '# spikes = ["E[:100]"]' in text


def test_what_config_writes_is_what_the_options_run(tmp_path, capsys):
    file = tmp_path / "my.toml"
    file.write_text(config(capsys, *SMALL, "--g", "4.5", "--record-spikes", "E[:5]", "--seed", 7), encoding="utf8")
    assert run("brunel-alpha", "--config", file, "--out", tmp_path / "file") == 0
    argv = [*SMALL, "--g", "4.5", "--record-spikes", "E[:5]", "--seed", 7]
    assert run(*argv, "--out", tmp_path / "options") == 0
    assert read_config(tmp_path / "file") == read_config(tmp_path / "options")
    hashes = {
        json.loads((tmp_path / name / "summary.json").read_text())["spikes_sha256"] for name in ("file", "options")
    }
    assert len(hashes) == 1


def test_the_file_in_a_folder_repeats_the_run_and_options_win(tmp_path):
    assert run(*SMALL, "--out", tmp_path / "one", "--set", "J=0.2") == 0
    kept = tmp_path / "one" / "config.toml"
    assert run("brunel-alpha", "--config", kept, "--out", tmp_path / "again") == 0
    one, again = read_config(tmp_path / "one"), read_config(tmp_path / "again")
    assert one == again and one.parameters["J"] == 0.2 and one.parameters["order"] == 50
    other = ["--t-sim", "10", "--set", "J=0.1", "--g", "6", "--seed", "3", "--no-record", "--checkpoint-every", "5ms"]
    assert run("brunel-alpha", "--config", kept, *other, "--out", tmp_path / "other") == 0
    found = read_config(tmp_path / "other")
    assert (found.t_sim, found.seed, found.recording) == (10.0, 3, Recording.nothing())
    assert (found.parameters["J"], found.parameters["g"], found.parameters["order"]) == (0.1, 6.0, 50)
    assert found.checkpoints == CheckpointSchedule(0.005)


def test_a_variant_of_the_file_gives_way_to_one_of_the_options(tmp_path, capsys):
    file = tmp_path / "a.toml"
    file.write_text(config(capsys, "brunel-delta", "--panel", "A", "--N-E", "100"), encoding="utf8")
    found = from_toml(config(capsys, "brunel-delta", "--config", file, "--panel", "B"))
    assert (found["variant"], found["parameters"]["g"], found["t_sim"]) == ("B", 6.0, 1200.0)
    assert found["parameters"]["N_E"] == 100
    kept = from_toml(config(capsys, "brunel-delta", "--config", file))
    assert (kept["variant"], kept["parameters"]["g"], kept["t_sim"]) == ("A", 3.0, 600.0)


def test_a_short_file_is_enough(tmp_path, capsys):
    file = tmp_path / "short.toml"
    file.write_text('t_sim = 5\n[parameters]\norder = 50\n[recording]\nspikes = ["E[0]"]\n')
    found = from_toml(config(capsys, "brunel-alpha", "--config", file))
    assert (found["t_sim"], found["seed"], found["parameters"]["order"], found["parameters"]["g"]) == (5.0, 1, 50, 5.0)


MISTAKES = {
    "unknown": ("sed = 1\n", ["unknown entry sed", "seed"]),
    "unknown below": ('[recording]\nspike = ["E"]\n', ["recording.spike", "spikes"]),
    "wrong kind": ('seed = "one"\n', ["seed is 'one'", "whole number"]),
    "several": ('seed = -1\ndt = "x"\n', ["seed is -1", "dt is 'x'"]),
    "parameter": ("[parameters]\norder = 0\n", ["parameters.order", "at least 1"]),
    "unknown parameter": ("[parameters]\nordr = 1\n", ["ordr", "order"]),
    "another network": ('network = "brunel-delta"\n', ["brunel-delta", "not 'brunel-alpha'"]),
    "no TOML": ("seed: 1\n", ["not TOML"]),
    "no such variant": ('variant = "A"\n', ["variant 'A'"]),
    "other quantities": ('[recording]\nothers = ["w"]\n', ["recording.others", "no recording 'w'"]),
    "an interval of nothing": ("[recording]\nvoltage_interval = 1\n", ["recording.voltage_interval", "voltages"]),
    "neurons": ('[recording]\nspikes = ["X"]\n', ["X"]),
}


@pytest.mark.parametrize(("text", "named"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_in_a_file_are_named_with_the_file_and_leave_nothing(tmp_path, capsys, monkeypatch, text, named):
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text(text)
    assert run("brunel-alpha", "--config", "my.toml") == 2
    printed = capsys.readouterr()
    assert printed.out == "" and all(name in printed.err for name in named), printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["my.toml"]


def test_no_such_file_and_no_such_network(tmp_path, capsys):
    assert run("brunel-alpha", "--config", tmp_path / "none.toml") == 2
    assert "none.toml: cannot be read (No such file or directory)" in capsys.readouterr().err
    assert run("config", "brunel-alfa") == 2 and "brunel-alpha" in capsys.readouterr().err
    assert run("config", "brunel-delta", "--panel", "all") == 2 and "one run" in capsys.readouterr().err


DAMAGED = {
    "a pipe": (lambda path: os.mkfifo(path), "not a regular file"),
    "not text": (lambda path: path.write_bytes(b"\xff\xfe"), "not a text file"),
    "nested": (lambda path: path.write_text("a = " + 10_000 * "["), "not TOML"),
    "part of it": (lambda path: path.write_text("seed = 1\n"), "network"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_configuration_in_a_folder_is_named(tmp_path, capsys, damage, said):
    assert run(*SMALL, "--out", tmp_path / "run") == 0
    (tmp_path / "run" / "config.toml").unlink()
    damage(tmp_path / "run" / "config.toml")
    capsys.readouterr()
    assert run("resume", tmp_path / "run") == 2
    printed = capsys.readouterr().err
    assert "config.toml" in printed and said in printed, printed
