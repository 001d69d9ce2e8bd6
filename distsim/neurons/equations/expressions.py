"""Expressions as SymPy reads them, of names that are known; all others are refused by name."""

from __future__ import annotations

import difflib
import tokenize
from collections.abc import Iterable, Mapping
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.parsing.sympy_parser import parse_expr

from ..unit_texts import read_unit
from .written import EquationsError

FUNCTIONS = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "abs": sympy.Abs,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "min": sympy.Min,
    "max": sympy.Max,
}
CONSTANTS = {"e": sympy.E, "pi": sympy.pi}
RANDOM = {"xi", "rand", "randn", "random", "poisson", "binomial", "normal", "random_normal", "random_uniform"}
GLOBALS = {name: getattr(sympy, name) for name in ("Symbol", "Integer", "Float", "Rational", "Function")}


def symbol(name: str) -> sympy.Symbol:
    """Return the symbol of a quantity of the model."""
    return sympy.Symbol(name, real=True)


def is_unit(name: str) -> bool:
    """Return whether a name that is otherwise unknown stands for a unit: ms, but not s, which a model may have."""
    return len(name) > 1 and read_unit(name) is not None


def read(where: str, text: str, known: Iterable[str]) -> Any:
    """Return the expression that `text` is, of `known` names, functions, constants and units.

    Raises
    ------
    EquationsError
        It cannot be read, or uses something else.
    """
    names = {name: symbol(name) for name in known}
    try:
        found = parse_expr(text, local_dict={**FUNCTIONS, **CONSTANTS, **names}, global_dict=dict(GLOBALS))
    except (SyntaxError, TypeError, ValueError, AttributeError, NameError, tokenize.TokenError) as error:
        hint = "; write powers as x**2" if "^" in text else ""
        raise EquationsError(f"{where}: {text!r} cannot be read ({error or type(error).__name__}){hint}") from None
    if not isinstance(found, sympy.Basic) or found.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I):
        raise EquationsError(f"{where}: {text!r} is not an expression of real, finite numbers")
    for function in sorted(found.atoms(AppliedUndef), key=str):
        _refuse(where, str(function.func), names)
    free = sorted((each for each in found.free_symbols if each not in names.values()), key=str)
    for each in free:
        if not is_unit(str(each)):
            _refuse(where, str(each), names)
    return found.subs({each: symbol(f"unit {each}") for each in free})


def _refuse(where: str, name: str, names: Mapping[str, object]) -> None:
    if name in RANDOM:
        raise EquationsError(
            f"{where}: {name}: equations with noise are not integrated; random input comes from poisson_input and "
            "other inputs of the network"
        )
    if name in ("t", "dt"):
        raise EquationsError(
            f"{where}: {name}: equations cannot depend on the time; input over time comes from step_current and other "
            "inputs of the network, through I_e"
        )
    close = difflib.get_close_matches(name, [*names, *FUNCTIONS], n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise EquationsError(
        f"{where}: {name!r} is not known: {hint}it must be a variable or a parameter ({', '.join(sorted(names))}), "
        f"a unit such as ms, or a function ({', '.join(FUNCTIONS)})"
    )
