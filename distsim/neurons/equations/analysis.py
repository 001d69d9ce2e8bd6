"""Find, by odetoolbox, the equations that are linear with constant coefficients, and their matrix."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

_text = sympy.Basic.__str__
from odetoolbox.config import Config  # noqa: E402
from odetoolbox.shapes import Shape  # noqa: E402
from odetoolbox.system_of_shapes import SystemOfShapes  # noqa: E402

sympy.Basic.__str__ = _text  # which odetoolbox replaces, for all who use SymPy


@dataclass(frozen=True)
class System:
    """Equations dx/dt = A x + a I + b + what is not linear; I is the current, which is constant over a step.

    Attributes
    ----------
    x : the variables.
    A, a, b : matrix and columns.
    linear : the variables whose equations are linear, and depend, also through others, on such alone.
    edges : pairs of variables, of which the first depends on the second.
    """

    x: tuple[sympy.Symbol, ...]
    A: Any
    a: Any
    b: Any
    linear: frozenset[sympy.Symbol]
    edges: tuple[tuple[sympy.Symbol, sympy.Symbol], ...]

    def depending_on(self, others: Collection[sympy.Symbol]) -> set[sympy.Symbol]:
        """Return `others`, and all variables that depend on them."""
        found = set(others)
        while new := {x for x, on in self.edges if on in found} - found:
            found |= new
        return found

    def matrix(self, among: Sequence[sympy.Symbol], held: Collection[sympy.Symbol] = ()) -> Any:
        """Return the matrix of the linear equations `among`, extended by the current and the number 1; variables that
        are `held` do not change."""
        rows, n = [self.x.index(x) for x in among], len(among)
        M = sympy.zeros(n + 2, n + 2)
        for i, (x, row) in enumerate(zip(among, rows, strict=True)):
            if x not in held:
                M[i, :n] = sympy.Matrix([[self.A[row, column] for column in rows]])
                M[i, n], M[i, n + 1] = self.a[row], self.b[row]
        return M


def analyse(rates: Mapping[sympy.Symbol, Any], current: sympy.Symbol | None) -> System:
    """Return what odetoolbox finds of the equations `rates`."""
    x, n = list(rates), len(rates)
    symbols = [*x, *([current] if current is not None else [])]
    free = set().union(*(rate.free_symbols for rate in rates.values()))
    parameters = dict.fromkeys(sorted(free - set(symbols), key=str))
    with _unsimplified():
        shapes = [_shape(each, rates.get(each, sympy.Integer(0)), symbols, parameters) for each in symbols]
        system = SystemOfShapes.from_shapes(shapes, parameters=parameters)
        edges = system.get_dependency_edges()
        linear = system.propagate_lin_cc_judgements(system.get_lin_cc_symbols(edges, parameters=parameters), edges)
    return System(
        x=tuple(x),
        A=system.A_[:n, :n],
        a=system.A_[:n, n] if current is not None else sympy.zeros(n, 1),
        b=system.b_[:n, :],
        linear=frozenset(each for each in x if linear[each]),
        edges=tuple((one, other) for one, other in edges if one != other),
    )


def _shape(each: sympy.Symbol, rate: Any, symbols: list, parameters: dict) -> Any:
    """Return the equation of one variable as odetoolbox takes it: its own linear part, and the rest."""
    factors, constant, others = Shape.split_lin_inhom_nonlin(rate, symbols, parameters=parameters)
    own = factors[symbols.index(each)]
    rest = others + sum(factor * other for factor, other in zip(factors, symbols, strict=True) if other != each)
    return Shape(each, 1, {str(each): sympy.Integer(0)}, [sympy.sympify(own)], constant, rest)


@contextlib.contextmanager
def _unsimplified() -> Iterator[None]:
    """Keep odetoolbox from simplifying expressions, which takes seconds and is of no use here."""
    before = Config.config["simplify_expression"]
    Config.config["simplify_expression"] = "expr"
    try:
        yield
    finally:
        Config.config["simplify_expression"] = before
