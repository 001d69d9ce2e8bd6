"""Expressions of parameters, computed once for a population, and code of what is left of them for each step."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy.printing.str import StrPrinter

OF_NUMPY = {"Abs": "np.abs", "log": "np.log", "sin": "np.sin", "cos": "np.cos", "tan": "np.tan"}
OF_MATH = {"Abs": "abs", "log": "math.log", "sin": "math.sin", "cos": "math.cos", "tan": "math.tan"}
DT = sympy.Symbol("dt", real=True)  # the length of a step, ms
POWERS = 8  # up to which powers are written as products


class Printer(StrPrinter):  # type: ignore[misc]
    """Writes Python: floats in full, small powers as products; `exponential` is how exp is called."""

    def __init__(self, functions: Mapping[str, str], exponential: str, root: str, ends: tuple[str, str]) -> None:
        super().__init__({"full_prec": True})
        self._functions, self._exponential, self._root, self._ends = functions, exponential, root, ends

    def _print_Float(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Integer(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Rational(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Exp1(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Pi(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_exp(self, expr: Any) -> str:
        return f"{self._exponential}({self._print(expr.args[0])})"

    def _print_Mul(self, expr: Any) -> str:
        above: list = []
        below: list = []
        sign = ""
        for factor in expr.args if expr.args[0] != -1 else expr.args[1:]:
            is_below = factor.is_Pow and factor.exp.is_Number and factor.exp < 0
            (below if is_below else above).append(1 / factor if is_below else factor)
        if expr.args[0] == -1:
            sign = "-"
        product = " * ".join(f"({self._print(factor)})" for factor in above) or "1.0"
        return f"{sign}{product}" + "".join(f" / ({self._print(factor)})" for factor in below)

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, power = f"({self._print(expr.base)})", expr.exp
        if power == sympy.Rational(1, 2):
            return f"{self._root}{base}"
        if power.is_Integer and 0 < abs(power) <= POWERS:
            product = " * ".join([base] * abs(int(power)))
            return f"({product})" if power > 0 else f"1.0 / ({product})"
        return f"{base} ** ({self._print(power)})"

    def _print_Function(self, expr: Any) -> str:
        return f"{self._functions[type(expr).__name__]}({self.stringify(expr.args, ', ')})"

    def _print_Abs(self, expr: Any) -> str:
        return self._print_Function(expr)

    def _print_Min(self, expr: Any) -> str:
        return self._one_of(self._ends[0], expr)

    def _print_Max(self, expr: Any) -> str:
        return self._one_of(self._ends[1], expr)

    def _one_of(self, name: str, expr: Any) -> str:
        texts = [str(self._print(each)) for each in expr.args]
        return functools.reduce(lambda a, b: f"{name}({a}, {b})", texts)


FOR_ARRAYS = Printer(OF_NUMPY, "np.exp", "np.sqrt", ("np.minimum", "np.maximum"))
FOR_STEPS = Printer(OF_MATH, "math.exp", "math.sqrt", ("min", "max"))
FOR_LOOPS = Printer(OF_MATH, "exponential", "math.sqrt", ("min", "max"))  # which are vectorised


def plain(expression: Any) -> Any:
    """Return `expression` with hyperbolic functions written as exponential functions."""
    return expression.replace(
        lambda part: isinstance(part, sympy.sinh | sympy.cosh | sympy.tanh), lambda part: part.rewrite(sympy.exp)
    )


def gathered(rate: Any, x: sympy.Symbol) -> Any:
    """Return `rate` as a + b x, where it is of that form but for functions of `x`, which takes fewest operations."""
    inside = [part for part in rate.atoms(sympy.Function, sympy.Pow) if part.has(x)]
    hidden = {part: sympy.Dummy(f"hidden{k}", real=True) for k, part in enumerate(sorted(inside, key=str))}
    expanded = sympy.expand(rate.xreplace(hidden))
    a, b = expanded.coeff(x, 0), expanded.coeff(x, 1)
    if b == 0 or sympy.expand(expanded - a - b * x) != 0:
        return rate
    shown = {dummy: part for part, dummy in hidden.items()}
    found = sympy.factor_terms(a + sympy.factor_terms(b) * x)
    for _ in hidden:  # one may be within another
        found = found.xreplace(shown)
    return found


@dataclass(frozen=True)
class Formulas:
    """Numbers that follow from parameters: `values` gives them by name, each a number or an array."""

    names: tuple[str, ...]
    parameters: tuple[str, ...]
    source: str

    def values(self, parameters: Mapping[str, Any], dt: float = 0.0) -> dict[str, np.ndarray]:
        """Return the numbers for steps of `dt` ms, which formulas call `DT`."""
        known = {**parameters, DT.name: dt}
        given = [np.asarray(known[name], float) for name in self.parameters]
        with np.errstate(all="ignore"):
            return dict(zip(self.names, map(np.asarray, _compiled(self.source)(*given)), strict=True))


@functools.lru_cache(maxsize=256)
def _compiled(source: str) -> Callable:
    names: dict = {"np": np}
    exec(source, names)
    found: Callable = names["formulas"]
    return found


class Constants:
    """Collects the parts of expressions that do not depend on variables, each as a constant with a name."""

    def __init__(self, variables: Iterable[sympy.Symbol]) -> None:
        self._variables = frozenset(variables)
        self._names: dict[Any, sympy.Symbol] = {}

    def name(self, expression: Any) -> sympy.Symbol:
        """Return the symbol of the constant that is `expression`."""
        expression = plain(expression)
        return self._names.setdefault(expression, sympy.Symbol(f"k{len(self._names)}", real=True))

    def names(self) -> list[str]:
        """Return the names of all constants so far."""
        return [str(each) for each in self._names.values()]

    def reduced(self, expression: Any) -> Any:
        """Return `expression` with constants in place of what does not depend on variables."""
        if expression.is_Number:
            return expression
        if not expression.free_symbols & self._variables:
            return self.name(expression)
        if expression.is_Add or expression.is_Mul:
            fixed, rest = expression.as_independent(*self._variables, as_Add=expression.is_Add)
            parts = expression.func.make_args(rest)
            reduced = [self.reduced(part) for part in parts]
            return expression.func(fixed if fixed.is_Number else self.name(fixed), *reduced)
        return expression.func(*map(self.reduced, expression.args)) if expression.args else expression

    def formulas(self) -> Formulas:
        """Return the formulas of all constants so far."""
        symbols = sorted(set().union(*(each.free_symbols for each in self._names)), key=str)
        arguments = [f"p_{each}" for each in symbols]
        renamed = {each: sympy.Symbol(name, real=True) for each, name in zip(symbols, arguments, strict=True)}
        values = [FOR_ARRAYS.doprint(each.xreplace(renamed)) for each in self._names]
        source = f"def formulas({', '.join(arguments)}):\n    return [{', '.join(values)}]\n"
        return Formulas(tuple(map(str, self._names.values())), tuple(map(str, symbols)), source)
