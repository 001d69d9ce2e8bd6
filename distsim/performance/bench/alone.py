"""Delivery as one rank of many does it, measured on one core: its share of the synapses, the spikes of all."""

from __future__ import annotations

import time

import numpy as np

from ...description.network import Network
from ...engine.compiled.intrinsics import kernel
from ...engine.connectivity.build import connect
from ...engine.connectivity.table_plan import plan_table
from ...engine.step.decomposition import Decomposition
from ...engine.step.delivery import History, Scratch, Synapses, deliver, make_scratch

STEPS, BEFORE = 1000, 200  # that are measured, and in which spikes are emitted before
BEST_OF = 5


def deliver_alone(network: Network, rates: dict[str, float], size: int, by_source: bool) -> float:
    """Seconds of a step's delivery on rank 0 of `size` ranks, where the populations fire at `rates` (spikes/s), each
    neuron by chance; the least of several measurements."""
    plan = plan_table(network, size, by_source=by_source)
    synapses, _ = connect(plan, 1, Decomposition(network.n, size, 0))
    history, scratch = random_spikes(network, rates), make_scratch(synapses)
    seconds = []
    for _ in range(BEST_OF + 1):
        started = time.perf_counter()
        deliver_steps(BEFORE, BEFORE + STEPS, synapses, history, scratch)
        seconds.append((time.perf_counter() - started) / STEPS)
        synapses.row[:] = 0
        synapses.row_fixed[:] = 0
    return min(seconds[1:])


def random_spikes(network: Network, rates: dict[str, float]) -> History:
    """The spikes of BEFORE + STEPS steps."""
    rng, dt = np.random.default_rng(1), network.grid.dt_ms / 1e3
    p = np.concatenate([np.full(population.n, rates[population.name] * dt) for population in network.populations])
    trains = [np.flatnonzero(rng.random(p.size) < p) for _ in range(BEFORE + STEPS)]
    counts = np.array([train.size for train in trains])
    gids = np.zeros(1 << int(counts.sum()).bit_length(), np.uint32)
    gids[: counts.sum()] = np.concatenate(trains)
    ring = 1 << (BEFORE + STEPS).bit_length()
    first, count = np.zeros(ring, np.int64), np.zeros(ring, np.int64)
    first[: counts.size], count[: counts.size] = np.cumsum(counts) - counts, counts
    return History(gids, first, count)


@kernel()
def deliver_steps(start: int, stop: int, synapses: Synapses, history: History, scratch: Scratch) -> int:
    events = 0
    for t in range(start, stop):
        events += deliver(t, synapses, history, scratch)
    return events
