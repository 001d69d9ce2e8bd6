"""Poisson rates that differ from neuron to neuron, or change in time: statistics, bits, changes, checkpoints."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distsim import Network, PiecewiseRate, Simulation, SinusoidalRate
from distsim.engine.random import streams
from distsim.engine.step import poisson_plan, poisson_rates
from distsim.parallel import SerialCommunicator
from tests.support.distributions import check_distribution

PER_STEP = 1e4  # spikes/s that are a mean of 1 a step


def numbers(rate, n: int, steps: int, *changes) -> np.ndarray:
    """Return the Poisson numbers that arrive at `n` neurons in `steps` steps from the second one on, (steps - 1, n).

    V_m is the sum of all numbers so far; `changes` are rates set after as many steps each.
    """
    net = Network(0.1)
    E = net.create("E", n, "iaf_psc_delta", V_th=1e14, tau_m=1e15)
    noise = net.poisson_input(E, rate, 1.0, 0.1)
    net.record_voltages(E)
    sim = Simulation(net, 3, SerialCommunicator())
    pieces = len(changes) + 1
    for k in range(pieces):
        if k:
            sim.set(noise, rate=changes[k - 1])
        sim.run(steps / pieces / 10)
    V = sim.voltages(E)[1] + 70.0
    return np.rint(np.diff(V, axis=0, prepend=0.0))[1:].astype(np.int64)


def of_pieces(rates, each: int) -> PiecewiseRate:
    """Return a rate that holds each of `rates` (mean a step) for `each` steps."""
    rates = np.asarray(rates, float) * PER_STEP
    return PiecewiseRate(np.arange(len(rates)) * each / 10, rates)


@pytest.mark.parametrize("mean", [1e-3, 0.3, 2.3, 29.4, 55.0, 90.0, 3000.0])
def test_numbers_of_neurons_with_rates_of_their_own_have_their_distribution(mean):
    means = np.repeat([mean, 0.0, mean / 3], [3000, 10, 3000])
    found = numbers(means * PER_STEP, means.size, 31)
    check_distribution(found[:, :3000].ravel(), stats.poisson(mean))
    check_distribution(found[:, 3010:].ravel(), stats.poisson(mean / 3))
    assert not found[:, 3000:3010].any()


@pytest.mark.parametrize("means", [[0.4, 2.9, 0.0, 1.7], [30.0, 0.2], [800.0, 70.0, 0.5]])
@pytest.mark.parametrize("each", [1, 3])
@pytest.mark.parametrize("by_neuron", [False, True])
def test_numbers_of_a_piece_have_its_distribution(means, each, by_neuron):
    """Pieces of odd lengths, which change between two steps that are drawn together."""
    many, n = np.tile(means, 30), 1200
    rates = np.repeat(many[:, None], n, axis=1) if by_neuron else many
    found = numbers(of_pieces(rates, each), n, each * many.size)
    of_step = np.repeat(many, each)[: len(found)]  # the first step has arrived before the first difference
    for mean in means:
        drawn = found[of_step == mean].ravel()
        assert drawn.size > 20_000
        if mean:
            check_distribution(drawn, stats.poisson(mean))
        else:
            assert not drawn.any()


@pytest.mark.parametrize("mean", [0.3, 2.9, 29.0, 90.0, 3000.0, 60_000.0])
def test_equal_pieces_are_one(mean):
    """The table that is made during the run gives the numbers of the one that is made before it."""
    expected = numbers(mean * PER_STEP, 1500, 24)
    alike = numbers(of_pieces([mean] * 12, 2), 1500, 24)
    np.testing.assert_array_equal(alike, expected)
    almost = numbers(of_pieces(mean * (1 + 1e-13 * (np.arange(25) % 2)), 1), 1500, 24)
    assert np.mean(almost != expected) < 1e-4


def test_rates_of_neurons_follow_the_pieces():
    rng = np.random.default_rng(1)
    means = rng.uniform(0.0, 3.0, (7, 900))
    found = numbers(of_pieces(means, 5), 900, 35)
    expected = np.repeat(means, 5, axis=0)[: len(found)]
    z = (found - expected).sum() / np.sqrt(expected.sum())
    assert abs(z) < 4
    slope = np.polyfit(expected.ravel(), found.ravel(), 1)[0]
    assert abs(slope - 1.0) < 0.03


def test_a_rate_is_0_before_the_first_time():
    found = numbers(PiecewiseRate([1.0, 2.0], [30_000.0, 0.0]), 50, 30)
    # Spikes of steps 11 to 20 arrive a step later; row r holds what arrived in step r + 2.
    assert np.flatnonzero(found.any(axis=1)).tolist() == list(range(10, 20))


def test_a_sinusoid_has_its_mean_amplitude_frequency_and_phase():
    n, steps = 4000, 4000
    found = numbers(SinusoidalRate(8000.0, 6000.0, 20.0, 30.0), n, steps).mean(axis=1) * PER_STEP
    t = (1 + np.arange(len(found))) * 1e-4  # s, the end of the steps in which they were emitted
    angle = 2 * np.pi * 20.0 * t
    design = np.stack([np.ones(t.size), np.sin(angle), np.cos(angle)], axis=1)
    mean, a, b = np.linalg.lstsq(design, found, rcond=None)[0]
    error = np.sqrt(8000.0 * PER_STEP / n / len(found))
    assert abs(mean - 8000.0) < 4 * error
    assert abs(np.hypot(a, b) - 6000.0) < 4 * np.sqrt(2) * error
    assert abs(np.degrees(np.arctan2(b, a)) - 30.0) < 1.0
    rest = found - design @ [mean, a, b]
    assert abs(rest.var() / (8000.0 * PER_STEP / n) - 1.0) < 0.12  # nothing but Poisson noise is left


def test_a_sinusoid_is_cut_off_at_0():
    found = numbers(SinusoidalRate(1000.0, 9000.0, 100.0), 500, 200)
    rate = 1000.0 + 9000.0 * np.sin(2 * np.pi * 100.0 * (1 + np.arange(len(found))) * 1e-4)
    assert found[rate > 5000.0].any(axis=1).all() and not found[rate < 0.0].any()


def test_sources_take_all_rates():
    net = Network(0.1)
    net.poisson_source("A", 400, np.linspace(0.0, 2000.0, 400))
    net.poisson_source("B", 400, PiecewiseRate([0.0, 50.0], [0.0, 1000.0]))
    net.poisson_source("C", 400, SinusoidalRate(500.0, 500.0, 10.0))
    net.record_spikes()
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(100.0)
    counts = np.bincount(sim.spikes("A")[1], minlength=400)
    assert counts[0] == 0 and np.corrcoef(counts, np.arange(400))[0, 1] > 0.95
    times = sim.spikes("B")[0]
    assert times.min() > 50.0 and abs(times.size - 20_000) < 4 * np.sqrt(20_000)
    assert abs(sim.spikes("C")[0].size - 20_000) < 4 * np.sqrt(20_000)
    assert sim.get("A", "rate")[-1] == 2000.0


@pytest.mark.parametrize("mean", [0.0, 1e-9, 0.3, 2.9, 29.0, 54.0])
def test_tables_made_during_a_run_are_exact(mean):
    plan = poisson_plan._Tables()
    cell, _, _, _, table, guide, _ = plan.room(54.0, 0)
    signal = np.zeros(1, poisson_rates.SIGNAL)
    signal["cell"], signal["table"], signal["guide"] = cell, table, guide
    cells, tables, levels = plan.cells[0], plan.thresholds[0], np.zeros(poisson_plan.room_of(54.0))
    poisson_rates.make_narrow(mean, signal[0], levels, cells, tables)
    s = signal[0]
    p, n = np.zeros(300), s["rest"] - s["base"]
    p[s["base"] + np.arange(n)] = np.diff(np.concatenate([[-1], cells[:n].astype(np.int64)])) / 2**16
    left_over = 1.0 - (cells[n - 1] + 1.0) / 2**16
    rest = np.concatenate([[-1], tables.astype(np.int64)])
    rest = rest[: 2 + np.flatnonzero(tables == 2**32 - 1)[0]]
    p[s["lowest"] + np.arange(rest.size - 1)] += left_over * np.diff(rest) / 2**32
    np.testing.assert_allclose(p, stats.poisson.pmf(np.arange(300), mean), atol=2.0**-42)


@pytest.mark.parametrize("mean", [0.0, 1e-3, 0.7, 9.3, 54.0])
def test_edges_and_what_is_above_them_are_exact(mean):
    levels, n = poisson_plan.edges_of(mean), 3
    edges = np.zeros(levels * n, np.uint32)
    poisson_rates.set_edges(np.full(n, mean), 1.0, n, edges)
    expected = np.minimum(np.rint(stats.poisson.cdf(np.arange(levels), mean) * 2.0**32), 2**32 - 1)
    assert np.abs(edges.reshape(levels, n).astype(float) - expected[:, None]).max() <= 1
    for word in np.random.default_rng(1).integers(0, 2**32, 2000, dtype=np.uint32):
        p = np.exp(-mean)
        k = poisson_rates.poisson_number(word, mean, p, p, np.int64(0))
        assert k == stats.poisson.ppf((float(word) + 0.5) / 2.0**32, mean)


def test_random_numbers_of_all_purposes_differ():
    purposes = [value for name, value in vars(streams).items() if name.isupper() and name != "GUIDE_BITS"]
    assert len(set(purposes)) == len(purposes)


# --- changes and checkpoints ------------------------------------------------------------------------------------------

RATES = {
    "array": np.linspace(0.0, 20_000.0, 40),
    "pieces": PiecewiseRate([0.0, 1.3, 2.0, 5.0], [9000.0, 0.0, 12_000.0, 700.0]),
    "pieces by neuron": PiecewiseRate([0.5, 3.1], np.outer([1.0, 3.0], np.linspace(0.0, 9000.0, 40))),
    "sinusoid": SinusoidalRate(5000.0, 7000.0, 80.0, 45.0),
}


def simulate(rate, checkpoint=None) -> Simulation:
    net = Network(0.1)
    E = net.create("E", 40, I_e=300.0)
    net.poisson_input(E, rate, 30.0, 1.5)
    net.poisson_input("E[[7, 3, 20]]", PiecewiseRate([0.0, 2.0], [[100.0, 0.0, 9000.0], [0.0, 9000.0, 0.0]]), 90.0, 0.3)
    net.poisson_source("Q", 40, rate)
    net.record_spikes()
    net.record_voltages(E)
    return Simulation(net, 1, SerialCommunicator(), checkpoint=checkpoint)


@pytest.mark.parametrize("cut", [1.2, 1.3, 4.7])
@pytest.mark.parametrize("name", RATES)
def test_a_cut_run_is_the_whole_one(name, cut, tmp_path):
    whole, first = simulate(RATES[name]), simulate(RATES[name])
    whole.run(8.0)
    first.run(cut)
    first.checkpoint(tmp_path / "c.h5")
    second = simulate(RATES[name], tmp_path / "c.h5")
    second.run(8.0 - cut)
    np.testing.assert_array_equal(whole.voltages("E")[1][round(10 * cut) :], second.voltages("E")[1])
    assert whole.spike_counts().tolist() == second.spike_counts().tolist()


@pytest.mark.parametrize("old", RATES)
@pytest.mark.parametrize("new", [*RATES, "number"])
def test_a_changed_rate_is_kept_in_a_checkpoint(old, new, tmp_path):
    changed = RATES.get(new, 4000.0)
    first = simulate(RATES[old])
    first.run(2.3)
    for what in (first.network.poisson_inputs[0], "Q"):
        first.set(what, rate=changed)
    first.run(0.4)
    first.checkpoint(tmp_path / "c.h5")
    second = simulate(RATES[old], tmp_path / "c.h5")
    for sim in (first, second):
        sim.run(4.0)
    np.testing.assert_array_equal(first.voltages("E")[1][27:], second.voltages("E")[1])
    assert first.spike_counts().tolist() == second.spike_counts().tolist()
    for what in (0, "Q"):
        found = [sim.get(sim.network.poisson_inputs[0] if what == 0 else what, "rate") for sim in (first, second)]
        np.testing.assert_equal(*[getattr(rate, "__dict__", rate) for rate in found])


def test_a_change_acts_on_what_is_emitted_later():
    found = numbers(of_pieces([3.0], 1), 60, 40, PiecewiseRate([0.0, 2.5], [0.0, 30_000.0]))
    assert np.flatnonzero(found.any(axis=1)).tolist() == [*range(20), *range(25, 39)]


def test_a_damaged_rate_in_a_checkpoint_is_named(tmp_path):
    sim = simulate(RATES["array"])
    sim.set("Q", rate=np.full(40, 10.0))
    state = sim.state()
    damaged = state._replace(shared={**state.shared, "rates/0/rates": np.full(40, -1.0)})
    with pytest.raises(ValueError, match=r"rate of Q: rate must be from 0 to .* spikes/s, not -1"):
        simulate(RATES["array"]).restore(damaged)
    with pytest.raises(ValueError, match="a rate is not whole"):
        simulate(RATES["array"]).restore(
            state._replace(
                shared={"history/counts": state.shared["history/counts"], "history/gids": state.shared["history/gids"]}
            )
        )


# --- refusals ---------------------------------------------------------------------------------------------------------

REFUSED = {
    "rate must be at least 0|rate must be from 0": [-1.0, np.full(40, -1.0)],
    "a number or an array of 40 numbers, not of shape": [np.ones(3), np.ones((2, 40))],
    "rates must be from 0": [PiecewiseRate([0.0], [-1.0])],
    r"rates must have the shape \(2,\) or \(2, 40\)": [PiecewiseRate([0.0, 1.0], [1.0]),
                                                       PiecewiseRate([0.0, 1.0], np.ones((2, 3)))],
    "times must ascend, but 1 ms follows 1 ms": [PiecewiseRate([1.0, 1.0], [1.0, 2.0])],
    "times must be at least 0 ms, not -1": [PiecewiseRate([-1.0], [1.0])],
    "times: 0.05 ms is not a multiple of dt": [PiecewiseRate([0.05], [1.0])],
    "times must be a list of at least one time": [PiecewiseRate([], [])],
    "amplitude must be at least 0": [SinusoidalRate(1.0, -1.0, 1.0)],
    "frequency must be from 0 to 5000 Hz": [SinusoidalRate(1.0, 1.0, 6000.0), SinusoidalRate(1.0, 1.0, -1.0)],
}  # fmt: skip


@pytest.mark.parametrize(("message", "rate"), [(m, rate) for m, rates in REFUSED.items() for rate in rates])
def test_what_is_refused(message, rate):
    net = Network(0.1)
    E = net.create("E", 40)
    with pytest.raises(ValueError, match=message):
        net.poisson_input(E, rate, 1.0, 1.0)
    with pytest.raises(ValueError, match=message):
        net.poisson_source("Q", 40, rate)
    noise = net.poisson_input(E, 1.0, 1.0, 1.0)
    sim = Simulation(net, 1, SerialCommunicator())
    with pytest.raises(ValueError, match=message):
        sim.set(noise, rate=rate)


def test_rates_are_copied_and_described(capsys):
    given, net = np.full(4, 10.0), Network(0.1)
    E = net.create("E", 4)
    noise = net.poisson_input(E, given, 1.0, 1.0)
    net.poisson_input(E, PiecewiseRate([0.0, 5.0], [3.0, 8.0]), 1.0, 1.0)
    net.poisson_input(E, SinusoidalRate(5.0, 2.0, 10.0), 1.0, 1.0)
    given[:] = 0.0
    assert noise.rate.tolist() == 4 * [10.0]
    net.summary()
    text = capsys.readouterr().out
    for words in ("rate 4 values, 10 to 10", "PiecewiseRate(2 rates, 3 to 8)", "SinusoidalRate(rate=5.0"):
        assert words in text
