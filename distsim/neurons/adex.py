"""Adaptive exponential integrate-and-fire neurons (Brette & Gerstner 2005, J Neurophysiol 94:3637), with conductances.

    C_m dV/dt   = -g_L (V - E_L) + g_L Delta_T exp((V - V_th) / Delta_T) - g_ex (V - E_ex) - g_in (V - E_in)
                  - w + I_e + I_device
    tau_w dw/dt = a (V - E_L) - w                      a spike at V >= V_peak: V -> V_reset, w -> w + b

V and w are found by the solver (`solver.py`), which continues within the step after a spike: adaptation begins where
the spike is. Where V explodes, exp(-(V - V_th) / Delta_T) is solved for in its place, which ends in a few substeps.
With Delta_T = 0 there is no exponential term, and V_th is the threshold.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping

import numpy as np

from . import conductances
from .base import REDO, Parameter, Recordable
from .conductances import MEMBRANE, Numbers, pairs_at
from .helpers import helper, inlined
from .solver import MOST, SHORTEST, resized, runge_kutta

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
QUIET = 5.0  # Delta_T: V may be this far above V_th where a whole step is attempted
TIMED = 0.01  # ms: a spike is found to this times the tolerance
MOST_SPIKES = 8  # of a neuron without refractory period in one step; more give NaN, which the guard finds

attempt_V_w = runge_kutta(2)


def peak(parameters: Mapping) -> np.ndarray:
    """Return the potential (mV) at which a spike is detected."""
    found: np.ndarray = np.where(np.asarray(parameters["Delta_T"]) > 0, parameters["V_peak"], parameters["V_th"])
    return found


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
def upstroke_slope(y, drive, p):
    """dz/dt (1/ms) and dw/dt (pA/ms) of z = exp(-(V - V_th) / Delta_T), which falls evenly where V explodes."""
    V_th, V_peak, upstroke, per_Delta_T, per_C, a, rate_w = p
    V = V_peak
    if y[0] > math.exp((V_th - V_peak) * per_Delta_T):
        V = V_th - math.log(y[0]) / per_Delta_T
    rest = drive[1] - drive[0] * V - y[1] * per_C
    return -per_Delta_T * (upstroke + y[0] * rest), rate_w * (a * V - y[1])


@helper
def explodes(V, w, drive, p):
    """Return whether the exponential term outweighs all others."""
    V_th, _, upstroke, per_Delta_T, per_C, _, _ = p
    if not (per_Delta_T > 0.0) & (V_th < V):
        return False
    return upstroke * math.exp((min(V, p[1]) - V_th) * per_Delta_T) > abs(drive[1] - drive[0] * V - w * per_C)


@helper
def attempt_upstroke(V, w, pairs, h, p, tolerance):
    """Attempt a substep of z and w; return V and w at its end, the error, and the length that meets V_peak.

    That length is `h` where V_peak is not reached, or where it is at the end, as precisely as the tolerance demands.
    The error is that of V, or, at V_peak, that of the time of the spike in units of `TIMED`.
    """
    V_th, V_peak, upstroke, per_Delta_T, _, _, _ = p
    z, last = math.exp((V_th - V) * per_Delta_T), math.exp((V_th - V_peak) * per_Delta_T)
    (new, new_w), (error, error_w) = attempt_V_w(upstroke_slope, (z, w), pairs, h, p)
    late = (last - new) / (TIMED * upstroke * per_Delta_T)
    if late < -tolerance:
        return V_th - math.log(new) / per_Delta_T, new_w, error_w + error / (new * per_Delta_T), h
    met = h * (z - last) / (z - new) if late > tolerance else h
    return V_peak, new_w, error_w + error / (TIMED * upstroke * per_Delta_T), met


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
        pairs = pairs_at(t, h, g, rates, current, m)
        if explodes(V, w, pairs[0], p):
            new_V, new_w, error, met = attempt_upstroke(V, w, pairs, h, p, tolerance)
            if (error <= tolerance) & (met < h):
                h = met
                continue
        else:
            (new_V, new_w), (error, error_w) = attempt_V_w(slope, (V, w), pairs, h, p)
            error += error_w
        if error <= tolerance:
            V, w = new_V, new_w
            t += h
            if p[1] <= V:
                V, w = V_reset, w + b
                spikes += 1
                if steps > 0:
                    rest = p[5] * V_reset
                    return V, rest + (w - rest) * math.exp(-max(dt - t, 0.0) * p[6]), spikes
                if spikes == MOST_SPIKES:
                    break
            if is_last:
                return V, w, spikes
        elif h < SHORTEST * dt:
            break
        h = resized(h, error, tolerance)
    return math.nan, math.nan, spikes


@helper
def advance_in_substeps(V, w, dt, g, rates, current, m, p, tolerance, spiking):
    """Return what `advance` does, of a neuron that is not refractory, in substeps; arguments as of `in_substeps`."""
    new, new_w, spikes = in_substeps(V, w, 0.25 * dt, dt, g, rates, current, m, p, tolerance, spiking)
    return new, new_w, np.int16(spiking[2]) if spikes > 0 else np.int16(0), spikes


@inlined
def exponential(x):
    """Return exp(x) for x below about 10, without a call: its series at x / 256, squared 8 times.

    It is precise to 1e-13 from -20 on; below, to a smaller part of exp(-20).
    """
    x = max(x, -200.0) * 0.00390625
    y = 1.0 + x * (1.0 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720 + x / 5040))))))
    y = y * y
    y = y * y
    y = y * y
    y = y * y
    y = y * y
    y = y * y
    y = y * y
    return y * y


@inlined
def quiet_slope(y, drive, p):
    """As `slope`, where V is not far above V_th."""
    V_th, V_peak, upstroke, per_Delta_T, per_C, a, rate_w = p
    V, w = min(y[0], V_peak), y[1]
    rise = upstroke * exponential((V - V_th) * per_Delta_T)
    return drive[1] - drive[0] * V + rise - w * per_C, rate_w * (a * V - w)


@inlined
def advance(V, w, wait, pairs, dt, p, tolerance, spiking, decay_w):
    """Return V and w at the end of a step, steps of refractoriness that are left, and the number of spikes or REDO.

    `pairs` are those at the nodes of the whole step, which is attempted at once.
    """
    V_reset, b, steps = spiking
    (solved_V, solved_w), (error, error_w) = attempt_V_w(quiet_slope, (V, w), pairs, dt, p)
    is_off, rest = wait > 0, p[5] * V_reset
    is_quiet = ((max(V, solved_V) - p[0]) * p[3] <= QUIET) & (error + error_w <= tolerance)
    spike = (wait == 0) & (solved_V >= p[1])
    new_V = V_reset if is_off | spike else solved_V
    new_w = rest + (w - rest) * decay_w if is_off else solved_w
    left = np.int16(steps) if spike else np.int16(max(wait - 1, 0))
    spikes = np.int64(spike) if is_quiet | is_off else REDO
    return new_V, new_w + b if spike else new_w, left, spikes
