"""iaf_psc_alpha: leaky integrate-and-fire neuron with alpha-shaped postsynaptic currents.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_ex + I_in + I_e + I_device
    I_x(t)    = weight e t / tau_syn_x exp(-t / tau_syn_x)          peak `weight` (pA) at t = tau_syn_x

Integrated exactly on the grid (Rotter & Diesmann 1999, Biol Cybern 81:381), with dI_x + I_x / tau_syn_x as second
variable of each current. A potential is exactly 0 in the sample in which its spike arrives.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .base import NeuronModel, refractory_steps
from .iaf_psc_exp import PARAMETERS, check, current_to_potential, receptors


def slope_to_potential(tau_m: np.ndarray, tau_syn: np.ndarray, C_m: np.ndarray, dt: float) -> np.ndarray:
    """Propagator from the slope variable (pA/ms) to the membrane potential (mV) over one step.

    1/C_m times the integral over s from 0 to dt of exp(-(dt - s)/tau_m) s exp(-s/tau_syn). With
    x = dt (1/tau_syn - 1/tau_m) it is dt^2/C_m exp(-dt/tau_m) (1 - (1 + x) exp(-x))/x^2, as a series where x is small.
    """
    x = dt * (tau_m - tau_syn) / (tau_m * tau_syn)
    small = np.abs(x) < 1e-2
    safe = np.where(small, 1.0, x)
    closed = (-np.expm1(-safe) - safe * np.exp(-safe)) / safe**2
    series = 1 / 2 + x * (-1 / 3 + x * (1 / 8 + x * (-1 / 30 + x * (1 / 144 + x * (-1 / 840 + x / 5760)))))
    return dt**2 / C_m * np.exp(-dt / tau_m) * np.where(small, series, closed)


def propagators(parameters: Mapping, dt: float) -> list:
    """The numbers of one step of `dt` ms, in the order in which `update` reads them."""
    tau_m, C_m, E_L = parameters["tau_m"], parameters["C_m"], parameters["E_L"]
    tau_ex, tau_in = parameters["tau_syn_ex"], parameters["tau_syn_in"]
    return [
        np.expm1(-dt / tau_m),
        -tau_m / C_m * np.expm1(-dt / tau_m),
        current_to_potential(tau_m, tau_ex, C_m, dt),
        slope_to_potential(tau_m, tau_ex, C_m, dt),
        np.exp(-dt / tau_ex),
        dt * np.exp(-dt / tau_ex),
        np.e / tau_ex,
        current_to_potential(tau_m, tau_in, C_m, dt),
        slope_to_potential(tau_m, tau_in, C_m, dt),
        np.exp(-dt / tau_in),
        dt * np.exp(-dt / tau_in),
        np.e / tau_in,
        parameters["V_th"] - E_L,
        parameters["V_reset"] - E_L,
        refractory_steps(parameters["t_ref"], dt),
    ]


def update(n, stride, state, refractory, par, par_stride, par_step, inputs, input_stride, receptors, current, fired):
    """Advance neurons 0..n-1 by one step; the arguments are those of `iaf_psc_exp.update`, the state variables
    V - E_L (mV), I and dI of the excitatory (or only) current (pA, pA/ms), I and dI of the inhibitory one."""
    for i in range(n):
        p = i if par_step else 0
        leak, from_current = par[p], par[par_stride + p]
        from_I, from_dI = par[2 * par_stride + p], par[3 * par_stride + p]
        decay, slope, jump = par[4 * par_stride + p], par[5 * par_stride + p], par[6 * par_stride + p]
        theta, V_reset, steps = par[12 * par_stride + p], par[13 * par_stride + p], par[14 * par_stride + p]
        V, current_I, dI, wait = state[i], state[stride + i], state[2 * stride + i], refractory[i]
        new = V + leak * V + from_current * current[i] + from_I * current_I + from_dI * dI
        if receptors == 2:
            from_I_in, from_dI_in = par[7 * par_stride + p], par[8 * par_stride + p]
            decay_in, slope_in, jump_in = par[9 * par_stride + p], par[10 * par_stride + p], par[11 * par_stride + p]
            I_in, dI_in = state[3 * stride + i], state[4 * stride + i]
            new += from_I_in * I_in + from_dI_in * dI_in
            state[3 * stride + i] = decay_in * I_in + slope_in * dI_in
            state[4 * stride + i] = decay_in * dI_in + jump_in * inputs[input_stride + i]
        new = V if wait > 0 else new
        spike = new >= theta
        state[stride + i] = decay * current_I + slope * dI
        state[2 * stride + i] = decay * dI + jump * inputs[i]
        state[i] = V_reset if spike else new
        refractory[i] = np.int16(steps) if spike else max(wait - 1, 0)
        fired[i] = spike
    n_fired = 0
    for i in range(n):
        n_fired += fired[i]
    return n_fired


iaf_psc_alpha = NeuronModel("iaf_psc_alpha", PARAMETERS, 5, 15, receptors, propagators, update, check)
