"""Parameters, potentials and Poisson input changed between two runs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from distsim import Lognormal, Network, Normal, Simulation, Uniform, fixed_indegree, one_to_one
from distsim.parallel import SerialCommunicator
from distsim.simulation.changes import changed

NEURON = {"tau_m": 10.0, "C_m": 250.0, "E_L": -65.0, "V_reset": -65.0, "V_th": -50.0, "V_m": -60.0}


def simulate(net: Network, seed: int = 1) -> Simulation:
    return Simulation(net, seed, SerialCommunicator())


def neurons(n: int = 5, model: str = "iaf_psc_exp", **values) -> tuple[Network, object]:
    net = Network()
    population = net.create("E", n, model, **(NEURON | values))
    net.record_voltages(population)
    net.record_spikes(population)
    return net, population


def relaxation(V0: float, V_inf: float, tau: float, times: np.ndarray) -> np.ndarray:
    return V_inf + (V0 - V_inf) * np.exp(-times / tau)


# --- neurons ----------------------------------------------------------------------------------------------------------


def test_a_current_changes_from_the_next_step_on():
    net, E = neurons()
    sim = simulate(net)
    sim.run(20.0)
    before = sim.get(E, "V_m")
    sim.set(E[1:3], I_e=100.0)
    sim.set(E[4], I_e=np.array([-50.0]))
    sim.run(30.0)
    times, V = sim.voltages(E)
    after = times > 20.0
    for k, current in enumerate([0.0, 100.0, 100.0, 0.0, -50.0]):
        expected = relaxation(before[k], -65.0 + current * 10.0 / 250.0, 10.0, times[after] - 20.0)
        np.testing.assert_allclose(V[after, k], expected, rtol=1e-12)
    assert sim.get(E, "I_e").tolist() == [0.0, 100.0, 100.0, 0.0, -50.0]


def test_a_time_constant_changes_for_a_slice_only():
    net, E = neurons()
    sim = simulate(net)
    sim.run(5.0)
    start = sim.get(E, "V_m")
    sim.set(E[::2], tau_m=20.0)
    sim.run(30.0)
    times, V = sim.voltages(E)
    for k, tau in enumerate([20.0, 10.0, 20.0, 10.0, 20.0]):
        expected = relaxation(start[k], -65.0, tau, times[times > 5.0] - 5.0)
        np.testing.assert_allclose(V[times > 5.0, k], expected, rtol=1e-12)
    assert sim.get(E, "tau_m").tolist() == [20.0, 10.0, 20.0, 10.0, 20.0]


def test_potentials_stay_where_they_are_when_E_L_changes():
    net, E = neurons(3, tau_m=1e9)
    sim = simulate(net)
    sim.run(1.0)
    sim.set(E[1:], E_L=-70.0, V_reset=-70.0)
    np.testing.assert_allclose(sim.get(E, "V_m"), -60.0, atol=1e-6)
    sim.run(1.0)
    np.testing.assert_allclose(sim.voltages(E)[1], -60.0, atol=1e-6)


def test_potentials_can_be_set_and_drawn():
    net, E = neurons(2000, tau_m=1e9)
    sim = simulate(net)
    sim.set(E[:2], V_m=np.array([-51.0, -52.0]))
    sim.set(E[2:], V_m=Normal(-60.0, 2.0))
    V = sim.get(E, "V_m")
    assert V[:2].tolist() == [-51.0, -52.0]
    assert V[2:].mean() == pytest.approx(-60.0, abs=4 * 2.0 / np.sqrt(2000)) and V[2:].std() == pytest.approx(
        2.0, rel=0.1
    )
    sim.set(E[2:], V_m=Normal(-60.0, 2.0))
    assert not np.any(sim.get(E, "V_m")[2:] == V[2:])  # drawn anew, not the same numbers again
    sim.set(E[:1], V_m=-40.0)
    sim.run(0.1)
    assert sim.spikes(E)[1].tolist() == [0]


def test_a_refractory_period_can_be_prolonged():
    net, E = neurons(2, I_e=1000.0)
    sim = simulate(net)
    sim.run(50.0)
    sim.set(E[1], t_ref=20.0)
    sim.run(100.0)
    times, ids = sim.spikes(E)
    late = times > 50.0
    assert np.diff(times[late & (ids == 1)]).min() - np.diff(times[late & (ids == 0)]).min() == pytest.approx(18.0)


def test_words_can_be_changed_in_whole_populations():
    net = Network()
    E = net.create("E", 4, "iaf_psc_delta", **(NEURON | {"t_ref": 5.0}))
    sim = simulate(net)
    sim.set(E, refractory_input="accumulate")
    assert sim.engine.settings.parameters[0]["refractory_input"] == "accumulate"
    with pytest.raises(ValueError, match=r"E\.refractory_input: can only be changed in the whole population"):
        sim.set(E[:2], refractory_input="discard")


def test_device_currents_stay_beside_a_changed_I_e():
    net, E = neurons(1)
    net.dc_current(E, 100.0, 5.0, 15.0)
    sim = simulate(net)
    sim.run(10.0)
    sim.set(E, I_e=30.0)
    assert sim.engine.neurons.current.tolist() == [130.0]
    sim.run(10.0)
    assert sim.engine.neurons.current.tolist() == [30.0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tau_n": 3.0}, "iaf_psc_exp has no parameter 'tau_n': did you mean 'tau_m'"),
        ({"tau_m": -3.0}, r"E\.tau_m must be greater than 0 ms, not -3"),
        ({"tau_m": [1.0, 2.0]}, r"E\.tau_m: a number or an array of 5 numbers"),
        ({"I_e": float("nan")}, r"E\.I_e must be finite"),
        ({"V_th": -70.0}, "V_reset must be below V_th"),
        ({"tau_m": Normal(1.0, 1.0)}, r"E\.tau_m must be greater than 0 ms, redraw what is not \(minimum\); draws go"),
        ({"V_th": Uniform(-80.0, -60.0)}, "V_reset must be below V_th"),
        ({"tau_syn_ex": 3.0}, "tau_syn_ex and tau_syn_in must stay equal"),
        ({"I_e": 50.0, "C_m": 1e-320}, "too large or too small"),
        ({"V_m": Lognormal(1000.0, 1.0)}, r"E\.V_m must be from -1e.150 to 1e.150.*draws go from inf to inf"),
        ({"I_e": Normal(0.0, 1e308)}, r"E\.I_e must be from .*draws go from -inf to inf"),
        ({"V_m": "a"}, r"E\.V_m must be a number or an array of numbers, not 'a'"),
        ({"I_e": [1j] * 5}, r"E\.I_e must be a number or an array of numbers, not "),
    ],
)
@pytest.mark.filterwarnings("error")
def test_wrong_changes_are_refused_and_change_nothing(values, message):
    net, E = neurons(5)
    sim = simulate(net)
    with pytest.raises(ValueError, match=message):
        sim.set(E, **values)
    assert sim.get(E, "I_e").tolist() == [0.0] * 5 and sim.engine.settings.n_changes == 0
    sim.run(10.0)
    np.testing.assert_allclose(sim.get(E, "V_m"), relaxation(-60.0, -65.0, 10.0, np.array([10.0]))[0], rtol=1e-12)
    with pytest.raises(ValueError, match="has no parameter"):
        sim.get(E, "tau_n")


def test_both_time_constants_can_change_together():
    net, E = neurons(2)
    sim = simulate(net)
    sim.set(E, tau_syn_ex=3.0, tau_syn_in=3.0)
    assert sim.get(E[1], "tau_syn_in").tolist() == [3.0]


# --- Poisson input ----------------------------------------------------------------------------------------------------


def counts_of(sim: Simulation, population, t0: float, t1: float) -> int:
    times, _ = sim.spikes(population)
    return int(np.count_nonzero((times > t0) & (times <= t1)))


def test_a_rate_changes_and_what_is_on_its_way_arrives():
    """A weight that makes every event a spike one step after its arrival shows when events arrive."""
    net = Network()
    E = net.create("E", 500, "iaf_psc_delta", tau_m=10.0, E_L=0.0, V_reset=0.0, V_th=1.0, t_ref=0.0)
    noise = net.poisson_input(E, rate=100.0, weight=5.0, delay=2.0)
    net.record_spikes(E)
    sim = simulate(net)
    sim.run(100.0)
    sim.set(noise, rate=0.0)
    sim.run(20.0)
    sim.set(noise, rate=1000.0)
    sim.run(20.0)
    times, _ = sim.spikes(E)
    assert counts_of(sim, E, 100.0, 102.0) > 50  # emitted before, 100 expected
    assert counts_of(sim, E, 102.0, 122.0) == 0
    assert counts_of(sim, E, 122.0, 140.0) == pytest.approx(500 * 18.0, rel=0.06)
    assert times.min() >= 2.1


def test_a_change_to_the_same_rate_changes_nothing():
    def run(halves: bool) -> str:
        net = Network()
        E = net.create("E", 100, "iaf_psc_delta", E_L=0.0, V_reset=0.0, V_th=1.0)
        noise = net.poisson_input(E, rate=300.0, weight=0.6, delay=1.3)
        net.record_spikes(E)
        sim = simulate(net)
        sim.run(33.3)
        if halves:
            sim.set(noise, rate=300.0)
        sim.run(66.7)
        return sim.spikes_sha256()

    assert run(True) == run(False)


def test_a_weight_applies_to_what_is_emitted_later():
    net = Network()
    E = net.create("E", 300, "iaf_psc_delta", E_L=0.0, V_reset=0.0, V_th=1.0, t_ref=0.0, tau_m=0.01)
    noise = net.poisson_input(E, rate=200.0, weight=5.0, delay=1.0)
    net.record_spikes(E)
    sim = simulate(net)
    sim.run(50.0)
    sim.set(noise, weight=0.1)
    sim.run(50.0)
    assert counts_of(sim, E, 50.0, 51.0) > 20 and counts_of(sim, E, 51.0, 100.0) == 0


def test_sources_change_their_rate():
    net = Network()
    S = net.poisson_source("S", 200, rate=0.0)
    net.record_spikes(S)
    sim = simulate(net)
    sim.run(20.0)
    sim.set(S, rate=500.0)
    sim.run(50.0)
    assert counts_of(sim, S, 0.0, 20.0) == 0
    assert counts_of(sim, S, 20.0, 70.0) == pytest.approx(200 * 25.0, rel=0.06)
    with pytest.raises(ValueError, match="only be changed in the whole population"):
        sim.set(S[:5], rate=1.0)
    with pytest.raises(ValueError, match="rate must be from 0 to"):
        sim.set(S, rate=1e9)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": -1.0}, "rate must be from 0"),
        ({"rate": float("inf")}, "Poisson input to E: rate must be from 0 to 4e.10 spikes/s, not inf"),
        ({"weight": float("nan")}, "weight must be finite"),
        ({"weight": 1e151}, "weight must be from "),
        ({"rate": "a"}, "Poisson input to E: rate must be one number, not 'a'"),
        ({"rate": None}, "rate must be one number, not None"),
        ({"rate": np.ones(2)}, r"a number or an array of 5 numbers, not of shape"),
        ({"weight": Normal(1.0, 1.0)}, "weight must be one number, not Normal"),
        ({"delay": 2.0}, "'delay' cannot be changed, only rate and weight"),
    ],
)
def test_wrong_changes_of_an_input_are_refused(values, message):
    net, E = neurons()
    noise = net.poisson_input(E, 100.0, 1.0, 1.0)
    sim = simulate(net)
    with pytest.raises(ValueError, match=message):
        sim.set(noise, **values)
    with pytest.raises(ValueError, match="no Poisson input of this network"):
        sim.set(dataclasses.replace(noise), rate=1.0)


def test_a_stimulus_is_cut_where_it_changes():
    net = Network()
    E = net.create("E", 1)
    one = net.poisson_input(E, 1.0, 1.0, 1.0, start=10.0, stop=50.0)
    parts = changed([(0, one)], 0, 200, {"rate": 2.0})
    assert [(p.start, p.stop, p.rate) for _, p in parts] == [(100, 200, 1.0), (200, 500, 2.0)]
    parts = changed(parts, 0, 300, {"weight": 3.0})
    assert [(p.start, p.stop, p.rate, p.weight) for _, p in parts] == [(200, 300, 2.0, 1.0), (300, 500, 2.0, 3.0)]
    before = changed([(0, one)], 0, 50, {"rate": 2.0})
    assert [(p.start, p.stop, p.rate) for _, p in before] == [(100, 500, 2.0)]


# --- both -------------------------------------------------------------------------------------------------------------


def test_changes_in_a_network_keep_the_ledger():
    net = Network()
    E = net.create("E", 200, "iaf_psc_exp", **NEURON)
    net.connect(E, E, fixed_indegree(20), 30.0, 1.5)
    S = net.spike_source("S", [[1.0, 2.0]] * 200)
    net.connect(S, E, one_to_one(), 500.0, 1.0)
    noise = net.poisson_input(E, 8000.0, 40.0, 1.5)
    net.record_spikes(E)
    sim = simulate(net)
    sim.run(50.0)
    sim.set(E[:100], V_th=-48.0, C_m=300.0)
    sim.set(noise, rate=9000.0)
    sim.run(50.0)
    assert sim.ledger().delivered > 0


def test_what_was_set_is_what_one_gets():
    net = Network()
    E, Q = net.create("E", 5), net.poisson_source("Q", 3, 100.0, stop=50.0)
    noise = net.poisson_input(E, 1000.0, 2.0, 1.0, start=10.0)
    sim = Simulation(net, comm=SerialCommunicator())
    found = {name: sim.get(noise, name) for name in ("rate", "weight", "start", "stop")}
    assert found == {"rate": 1000.0, "weight": 2.0, "start": 10.0, "stop": np.inf}
    assert sim.get(Q, "rate").tolist() == [100.0] * 3 and sim.get("Q[:2]", "stop").tolist() == [50.0] * 2
    sim.run(20.0)
    sim.set(noise, rate=7.0, weight=-1.0)
    sim.set(Q, rate=3.0)
    assert (sim.get(noise, "rate"), sim.get(noise, "weight"), sim.get(noise, "start")) == (7.0, -1.0, 10.0)
    assert sim.get(Q, "rate").tolist() == [3.0] * 3
    for what, name in ((noise, "delays"), (Q, "weight")):
        with pytest.raises(ValueError, match=f"has no '{name}'"):
            sim.get(what, name)
