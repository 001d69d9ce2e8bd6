"""Models whose equations are all linear: written as exact propagators (Rotter & Diesmann 1999, Biol Cybern 81:381)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy

from ..base import refractory_steps
from .analysis import System
from .drafts import Draft
from .formulas import DT, Constants, Formulas
from .propagators import exponential_less_one
from .steps import difference, ending, function, indented, inputs_of

STEPS = "steps"
LESS_1, WHOLE, ALONE = "less 1", "whole", "alone"


@dataclass(frozen=True)
class Matrix:
    """A matrix whose exponential, less 1, gives propagators.

    Attributes
    ----------
    size : rows.
    entries : (row, column, name of a constant) of each that is not 0, times dt.
    propagators : (name, row, column, kind) of each that is needed: the exponential "less 1"; as a "whole"; or of the
        entry "alone", where nothing leads from its variable back to it.
    part : of a step, at whose end they advance the variables.
    """

    size: int
    entries: tuple[tuple[int, int, str], ...]
    propagators: tuple[tuple[str, int, int, str], ...]
    part: float = 1.0

    def values(self, constants: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Return the propagators by name, each a number or an array."""
        entries = [(i, j, constants[name]) for i, j, name in self.entries]
        shape = np.broadcast_shapes(*(value.shape for *_, value in entries))
        M = np.zeros((*shape, self.size, self.size))
        for i, j, value in entries:
            M[..., i, j] = value * self.part
        E = exponential_less_one(M)
        found = {}
        for name, i, j, kind in self.propagators:
            value = np.exp(M[..., i, j]) if kind == ALONE else E[..., i, j] + float(kind == WHOLE and i == j)
            found[name] = value[()]
        return found


def matrix_of(
    M: Any, names: Mapping[tuple[int, int], str], changes: Collection[int], constants: Constants, part: float = 1.0
) -> Matrix:
    """Return the `Matrix` of expressions `M`, whose propagators by (row, column) have these `names`.

    Those of the rows `changes` give the change of a variable, those of others its value.
    """
    size = M.shape[0]
    entries = [(i, j, str(constants.name(M[i, j] * DT))) for i in range(size) for j in range(size) if M[i, j] != 0]
    reach = reached(M)
    propagators = []
    for (i, j), name in names.items():
        is_alone = i == j and not any(i in reach[k] for k in reach[i] if k != i)
        kind = LESS_1 if i in changes else ALONE if is_alone else WHOLE
        propagators.append((name, i, j, kind))
    return Matrix(size, tuple(entries), tuple(propagators), part)


def reached(M: Any) -> list[set[int]]:
    """Return for each row the columns that it depends on within a step, also through others."""
    size = M.shape[0]
    found = [{j for j in range(size) if M[i, j] != 0} for i in range(size)]
    for _ in range(size):
        found = [each.union(*(found[j] for j in each)) for each in found]
    return found


@dataclass(frozen=True)
class Propagators:
    """The `propagators` of a model from equations: constants, matrices and the number of refractory steps."""

    formulas: Formulas
    matrices: tuple[Matrix, ...]
    t_ref: str
    given: tuple[tuple[str, str], ...] = ()  # what the step calls parameters that it takes as they are

    def __call__(self, parameters: Mapping, dt: float) -> dict[str, Any]:
        constants = self.formulas.values(parameters, dt)
        found = {name: value[()] for name, value in constants.items()} | {"dt": dt}
        found |= {name: parameters[given] for name, given in self.given}
        if self.t_ref:
            found[STEPS] = refractory_steps(constants[self.t_ref], dt)
        for matrix in self.matrices:
            found |= matrix.values(constants)
        return found


def relative(draft: Draft) -> tuple[Draft, dict[sympy.Symbol, str]]:
    """Return the model with variables relative to parameters, where its equations only know the differences from them,
    and the names of these parameters: V - E_L keeps more digits than V."""
    references: dict[sympy.Symbol, str] = {}
    rates, resets, margin = dict(draft.rates), dict(draft.resets), draft.margin
    used = {str(each) for rate in rates.values() for each in rate.free_symbols} & set(draft.parameters)
    for x in draft.states:
        for name in (name for name in draft.parameters if name in used - set(references.values())):
            E = sympy.Symbol(name, real=True)
            if draft.current == E or draft.parameters[name].unit != draft.units[x]:
                continue
            shifted = {y: sympy.expand(rate.subs(x, x + E)) for y, rate in rates.items()}
            if any(rate.has(E) for rate in shifted.values()):
                continue
            references[x], rates = name, shifted
            margin = None if margin is None else margin.subs(x, x + E)
            resets = {y: value.subs(x, x + E) - (E if y == x else 0) for y, value in resets.items()}
            resets = {y: sympy.expand(value) for y, value in resets.items()}
            break
    return replace(draft, rates=rates, resets=resets, margin=margin), references


def exact_model(draft: Draft, system: System) -> tuple[Callable, Propagators]:
    """Return `step` and `propagators` of a model whose equations are all linear."""
    constants = Constants(draft.states)
    states = draft.states
    rows, matrices = rows_of(draft, system, constants, held=False)
    lines = [f"a{i} = {text}" for i, text in enumerate(rows)]
    if draft.frozen:
        held, others = rows_of(draft, system, constants, held=True)
        changed = [i for i in range(len(states)) if held[i]]
        matrices += others if any(held[i] != f"y{i}" for i in changed) else []
        lines += [f"a{i} = {held[i]} if wait > 0 else a{i}" for i in changed]
    margin = None if draft.margin is None else difference(draft.margin, constants, states)
    lines += ending(draft, constants, margin, {x: f"a{i}" for i, x in enumerate(states)}, "wait == 0")
    t_ref = str(constants.name(draft.t_ref)) if draft.t_ref is not None else ""
    formulas = constants.formulas()
    names = [name for matrix in matrices for name, *_ in matrix.propagators]
    names += used_in("\n".join(lines), (*formulas.names, STEPS))
    arguments = [*(f"y{i}" for i in range(len(states))), "wait", *inputs_of(draft), "current", *names]
    results = ", ".join([*(f"a{i}" for i in range(len(states))), "left", "spikes"])
    source = f"def step({', '.join(arguments)}):\n{indented(lines)}\n    return {results}\n"
    return function("step", source, {}), Propagators(formulas, tuple(matrices), t_ref)


def rows_of(draft: Draft, system: System, constants: Constants, held: bool) -> tuple[list[str], list[Matrix]]:
    """Return the code of each variable at the end of a step, and the matrix that it needs; with `held`, while
    refractory, and "" where that makes no difference."""
    states, n = draft.states, len(draft.states)
    M = system.matrix(states, draft.frozen if held else ())
    reach = reached(M)
    letter = "q" if held else "p"
    names: dict[tuple[int, int], str] = {}
    changes, rows = [], []
    affected = system.depending_on(draft.frozen)

    def source(j: int) -> str:
        return f" * y{j}" if j < n else " * current" if j == n else ""

    for i, x in enumerate(states):
        if held and (x in draft.frozen or x not in affected):
            rows.append(f"y{i}" if x in draft.frozen else "")
            continue
        columns = sorted(reach[i])
        names |= {(i, j): f"{letter}{i}_{j}" for j in columns}
        text = " + ".join(f"{names[i, j]}{source(j)}" for j in columns)
        if i in columns and not reach[i] & {n, n + 1}:
            rows.append(text)
        else:  # a variable that does not decay to 0 keeps more digits by its changes
            changes.append(i)
            rows.append(f"y{i} + ({text})" if text else f"y{i}")
    return rows, [matrix_of(M, names, changes, constants)]


def used_in(code: str, names: Sequence[str]) -> list[str]:
    """Return those of `names` that the code uses."""
    words = set(re.findall(r"[A-Za-z_]\w*", code))
    return [name for name in names if name in words]
