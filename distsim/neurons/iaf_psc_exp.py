"""iaf_psc_exp: leaky integrate-and-fire neuron with exponential postsynaptic currents.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_ex + I_in + I_e + I_device
    dI_x/dt   = -I_x / tau_syn_x              a spike adds its weight (pA) to I_ex (weight >= 0) or I_in

Integrated exactly on the grid (Rotter & Diesmann 1999, Biol Cybern 81:381; Tsodyks et al. 2000 for the model).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .base import APART, NeuronModel, Parameter, Recordable, refractory_steps

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


# Behind the others: what is drawn of those is drawn by their place.
CURRENTS = {
    "I_syn_ex": Parameter(0.0, "pA", "initial excitatory postsynaptic current"),
    "I_syn_in": Parameter(0.0, "pA", "initial inhibitory postsynaptic current"),
    APART: Parameter(False, "", "whether currents of equal time constants are kept apart", choices=(False, True)),
}
RECORDABLES = {
    "V_m": Recordable("V", "E_L"),
    "I_syn_ex": Recordable("I_ex"),
    "I_syn_in": Recordable("I_in"),
}


def receptors(parameters: Mapping) -> int:
    """One variable carries both currents where their time constants are equal everywhere, unless they have values at
    time 0 or are to be kept apart."""
    are_equal = np.array_equal(parameters["tau_syn_ex"], parameters["tau_syn_in"])
    is_apart = parameters.get(APART, False) or any(
        isinstance(value, np.ndarray) or value != 0.0
        for name, value in parameters.items()
        if name.startswith(("I_syn", "dI_syn"))
    )
    return 1 if are_equal and not is_apart else 2


def current_to_potential(tau_m: np.ndarray, tau_syn: np.ndarray, C_m: np.ndarray, dt: float) -> np.ndarray:
    """Propagator from a synaptic current (pA) to the membrane potential (mV) over one step.

    (exp(-dt/tau_m) - exp(-dt/tau_syn)) tau_m tau_syn / (C_m (tau_m - tau_syn)), written with
    x = |dt/tau_syn - dt/tau_m| as dt/C_m exp(-dt/max(tau_m, tau_syn)) (1 - exp(-x))/x: smooth where the time constants
    meet, finite where one of them is very short.
    """
    x = np.abs(dt / tau_syn - dt / tau_m)
    small = x < 1e-9
    ratio = np.where(small, 1.0 - x / 2, -np.expm1(-x) / np.where(small, 1.0, x))
    found: np.ndarray = dt / C_m * np.exp(-dt / np.maximum(tau_m, tau_syn)) * ratio
    return found


def propagators(parameters: Mapping, dt: float) -> dict:
    """The numbers of one step of `dt` ms, by the names that `step` gives them."""
    tau_m, C_m, E_L = parameters["tau_m"], parameters["C_m"], parameters["E_L"]
    tau_ex, tau_in = parameters["tau_syn_ex"], parameters["tau_syn_in"]
    return {
        "leak": np.expm1(-dt / tau_m),
        "from_ex": current_to_potential(tau_m, tau_ex, C_m, dt),
        "from_in": current_to_potential(tau_m, tau_in, C_m, dt),
        "from_current": -tau_m / C_m * np.expm1(-dt / tau_m),
        "decay_ex": np.exp(-dt / tau_ex),
        "decay_in": np.exp(-dt / tau_in),
        "theta": parameters["V_th"] - E_L,
        "V_reset": parameters["V_reset"] - E_L,
        "steps": refractory_steps(parameters["t_ref"], dt),
    }


def check(parameters: Mapping) -> str | None:
    if np.any(np.asarray(parameters["V_reset"]) >= np.asarray(parameters["V_th"])):
        return "V_reset must be below V_th"
    return None


def step(
    V,
    I_ex,
    I_in,
    wait,
    ex,
    inh,
    current,
    leak,
    from_ex,
    from_in,
    from_current,
    decay_ex,
    decay_in,
    theta,
    V_reset,
    steps,
):
    """V relative to E_L (mV), synaptic currents (pA); where there is one receptor, I_ex carries both currents."""
    new = V + leak * V + from_ex * I_ex + from_current * current + from_in * I_in
    new = V if wait > 0 else new
    spike = new >= theta
    wait = np.int16(steps) if spike else np.int16(max(wait - 1, 0))
    return V_reset if spike else new, decay_ex * I_ex + ex, decay_in * I_in + inh, wait, spike


iaf_psc_exp = NeuronModel(
    "iaf_psc_exp",
    PARAMETERS | CURRENTS,
    ("V", "I_ex", "I_in"),
    propagators,
    step,
    receptors,
    ("I_in",),
    check,
    recordables=RECORDABLES,
    excitatory=("I_ex",),
)
