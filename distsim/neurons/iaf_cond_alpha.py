"""iaf_cond_alpha: leaky integrate-and-fire neuron with alpha-shaped conductances.

    C_m dV/dt = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I_e + I_device
    g_x(t)    = |weight| e t / tau_syn_x exp(-t / tau_syn_x)             peak |weight| (nS) at t = tau_syn_x

Conductances are exact, with dg_x + g_x / tau_syn_x as second variable; V is found by the solver (`solver.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from . import conductances
from .base import NeuronModel
from .conductances import ALPHA, ALPHA_RECORDABLES, MEMBRANE, V_M, alpha_at_end, check, pairs_alpha, two_receptors
from .helpers import inlined
from .iaf_cond_exp import advance, advance_in_substeps

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
    jump_ex,
    jump_in,
):
    """V relative to E_L (mV), conductances (nS) and their slope variables (nS/ms)."""
    g, m = (g_ex, dg_ex, g_in, dg_in), (g_L, E_ex, E_in, per_C)
    pairs = pairs_alpha(g, (ex_1, ex_2, ex_3, ex_4, ex_5), (in_1, in_2, in_3, in_4, in_5), dt, current, m)
    new, left, spikes = advance(V, wait, pairs, dt, m, tolerance, (V_th, V_reset, steps))
    return (new, *alpha_at_end(g, ex_4, in_4, dt, jump_ex * ex, jump_in * inh), left, spikes)


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
    ex_4,
    in_4,
    rate_ex,
    rate_in,
    jump_ex,
    jump_in,
):
    """As `attempt`, in substeps."""
    g, rates, m = (g_ex, dg_ex, g_in, dg_in), (rate_ex, rate_in), (g_L, E_ex, E_in, per_C)
    new, left, spikes = advance_in_substeps(V, dt, g, rates, current, m, tolerance, (V_th, V_reset, steps))
    return (new, *alpha_at_end(g, ex_4, in_4, dt, jump_ex * ex, jump_in * inh), left, spikes)


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
