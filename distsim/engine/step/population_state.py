"""The neurons of this rank: their state variables and propagators, in flat arrays that the compiled update reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...description.distributions import Distribution
from ...description.elements import Population, Value
from ...description.network import Network
from ...description.values import stand_ins
from ...neurons import NeuronModel
from ...parallel import Comm
from ..compiled.intrinsics import kernel
from ..random import streams
from .decomposition import Decomposition
from .layout import Layout
from .update import ROW

# A run of at most ROW neurons of one population in one shard.
BLOCK = np.dtype(
    [
        ("population", np.int64),
        ("first", np.int64),  # local ids first ... last - 1
        ("last", np.int64),
        ("slot", np.int64),  # their place in the shard's row
        ("shard", np.int64),
        ("state", np.int64),  # where their state begins
        ("is_source", np.int64),
        ("receptors", np.int64),
        ("par", np.int64),  # where their propagators begin
        ("par_stride", np.int64),
        ("shares_current", np.int64),  # whether all of them have the same current
        ("direct", np.int64),  # addresses of the loops that update them, see `model_loops`
        ("gathered", np.int64),
        ("takes_numbers", np.int64),  # whether the direct loop takes Poisson numbers
        ("most_spikes", np.int64),  # of one neuron in one step
        ("uniforms", np.int64),  # random numbers that a neuron takes in a step
    ]
)


class Neurons(NamedTuple):
    """State of the local neurons.

    Attributes
    ----------
    blocks : BLOCK (n,), runs of neurons that are updated together.
    state : float64, flat, block after block: variable k of the i-th neuron of a block at its `state` + ROW k + i.
    refractory : int16 (n_local,), steps left.
    I_e, device, waves, current : float64 (n_local,), pA: constant currents, those of devices that step (`Currents`)
        and of time-varying devices (`Waves`), and their sum.
    propagators : float64, flat, population after population.
    emitted : int64 (n_local,), spikes since the start.
    inputs : float64 (receptors, ROW), scratch: what is gathered of the weights that arrive in the step.
    fired : uint8 (ROW,), scratch.
    overrun : int64 (1,), a local neuron that emitted more spikes than its model may, -1 if none did.
    words, uniforms : uint32 (4, ROW), float64 (numbers of a neuron in a step, ROW), scratch: random numbers.
    """

    blocks: np.ndarray
    state: np.ndarray
    refractory: np.ndarray
    I_e: np.ndarray
    device: np.ndarray
    waves: np.ndarray
    current: np.ndarray
    propagators: np.ndarray
    emitted: np.ndarray
    inputs: np.ndarray
    fired: np.ndarray
    overrun: np.ndarray
    words: np.ndarray
    uniforms: np.ndarray


def receptors_of(network: Network) -> np.ndarray:
    """Return how many receptors the neurons of each population have, int64: kinds of input that are kept apart."""
    return np.array([p.model.n_receptors(stand_ins(p.parameters)) for p in network.populations], np.int64)


def plan_neurons(
    network: Network, of_populations: Sequence[Mapping[str, Value]], seed: int, deal: Decomposition, layout: Layout
) -> Neurons:
    """State at time 0, by the parameters `of_populations`, and the blocks to update, still without loops."""
    blocks, size = _place_blocks(network, deal, layout)
    n = deal.n_local
    neurons = Neurons(
        blocks,
        np.zeros(size),
        np.zeros(n, np.int16),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(0),
        np.zeros(n, np.int64),
        np.zeros((max(2, layout.receptors), ROW)),
        np.zeros(ROW, np.uint8),
        np.full(1, -1, np.int64),
        np.zeros((4, ROW), np.uint32),
        np.zeros((max([1, *(len(p.model.uniforms) for p in network.populations)]), ROW)),
    )
    for number, population in enumerate(network.populations):
        model, parameters = population.model, of_populations[number]
        lids = np.arange(*deal.local_range(population.first, population.n))
        for name in model.initial:
            values = local_values(network, number, name, parameters[name], lids, seed, deal)
            neurons.state[places_of(neurons, model, name, lids)] = values - reference_values(
                network, number, name, parameters, deal.gid(lids)
            )
        if model.current:
            neurons.I_e[lids] = local_values(
                network, number, model.current, parameters[model.current], lids, seed, deal
            )
    sum_currents(neurons, np.arange(n))
    find_shared_currents(neurons)
    return with_parameters(neurons, network, of_populations, deal)


@kernel(cache=True)
def sum_currents(neurons, lids):
    """Bring the `current` of the local neurons `lids` up to date."""
    for lid in lids:
        neurons.current[lid] = neurons.I_e[lid] + neurons.device[lid] + neurons.waves[lid]


@kernel(cache=True)
def find_shared_currents(neurons):
    """Bring up to date in which blocks all neurons have the same current."""
    for b in range(neurons.blocks.size):
        block = neurons.blocks[b]
        is_shared = True
        for lid in range(block.first, block.last):
            is_shared &= neurons.current[lid] == neurons.current[block.first]
        block.shares_current = is_shared


def _place_blocks(network: Network, deal: Decomposition, layout: Layout) -> tuple[np.ndarray, int]:
    """The blocks, not yet with what depends on parameters, and the size of their state."""
    blocks, size = [], 0
    for number, population in enumerate(network.populations):
        first, last = deal.local_range(population.first, population.n)
        while first < last:
            shard = first // layout.width
            end = min(last, first + ROW, (shard + 1) * layout.width)
            place = (number, first, end, first - shard * layout.width, shard, size, int(population.model.is_source))
            blocks.append((*place, *[0] * (len(BLOCK.names or ()) - len(place))))
            size += ROW * len(population.model.states)
            first = end
    return np.array(blocks, BLOCK), size


def state_places(neurons: Neurons, lids: np.ndarray, k: int | np.ndarray = 0) -> np.ndarray:
    """Return where state variable `k` of local neurons is in `state`, int64."""
    if not lids.size:
        return np.zeros(0, np.int64)
    block = neurons.blocks[np.searchsorted(neurons.blocks["first"], lids, side="right") - 1]
    places: np.ndarray = block["state"] + ROW * k + lids - block["first"]
    return places


def places_of(neurons: Neurons, model: NeuronModel, name: str, lids: np.ndarray) -> np.ndarray:
    """Return where the state of the recordable `name` of local neurons, all of `model`, is in `state`, int64."""
    return state_places(neurons, lids, model.states.index(model.recordables[name].state))


def reference_values(
    network: Network, number: int, name: str, parameters: Mapping[str, Value], gids: np.ndarray
) -> np.ndarray:
    """Return what is to be added to the state of the recordable `name` of neurons `gids` of population `number`."""
    population = network.populations[number]
    reference = population.model.recordables[name].reference
    value = 0.0 if reference is None else parameters[reference]
    values: np.ndarray = np.broadcast_to(np.asarray(value), population.n)[gids - population.first]
    return values


def with_parameters(
    neurons: Neurons, network: Network, parameters: Sequence[Mapping[str, Value]], deal: Decomposition
) -> Neurons:
    """`neurons` updated by these `parameters` of the populations (numbers or arrays of n numbers) from now on."""
    tables, size = [np.zeros(0)], 0
    for number, (population, values) in enumerate(zip(network.populations, parameters, strict=True)):
        first, last = deal.local_range(population.first, population.n)
        table = _propagators(population, values, network.grid.dt_ms, deal.gid(np.arange(first, last)))
        by_neuron = table.ndim == 2
        blocks = neurons.blocks[neurons.blocks["population"] == number]
        blocks["receptors"] = population.model.n_receptors(values)
        blocks["most_spikes"], blocks["uniforms"] = population.model.most_spikes, len(population.model.uniforms)
        blocks["par"] = size + (blocks["first"] - first if by_neuron else 0)
        blocks["par_stride"] = last - first
        neurons.blocks[neurons.blocks["population"] == number] = blocks
        tables.append(table.ravel())
        size += table.size
    return neurons._replace(propagators=np.concatenate(tables))


def _propagators(population: Population, parameters: Mapping, dt: float, gids: np.ndarray) -> np.ndarray:
    """Propagators in the order of `step`: (k,) where all neurons share them, otherwise (k, local neurons)."""
    values = list(population.model.propagator_values(parameters, dt).values())
    if all(np.ndim(value) == 0 for value in values):
        return np.array(values, float)
    return np.array([np.broadcast_to(value, population.n)[gids - population.first] for value in values])


def too_many_spikes(comm: Comm, network: Network, deal: Decomposition, neurons: Neurons) -> str:
    """Return what to tell of a neuron that emitted more spikes in one step than its model may (collective)."""
    mine = int(neurons.overrun[0])
    gid = max(comm.allgather(-1 if mine < 0 else int(deal.gid(mine))))
    population = next(p for p in network.populations if p.first <= gid < p.first + p.n)
    model = population.model
    return (
        f"{model.name}: its step returned more spikes than most_spikes = {model.most_spikes}, or fewer than 0, for "
        f"neuron {gid - population.first} of {population.name}, and the run cannot go on"
    )


def drawn_object(population: Population, number: int, name: str) -> int:
    """Return the number that tells the random numbers of parameter `name` of population `number` from others."""
    return number * 64 + list(population.parameters).index(name)


def local_values(
    network: Network,
    number: int,
    name: str,
    value: Value,
    lids: np.ndarray,
    seed: int,
    deal: Decomposition,
    change: int = 0,
) -> np.ndarray:
    """Parameter `name` of neurons `lids` (ascending) of population `number`: drawn, chosen or shared; float64.

    `change` tells apart what is drawn at the start (0) and by later changes of parameters.
    """
    population = network.populations[number]
    if not isinstance(value, Distribution):
        values: np.ndarray = np.broadcast_to(np.asarray(value), population.n)[deal.gid(lids) - population.first]
        return values
    obj = drawn_object(population, number, name)
    return value.quantile(streams.uniforms(deal.gid(lids), change, obj, streams.INITIAL, seed))
