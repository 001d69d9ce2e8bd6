"""Kinds of values in files that are read back: check values before they are used, and name those that are wrong.

check(summary, record({"t_sim_ms": number(0.0)}), "")
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """`words` says what a value must be, `holds` tests that; `parts` lists the values in it: name, value, kind."""

    words: str
    holds: Callable[[Any], bool]
    parts: Callable[[Any], list[tuple[str, Any, Kind]]] = lambda value: []


def check(value: Any, kind: Kind, where: str = "") -> None:
    """Check a value and all that it consists of.

    Raises
    ------
    ValueError
        If it is of another kind; the message names the place in it, below `where`.
    """
    if not kind.holds(value):
        raise ValueError(f"{where or 'it'} is {reprlib.repr(value)}, which must be {kind.words}")
    for name, part, of_part in kind.parts(value):
        check(part, of_part, f"{where}{'' if name.startswith('[') else '.'}{name}" if where else name)


def fits(value: Any, kind: Kind) -> bool:
    """Return whether a value is of this kind."""
    try:
        check(value, kind)
    except ValueError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(low: float = -math.inf, high: float = math.inf) -> Kind:
    bounds = [f"of at least {low:g}"] * (low > -math.inf) + [f"of at most {high:g}"] * (high < math.inf)
    words = " ".join(["a number", " and ".join(bounds)]).strip()
    return Kind(words, lambda value: _is_number(value) and low <= value <= high)


def whole(low: int, high: int) -> Kind:
    words = f"a whole number from {low} to {high}"
    return Kind(words, lambda value: type(value) is int and low <= value <= high)


ANYTHING = Kind("anything", lambda value: True)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))


def text(longest: int = 10_000) -> Kind:
    return Kind(
        f"a text of at most {longest} characters", lambda value: isinstance(value, str) and len(value) <= longest
    )


def one_of(*values: Any) -> Kind:
    words = " or ".join(map(repr, values))
    return Kind(words, lambda value: any(type(value) is type(other) and value == other for other in values))


def maybe(kind: Kind) -> Kind:
    words, holds, parts = kind
    return Kind(
        f"{words}, or null",
        lambda value: value is None or holds(value),
        lambda value: [] if value is None else parts(value),
    )


def listed(kind: Kind) -> Kind:
    """A list of values of one kind."""
    return Kind(
        "a list",
        lambda value: isinstance(value, list),
        lambda value: [(f"[{k}]", part, kind) for k, part in enumerate(value)],
    )


def row(*parts: Kind) -> Kind:
    """A list with a value of each of these kinds."""
    return Kind(
        f"a list of {len(parts)} values",
        lambda value: isinstance(value, list) and len(value) == len(parts),
        lambda value: [(f"[{k}]", part, kind) for k, (part, kind) in enumerate(zip(value, parts, strict=True))],
    )


def mapped(kind: Kind, names: Kind = ANYTHING) -> Kind:
    """An object with values of one kind, and names of another."""
    return Kind(
        "an object",
        lambda value: isinstance(value, dict),
        lambda value: [(repr(name), name, names) for name in value] + [(name, value[name], kind) for name in value],
    )


def record(needed: Mapping[str, Kind], others: Mapping[str, Kind] | None = None) -> Kind:
    """An object that has the keys of `needed`; keys of `others` may be missing, and further keys hold anything."""
    kinds = {**needed, **(others or {})}
    return Kind(
        "an object" + (f" with {', '.join(needed)}" if needed else ""),
        lambda value: isinstance(value, dict) and all(key in value for key in needed),
        lambda value: [(key, value[key], kind) for key, kind in kinds.items() if key in value],
    )
