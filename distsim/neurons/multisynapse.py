"""iaf_psc_exp_multisynapse, iaf_psc_alpha_multisynapse: leaky integrate-and-fire neurons with any number of receptors.

    C_m dV/dt = -C_m (V - E_L) / tau_m + sum over k of I_syn_k + I_e + I_device

Each receptor k = 1, 2, ... has a postsynaptic current I_syn_k of its own with the time constant tau_syn[k - 1],
exponential or alpha-shaped as in `iaf_psc_exp` and `iaf_psc_alpha`. Connections choose it (`receptor=k`); their weights
(pA) may have either sign. I_syn is the sum of the currents. Integrated exactly on the grid (Rotter & Diesmann 1999,
Biol Cybern 81:381).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .base import MOST_RECEPTORS, NeuronModel, Parameter, Recordable, refractory_steps
from .families import Family, numbered, written
from .iaf_psc_alpha import slope_to_potential
from .iaf_psc_exp import PARAMETERS, check, current_to_potential

SHARED = {name: parameter for name, parameter in PARAMETERS.items() if not name.startswith("tau_syn")}
MEMBRANE = ("leak", "from_current", "theta", "V_reset", "steps")


def exponential(n: int) -> NeuronModel:
    """Return iaf_psc_exp_multisynapse with `n` receptors."""
    receptors = range(1, n + 1)
    change = [f"from_{k} * I_{k}" for k in receptors]
    lines = [f"I_{k} = decay_{k} * I_{k} + in_{k}" for k in receptors]
    names = [f"{name}_{k}" for k in receptors for name in ("from", "decay")]

    def propagators(parameters: Mapping, dt: float) -> dict:
        found = _membrane(parameters, dt)
        for k in receptors:
            tau = parameters[f"tau_syn_{k}"]
            found[f"from_{k}"] = current_to_potential(parameters["tau_m"], tau, parameters["C_m"], dt)
            found[f"decay_{k}"] = np.exp(-dt / tau)
        return found

    step = _step(n, numbered("I", n), names, change, lines)
    return _model("iaf_psc_exp_multisynapse", n, numbered("I", n), propagators, step)


def alpha(n: int) -> NeuronModel:
    """Return iaf_psc_alpha_multisynapse with `n` receptors."""
    receptors = range(1, n + 1)
    change = [f"from_{k} * I_{k} + from_d_{k} * dI_{k}" for k in receptors]
    lines = [
        line
        for k in receptors
        for line in (
            f"I_{k} = decay_{k} * I_{k} + slope_{k} * dI_{k}",
            f"dI_{k} = decay_{k} * dI_{k} + jump_{k} * in_{k}",
        )
    ]
    names = [f"{name}_{k}" for k in receptors for name in ("from", "from_d", "decay", "slope", "jump")]
    states = (*numbered("I", n), *numbered("dI", n))

    def propagators(parameters: Mapping, dt: float) -> dict:
        found = _membrane(parameters, dt)
        for k in receptors:
            tau, tau_m, C_m = parameters[f"tau_syn_{k}"], parameters["tau_m"], parameters["C_m"]
            decay = np.exp(-dt / tau)
            found |= {f"decay_{k}": decay, f"slope_{k}": dt * decay, f"jump_{k}": np.e / tau}
            found[f"from_{k}"] = current_to_potential(tau_m, tau, C_m, dt)
            found[f"from_d_{k}"] = slope_to_potential(tau_m, tau, C_m, dt)
        return found

    return _model("iaf_psc_alpha_multisynapse", n, states, propagators, _step(n, states, names, change, lines))


def _membrane(parameters: Mapping, dt: float) -> dict:
    """Return the numbers of one step that do not depend on receptors."""
    tau_m, E_L = parameters["tau_m"], parameters["E_L"]
    return {
        "leak": np.expm1(-dt / tau_m),
        "from_current": -tau_m / parameters["C_m"] * np.expm1(-dt / tau_m),
        "theta": parameters["V_th"] - E_L,
        "V_reset": parameters["V_reset"] - E_L,
        "steps": refractory_steps(parameters["t_ref"], dt),
    }


def _step(n: int, states: Sequence[str], names: Sequence[str], change: Sequence[str], lines: Sequence[str]) -> Callable:
    """Return the `step` of a model with `n` receptors.

    Parameters
    ----------
    states, names : of the currents and of the numbers of a step that belong to them.
    change : how each current changes V in a step. lines : how the currents change.
    """
    arguments = ["V", *states, "total", "wait", *numbered("in", n), "current", *MEMBRANE, *names]
    update = [
        f"new = V + leak * V + from_current * current + {' + '.join(change)}",
        "new = V if wait > 0 else new",
        "spike = new >= theta",
        "wait = np.int16(steps) if spike else np.int16(max(wait - 1, 0))",
        *lines,
        f"total = {' + '.join(numbered('I', n))}",
        "V = V_reset if spike else new",  # not below: Numba knows no choice within a tuple of more than 30
    ]
    return written(arguments, update, ["V", *states, "total", "wait", "spike"])


def _model(name: str, n: int, states: tuple[str, ...], propagators: Callable, step: Callable) -> NeuronModel:
    taus = numbered("tau_syn", n)
    parameters = dict(SHARED)
    for k, tau in enumerate(taus, 1):
        parameters[tau] = Parameter(2.0, "ms", f"time constant of the current at receptor {k}", 0.0, open=True)
    recordables = {"V_m": Recordable("V", "E_L"), "I_syn": Recordable("total", None, "pA")}
    for state in states:
        current, _, number = state.partition("_")
        unit, what = ("pA/ms", "slope variable of the current") if current == "dI" else ("pA", "current")
        parameters[f"{current}_syn_{number}"] = Parameter(0.0, unit, f"initial {what} at receptor {number}")
        recordables[f"{current}_syn_{number}"] = Recordable(state)
    return NeuronModel(
        name,
        parameters,
        ("V", *states, "total"),
        propagators,
        step,
        check=check,
        recordables=recordables,
        inputs=numbered("in", n),
        lists={"tau_syn": taus},
    )


iaf_psc_exp_multisynapse = Family("iaf_psc_exp_multisynapse", (("tau_syn",),), 1, MOST_RECEPTORS, (1,), exponential)
iaf_psc_alpha_multisynapse = Family("iaf_psc_alpha_multisynapse", (("tau_syn",),), 1, MOST_RECEPTORS, (1,), alpha)
