"""iaf_psc_delta: leaky integrate-and-fire neuron whose potential jumps by the weight (mV) of each spike that arrives.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I_device

Two conventions are parameters:

    refractory_input   discard      spikes that arrive while the neuron is refractory are lost (NEST, Brian2).
                       accumulate   V does not relax while refractory but takes the jumps.
    detection          after_input  within a step V relaxes, jumps, and is compared: V >= V_th (NEST).
                       before_input V relaxes, is compared, V > V_th, and jumps; what arrives in the step of a spike is
                                    lost to the reset (Brian2's order of operations).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .base import NeuronModel, Parameter, refractory_steps
from .iaf_psc_exp import PARAMETERS as EXP_PARAMETERS
from .iaf_psc_exp import check

PARAMETERS = {name: p for name, p in EXP_PARAMETERS.items() if not name.startswith("tau_syn")}
PARAMETERS["refractory_input"] = Parameter(
    "discard", "", "what becomes of input while refractory", choices=("discard", "accumulate")
)
PARAMETERS["detection"] = Parameter(
    "after_input", "", "whether V is compared after or before its jump", choices=("after_input", "before_input")
)


def propagators(parameters: Mapping, dt: float) -> dict:
    """The numbers of one step of `dt` ms, by the names that `step` gives them."""
    tau_m, C_m, E_L = parameters["tau_m"], parameters["C_m"], parameters["E_L"]
    return {
        "decay": np.exp(-dt / tau_m),
        "from_current": -tau_m / C_m * np.expm1(-dt / tau_m),
        "theta": parameters["V_th"] - E_L,
        "V_reset": parameters["V_reset"] - E_L,
        "steps": refractory_steps(parameters["t_ref"], dt),
        "accumulate": float(parameters["refractory_input"] == "accumulate"),
        "before_input": float(parameters["detection"] == "before_input"),
    }


def step(V, wait, ex, inh, current, decay, from_current, theta, V_reset, steps, accumulate, before_input):
    """V relative to E_L (mV); all input (mV) comes as `ex`."""
    relaxed = V if wait > 0 else decay * V + from_current * current
    after = relaxed + (ex if (wait == 0) | (accumulate > 0.5) else 0.0)
    above = relaxed > theta if before_input > 0.5 else after >= theta
    spike = above & (wait == 0)
    wait = np.int16(steps) if spike else np.int16(max(wait - 1, 0))
    return V_reset if spike else after, wait, spike


iaf_psc_delta = NeuronModel("iaf_psc_delta", PARAMETERS, ("V",), propagators, step, check=check, weight_unit="mV")
