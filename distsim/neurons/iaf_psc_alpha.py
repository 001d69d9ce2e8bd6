"""iaf_psc_alpha: leaky integrate-and-fire neuron with alpha-shaped postsynaptic currents.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_ex + I_in + I_e + I_device
    I_x(t)    = weight e t / tau_syn_x exp(-t / tau_syn_x)          peak `weight` (pA) at t = tau_syn_x

Integrated exactly on the grid (Rotter & Diesmann 1999, Biol Cybern 81:381), with dI_x + I_x / tau_syn_x as second
variable of each current. A potential is exactly 0 in the sample in which its spike arrives.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .base import NeuronModel, Parameter, Recordable, refractory_steps
from .iaf_psc_exp import CURRENTS, PARAMETERS, RECORDABLES, check, current_to_potential, receptors

SLOPES = {
    "dI_syn_ex": Parameter(0.0, "pA/ms", "initial slope variable of the excitatory current"),
    "dI_syn_in": Parameter(0.0, "pA/ms", "initial slope variable of the inhibitory current"),
}


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
    found: np.ndarray = dt**2 / C_m * np.exp(-dt / tau_m) * np.where(small, series, closed)
    return found


def propagators(parameters: Mapping, dt: float) -> dict:
    """The numbers of one step of `dt` ms, by the names that `step` gives them."""
    tau_m, C_m, E_L = parameters["tau_m"], parameters["C_m"], parameters["E_L"]
    tau_ex, tau_in = parameters["tau_syn_ex"], parameters["tau_syn_in"]
    return {
        "leak": np.expm1(-dt / tau_m),
        "from_current": -tau_m / C_m * np.expm1(-dt / tau_m),
        "from_ex": current_to_potential(tau_m, tau_ex, C_m, dt),
        "from_dex": slope_to_potential(tau_m, tau_ex, C_m, dt),
        "decay_ex": np.exp(-dt / tau_ex),
        "slope_ex": dt * np.exp(-dt / tau_ex),
        "jump_ex": np.e / tau_ex,
        "from_in": current_to_potential(tau_m, tau_in, C_m, dt),
        "from_din": slope_to_potential(tau_m, tau_in, C_m, dt),
        "decay_in": np.exp(-dt / tau_in),
        "slope_in": dt * np.exp(-dt / tau_in),
        "jump_in": np.e / tau_in,
        "theta": parameters["V_th"] - E_L,
        "V_reset": parameters["V_reset"] - E_L,
        "steps": refractory_steps(parameters["t_ref"], dt),
    }


def step(
    V,
    I_ex,
    dI_ex,
    I_in,
    dI_in,
    wait,
    ex,
    inh,
    current,
    leak,
    from_current,
    from_ex,
    from_dex,
    decay_ex,
    slope_ex,
    jump_ex,
    from_in,
    from_din,
    decay_in,
    slope_in,
    jump_in,
    theta,
    V_reset,
    steps,
):
    """V relative to E_L (mV), currents (pA) and their slope variables (pA/ms); where there is one receptor, the
    excitatory pair carries both currents."""
    new = V + leak * V + from_current * current + from_ex * I_ex + from_dex * dI_ex
    new += from_in * I_in + from_din * dI_in
    new = V if wait > 0 else new
    spike = new >= theta
    wait = np.int16(steps) if spike else np.int16(max(wait - 1, 0))
    new_ex, new_dex = decay_ex * I_ex + slope_ex * dI_ex, decay_ex * dI_ex + jump_ex * ex
    new_in, new_din = decay_in * I_in + slope_in * dI_in, decay_in * dI_in + jump_in * inh
    return V_reset if spike else new, new_ex, new_dex, new_in, new_din, wait, spike


STATES = ("V", "I_ex", "dI_ex", "I_in", "dI_in")

iaf_psc_alpha = NeuronModel(
    "iaf_psc_alpha",
    PARAMETERS | CURRENTS | SLOPES,
    STATES,
    propagators,
    step,
    receptors,
    ("I_in", "dI_in"),
    check,
    recordables=RECORDABLES | {"dI_syn_ex": Recordable("dI_ex"), "dI_syn_in": Recordable("dI_in")},
    excitatory=("I_ex", "dI_ex"),
)
