"""Numbers as a modeller gives them, read strictly: errors name the quantity, the allowed range and the value given."""

from __future__ import annotations

import math
import numbers as kinds
import reprlib
from typing import Any

import numpy as np

from .units import without_unit

LARGEST = 1e150  # of weights, currents and drawn values: what is computed of such stays finite


def number(
    name: str, value: object, low: float = -math.inf, high: float = math.inf, unit: str = "", note: str = ""
) -> float:
    """Return `value`, one finite number from `low` to `high`, converted to `unit` ("": none) if it comes with a unit.

    Raises
    ------
    ValueError : anything else, such as texts, booleans, complex numbers, other dimensions; the message ends in `note`.
    """
    array = _floats(without_unit(name, value, unit))
    if array is None or array.ndim:
        raise ValueError(f"{name} must be one number, not {shown(value)}")
    return float(_inside(name, array, low, high, unit + note))


def numbers(
    name: str, value: object, low: float = -math.inf, high: float = math.inf, unit: str = "", n: int | None = None
) -> float | np.ndarray:
    """`value`, one number as in `number`, or an array of such (float64, a copy; of shape (n,) if `n` is given).

    Raises
    ------
    ValueError : anything else, masked arrays too.
    """
    array = _floats(without_unit(name, value, unit))
    if array is None:
        raise ValueError(f"{name} must be a number or an array of numbers, not {shown(value)}")
    if n is not None and array.ndim and array.shape != (n,):
        raise ValueError(f"{name}: a number or an array of {n} numbers, not of shape {array.shape}")
    return _inside(name, array, low, high, unit) if array.ndim else float(_inside(name, array, low, high, unit))


def bound(name: str, value: object, unit: str = "") -> float:
    """`value`, one number that may be infinite, in `unit` as in `number`; ValueError otherwise."""
    array = _floats(without_unit(name, value, unit))
    if array is None or array.ndim or np.isnan(array):
        raise ValueError(f"{name} must be one number, not {shown(value)}")
    return float(array)


def whole(name: str, value: Any, low: int = 0, high: int | None = None) -> int:
    """`value`, a whole number from `low` to `high`, exactly; ValueError otherwise."""
    value = without_unit(name, value, "")
    value = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    is_whole = isinstance(value, kinds.Real) and not isinstance(value, bool) and math.isfinite(value)
    if not is_whole or int(value) != value or int(value) < low or (high is not None and int(value) > high):
        allowed = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be a whole number {allowed}, not {shown(value)}")
    return int(value)


def shown(value: object) -> str:
    """`value` in one line that is not long."""
    if isinstance(value, float | complex | np.number):
        return str(value)
    return " ".join(reprlib.repr(value.tolist() if isinstance(value, np.ndarray) else value).split())


def _floats(value: object) -> np.ndarray | None:
    """A copy of `value` as float64 of any shape; None where there is something else than real numbers."""
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O" and all(isinstance(x, kinds.Real) for x in array.flat):  # fractions, long integers
            return array.astype(float)
    except (TypeError, ValueError, OverflowError):
        return None
    with np.errstate(over="ignore"):
        return array.astype(float) if array.dtype.kind in "iuf" else None


def _inside(name: str, array: np.ndarray, low: float, high: float, unit: str) -> np.ndarray:
    wrong = ~((array >= low) & (array <= high) & np.isfinite(array))
    if np.any(wrong):
        limits = [f"from {low:g} to {high:g}", f"at least {low:g}", f"at most {high:g}", "finite"]
        allowed, given = limits[2 * math.isinf(low) + math.isinf(high)], array[wrong][0]
        if not np.isfinite(given) and high >= LARGEST:
            allowed = limits[3]
        unit = f" {unit}" if unit and high < LARGEST else ""
        raise ValueError(f"{name} must be {allowed}{unit}, not {given:.15g}")
    return array


def keep(frozen: object, **values: object) -> None:
    """Set fields of a frozen dataclass, for its `__post_init__`, which has read what was given for them."""
    for name, value in values.items():
        object.__setattr__(frozen, name, value)
