"""Describe a network as a text: populations, projections, inputs, recorders, memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .elements import FOREVER, Population, Projection, Recorder
from .indices import bracketed
from .quantities import shown
from .rules import Explicit

IN_STEPS = ("delay", "start", "stop", "times", "interval")  # fields that hold steps, shown in ms
ELSEWHERE = ("populations", "projections", "recorders")  # lists of a network that are not inputs

Memory = Callable[[int], int]  # from a number of ranks to the bytes that each of them needs


def summarize(network: Any, ranks: Sequence[int], memory: Memory) -> str:
    """Return a description of `network` in lines.

    Parameters
    ----------
    network : Network
        What was described.
    ranks : sequence of int
        Numbers of ranks whose memory is estimated.
    memory : callable
        Bytes that each rank needs, by the number of ranks.
    """
    needed = {size: memory(size) for size in ranks}  # first: edge lists in files are read for it
    about = [expected(p) for p in network.projections]
    total, n_sources = sum(n for n, _ in about), network.n - network.n_neurons
    counts = [f"{network.n_neurons:,} neurons", *([f"{n_sources:,} sources"] if n_sources else [])]
    is_exact = all(exact for _, exact in about)
    head = f"network of {' and '.join(counts)}, {_many(total, is_exact)} synapses, dt {network.grid.dt_ms:g} ms"
    inputs = [device for name, value in vars(network).items() if name not in ELSEWHERE and isinstance(value, list)
              for device in value if not device.target.population.model.is_source]  # fmt: skip
    sections = {
        "populations": [_population(p) for p in network.populations],
        "projections": [_projection(p) for p in network.projections],
        "inputs": [_device(network, device) for device in inputs],
        "recorders": [_recorder(network, recorder) for recorder in network.recorders],
        "memory": [_memory(size, n_bytes) for size, n_bytes in needed.items()],
    }
    lines = [head]
    for title, rows in sections.items():
        lines += ["", title, *_aligned(rows)]
    return "\n".join(lines)


def expected(projection: Projection) -> tuple[int, bool]:
    """Return the synapses of a projection, and whether they are just as many or a mean."""
    rule = projection.rule
    return round(rule.expected(len(projection.source), len(projection.target))), rule.is_exact


def value_in_words(value: object) -> str:
    """Return a number, a distribution or the size and range of an array."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{value.size:,} values, {value.min():g} to {value.max():g}" if value.size else "0 values"
    return f"{value:g}" if isinstance(value, float | np.number) else _short(value)


def _short(value: object) -> str:
    """Return the text of a rule or distribution without what holds unless one says otherwise."""
    text = str(value)
    for usual in (", base=0.0", ", minimum=-inf", ", maximum=inf", ", allow_autapses=True", ", allow_multapses=True"):
        text = text.replace(usual, "")
    return text


def _many(n: int, is_exact: bool) -> str:
    return f"{n:,}" if is_exact else f"about {n:,}"


def _population(population: Population) -> list[str]:
    defaults: Mapping[str, object] = population.model.defaults()
    given = [
        f"{name} {value_in_words(value)} {population.model.parameters[name].unit}".rstrip()
        for name, value in population.parameters.items()
        if isinstance(value, np.ndarray) or value != defaults.get(name)
    ]
    if population.spike_trains is not None:
        given = [f"{population.spike_trains.size:,} spikes"]
    if population.positions is not None:
        given.append(f"positions {population.positions}")
    return [population.name, f"{population.n:,}", population.model.name, ", ".join(given)]


def _projection(projection: Projection) -> list[str]:
    ends = [_part(end) for end in (projection.source, projection.target)]
    population, rule = projection.target.population, projection.rule
    unit = population.model.weight_unit
    name = "explicit" if isinstance(rule, Explicit) else _short(rule)
    weight, delay = (value_in_words(value) for value in (projection.weight, projection.delay))
    return [
        " -> ".join(ends),
        f"{_many(*expected(projection))} synapses",
        name,
        f"weight {weight} {unit}",
        f"delay {delay} ms",
        "" if projection.receptor is None else f"receptor {population.model.first_receptor + projection.receptor}",
    ]


def _part(selection: Any) -> str:
    population = selection.population
    is_whole = len(selection) == population.n
    return str(population.name) if is_whole else f"{population.name}{bracketed(selection.indices)}"


def _device(network: Any, device: Any) -> list[str]:
    """Return the row of an input of any kind: what it is, whom it reaches, its numbers."""
    numbers = []
    for field in dataclasses.fields(device):
        value = getattr(device, field.name)
        if field.name in ("target", "origin") or value is None or (field.name == "stop" and value == FOREVER):
            continue
        if field.name == "receptor":
            value += device.target.population.model.first_receptor
        if field.name in IN_STEPS and isinstance(value, int | np.integer | np.ndarray):
            numbers.append(f"{field.name} {value_in_words(network.grid.ms(value))} ms")
        elif dataclasses.is_dataclass(value):
            numbers.append(f"{field.name} {value}")
        else:
            numbers.append(f"{field.name} {value_in_words(value) if np.ndim(value) else shown(value)}")
    return [type(device).__name__, _part(device.target), ", ".join(numbers)]


def _recorder(network: Any, recorder: Recorder) -> list[str]:
    ms = network.grid.ms
    named = f" as {recorder.name}" if recorder.name != recorder.what else ""
    every = "" if recorder.what == recorder.name == "spikes" else f"every {ms(recorder.interval):g} ms"
    window = "" if recorder.stop == FOREVER and not recorder.start else f"after {ms(recorder.start):g} ms"
    if recorder.stop != FOREVER:
        window += f" up to {ms(recorder.stop):g} ms"
    return [f"{recorder.what}{named}", _part(recorder.target), f"{every} {window}".strip()]


def _memory(size: int, n_bytes: int) -> list[str]:
    ranks = "1 rank" if size == 1 else f"{size} ranks"
    each = f"about {n_bytes / 1e9:.2f} GB"
    return [ranks, each if size == 1 else f"{each} each, {size * n_bytes / 1e9:.2f} GB together"]


def _aligned(rows: list[list[str]]) -> list[str]:
    """Return rows of cells as lines with columns of equal width."""
    if not rows:
        return ["  none"]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
