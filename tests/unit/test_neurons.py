"""Neuron models: propagators, one step, refractoriness, the loops written around it, a model of one's own."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal, localcontext

import numpy as np
import pytest

from distsim import GuardError, Network, Uniform, one_to_one
from distsim.description.grid import TimeGrid, resolution
from distsim.engine.step.population_state import places_of
from distsim.engine.step.update import ROW, Variant, compile_update, loop_source
from distsim.neurons import MODELS, NeuronModel, Parameter, Recordable
from distsim.neurons.base import refractory_steps
from distsim.neurons.iaf_psc_alpha import slope_to_potential
from distsim.neurons.iaf_psc_delta import iaf_psc_delta
from distsim.neurons.iaf_psc_exp import current_to_potential, iaf_psc_exp, propagators
from distsim.neurons.multisynapse import iaf_psc_alpha_multisynapse, iaf_psc_exp_multisynapse
from distsim.parallel import SerialCommunicator
from distsim.simulation.simulation import Simulation

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


def exact_slope_to_potential(tau_m: float, tau_syn: float, C_m: float, dt: float) -> float:
    """Return dt^2/C_m exp(-dt/tau_m) (1 - (1 + x) exp(-x))/x^2 of these very numbers, with 60 digits."""
    with localcontext(prec=60):
        tau_m, tau_syn, C_m, dt = map(Decimal, (tau_m, tau_syn, C_m, dt))
        x = dt / tau_syn - dt / tau_m
        ratio = (1 - (1 + x) * (-x).exp()) / x**2 if x else Decimal(1) / 2
        return float(dt**2 / C_m * (-dt / tau_m).exp() * ratio)


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_the_series_of_alpha_meets_the_closed_form(dt):
    size = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, 61), 1e-2 * (1 + np.geomspace(1e-12, 0.5, 30))])
    size = np.concatenate([size, 1e-2 * (1 - np.geomspace(1e-12, 0.5, 30))])
    x = np.concatenate([-size[size < 0.9 * dt / 10.0], size])
    tau_syn = 1 / (x / dt + 1 / 10.0)
    found = slope_to_potential(10.0, tau_syn, 250.0, dt)
    expected = [exact_slope_to_potential(10.0, tau, 250.0, dt) for tau in tau_syn.tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_numbers_and_arrays_give_the_same_propagators():
    values = DEFAULTS | {"tau_syn_ex": 0.7, "tau_syn_in": 1.3, "C_m": 123.4}
    numbers = propagators(values, 0.1)
    arrays = propagators({name: np.full(3, value) for name, value in values.items()}, 0.1)
    assert set(numbers) == set(arrays) == set(iaf_psc_exp.propagator_names)
    for name, number in numbers.items():
        np.testing.assert_array_equal(arrays[name], np.full(3, number))


@pytest.mark.parametrize(
    ("t_ref", "dt", "steps"),
    [
        (2.0, 0.1, 20),
        (0.0, 0.1, 0),
        (2.0, 0.3, 7),
        (0.1, 0.2, 1),
        (2.25, 0.1, 23),
        (2.04, 0.1, 21),
        (2.0, 0.6, 4),
        (1.1, 0.1, 11),
        (1e-3, 0.1, 1),
        (2.001, 0.1, 21),
        (0.1 + 0.2, 0.1, 3),
        (1.9999999999999998, 0.1, 20),
        (np.float32(9.1), 0.1, 91),
    ],
)
@pytest.mark.parametrize("model", ["iaf_psc_exp", "iaf_psc_alpha", "iaf_psc_delta"])
def test_the_refractory_time_is_rounded_up_to_steps(model, t_ref, dt, steps):
    model = MODELS[model]
    assert model.propagators(model.defaults() | {"t_ref": float(t_ref)}, dt)["steps"] == steps
    several = model.propagators(model.defaults() | {"t_ref": np.array([t_ref, 0.0, t_ref], float)}, dt)
    assert several["steps"].tolist() == [steps, 0, steps]


@pytest.mark.parametrize("dt", [0.1, 0.05, 0.025, 0.2, 0.3, 0.6, 0.125])
def test_a_refractory_time_on_the_grid_is_that_many_steps(dt):
    grid, steps = TimeGrid(resolution(dt)), np.arange(32768)
    assert refractory_steps(grid.ms(steps), dt).tolist() == steps.tolist()
    assert refractory_steps(steps * dt, dt).tolist() == steps.tolist()
    assert refractory_steps(grid.ms(steps).astype(np.float32).astype(float), dt).tolist() == steps.tolist()
    assert refractory_steps(grid.ms(steps[:-1]) + 0.01 * dt, dt).tolist() == (steps[:-1] + 1).tolist()


# --- one step, and the loop over neurons ------------------------------------------------------------------------------

STATE, REFRACTORY, EX, NUMBERS, CURRENT, IS_SHARED, FIRED = 1, 2, 5, 8, 11, 12, 13  # arguments of the loop


def has_signs(model: NeuronModel) -> bool:
    """Return whether signs of weights choose the receptor, and nothing is random."""
    return model.chooses_by_sign and not model.uniforms


SOLVED = [model for model in MODELS.values() if "gsl_error_tol" in model.parameters]
PLAIN = [model for model in MODELS.values() if not model.is_source and model not in SOLVED and has_signs(model)]


def arguments(variant: Variant, n: int, seed: int = 1) -> list:
    """Return the arguments of the loop for n neurons in a random state, many of them near the threshold."""
    rng = np.random.default_rng(seed)
    model, receptors, by_neuron, fixed = variant[:4]
    state = rng.normal(0.0, 100.0, len(model.states) * ROW)
    state[:n] = rng.uniform(-20.0, 20.0, n)
    for k, name in enumerate(model.states):
        row = state[k * ROW :][:ROW]
        if name in ("m", "h", "n"):
            row[:] = rng.uniform(0.0, 1.0, ROW)
        elif name.startswith(("g_", "dg_")):
            row[:] = abs(row)
        if receptors == 1 and name in model.inhibitory:
            state[k * ROW :][:ROW] = 0.0
    values = model.defaults()
    if by_neuron:
        numbers = {name: value for name, value in values.items() if isinstance(value, float)}
        values |= {name: value * rng.uniform(0.9, 1.1, n) for name, value in numbers.items()}
        values["V_th"] = values.get("E_L", -10.0) + rng.uniform(10.0, 20.0, n)
    found = model.propagators(values, 0.1)
    par = np.array([np.broadcast_to(found[name], n if by_neuron else ()) for name in model.propagator_names])
    refractory, shape = rng.integers(0, 3, n).astype(np.int16), (max(2, receptors), n)
    arrived = rng.integers(-900, 900, shape).astype(np.int32) if fixed else rng.normal(0.0, 50.0, shape)
    return [
        n,
        state,
        refractory,
        par.ravel(),
        n,
        arrived[0],
        arrived[1:].ravel(),
        0.0625,
        rng.integers(0, 1 << 16, n).astype(np.uint16),
        np.uint16(8),
        2.5,
        rng.normal(300.0, 300.0, n),
        0,
        np.full(n, 7, np.uint8),
        n,
        rng.uniform(0.0, 1.0, max(1, len(model.uniforms)) * ROW),
    ]


def plain_byte(spikes) -> np.uint8:
    return np.uint8(spikes if 0 <= spikes < 255 else 255)


def plain_loop(variant: Variant):
    names = {"step": variant.model.step, "attempt": variant.model.attempt, "np": np, "byte": plain_byte}
    exec(loop_source(variant), names)
    return names["update"]


def call_compiled(function, given: list) -> None:
    """Call the compiled loop as the engine does, with pointers."""
    kinds = zip(given, function.ctypes.argtypes, strict=True)
    function.ctypes(*(a.ctypes.data_as(kind) if isinstance(a, np.ndarray) else a for a, kind in kinds))


VARIANTS = [
    Variant(model, receptors, by_neuron, fixed, numbers)
    for model in PLAIN
    for receptors in (1, 2)
    for by_neuron in (False, True)
    for fixed in (False, True)
    for numbers in (False, True)
]


SEVERAL_RECEPTORS = [
    Variant(member, len(member.inputs), by_neuron, fixed, numbers)
    for member in (iaf_psc_exp_multisynapse.member(3), iaf_psc_alpha_multisynapse.member(5))
    for by_neuron, fixed, numbers in ((False, True, True), (True, False, False))
]
SOLVED_VARIANTS = [
    Variant(model, 2, by_neuron, fixed, numbers)
    for model in SOLVED
    for by_neuron in (False, True)
    for fixed in (False, True)
    for numbers in (False, True)
]


def test_few_variants_have_all_threes_of_properties():
    kept = [properties(variant) for variant in VARIANTS if is_one_of_few(variant)]
    for some in itertools.combinations(range(4), 3):
        assert len({tuple(variant[k] for k in some) for variant in kept}) == 8


def properties(variant: Variant) -> tuple[int, bool, bool, bool]:
    return variant.receptors, variant.by_neuron, variant.fixed, variant.numbers


def is_one_of_few(variant: Variant) -> bool:
    """Say if a loop is compiled in every test run: half of them, in which any three properties meet in all ways."""
    if variant in SOLVED_VARIANTS:
        return sum(properties(variant)[1:]) in (0, 3)  # as their loops take long to compile
    return sum(properties(variant)) % 2 == 0


@pytest.mark.parametrize(
    "variant",
    [
        *(pytest.param(v, marks=() if is_one_of_few(v) else pytest.mark.validation) for v in VARIANTS),
        *(pytest.param(v, marks=() if is_one_of_few(v) else pytest.mark.validation) for v in SOLVED_VARIANTS),
        *SEVERAL_RECEPTORS,
    ],
    ids=lambda v: "-".join(map(str, (v.model.name, *properties(v)))),
)
def test_the_compiled_loop_is_the_plain_one(variant):
    function = compile_update(variant)
    for n in (1, 7, 100 if variant in SOLVED_VARIANTS else 500):
        one, other = (arguments(variant, n) for _ in range(2))
        arrives = one[EX].copy()
        for _ in range(5):
            one[EX][:] = other[EX][:] = arrives
            call_compiled(function, one)
            plain_loop(variant)(*other)
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)
            assert not one[EX].any()


@pytest.mark.parametrize("model", (*PLAIN, *SOLVED), ids=lambda model: model.name)
def test_a_shared_current_is_that_of_all(model):
    variant = Variant(model, 2, False, False, False)
    function = compile_update(variant)
    one, other = (arguments(variant, 500) for _ in range(2))
    one[IS_SHARED], other[CURRENT] = 1, np.full(500, one[CURRENT][0])
    call_compiled(function, one)
    call_compiled(function, other)
    for k in (STATE, REFRACTORY, FIRED):
        np.testing.assert_array_equal(one[k], other[k])


@pytest.mark.parametrize("model", SOLVED, ids=lambda model: model.name)
def test_a_block_of_any_size_gives_the_same_bits(model):
    """A neuron that needs substeps changes nothing for those beside it."""
    function = compile_update(Variant(model, 2, False, False, False))
    n, whole, parts = 300, *(arguments(Variant(model, 2, False, False, False), 300) for _ in range(2))
    call_compiled(function, whole)
    for first, last in ((0, 1), (1, 2), (2, 9), (9, n)):
        part = [last - first, *(a[first:] if isinstance(a, np.ndarray) and a.size >= n else a for a in parts[1:])]
        call_compiled(function, part)
    for k in (STATE, REFRACTORY, FIRED):
        np.testing.assert_array_equal(whole[k], parts[k])


@pytest.mark.parametrize("fixed", [False, True])
def test_input_is_what_arrived_and_the_numbers_of_a_stimulus(fixed):
    one = arguments(Variant(iaf_psc_delta, 1, False, fixed, True), 50)
    other = arguments(Variant(iaf_psc_delta, 1, False, False, False), 50)
    other[EX] = (0.0625 if fixed else 1.0) * one[EX] + 2.5 * (one[NUMBERS] >> 8)
    plain_loop(Variant(iaf_psc_delta, 1, False, fixed, True))(*one)
    plain_loop(Variant(iaf_psc_delta, 1, False, False, False))(*other)
    np.testing.assert_array_equal(one[STATE], other[STATE])


@pytest.mark.parametrize("receptors", [1, 2])
def test_the_step_is_the_exact_solution(receptors):
    variant = Variant(iaf_psc_exp, receptors, True, False, False)
    given = arguments(variant, 400)
    n, state, refractory, par, _, ex, inh, *_, current, _, fired, _, _ = given
    ex, inh = ex.copy(), inh.copy()
    V, I_ex, I_in = (state[k * ROW :][:n].copy() for k in range(3))
    wait, p = refractory.copy(), dict(zip(iaf_psc_exp.propagator_names, par.reshape(-1, n), strict=True))
    new = (1 + p["leak"]) * V + p["from_ex"] * I_ex + p["from_in"] * I_in + p["from_current"] * current
    new = np.where(wait > 0, V, new)
    spikes = new >= p["theta"]
    plain_loop(variant)(*given)
    assert spikes.any()
    np.testing.assert_array_equal(fired, spikes)
    np.testing.assert_allclose(state[:n], np.where(spikes, p["V_reset"], new), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(state[ROW:][:n], p["decay_ex"] * I_ex + ex, rtol=1e-14)
    np.testing.assert_array_equal(refractory, np.where(spikes, p["steps"], np.maximum(wait - 1, 0)))
    inhibition = p["decay_in"] * I_in + inh if receptors == 2 else np.zeros(n)
    np.testing.assert_allclose(state[2 * ROW :][:n], inhibition, rtol=1e-14)


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


@pytest.mark.parametrize(("t_ref", "samples"), [(2.0, 21), (2.04, 22), (0.0, 1), (0.1, 2), (5.0, 51)])
def test_a_neuron_rests_at_V_reset_for_the_refractory_time(t_ref, samples):
    times, V, spikes = voltage(0.1, 100.0, I_e=1000.0, t_ref=t_ref, V_reset=-71.0)
    assert spikes.size > 2
    for spike in spikes[:-1]:
        at = int(np.flatnonzero(times == spike)[0])
        assert np.all(V[at : at + samples] == -71.0)
        assert V[at + samples] > -71.0
    assert np.all(V < -55.0)
    assert np.all(np.diff(spikes) == pytest.approx(spikes[1] - spikes[0]))


@pytest.mark.parametrize("model", ["iaf_psc_exp", "iaf_psc_alpha", "iaf_psc_delta"])
@pytest.mark.parametrize("t_ref", [2.04, np.full(1, 2.04)], ids=["shared", "by neuron"])
def test_spikes_at_very_strong_drive_follow_each_other_after_the_refractory_time(model, t_ref):
    spikes = voltage(0.1, 50.0, model=model, I_e=1e6, t_ref=t_ref)[2]
    np.testing.assert_allclose(np.diff(spikes), 2.2, rtol=1e-12)


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
    numbers = np.zeros(4, np.uint16)
    given = [4, none, np.zeros(4, np.int16), none, 0, arrived, none, 1.0, numbers, 0, 0.0, none, 1, fired, 0, none]
    call_compiled(compile_update(Variant(model, 1, False, False, False)), given)
    assert fired.tolist() == [0, 1, 3, 255]


# --- a model of one's own ---------------------------------------------------------------------------------------------

INTEGRATOR_PARAMETERS = {name: iaf_psc_exp.parameters[name] for name in ("C_m", "E_L", "V_th", "I_e", "V_m")}


def integrate(V, wait, ex, inh, current, dt_over_C, theta):
    new = V + dt_over_C * current + ex
    spike = new >= theta
    return new - theta if spike else new, wait, spike


integrator = NeuronModel(
    "integrator",
    INTEGRATOR_PARAMETERS,
    ("V",),
    lambda p, dt: {"dt_over_C": dt / p["C_m"], "theta": p["V_th"] - p["E_L"]},
    integrate,
)


def test_a_users_own_model_is_one_file():
    net = Network()
    one = net.create("one", 3, integrator, C_m=1.0, I_e=np.array([1.0, 2.0, 0.0]), E_L=0.0, V_th=1.0)
    net.connect(one[0], one[2], one_to_one(), 0.25, 0.5)  # mV, ms
    net.record_spikes(one)
    sim = Simulation(net, comm=SerialCommunicator())
    sim.run(10.0)
    times, ids = sim.spikes(one)
    assert times[ids == 0].size == pytest.approx(10, abs=1)
    assert times[ids == 1].size == pytest.approx(20, abs=1)
    # Four spikes of the first one fill the last one, half a millisecond later.
    assert times[ids == 2].tolist() == (times[ids == 0][3::4] + 0.5).tolist()


def test_a_step_whose_arguments_are_not_the_states_is_refused():
    with pytest.raises(TypeError, match="must begin with U, wait, ex, inh, current"):
        NeuronModel("wrong", {}, ("U",), lambda p, dt: {}, integrate)


def drift(U, v, wait, ex, inh, current, dt_over_C, slow):
    new = v + dt_over_C * current + ex
    spike = new >= 10.0
    return U + slow, (new - 10.0 if spike else new), wait, spike


# The potential is the second state and absolute, the first one is relative, the current has a name of its own.
drifting = NeuronModel(
    "drifting",
    {
        "Q": Parameter(2.0, "mV", "slow variable"),
        "Q_0": Parameter(0.5, "mV", "what it is relative to"),
        "E": Parameter(1.0, "mV", "potential"),
        "I_0": Parameter(0.0, "pA", "constant current"),
        "C": Parameter(1.0, "pF", "capacitance", 0.0, open=True),
    },
    ("U", "v"),
    lambda p, dt: {"dt_over_C": dt / p["C"], "slow": dt},
    drift,
    recordables={"Q": Recordable("U", "Q_0"), "E": Recordable("v")},
    potential="E",
    current="I_0",
)


def test_no_name_of_a_model_is_special():
    net = Network()
    n = 1100  # two blocks
    A = net.create("A", n, drifting, E=Uniform(0.0, 1.0), I_0=np.linspace(0.0, 2.0, n), Q_0=0.25)
    net.step_current(A[:5], [2.0], [3.0])
    net.record_voltages(A[::100])
    net.record_spikes(A)
    sim = Simulation(net, comm=SerialCommunicator())
    E, Q = sim.get(A, "E"), sim.get(A, "Q")
    assert E.min() >= 0.0 and E.std() == pytest.approx(12**-0.5, rel=0.1) and np.all(Q == 0.25)
    sim.run(4.0)
    expected = E + 4.0 * np.linspace(0.0, 2.0, n) + 3.0 * 1.9 * (np.arange(n) < 5)
    expected -= 10.0 * (expected >= 10.0)
    np.testing.assert_allclose(sim.get(A, "E"), expected, rtol=1e-12)
    np.testing.assert_allclose(sim.get(A, "Q"), 4.25, rtol=1e-12)
    np.testing.assert_allclose(sim.voltages(A[::100])[1][-1], expected[::100], rtol=1e-12)
    sim.set(A, Q_0=1.25)
    np.testing.assert_allclose(sim.get(A, "Q"), 4.25, rtol=1e-12)
    sim.set(A[7:9], E=np.array([0.5, 0.75]), I_0=0.0, Q=Uniform(0.0, 1.0))
    sim.run(1.0)
    assert sim.get(A[7:9], "E").tolist() == [0.5, 0.75]
    found = sim.get(A, "Q")
    assert np.all((found[7:9] >= 1.0) & (found[7:9] <= 2.0 + 1e-12)) and np.allclose(found[9:], 5.25)


def test_a_value_at_time_0_that_is_not_given_is_the_one_at_rest():
    net = Network()
    assert net.create("A", 2, drifting, Q_0=0.75).parameters["Q"] == 0.75
    assert net.create("B", 2, drifting, Q_0=0.75).parameters["E"] == 1.0  # relative to nothing: the default


@pytest.mark.parametrize(
    ("recordables", "message"),
    [
        ({"E": Recordable("w")}, "E is of the state 'w'; known are U, v"),
        ({"E": Recordable("v", "E_0")}, "E is relative to 'E_0', which is no parameter"),
        ({"E": Recordable("v"), "Q": Recordable("v")}, "two recordables are of the state 'v'"),
        ({"E": Recordable("v", unit=5)}, "the unit of E must be a printable text of at most 100 characters"),
        ({"E": Recordable("v", unit="m\nV")}, "the unit of E must be a printable text"),
        ({"E": Recordable("v", unit="u" * 101)}, "the unit of E must be a printable text"),
    ],
)
def test_recordables_that_a_model_cannot_have_are_refused(recordables, message):
    with pytest.raises(TypeError, match=message):
        replace(drifting, recordables=recordables)


def test_a_model_without_a_potential_records_no_voltages():
    net = Network()
    A = net.create("A", 2, replace(drifting, recordables={"Q": Recordable("U")}))
    with pytest.raises(ValueError, match="drifting has no membrane potential"):
        net.record_voltages(A)


def test_the_guard_names_the_recordable():
    net = Network()
    A = net.create("A", 3, drifting)
    sim = Simulation(net, comm=SerialCommunicator())
    sim.engine.neurons.state[places_of(sim.engine.neurons, drifting, "Q", np.array([1]))] = np.nan
    with pytest.raises(GuardError, match=r"Q of A\[1\] is nan"):
        sim.run(100.0)
    assert A.n == 3


def test_a_model_prints_its_parameters():
    lines = str(iaf_psc_exp).splitlines()
    assert lines[0] == "iaf_psc_exp" and len(lines) == 1 + len(iaf_psc_exp.parameters)
    assert lines[2].split() == ["tau_m", "10.0", "ms", "membrane", "time", "constant"]
