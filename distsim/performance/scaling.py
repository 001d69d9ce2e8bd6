"""Predict the time of a step and the memory of a rank for any number of ranks: a model of strong scaling.

With N neurons, E synaptic events and S spikes a step, D delays, on P ranks (s):

    deliver    c_event E / P + c_segment D S        every rank looks up every spike, once for each delay that occurs
               or c_pushed E / P + c_source S       or once, where its table goes by source
    update     c_neuron N / P
    stimulate  c_stimulus N / P
    exchange   a alpha ceil(log2 P) / k + 4 P (k + r) / (k beta) [+ 4 S / beta]
                                                    once in k steps an Allgather of packets that hold r ids (a = 1), and
                                                    where k S / P > r an Allgatherv of all ids (a = 2); messages of
                                                    latency alpha, bandwidth beta; 0 on one rank
    rest       c_rest                               what belongs to no phase

Neurons are dealt out one by one, so ranks differ little; waiting for each other is not in the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..description.network import Network
from ..engine.connectivity.synapse_plan import n_expected
from ..engine.connectivity.table_plan import TablePlan, plan_table
from ..engine.memory import estimate_arrays
from ..engine.step.exchange import traffic
from ..networks import Microcircuit

PHASES = ("deliver", "update", "stimulate", "exchange", "rest")
SIZES = tuple(np.unique(np.round(2.0 ** np.arange(0, 10.25, 0.25)).astype(int)).tolist())  # 1 to 1024 ranks
OF_MEMORY = (2, 16, 64, 512)  # ranks


@dataclass(frozen=True)
class Costs:
    """Seconds for a synaptic event and a segment where the table goes by delay, for an event and a spike where it goes
    by source, for a neuron, its stimulus, the rest of a step; of messages: latency alpha (s), bandwidth beta (B/s)."""

    event: float
    segment: float
    pushed: float
    source: float
    neuron: float
    stimulus: float
    rest: float
    alpha: float
    beta: float


@dataclass(frozen=True)
class Load:
    """Work of a network: the layout of its synapses, neurons, and, in a mean step, synaptic events and spikes."""

    plan: TablePlan
    neurons: int
    events: float
    spikes: float

    @property
    def network(self) -> Network:
        """The network whose load it is."""
        return self.plan.network

    @property
    def interval(self) -> int:
        """Steps between two exchanges."""
        return self.plan.shortest_delay or 1

    def by_source(self, size: int) -> bool:
        """Return whether the tables of `size` ranks go by source."""
        return self.plan.on(size).by_source

    def lookups(self, size: int, by_source: bool) -> float:
        """Entries of the index that each of `size` ranks looks up in a step."""
        return self.spikes * (1 if by_source else self.plan.delays.size) * self.plan.on(size).layout.n_shards


def load_of(network: Network, rates: Mapping[str, float]) -> Load:
    """Return the work of `network` if its populations fire at `rates` (spikes/s)."""
    dt = network.grid.dt_ms / 1e3
    spikes = {p.name: p.n * rates.get(p.name, 0.0) * dt for p in network.populations}
    events = 0.0
    for projection in network.projections:
        source = projection.source.population
        events += n_expected(projection) * spikes[source.name] / max(1, source.n)
    return Load(plan_table(network, 1), network.n_neurons, events, sum(spikes.values()))


def microcircuit_load(scale: float = 1.0, rates: Mapping[str, float] | None = None) -> Load:
    """The microcircuit, at natural density (scale 1) by default, at the rates of the full-scale model or at `rates`."""
    model, parameters = Microcircuit(), Microcircuit.Parameters(N_scaling=scale, K_scaling=scale)
    return load_of(model.describe(parameters), rates or model.reference_rates(parameters))


def step_times(load: Load, costs: Costs, sizes: Iterable[int] = SIZES) -> dict[str, np.ndarray]:
    """Seconds of a step by phase, an array over the numbers of ranks in `sizes`."""
    sizes = np.array(list(sizes))
    levels = np.ceil(np.log2(sizes))
    k = load.interval
    collectives, n_bytes = np.array([traffic(int(size), k, k * load.spikes) for size in sizes]).T
    exchange = (collectives * costs.alpha * levels + n_bytes / costs.beta) / k
    return {
        "deliver": np.array([deliver_time(load, costs, int(size), load.by_source(int(size))) for size in sizes]),
        "update": costs.neuron * load.neurons / sizes,
        "stimulate": costs.stimulus * load.neurons / sizes,
        "exchange": exchange,
        "rest": np.full(sizes.size, costs.rest),
    }


def exchange_dominates(load: Load, costs: Costs, most: int = 1 << 20) -> int | None:
    """The least number of ranks on which the exchange takes longer than everything else; None if none up to `most`."""
    below, above = 1, 2
    while not _dominated(load, costs, above):
        below, above = above, 2 * above
        if above > most:
            return None
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if _dominated(load, costs, middle) else (middle, above)
    return above


def _dominated(load: Load, costs: Costs, size: int) -> bool:
    times = step_times(load, costs, [size])
    return bool(times["exchange"][0] > sum(t[0] for phase, t in times.items() if phase != "exchange"))


def deliver_time(load: Load, costs: Costs, size: int, by_source: bool) -> float:
    """Seconds of a step's delivery on each of `size` ranks."""
    event, lookup = (costs.pushed, costs.source) if by_source else (costs.event, costs.segment)
    return event * load.events / size + lookup * load.lookups(size, by_source)


def fit_costs(
    load: Load, measured: Mapping[str, float], alone: Mapping[tuple[int, bool], float], alpha: float, beta: float
) -> Costs:
    """The costs that explain what was measured.

    Parameters
    ----------
    measured : seconds of a step by phase on 2 ranks, whose caches are closer to those of many than one's; 'rest' being
        what is in no phase.
    alone : seconds of a step's delivery on one of `size` ranks, by (size, by_source), two sizes of each layout.
    alpha, beta : of the network that is to connect the ranks.
    """
    (event, segment), (pushed, source) = (_two_costs(load, alone, by_source) for by_source in (False, True))
    neuron, stimulus = 2 * measured["update"] / load.neurons, 2 * measured["stimulate"] / load.neurons
    return Costs(event, segment, pushed, source, neuron, stimulus, measured["rest"], alpha, beta)


def _two_costs(load: Load, alone: Mapping[tuple[int, bool], float], by_source: bool) -> np.ndarray:
    sizes = [size for size, layout in alone if layout == by_source]
    amounts = [(load.events / size, load.lookups(size, by_source)) for size in sizes]
    costs: np.ndarray = np.maximum(np.linalg.solve(amounts, [alone[size, by_source] for size in sizes]), 0.0)
    return costs


def memory_by_ranks(network: Network, sizes: Sequence[int] = OF_MEMORY) -> dict[int, dict[str, int]]:
    """Bytes of the arrays on each of so many ranks, by what they hold (`engine.memory.estimate_arrays`)."""
    plan = plan_table(network, 1)
    return {size: estimate_arrays(plan.on(size)) for size in sizes}
