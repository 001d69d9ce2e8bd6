"""Write the part of --help on a network's parameters: defaults, units and allowed values."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .parameters import about, kind_of

BY_POPULATION = "by population"  # in the text of a parameter: a list in the order of the populations


def option_text(field: dataclasses.Field) -> str:
    """A parameter that has an option of its own: text, unit and default."""
    unit = f", {about(field)['unit']}" if about(field)["unit"] else ""
    return f"{_text(field)}{unit} ({_default_text(field)})"


def parameter_help(model: Any) -> str:
    """The parameters that --set knows, with default and unit."""
    fields = dataclasses.fields(model.Parameters)
    if not fields:
        return ""
    head = ";\n".join(["--set NAME=VALUE", *_conventions(model, fields)])
    lines = [f"parameters ({head}):"]
    for field in fields:
        unit = f" {about(field)['unit']}" if about(field)["unit"] else ""
        lines.append(f"  {field.name:<18} {_text(field)} ({_default_text(field, unit)})")
    return "\n".join(lines)


def has_lists(model: Any) -> bool:
    return any("shape" in about(field) for field in dataclasses.fields(model.Parameters))


def _conventions(model: Any, fields: tuple[dataclasses.Field, ...]) -> list[str]:
    """Return the meaning of lists and matrices, for a network that has such."""
    said, order = [], f"in the order {', '.join(model.populations)}"
    if any("shape" in about(field) and BY_POPULATION in about(field)["text"] for field in fields):
        said.append(f"lists {BY_POPULATION} {order}")
    if any(len(about(field).get("shape", ())) == 2 for field in fields):
        # The order is said once.
        said.append(f"matrices [target, source]{'' if said else f' {order}'}")
    return said


def _text(field: dataclasses.Field) -> str:
    """Return the parameter's text, with the allowed words that it does not name already."""
    text = about(field)["text"]
    allowed = ("true", "false") if kind_of(field) is bool else about(field)["limits"].get("choices", ())
    return text if all(word in text for word in allowed) else f"{text}: {' or '.join(allowed)}"


def _default_text(field: dataclasses.Field, unit: str = "") -> str:
    if about(field)["default_text"]:
        return str(about(field)["default_text"])
    if kind_of(field) is bool:
        return str(field.default).lower()  # as it is typed
    if field.default is not dataclasses.MISSING:
        return f"{field.default}{unit}"
    factory: Any = field.default_factory  # there is one, as there is no default
    default = factory()
    if default.size > 20:
        return " x ".join(str(n) for n in np.shape(default)) + " matrix"
    return f"{(default.astype(int) if about(field)['limits'].get('whole') else default).tolist()}{unit}"
