"""`--profile`: waiting and imbalance from the sums of phases, and the advice that follows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from distsim.cli.command import run_command
from distsim.parallel import SerialCommunicator
from distsim.runs.profiling import describe, most_ranks, profile_text

QUICK = ("--scale", "0.02", "--t-presim", "5", "--t-sim", "20", "--no-plots", "--no-record")


def profile(deliver, update=None, exchange=None, neurons=None, events=None, steps=1000) -> dict:
    """Return a profile of ranks that need `deliver` seconds, and 1 s to update unless said otherwise."""
    size = len(deliver)
    seconds = {
        "deliver": np.array(deliver, float),
        "update": np.ones(size) if update is None else np.array(update, float),
        "stimulate": np.zeros(size),
        "exchange": np.zeros(size) if exchange is None else np.array(exchange, float),
        "record": np.zeros(size),
    }
    neurons = np.full(size, 100) if neurons is None else np.array(neurons)
    events = np.full(size, 10**9) if events is None else np.array(events)
    return describe(seconds, neurons, 10 * neurons, events, steps, 10)


def test_who_is_ready_early_waits_for_the_slowest():
    found = profile([1.0, 3.0], exchange=[2.1, 0.1])
    assert found["seconds"]["waiting"] == [2.0, 0.0]
    np.testing.assert_allclose(found["seconds"]["exchange"], [0.1, 0.1])
    assert found["imbalance"] == pytest.approx(4.0 / 3.0 - 1.0)
    assert found["event_ns"] == [1.0, 3.0] and found["update_ns"] == [1e4, 1e4]


def test_no_rank_waits_longer_than_its_exchange():
    assert profile([1.0, 3.0], exchange=[0.5, 0.1])["seconds"]["waiting"] == [0.5, 0.0]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (profile([2.0]), ["one rank", "deliver", "67%"]),
        (profile([0.0, 0.0], update=[0.0, 0.0]), ["nothing"]),
        (profile([1.0, 1.0, 1.0, 2.0], exchange=[1.0, 1.0, 1.0, 0.0]), ["rank 3", "deliver", "100%", "slower core"]),
        (profile([1.0, 1.0], [2.0, 1.0], [0.0, 1.0]), ["rank 0", "update", "another program"]),
        (profile([1.0, 2.0], events=[10, 20]), ["rank 1", "100% more synaptic events"]),
        (profile([1.0, 1.0], [2.0, 1.0], neurons=[20, 10]), ["rank 0", "more neurons"]),
        (profile([1.0, 1.0], exchange=[0.01, 0.01]), ["well balanced", "until about 64"]),
        (profile([0.1] * 8, [0.1] * 8, [0.8] * 8, steps=10**6), ["exchange takes 80%", "about 2 ranks"]),
        (profile([0.1] * 2, [0.1] * 2, [0.8] * 2), ["8000 us", "more ranks than cores"]),
    ],
)
def test_the_advice_follows_from_the_numbers(found, words):
    assert all(word in found["advice"] for word in words), found["advice"]
    assert "\n" not in found["advice"]


def test_ranks_help_until_the_exchange_takes_as_long():
    assert most_ranks(2, 2.0, 0.0) == 1 << 20
    assert most_ranks(2, 2.0, 0.01) == 64  # 4 / 64 = 0.0625 s and 0.06 s
    assert most_ranks(16, 0.1, 1.0) == 2 and most_ranks(2, 0.001, 1.0) == 1


def test_up_to_eight_ranks_have_a_line_each():
    assert [line.split()[0] for line in profile_text(profile([1.0] * 3)).splitlines()[1:4]] == ["0", "1", "2"]
    lines = profile_text(profile(np.linspace(1, 2, 9))).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["min", "median", "max"] and "imbalance" in lines[4]
    assert [line.split()[1] for line in lines[1:4]] == ["1.000", "1.500", "2.000"]


def run(out, *options) -> dict:
    argv = ["microcircuit", *QUICK, "--out", str(out), *options]
    assert run_command(argv, SerialCommunicator()) == 0
    return json.loads((out / "summary.json").read_text())


def test_a_run_tells_only_when_asked(tmp_path, capsys):
    plain = run(tmp_path / "plain")
    assert "profile" not in plain and "imbalance" not in capsys.readouterr().out
    told = run(tmp_path / "told", "--profile")
    assert told.keys() - plain.keys() == {"profile"} and told["config"] == plain["config"]
    found, printed = told["profile"], capsys.readouterr().out
    assert found["neurons"] == [1544] and found["synapses"] == [told["n_synapses"]] and found["steps"] == 200
    assert found["advice"] in printed and "ns/event" in printed
