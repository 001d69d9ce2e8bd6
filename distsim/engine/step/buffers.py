"""The length of an interval, and the buffers that hold its spikes and samples until they are passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ...description.elements import FOREVER, SPIKES, Population, Value
from ...description.network import Network
from ...description.reports import Report, sampled_reports, spike_report
from ...parallel import Comm
from . import loop
from .decomposition import Decomposition
from .delivery import History
from .exchange import SpikeExchange, plan_exchange
from .population_state import Neurons, places_of, reference_values
from .sinks import Sink

Offsets = Callable[[Report], np.ndarray]
SPIKE_BUFFER = 1 << 19  # spikes held between two flushes, at least
SAMPLE_BUFFER = 1 << 20  # samples held between two flushes
STEPS_WITHOUT_SYNAPSES = 10  # steps of an interval in a network without synapses
MOST_IN_INTERVAL = 1 << 22  # spikes; very large networks get shorter intervals, so that their buffers can hold them


def most_spikes(network: Network) -> int:
    """Return the most spikes that all neurons together can emit in one step; at least 1."""
    return max(1, sum(p.n * p.model.most_spikes for p in network.populations))


def shortest_delay(delays: np.ndarray) -> int:
    """Return the first of the ascending `delays` (steps); STEPS_WITHOUT_SYNAPSES if there are none."""
    return int(delays[0]) if delays.size else STEPS_WITHOUT_SYNAPSES


def steps_of_interval(network: Network, min_delay: int) -> int:
    """Return how many steps an interval has: `min_delay`, or fewer, so that its spikes can be held."""
    return max(1, min(min_delay, MOST_IN_INTERVAL // most_spikes(network)))


def plan_intervals(network: Network, deal: Decomposition, comm: Comm, interval: int) -> SpikeExchange:
    """Return the exchange of the spikes of up to `interval` steps (collective)."""
    of_a_neuron = max((p.model.most_spikes for p in network.populations), default=1)
    return plan_exchange(comm, interval, deal.n_local * of_a_neuron, most_spikes(network))


# --- spikes that are on their way -------------------------------------------------------------------------------------


def plan_history(network: Network, max_delay: int, interval: int) -> History:
    """Return an empty ring with room for the spikes of at least two intervals."""
    ring = 1 << (max_delay + interval + 1).bit_length()
    gids = np.empty(1 << (2 * most_spikes(network) * interval).bit_length(), np.uint32)
    return History(gids, np.zeros(ring, np.int64), np.zeros(ring, np.int64))


def grown(history: History, head: int) -> History:
    """Return `history` with twice the room.

    Spikes are numbered in the order of their emission, from 0 to `head` - 1; each lies at its number modulo the size.
    """
    old = history.gids
    gids = np.empty(2 * old.size, np.uint32)
    numbers = np.arange(max(0, head - old.size), head)
    gids[numbers % gids.size] = old[numbers % old.size]
    return history._replace(gids=gids)


# --- recordings -------------------------------------------------------------------------------------------------------


def wanted_neurons(network: Network, reports: Sequence[Report]) -> np.ndarray:
    """Return bytes by gid: 1 where spikes are recorded; empty if no spikes are."""
    report = spike_report(reports)
    if report is None:
        return np.zeros(0, np.uint8)
    wanted = np.zeros(network.n, np.uint8)
    for population in report.populations:
        wanted[population.span] = report.masks[population.name]
    return wanted


def spike_room(network: Network, reports: Sequence[Report], interval: int) -> int:
    """Return how many spikes the buffer holds: those of an interval, and more, so that it is flushed rarely."""
    return SPIKE_BUFFER + most_spikes(network) * interval if spike_report(reports) else 0


def sample_rooms(reports: Sequence[Report], size: int, interval: int) -> np.ndarray:
    """Return how many samples the buffer of each sampled report holds, int64, the same on each of `size` ranks."""
    sampled = sampled_reports(reports)
    widths = [max(1, -(-report.gids.size // size)) for report in sampled]
    per_report = SAMPLE_BUFFER // max(1, len(sampled))
    rooms = [
        max(interval // report.interval + 1, per_report // width) for report, width in zip(sampled, widths, strict=True)
    ]
    return np.array(rooms, np.int64)


def plan_recording(
    network: Network, reports: Sequence[Report], deal: Decomposition, neurons: Neurons, interval: int
) -> loop.Recording:
    """Return buffers for the recordings of `interval` steps, and more, so that they are flushed rarely."""
    wanted, room = wanted_neurons(network, reports), spike_room(network, reports, interval)
    spikes = loop.SpikeBuffer(wanted, bool(wanted.all()), np.empty(room, np.int64), np.empty(room, np.uint32))
    sampled, rooms = sampled_reports(reports), sample_rooms(reports, deal.size, interval)
    places = [_sampled_places(report, deal, neurons) for report in sampled]
    widths = np.array([found.size for found in places], np.int64)
    n = len(sampled)
    samples = loop.SampleBuffers(
        np.zeros(n, np.uint8),
        np.array([report.interval for report in sampled], np.int64),
        np.concatenate([np.zeros(0, np.int64), *places]),
        _ends(widths),
        np.empty(int(rooms @ widths)),
        _ends(rooms * widths),
        rooms,
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
    )
    return loop.Recording(spikes, samples)


def _ends(sizes: np.ndarray) -> np.ndarray:
    """Return where pieces of these sizes begin, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def switch(samples: loop.SampleBuffers, reports: Sequence[Report], step: int, record: bool) -> int:
    """Switch the sampled reports on or off after `step` steps; return the step of the next
    switch."""
    until = FOREVER
    for r, report in enumerate(sampled_reports(reports)):
        start, stop = report.window
        samples.is_on[r] = record and start <= step < stop
        until = min([until, *(bound for bound in (start, stop) if bound > step)])
    return until


def flush(
    recording: loop.Recording, counts: np.ndarray, reports: Sequence[Report], sink: Sink, offsets: Offsets
) -> None:
    """Pass the buffered recordings to `sink`; `offsets` returns what to add to the sampled states of a report."""
    spikes, samples = recording
    n, sampled = int(counts[loop.RECORDED]), sampled_reports(reports)
    if n:
        sink.take(SPIKES, spikes.steps[:n], spikes.gids[:n])
        counts[loop.RECORDED] = 0
    for r in np.flatnonzero(samples.counts):
        n, width = samples.counts[r], samples.firsts[r + 1] - samples.firsts[r]
        values = samples.values[samples.starts[r] :][: n * width].reshape(n, width)
        steps = samples.last[r] - samples.intervals[r] * np.arange(n - 1, -1, -1)
        sink.take(sampled[r].name, steps, values + offsets(sampled[r]))
        samples.counts[r] = 0


def _sampled_places(report: Report, deal: Decomposition, neurons: Neurons) -> np.ndarray:
    """Return where the sampled states of local neurons (ascending) are in `Neurons.state`, int64."""
    places = [np.zeros(0, np.int64)]
    for population, gids in local_gids(report, deal):
        places.append(places_of(neurons, population.model, report.recordable(population), deal.lids(gids)))
    return np.concatenate(places)


def sample_offsets(
    network: Network, report: Report, deal: Decomposition, parameters: Sequence[Mapping[str, Value]]
) -> np.ndarray:
    """Return the values to which the sampled states of this rank's neurons are relative in `Neurons.state`."""
    found = [np.zeros(0)]
    for population, gids in local_gids(report, deal):
        number = network.populations.index(population)
        found.append(reference_values(network, number, report.recordable(population), parameters[number], gids))
    return np.concatenate(found)


def local_gids(report: Report, deal: Decomposition) -> Iterator[tuple[Population, np.ndarray]]:
    """Yield each population of a sampled report that has recorded neurons on this rank, and their gids, ascending."""
    for population in report.populations:
        gids = report.ids[population.name] + population.first
        mine = gids[deal.local(gids)]
        if mine.size:
            yield population, mine
