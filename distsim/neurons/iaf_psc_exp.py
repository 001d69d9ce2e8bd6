"""iaf_psc_exp: leaky integrate-and-fire neuron with exponential postsynaptic currents.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_ex + I_in + I_e + I_device
    dI_x/dt   = -I_x / tau_syn_x              a spike adds its weight (pA) to I_ex (weight >= 0) or I_in

Integrated exactly on the grid (Rotter & Diesmann 1999, Biol Cybern 81:381; Tsodyks et al. 2000 for the model).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .base import NeuronModel, Parameter, refractory_steps

PARAMETERS = {
    "C_m": Parameter(250.0, "pF", "membrane capacitance", 0.0, open=True),
    "tau_m": Parameter(10.0, "ms", "membrane time constant", 0.0, open=True),
    "tau_syn_ex": Parameter(2.0, "ms", "time constant of excitatory postsynaptic currents", 0.0, open=True),
    "tau_syn_in": Parameter(2.0, "ms", "time constant of inhibitory postsynaptic currents", 0.0, open=True),
    "t_ref": Parameter(2.0, "ms", "refractory period", 0.0),
    "E_L": Parameter(-70.0, "mV", "resting potential"),
    "V_th": Parameter(-55.0, "mV", "spike threshold"),
    "V_reset": Parameter(-70.0, "mV", "reset potential"),
    "I_e": Parameter(0.0, "pA", "constant input current"),
    "V_m": Parameter(-70.0, "mV", "initial membrane potential"),
}


def receptors(parameters: Mapping) -> int:
    """One variable carries both currents where their time constants are equal everywhere."""
    return 1 if np.array_equal(parameters["tau_syn_ex"], parameters["tau_syn_in"]) else 2


def current_to_potential(tau_m: np.ndarray, tau_syn: np.ndarray, C_m: np.ndarray, dt: float) -> np.ndarray:
    """Propagator from a synaptic current (pA) to the membrane potential (mV) over one step.

    (exp(-dt/tau_m) - exp(-dt/tau_syn)) tau_m tau_syn / (C_m (tau_m - tau_syn)), written with
    x = |dt/tau_syn - dt/tau_m| as dt/C_m exp(-dt/max(tau_m, tau_syn)) (1 - exp(-x))/x: smooth where the time constants
    meet, finite where one of them is very short.
    """
    x = np.abs(dt / tau_syn - dt / tau_m)
    small = x < 1e-9
    ratio = np.where(small, 1.0 - x / 2, -np.expm1(-x) / np.where(small, 1.0, x))
    return dt / C_m * np.exp(-dt / np.maximum(tau_m, tau_syn)) * ratio


def propagators(parameters: Mapping, dt: float) -> list:
    """The numbers of one step of `dt` ms, in the order in which `update` reads them."""
    tau_m, C_m, E_L = parameters["tau_m"], parameters["C_m"], parameters["E_L"]
    tau_ex, tau_in = parameters["tau_syn_ex"], parameters["tau_syn_in"]
    return [
        np.expm1(-dt / tau_m),
        current_to_potential(tau_m, tau_ex, C_m, dt),
        current_to_potential(tau_m, tau_in, C_m, dt),
        -tau_m / C_m * np.expm1(-dt / tau_m),
        np.exp(-dt / tau_ex),
        np.exp(-dt / tau_in),
        parameters["V_th"] - E_L,
        parameters["V_reset"] - E_L,
        refractory_steps(parameters["t_ref"], dt),
    ]


def check(parameters: Mapping) -> str | None:
    if np.any(np.asarray(parameters["V_reset"]) >= np.asarray(parameters["V_th"])):
        return "V_reset must be below V_th"
    return None


def update(n, stride, state, refractory, par, par_stride, par_step, inputs, input_stride, receptors, current, fired):
    """Advance neurons 0..n-1 by one step; all arrays are flat and begin at the first neuron.

    Parameters
    ----------
    n, stride : neurons to update; distance between two state variables of one neuron.
    state : float64, V - E_L (mV) at [i], I_ex (or both currents) at [stride + i], I_in at [2 stride + i] (pA).
    refractory : int16, steps that the neuron still has to wait.
    par, par_stride, par_step : float64 propagator k of neuron i at [k par_stride + i par_step]; par_step is 0
        where all neurons share one value.
    inputs, input_stride : float64, weights (pA) that arrive in this step at receptor r: [r input_stride + i].
    receptors : 1 or 2.
    current : float64, constant plus device current (pA) over the step.
    fired : uint8, set to the number of spikes (0 or 1) that the neuron emits at the end of the step.

    Returns
    -------
    int : spikes emitted by all n neurons.
    """
    n_fired = 0
    for i in range(n):
        # everything is loaded before anything is stored and without a branch, so that LLVM vectorises the loop
        p = i if par_step else 0
        leak, from_current = par[p], par[3 * par_stride + p]
        from_ex, from_in = par[par_stride + p], par[2 * par_stride + p]
        decay_ex, decay_in = par[4 * par_stride + p], par[5 * par_stride + p]
        theta, V_reset, steps = par[6 * par_stride + p], par[7 * par_stride + p], par[8 * par_stride + p]
        V, I_ex, wait = state[i], state[stride + i], refractory[i]
        new = V + leak * V + from_ex * I_ex + from_current * current[i]
        if receptors == 2:
            I_in = state[2 * stride + i]
            new += from_in * I_in
            state[2 * stride + i] = decay_in * I_in + inputs[input_stride + i]
        new = V if wait > 0 else new
        spike = new >= theta
        state[stride + i] = decay_ex * I_ex + inputs[i]
        state[i] = V_reset if spike else new
        refractory[i] = np.int16(steps) if spike else max(wait - 1, 0)
        fired[i] = spike
    for i in range(n):
        n_fired += fired[i]
    return n_fired


iaf_psc_exp = NeuronModel("iaf_psc_exp", PARAMETERS, 3, 9, receptors, propagators, update, check)
