"""The upstroke of exponential integrate-and-fire neurons, where V explodes: exp(-V) is solved for in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from .drafts import Draft


@dataclass(frozen=True)
class Upstroke:
    """A variable x with dx/dt = F + c exp(m x + o), and a spike at x >= theta; z = exp(-(m x + o)) falls evenly.

    Attributes
    ----------
    x : the variable. part : the exponential function. rest : F. c, m, o, theta : constants.
    """

    x: sympy.Symbol
    part: Any
    rest: Any
    c: Any
    m: Any
    o: Any
    theta: Any

    @property
    def expressions(self) -> list:
        return [self.rest, self.c, self.m, self.o, self.theta]


def find_upstroke(margin: Any, rates: Mapping[sympy.Symbol, Any], draft: Draft) -> Upstroke | None:
    """Return the upstroke of the variable that the threshold is compared with, None where there is none."""
    changing = {*draft.states, *([draft.current] if draft.current is not None else [])}
    (x, *others) = [each for each in draft.states if each in margin.free_symbols]
    if others or sympy.expand(margin - x).free_symbols & changing:
        return None
    theta, rate, value = x - margin, rates[x], sympy.Dummy(real=True)
    for part in sorted(rate.atoms(sympy.exp), key=sympy.default_sort_key):
        argument = sympy.expand(part.args[0])
        m = argument.diff(x)
        o = sympy.expand(argument - m * x)
        c = rate.xreplace({part: value}).diff(value)
        rest = rate.xreplace({part: sympy.Integer(0)})
        if m != 0 and c != 0 and not (m.free_symbols | o.free_symbols | c.free_symbols) & {*changing, value}:
            return Upstroke(x, part, rest, c, m, o, theta)
    return None
