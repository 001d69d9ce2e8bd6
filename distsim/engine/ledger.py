"""Nothing lost: spikes emitted times out-degree = synaptic events delivered + those still on their way.

What was emitted is counted where it is emitted, what was delivered where it is delivered, and the spikes travel between
the two; so a spike lost, doubled or sent to the wrong place breaks the balance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .connectivity.build_dense import outdegrees_by_delay
from .step import loop
from .step.delivery import Synapses, segment_bounds, synapses_by_source
from .step.dense import Dense


@dataclass(frozen=True)
class Ledger:
    """Synaptic events of all ranks since time 0: due = sum over sources of spikes times out-degree."""

    due: int
    delivered: int
    on_their_way: int


def balance(simulation) -> Ledger:
    """The ledger of `simulation`; RuntimeError if it does not balance (collective)."""
    counts = simulation.spike_counts()
    due = int(counts @ outdegrees(simulation.synapses, simulation.dense, counts.size))
    on_their_way, in_rows = events_on_their_way(simulation)
    mine = np.array([due, simulation.clock[loop.EVENTS] - in_rows, on_their_way], np.int64)
    ledger = Ledger(*(int(x) for x in simulation.comm.allreduce(mine)))
    emitted, seen = int(counts.sum()), int(simulation.clock[loop.SPIKES])
    if ledger.due != ledger.delivered + ledger.on_their_way or emitted != seen:
        raise RuntimeError(
            f"conservation violated: {ledger.due} synaptic events due, {ledger.delivered} delivered and "
            f"{ledger.on_their_way} on their way; {emitted} spikes emitted, {seen} seen"
        )
    return ledger


def n_local_synapses(synapses: Synapses, dense: Dense) -> int:
    """Synapses onto neurons of this rank."""
    n_dense = sum(outdegree.sum() for *_, outdegree in outdegrees_by_delay(dense))
    in_table = sum(synapses_by_source(index, synapses.segments, synapses.grain_bits).sum() for index in synapses.index)
    return int(in_table + n_dense)


def outdegrees(synapses: Synapses, dense: Dense, n: int) -> np.ndarray:
    """Synapses of each source onto neurons of this rank, int64 (n,)."""
    total = np.zeros(n, np.int64)
    if synapses.delays.size:
        for index in synapses.index:
            total += synapses_by_source(index, synapses.segments, synapses.grain_bits)
    for _, first, outdegree in outdegrees_by_delay(dense):
        total[first : first + outdegree.size] += outdegree
    return total


def events_on_their_way(simulation) -> tuple[int, int]:
    """Synaptic events onto this rank's neurons that are due after the last step, and how many of them are in rows of
    steps to come already."""
    synapses, history, now = simulation.synapses, simulation.history, simulation.step
    n_delays, events, in_rows = synapses.delays.size, 0, 0
    longest = int(synapses.delays[-1]) if n_delays else 0
    matrices = list(outdegrees_by_delay(simulation.dense))
    for step in range(max(1, now - longest + 1), now + 1):
        slot = step % history.first.size
        numbers = history.first[slot] + np.arange(history.count[slot])
        gids = history.gids[numbers % history.gids.size].astype(np.int64)
        later = in_table(synapses, gids, int(np.searchsorted(synapses.delays, now - step, side="right")))
        events += later
        if synapses.delay_codes.size and step + synapses.delays[0] <= now:
            in_rows += later
        for delay, source, outdegree in matrices:
            if delay > now - step:
                events += int(outdegree[gids[(gids >= source) & (gids < source + outdegree.size)] - source].sum())
    return events, in_rows


def in_table(synapses: Synapses, gids: np.ndarray, first: int) -> int:
    """Synapses of the sources `gids` in the table whose delay is synapses.delays[first] or longer."""
    total, segments = 0, synapses.segments
    for index, base in zip(synapses.index, synapses.base, strict=True):
        if synapses.delay_codes.size:
            begin, end = segment_bounds(index, gids, synapses.grain_bits)
            each = end - begin
            places = np.repeat(base + end - np.cumsum(each), each) + np.arange(each.sum())
            total += int(np.count_nonzero(synapses.delay_codes[places] >= first))
        else:
            later = gids[:, np.newaxis] * segments + np.arange(first, segments)
            begin, end = segment_bounds(index, later, synapses.grain_bits)
            total += int((end - begin).sum())
    return total
