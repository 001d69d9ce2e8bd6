"""Units of numbers: quantities of the packages quantities (Neo), Brian2, pint, astropy and unyt, values with an
attribute `units` (xarray, pandas, HDF5), durations.

None of these packages is imported: a quantity is known by its attributes and converts itself where it can. Brian2's is
a value in SI units with exponents of the base units, an attribute is a text: both are converted here.
"""

from __future__ import annotations

import datetime
import operator
from collections.abc import Mapping, Sequence
from fractions import Fraction
from numbers import Number
from typing import Any

import numpy as np

from ..neurons.unit_texts import DIMENSIONS, read_unit

MS = datetime.timedelta(milliseconds=1)
PLAIN = frozenset((int, float, bool, str, bytes, type(None), np.float64, np.float32, np.int64, np.int32, np.bool_))


class UnitError(ValueError):
    """A number in a unit that cannot be converted into the one that is needed, or a masked array."""


def without_unit(name: str, value: Any, unit: str) -> Any:
    """Return `value` converted to `unit`, as plain numbers; return it unchanged if it has no unit.

    Parameters
    ----------
    name : what an error calls it.
    value : a number, an array, a list of such.
    unit : the unit that is needed, such as "ms", "pA", "spikes/s"; "" where a number has none.

    Raises
    ------
    UnitError : its unit cannot be converted to `unit`, or it is or contains a masked array.
    """
    if type(value) in PLAIN or (type(value) is np.ndarray and value.dtype.kind in "iufb"):
        return value
    if isinstance(value, np.ndarray) and hasattr(value, "mask"):
        raise UnitError(f"{name}: masked arrays are not taken, as a number is needed where one is masked")
    if _is_duration(value):
        return _scaled(name, _milliseconds(name, value), "ms", unit)
    if unit_of(value) is not None:
        return _converted(name, value, unit)
    if hasattr(value, "__array__") and not isinstance(value, np.ndarray | np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return without_unit(name, value.tolist(), unit)
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes | range)
    if is_list and not PLAIN.issuperset(map(type, value)):
        items = [without_unit(name, item, unit) for item in value]
        return value if all(map(operator.is_, items, value)) else items
    return value


def unit_of(value: Any) -> Any:
    """Return the unit of `value` as its package represents it; None if it has none."""
    for key in ("units", "unit", "dimensions"):
        found = getattr(value, key, None)
        if found is not None and not callable(found) and not isinstance(found, Number):
            return found
    attributes = getattr(value, "attrs", None)
    if isinstance(attributes, Mapping):
        found = attributes.get("units", attributes.get("unit"))
        if isinstance(found, bytes):
            return found.decode(errors="replace")
        return found
    return None


def apart(value: Any) -> tuple[str, np.ndarray] | None:
    """Return the unit of `value` as a text, and its numbers in that unit; None if it has no unit."""
    if _is_duration(value):
        return "ms", np.asarray(_milliseconds("a duration", value))
    if unit_of(value) is None:
        return None
    return _words(value), np.asarray(_numbers(value))


# --- durations --------------------------------------------------------------------------------------------------------


def _is_duration(value: Any) -> bool:
    return isinstance(value, datetime.timedelta) or getattr(getattr(value, "dtype", None), "kind", None) == "m"


def _milliseconds(name: str, value: Any) -> float | np.ndarray:
    if isinstance(value, datetime.timedelta):
        return value / MS
    array = np.asarray(value)
    if np.datetime_data(array.dtype)[0] in ("generic", "Y", "M"):
        raise UnitError(f"{name}: a duration of {array.dtype.name} has no length in ms")
    return array / np.timedelta64(1, "ms")


# --- quantities -------------------------------------------------------------------------------------------------------


def _converted(name: str, value: Any, unit: str) -> float | np.ndarray:
    found = unit_of(value)
    if isinstance(found, str):
        return _scaled(name, np.asarray(value), found, unit)
    exponents = _exponents(found)
    if exponents is not None:  # Brian2's
        return _from_si(name, value, exponents, unit)
    convert = getattr(value, "rescale", getattr(value, "to", None))
    if not callable(convert):
        raise _error(name, unit, _words(value))
    try:
        new = np.asarray(_numbers(convert(unit.replace("spikes", "1"))))
    except Exception as error:  # each package has errors of its own
        raise _error(name, unit, _words(value)) from error
    return new if np.array_equal(new, _numbers(value)) else _as_written(new)


def _numbers(value: Any) -> Any:
    """Return the numbers of a quantity in its own unit."""
    for key in ("magnitude", "value"):
        found = getattr(value, key, None)
        if found is not None and not callable(found):
            return found
    return np.asarray(value)


def _words(value: Any) -> str:
    """Return the unit of a quantity as a text for messages."""
    dimensionality, best = getattr(value, "dimensionality", None), getattr(value, "get_best_unit", None)
    if dimensionality is not None and hasattr(dimensionality, "string"):
        return str(dimensionality.string)
    return str(best() if callable(best) else unit_of(value))


def _exponents(dimensions: Any) -> tuple | None:
    """Return the exponents of the base units of Brian2's dimensions or unit; None where it is something else."""
    dimensions = getattr(dimensions, "dimensions", dimensions)  # of a unit
    if not callable(getattr(dimensions, "get_dimension", None)):
        return None
    return tuple(dimensions.get_dimension(name) for name in DIMENSIONS)


def _from_si(name: str, value: Any, exponents: tuple, unit: str) -> float | np.ndarray:
    needed = read_unit(unit)
    if needed is None or needed[1] != exponents:
        raise _error(name, unit, _words(value))
    return _times(np.asarray(value), 1 / needed[0])


def _scaled(name: str, values: float | np.ndarray, given: str, unit: str) -> float | np.ndarray:
    """Return numbers that are in the unit `given`, converted to `unit`; both are texts."""
    have, need = read_unit(given), read_unit(unit)
    if have is None or need is None or have[1] != need[1]:
        if given.strip() == unit:
            return values
        raise _error(name, unit, given)
    return _times(values, have[0] / need[0])


def _times(values: float | np.ndarray, factor: Fraction) -> float | np.ndarray:
    if factor == 1:
        return values
    values = np.asarray(values)
    if values.dtype.kind not in "iuf":
        return values  # not numbers, which the caller refuses
    values = values.astype(float)
    return _as_written(values * float(factor) if factor > 1 else values / float(1 / factor))


def _as_written(values: np.ndarray) -> np.ndarray:
    """Return `values` rounded to 15 digits, so that 0.0107 s become 10.7 ms, as people write them."""
    if values.dtype.kind != "f":
        return values
    return np.array([float(f"{value:.15g}") for value in values.ravel()]).reshape(values.shape)


def _error(name: str, unit: str, given: str) -> UnitError:
    needed = f"in {unit}" if unit else "a number without unit"
    return UnitError(f"{name} must be {needed}, not in {given}")
