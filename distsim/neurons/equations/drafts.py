"""A model put together of what was written: expressions of plain numbers, with all units consistent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from ..base import Parameter
from .dimensions import Unit, consistent, in_unit, usual_text
from .expressions import FUNCTIONS, read, symbol
from .written import Change, EquationsError, Written, receptor_named

CURRENT = "I_e"
WEIGHT = "weight"
RESERVED = {CURRENT, WEIGHT, "t", "dt", *FUNCTIONS}
PICOAMPERE = Unit.of("pA")


@dataclass(frozen=True)
class Draft:
    """A model as expressions of the symbols of its variables and parameters, all plain numbers in their units.

    Attributes
    ----------
    states : the variables, in the order of their equations.
    units : of the variables, as texts.
    rates : variable -> its derivative, in its unit per ms.
    margin : what is at least 0 where there is a spike; None without a threshold. is_strict : whether more than 0.
    resets : variable -> its value after a spike.
    t_ref : the refractory period in ms; None without one.
    frozen : the variables that do not change while refractory.
    jumps : for each receptor, by name: variable -> what is added to it for a weight of 1.
    parameters : name -> Parameter, those of the equations, then the values of variables at time 0.
    current : the symbol of the constant and injected current; None where the equations do not use it.
    """

    states: tuple[sympy.Symbol, ...]
    units: dict[sympy.Symbol, str]
    rates: dict[sympy.Symbol, Any]
    margin: Any
    is_strict: bool
    resets: dict[sympy.Symbol, Any]
    t_ref: Any
    frozen: frozenset[sympy.Symbol]
    jumps: dict[str, dict[sympy.Symbol, Any]]
    weight_unit: str
    parameters: dict[str, Parameter]
    current: sympy.Symbol | None


class Reader:
    """Reads the expressions of one model."""

    def __init__(self, written: Written) -> None:
        self.written = written
        self.state_units = {line.name: line.unit for line in written.lines if line.is_derivative}
        self.given = {name: p for name, p in written.parameters if name not in self.state_units}
        self.units: dict[Any, Unit] = {symbol(name): Unit.of(p.unit) for name, p in self.given.items()}
        self.units |= {symbol(name): Unit.of(unit) for name, unit in self.state_units.items()}
        self.units.setdefault(symbol(CURRENT), PICOAMPERE)
        self.quantities: dict[Any, Any] = {}
        self._check_names()

    def _check_names(self) -> None:
        names = [line.name for line in self.written.lines]
        for name in (*names, *self.given):
            if name in RESERVED and not (name == CURRENT and name in self.given):
                raise EquationsError(f"{name!r} has a meaning in equations, and cannot name something else")
        for name in self.given:
            if name in names:
                raise EquationsError(f"parameters: {name} is a quantity of the equations")
        if self.given.get(CURRENT, Parameter(0.0, "pA", "")).unit != "pA":
            raise EquationsError(f"parameters: {CURRENT} must be in pA, as the currents are that are added to it")

    @property
    def known(self) -> list[str]:
        return [str(each) for each in self.units]

    def numbers(self, where: str, text: str, unit: Unit) -> Any:
        """Return the expression `text` as plain numbers in `unit`."""
        return self._with_quantities(in_unit(where, read(where, text, self.known), self.units, unit))

    def _with_quantities(self, expression: Any) -> Any:
        return expression.subs(self.quantities, simultaneous=True)

    def read_quantities(self) -> None:
        """Read the lines that are no derivatives; each may use those before it."""
        for line in self.written.lines:
            if not line.is_derivative:
                unit = Unit.of(line.unit)
                self.quantities[symbol(line.name)] = self.numbers(str(line), line.text, unit)
                self.units[symbol(line.name)] = unit

    def rates(self) -> dict[sympy.Symbol, Any]:
        ms = Unit.of("ms")
        return {
            symbol(line.name): self.numbers(str(line), line.text, Unit.of(line.unit) * ms ** sympy.Integer(-1))
            for line in self.written.lines
            if line.is_derivative
        }

    def margin(self) -> tuple[Any, bool]:
        """Return what is at least 0 at a spike, and whether it must be more than 0."""
        text = self.written.threshold
        found = read("threshold", text, self.known)
        is_up = isinstance(found, sympy.GreaterThan | sympy.StrictGreaterThan)
        if not is_up and not isinstance(found, sympy.LessThan | sympy.StrictLessThan):
            raise EquationsError(f"threshold: {text!r} must be one comparison, such as 'V >= V_th'")
        lhs, rhs = (found.lhs, found.rhs) if is_up else (found.rhs, found.lhs)
        difference, _ = consistent("threshold", lhs - rhs, self.units)
        margin = self._with_quantities(difference)
        if not margin.free_symbols & {symbol(name) for name in self.state_units}:
            raise EquationsError(f"threshold: {text!r} must depend on a variable ({', '.join(self.state_units)})")
        if symbol(CURRENT) in margin.free_symbols:
            raise EquationsError(f"threshold: {text!r} cannot depend on {CURRENT}")
        return margin, isinstance(found, sympy.StrictGreaterThan | sympy.StrictLessThan)

    def changed(self, where: str, changes: tuple[Change, ...]) -> dict[sympy.Symbol, Any]:
        """Return variable -> its value after the statements, which are done one after another."""
        found: dict[sympy.Symbol, Any] = {}
        for change in changes:
            if change.name not in self.state_units:
                known = ", ".join(self.state_units)
                raise EquationsError(f"{where}: {change.name!r} is no variable, only these can be changed: {known}")
            target = symbol(change.name)
            text = f"{change.name} {change.operator} ({change.text})" if change.operator else change.text
            value = self.numbers(f"{where}: {change.name}", text, self.units[target])
            found[target] = value.subs(found, simultaneous=True)
            if symbol(CURRENT) in found[target].free_symbols:
                raise EquationsError(f"{where}: {change.name} cannot depend on {CURRENT}")
        return found

    def jumps(self, where: str, changes: tuple[Change, ...]) -> tuple[dict[sympy.Symbol, Any], Unit | None]:
        """Return variable -> what a weight of 1 adds to it, and the unit of the weight."""
        found: dict[sympy.Symbol, Any] = {}
        unit: Unit | None = None
        for change in changes:
            statement = f"{change.name} {change.operator}= {change.text}"
            if change.name not in self.state_units or change.operator not in ("+", "-"):
                raise EquationsError(f"{where}: {statement!r} must add to a variable, such as 'g += {WEIGHT}'")
            factor = read(where, change.text, [*self.known, WEIGHT]).diff(symbol(WEIGHT))
            rest = read(where, change.text, [*self.known, WEIGHT]) - factor * symbol(WEIGHT)
            variables = {symbol(name) for name in (*self.state_units, WEIGHT, CURRENT)}
            factor, has = consistent(where, factor, self.units)
            factor = self._with_quantities(factor)
            if factor == 0 or sympy.expand(rest) != 0 or factor.free_symbols & variables:
                raise EquationsError(
                    f"{where}: {statement!r} must be proportional to {WEIGHT}, by numbers and parameters alone, as the "
                    "weights that arrive in a step are added up"
                )
            needed = self.units[symbol(change.name)] * has ** sympy.Integer(-1)
            if unit is not None and needed.exponents != unit.exponents:
                raise EquationsError(f"{where}: {WEIGHT} cannot be in {unit} and in {needed}")
            text = usual_text(needed, self.state_units[change.name])
            unit = Unit.of(text)
            scale = unit.size / needed.size * (1 if change.operator == "+" else -1)
            target = symbol(change.name)
            found[target] = found.get(target, sympy.Integer(0)) + factor * scale
        return found, unit


def draft(written: Written) -> Draft:
    """Return the model that `written` is.

    Raises
    ------
    EquationsError
        A name is not known, units are not consistent, or a part is not as it must be.
    """
    reader = Reader(written)
    reader.read_quantities()
    rates = reader.rates()
    margin, is_strict = reader.margin() if written.threshold else (None, False)
    t_ref = reader.numbers("refractory", written.refractory, Unit.of("ms")) if written.refractory else None
    resets = reader.changed("reset", written.reset)
    if t_ref is not None and t_ref.free_symbols & {*rates, symbol(CURRENT)}:
        raise EquationsError("refractory: must be a time of parameters alone, such as 't_ref'")
    receptors = [reader.jumps(receptor_named(key), each) for key, each in written.receptors]
    weight_units = [unit for _, unit in receptors if unit is not None]
    if any(unit.exponents != weight_units[0].exponents for unit in weight_units):
        raise EquationsError(f"receptors: weights must have one unit, not {' and '.join(map(str, weight_units))}")
    jumps = {key: found for (key, _), (found, _) in zip(written.receptors, receptors, strict=True)}
    expressions = [*rates.values(), *resets.values(), *(f for each in jumps.values() for f in each.values())]
    expressions += [each for each in (margin, t_ref) if each is not None]
    used = set().union(*(each.free_symbols for each in expressions))
    for name in reader.given:
        if symbol(name) not in used:
            raise EquationsError(f"parameters: {name} is not used")
    unit_text = usual_text(weight_units[0], next(iter(reader.state_units.values()))) if weight_units else "1"
    return Draft(
        states=tuple(rates),
        units={symbol(name): unit for name, unit in reader.state_units.items()},
        rates=rates,
        margin=margin,
        is_strict=is_strict,
        resets=resets,
        t_ref=t_ref,
        frozen=frozenset(map(symbol, written.frozen)),
        jumps=jumps,
        weight_unit="" if unit_text == "1" else unit_text,
        parameters=_parameters(reader, used),
        current=symbol(CURRENT) if symbol(CURRENT) in used else None,
    )


def _parameters(reader: Reader, used: set) -> dict[str, Parameter]:
    """Return the parameters, I_e if it is used, and the value of each variable at time 0."""
    found = dict(reader.given)
    if symbol(CURRENT) in used:
        found.setdefault(CURRENT, Parameter(0.0, "pA", "constant input current"))
    given: Mapping[str, Parameter] = dict(reader.written.parameters)
    for name, unit in reader.state_units.items():
        at_start = given.get(name, Parameter(0.0, unit, ""))
        has, needs = Unit.of(at_start.unit), Unit.of(unit)
        if has.exponents != needs.exponents:
            raise EquationsError(f"parameters: {name}, at time 0, must be in {unit}, not in {at_start.unit or '1'}")
        factor = float(has.size / needs.size)
        shown = "" if unit == "1" else unit
        text = at_start.text or f"initial value of {name}"
        found[name] = Parameter(float(at_start.default) * factor, shown, text, at_start.minimum * factor, at_start.open)
    return found
