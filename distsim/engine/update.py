"""The loop over the neurons of a block, written around a model's `step` and compiled with it.

Which arrays a model has, whether its parameters differ from neuron to neuron and whether it has one receptor or two is
known when the loop is written, so that LLVM sees scalars where numbers are shared and vectorises the loop: reading
them by an index that may be 0 or i costs ten times as much. The rows of a block lie ROW numbers apart, a constant, so
that it need not be found out at run time that they do not overlap.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numba import types

from ..neurons import NeuronModel
from .cache import cfunc, njit

ROW = 1024  # neurons of a block at most: state and input of a block stay in the L1 cache

_double, _short, _byte = (types.CPointer(t) for t in (types.float64, types.int16, types.uint8))
UPDATE = types.int32(types.int64, _double, _short, _double, types.int64, _double, _double, types.int64, _byte)


def loop_source(model: NeuronModel, receptors: int, by_neuron: bool, name: str = "update") -> str:
    """Source of the function that advances `n` neurons by one step and returns the number of their spikes.

    Its arguments are n; state, float64, variable k of neuron i at [ROW k + i]; refractory, int16; par, float64,
    propagator k at [k], or of neuron i at [par_stride k + i] if `by_neuron`; inputs, float64, what arrives at receptor
    r at [ROW r + i]; current, float64 (pA), of neuron i at [i], or of all at [0] if `current_is_shared`, which spares
    reading it; fired, uint8, set to the number of spikes of each neuron.
    """
    unused = model.inhibitory if receptors == 1 else ()
    rows = {state: f"state[{ROW * k} + i]" for k, state in enumerate(model.states) if state not in unused}
    states = [rows.get(state, "0.0") for state in model.states]
    inputs = ["inputs[i]", f"inputs[{ROW} + i]" if receptors == 2 else "0.0"]
    shared = [f"    {p} = par[{k}]" for k, p in enumerate(model.propagator_names) if not by_neuron]
    propagators = [f"par[{k} * par_stride + i]" if by_neuron else p for k, p in enumerate(model.propagator_names)]
    results = [*(f"new_{state}" for state in model.states), "wait", "spikes"]

    def loop(current: str) -> list[str]:
        arguments = [*states, "refractory[i]", *inputs, current, *propagators]
        return [
            "        for i in range(n):",
            f"            {', '.join(results)} = step({', '.join(arguments)})",
            *(f"            {row} = new_{state}" for state, row in rows.items()),
            "            refractory[i] = wait",
            "            fired[i] = spikes",
        ]

    lines = [
        f"def {name}(n, state, refractory, par, par_stride, inputs, current, current_is_shared, fired):",
        *shared,
        "    if current_is_shared:",
        "        shared_current = current[0]",
        *loop("shared_current"),
        "    else:",
        *loop("current[i]"),
        "    total = 0",
        "    for i in range(n):",
        "        total += fired[i]",
        "    return total",
    ]
    return "\n".join(lines)


def loop_name(model: NeuronModel, receptors: int, by_neuron: bool) -> str:
    """What tells loops apart in the cache: all of them belong to this file."""
    code = model.step.__code__
    digest = hashlib.sha256(code.co_code + repr((code.co_consts, code.co_names)).encode()).hexdigest()[:16]
    return f"update_{model.name}_{receptors}_{'by_neuron' if by_neuron else 'shared'}_{digest}"


def compile_update(model: NeuronModel, receptors: int, by_neuron: bool):
    """The compiled loop, a C function of type UPDATE."""
    name = loop_name(model, receptors, by_neuron)
    names = {"__name__": __name__, "step": njit(forceinline=True)(model.step), "np": np}
    exec(compile(loop_source(model, receptors, by_neuron, name), __file__, "exec"), names)
    return cfunc(UPDATE, names[name])
