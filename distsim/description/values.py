"""The values that neuron parameters are given: numbers, arrays with one number a neuron, distributions; and checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from ..neurons import NeuronModel, Parameter
from ..neurons.families import elements
from .distributions import Distribution
from .elements import Value, nearest
from .quantities import LARGEST, numbers, shown

V = TypeVar("V")


def read_values(name: str, model: NeuronModel, n: int, given: Mapping[str, object]) -> dict[str, Value | str]:
    """The parameters `given` to `n` neurons `name` of `model`.

    Raises
    ------
    ValueError : a parameter that the model has not, an array of another size than n, a value outside its range.
    """
    values: dict[str, Value | str] = {}
    for key, value in _spread(name, model, given).items():
        if not model.parameters:
            raise ValueError(f"{name}: {model.name} has no parameters that could be changed, {key!r} neither")
        if key not in model.parameters:
            raise ValueError(f"{model.name} has no parameter {key!r}: {nearest(key, list(model.parameters))}")
        values[key] = _read(f"{name}.{key}", model.parameters[key], n, value)
    return values


def _spread(name: str, model: NeuronModel, given: Mapping[str, object]) -> dict[str, object]:
    """Return `given` with the elements of lists in place of the lists."""
    found: dict[str, object] = {}
    for key, value in given.items():
        if key not in model.lists:
            found[key] = value
            continue
        names, values = model.lists[key], elements(f"{name}.{key}", value)
        if len(values) != len(names):
            raise ValueError(
                f"{name}.{key} must have {len(names)} elements, as it had from the start, not {len(values)}"
            )
        found.update(zip(names, values, strict=True))
    return found


def check_together(name: str, model: NeuronModel, values: Mapping[str, Value | str], dt: float) -> None:
    """ValueError if all parameters `values` of a population do not go together or cannot be computed with."""
    plain = {key: _median(value) for key, value in values.items() if not is_drawn_later(model, key, value)}
    problem = model.check(plain)
    if problem:
        raise ValueError(f"{name}: {problem}")
    with np.errstate(all="ignore"):
        try:
            propagators = model.propagator_values(plain, dt)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if not all(np.all(np.isfinite(value)) for value in propagators.values()):
            raise ValueError(f"{name}: its parameters are too large or too small to compute with")


def is_drawn_later(model: NeuronModel, key: str, value: object) -> bool:
    """Return whether a parameter is drawn into the state of a neuron, which holds it from then on."""
    return isinstance(value, Distribution) and key in model.drawn


def _median(value: Value | str) -> Value | str:
    return float(value.quantile(np.array([0.5]))[0]) if isinstance(value, Distribution) else value


def stand_ins(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return parameters with arrays in place of distributions, all of them different, as what is drawn of them is."""
    quantiles = np.linspace(0.0, 1.0, len(values) + 2)[1:-1]
    return {
        key: value.quantile(np.array([u])) if isinstance(value, Distribution) else value
        for u, (key, value) in zip(quantiles, values.items(), strict=True)
    }


def frozen(value: V) -> V:
    """Make `value`, if it is an array, read-only, and return it. The caller must own it: it is not copied."""
    if isinstance(value, np.ndarray) and value.ndim:
        value.setflags(write=False)
    return value


def check_drawn(name: str, distribution: Distribution) -> None:
    """ValueError if draws of `distribution` are too large to compute with, or infinite."""
    low, high = distribution.support()
    if not -LARGEST <= low <= high <= LARGEST:
        allowed = f"from {-LARGEST:g} to {LARGEST:g}, redraw what is not (minimum, maximum)"
        raise ValueError(f"{name} must be {allowed}; draws go from {low:g} to {high:g}")


def _chosen(name: str, parameter: Parameter, value: object) -> str | bool:
    if isinstance(value, np.bool_):
        value = bool(value)
    if not isinstance(value, str | bool) or value not in parameter.choices:
        raise ValueError(f"{name} must be one of {', '.join(map(str, parameter.choices))}, not {shown(value)}")
    return value


def _read(name: str, parameter: Parameter, n: int, value: object) -> Value | str:
    if parameter.choices:
        return _chosen(name, parameter, value)
    if isinstance(value, Distribution):
        check_drawn(name, value)
        low, high = value.support()
        problem = parameter.problem(np.array([low, high]))
        if problem:
            raise ValueError(f"{name} {problem}, redraw what is not (minimum); draws go from {low:g} to {high:g}")
        return value if low < high else low
    read = numbers(name, value, unit=parameter.unit, n=n)
    problem = parameter.problem(np.asarray(read))
    if problem:
        raise ValueError(f"{name} {problem}, not {shown(value)}")
    return frozen(read)
