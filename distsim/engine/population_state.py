"""The neurons of this rank: their state variables and propagators, in flat arrays that the compiled update reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numba import cfunc, types

from ..distributions import Distribution
from ..elements import Population
from ..network import Network
from . import streams
from .connectivity import Layout
from .decomposition import Decomposition
from .stimulation import BLOCK

_double, _short, _byte = (types.CPointer(t) for t in (types.float64, types.int16, types.uint8))
_int = types.int64
UPDATE = types.int32(
    _int, _int, _double, _short, _double, _int, _int, _double, _int, _int, _double, _byte
)  # the arguments of iaf_psc_exp.update

# columns of Neurons.blocks
FIRST, LAST, ROW, SHARD, UPDATE_ADDRESS, PAR, PAR_STRIDE, PAR_STEP, RECEPTORS, SOURCE = range(10)


class Neurons(NamedTuple):
    """State of the local neurons.

    Attributes
    ----------
    blocks : int64 (n, 10), runs of at most BLOCK neurons of one model and parameter set within one shard: local ids
        FIRST ... LAST - 1, their place in the shard's row, how to update them.
    state : float64 (states, n_local); the first variable is V_m - E_L (mV).
    refractory : int16 (n_local,), steps left. current : float64 (n_local,), I_e and device currents (pA).
    propagators : float64, flat, group after group.
    emitted : int64 (n_local,), spikes since the start.
    inputs : float64 (2, BLOCK), scratch: weights that arrive in the step. fired : uint8 (BLOCK,), scratch.
    """

    blocks: np.ndarray
    state: np.ndarray
    refractory: np.ndarray
    current: np.ndarray
    propagators: np.ndarray
    emitted: np.ndarray
    inputs: np.ndarray
    fired: np.ndarray


def two_receptors(network: Network) -> np.ndarray:
    """Bool by population: whether excitatory and inhibitory input must be kept apart."""
    return np.array([p.model.receptors(p.parameters) == 2 for p in network.populations], bool)


def compiled_update(population: Population, compiled: dict) -> int:
    """Address of the model's compiled update."""
    if population.model.name not in compiled:
        compiled[population.model.name] = cfunc(UPDATE, cache=True)(population.model.update)
    return compiled[population.model.name].address


def plan_neurons(network: Network, seed: int, deal: Decomposition, layout: Layout, compiled: dict) -> Neurons:
    """State at time 0 and the blocks to update; `compiled` keeps the compiled functions alive."""
    n_states = max((p.model.n_states for p in network.populations), default=1)
    n = deal.n_local
    state, current = np.zeros((n_states, n)), np.zeros(n)
    propagators, rows, size = [], [], 0
    for number, population in enumerate(network.populations):
        first, last = deal.local_range(population.first, population.n)
        if not population.model.is_source:
            values = local_parameters(network, number, seed, deal)
            state[0, first:last] = values["V_m"] - values["E_L"]
            current[first:last] = values["I_e"]
        par, stride, step = _propagators(population, network.grid.dt_ms, deal)
        update = compiled_update(population, compiled)
        receptors = population.model.receptors(population.parameters)
        kind = (update, size, stride, step, receptors, population.model.is_source)
        same = rows and _mergeable(rows[-1], kind, propagators, par, first)
        if same:
            rows[-1] = (rows[-1][0], last, rows[-1][2])
            continue
        rows.append((first, last, kind))
        propagators.append(par)
        size += par.size
    blocks = [block for first, last, kind in rows for block in _blocks(first, last, kind, layout)]
    return Neurons(
        np.array(blocks, np.int64).reshape(-1, SOURCE + 1),
        state,
        np.zeros(n, np.int16),
        current,
        np.concatenate([*propagators, np.zeros(1)]),
        np.zeros(n, np.int64),
        np.zeros((2, BLOCK)),
        np.zeros(BLOCK, np.uint8),
    )


def local_parameters(network: Network, number: int, seed: int, deal: Decomposition) -> Mapping:
    """Parameters of population `number` on this rank: numbers, or arrays of its local neurons."""
    population = network.populations[number]
    first, last = deal.local_range(population.first, population.n)
    chosen = deal.gid(np.arange(first, last)) - population.first
    values = {}
    for object_, (name, value) in enumerate(population.parameters.items()):
        if isinstance(value, Distribution):
            owner = deal.gid(first)
            obj = number * 64 + object_
            u = streams.uniforms(last - first, owner, deal.size, obj, streams.INITIAL, seed)
            values[name] = value.quantile(u)
        else:
            values[name] = value if np.ndim(value) == 0 else value[chosen]
    return values


def _propagators(population: Population, dt: float, deal: Decomposition) -> tuple[np.ndarray, int, int]:
    """Flat propagators, distance of one to the next, distance of one neuron to the next (0 where all are alike)."""
    values = population.model.propagators(population.parameters, dt)
    if all(np.ndim(value) == 0 for value in values):
        return np.array(values, float).ravel(), 1, 0
    first, last = deal.local_range(population.first, population.n)
    chosen = deal.gid(np.arange(first, last)) - population.first
    table = np.array([np.broadcast_to(value, population.n)[chosen] for value in values])
    return table.ravel(), last - first, 1


def _mergeable(row, kind, propagators, par, first) -> bool:
    """Neighbouring populations alike in everything are updated as one."""
    (_, last, other) = row
    alike = kind[0] == other[0] and kind[2:] == other[2:] and kind[3] == 0
    return alike and last == first and np.array_equal(propagators[-1], par)


def _blocks(first: int, last: int, kind: tuple, layout: Layout) -> list[tuple]:
    update, par, stride, step, receptors, is_source = kind
    blocks = []
    a = first
    while a < last:
        shard = a // layout.width
        b = min(last, a + BLOCK, (shard + 1) * layout.width)
        offset = par + step * (a - first)
        row = a - shard * layout.width
        blocks.append((a, b, row, shard, update, offset, stride, step, receptors, int(is_source)))
        a = b
    return blocks
