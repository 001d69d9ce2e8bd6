"""Adaptive exponential integrate-and-fire neurons (Brette & Gerstner 2005, J Neurophysiol 94:3637), with conductances.

    C_m dV/dt   = -g_L (V - E_L) + g_L Delta_T exp((V - V_th) / Delta_T) - g_ex (V - E_ex) - g_in (V - E_in)
                  - w + I_e + I_device
    tau_w dw/dt = a (V - E_L) - w                      a spike at V >= V_peak: V -> V_reset, w -> w + b

V and w are found by the solver (`solver.py`), which looks for a spike after each substep and goes on within the step:
adaptation begins where the spike is. What V does beyond V_peak, in the attempts of a substep, is what it does there.
With Delta_T = 0 there is no exponential term, and V_th is the threshold.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping

import numpy as np

from . import conductances
from .base import Parameter, Recordable
from .conductances import MEMBRANE, Numbers, pairs_at
from .helpers import helper
from .solver import MOST, resized, runge_kutta

PARAMETERS = MEMBRANE | {
    "C_m": Parameter(281.0, "pF", "membrane capacitance", 0.0, open=True),
    "g_L": Parameter(30.0, "nS", "leak conductance", 0.0),
    "E_L": Parameter(-70.6, "mV", "leak reversal potential"),
    "V_th": Parameter(-50.4, "mV", "threshold of the exponential term"),
    "t_ref": Parameter(0.0, "ms", "refractory period", 0.0),
    "V_peak": Parameter(0.0, "mV", "potential at which a spike is detected"),
    "Delta_T": Parameter(2.0, "mV", "slope factor of the exponential term, 0 for none", 0.0),
    "a": Parameter(4.0, "nS", "coupling of adaptation to V_m"),
    "b": Parameter(80.5, "pA", "step of adaptation at a spike"),
    "tau_w": Parameter(144.0, "ms", "time constant of adaptation", 0.0, open=True),
    "V_m": Parameter(-70.6, "mV", "initial membrane potential"),
    "w": Parameter(0.0, "pA", "initial adaptation current"),
}
RECORDABLES = conductances.V_M | {"w": Recordable("w")}
LARGEST = math.log(sys.float_info.max / 1e20)  # argument of the exponential function that does not overflow
MOST_SPIKES = 255  # in one step: the count is a byte

attempt_V_w = runge_kutta(2)


def peak(parameters: Mapping) -> np.ndarray:
    """Return the potential (mV) at which a spike is detected."""
    return np.where(np.asarray(parameters["Delta_T"]) > 0, parameters["V_peak"], parameters["V_th"])


def check(parameters: Mapping) -> str | None:
    Delta_T, V_th, V_peak = (np.asarray(parameters[name]) for name in ("Delta_T", "V_th", "V_peak"))
    if np.any(V_peak < V_th):
        return "V_peak must be at least V_th"
    if np.any(np.asarray(parameters["V_reset"]) >= peak(parameters)):
        return "V_reset must be below V_peak, and below V_th where Delta_T is 0"
    if np.any((Delta_T > 0) & (V_peak - V_th >= LARGEST * Delta_T)):
        return f"V_peak - V_th must be less than {LARGEST:.0f} Delta_T, so that the exponential term does not overflow"
    return None


def propagators(parameters: Mapping, dt: float) -> Numbers:
    """Return the numbers of one step of `dt` ms that both kinds of conductances need."""
    Delta_T = np.asarray(parameters["Delta_T"])
    found = conductances.membrane(parameters, dt) | conductances.decays(parameters, dt)
    return found | {
        "V_peak": peak(parameters)[()] - parameters["E_L"],
        "upstroke": parameters["g_L"] * Delta_T / parameters["C_m"],
        "per_Delta_T": np.where(Delta_T > 0, 1.0 / np.where(Delta_T > 0, Delta_T, 1.0), 0.0)[()],
        "a": parameters["a"],
        "b": parameters["b"],
        "rate_w": 1.0 / parameters["tau_w"],
        "decay_w": np.exp(-dt / parameters["tau_w"]),
    }


@helper
def slope(y, drive, p):
    """dV/dt (mV/ms) and dw/dt (pA/ms) where `drive` is the pair of `conductances.pair`."""
    V_th, V_peak, upstroke, per_Delta_T, per_C, a, rate_w = p
    V, w = min(y[0], V_peak), y[1]
    rise = upstroke * math.exp((V - V_th) * per_Delta_T)
    return drive[1] - drive[0] * V + rise - w * per_C, rate_w * (a * V - w)


@helper
def in_substeps(V, w, h, dt, g, rates, current, m, p, tolerance, spiking):
    """Return V, w and the number of spikes at the end of a step, in substeps, the first of `h` ms.

    `g`, `rates` and `m` as of `conductances.pair_at`; `p` as of `slope`; `spiking`: V_reset, b and refractory steps.
    """
    V_reset, b, steps = spiking
    t, spikes = 0.0, 0
    for _ in range(MOST):
        left = dt - t
        is_last = h >= left
        h = left if is_last else h
        (new_V, new_w), error = attempt_V_w(slope, (V, w), pairs_at(t, h, g, rates, current, m), h, p)
        if error <= tolerance:
            V, w = new_V, new_w
            t += h
            if p[1] <= V:
                V, w = V_reset, w + b
                spikes += 1
                if steps > 0:
                    rest = p[5] * V_reset
                    return V, rest + (w - rest) * math.exp(-max(dt - t, 0.0) * p[6]), spikes
            if is_last:
                return V, w, spikes
            if spikes == MOST_SPIKES:
                break
        h = resized(h, error, tolerance)
    return math.nan, math.nan, spikes


@helper
def advance(V, w, wait, pairs, dt, g, rates, current, m, p, tolerance, spiking, decay_w):
    """Return V, w and the number of spikes at the end of a step; `pairs` are those at the nodes of the whole step."""
    V_reset, b, _ = spiking
    if wait > 0:
        rest = p[5] * V_reset
        return V_reset, rest + (w - rest) * decay_w, 0
    (new_V, new_w), error = attempt_V_w(slope, (V, w), pairs, dt, p)
    if not error <= tolerance:
        return in_substeps(V, w, resized(dt, error, tolerance), dt, g, rates, current, m, p, tolerance, spiking)
    if p[1] <= new_V:
        return V_reset, new_w + b, 1
    return new_V, new_w, 0
