"""The least time that each phase of a simulation could take on this machine, from what it must move and compute.

What a rank must do, computed from its own arrays and the spikes that were emitted:

    deliver    the synapses of every spike read once, 4 bytes each (6 by source, 8 more wide), 4 of index a segment,
               and one addition each to a row in the L2 cache: the two overlap, so the longer one counts. Bit matrices:
               the spike's row of bits read once; in every step with spikes 16 bytes of row for each target.
    update     for each neuron and step 8 bytes read and 8 written of every state, 2 and 2 of refractoriness, the row
               read and set to zero, the Poisson number (2 bytes), the current unless a block shares it (8 bytes).
    stimulate  for each neuron and step with Poisson input half a word of Philox (a whole one for large means).
    exchange   for each interval an Allgather, and an Allgatherv where the spikes of a rank, on average, do not fit into
               its packet; each spike of all ranks read and written, 8 bytes.

How fast the machine does that at best is measured (`engine.probes`), reading and writing at the speed of the cache
level, or the memory, that holds the array in question. What else a phase does (arithmetic of the neurons, branches,
cache lines read in part, waiting for other ranks) is the distance from its limit, not part of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..engine.ledger import outdegrees
from ..engine.rank_engine import RankEngine
from ..engine.step.delivery import Synapses
from ..engine.step.dense import Dense
from ..engine.step.exchange import traffic
from ..engine.step.poisson import PoissonInputs
from .probes import Probes

PHASES = ("deliver", "update", "stimulate", "exchange")
MATRIX_TARGET = 16  # bytes of row read and written for each target of a matrix


class Limit(NamedTuple):
    """Least work of a phase on this rank: bytes, operations (additions, words, collectives); and s, at best."""

    bytes: float
    operations: float
    seconds: float


class Period(NamedTuple):
    """Counts of a simulated period: steps, intervals, spikes emitted by gid (int64), share of the steps with spikes."""

    steps: int
    intervals: int
    counts: np.ndarray
    active: float


def limits(engine: RankEngine, period: Period, probes: Probes) -> dict[str, Limit]:
    """Return the limits of this rank by phase, for the last `period.steps` steps of `engine`."""
    synapses, dense = engine.synapses, engine.dense
    found = {
        "deliver": add(table_limit(synapses, dense, period, probes), matrix_limit(dense, period, probes)),
        "update": update_limit(engine, period, probes),
        "stimulate": stimulate_limit(engine.poisson, engine.step, period, probes),
        "exchange": exchange_limit(engine.deal.size, period, probes),
    }
    return {phase: found[phase] for phase in PHASES}


def add(a: Limit, b: Limit) -> Limit:
    """One after the other."""
    return Limit(*(x + y for x, y in zip(a, b, strict=True)))


def table_limit(synapses: Synapses, dense: Dense, period: Period, probes: Probes) -> Limit:
    """Delivery from the synapse table."""
    no_matrices = dense._replace(sums=dense.sums[:0])
    degrees = outdegrees(synapses, no_matrices, period.counts.size)
    events = float(period.counts @ degrees)
    table = sum(part.nbytes for part in (synapses.words, synapses.weights, synapses.delay_codes))
    if not events:
        return Limit(0.0, 0.0, 0.0)
    streamed = events * table / degrees.sum()
    index = 4.0 * period.counts.sum() * synapses.segments * synapses.base.size
    reading = streamed / probes.reading(table) + index / probes.reading(synapses.index.nbytes)
    return Limit(streamed + index, events, max(reading, events / probes.adds))


def matrix_limit(dense: Dense, period: Period, probes: Probes) -> Limit:
    """Delivery from bit matrices."""
    before = np.concatenate([[0], np.cumsum(period.counts)])
    rows = targets = 0.0
    for first_panel, last_panel, _, n_targets, *_ in dense.sums.tolist():
        reached = 0.0
        for _, first, last, _, row in dense.panels[first_panel:last_panel].tolist():
            spans = dense.spans[row : row + last - first].astype(float)
            n_words = np.maximum(spans[:, 1] - spans[:, 0], 0.0).mean()
            rows += 8.0 * n_words * (before[last] - before[first])
            reached += 64.0 * n_words * (before[last] - before[first])
        targets += MATRIX_TARGET * min(n_targets * period.active * period.steps, reached)
    seconds = rows / probes.reading(dense.bits.nbytes) + targets / probes.updating(8.0 * dense.sums["targets"].sum())
    return Limit(rows + targets, 0.0, seconds)


def update_limit(engine: RankEngine, period: Period, probes: Probes) -> Limit:
    synapses, neurons, poisson = engine.synapses, engine.neurons, engine.poisson
    item = 4 if synapses.row_fixed.size else 8
    a_step = 0.0
    for number, block in enumerate(neurons.blocks):
        if block["is_source"]:
            continue
        model, receptors = engine.network.populations[block["population"]].model, block["receptors"]
        n_states = len(model.states) - (len(model.inhibitory) if receptors == 1 else 0)
        n_entries = poisson.of_block[number + 1] - poisson.of_block[number]
        a_neuron = 16 * n_states + 4 + 2 * item * receptors + 2 * n_entries + (0 if block["shares_current"] else 8)
        a_step += a_neuron * (block["last"] - block["first"])
    n_bytes = a_step * period.steps
    return Limit(n_bytes, 0.0, n_bytes / probes.updating(a_step / 2))


def stimulate_limit(poisson: PoissonInputs, now: int, period: Period, probes: Probes) -> Limit:
    words, written = 0.0, 0.0
    for entry in poisson.entries:
        on = max(0, min(int(entry["stop"]), now) - max(int(entry["start"]), now - period.steps))
        numbers = on * float(entry["last"] - entry["first"])
        words += numbers * (1.0 if entry["is_wide"] else 0.5)
        written += numbers * (2.0 if entry["is_wide"] else 1.0)
    return Limit(written, words, words / probes.philox)


def exchange_limit(size: int, period: Period, probes: Probes) -> Limit:
    n_spikes = float(period.counts.sum())
    each = traffic(size, 1, n_spikes / max(1, period.intervals)).collectives
    collectives = float(each * period.intervals)
    return Limit(
        8.0 * n_spikes, collectives, collectives * probes.collective + 8.0 * n_spikes / probes.updating(1 << 17)
    )
