"""gif_psc_exp: generalized integrate-and-fire neuron with escape noise (Mensi et al. 2012, J Neurophysiol 107:1756;
Pozzorini et al. 2015, PLoS Comput Biol 11:e1004275).

    C_m dV/dt = -g_L (V - E_L) + I_ex + I_in - sum of stc_k + I_e + I_device
    hazard    = lambda_0 exp((V - V_T_star - sum of sfa_k) / Delta_V)

A spike is emitted in a step of dt with the probability 1 - exp(-hazard dt). It adds q_stc[k] (pA) to the current stc_k
and q_sfa[k] (mV) to the threshold's sfa_k, which decay with tau_stc[k] and tau_sfa[k]; V is V_reset for t_ref after it.
Synaptic currents are exponential, and act on V from the step in which their spikes arrive. E_sfa, the threshold, and
I_stc, the sum of the spike-triggered currents, are those of the hazard and of V in a step. Linear parts are integrated
exactly on the grid, with what a spike triggers constant over a step, as in NEST.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .base import NeuronModel, Parameter, Recordable, refractory_steps
from .conductances import two_receptors
from .families import Family, numbered, written
from .iaf_psc_exp import current_to_potential

MOST = 64  # elements of a list
PARAMETERS = {
    "C_m": Parameter(80.0, "pF", "membrane capacitance", 0.0, open=True),
    "g_L": Parameter(4.0, "nS", "leak conductance", 0.0, open=True),
    "E_L": Parameter(-70.0, "mV", "leak reversal potential"),
    "V_reset": Parameter(-55.0, "mV", "reset potential"),
    "V_T_star": Parameter(-35.0, "mV", "threshold long after the last spike"),
    "Delta_V": Parameter(0.5, "mV", "width of the threshold", 0.0, open=True),
    "lambda_0": Parameter(1.0, "1/s", "hazard at the threshold", 0.0),
    "t_ref": Parameter(4.0, "ms", "refractory period", 0.0),
    "tau_syn_ex": Parameter(2.0, "ms", "time constant of excitatory postsynaptic currents", 0.0, open=True),
    "tau_syn_in": Parameter(2.0, "ms", "time constant of inhibitory postsynaptic currents", 0.0, open=True),
    "I_e": Parameter(0.0, "pA", "constant input current"),
    "V_m": Parameter(-70.0, "mV", "initial membrane potential"),
    "I_syn_ex": Parameter(0.0, "pA", "initial excitatory postsynaptic current"),
    "I_syn_in": Parameter(0.0, "pA", "initial inhibitory postsynaptic current"),
}
RECORDABLES = {
    "V_m": Recordable("V", "E_L"),
    "I_syn_ex": Recordable("I_ex"),
    "I_syn_in": Recordable("I_in"),
    "E_sfa": Recordable("E_sfa", "V_T_star"),
    "I_stc": Recordable("I_stc", None, "pA"),
}
UNITS = {"sfa": "mV", "stc": "pA"}
TEXTS = {"sfa": "shift {k} of the threshold by spikes", "stc": "spike-triggered current {k}"}
MEMBRANE = ("leak", "from_current", "from_ex", "from_in", "decay_ex", "decay_in", "theta", "V_reset", "per_Delta")
SPIKES = ("hazard", "steps")


def make(n_sfa: int, n_stc: int) -> NeuronModel:
    """Return gif_psc_exp with so many shifts of the threshold and spike-triggered currents."""
    elements = (*numbered("sfa", n_sfa), *numbered("stc", n_stc))
    parameters = dict(PARAMETERS)
    lists: dict[str, tuple[str, ...]] = {}
    for kind, n in (("sfa", n_sfa), ("stc", n_stc)):
        lists |= {f"{name}_{kind}": numbered(f"{name}_{kind}", n) for name in ("tau", "q")}
    for name in elements:
        kind, _, k = name.partition("_")
        text = TEXTS[kind].format(k=k)
        parameters[f"tau_{name}"] = Parameter(100.0, "ms", f"time constant of {text}", 0.0, open=True)
        parameters[f"q_{name}"] = Parameter(0.0, UNITS[kind], f"what a spike adds to {text}")
        parameters[name] = Parameter(0.0, UNITS[kind], f"initial {text}")

    def propagators(given: Mapping, dt: float) -> dict:
        decays = {f"decay_{name}": np.exp(-dt / given[f"tau_{name}"]) for name in elements}
        return _membrane(given, dt) | decays | {f"q_{name}": given[f"q_{name}"] for name in elements}

    return NeuronModel(
        "gif_psc_exp",
        parameters,
        ("V", "I_ex", "I_in", "E_sfa", "I_stc", *elements),
        propagators,
        _step(elements),
        two_receptors,
        recordables=RECORDABLES | {name: Recordable(name) for name in elements},
        uniforms=("uniform",),
        lists=lists,
    )


def _membrane(parameters: Mapping, dt: float) -> dict:
    """Return the numbers of one step that do not depend on lists; potentials are relative to E_L."""
    C_m, E_L = parameters["C_m"], parameters["E_L"]
    tau_m = C_m / parameters["g_L"]
    return {
        "leak": np.expm1(-dt / tau_m),
        "from_current": -tau_m / C_m * np.expm1(-dt / tau_m),
        "from_ex": current_to_potential(tau_m, parameters["tau_syn_ex"], C_m, dt),
        "from_in": current_to_potential(tau_m, parameters["tau_syn_in"], C_m, dt),
        "decay_ex": np.exp(-dt / parameters["tau_syn_ex"]),
        "decay_in": np.exp(-dt / parameters["tau_syn_in"]),
        "theta": parameters["V_T_star"] - E_L,
        "V_reset": parameters["V_reset"] - E_L,
        "per_Delta": 1.0 / parameters["Delta_V"],
        "hazard": parameters["lambda_0"] * 1e-3 * dt,
        "steps": refractory_steps(parameters["t_ref"], dt),
    }


def _step(elements: tuple[str, ...]) -> Callable:
    """Return the `step` of a model with these elements of its lists."""
    sums = {kind: [name for name in elements if name.startswith(kind)] for kind in UNITS}
    states = ["V", "I_ex", "I_in", "E_sfa", "I_stc", *elements]
    numbers = [*MEMBRANE, *SPIKES, *(f"{what}_{name}" for name in elements for what in ("decay", "q"))]
    lines = [
        f"E_sfa = {' + '.join(sums['sfa']) or '0.0'}",
        f"I_stc = {' + '.join(sums['stc']) or '0.0'}",
        "I_ex, I_in = decay_ex * I_ex + ex, decay_in * I_in + inh",
        "new = V + leak * V + from_current * (current - I_stc) + from_ex * I_ex + from_in * I_in",
        "mean = hazard * np.exp((new - theta - E_sfa) * per_Delta)",
        "spike = (wait == 0) & (uniform < -np.expm1(-mean))",
        "V = V_reset if wait > 0 else new",
        "wait = np.int16(steps) if spike else np.int16(max(wait - 1, 0))",
        *(f"{name} = decay_{name} * {name} + (q_{name} if spike else 0.0)" for name in elements),
    ]
    return written([*states, "wait", "ex", "inh", "current", "uniform", *numbers], lines, [*states, "wait", "spike"])


gif_psc_exp = Family("gif_psc_exp", (("tau_sfa", "q_sfa"), ("tau_stc", "q_stc")), 0, MOST, (0, 0), make)
