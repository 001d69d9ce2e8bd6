"""Neuron models beyond the linear ones: parameters that are refused, states, spikes within a step, extreme input."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from distsim import GuardError, Network, Normal, Simulation, Uniform, explicit
from distsim.neurons import MODELS, adex
from distsim.neurons.hh_psc_alpha import at_rest, rates
from distsim.neurons.hh_psc_alpha import in_substeps as hh_in_substeps
from distsim.neurons.iaf_cond_exp import V_in_substeps
from distsim.neurons.solver import NODES, ORDER_4, ORDER_5, STAGES, runge_kutta
from distsim.parallel import SerialCommunicator


def simulated(net: Network, duration: float) -> Simulation:
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(duration)
    return sim


# --- the solver -------------------------------------------------------------------------------------------------------


def test_the_coefficients_are_those_of_a_pair_of_orders_5_and_4():
    for weights, order in ((ORDER_5, 5), (ORDER_4, 4)):
        b = np.array([eval(weight) for weight in weights])
        for k in range(1, order + 1):
            assert b @ np.array(NODES) ** (k - 1) == pytest.approx(1 / k, rel=1e-14)
    for node, stage in zip(NODES[1:], STAGES, strict=True):
        assert sum(eval(weight) for weight in stage) == pytest.approx(node, rel=1e-14)


def test_an_attempt_is_of_order_5_and_knows_its_error():
    attempt = runge_kutta(2)

    def slopes(y, drive, p):
        return y[1] * p, -y[0] * p

    errors = []
    for h in (0.2, 0.1):
        y, estimated = attempt(slopes, (1.0, 0.0), NODES, h, 1.0)
        errors.append(abs(y[0] - np.cos(h)) + abs(y[1] + np.sin(h)))
        assert errors[-1] < sum(estimated) < 1e-4
    assert errors[0] / errors[1] == pytest.approx(2**6, rel=0.3)


NAN = float("nan")
INPUT = ((0.0, 0.0, 0.0, 0.0), (1.0, 1.0), 0.0, (1.0,) * 9)  # g, rates, current and m of models with conductances


@pytest.mark.parametrize(
    "substeps",
    [
        lambda: V_in_substeps(NAN, 0.1, 0.1, *INPUT, 1e-6),
        lambda: adex.in_substeps(
            NAN, 0.0, 0.1, 0.1, *INPUT, (-50.0, 0.0, 1.0, 0.5, 2.0, 1.0, 0.1), 1e-6, (-60.0, 0.0, 0)
        ),
        lambda: hh_in_substeps((NAN,) * 4, 0.1, 0.1, (0.0,) * 4, 1.0, 1.0, 0.0, (1.0,) * 7, 1e-6),
    ],
    ids=["iaf_cond", "aeif_cond", "hh_psc_alpha"],
)
def test_a_state_that_is_not_finite_takes_few_attempts(substeps):
    attempts = 0

    def count(frame, event, _):
        nonlocal attempts
        attempts += event == "call" and frame.f_code.co_name == "resized"

    sys.setprofile(count)
    try:
        end = substeps()
    finally:
        sys.setprofile(None)
    assert np.isnan(np.ravel(end)[0])
    assert 1 < attempts < 20


# --- parameters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        ("iaf_cond_exp", {"C_m": 0.0}, "x.C_m must be greater than 0 pF"),
        ("iaf_cond_alpha", {"tau_syn_in": -1.0}, "x.tau_syn_in must be greater than 0 ms"),
        ("iaf_cond_exp", {"t_ref": -1.0}, "x.t_ref must be at least 0 ms"),
        ("iaf_cond_exp", {"V_reset": -50.0}, "x: V_reset must be below V_th"),
        ("iaf_cond_alpha", {"V_reset": [-60.0, -55.0]}, "x: V_reset must be below V_th"),
        ("iaf_cond_exp", {"g_ex": -1.0}, "x.g_ex must be at least 0 nS"),
        ("iaf_cond_exp", {"g_ex": Normal(1.0, 1.0)}, "x.g_ex must be at least 0 nS, redraw what is not"),
        ("iaf_cond_exp", {"gsl_error_tol": 0.0}, "x.gsl_error_tol must be greater than 0"),
        ("aeif_cond_exp", {"V_peak": -60.0}, "x: V_peak must be at least V_th"),
        ("aeif_cond_exp", {"V_reset": 0.0}, "x: V_reset must be below V_peak"),
        (
            "aeif_cond_alpha",
            {"Delta_T": 0.0, "V_reset": -45.0},
            "x: V_reset must be .*, and below V_th where",
        ),
        ("aeif_cond_alpha", {"Delta_T": -1.0}, "x.Delta_T must be at least 0 mV"),
        ("aeif_cond_exp", {"Delta_T": 0.05}, "x: V_peak - V_th must be less than 664 Delta_T"),
        ("aeif_cond_exp", {"tau_w": 0.0}, "x.tau_w must be greater than 0 ms"),
        ("izhikevich", {"consistent_integration": 1}, "must be one of True, False, not 1"),
        ("izhikevich", {"consistent_integration": "yes"}, "must be one of True, False, not 'yes'"),
        ("hh_psc_alpha", {"g_Na": -1.0}, "x.g_Na must be at least 0 nS"),
        ("hh_psc_alpha", {"Inact_h": -0.1}, "x.Inact_h must be at least 0"),
    ],
)
def test_what_NEST_refuses_is_refused(model, given, message):
    with pytest.raises(ValueError, match=message):
        Network().create("x", 2, model, **given)


SUMS = {"gif_psc_exp": ["E_sfa", "I_stc"]}  # of other states, in a step: recorded and read, but not set
SUMS |= {f"iaf_psc_{kind}_multisynapse": ["I_syn"] for kind in ("exp", "alpha")}


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.recordables])
def test_every_state_can_be_given_read_recorded_and_set(name):
    model, net = MODELS[name], Network()
    assert {r.state for r in model.recordables.values()} == set(model.states)
    apart = {"separate_currents": True} if "separate_currents" in model.parameters else {}
    given = {what: -61.0 if what == "V_m" else 0.25 for what in model.initial}
    lists = {what: [value, value - 0.125] for what, value in given.items()}
    drawn = {what: Uniform(value, value + 0.5) for what, value in given.items()}
    populations = [net.create(f"p{k}", 2, model, **values, **apart) for k, values in enumerate((given, lists, drawn))]
    for population in populations:
        for what in model.recordables:
            net.record(what, population)
    sim = Simulation(net, 1, SerialCommunicator())
    for what, value in given.items():
        assert sim.get("p0", what) == pytest.approx([value] * 2) and sim.get("p1", what) == pytest.approx(lists[what])
        found = sim.get("p2", what)
        assert value <= found.min() < found.max() <= value + 0.5
        sim.set("p0[1]", **{what: value + 0.125})
    for what, value in given.items():
        assert sim.get("p0", what) == pytest.approx([value, value + 0.125])
    sim.run(1.0)
    assert set(model.recordables) - set(model.initial) == set(SUMS.get(name, ()))
    for what in model.recordables:
        times, samples = sim.samples(what, "p1")
        assert times.size == 10 and np.isfinite(samples).all()
        np.testing.assert_allclose(samples[-1], sim.get("p1", what))


@pytest.mark.parametrize("model", ["iaf_psc_exp", "iaf_psc_alpha"])
def test_a_current_that_shares_a_state_is_not_taken_for_its_own(model):
    net = Network()
    together, apart = net.create("t", 2, model), net.create("a", 2, model, separate_currents=True)
    for what in ("I_syn_ex", "I_syn_in"):
        net.record(what, apart)
        with pytest.raises(ValueError, match="separate_currents=True keeps them apart"):
            net.record(what, together)
    sim = Simulation(net, 1, SerialCommunicator())
    with pytest.raises(ValueError, match=r"t\.I_syn_in: one state carries"):
        sim.get(together, "I_syn_in")
    with pytest.raises(ValueError, match=r"t\.I_syn_in: one state carries"):
        sim.set(together, I_syn_in=1.0)
    sim.set(apart, I_syn_in=-1.0)
    assert sim.get(apart, "I_syn_in").tolist() == [-1.0, -1.0]


# --- input ------------------------------------------------------------------------------------------------------------


def one_spike(model: str, weight: float, **parameters: float) -> tuple[Simulation, Network]:
    net = Network()
    E = net.create("E", 1, model, **parameters)
    net.connect(net.spike_source("s", [[1.0]]), E, explicit([0], [0]), weight, 1.5)
    for what in E.model.recordables:
        net.record(what, E)
    net.record_spikes(E)
    return simulated(net, 60.0), net


@pytest.mark.parametrize("weight", [7.0, -7.0])
@pytest.mark.parametrize("model", ["iaf_cond_exp", "aeif_cond_exp", "iaf_cond_alpha", "aeif_cond_alpha"])
def test_a_weight_is_the_peak_of_a_conductance(model, weight):
    sim, _ = one_spike(model, weight, tau_syn_ex=2.0, tau_syn_in=2.0)
    g = {what: sim.samples(what, "E")[1][:, 0] for what in ("g_ex", "g_in")}
    side, other = ("g_ex", "g_in") if weight > 0 else ("g_in", "g_ex")
    assert g[side].max() == pytest.approx(7.0, rel=1e-12) and not g[other].any()
    peak = 25 if model.endswith("exp") else 45  # steps: 1 ms + 1.5 ms, and tau_syn where the conductance rises
    assert np.argmax(g[side]) == peak - 1


@pytest.mark.parametrize("model", ["iaf_cond_exp", "iaf_cond_alpha", "aeif_cond_exp", "aeif_cond_alpha"])
def test_a_conductance_of_any_size_takes_V_to_its_reversal_potential(model):
    parameters = {"E_in": -80.0, "tau_syn_in": 20.0}
    sim, _ = one_spike(model, -3000.0, **parameters)
    V = sim.samples("V_m", "E")[1][:, 0]
    assert -80.0 - 1e-9 < V.min() < -79.0


@pytest.mark.parametrize("model", ["iaf_cond_exp", "aeif_cond_exp", "hh_psc_alpha"])
def test_what_cannot_be_solved_is_found_by_the_guard(model):
    with pytest.raises(GuardError, match=r"of E\[0\] is nan"):
        one_spike(model, 1e140)


# --- adaptive exponential neurons -------------------------------------------------------------------------------------


def test_without_refractoriness_a_neuron_may_spike_several_times_in_a_step():
    net = Network(0.5)
    E = net.create("E", 100, "aeif_cond_exp", I_e=2e4, b=10.0)
    net.connect(E, E[:1], explicit(range(100), [0] * 100), 1.0, 0.5)
    net.record_spikes(E)
    sim = simulated(net, 20.0)
    times, ids = sim.spikes(E)
    most = np.bincount(np.rint(times[ids == 1] / 0.5).astype(int)).max()
    assert 1 < most < adex.MOST_SPIKES
    sim.ledger()


def test_more_spikes_in_a_step_than_there_is_room_for_are_found_by_the_guard():
    net = Network(0.5)
    net.create("E", 100, "aeif_cond_exp", I_e=1e6)
    with pytest.raises(GuardError, match=r"V_m of E\[0\] is nan"):
        simulated(net, 20.0)


def test_adaptation_begins_where_the_spike_is():
    """A spike within a step: w is the same as with steps a tenth as long."""
    w = []
    for dt in (0.1, 0.01):
        net = Network(dt)
        E = net.create("E", 1, "aeif_cond_exp", I_e=1500.0, t_ref=5.0, b=500.0, tau_w=5.0)
        net.record_spikes(E)
        sim = simulated(net, 10.0)
        assert sim.spikes(E)[0].size == 1
        w.append(sim.get(E, "w")[0])
    assert w[0] == pytest.approx(w[1], abs=1e-3)


def test_without_slope_V_th_is_the_threshold():
    net = Network()
    E = net.create("E", 1, "aeif_cond_exp", Delta_T=0.0, I_e=1000.0, V_peak=20.0)
    net.record_spikes(E)
    net.record_voltages(E)
    sim = simulated(net, 50.0)
    assert sim.spikes(E)[0].size > 2 and sim.voltages(E)[1].max() < -50.4


def test_the_upstroke_is_that_of_V_itself():
    """Solving for exp(-(V - V_th) / Delta_T) gives what solving for V does, in a step that ends before the peak."""
    p, pair = (0.0, 40.0, 0.2, 0.5, 0.004, 4.0, 0.007), (0.1, 2.0)
    V, w, error, h = adex.attempt_upstroke(3.0, 20.0, (pair,) * 6, 1e-3, p, 1e-6)
    (expected, expected_w), _ = adex.attempt_V_w(adex.slope, (3.0, 20.0), (pair,) * 6, 1e-3, p)
    assert (V, w) == pytest.approx((expected, expected_w), abs=1e-10) and error < 1e-6 and h == 1e-3


# --- Hodgkin and Huxley -----------------------------------------------------------------------------------------------


def test_rates_are_smooth_where_their_formula_is_0_by_0():
    for V in (-40.0, -55.0):
        near = np.array([rates(V + dV) for dV in np.linspace(-2e-4, 2e-4, 41)])
        assert np.abs(np.diff(near, 2, axis=0)).max() < 1e-9


def test_gates_at_rest_stay_there():
    assert at_rest(-65.0) == pytest.approx((0.05293, 0.59612, 0.31768), abs=1e-5)
