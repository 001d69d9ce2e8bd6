"""aeif_cond_alpha: adaptive exponential integrate-and-fire neuron (`adex`) with alpha-shaped conductances."""

from __future__ import annotations

from collections.abc import Mapping

from . import adex, conductances
from .adex import MOST_SPIKES, RECORDABLES, advance, advance_in_substeps, check
from .base import NeuronModel
from .conductances import ALPHA, ALPHA_RECORDABLES, alpha_at_end, pairs_alpha, two_receptors
from .helpers import inlined

PARAMETERS = adex.PARAMETERS | ALPHA


def propagators(parameters: Mapping, dt: float) -> dict:
    """The numbers of one step of `dt` ms, by the names that `step` gives them."""
    return adex.propagators(parameters, dt) | conductances.jumps(parameters)


@inlined
def attempt(
    V,
    w,
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
    V_peak,
    E_ex,
    E_in,
    g_L,
    per_C,
    steps,
    dt,
    tolerance,
    upstroke,
    per_Delta_T,
    a,
    b,
    rate_w,
    decay_w,
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
    """V relative to E_L (mV), w (pA), conductances (nS), their slope variables (nS/ms)."""
    m, p = (g_L, E_ex, E_in, per_C), (V_th, V_peak, upstroke, per_Delta_T, per_C, a, rate_w)
    decay_ex, decay_in = (ex_1, ex_2, ex_3, ex_4, ex_5), (in_1, in_2, in_3, in_4, in_5)
    g = (g_ex, dg_ex, g_in, dg_in)
    pairs = pairs_alpha(g, decay_ex, decay_in, dt, current, m)
    new, new_w, left, spikes = advance(V, w, wait, pairs, dt, p, tolerance, (V_reset, b, steps), decay_w)
    return (new, new_w, *alpha_at_end(g, ex_4, in_4, dt, jump_ex * ex, jump_in * inh), left, spikes)


def step(
    V,
    w,
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
    V_peak,
    E_ex,
    E_in,
    g_L,
    per_C,
    steps,
    dt,
    tolerance,
    upstroke,
    per_Delta_T,
    a,
    b,
    rate_w,
    ex_4,
    in_4,
    rate_ex,
    rate_in,
    jump_ex,
    jump_in,
):
    """As `attempt`, in substeps."""
    m, p = (g_L, E_ex, E_in, per_C), (V_th, V_peak, upstroke, per_Delta_T, per_C, a, rate_w)
    g, rates, spiking = (g_ex, dg_ex, g_in, dg_in), (rate_ex, rate_in), (V_reset, b, steps)
    new, new_w, left, spikes = advance_in_substeps(V, w, dt, g, rates, current, m, p, tolerance, spiking)
    return (new, new_w, *alpha_at_end(g, ex_4, in_4, dt, jump_ex * ex, jump_in * inh), left, spikes)


aeif_cond_alpha = NeuronModel(
    "aeif_cond_alpha",
    PARAMETERS,
    ("V", "w", "g_ex", "dg_ex", "g_in", "dg_in"),
    propagators,
    step,
    two_receptors,
    check=check,
    weight_unit="nS",
    attempt=attempt,
    most_spikes=MOST_SPIKES,
    recordables=RECORDABLES | ALPHA_RECORDABLES,
)
