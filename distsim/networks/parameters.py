"""Parameters of a network model: dataclass fields that know their unit and range, and how a text becomes one."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from ..description.elements import nearest
from ..description.units import without_unit

P = TypeVar("P", bound="NetworkParameters")

LONGEST = 1000  # characters of a value that an error repeats
LARGEST_WHOLE = 2**53  # of a list: up to here all whole numbers can be told apart


def parameter(
    default: Any,
    unit: str,
    text: str,
    *,
    any_length: bool = False,
    default_text: str = "",
    title: str | tuple[str, str] = "",
    **limits: Any,
) -> Any:
    """A dataclass field.

    Parameters
    ----------
    title : what the title of a figure says of a changed value, as in "background rate {}", by default "<name> = {}"; of
        a flag what it says of True and of False, by default `text` and "no <text>".
    any_length : a list may be longer or shorter than the default (also empty).
    default_text : what the help says of the default; one of None depends on other parameters.
    limits : minimum, maximum (allowed), above, below (excluded), whole, choices (words; other texts are numbers unless
        the field is a `str`).
    """
    metadata: dict[str, Any] = {
        "unit": unit,
        "text": text,
        "limits": limits,
        "default_text": default_text,
        "title": title,
    }
    if any_length:
        metadata["shape"] = (None,)
    if isinstance(default, list):
        metadata.setdefault("shape", np.shape(default))
        kind = np.int64 if limits.get("whole") else float
        return dataclasses.field(default_factory=lambda: np.array(default, kind), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class NetworkParameters:
    """Base of the parameters of a network: quantities with units are converted to the units of their fields."""

    def __post_init__(self) -> None:
        """Convert quantities to numbers in the units of the fields; UnitError if a dimension is wrong."""
        for field in dataclasses.fields(self):
            given = getattr(self, field.name)
            read = without_unit(field.name, given, about(field)["unit"])
            if read is not given:
                object.__setattr__(self, field.name, np.array(read, float) if isinstance(read, list) else read)


def about(field: dataclasses.Field) -> Mapping:
    """Return the unit, text and limits of a field; those of one that `parameter` did not make are empty."""
    return {"unit": "", "text": "", "limits": {}, "default_text": "", "title": "", **field.metadata}


def fields_of(model: Any) -> dict[str, dataclasses.Field]:
    """Return the fields of a network's parameters by name."""
    return {field.name: field for field in dataclasses.fields(model.Parameters)}


def kind_of(field: dataclasses.Field) -> type:
    """Return the type that the value of a field has: bool, str, int, float, or an array."""
    name = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
    return {"bool": bool, "str": str, "int": int, "float": float, "str | float": float}.get(name, np.ndarray)


def make(cls: type[P], values: Mapping[str, object], options: Mapping[str, str] | None = None) -> P:
    """`cls` with `values` (texts or objects) checked; ValueError listing every mistake.

    `options` names the option, such as `--g 5`, of each parameter that was not given by --set.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}
    problems, checked = [], {}
    for name, value in values.items():
        if name not in fields:
            problems.append(f"--set {name}: unknown parameter {name!r}: {nearest(name, list(fields))}")
            continue
        try:
            checked[name] = convert(fields[name], value)
        except ValueError as error:
            text = str(value)
            text = f"{text[:LONGEST]}{'...' * (len(text) > LONGEST)}"
            problems.append(f"{(options or {}).get(name, f'--set {name}={text}')}: {error}")
    if problems:
        raise ValueError("\n".join(dict.fromkeys(problems)))
    return cls(**checked)


def changed(parameters: Any) -> dict:
    """Those of `parameters` that are not the network's own, by name; one that depends on others if it is not what
    follows from them."""
    own, found = type(parameters)(), {}
    for field in dataclasses.fields(parameters):
        usual = dataclasses.replace(parameters, **{field.name: None}) if field.default is None else own
        value = getattr(parameters, field.name)
        if not np.array_equal(value, getattr(usual, field.name)):
            found[field.name] = value
    return found


def changed_in_words(parameters: Any) -> list[str]:
    """Return for the titles of figures what was changed of `parameters`, in the order of `changed`: "thalamic pulse",
    "g = -5"."""
    fields = {field.name: field for field in dataclasses.fields(parameters)}
    return [_in_words(fields[name], value) for name, value in changed(parameters).items()]


def _in_words(field: dataclasses.Field, value: object) -> str:
    title, unit = about(field)["title"], about(field)["unit"]
    # Text of the help, without details such as "[target, source]".
    text = re.split(r"[,;(\[]", about(field)["text"])[0].strip()
    if isinstance(value, bool):
        return (title or (text, f"no {text}"))[not value]
    if not isinstance(value, (str, int, float)):  # a list has no place in a title
        return f"{text} changed"
    if not isinstance(value, str):
        value = f"{value:{',' if isinstance(value, int) else 'g'}}{f' {unit}' if unit else ''}"
    return (title or f"{field.name} = {{}}").format(value)


def convert(field: dataclasses.Field, value: object) -> Any:
    """`value` as the type, shape and range of `field` demand; ValueError saying what is allowed."""
    limits, kind = about(field)["limits"], kind_of(field)
    if isinstance(value, str) and value in limits.get("choices", ()):
        return value
    if kind is str and "choices" not in limits:
        return str(value)
    if kind is str:
        raise ValueError(f"must be one of {', '.join(limits['choices'])}")
    try:
        return _number_or_list(kind, _parse(value), about(field))
    except ValueError:
        if "choices" not in limits:
            raise
        raise ValueError(f"must be {', '.join(limits['choices'])} or a finite number") from None


def _number_or_list(kind: type, parsed: object, metadata: Mapping) -> bool | float | np.ndarray:
    limits = metadata["limits"]
    if kind is bool:
        if not isinstance(parsed, bool):
            raise ValueError("must be true or false")
        return parsed
    array = _numbers(without_unit("the value", parsed, metadata["unit"]))
    shape = metadata.get("shape", ())
    if array.shape != shape and not (shape == (None,) and array.ndim == 1):
        raise ValueError(f"must be {_shape_text(shape)}")
    _check_range(array, {**limits, "whole": limits.get("whole", kind is int)}, metadata["unit"])
    if kind is not np.ndarray:
        number: float = kind(array)
        return number
    return array.astype(np.int64) if limits.get("whole") else array


def _parse(value: object) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value.lower() if value.lower() in ("true", "false") else value)
    except (ValueError, RecursionError):  # also a whole number of thousands of digits
        try:
            return float(value)
        except ValueError:
            raise ValueError("not a number, true/false or a list of numbers") from None


def _numbers(value: object) -> np.ndarray:
    if isinstance(value, bool) or value is None:
        raise ValueError("must be a number")
    try:
        return np.array(value, float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("must be a number or a list of numbers") from None


def _shape_text(shape: tuple[int | None, ...]) -> str:
    if not shape:
        return "one number"
    if shape == (None,):
        return "a list of numbers, [] for none"
    return " lists of ".join(str(n) for n in shape) + " numbers"


def _check_range(array: np.ndarray, limits: Mapping, unit: str) -> None:
    unit = f" {unit}" if unit else ""
    if not np.all(np.isfinite(array)):
        raise ValueError("must be a finite number")
    if limits.get("whole") and np.any(array != np.floor(array)):
        raise ValueError("must be a whole number")
    if limits.get("whole") and array.ndim and np.any(np.abs(array) > LARGEST_WHOLE):
        raise ValueError(f"must be at most {LARGEST_WHOLE}{unit}")
    if np.any(array < limits.get("minimum", -math.inf)):
        raise ValueError(f"must be at least {limits['minimum']:g}{unit}")
    if np.any(array > limits.get("maximum", math.inf)):
        raise ValueError(f"must be at most {limits['maximum']:g}{unit}")
    if np.any(array <= limits.get("above", -math.inf)):
        raise ValueError(f"must be greater than {limits['above']:g}{unit}")
    if np.any(array >= limits.get("below", math.inf)):
        raise ValueError(f"must be less than {limits['below']:g}{unit}")
