"""The values that neuron parameters are given: numbers, arrays with one number a neuron, distributions; and checks."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .distributions import Distribution
from .elements import Value, nearest
from .neurons import NeuronModel, Parameter

DRAWN = ("V_m", "I_e")  # what may be drawn from a distribution


def read_values(name: str, model: NeuronModel, n: int, given: Mapping[str, object]) -> dict[str, Value]:
    """The parameters `given` to `n` neurons `name` of `model`.

    Raises
    ------
    ValueError : a parameter that the model has not, an array of another size than n, a value outside its range.
    """
    values: dict[str, Value] = {}
    for key, value in given.items():
        if key not in model.parameters:
            raise ValueError(f"{model.name} has no parameter {key!r}: {nearest(key, list(model.parameters))}")
        parameter = model.parameters[key]
        values[key] = value if parameter.choices else _read(f"{name}.{key}", n, value, key in DRAWN)
        _check_range(f"{name}.{key}", parameter, values[key])
    return values


def check_together(name: str, model: NeuronModel, values: Mapping[str, Value], dt: float) -> None:
    """ValueError if all parameters `values` of a population do not go together or cannot be computed with."""
    plain = {key: value for key, value in values.items() if not isinstance(value, Distribution)}
    problem = model.check(plain)
    if problem:
        raise ValueError(f"{name}: {problem}")
    with np.errstate(all="ignore"):
        try:
            propagators = model.propagators(plain, dt)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if not all(np.all(np.isfinite(value)) for value in propagators.values()):
            raise ValueError(f"{name}: its parameters are too large or too small to compute with")


def frozen(value: Value) -> Value:
    """Arrays as copies that cannot be changed."""
    if isinstance(value, Distribution) or np.ndim(value) == 0:
        return value
    copy = np.array(value, float)
    copy.setflags(write=False)
    return copy


def _read(name: str, n: int, value: object, may_be_drawn: bool) -> Value:
    if isinstance(value, Distribution):
        if not may_be_drawn:
            raise ValueError(f"{name}: a number or an array; only {' and '.join(DRAWN)} can be drawn")
        return value
    array = np.asarray(value, float)
    if array.ndim == 0:
        return float(array)
    if array.shape != (n,):
        raise ValueError(f"{name}: a number or an array of {n} numbers, not of shape {array.shape}")
    return frozen(array)


def _check_range(name: str, parameter: Parameter, value: Value) -> None:
    if isinstance(value, Distribution) or (name.endswith(".stop") and value == math.inf):
        return
    problem = parameter.problem(np.asarray(value))
    if problem:
        shown = value if np.ndim(value) == 0 else "the values given"
        raise ValueError(f"{name} {problem}, not {shown}")
