"""parrot_neuron: what arrives is passed on in the same step, as often as it arrives."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Network, Normal, Simulation, all_to_all, explicit, fixed_indegree, one_to_one
from distsim.parallel import SerialCommunicator


def simulated(net: Network, t_sim: float) -> Simulation:
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(t_sim)
    return sim


def of(sim: Simulation, name: str, k: int) -> list[float]:
    times, ids = sim.spikes(name)
    return times[ids == k].tolist()


@pytest.mark.parametrize("weight", [1.0, -3.7, 0.0, 1e9, Normal(1.0, 5.0)])
def test_spikes_come_out_when_they_come_in_whatever_their_weight(weight):
    net = Network(0.1)
    S = net.spike_source("S", [[1.0, 2.0, 2.0, 2.0], [2.0, 5.0]])
    P = net.create("P", 2, "parrot_neuron")
    net.connect(S[0], P, all_to_all(), weight, 0.5)
    net.connect(S[1], P[1], all_to_all(), weight, 1.5)
    net.connect(S[1], P[1], all_to_all(), weight, 0.4, receptor=0)
    net.connect(S[1], P, all_to_all(), weight, 0.4, receptor=1)
    net.record_spikes(P)
    sim = simulated(net, 10.0)
    assert of(sim, "P", 0) == [1.5, 2.5, 2.5, 2.5]
    assert of(sim, "P", 1) == [1.5, 2.4, 2.5, 2.5, 2.5, 3.5, 5.4, 6.5]


def test_a_chain_of_parrots_delays_by_the_sum_of_delays_and_drives_neurons():
    net = Network(0.1)
    S, P = net.spike_source("S", [[1.0, 1.0, 7.3]]), net.create("P", 3, "parrot_neuron")
    net.connect(S, P[0], one_to_one(), 1.0, 0.3)
    net.connect(P[:2], P[1:], one_to_one(), 1.0, 0.7)
    T = net.create("T", 1, "iaf_psc_exp", tau_syn_ex=1e9, tau_syn_in=1e8)
    net.connect(P[2], T, all_to_all(), 11.0, 1.0)
    net.connect(P[2], T, all_to_all(), -5.0, 1.0)
    net.record_spikes(P)
    net.record("I_syn_ex", T)
    sim = simulated(net, 12.0)
    assert [of(sim, "P", k) for k in range(3)] == [[1.3, 1.3, 7.6], [2.0, 2.0, 8.3], [2.7, 2.7, 9.0]]
    times, I = sim.samples("I_syn_ex", "T")
    expected = np.where(times < 3.65, 0.0, np.where(times < 9.95, 22.0, 33.0))
    np.testing.assert_allclose(I[:, 0], expected, rtol=1e-6)


def test_all_targets_of_a_parrot_get_the_same_train_of_its_poisson_input():
    net = Network(0.1)
    P = net.create("P", 30, "parrot_neuron")
    net.poisson_input(P, 2000.0, 1.0, 0.5)
    net.poisson_input(P[:15], 8000.0, 99.0, 0.5)
    Q = net.create("Q", 30, "parrot_neuron")
    net.connect(P, Q, one_to_one(), 1.0, 0.1)
    net.record_spikes()
    sim = simulated(net, 1000.0)
    counts = sim.engine.spike_counts()[:30]
    assert counts[:15].mean() == pytest.approx(10_000.0, rel=0.01) and counts[15:].mean() == pytest.approx(
        2000.0, rel=0.02
    )
    one, other = sim.spikes("P"), sim.spikes("Q")
    n = np.count_nonzero(one[0] < 999.95)
    np.testing.assert_allclose(one[0][:n] + 0.1, other[0], atol=1e-9)
    np.testing.assert_array_equal(one[1][:n], other[1])


def test_neurons_are_repeated():
    net = Network(0.1)
    E = net.create("E", 50, "iaf_psc_alpha", I_e=400.0, V_m=Normal(-65.0, 4.0))
    net.connect(E, E, fixed_indegree(10), 30.0, 1.5)
    P = net.create("P", 2, "parrot_neuron")
    net.connect(E, P, all_to_all(), 0.5, 2.0)
    net.record_spikes()
    sim = simulated(net, 100.0)
    arrived = sim.spikes("E")[0] + 2.0
    arrived = arrived[arrived < 100.05]
    assert arrived.size > 200
    for k in (0, 1):
        np.testing.assert_allclose(of(sim, "P", k), arrived, atol=1e-9)


def test_more_spikes_in_a_step_than_can_be_passed_on_end_the_run():
    net = Network(0.1)
    S = net.spike_source("S", [[1.0] * 250, [1.0] * 5])
    P = net.create("P", 3, "parrot_neuron")
    net.connect(S, P[1], all_to_all(), 1.0, 0.5)
    net.record_spikes(P)
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(1.4)
    with pytest.raises(RuntimeError, match=r"parrot_neuron: .* more spikes than most_spikes = 254, .* neuron 1 of P"):
        sim.run(1.0)
    few = Network(0.1)
    S, P = few.spike_source("S", [[1.0] * 250, [1.0] * 4]), few.create("P", 3, "parrot_neuron")
    few.connect(S, P[1], all_to_all(), 1.0, 0.5)
    few.record_spikes(P)
    assert of(simulated(few, 2.0), "P", 1) == [1.5] * 254


def test_what_parrots_do_not_take_is_refused():
    net = Network(0.1)
    P = net.create("P", 2, "parrot_neuron")
    for inject in (lambda: net.dc_current(P, 1.0), lambda: net.step_current(P, [1.0], [1.0])):
        with pytest.raises(ValueError, match="step current into P: parrot_neuron takes no current"):
            inject()
    with pytest.raises(ValueError, match=r"rate must be from 0.*for more use several"):
        net.poisson_input(P, 2e6, 1.0, 1.0)
    with pytest.raises(ValueError, match="voltages of P: parrot_neuron has no membrane potential"):
        net.record_voltages(P)
    with pytest.raises(ValueError, match="parrot_neuron has no parameters"):
        net.create("Q", 1, "parrot_neuron", V_m=0.0)
    p = net.connect(P, P, explicit([0], [1]), np.array([5.0]), 1.0)
    sim = Simulation(net, 1, SerialCommunicator())
    assert sim.connections("P", "P").weights.tolist() == [1.0]
    with pytest.raises(ValueError, match="parrot_neuron passes on spikes whatever their weight"):
        sim.set(p, weight=2.0)
