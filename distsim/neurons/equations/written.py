"""A user's description of a model, tidied: the identity of the model, from which it is made again."""

from __future__ import annotations

import contextlib
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..base import Parameter
from ..unit_texts import read_unit

EQUATION = re.compile(r"d\s*(\w+)\s*/\s*dt\s*=(.*)", re.DOTALL)
QUANTITY = re.compile(r"(\w+)\s*=(.*)", re.DOTALL)
CHANGE = re.compile(r"(\w+)\s*([-+*/]?)=(?!=)(.*)", re.DOTALL)
NUMBER = re.compile(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)(.*)", re.DOTALL)
DETECTIONS = ("step", "substep")
SIGNED = ("ex", "in")  # receptors between which the sign of a weight chooses


class EquationsError(ValueError):
    """A model from equations that is not complete, not consistent, or asks for what is not there."""


@dataclass(frozen=True)
class Line:
    """One line of the equations: `name`, its expression, its unit, and whether it is a derivative."""

    name: str
    text: str
    unit: str
    is_derivative: bool

    def __str__(self) -> str:
        return f"d{self.name}/dt" if self.is_derivative else self.name


@dataclass(frozen=True)
class Change:
    """One statement: `name` becomes what `text` says, or, with an `operator`, is changed by it."""

    name: str
    operator: str
    text: str


@dataclass(frozen=True)
class Written:
    """A model as the arguments of `NeuronModel.from_equations` say it.

    Attributes
    ----------
    receptors : each with its name, "" where there is one for weights of either sign, and its statements.
    detection : "step" or "substep", "" where the model chooses.
    """

    name: str
    lines: tuple[Line, ...]
    threshold: str
    reset: tuple[Change, ...]
    refractory: str
    frozen: tuple[str, ...]
    parameters: tuple[tuple[str, Parameter], ...]
    receptors: tuple[tuple[str, tuple[Change, ...]], ...]
    detection: str


def written(
    name: str,
    equations: str,
    threshold: str | None,
    reset: str,
    refractory: str | None,
    frozen: Sequence[str],
    parameters: Mapping[str, object],
    receptors: str | Mapping[str, str],
    detection: str | None,
) -> Written:
    """Return the arguments of `NeuronModel.from_equations` as `Written`.

    Raises
    ------
    EquationsError
        A part cannot be read; the message names it and what is allowed.
    """
    lines = tuple(_line(text) for text in statements(equations))
    found = [line.name for line in lines]
    if not any(line.is_derivative for line in lines):
        raise EquationsError("equations: there is no dX/dt = ... : unit")
    for line in lines:
        if found.count(line.name) > 1:
            raise EquationsError(f"equations: {line.name} is there twice")
    states = [line.name for line in lines if line.is_derivative]
    frozen = (frozen,) if isinstance(frozen, str) else tuple(frozen)
    for each in frozen:
        if each not in states:
            raise EquationsError(f"frozen: {each!r} must be one of the variables {', '.join(states)}")
    if frozen and not refractory:
        raise EquationsError("frozen: needs a refractory period, as in refractory='t_ref'")
    if refractory and not threshold:
        raise EquationsError("refractory: needs a threshold")
    if reset.strip() and not threshold:
        raise EquationsError("reset: needs a threshold")
    if detection not in (None, *DETECTIONS):
        raise EquationsError(f"detection must be one of {', '.join(DETECTIONS)}, not {detection!r}")
    given = receptors if isinstance(receptors, Mapping) else {"": receptors}
    if not set(SIGNED) & set(given):
        given = {key: text for key, text in given.items() if check_receptor(key, isinstance(receptors, Mapping))}
    if not given or (set(SIGNED) & set(given) and set(given) != set(SIGNED)):
        raise EquationsError(
            "receptors: must be statements such as 'g += weight', or a dictionary of them: for 'ex', to which weights "
            "of at least 0 go, and 'in', to which those below 0 go, or for names that connections choose by receptor=; "
            f"not {', '.join(map(repr, given)) or 'nothing'}"
        )
    order = SIGNED if set(given) == set(SIGNED) else tuple(given)
    return Written(
        name=name,
        lines=lines,
        threshold=_tidy(threshold or ""),
        reset=changes("reset", reset),
        refractory=_tidy(refractory or ""),
        frozen=frozen,
        parameters=tuple((key, parameter(key, value)) for key, value in parameters.items()),
        receptors=tuple((key, changes(receptor_named(key), given[key])) for key in order),
        detection=detection or "",
    )


def receptor_named(key: str) -> str:
    """Return what messages call a receptor."""
    return f"receptors {key!r}" if key else "receptors"


def statements(text: str) -> list[str]:
    """Return the statements of a text: its lines, or what semicolons part, without comments.

    A line within brackets continues the one before.
    """
    if not isinstance(text, str):
        raise EquationsError(f"equations must be a text, not {text!r}")
    parts: list[str] = []
    is_open = 0
    for line in text.splitlines():
        for number, piece in enumerate(line.split("#")[0].split(";")):
            if is_open > 0 and number == 0:
                parts[-1] += f" {piece.strip()}"
            else:
                parts.append(piece.strip())
            is_open += piece.count("(") - piece.count(")")
    return [_tidy(part) for part in parts if part]


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _line(text: str) -> Line:
    body, colon, unit = text.rpartition(":")
    match = EQUATION.fullmatch(body) or QUANTITY.fullmatch(body)
    if not colon or not match:
        raise EquationsError(f"equations: {text!r} must be dX/dt = expression : unit, or X = expression : unit")
    line = Line(match[1], match[2].strip(), unit.strip(), EQUATION.fullmatch(body) is not None)
    check_name("equations", line.name)
    if read_unit(line.unit) is None:
        raise EquationsError(f"{line}: unit {line.unit!r} is not known; use units such as mV, ms, pA, nS/ms, or 1")
    return line


def check_receptor(name: object, is_named: bool) -> bool:
    """EquationsError unless `name` can name a receptor; return True."""
    if is_named:
        check_name("receptors", name)
        if re.fullmatch(r"[a-z]\d+(_\d+)*|wait|current|steps|dt|tolerance|ex|inh|left|free|spike|spikes", str(name)):
            raise EquationsError(f"receptors: {name!r} cannot be the name of a receptor; choose a longer one")
    return True


def check_name(where: str, name: object) -> None:
    """EquationsError unless `name` can name a variable or a parameter."""
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
        raise EquationsError(f"{where}: {name!r} cannot be a name: letters, digits and _, no word of Python's")


def changes(where: str, text: str) -> tuple[Change, ...]:
    """Return the statements of `text`."""
    if not isinstance(text, str):
        raise EquationsError(f"{where} must be a text such as 'V = V_reset', not {text!r}")
    found = []
    for statement in statements(text):
        match = CHANGE.fullmatch(statement)
        if not match:
            raise EquationsError(f"{where}: {statement!r} must be a statement such as 'V = V_reset' or 'w += b'")
        found.append(Change(match[1], match[2], match[3].strip()))
    return tuple(found)


def parameter(name: str, given: object) -> Parameter:
    """Return a `Parameter` of what was given for it: one, a number, "20 ms", (value, unit) or (value, unit, text)."""
    check_name("parameters", name)
    if isinstance(given, str):
        match = NUMBER.fullmatch(given)
        given = (match[1], match[2].strip()) if match else given
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = (given, "")
    if isinstance(given, Sequence) and not isinstance(given, str) and 2 <= len(given) <= 3:
        with contextlib.suppress(TypeError, ValueError):
            given = Parameter(float(given[0]), str(given[1]), str(given[2]) if len(given) > 2 else "")
    if not isinstance(given, Parameter):
        raise EquationsError(
            f"parameters: {name} must be a number, a text such as '20 ms', (20.0, 'ms'), or a Parameter, not {given!r}"
        )
    if given.choices:
        raise EquationsError(f"parameters: {name} must be a number, as equations have no use for words")
    if read_unit(given.unit) is None:
        raise EquationsError(f"parameters: {name} has a unit that is not known, {given.unit!r}")
    return given if isinstance(given.default, float) else replace(given, default=float(given.default))
