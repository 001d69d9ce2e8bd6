"""aeif_cond_alpha: adaptive exponential integrate-and-fire neuron (`adex`) with alpha-shaped conductances."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from . import adex, conductances
from .adex import MOST_SPIKES, RECORDABLES, advance, check
from .base import NeuronModel
from .conductances import ALPHA, ALPHA_RECORDABLES, pairs_alpha, two_receptors

PARAMETERS = adex.PARAMETERS | ALPHA


def propagators(parameters: Mapping, dt: float) -> dict:
    """The numbers of one step of `dt` ms, by the names that `step` gives them."""
    return adex.propagators(parameters, dt) | conductances.jumps(parameters)


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
    rate_ex,
    rate_in,
    jump_ex,
    jump_in,
):
    """V relative to E_L (mV), w (pA), conductances (nS), their slope variables (nS/ms)."""
    m, p = (g_L, E_ex, E_in, per_C), (V_th, V_peak, upstroke, per_Delta_T, per_C, a, rate_w)
    decay_ex, decay_in = (ex_1, ex_2, ex_3, ex_4, ex_5), (in_1, in_2, in_3, in_4, in_5)
    g = (g_ex, dg_ex, g_in, dg_in)
    pairs = pairs_alpha(g, decay_ex, decay_in, dt, current, m)
    rates, spiking = (rate_ex, rate_in), (V_reset, b, steps)
    new, new_w, spikes = advance(V, w, wait, pairs, dt, g, rates, current, m, p, tolerance, spiking, decay_w)
    wait = np.int16(steps) if spikes > 0 else np.int16(max(wait - 1, 0))
    return (
        new,
        new_w,
        ex_4 * (g_ex + dt * dg_ex),
        ex_4 * dg_ex + jump_ex * ex,
        in_4 * (g_in + dt * dg_in),
        in_4 * dg_in - jump_in * inh,
        wait,
        spikes,
    )


aeif_cond_alpha = NeuronModel(
    "aeif_cond_alpha",
    PARAMETERS,
    ("V", "w", "g_ex", "dg_ex", "g_in", "dg_in"),
    propagators,
    step,
    two_receptors,
    check=check,
    weight_unit="nS",
    most_spikes=MOST_SPIKES,
    recordables=RECORDABLES | ALPHA_RECORDABLES,
)
