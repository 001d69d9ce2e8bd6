"""The model of strong scaling: its formula, its costs from measured points, its figure, memory by ranks."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distsim import Network, fixed_total_number
from distsim.analysis.scaling_figure import scaling_figure
from distsim.distributions import Normal
from distsim.engine.memory import estimate_arrays
from distsim.scaling import (
    PHASES,
    SIZES,
    Costs,
    exchange_dominates,
    fit_costs,
    load_of,
    memory_by_ranks,
    microcircuit_load,
    segment_cost,
    step_times,
)

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
COSTS = Costs(1e-9, 10e-9, 0.5e-9, 0.25e-9, 1e-6, 2e-6, 1e10)


def small() -> Network:
    network = Network(0.1)
    E, I = network.create("E", 1000), network.create("I", 200)
    network.connect(E, I, fixed_total_number(50_000), Normal(1.0, 0.1), 1.5)
    network.connect(I, E, fixed_total_number(20_000), Normal(-1.0, 0.1), 2.0)
    return network


def test_the_load_follows_from_rates():
    load = load_of(small(), {"E": 10.0, "I": 20.0})
    assert load.neurons == 1200 and load.interval == 15
    assert load.spikes == pytest.approx(1.0 + 0.4)  # a step of 0.1 ms
    assert load.events == pytest.approx(1.0 * 50 + 0.4 * 100)
    assert load.segments(1) == pytest.approx(2 * load.spikes)  # two delays


def test_the_natural_density_microcircuit_is_known():
    load = microcircuit_load()
    assert load.neurons == 77169 and load.interval == 1
    assert load.spikes == pytest.approx(25, rel=0.05) and load.events == pytest.approx(1e5, rel=0.1)
    assert load.segments(1) == 2 * load.segments(2)  # one rank has two shards
    assert load.segments(512) == load.spikes  # by source


def test_a_step_is_the_sum_of_the_formula():
    load = load_of(small(), {"E": 10.0, "I": 20.0})
    times = step_times(load, COSTS, (1, 2, 3, 4))
    assert tuple(times) == PHASES
    np.testing.assert_allclose(times["update"], 0.5e-9 * 1200 / np.array([1, 2, 3, 4]))
    np.testing.assert_allclose(times["stimulate"], 0.25e-9 * 1200 / np.array([1, 2, 3, 4]))
    assert times["deliver"][1] == pytest.approx(1e-9 * load.events / 2 + 10e-9 * load.segments(2))
    np.testing.assert_allclose(times["exchange"][:2], [0.0, 2 * 2e-6 / 15 + (8 + 4 * load.spikes) / 1e10])
    assert times["exchange"][2] == pytest.approx(2 * 2e-6 * 2 / 15 + (12 + 4 * load.spikes) / 1e10)
    np.testing.assert_array_equal(times["step"], 1e-6)


def test_the_exchange_dominates_from_the_first_number_on_which_it_takes_longest():
    load = microcircuit_load()
    first = exchange_dominates(load, COSTS)
    for size, expected in ((first - 1, False), (first, True)):
        times = {phase: t[0] for phase, t in step_times(load, COSTS, [size]).items()}
        assert (times.pop("exchange") > sum(times.values())) == expected
    assert exchange_dominates(load, replace(COSTS, step=1e-3, alpha=0.0, beta=1e15)) is None


def test_costs_are_found_again():
    load = microcircuit_load(0.1)
    times = step_times(load, COSTS, (1, 2))
    segment = segment_cost(load, *times["deliver"])
    assert segment == pytest.approx(COSTS.segment)
    fitted = fit_costs(load, {phase: t[1] for phase, t in times.items()}, segment, COSTS.alpha, COSTS.beta)
    np.testing.assert_allclose(list(vars(fitted).values()), list(vars(COSTS).values()))


def test_two_shards_on_one_rank_do_not_tell_entries_and_events_apart():
    with pytest.raises(ValueError, match="smaller network"):
        segment_cost(microcircuit_load(), 2.0, 1.0)


def test_memory_by_ranks_is_what_the_engine_estimates():
    network = microcircuit_load().network
    found = memory_by_ranks(network)
    assert list(found) == [2, 16, 64, 512]
    assert found[16] == estimate_arrays(network, 16)
    totals = [sum(parts.values()) for parts in found.values()]
    assert totals == sorted(totals, reverse=True) and totals[0] > 20 * totals[-1]


def test_the_figure_is_drawn(tmp_path):
    load = microcircuit_load()
    measured = {n: {phase: t[0] for phase, t in step_times(load, COSTS, [n]).items()} for n in (1, 2)}
    modelled = step_times(load, COSTS)
    scaling_figure(measured, SIZES, modelled, tmp_path / "all.png", 1e-4, 40, "title")
    scaling_figure({}, SIZES, modelled, tmp_path / "modelled.svg")
    assert (tmp_path / "all.png").read_bytes()[:4] == b"\x89PNG" and (tmp_path / "modelled.svg").exists()


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield __import__("scaling")
    for name in ("common", "scaling"):
        sys.modules.pop(name, None)


def summary(ranks: int) -> dict:
    """Return the summary of 1000 steps at scale 0.1, on 1 rank or 2."""
    times = step_times(microcircuit_load(0.1), COSTS, [ranks])
    seconds = {phase: [1e3 * float(t[0])] * ranks for phase, t in times.items()}
    seconds["waiting"], seconds["record"] = [0.0] * ranks, [0.0] * ranks
    total = sum(t[0] for t in seconds.values())
    del seconds["step"]
    populations = {name: {"rate_hz": 3.0} for name in ("L4E",)}
    profile = {"seconds": seconds, "steps": 1000}
    return {"ranks": ranks, "populations": populations, "profile": profile, "timing": {"sim_s": total}}


def test_the_benchmark_prints_tables_and_draws(benchmark, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark, "run_distsim", lambda arguments, ranks: summary(ranks))
    out = tmp_path / "scaling.png"
    monkeypatch.setattr(sys, "argv", ["scaling.py", "--scale", "0.1", "--pairs", "2", "--out", str(out)])
    benchmark.main()
    printed = capsys.readouterr().out
    assert out.exists() and "| 1 | measured |" in printed and "| 1024 | modelled |" in printed
    assert "| 512 |" in printed and "synapses, MB" in printed and "dominates from" in printed
