"""A `NeuronModel` of what was written: exact where all equations are linear, solved otherwise."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from ..adex import MOST_SPIKES
from ..base import NeuronModel, Recordable, one_receptor
from ..conductances import two_receptors
from ..solver import TOLERANCE
from .analysis import analyse
from .dimensions import Unit
from .drafts import CURRENT, Draft, draft
from .exact import exact_model, relative
from .formulas import Constants, Formulas
from .solved import TOLERANCE as TOLERANCE_NAME
from .solved import solved_model
from .steps import inputs_of
from .written import EquationsError, Written

VOLT = Unit.of("V").exponents


@dataclass(frozen=True)
class Check:
    """Checks that a reset does not meet the threshold again, where parameters alone decide that."""

    formulas: Formulas | None
    text: str

    def __call__(self, parameters: Mapping) -> str | None:
        if self.formulas is not None and np.any(self.formulas.values(parameters)["k0"] >= 0.0):
            return f"after the reset, {self.text} still holds: the neuron would fire without end"
        return None


@functools.lru_cache(maxsize=64)
def model_of(written: Written) -> NeuronModel:
    """Return the model that was written, the same object for the same text.

    Raises
    ------
    EquationsError
        It is not complete, or not consistent.
    """
    made = draft(written)
    system = analyse(made.rates, made.current)
    is_exact = system.linear == set(made.states)
    if is_exact and written.detection == "substep":
        raise EquationsError("detection: 'substep' is for equations that are not linear; these are integrated exactly")
    parameters = dict(made.parameters)
    references: dict[Any, str] = {}
    fields: dict[str, Any] = {}
    if is_exact:
        moved, references = relative(made)
        step, propagators = exact_model(moved, analyse(moved.rates, moved.current) if references else system)
    else:
        parameters[TOLERANCE_NAME] = TOLERANCE
        within = written.detection != "step" and made.margin is not None
        step, attempt, propagators = solved_model(made, system, within)
        fields = {"attempt": attempt, "most_spikes": MOST_SPIKES + 1 if within else 1}
    return NeuronModel(
        name=written.name,
        parameters=parameters,
        states=tuple(f"y{i}" for i in range(len(made.states))),
        propagators=propagators,
        step=step,
        receptors=one_receptor if "" in made.jumps else two_receptors,
        inputs=inputs_of(made),
        check=_check(made, written.threshold),
        weight_unit=made.weight_unit,
        recordables={str(x): Recordable(f"y{i}", references.get(x)) for i, x in enumerate(made.states)},
        potential=_potential(made),
        current=CURRENT if made.current is not None else None,
        equations=written,
        **fields,
    )


def _potential(made: Draft) -> str | None:
    """Return the variable that is the membrane potential: V_m, V, or else the first in volts."""
    volts = [str(x) for x, unit in made.units.items() if Unit.of(unit).exponents == VOLT]
    return next((name for name in ("V_m", "V", "v", *volts) if name in volts), None)


def _check(made: Draft, threshold: str) -> Check:
    """Return the check of parameters."""
    if made.margin is None:
        return Check(None, "")
    after = made.margin.subs(made.resets, simultaneous=True)
    if after.free_symbols & set(made.states) or made.is_strict:
        return Check(None, "")
    constants = Constants(made.states)
    constants.name(sympy.sympify(after))
    return Check(constants.formulas(), threshold)
