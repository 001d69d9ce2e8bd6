"""The model of strong scaling: its formula, its costs from measured points, its figure, memory by ranks."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distsim import Network, fixed_total_number
from distsim.analysis.scaling_figure import scaling_figure
from distsim.description.distributions import Normal
from distsim.engine.connectivity.table_plan import plan_table
from distsim.engine.memory import estimate_arrays
from distsim.networks.microcircuit import POPULATIONS
from distsim.performance.bench.alone import deliver_alone, random_spikes
from distsim.performance.scaling import (
    PHASES,
    SIZES,
    Costs,
    deliver_time,
    exchange_dominates,
    fit_costs,
    load_of,
    memory_by_ranks,
    microcircuit_load,
    step_times,
)

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
COSTS = Costs(1e-9, 10e-9, 2e-9, 70e-9, 0.5e-9, 0.25e-9, 1e-6, 2e-6, 1e10)
ALONE = ((2, False), (8, False), (32, True), (128, True))


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
    assert load.lookups(1, False) == pytest.approx(2 * load.spikes)  # two delays
    assert load.lookups(1, True) == pytest.approx(load.spikes)


def test_the_natural_density_microcircuit_is_known():
    load = microcircuit_load()
    assert load.neurons == 77169 and load.interval == 1
    assert load.spikes == pytest.approx(25, rel=0.05) and load.events == pytest.approx(1e5, rel=0.1)
    assert load.lookups(1, False) == 2 * load.lookups(2, False)  # one rank has two shards
    assert not load.by_source(8) and load.by_source(16)


def test_a_step_is_the_sum_of_the_formula():
    load = load_of(small(), {"E": 10.0, "I": 20.0})
    times = step_times(load, COSTS, (1, 2, 3, 4))
    assert tuple(times) == PHASES
    np.testing.assert_allclose(times["update"], 0.5e-9 * 1200 / np.array([1, 2, 3, 4]))
    np.testing.assert_allclose(times["stimulate"], 0.25e-9 * 1200 / np.array([1, 2, 3, 4]))
    for k, size in enumerate((1, 2, 3, 4)):
        event, lookup = (2e-9, 70e-9) if load.by_source(size) else (1e-9, 10e-9)
        expected = event * load.events / size + lookup * load.lookups(size, load.by_source(size))
        assert times["deliver"][k] == pytest.approx(expected)
    # an interval of 15 steps; 21 spikes fit into the packets
    np.testing.assert_allclose(times["exchange"][:2], [0.0, 2e-6 / 15 + 4 * 2 * (15 + 32) / 15 / 1e10])
    assert times["exchange"][2] == pytest.approx(2e-6 * 2 / 15 + 4 * 3 * (15 + 32) / 15 / 1e10)
    more = step_times(replace(load, spikes=10.0), COSTS, (2,))["exchange"]
    assert more[0] == pytest.approx(2 * 2e-6 / 15 + (4 * 2 * (15 + 32) / 15 + 40) / 1e10)
    np.testing.assert_array_equal(times["rest"], 1e-6)


def test_the_exchange_dominates_from_the_first_number_on_which_it_takes_longest():
    load = microcircuit_load()
    first = exchange_dominates(load, COSTS)
    for size, expected in ((first - 1, False), (first, True)):
        times = {phase: t[0] for phase, t in step_times(load, COSTS, [size]).items()}
        assert (times.pop("exchange") > sum(times.values())) == expected
    assert exchange_dominates(load, replace(COSTS, rest=1e-3, alpha=0.0, beta=1e15)) is None


def test_costs_are_found_again():
    load = microcircuit_load(0.1)
    times = {phase: t[0] for phase, t in step_times(load, COSTS, (2,)).items()}
    alone = {(size, by_source): deliver_time(load, COSTS, size, by_source) for size, by_source in ALONE}
    fitted = fit_costs(load, times, alone, COSTS.alpha, COSTS.beta)
    np.testing.assert_allclose(list(vars(fitted).values()), list(vars(COSTS).values()))


@pytest.mark.parametrize("by_source", [False, True])
def test_one_rank_of_many_delivers_alone(by_source):
    load = microcircuit_load(0.05)
    rates = {population.name: 5.0 for population in load.network.populations}
    assert 0.0 < deliver_alone(load.network, rates, 4, by_source) < 1e-2
    history = random_spikes(load.network, rates)
    assert history.count.sum() == pytest.approx(5e-4 * load.neurons * 1200, rel=0.1)


def test_memory_by_ranks_is_what_the_engine_estimates():
    network = microcircuit_load().network
    found = memory_by_ranks(network)
    assert list(found) == [2, 16, 64, 512]
    assert found[16] == estimate_arrays(plan_table(network, 16))
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
    del seconds["rest"]
    populations = {name: {"rate_hz": 3.0} for name in POPULATIONS}
    profile = {"seconds": seconds, "steps": 1000}
    return {"ranks": ranks, "populations": populations, "profile": profile, "timing": {"sim_s": total}}


@pytest.mark.parametrize("ranks", [("1", "4"), ("0", "2"), ("2", "100000")])
def test_the_benchmark_refuses_ranks_that_it_cannot_use(benchmark, monkeypatch, capsys, ranks):
    monkeypatch.setattr(sys, "argv", ["performance/scaling.py", "--ranks", *ranks])
    with pytest.raises(SystemExit):
        benchmark.main()
    assert "error: --ranks" in capsys.readouterr().err


def test_the_benchmark_prints_tables_and_draws(benchmark, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark, "run_distsim", lambda arguments, ranks: summary(ranks))
    load = microcircuit_load(0.1)
    monkeypatch.setattr(benchmark, "deliver_alone", lambda _, __, *what: deliver_time(load, COSTS, *what))
    out = tmp_path / "scaling.png"
    monkeypatch.setattr(sys, "argv", ["performance/scaling.py", "--scale", "0.1", "--runs", "2", "--out", str(out)])
    benchmark.main()
    printed = capsys.readouterr().out
    assert out.exists() and "| 1 | measured |" in printed and "| 1024 | modelled |" in printed
    assert "| 512 |" in printed and "synapses, MB" in printed and "dominates from" in printed
