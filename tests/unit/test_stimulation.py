"""Step currents and given spikes: what acts at a step, and after a checkpoint."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Network, Simulation, explicit
from distsim.engine.step.decomposition import Decomposition
from distsim.engine.step.stimulation import apply_currents, plan_currents, plan_spikes, resume
from distsim.parallel import SerialCommunicator


def simulate(net: Network, **options) -> Simulation:
    return Simulation(net, comm=SerialCommunicator(), **options)


def device_currents(sim: Simulation, n_steps: int) -> np.ndarray:
    """Return the device currents (pA) of all neurons in each of the next steps: (n_steps, n)."""
    found = []
    for _ in range(n_steps):
        sim.run(sim.network.grid.dt_ms)
        found.append(sim.engine.neurons.device.copy())
    return np.array(found)


def expected_currents(net: Network, n_steps: int) -> np.ndarray:
    """Return the same from the description: the devices' amplitudes, added in their order."""
    found = np.zeros((n_steps + 1, net.n))
    for device in net.step_currents:
        amplitudes = np.zeros((n_steps + 1, 1))
        for step, amplitude in zip(device.times, device.amplitudes, strict=True):
            amplitudes[step + device.delay + 1 :] = amplitude
        found[:, device.target.gids] += amplitudes
    return found[1:]


def random_devices(n: int = 12) -> Network:
    """Many devices on overlapping parts, with amplitudes whose sums are rounded, and some at the same times."""
    rng, net = np.random.default_rng(3), Network(0.1)
    net.create("E", 30, "iaf_psc_delta")
    net.create("idle", 3)
    net.create("I", 20)
    for _ in range(n):
        name, n_neurons = (("E", 30), ("I", 20))[rng.integers(2)]
        first, last = np.sort(rng.integers(0, n_neurons + 1, 2))
        times = np.sort(rng.choice(60, 8, replace=False))
        amplitudes = rng.choice([1e17, 100.0, 0.1, -3.7, 0.0, -1e12], 8) * rng.uniform(0.5, 2.0, 8)
        target = net[name][first : last : rng.integers(1, 4)]
        net.step_current(target, times / 10, amplitudes, rng.integers(1, 20) / 10)
    net.dc_current("E", 1 / 3, 1.0, 4.0)
    net.dc_current("E[::2]", 0.1, 2.0)
    return net


def test_a_current_is_what_was_given_whatever_was_before():
    net = Network(0.1)
    net.create("E", 1, "iaf_psc_delta", V_th=1e300)
    net.step_current("E", [0.1, 0.3, 0.5], [1e20, 100.0, 0.0])
    assert device_currents(simulate(net), 8)[:, 0].tolist() == [0.0, 0.0, 1e20, 1e20, 100.0, 100.0, 0.0, 0.0]


def test_nothing_remains_of_many_amplitudes():
    net = Network(0.1)
    net.create("E", 50, V_th=1e300)
    amplitudes = np.random.default_rng(1).normal(0.0, 300.0, 200_000)
    amplitudes[-1] = 0.0
    net.step_current("E", net.grid.ms(np.arange(200_000)), amplitudes)
    sim = simulate(net)
    sim.run(19_999.0)
    assert np.all(sim.engine.neurons.device == amplitudes[199_988])
    sim.run(2.0)
    assert not sim.engine.neurons.device.any() and not sim.engine.neurons.current.any()


def test_currents_of_several_devices_are_added_in_their_order():
    net = random_devices()
    np.testing.assert_array_equal(device_currents(simulate(net), 90), expected_currents(net, 90))


@pytest.mark.parametrize("size", [2, 3])
def test_each_rank_has_the_currents_of_its_neurons(size):
    net, expected = random_devices(), expected_currents(random_devices(), 90)
    whole = simulate(net)
    for rank in range(size):
        deal = Decomposition(net.n, size, rank)
        currents = plan_currents(net, deal)
        mine = deal.gid(np.arange(deal.n_local))
        neurons = whole.engine.neurons._replace(
            device=np.zeros(mine.size), current=np.zeros(mine.size), I_e=np.zeros(mine.size), blocks=_no_blocks(whole)
        )
        for step in range(1, 91):
            apply_currents(step, currents, neurons)
            np.testing.assert_array_equal(neurons.device, expected[step - 1, mine])


def _no_blocks(sim: Simulation) -> np.ndarray:
    return sim.engine.neurons.blocks[:0]


def test_neurons_with_the_same_devices_share_their_sum():
    net = Network(0.1)
    net.create("E", 20_000, "iaf_psc_delta")
    for k in range(300):
        net.dc_current("E", 1.0 + k, k / 10, (k + 1) / 10)
    currents = plan_currents(net, Decomposition(net.n, 1, 0))
    assert currents.members.size == 300 and currents.lids.size == 20_000 and currents.groups.size == 300


def test_plans_resume_at_any_step():
    net = random_devices()
    net.spike_source("S", [[0.1, 1.0, 1.1, 5.0], [1.0, 1.0, 2.0]])
    deal = Decomposition(net.n, 1, 0)
    sim = simulate(net)
    for cut in range(100):
        currents, trains = plan_currents(net, deal), plan_spikes(net, deal)
        resume(currents, trains, cut)
        if cut:
            sim.run(0.1)
        assert currents.position[0] == sim.engine.currents.position[0]
        assert trains.position[0] == sim.engine.trains.position[0]
        np.testing.assert_array_equal(currents.now, sim.engine.currents.now)


def meeting() -> Network:
    """Return a network whose given spikes and changes of current lie at round times, some at 1.0 ms exactly."""
    net = Network(0.1)
    E = net.create("E", 4, I_e=[0.0, 100.0, 380.0, 500.0], t_ref=0.5)
    S = net.spike_source("S", [[0.5, 1.0, 1.1, 2.0], [1.0, 1.0, 3.0], [0.9, 1.2], [1.0]])
    net.connect(S, E, explicit(range(4), range(4)), [900.0, 1e4, -500.0, 1200.0], [0.1, 0.3, 1.0, 0.5])
    net.step_current("E[1:]", [0.5, 0.8, 2.0], [150.0, 1e17, 30.3], delay=0.1)  # the second acts from 1.0 on
    net.step_current("E[::2]", [0.0, 0.9, 1.0], [0.1, 33.3, -5.0])
    net.record_spikes("E", "S")
    net.record_voltages("E")
    return net


@pytest.mark.parametrize("cut", [0.8, 0.9, 1.0, 1.1, 1.2, 2.0, 2.9, 3.0])
def test_a_checkpoint_at_the_step_of_given_spikes_and_currents_loses_none(cut, tmp_path):
    whole, first = simulate(meeting()), simulate(meeting())
    whole.run(cut, record=False)
    whole.run(6.0)
    first.run(cut, record=False)
    first.checkpoint(tmp_path / "c.h5")
    second = simulate(meeting(), checkpoint=tmp_path / "c.h5")
    second.run(6.0)
    assert whole.spike_counts().tolist() == second.spike_counts().tolist()
    for what in ("E", "S"):
        for a, b in zip(whole.spikes(what), second.spikes(what), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(whole.voltages("E")[1], second.voltages("E")[1])
    np.testing.assert_array_equal(whole.engine.neurons.device, second.engine.neurons.device)
