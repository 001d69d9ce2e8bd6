"""Neuron models from equations: they agree with the built-in ones, and what is missing or inconsistent is refused."""

from __future__ import annotations

import copy
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import distsim
from distsim import Network, NeuronModel, Simulation, Uniform, fixed_indegree
from distsim.engine.compiled.frozen_step import FrozenStep
from distsim.neurons.equations.propagators import exponential_less_one
from distsim.parallel import SerialCommunicator
from tests.support import written_models
from tests.support.written_models import adaptive, parameters_of

N = 60


def recorded(model: str | NeuronModel, names: list[str], **given: object) -> tuple:
    """Return spikes and the recorded quantities `names` of neurons whose parameters and input differ."""
    net = Network(0.1)
    E = net.create("E", N, model, **given)
    is_cond = "g_ex" in names
    net.poisson_input(E[: N // 2], 2000.0, 3.0 if is_cond else 60.0, 0.5)
    net.poisson_input(E, 1000.0, -0.5 if is_cond else -10.0, 0.5)
    net.dc_current(E[::3], 80.0, 20.0, 120.0)
    net.record_spikes(E)
    for name in names:
        net.record(name, E)
    sim = Simulation(net, seed=1, comm=SerialCommunicator())
    sim.run(200.0)
    return sim.spikes(E), {name: sim.samples(name, E)[1] for name in names}


def drawn(name: str) -> dict:
    """Return parameters that differ from neuron to neuron."""
    rng = np.random.default_rng(3)
    most = {"aeif_cond_exp": 1500.0}.get(name, 700.0)
    given = {"V_m": rng.normal(-65.0, 3.0, N), "I_e": rng.uniform(300.0, most, N), "t_ref": rng.uniform(0.0, 3.0, N)}
    given["tau_syn_in"] = rng.uniform(1.0, 20.0, N)
    if "psc" in name:
        given["tau_m"] = rng.uniform(8.0, 12.0, N)
        given["tau_m"][:4] = given["tau_syn_in"][:4] * [1.0, 1.0 + 1e-12, 1.0 - 1e-7, 1.0 + 1e-3]
    if name == "aeif_cond_exp":
        given["a"] = rng.uniform(2.0, 6.0, N)
    return given


@pytest.mark.parametrize(
    ("name", "own", "tolerance"),
    [
        ("iaf_psc_exp", written_models.psc_exp, 1e-12),
        ("iaf_psc_alpha", written_models.psc_alpha, 1e-12),
        ("iaf_cond_exp", written_models.cond_exp, 1e-6),
        ("aeif_cond_exp", written_models.aeif_cond_exp, 1e-6),
    ],
)
def test_built_in_models_written_as_equations_agree_with_them(name, own, tolerance):
    names = list(own().recordables)
    spikes, values = recorded(name, names, **drawn(name))
    own_spikes, own_values = recorded(own(), names, **drawn(name))
    assert spikes[0].size > 100
    np.testing.assert_array_equal(own_spikes, spikes)
    for each in names:  # currents of some hundred pA are not to be compared to 1e-12 pA
        np.testing.assert_allclose(own_values[each], values[each], rtol=0 if each == "V_m" else 1e-13, atol=tolerance)


def test_propagators_of_nearly_equal_time_constants_keep_their_digits():
    mpmath.mp.dps = 50
    for tau_m, tau_syn in [(10.0, 2.0), (10.0, 10.0), (10.0, 10.0 * (1 + 1e-9)), (20.0, 0.2)]:
        M = np.array([[-1 / tau_m, 1 / 250.0, 0.0], [0.0, -1 / tau_syn, 1.0], [0.0, 0.0, -1 / tau_syn]]) * 0.1
        exact = mpmath.expm(mpmath.matrix(M.tolist())) - mpmath.eye(3)
        expected = [[float(exact[i, j]) for j in range(3)] for i in range(3)]
        np.testing.assert_allclose(exponential_less_one(M), expected, rtol=1e-14)


def test_propagators_of_a_neuron_do_not_depend_on_others():
    rng = np.random.default_rng(1)
    M = rng.normal(0.0, 1.0, (700, 4, 4)) * np.geomspace(1e-6, 10.0, 700)[:, None, None]
    each = np.array([exponential_less_one(one) for one in M])
    np.testing.assert_array_equal(exponential_less_one(M), each)


def test_adaptation_goes_on_exactly_while_the_potential_is_frozen():
    net = Network(0.1)
    E = net.create("E", 1, adaptive(), I_e=500.0)
    net.record_spikes(E)
    for name in ("V", "w"):
        net.record(name, E)
    sim = Simulation(net, seed=1, comm=SerialCommunicator())
    sim.run(100.0)
    first = round(sim.spikes(E)[0][0] / 0.1)
    V, w = (sim.samples(name, E)[1][:, 0] for name in ("V", "w"))
    assert (V[first - 1 : first + 20] == -60.0).all() and V[first + 20] != -60.0
    t = 0.1 * np.arange(21)
    rest = 2.0 * (-60.0 + 70.0)
    np.testing.assert_allclose(w[first - 1 : first + 20], rest + (w[first - 1] - rest) * np.exp(-t / 100.0), rtol=1e-13)


def test_a_system_that_is_not_linear_is_solved_to_the_tolerance():
    net = Network(0.1)
    E = net.create("E", 1, written_models.fitzhugh(), gsl_error_tol=1e-10)
    for name in ("V", "W"):
        net.record(name, E)
    sim = Simulation(net, seed=1, comm=SerialCommunicator())
    sim.run(100.0)

    def slope(t, y):
        return y[0] - y[0] ** 3 / 3 - y[1] + 0.5, (y[0] + 0.7 - 0.8 * y[1]) / 12.5

    times, V = sim.samples("V", E)
    found = solve_ivp(slope, (0.0, 100.0), [-1.0, -0.5], "DOP853", times, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose([V[:, 0], sim.samples("W", E)[1][:, 0]], found.y, atol=1e-7)
    assert found.y[0].max() > 1.5


def test_spikes_within_a_step_are_found_where_they_are():
    model = NeuronModel.from_equations(
        "dV/dt = V**2 / tau : 1\ndx/dt = 1/ms : 1",
        threshold="V >= 10",
        reset="V = 0; x = 0",
        receptors="V += weight",
        parameters={"tau": "1 ms", "V": 1.0},
    )
    net = Network(0.1)
    E = net.create("E", 1, model)
    net.record("x", E)
    sim = Simulation(net, seed=1, comm=SerialCommunicator())
    sim.run(1.0)
    assert sim.samples("x", E)[1][-1, 0] == pytest.approx(0.1, abs=1e-6)  # since 1/V = 1 - t has reached 0.1


def test_receptors_are_chosen_by_connections_and_frozen_variables_take_nothing():
    net = Network(0.1)
    E = net.create("E", 2, written_models.two_receptors(), t_ref=[2.2, 0.0])
    source = net.spike_source("source", [[1.0, 2.0, 4.5]])
    net.connect(source, E, distsim.all_to_all(), weight=68.75, delay=0.1, receptor="kicks")
    net.connect(source, E, distsim.all_to_all(), weight=-1.0, delay=0.5, receptor="synapses")
    net.record_spikes(E)
    net.record("g", E)
    sim = Simulation(net, seed=1, comm=SerialCommunicator())
    sim.run(6.0)
    times, ids = sim.spikes(E)
    assert times[ids == 0].tolist() == [1.1, 4.6] and times[ids == 1].tolist() == [1.1, 2.1, 4.6]
    g = sim.samples("g", E)[1]
    assert not g[:, 0].any()  # what arrived 0.5 ms after the spikes found it refractory
    assert g[14, 1] == -1.0


def test_units_are_converted_where_they_have_another_size():
    one = adaptive()
    other = adaptive(
        parameters={**dict(one.equations.parameters), "tau_m": "0.02 s", "C_m": "0.25 nF", "V_th": "-0.055 V"}
    )
    left, right = (model.propagator_values(model.defaults(), 0.1) for model in (one, other))
    assert list(left) == list(right)
    for name, value in left.items():
        assert right[name] == pytest.approx(value, rel=1e-14), name
    resistance = NeuronModel.from_equations(
        "dV/dt = (R * I_e - V) / tau : mV", receptors="V += weight", parameters={"R": "40 MOhm", "tau": "10 ms"}
    )
    values = resistance.propagator_values(resistance.defaults(), 0.1)
    assert values["p0_1"] == pytest.approx(-0.04 * np.expm1(-0.01), rel=1e-14)  # 40 MOhm pA are 0.04 mV


def test_weights_have_the_unit_that_the_equations_need():
    assert written_models.psc_alpha().weight_unit == "pA" and written_models.cond_exp().weight_unit == "nS"
    assert written_models.two_receptors().weight_unit == "mV"


# --- identity ---------------------------------------------------------------------------------------------------------


def test_models_are_pickled_by_what_was_written():
    model = adaptive()
    assert pickle.loads(pickle.dumps(model)) is model and copy.deepcopy(model) is model
    spaced = adaptive(reset="V  =  V_reset;\n w += b  # adaptation")
    assert spaced is model


def code_of(text: str) -> str:
    imports = (
        "from distsim.engine.compiled.frozen_step import FrozenStep\nfrom tests.support import written_models as m"
    )
    return f"{imports}\n{text}\nprint(FrozenStep.of(model).identity, model.propagators)"


@pytest.mark.parametrize("name", ["psc_alpha", "aeif_cond_exp", "fitzhugh"])
def test_every_process_writes_the_same_code(name):
    root = Path(distsim.__file__).parents[1]
    found = set()
    for seed in ("0", "1", "2"):
        command = [sys.executable, "-c", code_of(f"model = m.{name}()")]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        found.add(done.stdout)
    assert len(found) == 1
    assert FrozenStep.of(getattr(written_models, name)()).identity in found.pop()


def network(model: NeuronModel) -> Network:
    net = Network(0.1)
    E = net.create("E", 30, model, I_e=Uniform(250.0, 450.0))
    net.connect(E, E, fixed_indegree(5), 40.0, 1.5)
    net.poisson_input(E, 2000.0, 30.0, 1.0)
    net.record_spikes(E)
    return net


def test_a_checkpoint_knows_the_equations(tmp_path):
    whole = Simulation(network(adaptive()), seed=1, comm=SerialCommunicator())
    whole.run(100.0)
    half = Simulation(network(adaptive()), seed=1, comm=SerialCommunicator())
    half.run(50.0)
    half.checkpoint(tmp_path / "state.h5")
    resumed = Simulation(network(adaptive()), seed=1, comm=SerialCommunicator(), checkpoint=tmp_path / "state.h5")
    resumed.run(50.0)
    times, ids = whole.spikes("E")
    late = times > 50.0
    assert late.sum() > 20
    np.testing.assert_array_equal(resumed.spikes("E"), (times[late], ids[late]))
    others = network(adaptive(reset="V = V_reset; w += 2 * b"))
    with pytest.raises(ValueError, match="population E differs"):
        Simulation(others, seed=1, comm=SerialCommunicator(), checkpoint=tmp_path / "state.h5")


def test_sympy_is_left_as_it_was():
    code = "import sympy\nbefore = sympy.Basic.__str__\nfrom tests.support.written_models import adaptive\nadaptive()\n"
    code += "from odetoolbox.config import Config\nassert sympy.Basic.__str__ is before\n"
    code += "assert Config.config['simplify_expression'] == 'sympy.simplify(expr)'"
    root = Path(distsim.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


# --- what is refused --------------------------------------------------------------------------------------------------

V = "dV/dt = (E_L - V) / tau : mV"
GIVEN = {"E_L": "-70 mV", "tau": "10 ms"}
REFUSED = {
    "dV/dt: 'tua' is not known: did you mean 'tau'? it must be a variable or a parameter (": {
        "equations": V.replace("tau", "tua")
    },
    "dV/dt: 'f' is not known": {"equations": V.replace("V)", "f(V))")},
    "dV/dt: xi: equations with noise are not integrated; random input comes from poisson_input": {
        "equations": V.replace(" :", " + E_L * xi / tau :")
    },
    "dV/dt: t: equations cannot depend on the time; input over time comes from step_current": {
        "equations": V.replace("V)", "V * sin(t))")
    },
    "dV/dt: E_L/tau**2 must have the dimension of mV/ms, not of mV/ms^2": {"equations": "dV/dt = E_L / tau**2 : mV"},
    "dV/dt: E_L has the dimension of mV, -V that of pA: they cannot be added": {"equations": V.replace(": mV", ": pA")},
    "the dimension of mV, tau that of ms: they cannot be added": {"equations": V.replace("E_L -", "E_L + tau -")},
    "dV/dt: in exp(V): V must have the dimension of no unit, not of mV": {"equations": V.replace("V)", "V * exp(V))")},
    "dV/dt: unit 'mW' is not known; use units such as mV": {"equations": V.replace(": mV", ": mW")},
    "'dV/dt = (E_L - V) / tau' must be dX/dt = expression : unit": {"equations": V.replace(" : mV", "")},
    "dV/dt: '(E_L - V)^2 / tau' cannot be read": {"equations": V.replace("V)", "V)^2")},
    "equations: there is no dX/dt": {"equations": ""},
    "equations: V is there twice": {"equations": f"{V}\n{V}"},
    "'weight' has a meaning in equations": {"equations": f"{V}\ndweight/dt = -weight / tau : mV"},
    "threshold: 'V' must be one comparison, such as 'V >= V_th'": {"threshold": "V"},
    "threshold: 'E_L >= 0' must depend on a variable (V)": {"threshold": "E_L >= 0"},
    "threshold: E_L has the dimension of mV": {"threshold": "V >= tau"},
    "threshold: V has the dimension of mV": {"threshold": "V >= tau"},
    "reset: 'E_L' is no variable, only these can be changed: V": {"threshold": "V >= 0", "reset": "E_L = V"},
    "reset: V: tau must have the dimension of mV, not of ms": {"threshold": "V >= 0", "reset": "V = tau"},
    "reset: 'V' must be a statement such as": {"threshold": "V >= 0", "reset": "V"},
    "reset: needs a threshold": {"reset": "V = E_L"},
    "refractory: E_L must have the dimension of ms, not of mV": {"threshold": "V >= 0", "refractory": "E_L"},
    "refractory: must be a time of parameters alone": {"threshold": "V >= 0", "refractory": "tau * V / E_L"},
    "frozen: 'W' must be one of the variables V": {"threshold": "V >= 0", "refractory": "tau", "frozen": "W"},
    "frozen: needs a refractory period": {"threshold": "V >= 0", "frozen": "V"},
    "receptors: 'V += 1' must be proportional to weight": {"receptors": "V += 1"},
    "receptors: 'V += weight * V / E_L' must be proportional to weight": {"receptors": "V += weight * V / E_L"},
    "receptors: 'V = weight' must add to a variable": {"receptors": "V = weight"},
    "receptors: must be statements such as 'g += weight', or a dictionary of them": {
        "receptors": {"ex": "V += weight"}
    },
    "receptors: weights must have one unit, not mV and ms": {
        "receptors": {"one": "V += weight", "two": "V += weight * E_L / tau"}
    },
    "parameters: tau_m is not used": {"parameters": {**GIVEN, "tau_m": "10 ms"}},
    "parameters: tau must be a number, a text such as '20 ms', (20.0, 'ms'), or a Parameter, not None": {
        "parameters": {**GIVEN, "tau": None}
    },
    "parameters: tau has a unit that is not known, 'm/ss'": {"parameters": {**GIVEN, "tau": "10 m/ss"}},
    "parameters: V, at time 0, must be in mV, not in ms": {"parameters": {**GIVEN, "V": "10 ms"}},
    "parameters: I_e must be in pA": {"equations": V.replace("V)", "V + I_e)"), "parameters": {**GIVEN, "I_e": "3 mV"}},
    "detection must be one of step, substep, not 'grid'": {"detection": "grid"},
    "detection: 'substep' is for equations that are not linear": {"threshold": "V >= 0", "detection": "substep"},
}
del REFUSED["threshold: E_L has the dimension of mV"]


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_wrong_is_named(message):
    given = {"equations": V, "receptors": "V += weight", "parameters": GIVEN, **REFUSED[message]}
    with pytest.raises(ValueError, match=re.escape(message)):
        NeuronModel.from_equations(**given)


def test_parameters_that_would_fire_without_end_are_refused():
    net = Network(0.1)
    with pytest.raises(
        ValueError, match=r"E: after the reset, V >= V_th still holds: the neuron would fire without end"
    ):
        net.create("E", 3, adaptive(), V_th=[-55.0, -61.0, -55.0])
    with pytest.raises(ValueError, match="E: its parameters are too large or too small to compute with"):
        net.create("E", 3, adaptive(), tau_m=0.0)


def test_currents_that_the_equations_would_not_use_are_refused():
    net = Network(0.1)
    E = net.create("E", 1, written_models.two_receptors())
    with pytest.raises(ValueError, match="step current into E: the equations of from_equations do not use I_e"):
        net.dc_current(E, 10.0)


def test_parameters_of_the_built_in_models_serve_as_they_are():
    assert adaptive().parameters["b"].minimum == 0.0
    assert written_models.psc_exp().parameters.keys() == parameters_of("iaf_psc_exp").keys()
