"""Check that all ranks built the same network: an unseeded generator in a script would let them differ silently."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FunctionType

import numpy as np

from ..description.edge_files import EdgeFile
from ..description.elements import PoissonInput, Selection, StepCurrent
from ..description.network import Network
from ..description.units import apart
from ..engine.compiled.code_bytes import code_bytes, defaults, references
from ..engine.compiled.frozen_step import FrozenStep
from ..neurons import NeuronModel
from ..parallel import Comm

BLOCK = 1 << 16  # bytes


def described(network: Network, seed: int) -> dict[str, object]:
    """Return the parts of a description by the names that messages give them."""
    parts: dict[str, object] = {"the seed": seed, "dt": network.grid.dt_ms}
    parts |= {f"population {population.name}": population for population in network.populations}
    for number, p in enumerate(network.projections):
        parts[f"projection {number}, {p.source.population.name} -> {p.target.population.name}"] = p
    devices: dict[str, Sequence[PoissonInput | StepCurrent]]
    devices = {"Poisson input": network.poisson_inputs, "step current": network.step_currents}
    for kind, those in devices.items():
        parts |= {f"{kind} {number} into {d.target.population.name}": d for number, d in enumerate(those)}
    parts |= {f"{d.kind} {number} into {d.target.population.name}": d for number, d in enumerate(network.currents)}
    return {**parts, "the recorders": [network.recorders]}


def agree(comm: Comm, parts: Mapping[str, object]) -> None:
    """ValueError on all ranks if `parts` are not the same on all of them; it names the first that differs
    (collective)."""
    if comm.size == 1:
        return
    mine = {name: digest(part) for name, part in parts.items()}
    of_all = comm.allgather(mine)
    names = [name for other in of_all for name in _differences(of_all[0], other)]
    if names:
        raise ValueError(
            f"the ranks do not agree about {names[0]}: all of them must be given the same (random numbers without a "
            f"seed, or something that depends on the rank?)"
        )


def _differences(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> list[str]:
    return [name for name in max(one, other, key=len) if one.get(name) != other.get(name)]


def digest(value: object) -> bytes:
    """16 bytes that tell values apart: numbers, strings, arrays, sequences, mappings, frozen data, functions."""
    found = hashlib.blake2b(digest_size=16)
    _feed(found, value)
    return found.digest()


def _feed(found: hashlib.blake2b, value: object) -> None:
    found.update(type(value).__name__.encode() + b"\0")
    quantity = None if dataclasses.is_dataclass(value) else apart(value)
    if quantity is not None:
        _feed(found, quantity)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "O":  # whose memory holds addresses
        _feed(found, value.tolist())
    elif isinstance(value, Selection):  # its population is a part of its own
        _feed(found, (value.population.name, value.population.n, value.indices))
    elif isinstance(value, np.ndarray):
        found.update(f"{value.dtype.str}{value.shape}".encode())
        _feed_bytes(found, np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    elif hasattr(value, "__array__") and not isinstance(value, np.generic):  # pandas, xarray: repr leaves out most
        _feed(found, np.asarray(value))
    elif isinstance(value, EdgeFile):
        _feed(found, value.identity())
    elif isinstance(value, NeuronModel):
        found.update(FrozenStep.of(value).identity.encode())
        for field in dataclasses.fields(value):
            if field.name != "step":
                _feed(found, getattr(value, field.name))
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _feed(found, getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _feed(found, key)
            _feed(found, item)
    elif callable(value):
        _feed_function(found, value)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes | range):
        for item in value:
            _feed(found, item)
    else:
        found.update(repr(value).encode())
    found.update(b"\1")


def _feed_bytes(found: hashlib.blake2b, data: memoryview) -> None:
    """Feed a short array as it is, a long one as the CRC of each block: four times as fast, enough for accidents."""
    if len(data) <= BLOCK:
        found.update(data)
        return
    for begin in range(0, len(data), BLOCK):
        found.update(zlib.crc32(data[begin : begin + BLOCK]).to_bytes(4, "little"))


def _feed_function(found: hashlib.blake2b, function: Callable, outer: Sequence[Callable] = ()) -> None:
    """Feed the code of a function with its defaults, and the values and functions that it refers to; of a partial what
    it is made of; other callables by their type. `outer` are the functions that refer to this one."""
    function = getattr(function, "py_func", function)  # of one that is compiled
    if isinstance(function, functools.partial):
        _feed(found, (function.func, function.args, function.keywords))
    elif isinstance(function, FunctionType):
        found.update(function.__qualname__.encode() + code_bytes(function.__code__))
        values = {**defaults(function), **_referred(function)}
        for name, value in values.items():
            if isinstance(value, FunctionType) and value not in (function, *outer):
                _feed_function(found, value, (function, *outer))
            elif _is_plain(value):
                _feed(found, (name, value))
    else:
        found.update(type(function).__qualname__.encode())


def _referred(function: FunctionType) -> dict[str, object]:
    """Return the globals and the variables of a closure that a function refers to, by name."""
    cells: dict[str, object] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not assigned yet
            cells[name] = cell.cell_contents
    names = {name: is_cell for is_cell, name, _ in references(function.__code__)}
    held = {name: cells if is_cell else function.__globals__ for name, is_cell in names.items()}
    return {name: values[name] for name, values in held.items() if name in values}


def _is_plain(value: object) -> bool:
    """Return whether a value is one that all ranks feed alike: an object may show its address."""
    if isinstance(value, Mapping):
        return all(map(_is_plain, (*value.keys(), *value.values())))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, np.ndarray):
        return bool(value.dtype.kind != "O")
    return value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic)
