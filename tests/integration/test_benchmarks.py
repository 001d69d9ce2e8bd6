"""Benchmarks compute their figures from runs, and say so when the other program is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from distsim.performance.bench.cases import Case
from distsim.performance.bench.peers import read_figures

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in ("common", "peers"):
        sys.modules.pop(name, None)


def test_figures_are_read_from_among_other_text():
    text = "NEST 3.10.0, Python 3.11.7\nsynapses 12  build_s 1.50\nreal_time_factor 2e-1\nrate_hz 7\n"
    figures = read_figures(text, ["build_s", "real_time_factor"])
    assert figures == {"synapses": 12.0, "build_s": 1.5, "real_time_factor": 0.2, "rate_hz": 7.0}
    with pytest.raises(ValueError, match="did not print memory_GB"):
        read_figures(text, ["build_s", "memory_GB"])


def test_ratios_are_taken_within_pairs(benchmarks):
    from common import median, ratio_text, ratios

    above, below = [{"x": 2.0}, {"x": 9.0}, {"x": 8.0}], [{"x": 1.0}, {"x": 3.0}, {"x": 8.0}]
    assert median(above, "x") == 8.0
    assert ratios(above, below, "x") == {"median": 2.0, "min": 1.0, "max": 3.0}
    assert ratio_text(ratios(above, below, "x")) == "2.000 (1.000-3.000)"


def test_without_the_peer_distsim_is_timed_alone(benchmarks, monkeypatch, capsys):
    import peers

    figures = {"build_s": 0.5, "real_time_factor": 0.25, "rate_hz": 3.0, "n_synapses": 10}
    monkeypatch.setattr(peers, "run_ours", lambda name, times, seed, ranks: ("distsim 0", figures))
    monkeypatch.setitem(peers.NETWORKS, "none", ("none",))
    monkeypatch.setitem(peers.CASES, "none", Case(None, 0.0, 1.0, peer="Nothing", script="no_such_peer.py"))
    monkeypatch.setattr(sys, "argv", ["peers.py", "--networks", "none", "--pairs", "2"])
    results = peers.time_network("none", peers.parse())
    assert "no_such_peer.py" in results["problem"] and results["runs"] == {"distsim": [figures] * 2, "Nothing": []}
    assert results["medians"]["real_time_factor"] == {"distsim": 0.25} and results["ratios"] == {}
    assert "Nothing is not timed" in capsys.readouterr().out
