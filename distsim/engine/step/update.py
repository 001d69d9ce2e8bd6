"""The loop over the neurons of a block, written around a model's `step` and compiled with it.

Which arrays a model has, whether its parameters differ from neuron to neuron, whether it has one receptor or two and
how its input comes is known when the loop is written, so that LLVM sees scalars where numbers are shared and vectorises
the loop: reading them by an index that may be 0 or i costs ten times as much. What arrives at a neuron is read where it
was summed up, and zero is left there, so that input passes the caches once. The rows of a block's state lie ROW numbers
apart, a constant, so that it need not be found out at run time that they do not overlap.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core.ccallback import CFunc
from numba.core.compiler_lock import global_compiler_lock as compiling
from numba.extending import overload

from ...neurons import NeuronModel
from ...neurons.base import REDO
from ..compiled.cache import cfunc, njit
from ..compiled.frozen_step import FrozenStep
from ..compiled.intrinsics import NoAlias

TOO_MANY = 255  # spikes that stand for more than a model may emit in one step
ROW = 1024  # neurons of a block at most: state and input of a block stay in the L1 cache

_double, _int, _short, _pair, _byte = map(
    types.CPointer, (types.float64, types.int32, types.int16, types.uint16, types.uint8)
)


def byte(spikes):  # type: ignore[no-untyped-def]
    """Return a number of spikes as a byte, `TOO_MANY` where it is none that a byte can hold."""


@overload(byte, jit_options={"forceinline": True})
def choose_byte(spikes):  # type: ignore[no-untyped-def]  # Numba compares the signatures
    if spikes in (types.boolean, types.uint8):
        return lambda spikes: spikes
    return lambda spikes: np.uint8(spikes) if (spikes >= 0) & (spikes < TOO_MANY) else np.uint8(TOO_MANY)


class Variant(NamedTuple):
    """Properties of a loop that are known when it is written.

    Attributes
    ----------
    model : whose `step` it is written around. receptors : how many. by_neuron : whether propagators differ from neuron
        to neuron.
    fixed : whether what arrives is int32 in units, not float64. numbers : whether Poisson numbers of one input to the
        first receptor come with it. alike : the propagators that are the same for all neurons though others differ.
    """

    model: NeuronModel
    receptors: int
    by_neuron: bool
    fixed: bool
    numbers: bool
    alike: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the name of the loop in the cache, where all loops belong to this file."""
        return self.named(FrozenStep.of(self.model))

    def named(self, step: FrozenStep) -> str:
        """The name of the loop around `step`."""
        digest = hashlib.sha256(f"{step.identity}\n{loop_source(self)}".encode()).hexdigest()[:16]
        kind = f"{self.receptors}{'nb'[self.by_neuron]}{'df'[self.fixed]}{'rp'[self.numbers]}"
        return f"update_{re.sub('[^0-9A-Za-z_]', '_', self.model.name)[:40]}_{kind}_{digest}"


def loop_source(variant: Variant, name: str = "update") -> str:
    """Source of the function that advances `n` neurons by one step.

    Its arguments are n; state, float64, variable k of neuron i at [ROW k + i]; refractory, int16; par, float64,
    propagator k at [k], or of neuron i at [par_stride k + i] if `by_neuron`; ex and inh, what arrives at the first two
    receptors, int32 in `unit`s (float64) or float64, left at zero; numbers, uint16, shift and weight (float64): of a
    Poisson input, which adds weight times the byte that `shift` selects; current, float64 (pA), of neuron i at [i], or
    of all at [0] if `current_is_shared`, which spares reading it; fired, uint8, set to the number of spikes of each
    neuron; receptor_stride, from what arrives at the second receptor to the third, and so on; uniforms, float64, number
    k of neuron i at [ROW k + i]. Where the model has an `attempt`, that is made for all neurons, and `step` taken where
    it is not precise. No two arrays may overlap, but `inh` is not used where there is one receptor.
    """
    model, n_receptors, n_uniforms = variant.model, variant.receptors, len(variant.model.uniforms)
    unused = model.inhibitory if n_receptors == 1 else ()
    rows = {state: f"state[{ROW * k} + i]" for k, state in enumerate(model.states) if state not in unused}
    states = [rows.get(state, "0.0") for state in model.states]
    rows_in = [f"inh[{r - 1} * receptor_stride + i]" for r in range(2, n_receptors)]
    rows_in = ["ex[i]", "inh[i]", *rows_in][:n_receptors]
    arrived = [f"unit * {row}" if variant.fixed else row for row in rows_in]
    if variant.numbers:
        arrived[0] += " + weight * np.float64((numbers[i] >> shift) & np.uint16(255))"
    arrived = [*arrived, *["0.0"] * (len(model.inputs) - n_receptors)]
    # No name of the model's is used: it might be one of the loop's own.
    numbers = range(len(model.propagator_names))
    differ = [variant.by_neuron and name not in variant.alike for name in model.propagator_names]
    first = " * par_stride" if variant.by_neuron else ""
    shared = [f"    shared_{k} = par[{k}{first}]" for k in numbers if not differ[k]]
    propagators = [f"par[{k} * par_stride + i]" if differ[k] else f"shared_{k}" for k in numbers]
    results = [*(f"new_{k}" for k in range(len(model.states))), "wait", "spikes"]

    changed = [(rows[state], f"new_{k}") for k, state in enumerate(model.states) if state in rows]
    changed += [("refractory[i]", "wait"), ("fired[i]", "byte(spikes)"), *((row, "0") for row in rows_in)]

    def loop(current: str) -> list[str]:
        state = [*states, "refractory[i]", *arrived, current, *(f"uniforms[{ROW * k} + i]" for k in range(n_uniforms))]
        given = dict(zip(model.propagator_names, propagators, strict=True))
        step = f"step({', '.join([*state, *(given[name] for name in model.propagators_of(model.step))])})"
        if model.attempt is None:
            return [
                "        for i in range(n):",
                f"            {', '.join(results)} = {step}",
                *(f"            {place} = {value}" for place, value in changed),
            ]
        kept = [(place, value if place == "fired[i]" else f"{place} if redo else {value}") for place, value in changed]
        attempt = f"attempt({', '.join([*state, *(given[name] for name in model.propagators_of(model.attempt))])})"
        return [
            "        for i in range(n):",
            f"            {', '.join(results)} = {attempt}",
            f"            redo = spikes == {REDO}",
            *(f"            {place} = {value}" for place, value in kept),
            "        for i in range(n):",
            f"            if fired[i] == {REDO}:",
            f"                {', '.join(results)} = {step}",
            *(f"                {place} = {value}" for place, value in changed),
        ]

    return "\n".join(
        [
            f"def {name}(n, state, refractory, par, par_stride, ex, inh, unit, numbers, shift, weight, current,",
            "           current_is_shared, fired, receptor_stride, uniforms):",
            *shared,
            "    if current_is_shared:",
            "        shared_current = current[0]",
            *loop("shared_current"),
            "    else:",
            *loop("current[i]"),
            "    return 0",
        ]
    )


def compile_update(variant: Variant) -> CFunc:
    """The compiled loop, a C function."""
    row = _int if variant.fixed else _double
    whole, real = types.int64, types.float64
    signature = types.int32(
        whole,
        _double,
        _short,
        _double,
        whole,
        row,
        row,
        real,
        _pair,
        types.uint16,
        real,
        _double,
        whole,
        _byte,
        whole,
        _double,
    )
    frozen = FrozenStep.of(variant.model)
    name = variant.named(frozen)
    with compiling:
        step, attempt = frozen.copies()
        compiled = njit(forceinline=attempt is None)(step)
        names: dict[str, Any] = {"__name__": __name__, "step": compiled, "attempt": attempt, "np": np, "byte": byte}
        exec(compile(loop_source(variant, name), __file__, "exec"), names)
        return cfunc(signature, names[name], NoAlias)
