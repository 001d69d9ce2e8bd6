"""izhikevich: the spiking neuron of Izhikevich (2003, IEEE Trans Neural Netw 14:1569).

    dV/dt = 0.04 V^2 + 5 V + 140 - U + I_e + I_device          a spike at V >= V_th: V -> c, U -> U + d
    dU/dt = a (b V - U)                                        V (mV) jumps by the weight of each spike that arrives

The numbers of the model are of mV and ms; a current of 1 pA counts as 1 mV/ms. Two ways to advance by dt:

    consistent_integration   True    forward Euler of V and U from their values before, then the jumps of V.
                             False   the published numerics: V takes two half steps, in which weights count as
                                     currents, then U one step with the new V.
"""

from __future__ import annotations

from collections.abc import Mapping

from .base import NeuronModel, Parameter, Recordable

PARAMETERS = {
    "a": Parameter(0.02, "1/ms", "rate of recovery"),
    "b": Parameter(0.2, "1/ms", "sensitivity of recovery to V_m"),
    "c": Parameter(-65.0, "mV", "reset potential"),
    "d": Parameter(8.0, "mV/ms", "step of recovery at a spike"),
    "V_th": Parameter(30.0, "mV", "spike threshold"),
    "V_min": Parameter(-1e150, "mV", "least membrane potential"),
    "consistent_integration": Parameter(
        True, "", "whether to integrate by forward Euler, not as published", choices=(True, False)
    ),
    "I_e": Parameter(0.0, "pA", "constant input current"),
    "V_m": Parameter(-65.0, "mV", "initial membrane potential"),
    "U_m": Parameter(0.0, "mV/ms", "initial recovery variable"),
}


def propagators(parameters: Mapping, dt: float) -> dict:
    """The numbers of one step of `dt` ms, by the names that `step` gives them."""
    names = ("a", "b", "c", "d", "V_th", "V_min")
    consistent = float(parameters["consistent_integration"])
    return {name: parameters[name] for name in names} | {"dt": dt, "consistent": consistent}


def step(V, U, wait, ex, inh, current, a, b, c, d, V_th, V_min, dt, consistent):
    """V (mV) and U (mV/ms), absolute; all input comes as `ex`."""
    euler = V + dt * (0.04 * V * V + 5.0 * V + 140.0 - U + current) + ex
    half = V + 0.5 * dt * (0.04 * V * V + 5.0 * V + 140.0 - U + current + ex)
    whole = half + 0.5 * dt * (0.04 * half * half + 5.0 * half + 140.0 - U + current + ex)
    new = euler if consistent > 0.5 else whole
    new_U = U + dt * a * (b * (V if consistent > 0.5 else new) - U)
    new = V_min if new < V_min else new
    spike = new >= V_th
    return c if spike else new, new_U + d if spike else new_U, wait, spike


izhikevich = NeuronModel(
    "izhikevich",
    PARAMETERS,
    ("V", "U"),
    propagators,
    step,
    weight_unit="mV",
    recordables={"V_m": Recordable("V"), "U_m": Recordable("U")},
)
