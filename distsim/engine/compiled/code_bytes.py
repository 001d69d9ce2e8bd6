"""Bytes that tell functions and constants apart as Numba compiles them, the same in every process."""

from __future__ import annotations

import dis
import enum
import functools
import struct
import sys
from types import CodeType, FunctionType

import numpy as np
from numba import types
from numba.core.registry import CPUDispatcher

BY_NAME = ("builtins", "math", "cmath", "operator", "numpy", "numba")  # modules, with all that is below them
NOT_BY_NAME = "numpy.random"  # its numbers would depend on the number of ranks
MISSING = object()


def goes_by_name(module: str | None) -> bool:
    """Return whether what a module holds is fixed by its name and the versions that are installed."""
    if not module or f"{module}.".startswith(f"{NOT_BY_NAME}."):
        return False
    return module.split(".")[0] in BY_NAME


# --- code -------------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def references(code: CodeType) -> tuple[tuple[bool, str, tuple[str, ...]], ...]:
    """Return what a function refers to, with the functions within it: whether it is a variable of a closure, its name,
    and the attributes that are taken of it at once."""
    instructions = [one for one in dis.get_instructions(code) if one.opname not in ("EXTENDED_ARG", "CACHE")]
    found: dict = {}
    for k, one in enumerate(instructions):
        is_cell = one.opcode in dis.hasfree
        if is_cell or one.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            attributes = []
            for after in instructions[k + 1 :]:
                if after.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                    break
                attributes.append(after.argval)
            found[is_cell, one.argval, tuple(attributes)] = None
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found.update(dict.fromkeys(references(constant)))
    return tuple(found)


@functools.lru_cache(maxsize=1024)
def code_bytes(code: CodeType) -> bytes:
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    constants = [constant_bytes(constant) for constant in code.co_consts]
    exceptions = getattr(code, "co_exceptiontable", b"")
    return joined("code", code.co_code, exceptions, constant_bytes((names, counts)), *constants)


def defaults(function: FunctionType) -> dict[str, object]:
    """Return the default values of arguments by name."""
    values = function.__defaults__ or ()
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return {**dict(zip(names[len(names) - len(values) :], values, strict=True)), **(function.__kwdefaults__ or {})}


def given_signatures(helper: CPUDispatcher) -> list:
    """Return the signatures that numba.njit was given: what it compiles for by itself depends on its callers."""
    can_compile = helper._can_compile  # type: ignore[attr-defined]  # of the class in C below it
    return [] if can_compile else sorted(helper.nopython_signatures, key=str)


# --- constants --------------------------------------------------------------------------------------------------------


def joined(*parts: str | bytes) -> bytes:
    """Return bytes from which the parts could be told."""
    encoded = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(8, "big") + part for part in encoded)


def constant_bytes(value: object) -> bytes:
    """Return bytes that tell constants apart, also 1, 1.0 and True, 0.0 and -0.0; TypeError for other things."""
    kind = type(value).__name__
    if value is None or value is Ellipsis or type(value) in (bool, int, str):
        return joined(kind, str(value))
    if isinstance(value, float | complex) and type(value) in (float, complex):
        return joined(kind, struct.pack("<2d", complex(value).real, complex(value).imag))
    if type(value) is bytes:
        return joined(kind, value)
    if type(value) is tuple:
        return joined(kind, *map(constant_bytes, value))
    if type(value) is frozenset:
        return joined(kind, *sorted(map(constant_bytes, value)))
    if type(value) is slice:
        return joined(kind, constant_bytes((value.start, value.stop, value.step)))
    if isinstance(value, CodeType):
        return code_bytes(value)
    if isinstance(value, np.generic) and not value.dtype.hasobject:
        return joined("scalar", str(np.lib.format.dtype_to_descr(value.dtype)), value.tobytes())
    if isinstance(value, enum.Enum):
        return joined("member", constant_bytes(type(value)), value.name)
    if isinstance(value, enum.EnumMeta):
        members: list[enum.Enum] = list(value)
        return joined("enum", value.__qualname__, *(joined(e.name, constant_bytes(e.value)) for e in members))
    if isinstance(value, np.dtype) and not value.hasobject:
        return joined("dtype", str(np.lib.format.dtype_to_descr(value)))
    if isinstance(value, types.Number | types.Boolean):
        return joined("type", str(value))
    return joined("named", full_name(value))


def full_name(value: object) -> str:
    """Return module and name of a function or type that goes by them; TypeError for other things."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if isinstance(name, str):
        for module in (getattr(value, "__module__", None), "numpy", "math", "builtins"):
            if module and goes_by_name(module) and look_up(sys.modules.get(module), name) is value:
                return f"{module}.{name}"
    raise TypeError(f"{value!r} does not go by its name")


def look_up(value: object, name: str) -> object:
    for part in name.split("."):
        value = getattr(value, part, MISSING)
    return value
