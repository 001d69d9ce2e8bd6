"""A neuron model of two variables: leaky integrate-and-fire with a current of adaptation."""

from __future__ import annotations

import math

from distsim.neurons import NeuronModel, Recordable
from distsim.neurons.base import Parameter


def propagators(parameters, dt):
    return {
        "leak": math.expm1(-dt / parameters["tau_m"]),
        "from_current": -parameters["tau_m"] / parameters["C_m"] * math.expm1(-dt / parameters["tau_m"]),
        "decay_w": math.exp(-dt / parameters["tau_w"]),
        "b": parameters["b"],
    }


def step(V, w, wait, ex, inh, current, leak, from_current, decay_w, b):
    new = V + leak * (V + 70.0) + from_current * (current - w) + 0.004 * (ex + inh)
    spike = new >= -50.0
    return -60.0 if spike else new, decay_w * w + (b if spike else 0.0), wait, spike


adaptive = NeuronModel(
    "adaptive",
    {
        "tau_m": Parameter(10.0, "ms", "membrane time constant", 0.0, True),
        "C_m": Parameter(250.0, "pF", "capacitance", 0.0, True),
        "tau_w": Parameter(100.0, "ms", "time constant of adaptation", 0.0, True),
        "b": Parameter(30.0, "pA", "adaptation by a spike"),
        "V": Parameter(-70.0, "mV", "membrane potential at time 0"),
        "w": Parameter(0.0, "pA", "current of adaptation at time 0"),
        "I_e": Parameter(0.0, "pA", "constant current"),
    },
    ("V", "w"),
    propagators,
    step,
    recordables={"V": Recordable("V"), "w": Recordable("w")},
    potential="V",
)
