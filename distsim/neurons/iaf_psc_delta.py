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


def propagators(parameters: Mapping, dt: float) -> list:
    """The numbers of one step of `dt` ms, in the order in which `update` reads them."""
    tau_m, C_m, E_L = parameters["tau_m"], parameters["C_m"], parameters["E_L"]
    return [
        np.exp(-dt / tau_m),
        -tau_m / C_m * np.expm1(-dt / tau_m),
        parameters["V_th"] - E_L,
        parameters["V_reset"] - E_L,
        refractory_steps(parameters["t_ref"], dt),
        float(parameters["refractory_input"] == "accumulate"),
        float(parameters["detection"] == "before_input"),
    ]


def update(n, stride, state, refractory, par, par_stride, par_step, inputs, input_stride, receptors, current, fired):
    """Advance neurons 0..n-1 by one step; the arguments are those of `iaf_psc_exp.update`, inputs in mV."""
    for i in range(n):
        p = i if par_step else 0
        decay, from_current = par[p], par[par_stride + p]
        theta, V_reset = par[2 * par_stride + p], par[3 * par_stride + p]
        steps, accumulate = par[4 * par_stride + p], par[5 * par_stride + p] > 0.5
        before = par[6 * par_stride + p] > 0.5
        V, wait, jump = state[i], refractory[i], inputs[i]
        relaxed = V if wait > 0 else decay * V + from_current * current[i]
        after = relaxed + (jump if (wait == 0) | accumulate else 0.0)  # | and & so that the loop is vectorised
        above = relaxed > theta if before else after >= theta
        spike = above & (wait == 0)
        state[i] = V_reset if spike else after
        refractory[i] = np.int16(steps) if spike else max(wait - 1, 0)
        fired[i] = spike
    n_fired = 0
    for i in range(n):
        n_fired += fired[i]
    return n_fired


iaf_psc_delta = NeuronModel("iaf_psc_delta", PARAMETERS, 1, 7, lambda parameters: 1, propagators, update, check)
