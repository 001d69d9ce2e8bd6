"""Nothing lost: spikes emitted times out-degree = synaptic events delivered + those still on their way.

Emitted spikes are counted where they are emitted, delivered events where they are delivered, and the spikes travel
between the two. So a spike lost, doubled or sent to the wrong place breaks the balance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..parallel import Comm
from .connectivity.build_dense import outdegrees_by_delay
from .step import loop
from .step.delivery import Synapses, segment_bounds, synapses_by_source
from .step.dense import Dense
from .step.loop import Clock, Connections


@dataclass(frozen=True)
class Ledger:
    """Synaptic events of all ranks since time 0: due = sum over sources of spikes times out-degree."""

    due: int
    delivered: int
    on_their_way: int


def balance(comm: Comm, connections: Connections, clock: Clock, emitted: np.ndarray) -> Ledger:
    """Return the ledger of all ranks (collective).

    Parameters
    ----------
    comm : communicator
        The ranks.
    connections : Connections
        This rank's synapses and the spikes on their way.
    clock : Clock
        This rank's step, events and spikes.
    emitted : ndarray of int64, shape (n,)
        Spikes of every neuron since time 0, by gid.

    Raises
    ------
    RuntimeError
        It does not balance: an event was lost or counted twice.
    """
    due = int(emitted @ outdegrees(connections.synapses, connections.dense, emitted.size))
    on_their_way, in_rows = events_on_their_way(connections, int(clock.counts[loop.STEP]))
    mine = np.array([due, clock.counts[loop.EVENTS] - in_rows, on_their_way], np.int64)
    ledger = Ledger(*(int(x) for x in comm.allreduce(mine)))
    n_emitted, seen = int(emitted.sum()), int(clock.counts[loop.SPIKES])
    if ledger.due != ledger.delivered + ledger.on_their_way or n_emitted != seen:
        raise RuntimeError(
            f"conservation violated: {ledger.due} synaptic events due, {ledger.delivered} delivered and "
            f"{ledger.on_their_way} on their way; {n_emitted} spikes emitted, {seen} seen"
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


def events_on_their_way(connections: Connections, now: int) -> tuple[int, int]:
    """Return the synaptic events onto this rank's neurons that are due after step `now`, and how many of them are in
    rows of steps to come already."""
    synapses, history = connections.synapses, connections.history
    n_delays, events, in_rows = synapses.delays.size, 0, 0
    longest = int(synapses.delays[-1]) if n_delays else 0
    matrices = list(outdegrees_by_delay(connections.dense))
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
