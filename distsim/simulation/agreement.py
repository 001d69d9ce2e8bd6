"""Check that all ranks built the same network: an unseeded generator in a script would let them differ silently."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..description.edge_files import EdgeFile
from ..description.elements import PoissonInput, Selection, StepCurrent
from ..description.network import Network
from ..description.units import apart
from ..engine.compiled.frozen_step import FrozenStep
from ..neurons import NeuronModel
from ..parallel import Comm

BLOCK = 1 << 16  # bytes


def described(network: Network, seed: int) -> dict[str, object]:
    """The parts of a description by what a message may call them."""
    parts: dict[str, object] = {"the seed": seed, "dt": network.grid.dt_ms}
    parts |= {f"population {population.name}": population for population in network.populations}
    for number, p in enumerate(network.projections):
        parts[f"projection {number}, {p.source.population.name} -> {p.target.population.name}"] = p
    devices: dict[str, Sequence[PoissonInput | StepCurrent]]
    devices = {"Poisson input": network.poisson_inputs, "step current": network.step_currents}
    for kind, those in devices.items():
        parts |= {f"{kind} {number} into {d.target.population.name}": d for number, d in enumerate(those)}
    return {**parts, "what is recorded": [network.recorders]}


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
        found.update(FrozenStep(value.step, value.name).identity.encode())
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


def _feed_function(found: hashlib.blake2b, function: Callable) -> None:
    """Feed the code of a function, and what it is the partial of; other callables by their type."""
    if isinstance(function, functools.partial):
        _feed(found, (function.func, function.args, function.keywords))
    elif hasattr(function, "__code__"):
        found.update(function.__qualname__.encode() + function.__code__.co_code)
    else:
        found.update(type(function).__qualname__.encode())
