"""Parameters of neurons whose synapses are conductances, and how their input changes within a step.

    I_syn = -g_ex (V - E_ex) - g_in (V - E_in)     a spike adds its weight (nS) to g_ex, or, if < 0, |weight| to g_in
    g(s)  = (g + s dg) exp(-s / tau_syn)           s after the beginning of a step; dg is 0 where g just decays

Potentials are relative to E_L, so that the membrane follows dV/dt = J - G V with the pair (G, J) in 1/ms and mV/ms. The
solver needs that pair at the nodes of a substep; those of a whole step follow from factors that are computed once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .base import Parameter, Recordable, refractory_steps
from .helpers import helper, inlined
from .solver import NODES, TOLERANCE

MEMBRANE = {
    "C_m": Parameter(250.0, "pF", "membrane capacitance", 0.0, open=True),
    "g_L": Parameter(16.6667, "nS", "leak conductance", 0.0),
    "E_L": Parameter(-70.0, "mV", "leak reversal potential"),
    "V_th": Parameter(-55.0, "mV", "spike threshold"),
    "V_reset": Parameter(-60.0, "mV", "reset potential"),
    "t_ref": Parameter(2.0, "ms", "refractory period", 0.0),
    "E_ex": Parameter(0.0, "mV", "excitatory reversal potential"),
    "E_in": Parameter(-85.0, "mV", "inhibitory reversal potential"),
    "tau_syn_ex": Parameter(0.2, "ms", "time constant of excitatory conductances", 0.0, open=True),
    "tau_syn_in": Parameter(2.0, "ms", "time constant of inhibitory conductances", 0.0, open=True),
    "I_e": Parameter(0.0, "pA", "constant input current"),
    "gsl_error_tol": TOLERANCE,
    "V_m": Parameter(-70.0, "mV", "initial membrane potential"),
}
EXP = {
    "g_ex": Parameter(0.0, "nS", "initial excitatory conductance", 0.0),
    "g_in": Parameter(0.0, "nS", "initial inhibitory conductance", 0.0),
}
ALPHA = EXP | {
    "dg_ex": Parameter(0.0, "nS/ms", "initial slope variable of the excitatory conductance", 0.0),
    "dg_in": Parameter(0.0, "nS/ms", "initial slope variable of the inhibitory conductance", 0.0),
}
V_M = {"V_m": Recordable("V", "E_L")}
EXP_RECORDABLES = {name: Recordable(name) for name in EXP}
ALPHA_RECORDABLES = {name: Recordable(name) for name in ALPHA}

Numbers = dict[str, float | np.ndarray]


def two_receptors(parameters: Mapping) -> int:
    """Excitatory and inhibitory input have reversal potentials of their own."""
    return 2


def check(parameters: Mapping) -> str | None:
    if np.any(np.asarray(parameters["V_reset"]) >= np.asarray(parameters["V_th"])):
        return "V_reset must be below V_th"
    return None


def membrane(parameters: Mapping, dt: float) -> Numbers:
    """Return the numbers of the membrane by the names that steps give them; potentials are relative to E_L."""
    E_L = parameters["E_L"]
    return {
        **{name: parameters[name] - E_L for name in ("V_th", "V_reset", "E_ex", "E_in")},
        "g_L": parameters["g_L"],
        "per_C": 1.0 / parameters["C_m"],
        "steps": refractory_steps(parameters["t_ref"], dt),
        "dt": dt,
        "tolerance": parameters["gsl_error_tol"],
    }


def decays(parameters: Mapping, dt: float) -> Numbers:
    """Return the factors by which conductances have decayed at the nodes of a whole step, and the rates of decay.

    The nodes are numbered as `NODES`; that at the end of the step is number 4.
    """
    found: Numbers = {}
    for side in ("ex", "in"):
        tau = parameters[f"tau_syn_{side}"]
        found |= {f"{side}_{k}": np.exp(-node * dt / tau) for k, node in enumerate(NODES) if node}
        found[f"rate_{side}"] = 1.0 / tau
    return found


def jumps(parameters: Mapping) -> Numbers:
    """Return what a weight of 1 adds to the slope variables of alpha-shaped input, so that it peaks at 1."""
    return {f"jump_{side}": np.e / parameters[f"tau_syn_{side}"] for side in ("ex", "in")}


@inlined
def pair(g_ex, g_in, current, g_L, E_ex, E_in, per_C):
    """Return G (1/ms) and J (mV/ms) of dV/dt = J - G V."""
    return (g_L + g_ex + g_in) * per_C, (g_ex * E_ex + g_in * E_in + current) * per_C


@helper
def pair_at(s, g, rates, current, m):
    """Return `pair` at `s` ms after the beginning of a step; `g` are g_ex, dg_ex, g_in and dg_in at the beginning."""
    g_ex, dg_ex, g_in, dg_in = g
    now_ex = (g_ex + s * dg_ex) * math.exp(-s * rates[0])
    now_in = (g_in + s * dg_in) * math.exp(-s * rates[1])
    return pair(now_ex, now_in, current, m[0], m[1], m[2], m[3])


@helper
def pairs_at(t, h, g, rates, current, m):
    """Return `pair` at the nodes of a substep from `t` to `t` + `h`."""
    return (
        pair_at(t, g, rates, current, m),
        pair_at(t + 0.2 * h, g, rates, current, m),
        pair_at(t + 0.3 * h, g, rates, current, m),
        pair_at(t + 0.6 * h, g, rates, current, m),
        pair_at(t + h, g, rates, current, m),
        pair_at(t + 0.875 * h, g, rates, current, m),
    )


@inlined
def pairs_exp(g_ex, g_in, decay_ex, decay_in, current, m):
    """Return `pair` at the nodes of a whole step, for conductances that decay by these factors until then."""
    return (
        pair(g_ex, g_in, current, m[0], m[1], m[2], m[3]),
        pair(g_ex * decay_ex[0], g_in * decay_in[0], current, m[0], m[1], m[2], m[3]),
        pair(g_ex * decay_ex[1], g_in * decay_in[1], current, m[0], m[1], m[2], m[3]),
        pair(g_ex * decay_ex[2], g_in * decay_in[2], current, m[0], m[1], m[2], m[3]),
        pair(g_ex * decay_ex[3], g_in * decay_in[3], current, m[0], m[1], m[2], m[3]),
        pair(g_ex * decay_ex[4], g_in * decay_in[4], current, m[0], m[1], m[2], m[3]),
    )


@inlined
def alpha_at_end(g, ex_4, in_4, dt, jump_ex, jump_in):
    """Return alpha-shaped conductances and their slope variables at the end of a step, at which the slopes jump."""
    g_ex, dg_ex, g_in, dg_in = g
    return ex_4 * (g_ex + dt * dg_ex), ex_4 * dg_ex + jump_ex, in_4 * (g_in + dt * dg_in), in_4 * dg_in - jump_in


@inlined
def pairs_alpha(g, decay_ex, decay_in, dt, current, m):
    """Return `pair` at the nodes of a whole step, for alpha-shaped conductances."""
    g_ex, dg_ex, g_in, dg_in = g
    s1, s2, s3, s5 = 0.2 * dt, 0.3 * dt, 0.6 * dt, 0.875 * dt
    ex1, in1 = (g_ex + s1 * dg_ex) * decay_ex[0], (g_in + s1 * dg_in) * decay_in[0]
    ex2, in2 = (g_ex + s2 * dg_ex) * decay_ex[1], (g_in + s2 * dg_in) * decay_in[1]
    ex3, in3 = (g_ex + s3 * dg_ex) * decay_ex[2], (g_in + s3 * dg_in) * decay_in[2]
    ex4, in4 = (g_ex + dt * dg_ex) * decay_ex[3], (g_in + dt * dg_in) * decay_in[3]
    ex5, in5 = (g_ex + s5 * dg_ex) * decay_ex[4], (g_in + s5 * dg_in) * decay_in[4]
    return (
        pair(g_ex, g_in, current, m[0], m[1], m[2], m[3]),
        pair(ex1, in1, current, m[0], m[1], m[2], m[3]),
        pair(ex2, in2, current, m[0], m[1], m[2], m[3]),
        pair(ex3, in3, current, m[0], m[1], m[2], m[3]),
        pair(ex4, in4, current, m[0], m[1], m[2], m[3]),
        pair(ex5, in5, current, m[0], m[1], m[2], m[3]),
    )
