"""How long an interval is, and the buffers in which its spikes and voltages are until they are handed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...description.network import Network
from ...neurons.sources import MOST_SPIKES
from . import loop
from .decomposition import Decomposition
from .delivery import History
from .exchange import SpikeExchange, plan_exchange
from .population_state import Neurons, places_of, reference_values
from .recorders import voltage_gids, wanted_neurons
from .sinks import Sink

SPIKE_BUFFER = 1 << 19  # spikes held until they are handed on, at least
VOLTAGE_BUFFER = 1 << 20  # voltages held likewise
STEPS_WITHOUT_SYNAPSES = 10  # steps of an interval in a network without synapses
INTERVAL = 1 << 22  # spikes that the buffers of one interval may have to hold: it is cut short in very large networks


def most_spikes(network: Network) -> int:
    """Spikes that all neurons together can emit in one step; at least 1."""
    return max(1, sum(p.n * (MOST_SPIKES if p.model.is_source else 1) for p in network.populations))


def shortest_delay(delays: np.ndarray) -> int:
    """Return the first of the ascending `delays` (steps); STEPS_WITHOUT_SYNAPSES if there are none."""
    return int(delays[0]) if delays.size else STEPS_WITHOUT_SYNAPSES


def steps_of_interval(network: Network, min_delay: int) -> int:
    """As many as the shortest delay has, or fewer, so that the spikes of an interval can be held."""
    return max(1, min(min_delay, INTERVAL // most_spikes(network)))


def plan_sent(network: Network, deal: Decomposition, comm, interval: int) -> SpikeExchange:
    """The exchange of the spikes of `interval` steps (collective)."""
    has_sources = any(p.model.is_source for p in network.populations)
    return plan_exchange(comm, interval, deal.n_local * (MOST_SPIKES if has_sources else 1), most_spikes(network))


# --- spikes that are on their way -------------------------------------------------------------------------------------


def plan_history(network: Network, max_delay: int, interval: int) -> History:
    """An empty ring, with room for the spikes of two intervals at least."""
    ring = 1 << (max_delay + interval + 1).bit_length()
    gids = np.empty(1 << (2 * most_spikes(network) * interval).bit_length(), np.uint32)
    return History(gids, np.zeros(ring, np.int64), np.zeros(ring, np.int64))


def grown(history: History, head: int) -> History:
    """`history` with twice the room; spikes keep their running numbers (the next one's is `head`), so each moves to its
    place modulo the new size."""
    old = history.gids
    gids = np.empty(2 * old.size, np.uint32)
    numbers = np.arange(max(0, head - old.size), head)
    gids[numbers % gids.size] = old[numbers % old.size]
    return history._replace(gids=gids)


# --- what is recorded -------------------------------------------------------------------------------------------------


def plan_recording(network: Network, deal: Decomposition, neurons: Neurons, interval: int) -> loop.Recording:
    """Room for what is recorded in `interval` steps, and for more, so that it need not be handed on after each."""
    wanted, recorders = wanted_neurons(network), network.voltage_recorders
    lids = voltage_lids(network, deal)
    a_rank = -(-voltage_gids(network).size // deal.size)
    samples = max(interval, VOLTAGE_BUFFER // max(1, a_rank)) if recorders else 0
    room = SPIKE_BUFFER + most_spikes(network) * interval if wanted.size else 0
    return loop.Recording(
        wanted,
        bool(wanted.all()),
        np.empty(room, np.int64),
        np.empty(room, np.uint32),
        _potential_places(network, deal, neurons, lids),
        np.empty((samples, lids.size)),
        recorders[0].interval if recorders else 0,
    )


def voltage_lids(network: Network, deal: Decomposition) -> np.ndarray:
    """Local neurons whose V_m is recorded, ascending."""
    gids = voltage_gids(network)
    return deal.lids(gids[deal.local(gids)])


def flush(recording: loop.Recording, clock: loop.Clock, resting: Callable[[], np.ndarray], sink: Sink) -> None:
    """Hand what was recorded to `sink`; `resting` gives what is added to sampled potentials (mV)."""
    counts = clock.counts
    n, samples = int(counts[loop.RECORDED]), int(counts[loop.SAMPLES])
    if n:
        sink.spikes(recording.steps[:n], recording.gids[:n])
        counts[loop.RECORDED] = 0
    if samples:
        last = counts[loop.STEP] // recording.interval * recording.interval
        steps = last - recording.interval * np.arange(samples - 1, -1, -1)
        sink.voltages(steps, recording.voltages[:samples] + resting())
        counts[loop.SAMPLES] = 0


def _potential_places(network: Network, deal: Decomposition, neurons: Neurons, lids: np.ndarray) -> np.ndarray:
    """Return where the membrane potentials of local neurons (ascending) are in `Neurons.state`, int64."""
    places = [np.zeros(0, np.int64)]
    for population in network.populations:
        mine = lids[population.holds(deal.gid(lids))]
        if mine.size:
            places.append(places_of(neurons, population.model, population.model.potential, mine))
    return np.concatenate(places)


def resting_potentials(network: Network, parameters: Sequence[Mapping], gids: np.ndarray) -> np.ndarray:
    """Return the potentials (mV) to which those of the recorded neurons `gids` are relative in `Neurons.state`."""
    found = [np.zeros(0)]
    for number, population in enumerate(network.populations):
        mine = gids[population.holds(gids)]
        if mine.size:
            found.append(reference_values(network, number, population.model.potential, parameters[number], mine))
    return np.concatenate(found)
