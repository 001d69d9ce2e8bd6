"""aeif_cond_exp: adaptive exponential integrate-and-fire neuron (`adex`) with exponentially decaying conductances."""

from __future__ import annotations

from collections.abc import Mapping

from . import adex
from .adex import MOST_SPIKES, RECORDABLES, advance, advance_in_substeps, check
from .base import NeuronModel
from .conductances import EXP, EXP_RECORDABLES, pairs_exp, two_receptors
from .helpers import inlined

PARAMETERS = adex.PARAMETERS | EXP


def propagators(parameters: Mapping, dt: float) -> dict:
    """The numbers of one step of `dt` ms, by the names that `step` gives them."""
    return adex.propagators(parameters, dt)


@inlined
def attempt(
    V,
    w,
    g_ex,
    g_in,
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
):
    """V relative to E_L (mV), w (pA), conductances (nS)."""
    m, p = (g_L, E_ex, E_in, per_C), (V_th, V_peak, upstroke, per_Delta_T, per_C, a, rate_w)
    decay_ex, decay_in = (ex_1, ex_2, ex_3, ex_4, ex_5), (in_1, in_2, in_3, in_4, in_5)
    pairs = pairs_exp(g_ex, g_in, decay_ex, decay_in, current, m)
    new, new_w, left, spikes = advance(V, w, wait, pairs, dt, p, tolerance, (V_reset, b, steps), decay_w)
    return new, new_w, ex_4 * g_ex + ex, in_4 * g_in - inh, left, spikes


def step(
    V,
    w,
    g_ex,
    g_in,
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
):
    """As `attempt`, in substeps."""
    m, p = (g_L, E_ex, E_in, per_C), (V_th, V_peak, upstroke, per_Delta_T, per_C, a, rate_w)
    g, rates, spiking = (g_ex, 0.0, g_in, 0.0), (rate_ex, rate_in), (V_reset, b, steps)
    new, new_w, left, spikes = advance_in_substeps(V, w, dt, g, rates, current, m, p, tolerance, spiking)
    return new, new_w, ex_4 * g_ex + ex, in_4 * g_in - inh, left, spikes


aeif_cond_exp = NeuronModel(
    "aeif_cond_exp",
    PARAMETERS,
    ("V", "w", "g_ex", "g_in"),
    propagators,
    step,
    two_receptors,
    check=check,
    weight_unit="nS",
    attempt=attempt,
    most_spikes=MOST_SPIKES,
    recordables=RECORDABLES | EXP_RECORDABLES,
)
