"""The noise seed on the command line: in the run's folder, its summary and its checkpoints."""

from __future__ import annotations

import json

from tests.support.commands import run

SMALL = ["brunel-alpha", "--order", 20, "--t-presim", 5, "--t-sim", 60, "--no-plots"]


def test_the_command_line_takes_a_noise_seed(tmp_path, capsys):
    def summary(name: str, *options) -> dict:
        assert run(*SMALL, "--out", tmp_path / name, *options) == 0
        return json.loads((tmp_path / name / "summary.json").read_text())

    one, same = summary("one"), summary("same", "--noise-seed", 1)
    other = summary("other", "--noise-seed", 2)
    assert one["noise_seed"] == same["noise_seed"] == 1 and other["noise_seed"] == 2 and other["seed"] == 1
    assert one["spikes_sha256"] == same["spikes_sha256"] != other["spikes_sha256"]
    assert "seed 1, noise seed 2" in capsys.readouterr().out
    assert "# noise_seed = 2" in (tmp_path / "one" / "config.toml").read_text()
    again = summary("again", "--config", tmp_path / "other" / "config.toml")
    assert again["spikes_sha256"] == other["spikes_sha256"]


def test_a_resumed_run_keeps_the_noise_seed(tmp_path):
    options = [*SMALL, "--noise-seed", 2, "--checkpoint-every", "20ms"]
    assert run(*options, "--out", tmp_path / "whole") == 0
    assert run(*options, "--out", tmp_path / "cut", "--max-wall", "0.001s") == 75
    assert run(*SMALL, "--checkpoint-every", "20ms", "--out", tmp_path / "cut", "--resume", "auto") == 2
    assert run("resume", tmp_path / "cut") == 0
    hashes = [json.loads((tmp_path / name / "summary.json").read_text())["spikes_sha256"] for name in ("whole", "cut")]
    assert hashes[0] == hashes[1]
