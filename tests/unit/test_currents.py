"""Time-varying currents: noise, sinusoids, samples; statistics, NEST's conventions, changes, checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from distsim import Network, Normal, Simulation
from distsim.engine.step import waves
from distsim.engine.step.decomposition import Decomposition
from distsim.parallel import SerialCommunicator

REFERENCE = Path(__file__).parents[1] / "reference" / "currents.npz"  # NEST 3.10, dt 0.1 ms


def simulate(net: Network, **options) -> Simulation:
    return Simulation(net, 5, SerialCommunicator(), **options)


def cells(n: int) -> Network:
    net = Network(0.1)
    net.create("E", n, "iaf_psc_delta", V_th=1e300)
    return net


def currents(sim: Simulation, n_steps: int) -> np.ndarray:
    """Return the changing currents (pA) of all neurons in each of the next steps: (n_steps, n)."""
    found = []
    for _ in range(n_steps):
        sim.run(sim.network.grid.dt_ms)
        neurons = sim.engine.neurons
        np.testing.assert_array_equal(neurons.current, neurons.I_e + neurons.device + neurons.waves)
        found.append(neurons.waves.copy())
    return np.array(found)


# --- noise ------------------------------------------------------------------------------------------------------------


def test_normal_numbers_are_the_inverse_of_the_distribution_function():
    rng = np.random.default_rng(1)
    words = np.concatenate([np.arange(999), rng.integers(0, 2**32, 100_000), 2**32 - 1 - np.arange(999)])
    words, found = words.astype(np.uint32), np.zeros(words.size)
    waves.scaled_normals(words, 0.0, 1.0, found)
    np.testing.assert_allclose(found, stats.norm.ppf((words + 0.5) / 2.0**32), rtol=4e-15, atol=1e-15)


def test_noise_is_normal_and_white_and_independent():
    net = cells(3000)
    net.noise_current("E", 20.0, 150.0)
    net.noise_current("E", 0.0, 150.0)
    sim = simulate(net)
    found = currents(sim, 42)[2:]
    one = (found - 20.0) / np.sqrt(2) / 150.0  # the sum of two
    assert stats.kstest(one.ravel(), "norm").pvalue > 1e-3
    n = one.size
    for shift in (1, 2, 3, 4):  # four numbers are drawn together
        assert abs((one[shift:] * one[:-shift]).mean()) < 4 / np.sqrt(n)
        assert abs((one[:, shift:] * one[:, :-shift]).mean()) < 4 / np.sqrt(n)
    spectrum = np.abs(np.fft.rfft(one, axis=0)[1:-1]) ** 2 / len(one)
    power = spectrum.mean(axis=1)
    assert np.all(np.abs(power - 1.0) < 4.5 / np.sqrt(3000))  # flat: exponentially distributed in each bin
    first, second = sim.engine.waves.held[:3000] - 20.0, sim.engine.waves.held[3000:]
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(3000)


@pytest.mark.parametrize("interval", [0.1, 0.5, 0.7, 2.0])
def test_noise_lasts_for_an_interval_from_start_to_stop(interval):
    net = cells(6)
    net.noise_current("E[1:]", 5.0, 9.0, interval, start=0.3, stop=3.0, delay=0.4)
    found = currents(simulate(net), 45)
    assert not found[:, 0].any()
    on = found[:, 1:].any(axis=1)
    # Current that is emitted in the step after 0.3 ms acts 0.4 ms later, in the step after 0.7 ms.
    assert np.flatnonzero(on).tolist() == list(range(7, 34))
    assert found[34:].max() == 0.0
    new = np.flatnonzero((np.diff(found[7:34, 1:], axis=0) != 0).all(axis=1)) + 1
    steps = round(10 * interval)
    assert new.tolist() == list(range(steps, 27, steps))


def test_v_m_has_the_variance_of_an_ornstein_uhlenbeck_process():
    net = Network(0.1)
    net.create("E", 2000, V_th=1e9)
    net.noise_current("E", 100.0, 200.0, 0.5, start=0.4)  # an interval ends at each multiple of 0.5 ms, with the delay
    net.record_voltages("E", 5.0)
    sim = simulate(net)
    sim.run(100.0, record=False)
    sim.run(300.0)
    V = sim.voltages("E")[1]
    R, tau = 10.0 / 250.0, 10.0
    # Piecewise constant noise through a low-pass filter, sampled at the ends of intervals.
    p = np.exp(-0.5 / tau)
    expected = (200.0 * R) ** 2 * (1 - p) ** 2 / (1 - p**2)
    assert abs(V.mean() + 70.0 - 100.0 * R) < 5 * np.sqrt(expected / 2000 / 15)
    correlation = np.exp(-5.0 / tau) ** 2
    independent = V.size * (1 - correlation) / (1 + correlation)
    assert abs(V.var() / expected - 1.0) < 4 * np.sqrt(2 / independent)


def test_noise_is_a_function_of_noise_seed_device_neuron_and_interval():
    def found(seed=5, before=0, target="E") -> np.ndarray:
        net = cells(10)
        for _ in range(before):
            net.noise_current("E[:0]")
        net.noise_current(target, 0.0, 1.0, 0.3)
        return currents(simulate(net, noise_seed=seed), 12)

    np.testing.assert_array_equal(found(), found())
    np.testing.assert_array_equal(found()[:, 3:7:2], found(target="E[[5, 3]]")[:, 3:7:2])
    for other in (found(seed=6), found(before=1)):
        assert not np.any(other[2:] == found()[2:])


# --- sinusoids and samples --------------------------------------------------------------------------------------------


def test_v_m_is_that_of_nest():
    """Two of NEST's ac_generator and a noise_generator without noise, each with delay, start and stop."""
    with np.load(REFERENCE) as recorded:
        times, expected = recorded["times"], recorded["V_m"]
    net = Network(0.1)
    net.create("E", 3, V_th=1e9, E_L=-70.0, V_m=-70.0, C_m=250.0, tau_m=10.0)
    net.sinusoidal_current("E[0]", 80.0, 40.0, 30.0, 7.0, start=1.0, stop=14.0, delay=0.5)
    net.sinusoidal_current("E[1]", 80.0, 40.0, 30.0, 7.0, start=0.1, delay=0.1)  # NEST's start of 0 acts as dt
    net.noise_current("E[2]", 90.0, 0.0, 1.0, start=2.0, stop=9.0, delay=0.3)
    net.record_voltages("E")
    sim = simulate(net)
    sim.run(20.0)
    found_times, V = sim.voltages("E")
    np.testing.assert_allclose(found_times, times)
    np.testing.assert_allclose(V.T, expected, rtol=0.0, atol=1e-10)
    assert np.ptp(expected, axis=1).min() > 1.0


def test_a_sinusoid_has_its_values():
    """The value at the beginning of the step in which it is emitted, delivered as a step current is."""
    net = cells(4)
    net.sinusoidal_current("E[:3]", 80.0, 40.0, 30.0, 7.0, start=1.0, stop=4.0, delay=0.2)
    found = currents(simulate(net), 60)
    emitted = np.arange(60) - 1  # the number of the step, from 1, in which the current of each row was emitted
    expected = 7.0 + 80.0 * np.sin(2 * np.pi * 40.0 * (emitted - 1) * 1e-4 + np.pi / 6)
    expected[(emitted <= 10) | (emitted > 40)] = 0.0
    np.testing.assert_allclose(found[:, :3], expected[:, None].repeat(3, 1), atol=1e-12)
    assert not found[:, 3].any()
    assert net.currents[0].delay == 2


def test_a_sinusoid_begins_as_a_step_current_does():
    net = cells(2)
    net.step_current("E[0]", [1.0, 2.0], [5.0, 0.0], delay=0.5)
    net.sinusoidal_current("E[1]", 0.0, 1.0, offset=5.0, start=1.0, stop=2.0, delay=0.5)
    net.record_voltages("E")
    sim = simulate(net)
    sim.run(5.0)
    V = sim.voltages("E")[1]
    np.testing.assert_array_equal(V[:, 0], V[:, 1])


@pytest.mark.parametrize("by_neuron", [False, True])
def test_samples_are_those_given(by_neuron):
    rng, net = np.random.default_rng(2), cells(7)
    values = rng.normal(0.0, 50.0, (6, 4) if by_neuron else 6)
    net.sampled_current("E[[5, 1, 2, 6]]", values, 0.4, start=0.5)
    found = currents(simulate(net), 40)
    expected = np.zeros((40, 7))
    rows = (np.arange(40) - 1 - 5) // 4  # emitted in step s, which acts in step s + 1: row s
    for step, row in enumerate(rows):
        if 0 <= row < 6:
            expected[step, [5, 1, 2, 6]] = values[row]
    np.testing.assert_array_equal(found, expected)


def test_devices_are_summed_in_their_order_and_leave_nothing():
    net = cells(3)
    for value in (1e17, 0.1, -1e17, 1 / 3):
        net.sampled_current("E[1:]", [value, 0.0, value], 0.2)
    found = currents(simulate(net), 10)
    total = 0.0
    for value in (1e17, 0.1, -1e17, 1 / 3):
        total += value
    assert found[:, 2].tolist() == [0.0, total, total, 0.0, 0.0, total, total, 0.0, 0.0, 0.0]
    assert not found[:, 0].any()


def test_blocks_know_whether_they_share_a_current():
    net = cells(1500)
    net.sinusoidal_current("E", 10.0, 10.0)
    net.noise_current("E[1100:1102]", 0.0, 1.0, start=1.0, stop=2.0)
    sim = simulate(net)
    for step in range(30):
        sim.run(0.1)
        blocks, current = sim.engine.neurons.blocks, sim.engine.neurons.current
        shared = [np.ptp(current[b["first"] : b["last"]]) == 0 for b in blocks]
        assert blocks["shares_current"].astype(bool).tolist() == shared and len(shared) == 2
        assert shared[0] and shared[1] == (not 11 <= step < 21)


@pytest.mark.parametrize("size", [2, 3])
def test_each_rank_has_the_currents_of_its_neurons(size):
    net = everything()
    whole = simulate(net)
    expected = currents(whole, 40)
    for rank in range(size):
        deal = Decomposition(net.n, size, rank)
        mine = deal.gid(np.arange(deal.n_local))
        zeros = {name: np.zeros(mine.size) for name in ("I_e", "device", "waves", "current")}
        neurons = whole.engine.neurons._replace(**zeros)
        planned = waves.plan_waves(list(enumerate(net.currents)), net, deal, neurons)._replace(blocks=np.zeros(0, int))
        for step in range(1, 41):
            waves.apply_waves(step, planned, neurons, *whole.engine.constants[4:6])
            np.testing.assert_array_equal(neurons.waves, expected[step - 1, mine])


# --- changes and checkpoints ------------------------------------------------------------------------------------------


def everything() -> Network:
    net = Network(0.1)
    net.create("E", 23, V_m=Normal(-60.0, 1.0), I_e=200.0)
    net.create("I", 8, "iaf_psc_alpha")
    net.noise_current("E[::2]", 30.0, 300.0, 0.3, start=0.4, stop=3.1, delay=0.7)
    net.noise_current("E", 0.0, 100.0)
    net.sinusoidal_current("I", 200.0, 80.0, 10.0, 5.0, start=0.2)
    net.sampled_current("E[[7, 3, 9]]", np.arange(18.0).reshape(6, 3) * 50, 0.5, start=0.7, delay=0.3)
    net.sampled_current("I[2:]", [100.0, -50.0, 80.0], 1.1)
    net.step_current("E", [0.5, 1.5, 4.0], [100.0, -30.0, 0.0], delay=0.6)
    net.record_spikes()
    for name in ("E", "I"):
        net.record_voltages(name)
    return net


def change(sim: Simulation) -> None:
    one, two, sine, own, shared = sim.network.currents
    sim.set(one, std=50.0)
    sim.set(two, mean=10.0, std=20.0)
    sim.set(sine, amplitude=20.0, phase=50.0)
    sim.set(own, values=np.full((30, 3), 70.0))
    sim.set(shared, values=[5.0, 6.0], start=3.5)
    sim.set(sim.network.step_currents[0], times=[1.0, 3.0, 4.5], amplitudes=[7.0, 8.0, 9.0])


def values_of(sim: Simulation) -> list:
    device = sim.network.currents
    names = [(0, "mean"), (0, "std"), (1, "std"), (2, "amplitude"), (2, "phase"), (3, "values"), (4, "start")]
    found = [np.asarray(sim.get(device[k], name)).tolist() for k, name in names]
    return [*found, sim.get(sim.network.step_currents[0], "amplitudes").tolist()]


@pytest.mark.parametrize("changes", [False, True])
@pytest.mark.parametrize("cut", [0.1, 1.2, 1.5, 2.6, 3.1, 3.4])
def test_a_cut_run_is_the_whole_one(changes, cut, tmp_path):
    sims = [simulate(everything()), simulate(everything())]
    for sim in sims:
        if changes:
            sim.run(int(5 * cut) / 10)
            change(sim)
        sim.run(cut - sim.time)
    whole, first = sims
    whole.run(4.0)
    first.checkpoint(tmp_path / "c.h5")
    second = simulate(everything(), checkpoint=tmp_path / "c.h5")
    assert values_of(first) == values_of(second)
    second.run(4.0)
    for name in ("E", "I"):
        np.testing.assert_array_equal(whole.voltages(name)[1][round(10 * cut) :], second.voltages(name)[1])
    np.testing.assert_array_equal(whole.engine.neurons.current, second.engine.neurons.current)
    second.reset()
    fresh = simulate(everything())
    for sim in (second, fresh):
        sim.run(5.0)
    np.testing.assert_array_equal(second.voltages("E")[1], fresh.voltages("E")[1])


def test_a_change_acts_on_what_is_emitted_later():
    net = cells(5)
    noise = net.noise_current("E[0]", 1.0, 0.0, delay=0.5)
    sine = net.sinusoidal_current("E[1]", 0.0, 1.0, offset=1.0, delay=0.5)
    samples = net.sampled_current("E[2]", np.full(99, 1.0), delay=0.5)
    step = net.step_current("E[3]", [0.0], [1.0], delay=0.5)
    sim = simulate(net)
    sim.run(2.0)
    sim.set(noise, mean=2.0)
    sim.set(sine, offset=2.0)
    sim.set(samples, values=np.full(99, 2.0))
    sim.set(step, times=[0.0], amplitudes=[2.0])
    found = currents(sim, 8)
    for k in range(3):
        assert found[:, k].tolist() == 5 * [1.0] + 3 * [2.0]
    assert sim.engine.neurons.device[3] == 2.0
    sim.reset()
    for _ in range(25):
        sim.run(0.1)
    assert sim.engine.neurons.device[3] == 1.0


def test_a_replaced_step_current_is_the_new_one_from_now_on():
    net = cells(2)
    step = net.step_current("E", [0.5, 1.0, 1.7, 2.5], [1.0, 2.0, 3.0, 4.0], delay=0.3)
    sim = simulate(net)
    sim.run(1.5)
    sim.set(step, times=[0.7, 2.0], amplitudes=[-1.0, -2.0])
    found = []
    for _ in range(15):
        sim.run(0.1)
        found.append(sim.engine.neurons.device[0])
    assert found == 3 * [2.0] + 5 * [-1.0] + 7 * [-2.0]
    assert sim.get(step, "times").tolist() == [0.5, 1.0, 1.5, 2.0]


def test_a_device_that_has_ended_leaves_nothing_after_a_change():
    net = cells(2)
    net.noise_current("E[0]", 3.0, 1.0, stop=1.0)
    other = net.sinusoidal_current("E[1]", 1.0, 10.0)
    sim = simulate(net)
    sim.run(1.1)
    assert sim.engine.neurons.waves[0] != 0.0
    sim.set(other, amplitude=2.0)
    sim.run(0.1)
    assert sim.engine.neurons.waves[0] == 0.0 and sim.engine.neurons.waves[1] != 0.0


# --- refusals ---------------------------------------------------------------------------------------------------------

REFUSED = [
    (lambda net: net.noise_current("E", 0.0, -1.0), "noise current into E: std must be from 0"),
    (lambda net: net.noise_current("E", np.nan, 1.0), "noise current into E: mean must be finite"),
    (lambda net: net.noise_current("E", 0.0, 1.0, 0.05), "interval: 0.05 ms is not a multiple of dt"),
    (lambda net: net.noise_current("E", 0.0, 1.0, 0.0), "interval must be at least dt"),
    (lambda net: net.noise_current("E", 0.0, 1.0, start=2.0, stop=1.0), "start 2.0 and stop 1.0"),
    (lambda net: net.noise_current("S", 0.0, 1.0), "noise current into S: sources take no current"),
    (lambda net: net.sinusoidal_current("E", 1.0, -1.0), "frequency must be from 0 to 5000 Hz"),
    (lambda net: net.sinusoidal_current("E", [1.0], 1.0), "amplitude must be one number"),
    (lambda net: net.sampled_current("E", np.zeros((3, 4))), r"values must have the shape \(times,\) or \(times, 5\)"),
    (lambda net: net.sampled_current("E", []), r"values must have the shape \(times,\)"),
    (lambda net: net.sampled_current("E", [1.0, np.inf]), "values must be finite, not inf"),
    (lambda net: net.sampled_current("E", [1.0], 0.1, start=-1.0), "start must be at least 0 ms"),
]


@pytest.mark.parametrize(("describe", "message"), REFUSED)
def test_what_is_refused(describe, message):
    net = cells(5)
    net.spike_source("S", [[1.0]])
    with pytest.raises(ValueError, match=message):
        describe(net)
    assert not net.currents


def test_changes_that_are_refused_change_nothing():
    net = cells(5)
    noise = net.noise_current("E", 1.0, 2.0)
    samples = net.sampled_current("E", [1.0])
    step = net.step_current("E", [1.0], [1.0])
    sim = simulate(net)
    sim.run(0.5)
    before = sim.engine.settings
    for what, values, message in [
        (noise, {"std": -1.0}, "std must be from 0"),
        (noise, {"amplitude": 1.0}, "noise current into E: no value 'amplitude'"),
        (noise, {"interval": 1.0}, "no value 'interval'"),
        (samples, {"values": np.zeros((2, 3))}, "values must have the shape"),
        (step, {"times": [1.0, 2.0]}, "2 times and 1 amplitudes"),
        (step, {"times": [2.0, 1.0], "amplitudes": [1.0, 1.0]}, "times must increase"),
        (step, {"delay": 1.0}, "no value 'delay'"),
        (cells(5).noise_current("E"), {"std": 1.0}, "no such input of this network"),
    ]:
        with pytest.raises(ValueError, match=message):
            sim.set(what, **values)
        assert sim.engine.settings is before


def test_currents_are_described(capsys):
    net = everything()
    net.summary()
    text = capsys.readouterr().out
    for words in ("NoiseCurrent", "std 300.0, interval 0.3 ms", "SinusoidalCurrent", "values 18 values, 0 to 850"):
        assert words in text
    sim = simulate(net)
    sim.set(net.currents[1], std=7.0)
    sim.run(0.1)
    described = sim.result().summary["config"]["currents"]
    assert [each["kind"] for each in described[:3]] == ["NoiseCurrent", "NoiseCurrent", "SinusoidalCurrent"]
    assert described[1]["std"] == 7.0
