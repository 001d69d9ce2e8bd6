"""hh_psc_alpha: the neuron of Hodgkin and Huxley (1952, J Physiol 117:500) with alpha-shaped postsynaptic currents.

    C_m dV/dt = -g_Na m^3 h (V - E_Na) - g_K n^4 (V - E_K) - g_L (V - E_L) + I_ex + I_in + I_e + I_device
    dx/dt     = alpha_x(V) (1 - x) - beta_x(V) x                           of the gates m, h and n
    I_x(t)    = weight e t / tau_syn_x exp(-t / tau_syn_x)                 peak `weight` (pA) at t = tau_syn_x

A spike is where V has passed its maximum and is at least 0 mV; within t_ref after it there is no other one. V is not
reset. Currents are exact, V and the gates are found by the solver (`solver.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .base import NeuronModel, Parameter, Recordable, refractory_steps
from .conductances import decays, jumps, two_receptors
from .helpers import helper
from .solver import MOST, SHORTEST, TOLERANCE, resized, runge_kutta

attempt_4 = runge_kutta(4)


@helper
def linear_rate(x, decay):
    """Return x / (1 - exp(-x / 10)) where `decay` is exp(-x / 10), which may be 1."""
    return 10.0 + x * (0.5 + x / 120.0) if abs(x) < 1e-4 else x / (1.0 - decay)


@helper
def rates(V):
    """Return alpha and beta (1/ms) of m, h and n. All but one of the exponential functions are powers of one."""
    V = min(max(V, -1e3), 1e3)
    e80 = math.exp(-(V + 65.0) * 0.0125)
    e40 = e80 * e80
    e20 = e40 * e40
    e10 = e20 * e20
    alpha_m = 0.1 * linear_rate(V + 40.0, e10 * AT_40)
    alpha_n = 0.01 * linear_rate(V + 55.0, e10 * AT_55)
    beta_m = 4.0 * math.exp(-(V + 65.0) / 18.0)
    beta_h = 1.0 / (1.0 + e10 * AT_35)
    return alpha_m, beta_m, 0.07 * e20, beta_h, alpha_n, 0.125 * e80


AT_40, AT_55, AT_35 = math.exp(2.5), math.exp(1.0), math.exp(3.0)  # exp(-(V + 40) / 10) over exp(-(V + 65) / 10), ...


def at_rest(V: float) -> tuple[float, float, float]:
    """Return the gates m, h and n that `V` (mV) would have after a long time."""
    alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n = rates(V)
    return alpha_m / (alpha_m + beta_m), alpha_h / (alpha_h + beta_h), alpha_n / (alpha_n + beta_n)


M_REST, H_REST, N_REST = at_rest(-65.0)
PARAMETERS = {
    "C_m": Parameter(100.0, "pF", "membrane capacitance", 0.0, open=True),
    "g_Na": Parameter(12000.0, "nS", "peak sodium conductance", 0.0),
    "g_K": Parameter(3600.0, "nS", "peak potassium conductance", 0.0),
    "g_L": Parameter(30.0, "nS", "leak conductance", 0.0),
    "E_Na": Parameter(50.0, "mV", "sodium reversal potential"),
    "E_K": Parameter(-77.0, "mV", "potassium reversal potential"),
    "E_L": Parameter(-54.402, "mV", "leak reversal potential"),
    "t_ref": Parameter(2.0, "ms", "time after a spike without another", 0.0),
    "tau_syn_ex": Parameter(0.2, "ms", "rise time of excitatory postsynaptic currents", 0.0, open=True),
    "tau_syn_in": Parameter(2.0, "ms", "rise time of inhibitory postsynaptic currents", 0.0, open=True),
    "I_e": Parameter(0.0, "pA", "constant input current"),
    "gsl_error_tol": TOLERANCE,
    "V_m": Parameter(-65.0, "mV", "initial membrane potential"),
    "Act_m": Parameter(M_REST, "", "initial activation of sodium channels", 0.0),
    "Inact_h": Parameter(H_REST, "", "initial inactivation of sodium channels", 0.0),
    "Act_n": Parameter(N_REST, "", "initial activation of potassium channels", 0.0),
    "I_syn_ex": Parameter(0.0, "pA", "initial excitatory postsynaptic current"),
    "dI_syn_ex": Parameter(0.0, "pA/ms", "initial slope variable of the excitatory current"),
    "I_syn_in": Parameter(0.0, "pA", "initial inhibitory postsynaptic current"),
    "dI_syn_in": Parameter(0.0, "pA/ms", "initial slope variable of the inhibitory current"),
}
STATES = ("V", "m", "h", "n", "I_ex", "dI_ex", "I_in", "dI_in")
NAMES = ("V_m", "Act_m", "Inact_h", "Act_n", "I_syn_ex", "dI_syn_ex", "I_syn_in", "dI_syn_in")


def propagators(parameters: Mapping, dt: float) -> dict:
    """The numbers of one step of `dt` ms, by the names that `step` gives them."""
    plain = {name: parameters[name] for name in ("g_Na", "g_K", "g_L", "E_Na", "E_K", "E_L")}
    others = {
        "per_C": 1.0 / parameters["C_m"],
        "steps": refractory_steps(parameters["t_ref"], dt),
        "dt": dt,
        "tolerance": parameters["gsl_error_tol"],
    }
    return plain | others | decays(parameters, dt) | jumps(parameters)


@helper
def slope(y, current, p):
    """dV/dt (mV/ms) and those of m, h and n (1/ms), with a `current` (pA)."""
    g_Na, g_K, g_L, E_Na, E_K, E_L, per_C = p
    V, m, h, n = y
    alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n = rates(V)
    sodium, potassium = g_Na * m * m * m * h * (V - E_Na), g_K * (n * n) * (n * n) * (V - E_K)
    return (
        (current - sodium - potassium - g_L * (V - E_L)) * per_C,
        alpha_m - (alpha_m + beta_m) * m,
        alpha_h - (alpha_h + beta_h) * h,
        alpha_n - (alpha_n + beta_n) * n,
    )


@helper
def current_at(s, I, rate_ex, rate_in, current):
    """Return the whole current (pA) at `s` ms after the beginning of a step; `I` are the currents at its beginning."""
    I_ex, dI_ex, I_in, dI_in = I
    return (I_ex + s * dI_ex) * math.exp(-s * rate_ex) + (I_in + s * dI_in) * math.exp(-s * rate_in) + current


@helper
def in_substeps(y, h, dt, I, rate_ex, rate_in, current, p, tolerance):
    """Return V, m, h and n at the end of a step, in substeps, the first of `h` ms."""
    t = 0.0
    for _ in range(MOST):
        left = dt - t
        is_last = h >= left
        h = left if is_last else h
        currents = (
            current_at(t, I, rate_ex, rate_in, current),
            current_at(t + 0.2 * h, I, rate_ex, rate_in, current),
            current_at(t + 0.3 * h, I, rate_ex, rate_in, current),
            current_at(t + 0.6 * h, I, rate_ex, rate_in, current),
            current_at(t + h, I, rate_ex, rate_in, current),
            current_at(t + 0.875 * h, I, rate_ex, rate_in, current),
        )
        new, errors = attempt_4(slope, y, currents, h, p)
        error = errors[0] + errors[1] + errors[2] + errors[3]
        if error <= tolerance:
            y = new
            if is_last:
                return y
            t += h
        elif h < SHORTEST * dt:
            break
        h = resized(h, error, tolerance)
    return math.nan, math.nan, math.nan, math.nan


def step(
    V,
    m,
    h,
    n,
    I_ex,
    dI_ex,
    I_in,
    dI_in,
    wait,
    ex,
    inh,
    current,
    g_Na,
    g_K,
    g_L,
    E_Na,
    E_K,
    E_L,
    per_C,
    steps,
    dt,
    tolerance,
    ex_1,
    ex_2,
    ex_3,
    ex_4,
    ex_5,
    in_1,
    in_2,
    in_3,
    in_4,
    in_5,
    rate_ex,
    rate_in,
    jump_ex,
    jump_in,
):
    """V absolute (mV), gates, currents (pA) and their slope variables (pA/ms)."""
    s1, s2, s3, s5 = 0.2 * dt, 0.3 * dt, 0.6 * dt, 0.875 * dt
    end_ex, end_in = (I_ex + dt * dI_ex) * ex_4, (I_in + dt * dI_in) * in_4
    currents = (
        I_ex + I_in + current,
        (I_ex + s1 * dI_ex) * ex_1 + (I_in + s1 * dI_in) * in_1 + current,
        (I_ex + s2 * dI_ex) * ex_2 + (I_in + s2 * dI_in) * in_2 + current,
        (I_ex + s3 * dI_ex) * ex_3 + (I_in + s3 * dI_in) * in_3 + current,
        end_ex + end_in + current,
        (I_ex + s5 * dI_ex) * ex_5 + (I_in + s5 * dI_in) * in_5 + current,
    )
    y, p = (V, m, h, n), (g_Na, g_K, g_L, E_Na, E_K, E_L, per_C)
    new, errors = attempt_4(slope, y, currents, dt, p)
    error = errors[0] + errors[1] + errors[2] + errors[3]
    if not error <= tolerance:
        first = resized(dt, error, tolerance)
        new = in_substeps(y, first, dt, (I_ex, dI_ex, I_in, dI_in), rate_ex, rate_in, current, p, tolerance)
    spike = (wait == 0) & (new[0] >= 0.0) & (new[0] < V)
    wait = np.int16(steps) if spike else np.int16(max(wait - 1, 0))
    new_dI_ex, new_dI_in = ex_4 * dI_ex + jump_ex * ex, in_4 * dI_in + jump_in * inh
    return new[0], new[1], new[2], new[3], end_ex, new_dI_ex, end_in, new_dI_in, wait, spike


hh_psc_alpha = NeuronModel(
    "hh_psc_alpha",
    PARAMETERS,
    STATES,
    propagators,
    step,
    two_receptors,
    recordables={name: Recordable(state) for name, state in zip(NAMES, STATES, strict=True)},
)
