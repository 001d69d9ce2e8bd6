"""An adaptive Runge-Kutta solver for the models that have no exact propagator, as plain Python over numbers.

The pair of Cash and Karp (1990, ACM Trans Math Softw 16:201) of orders 5 and 4: six evaluations give the solution, of
order 5, and an estimate of its error. A neuron begins each step anew with the whole of it as first attempt, so that the
result depends on nothing but its own state and input: not on its neighbours, on ranks, or on how steps are grouped. It
is also what makes quiet neurons cheap: what drives them is needed at fixed parts of a step, and known beforehand, and
the loop over neurons makes that attempt (`NeuronModel.attempt`) for many of them at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from .base import Parameter
from .helpers import helper, inlined

NODES = (0.0, 0.2, 0.3, 0.6, 1.0, 0.875)  # the parts of a step at which slopes are evaluated
STAGES = (
    ("1/5",),
    ("3/40", "9/40"),
    ("3/10", "-9/10", "6/5"),
    ("-11/54", "5/2", "-70/27", "35/27"),
    ("1631/55296", "175/512", "575/13824", "44275/110592", "253/4096"),
)
ORDER_5 = ("37/378", "0", "250/621", "125/594", "0", "512/1771")
ORDER_4 = ("2825/27648", "0", "18575/48384", "13525/55296", "277/14336", "1/4")

# A neuron that needs more attempts within one step, or a shorter substep, gets NaN, which the guard finds and names. A
# state that is not finite ends at the second: its neuron costs no more than others until the guard looks at it.
MOST = 20_000
SHORTEST = 1e-12  # of a step
SAFETY, LEAST, LARGEST = 0.9, 0.1, 4.0  # of the change of length from one attempt to the next

TOLERANCE = Parameter(1e-6, "", "largest error of a substep, in the unit of each variable", 0.0, open=True)


def runge_kutta(n: int) -> Callable:
    """Return the function that attempts one substep of a system of `n` variables.

    Its arguments are slopes, a `helper` (y, drive, p) -> the derivatives of y; y, a tuple of n numbers; drives, what
    drives the system at each of `NODES`; h, the length of the substep; p, the parameters. It returns y at the end, a
    tuple, and the error of each.
    """
    names: dict = {}
    exec(_source(n), names)
    attempt: Callable = inlined(names["attempt"])
    return attempt


def _source(n: int) -> str:
    """Return the source of the function that attempts one substep, with all sums written out."""
    variables = range(n)
    lines = ["def attempt(slopes, y, drives, h, p):", f"    {_listed('y', variables)} = y"]
    for stage in range(len(NODES)):
        at = "y"
        if stage:
            sums = [f"y{v} + h * ({_weighted(STAGES[stage - 1], v)})" for v in variables]
            at = f"({', '.join(sums)},)"
        lines.append(f"    {_listed(f'k{stage}_', variables)} = slopes({at}, drives[{stage}], p)")
    lines += [f"    new{v} = y{v} + h * ({_weighted(ORDER_5, v)})" for v in variables]
    differences = [str(Fraction(a) - Fraction(b)) for a, b in zip(ORDER_5, ORDER_4, strict=True)]
    lines += [f"    error{v} = abs(h * ({_weighted(differences, v)}))" for v in variables]
    return "\n".join([*lines, f"    return ({_listed('new', variables)}), ({_listed('error', variables)})"])


def _listed(name: str, variables: Sequence[int]) -> str:
    return ", ".join(f"{name}{v}" for v in variables) + ","


def _weighted(weights: Sequence[str], variable: int) -> str:
    """Return the sum of the slopes of a variable with these weights; those of 0 are left out."""
    weighed = [(float(Fraction(weight)), stage) for stage, weight in enumerate(weights)]
    return " + ".join(f"{weight!r} * k{stage}_{variable}" for weight, stage in weighed if weight)


@helper
def resized(h, error, tolerance):
    """Return the length to attempt next, after an attempt of length `h` with an estimated `error`."""
    if not error < 1e300 * tolerance:  # or not a number
        return LEAST * h
    if error < 1e-3 * tolerance:
        return LARGEST * h
    return h * min(LARGEST, max(LEAST, SAFETY * math.sqrt(math.sqrt(tolerance / error))))
