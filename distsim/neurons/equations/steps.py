"""Pieces of the code of a `step` that exact and solved models share, and how code becomes a function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy

from ..base import SIGNED
from .drafts import Draft
from .formulas import FOR_STEPS, Constants


def inputs_of(draft: Draft) -> tuple[str, ...]:
    """Return what `step` calls the weights that arrive at each receptor."""
    return SIGNED if set(draft.jumps) <= {"", "ex", "in"} else tuple(draft.jumps)


def function(name: str, source: str, names: Mapping[str, object]) -> Callable:
    """Return the function `name` that `source` defines."""
    namespace: dict = {"np": np, "math": math, "__name__": __name__, **names}
    exec(compile(source, "<equations>", "exec"), namespace)
    found: Callable = namespace[name]
    return found


def difference(margin: Any, constants: Constants, states: Sequence[sympy.Symbol]) -> Any:
    """Return `margin` as what depends on variables less one constant, which is the threshold of it."""
    fixed, rest = sympy.expand(margin).as_independent(*states, as_Add=True)
    return constants.reduced(rest) - (constants.name(-fixed) if fixed != 0 else 0)


def comparison(margin: Any, is_strict: bool, places: Mapping) -> str:
    """Return the code of whether there is a spike, of variables that are at `places`."""
    relation = ">" if is_strict else ">="
    above = [part for part in sympy.Add.make_args(margin) if not (part.is_Mul and part.args[0] == -1)]
    below = sympy.Add(*above) - margin
    texts = [FOR_STEPS.doprint(part.xreplace(places)) for part in (sympy.Add(*above), below)]
    return f"{texts[0]} {relation} {texts[1]}"


def ending(draft: Draft, constants: Constants, margin: Any, new: Mapping, active: str) -> list[str]:
    """Return the lines that end a step: input enters, the threshold is tested, what is reset is reset.

    `new` are the variables before; afterwards they are the same names. `active` is the code of whether the neuron is
    not refractory.
    """
    lines = [f"free = {active}"]
    lines += arriving(draft, constants, new, "free")
    if margin is None:
        return [*lines, "left, spikes = wait, 0"]
    places = {x: sympy.Symbol(name, real=True) for x, name in new.items()}
    lines += [f"spike = free & ({comparison(margin, draft.is_strict, places)})"]
    resets = {x: constants.reduced(value) for x, value in draft.resets.items()}
    texts = {x: FOR_STEPS.doprint(value.xreplace(places)) for x, value in resets.items()}
    lines += [f"reset_{new[x]} = {text} if spike else {new[x]}" for x, text in texts.items()]
    lines += [f"{new[x]} = reset_{new[x]}" for x in texts]
    left = "np.int16(steps) if spike else np.int16(max(wait - 1, 0))" if draft.t_ref is not None else "wait"
    return [*lines, f"left, spikes = {left}, spike"]


def arriving(draft: Draft, constants: Constants, new: Mapping, free: str) -> list[str]:
    """Return the lines that add what arrives; variables that are frozen take nothing while refractory."""
    lines = []
    for jumps, name in zip(draft.jumps.values(), inputs_of(draft), strict=False):
        for x, factor in jumps.items():
            reduced = constants.reduced(factor)
            change = name if factor == 1 else f"-{name}" if factor == -1 else f"{FOR_STEPS.doprint(reduced)} * {name}"
            change = f"({change} if {free} else 0.0)" if x in draft.frozen else change
            lines.append(f"{new[x]} = {new[x]} + {change}")
    return lines


def indented(lines: Sequence[str], by: int = 4) -> str:
    return "\n".join(" " * by + line for line in lines)
