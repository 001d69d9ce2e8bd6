"""Units of expressions: checked for consistency, and put in order, so that plain numbers can be computed with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from ..unit_texts import DIMENSIONS, read_unit
from .written import EquationsError

SI = ("m", "kg", "s", "A", "K", "mol", "cd")
USUAL = (
    *("1", "ms", "mV", "pA", "nS", "pF", "MOhm", "1/ms", "mV/ms", "pA/ms", "nS/ms", "1/mV"),
    *("mV^2", "ms^2", "pA*ms", "nS*ms", "mV*ms", "pA/mV", "pA/pF", "pA*mV", "mV/ms^2", "pA/ms^2", "nS/ms^2"),
)
SAME = (sympy.Abs, sympy.Min, sympy.Max)  # functions whose value has the unit of the arguments
NONE = (Fraction(0),) * len(DIMENSIONS)


@dataclass(frozen=True)
class Unit:
    """A unit: its size in SI units and the exponents of the base units."""

    size: Any
    exponents: tuple[Fraction, ...] = NONE

    @classmethod
    def of(cls, text: str) -> Unit:
        """Return the unit that `text` names, which `read_unit` knows."""
        found = read_unit(text)
        assert found is not None
        return cls(sympy.Rational(found[0].numerator, found[0].denominator), tuple(map(Fraction, found[1])))

    def __mul__(self, other: Unit) -> Unit:
        exponents = tuple(a + b for a, b in zip(self.exponents, other.exponents, strict=True))
        return Unit(self.size * other.size, exponents)

    def __pow__(self, power: Any) -> Unit:
        return Unit(self.size**power, tuple(each * Fraction(int(power.p), int(power.q)) for each in self.exponents))

    def __str__(self) -> str:
        """Return the usual unit of the same dimension."""
        text = usual_text(self, "1")
        return "no unit" if text == "1" else text


def usual_text(unit: Unit, first: str) -> str:
    """Return a text of a unit of the dimension of `unit`: `first`, if it is one, or a usual one."""
    texts = [text for text in (first, *USUAL) if Unit.of(text).exponents == unit.exponents]
    return texts[0] if texts else " ".join(f"{n}^{p}" for n, p in zip(SI, unit.exponents, strict=True) if p)


def in_unit(where: str, expression: Any, units: Mapping[Any, Unit], unit: Unit) -> Any:
    """Return `expression` as plain numbers in `unit`, of symbols that are numbers in their `units`.

    Raises
    ------
    EquationsError
        Its units are not consistent, or it has another dimension.
    """
    found, has = consistent(where, expression, units)
    return _converted(where, found, has, unit)


def _converted(where: str, expression: Any, has: Unit, needs: Unit) -> Any:
    if expression == 0:
        return expression
    if has.exponents != needs.exponents:
        raise EquationsError(f"{where}: {expression} must have the dimension of {needs}, not of {has}")
    return expression * (has.size / needs.size)


def consistent(where: str, expression: Any, units: Mapping[Any, Unit]) -> tuple[Any, Unit]:
    """Return `expression` as numbers, and the unit that these are in; EquationsError if its units do not fit."""
    if expression.is_Symbol:
        if str(expression).startswith("unit "):
            return sympy.Integer(1), Unit.of(str(expression).removeprefix("unit "))
        return expression, units[expression]
    if not expression.args:
        return expression, Unit(sympy.Integer(1))
    if expression.is_Mul:
        parts = [consistent(where, part, units) for part in expression.args]
        unit = Unit(sympy.Integer(1))
        for _, each in parts:
            unit = unit * each
        return expression.func(*(part for part, _ in parts)), unit
    if expression.is_Pow and not expression.base.is_Number and expression.base is not sympy.E:
        base, unit = consistent(where, expression.base, units)
        exponent = in_unit(where, expression.exp, units, Unit(sympy.Integer(1)))
        if unit.exponents == NONE:
            return (base * unit.size) ** exponent, Unit(sympy.Integer(1))
        power = sympy.nsimplify(exponent) if exponent.is_Number else None
        if power is None or not power.is_Rational:
            raise EquationsError(f"{where}: {expression}: a quantity of {unit} can only be raised to a given power")
        return base**exponent, unit**power
    if expression.is_Add or expression.func in SAME:
        return _alike(where, expression, units)
    plain = Unit(sympy.Integer(1))
    return expression.func(
        *(in_unit(f"{where}: in {expression}", part, units, plain) for part in expression.args)
    ), plain


def _alike(where: str, expression: Any, units: Mapping[Any, Unit]) -> tuple[Any, Unit]:
    """Return what `consistent` does, where all arguments must have one dimension."""
    parts = [consistent(where, part, units) for part in expression.args]
    first, unit = next(((part, unit) for part, unit in parts if part != 0), parts[0])
    found = []
    for part, has in parts:
        if part != 0 and has.exponents != unit.exponents:
            kind = "added" if expression.is_Add else "compared"
            raise EquationsError(
                f"{where}: {first} has the dimension of {unit}, {part} that of {has}: they cannot be {kind}"
            )
        found.append(part * (has.size / unit.size))
    return expression.func(*found), unit
