"""What a neuron model is: its parameters, its exact propagators and the update of one time step.

A model is one file with one `NeuronModel` in it, entered in `distsim/neurons/__init__.py`. `update` is a plain
function over flat arrays: the engine compiles it with Numba, a test may call it as it stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Parameter:
    """A neuron parameter: default value, unit and the range that is allowed (`minimum` is excluded if `open`), or the
    words that are allowed (`choices`)."""

    default: float | str
    unit: str
    text: str
    minimum: float = -math.inf
    open: bool = False
    choices: tuple[str, ...] = ()

    def problem(self, values: np.ndarray) -> str | None:
        """What is wrong with `values`, or None."""
        if self.choices:
            return None if values.item() in self.choices else f"must be one of {', '.join(self.choices)}"
        if not np.all(np.isfinite(values)):
            return "must be finite"
        if self.open and not np.all(values > self.minimum):
            return f"must be greater than {self.minimum:g} {self.unit}"
        if not np.all(values >= self.minimum):
            return f"must be at least {self.minimum:g} {self.unit}"
        return None


@dataclass(frozen=True)
class NeuronModel:
    """A neuron model with exact integration on the grid (Rotter & Diesmann 1999).

    Attributes
    ----------
    name : the field's name of the model, for instance ``iaf_psc_exp``.
    parameters : name -> `Parameter`; ``V_m`` is the initial membrane potential (mV), ``I_e`` the constant current (pA).
    n_states : float64 state variables a neuron; the first one is V_m - E_L (mV).
    n_propagators : float64 numbers a neuron that `propagators` returns.
    receptors : function of the parameters: 1 if all input acts through one variable, 2 if excitatory and
        inhibitory input must be kept apart.
    propagators : function (parameters, dt in ms) -> list of n_propagators scalars or arrays.
    check : function of the parameters -> message or None: what one parameter demands of another.
    update : advances `n` neurons by one step, see `iaf_psc_exp.update` for the arguments.
    """

    name: str
    parameters: Mapping[str, Parameter]
    n_states: int
    n_propagators: int
    receptors: Callable[[Mapping], int]
    propagators: Callable[[Mapping, float], list]
    update: Callable
    check: Callable[[Mapping], str | None] = field(default=lambda parameters: None)
    is_source: bool = False

    def defaults(self) -> dict[str, float | str]:
        return {name: parameter.default for name, parameter in self.parameters.items()}


def refractory_steps(t_ref: float | np.ndarray, dt: float) -> float | np.ndarray:
    """Steps that a neuron stays refractory: round(t_ref / dt), as in NEST."""
    steps = np.floor(np.asarray(t_ref) / dt + 0.5)
    if np.any(steps > 32767):
        raise ValueError(f"t_ref: {np.max(t_ref)} ms are more than 32767 steps of {dt} ms")
    return steps if steps.ndim else float(steps)
