"""iaf_psc_exp: propagators, update and refractoriness, as plain Python and as it is compiled."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from distsim import Network
from distsim.elements import Population
from distsim.engine.population_state import compiled_update
from distsim.engine.simulation import Simulation
from distsim.neurons import MODELS
from distsim.neurons.iaf_psc_exp import current_to_potential, iaf_psc_exp, propagators, update
from distsim.parallel import SerialCommunicator

DEFAULTS = iaf_psc_exp.defaults()


# --- propagators ------------------------------------------------------------------------------------------------------


def integrated(tau_m: float, tau_syn: float, C_m: float, dt: float) -> float:
    """Integrate exp(-(dt - s)/tau_m) exp(-s/tau_syn) / C_m over a step by Gauss and Legendre."""
    x, w = np.polynomial.legendre.leggauss(40)
    s = (x + 1) * dt / 2
    return float(np.sum(w * np.exp(-(dt - s) / tau_m - s / tau_syn)) * dt / 2 / C_m)


@pytest.mark.parametrize("dt", [0.05, 0.1, 0.2, 1.0])
@pytest.mark.parametrize(("tau_m", "tau_syn"), [(10.0, 0.5), (20.0, 2.0), (5.0, 10.0), (10.0, 10.0), (0.5, 0.5)])
def test_the_propagator_is_the_integral_over_a_step(tau_m, tau_syn, dt):
    expected = integrated(tau_m, tau_syn, 250.0, dt)
    assert current_to_potential(tau_m, tau_syn, 250.0, dt) == pytest.approx(expected, rel=1e-13)


def test_the_propagator_is_smooth_where_the_time_constants_meet():
    offsets = np.concatenate([[0.0], np.geomspace(1e-16, 1e-1, 200)])
    tau_syn = 10.0 * (1 + np.concatenate([-offsets[::-1], offsets]))
    found = current_to_potential(10.0, tau_syn, 250.0, 0.1)
    expected = [integrated(10.0, tau, 250.0, 0.1) for tau in tau_syn]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_numbers_and_arrays_give_the_same_propagators():
    values = DEFAULTS | {"tau_syn_ex": 0.7, "tau_syn_in": 1.3, "C_m": 123.4}
    numbers = propagators(values, 0.1)
    arrays = propagators({name: np.full(3, value) for name, value in values.items()}, 0.1)
    assert len(numbers) == iaf_psc_exp.n_propagators
    for number, array in zip(numbers, arrays, strict=True):
        np.testing.assert_array_equal(array, np.full(3, number))


@pytest.mark.parametrize(
    ("t_ref", "dt", "steps"), [(2.0, 0.1, 20), (0.0, 0.1, 0), (2.0, 0.3, 7), (0.1, 0.2, 1), (2.25, 0.1, 23)]
)
def test_the_refractory_time_is_rounded_to_steps(t_ref, dt, steps):
    assert propagators(DEFAULTS | {"t_ref": t_ref}, dt)[-1] == steps


# --- update -----------------------------------------------------------------------------------------------------------


def compiled(population: Population, *arguments) -> int:
    """Call the compiled update of a population's model as the engine does, with pointers."""
    functions: dict = {}
    address = compiled_update(population, functions)
    call = functions[population.model.name].ctypes
    assert address == ctypes.cast(call, ctypes.c_void_p).value
    kinds = zip(arguments, call.argtypes, strict=True)
    return call(*(a.ctypes.data_as(kind) if isinstance(a, np.ndarray) else a for a, kind in kinds))


def arguments(n: int, receptors: int, by_neuron: bool, seed: int = 1) -> list:
    """Return the arguments of `update` for n neurons in a random state, many of them near the threshold."""
    rng, stride, input_stride = np.random.default_rng(seed), n + 3, n + 5
    state = rng.normal(0.0, 100.0, 3 * stride)
    state[:n] = rng.uniform(-20.0, 20.0, n)
    values = dict(DEFAULTS)
    if by_neuron:
        values = {name: value * rng.uniform(0.9, 1.1, n) for name, value in values.items()}
        values["V_th"] = values["E_L"] + rng.uniform(10.0, 20.0, n)
        par = np.array([np.broadcast_to(value, n) for value in propagators(values, 0.1)]).ravel()
    else:
        par = np.array(propagators(values, 0.1), float)
    return [
        n,
        stride,
        state,
        rng.integers(0, 3, n).astype(np.int16),
        par,
        n if by_neuron else 1,
        int(by_neuron),
        rng.normal(0.0, 50.0, 2 * input_stride),
        input_stride,
        receptors,
        rng.normal(300.0, 300.0, n),
        np.full(n, 7, np.uint8),
    ]


@pytest.mark.parametrize("n", [1, 7, 500])
@pytest.mark.parametrize("by_neuron", [False, True], ids=["uniform", "by neuron"])
@pytest.mark.parametrize("receptors", [1, 2])
def test_the_compiled_update_is_the_plain_one(receptors, by_neuron, n):
    one, other = arguments(n, receptors, by_neuron), arguments(n, receptors, by_neuron)
    for _ in range(5):
        assert compiled(Network().create("E", n), *one) == update(*other)
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("receptors", [1, 2])
def test_the_update_is_the_exact_solution(receptors):
    given = arguments(40, receptors, True)
    n, stride, state, refractory, par, _, _, inputs, input_stride, _, current, fired = given
    V, I = state[:n].copy(), state[stride : stride + n].copy()
    I_in = state[2 * stride : 2 * stride + n].copy() if receptors == 2 else 0.0
    wait, par = refractory.copy(), par.reshape(-1, n)
    new = (1 + par[0]) * V + par[1] * I + par[2] * I_in + par[3] * current
    new = np.where(wait > 0, V, new)
    spikes = new >= par[6]
    n_fired = update(*given)
    assert n_fired == spikes.sum() > 0
    np.testing.assert_array_equal(fired, spikes)
    np.testing.assert_allclose(state[:n], np.where(spikes, par[7], new), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(state[stride : stride + n], par[4] * I + inputs[:n], rtol=1e-14)
    np.testing.assert_array_equal(refractory, np.where(spikes, par[8], np.maximum(wait - 1, 0)))
    if receptors == 2:
        inhibition = par[5] * I_in + inputs[input_stride : input_stride + n]
        np.testing.assert_allclose(state[2 * stride : 2 * stride + n], inhibition, rtol=1e-14)


def test_one_variable_serves_equal_time_constants():
    assert iaf_psc_exp.receptors(DEFAULTS) == 1
    assert iaf_psc_exp.receptors(DEFAULTS | {"tau_syn_in": 2.1}) == 2
    assert iaf_psc_exp.receptors(DEFAULTS | {"tau_syn_ex": np.full(3, 2.0)}) in (1, 2)


# --- in time ----------------------------------------------------------------------------------------------------------


def voltage(dt: float, duration: float, **parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times and V_m of one neuron alone at every step, and its spikes."""
    net = Network(dt)
    neuron = net.create("n", 1, **parameters)
    net.record_voltages(neuron)
    net.record_spikes(neuron)
    sim = Simulation(net, comm=SerialCommunicator())
    sim.run(duration)
    times, V = sim.voltages(neuron)
    return times, V[:, 0], sim.spikes(neuron)[0]


@pytest.mark.parametrize(("t_ref", "samples"), [(2.0, 21), (0.0, 1), (0.1, 2), (5.0, 51)])
def test_a_neuron_rests_at_V_reset_for_the_refractory_time(t_ref, samples):
    times, V, spikes = voltage(0.1, 100.0, I_e=1000.0, t_ref=t_ref, V_reset=-71.0)
    assert spikes.size > 2
    for spike in spikes[:-1]:
        at = int(np.flatnonzero(times == spike)[0])
        assert np.all(V[at : at + samples] == -71.0)
        assert V[at + samples] > -71.0
    assert np.all(V < -55.0)
    assert np.all(np.diff(spikes) == pytest.approx(spikes[1] - spikes[0]))


def test_a_constant_current_acts_from_the_first_step():
    times, V, _ = voltage(0.1, 50.0, I_e=100.0)
    assert times[0] == 0.1 and times[-1] == 50.0
    np.testing.assert_allclose(V, -70.0 + 100.0 * 10.0 / 250.0 * -np.expm1(-times / 10.0), rtol=1e-13)


def test_a_neuron_without_input_decays_to_E_L():
    times, V, spikes = voltage(0.1, 50.0, V_m=-60.0, E_L=-65.0, tau_m=7.0)
    np.testing.assert_allclose(V, -65.0 + 5.0 * np.exp(-times / 7.0), rtol=1e-13)
    assert spikes.size == 0


def test_the_threshold_itself_is_reached():
    # V stays where it is: at the threshold it spikes in the first step, below it never does.
    assert voltage(0.1, 1.0, V_m=-55.0, E_L=-55.0, V_th=-55.0, t_ref=0.0)[2].tolist() == [0.1]
    assert voltage(0.1, 1.0, V_m=-55.0 - 1e-12, E_L=-55.0 - 1e-12, V_th=-55.0)[2].size == 0


@pytest.mark.parametrize("model", [model for model in MODELS.values() if model.is_source], ids=lambda m: m.name)
def test_sources_relay_what_arrives(model):
    arrived, fired, none = np.array([0.0, 1.0, 3.0, 255.0]), np.full(4, 9, np.uint8), np.zeros(4)
    waits, population = np.zeros(4, np.int16), Population("S", 4, model, {}, 0)
    assert compiled(population, 4, 4, none, waits, none, 0, 0, arrived, 4, 1, none, fired) == 259
    assert fired.tolist() == [0, 1, 3, 255]
