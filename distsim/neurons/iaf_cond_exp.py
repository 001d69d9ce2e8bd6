"""iaf_cond_exp: leaky integrate-and-fire neuron with conductances that jump and decay exponentially.

    C_m dV/dt = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I_e + I_device
    dg_x/dt   = -g_x / tau_syn_x                a spike adds its weight (nS) to g_ex, or, if < 0, |weight| to g_in

Conductances decay exactly, V is found by the solver (`solver.py`). Input enters at the end of a step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from . import conductances
from .base import REDO, NeuronModel
from .conductances import EXP, EXP_RECORDABLES, MEMBRANE, V_M, check, pairs_at, pairs_exp, two_receptors
from .helpers import helper, inlined
from .solver import MOST, SHORTEST, resized, runge_kutta

PARAMETERS = MEMBRANE | EXP
attempt_V = runge_kutta(1)


def propagators(parameters: Mapping, dt: float) -> dict:
    """The numbers of one step of `dt` ms, by the names that `step` gives them."""
    return conductances.membrane(parameters, dt) | conductances.decays(parameters, dt)


@inlined
def membrane_slope(y, drive, p):
    """dV/dt (mV/ms) where `drive` is the pair of `conductances.pair`."""
    return (drive[1] - drive[0] * y[0],)


@helper
def V_in_substeps(V, h, dt, g, rates, current, m, tolerance):
    """Return V at the end of a step in substeps, the first of `h` ms; arguments as of `conductances.pair_at`."""
    t = 0.0
    for _ in range(MOST):
        left = dt - t
        is_last = h >= left
        h = left if is_last else h
        (new,), (error,) = attempt_V(membrane_slope, (V,), pairs_at(t, h, g, rates, current, m), h, m)
        if error <= tolerance:
            V = new
            if is_last:
                return V
            t += h
        elif h < SHORTEST * dt:
            break
        h = resized(h, error, tolerance)
    return math.nan


@inlined
def advance(V, wait, pairs, dt, m, tolerance, spiking):
    """Return V at the end of a step, steps of refractoriness that are left, and the number of spikes or REDO.

    `pairs` are those at the nodes of the whole step, which is attempted at once; `spiking`: V_th, V_reset and
    refractory steps.
    """
    V_th, V_reset, steps = spiking
    (solved,), (error,) = attempt_V(membrane_slope, (V,), pairs, dt, m)
    new = V_reset if wait > 0 else solved
    spike = (wait == 0) & (new >= V_th)
    left = np.int16(steps) if spike else np.int16(max(wait - 1, 0))
    spikes = np.int64(spike) if (error <= tolerance) | (wait > 0) else REDO
    return V_reset if spike else new, left, spikes


@helper
def advance_in_substeps(V, dt, g, rates, current, m, tolerance, spiking):
    """Return what `advance` does, of a neuron that is not refractory; `g` and `rates` as of `conductances.pair_at`."""
    V_th, V_reset, steps = spiking
    new = V_in_substeps(V, 0.25 * dt, dt, g, rates, current, m, tolerance)
    spike = new >= V_th
    return V_reset if spike else new, np.int16(steps) if spike else np.int16(0), np.int64(spike)


@inlined
def attempt(
    V,
    g_ex,
    g_in,
    wait,
    ex,
    inh,
    current,
    V_th,
    V_reset,
    E_ex,
    E_in,
    g_L,
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
):
    """V relative to E_L (mV), conductances (nS)."""
    m = (g_L, E_ex, E_in, per_C)
    pairs = pairs_exp(g_ex, g_in, (ex_1, ex_2, ex_3, ex_4, ex_5), (in_1, in_2, in_3, in_4, in_5), current, m)
    new, left, spikes = advance(V, wait, pairs, dt, m, tolerance, (V_th, V_reset, steps))
    return new, ex_4 * g_ex + ex, in_4 * g_in - inh, left, spikes


def step(
    V,
    g_ex,
    g_in,
    wait,
    ex,
    inh,
    current,
    V_th,
    V_reset,
    E_ex,
    E_in,
    g_L,
    per_C,
    steps,
    dt,
    tolerance,
    ex_4,
    in_4,
    rate_ex,
    rate_in,
):
    """As `attempt`, in substeps."""
    g, rates, m = (g_ex, 0.0, g_in, 0.0), (rate_ex, rate_in), (g_L, E_ex, E_in, per_C)
    new, left, spikes = advance_in_substeps(V, dt, g, rates, current, m, tolerance, (V_th, V_reset, steps))
    return new, ex_4 * g_ex + ex, in_4 * g_in - inh, left, spikes


iaf_cond_exp = NeuronModel(
    "iaf_cond_exp",
    PARAMETERS,
    ("V", "g_ex", "g_in"),
    propagators,
    step,
    two_receptors,
    check=check,
    weight_unit="nS",
    attempt=attempt,
    recordables=V_M | EXP_RECORDABLES,
)
