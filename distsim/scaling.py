"""How long a step takes on any number of ranks, and what each holds: a model of strong scaling.

With N neurons, E synaptic events, S spikes and G(P) entries of the index a step, on P ranks (s):

    deliver    c_event E / P + c_segment G(P)       every rank looks up every spike, once for each delay that occurs, or
                                                    once where its index is by source
    update     c_neuron N / P
    stimulate  c_stimulus N / P
    exchange   2 alpha ceil(log2 P) / k + (4 P + 4 S) / beta      an Allgather of counts and an Allgatherv of ids, once
                                                    in k steps: messages of latency alpha, bandwidth beta; 0 on one rank
    step       c_step                               what belongs to no phase

Neurons are dealt out one by one, so ranks differ little; waiting for each other is not in the model. Nor are caches,
which hold more of a rank's part where there are more ranks, and events are taken to cost the same with either index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .engine.connectivity import delays_in_use, goes_by_source, n_expected, n_in_table, plan_layout
from .engine.memory import estimate_arrays
from .engine.population_state import two_receptors
from .engine.update import ROW
from .models import microcircuit
from .network import Network

PHASES = ("deliver", "update", "stimulate", "exchange", "step")
SIZES = tuple(np.unique(np.round(2.0 ** np.arange(0, 10.25, 0.25)).astype(int)).tolist())  # 1 to 1024 ranks
OF_MEMORY = (2, 16, 64, 512)  # ranks


@dataclass(frozen=True)
class Costs:
    """Seconds for a synaptic event, an entry of the index, a neuron, its stimulus, a step; of a message the latency
    alpha (s) and the bandwidth beta (bytes/s)."""

    event: float
    segment: float
    neuron: float
    stimulus: float
    step: float
    alpha: float
    beta: float


@dataclass(frozen=True)
class Load:
    """What a network does: neurons, and, in a step on average, synaptic events and spikes; synapses that are in no
    matrix; delays, int64 steps."""

    network: Network
    neurons: int
    events: float
    spikes: float
    in_table: int
    delays: np.ndarray

    @property
    def interval(self) -> int:
        """Steps between two exchanges."""
        return int(self.delays[0]) if self.delays.size else 1

    def segments(self, size: int) -> float:
        """Entries of the index that each of `size` ranks looks up in a step."""
        receptors = 2 if two_receptors(self.network).any() else 1
        layout = plan_layout(-(-self.network.n // size), receptors, ROW)
        by_source = goes_by_source(self.network.n, self.in_table / size, layout, self.delays)
        return self.spikes * (1 if by_source else self.delays.size) * layout.n_shards


def load_of(network: Network, rates: Mapping[str, float]) -> Load:
    """What `network` does where its populations fire at `rates` (spikes/s)."""
    dt = network.grid.dt_ms / 1e3
    spikes = {p.name: p.n * rates.get(p.name, 0.0) * dt for p in network.populations}
    events = 0.0
    for projection in network.projections:
        source = projection.source.population
        events += n_expected(projection) * spikes[source.name] / max(1, source.n)
    total, delays = sum(spikes.values()), delays_in_use(network)
    return Load(network, network.n_neurons, events, total, n_in_table(network), delays)


def microcircuit_load(scale: float = 1.0, rates: Mapping[str, float] | None = None) -> Load:
    """The microcircuit, at natural density (scale 1) by default, at the rates of the full-scale model or at `rates`."""
    parameters = microcircuit.Parameters(N_scaling=scale, K_scaling=scale)
    return load_of(microcircuit.describe(parameters), rates or microcircuit.reference_rates(parameters))


def step_times(load: Load, costs: Costs, sizes: Iterable[int] = SIZES) -> dict[str, np.ndarray]:
    """Seconds of a step by phase, an array over the numbers of ranks in `sizes`."""
    sizes = np.array(list(sizes))
    segments = np.array([load.segments(int(size)) for size in sizes])
    levels = np.ceil(np.log2(sizes))
    exchange = 2 * costs.alpha * levels / load.interval + (4.0 * sizes + 4.0 * load.spikes) / costs.beta
    return {
        "deliver": costs.event * load.events / sizes + costs.segment * segments,
        "update": costs.neuron * load.neurons / sizes,
        "stimulate": costs.stimulus * load.neurons / sizes,
        "exchange": np.where(sizes > 1, exchange, 0.0),
        "step": np.full(sizes.size, costs.step),
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


def fit_costs(load: Load, measured: Mapping[str, float], segment: float, alpha: float, beta: float) -> Costs:
    """The costs that explain what was `measured` on 2 ranks, whose caches are closer to those of many than one's.

    Parameters
    ----------
    measured : seconds of a step by phase; 'step' being what is in no phase.
    segment : s, as `segment_cost` finds it. alpha, beta : of the network that is to connect the ranks.
    """
    event = max(0.0, 2 * (measured["deliver"] - segment * load.segments(2)) / load.events) if load.events else 0.0
    neuron, stimulus = 2 * measured["update"] / load.neurons, 2 * measured["stimulate"] / load.neurons
    return Costs(event, segment, neuron, stimulus, measured["step"], alpha, beta)


def segment_cost(load: Load, one: float, two: float) -> float:
    """Seconds of an entry of the index, from deliveries that take `one` s a step on 1 rank and `two` s on 2 ranks:
    what is not halved.

    Raises
    ------
    ValueError : two ranks look up half as much each (one rank has two shards), so that nothing tells entries and events
        apart; a smaller network does.
    """
    left = 2 * load.segments(2) - load.segments(1)
    if left <= 0:
        raise ValueError(f"{load.neurons} neurons are two shards on one rank: measure a smaller network")
    return max(0.0, (2 * two - one) / left)


def memory_by_ranks(network: Network, sizes: Sequence[int] = OF_MEMORY) -> dict[int, dict[str, int]]:
    """Bytes of the arrays on each of so many ranks, by what they hold (`engine.memory.estimate_arrays`)."""
    return {size: estimate_arrays(network, size) for size in sizes}
