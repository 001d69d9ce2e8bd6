"""iaf_cond_alpha: leaky integrate-and-fire neuron with alpha-shaped conductances.

    C_m dV/dt = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I_e + I_device
    g_x(t)    = |weight| e t / tau_syn_x exp(-t / tau_syn_x)             peak |weight| (nS) at t = tau_syn_x

Conductances are exact, with dg_x + g_x / tau_syn_x as second variable; V is found by the solver (`solver.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from . import conductances
from .base import REDO, NeuronModel
from .conductances import ALPHA, ALPHA_RECORDABLES, MEMBRANE, V_M, check, pairs_alpha, two_receptors
from .helpers import inlined
from .iaf_cond_exp import V_in_substeps, attempt_V, membrane_slope

PARAMETERS = MEMBRANE | ALPHA


def propagators(parameters: Mapping, dt: float) -> dict:
    """The numbers of one step of `dt` ms, by the names that `step` gives them."""
    return conductances.membrane(parameters, dt) | conductances.decays(parameters, dt) | conductances.jumps(parameters)


@inlined
def attempt(
    V,
    g_ex,
    dg_ex,
    g_in,
    dg_in,
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
    rate_ex,
    rate_in,
    jump_ex,
    jump_in,
):
    """V relative to E_L (mV), conductances (nS) and their slope variables (nS/ms); see `step`."""
    m = (g_L, E_ex, E_in, per_C)
    pairs = pairs_alpha(
        (g_ex, dg_ex, g_in, dg_in), (ex_1, ex_2, ex_3, ex_4, ex_5), (in_1, in_2, in_3, in_4, in_5), dt, current, m
    )
    (solved,), (error,) = attempt_V(membrane_slope, (V,), pairs, dt, m)
    new = V_reset if wait > 0 else solved
    spike = (wait == 0) & (new >= V_th)
    left = np.int16(steps) if spike else np.int16(max(wait - 1, 0))
    spikes = np.int64(spike) if (error <= tolerance) | (wait > 0) else REDO
    return (
        V_reset if spike else new,
        ex_4 * (g_ex + dt * dg_ex),
        ex_4 * dg_ex + jump_ex * ex,
        in_4 * (g_in + dt * dg_in),
        in_4 * dg_in - jump_in * inh,
        left,
        spikes,
    )


def step(
    V,
    g_ex,
    dg_ex,
    g_in,
    dg_in,
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
    rate_ex,
    rate_in,
    jump_ex,
    jump_in,
):
    """V relative to E_L (mV), conductances (nS) and their slope variables (nS/ms)."""
    done = attempt(
        V,
        g_ex,
        dg_ex,
        g_in,
        dg_in,
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
        rate_ex,
        rate_in,
        jump_ex,
        jump_in,
    )
    if done[-1] != REDO:
        return done
    _, new_g_ex, new_dg_ex, new_g_in, new_dg_in, left, _ = done
    h, m, rates = 0.25 * dt, (g_L, E_ex, E_in, per_C), (rate_ex, rate_in)
    new = V_in_substeps(V, h, dt, (g_ex, dg_ex, g_in, dg_in), rates, current, m, tolerance)
    spike = new >= V_th
    left = np.int16(steps) if spike else np.int16(0)
    return V_reset if spike else new, new_g_ex, new_dg_ex, new_g_in, new_dg_in, left, np.int64(spike)


iaf_cond_alpha = NeuronModel(
    "iaf_cond_alpha",
    PARAMETERS,
    ("V", "g_ex", "dg_ex", "g_in", "dg_in"),
    propagators,
    step,
    two_receptors,
    check=check,
    weight_unit="nS",
    attempt=attempt,
    recordables=V_M | ALPHA_RECORDABLES,
)
