"""The loop over time, compiled.

An interval is up to min_delay steps long and begins where the last one ended. A spike emitted in it reaches other
neurons in the next one at the earliest. So each rank delivers and updates a whole interval, then all ranks exchange its
spikes once. Cutting an interval short, at the end of a run for instance, changes nothing. Within a step, input arrives
first (deliver, stimulate), then neurons are updated (update).

`advance` returns only when its steps are done or a buffer must be emptied or grown. All ranks hold the same spikes at
the end of an interval, so all of them return at the same step for the same reason.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..compiled.intrinsics import (
    CLOCK_MONOTONIC,
    LINE,
    NoAlias,
    call,
    equal_bytes,
    kernel,
    lowest_bit,
    lowest_bits,
    pointer,
)
from ..random import streams
from .delivery import FIXED, History, Scratch, Synapses, deliver, row_start
from .dense import Dense, deliver_dense
from .exchange import FAILED, MARKED, SpikeExchange, add, exchange, mark
from .poisson import PoissonInputs, add_poisson, draw_poisson, is_on, pairs_of
from .population_state import Neurons
from .stimulation import Currents, Trains, add_scheduled, apply_currents
from .waves import Waves, apply_waves

DONE, GROW_HISTORY, FLUSH, MPI_FAILED, TOO_MANY_SPIKES = range(5)
NONE, SEVERAL = -1, -2  # in place of the number of the Poisson input that is on
PHASES = ("deliver", "update", "stimulate", "exchange", "record")
DELIVER, UPDATE, STIMULATE, EXCHANGE, RECORD = range(len(PHASES))  # entries of the timer
STEP, HEAD, EVENTS, SPIKES, RECORDED = range(5)  # entries of Clock.counts


class SpikeBuffer(NamedTuple):
    """Spikes recorded since the last flush.

    Attributes
    ----------
    wanted : uint8 by gid, 1 where spikes are recorded; empty if none are.
    takes_all : whether the spikes of all neurons are recorded.
    steps : int64, gids : uint32, recorded spikes of all ranks by (step, gid).
    """

    wanted: np.ndarray
    takes_all: bool
    steps: np.ndarray
    gids: np.ndarray


class SampleBuffers(NamedTuple):
    """Samples of the n sampled reports since the last flush.

    Attributes
    ----------
    is_on : uint8 (n,), whether samples are taken at present.
    intervals : int64 (n,), steps between two samples.
    places : int64, report after report: where the sampled states of local neurons are in `Neurons.state`.
    firsts : int64 (n + 1,), where each report's `places` begin.
    values : float64, report after report: samples, each with a value for each of its `places`.
    starts : int64 (n + 1,), where each report's `values` begin.
    rooms : int64 (n,), samples that fit; the same on all ranks, even where a rank has none of the neurons.
    counts : int64 (n,), samples held.
    last : int64 (n,), the step of the last of them.
    """

    is_on: np.ndarray
    intervals: np.ndarray
    places: np.ndarray
    firsts: np.ndarray
    values: np.ndarray
    starts: np.ndarray
    rooms: np.ndarray
    counts: np.ndarray
    last: np.ndarray


class Recording(NamedTuple):
    """Buffers of recordings."""

    spikes: SpikeBuffer
    samples: SampleBuffers


class Constants(NamedTuple):
    """Numbers that never change: rank, size, steps of an interval (at most min_delay), the most spikes that all ranks
    together can emit in one step, the key of the random numbers, the address of clock_gettime."""

    rank: int
    size: int
    interval: int
    most_spikes: int
    k0: int
    k1: int
    clock_gettime: int


class Clock(NamedTuple):
    """How far a rank has come, and where its time went.

    Attributes
    ----------
    counts : int64, shape (5,)
        STEP, HEAD of the history, synaptic EVENTS, SPIKES of all ranks, RECORDED spikes not yet handed on.
    timer : float64, shape (5,)
        Seconds by phase, see PHASES.
    spec : int64, shape (2,)
        What clock_gettime writes: seconds and nanoseconds; scratch.
    """

    counts: np.ndarray
    timer: np.ndarray
    spec: np.ndarray


class Connections(NamedTuple):
    """Connections onto this rank's neurons: table, bit matrices, the spikes on their way, scratch arrays."""

    synapses: Synapses
    dense: Dense
    history: History
    scratch: Scratch


class Inputs(NamedTuple):
    """Input to this rank's neurons from outside the network."""

    poisson: PoissonInputs
    currents: Currents
    waves: Waves
    trains: Trains


class Rank(NamedTuple):
    """All arrays of one rank that the loop over time works on."""

    constants: Constants
    clock: Clock
    connections: Connections
    neurons: Neurons
    inputs: Inputs
    exchange: SpikeExchange
    recording: Recording


@kernel()
def seconds(constants, spec):
    """Return the time of a monotonic clock (s)."""
    call(constants.clock_gettime, (np.int64(CLOCK_MONOTONIC), pointer(spec)))
    return spec[0] + 1e-9 * spec[1]


@kernel(cache=True)
def advance(stop, record, rank):
    """Advance a `Rank` to step `stop`; return why it stopped: DONE, GROW_HISTORY, FLUSH, MPI_FAILED or TOO_MANY_SPIKES.

    Spikes are recorded if `record` is true, samples where they are switched on.
    """
    # Unpacked once, since each access to a member of a tuple counts references.
    constants, (counts, timer, spec), connections, neurons, inputs, spikes, recording = rank
    synapses, dense, history, scratch = connections
    poisson, currents, waves, trains = inputs
    recorded, samples = recording
    longest = synapses.delays[-1] if synapses.delays.size else 0
    while counts[STEP] < stop:
        start = counts[STEP]
        n_steps = min(constants.interval, stop - start)
        most = constants.most_spikes * n_steps
        oldest = history.first[(start + 1 - longest) & (history.first.size - 1)]
        if counts[HEAD] - oldest + most > history.gids.size:
            return GROW_HISTORY
        if record and recorded.wanted.size and counts[RECORDED] + most > recorded.gids.size:
            return FLUSH
        if is_full(n_steps, samples):
            return FLUSH

        for t in range(start + 1, start + n_steps + 1):
            t0 = seconds(constants, spec)
            counts[EVENTS] += deliver(t, synapses, history, scratch)
            counts[EVENTS] += deliver_dense(t, dense, history, synapses)
            t1 = seconds(constants, spec)
            draw_poisson(t, poisson, constants.rank, constants.size, constants.k0, constants.k1)
            apply_currents(t, currents, neurons)
            if waves.devices.size:
                apply_waves(t, waves, neurons, constants.k0, constants.k1)
            t2 = seconds(constants, spec)
            update(t, t - start - 1, constants, synapses, neurons, poisson, trains, spikes)
            t3 = seconds(constants, spec)
            timer[DELIVER] += t1 - t0
            timer[STIMULATE] += t2 - t1
            timer[UPDATE] += t3 - t2
            if samples.counts.size:
                take_samples(t, samples, neurons)
                timer[RECORD] += seconds(constants, spec) - t3

        t0 = seconds(constants, spec)
        if neurons.overrun[0] != NONE:
            mark(spikes)
        head = exchange(start, n_steps, spikes, constants.size, history, counts[HEAD])
        if head == MARKED:
            return TOO_MANY_SPIKES
        if head == FAILED:
            return MPI_FAILED
        t1 = seconds(constants, spec)
        timer[EXCHANGE] += t1 - t0
        if record and recorded.wanted.size:
            record_spikes(start, n_steps, recorded, counts, history)
            timer[RECORD] += seconds(constants, spec) - t1
        counts[SPIKES] += head - counts[HEAD]
        counts[HEAD] = head
        counts[STEP] = start + n_steps
    return DONE


@kernel(forceinline=True)
def update(t, k, constants, synapses, neurons, poisson, trains, spikes):
    """Advance all local neurons by the step that ends at `t`, the k-th of the interval, and add their spikes.

    Limits, per neuron of the microcircuit: 46 bytes of state, row and Poisson numbers read and written in the L2 cache,
    a comparison, a dozen multiplications; 0.31 ns when vectorised and in the cache.
    """
    for b in range(neurons.blocks.shape[0]):
        block = neurons.blocks[b]
        e = active_input(t, b, poisson)
        if block.uniforms:
            draw_uniforms(t, block, constants, neurons)
        if block.direct and (e == NONE or (e >= 0 and block.takes_numbers and serves_all(poisson.entries[e], block))):
            update_directly(t, b, e, block, synapses, neurons, poisson)
        else:
            gather_inputs(t, b, block, synapses, neurons, poisson, trains)
            ex, inh, none = pointer(neurons.inputs[0]), pointer(neurons.inputs[1]), np.int64(0)
            call_loop(block.gathered, block, ex, inh, neurons.inputs.shape[1], 1.0, none, none, 0.0, neurons)
        collect_spikes(k, block, constants, neurons, spikes)


@kernel(forceinline=True)
def update_directly(t, b, e, block, synapses, neurons, poisson):
    """Update a block straight from the rows and the Poisson input `e` (or NONE)."""
    numbers, shift, weight = np.int64(0), np.int64(0), 0.0
    if block.takes_numbers:
        pairs, shift = pairs_of(t, poisson, poisson.entries[max(e, poisson.of_block[b])])
        weight = poisson.weights[e] if e >= 0 else 0.0
        numbers = pointer(pairs)
    start = row_start(t, block.shard, synapses) + block.slot
    if synapses.form == FIXED:
        ex, inh = pointer(synapses.row_fixed) + 4 * start, pointer(synapses.row_fixed) + 4 * (start + synapses.width)
    else:
        ex, inh = pointer(synapses.row) + 8 * start, pointer(synapses.row) + 8 * (start + synapses.width)
    call_loop(block.direct, block, ex, inh, synapses.width, synapses.unit, numbers, shift, weight, neurons)


@kernel(forceinline=True)
def call_loop(address, block, ex, inh, receptor_stride, unit, numbers, shift, weight, neurons):
    """Call the compiled loop at `address` for the neurons of a block; see `update.loop_source`."""
    first = block.first
    call(
        address,
        (
            block.last - first,
            pointer(neurons.state) + 8 * block.state,
            pointer(neurons.refractory) + 2 * first,
            pointer(neurons.propagators) + 8 * block.par,
            block.par_stride,
            ex,
            inh,
            unit,
            numbers,
            shift,
            weight,
            pointer(neurons.current) + 8 * first,
            block.shares_current,
            pointer(neurons.fired),
            np.int64(receptor_stride),
            pointer(neurons.uniforms),
        ),
    )


@kernel(forceinline=True)
def active_input(t, b, poisson):
    """Return the Poisson input of block `b` that is on at step `t`, or NONE, or SEVERAL."""
    found = NONE
    for e in range(poisson.of_block[b], poisson.of_block[b + 1]):
        if is_on(t, poisson.entries[e]):
            found = e if found == NONE else SEVERAL
    return found


@kernel(forceinline=True)
def serves_all(entry, block):
    """Return whether a Poisson input goes to the first receptor of all neurons of the block, as bytes."""
    is_whole = entry.last - entry.first == block.last - block.first
    return is_whole & (entry.receptor == 0) & (not entry.is_wide)


@kernel(forceinline=True)
def gather_inputs(t, b, block, synapses, neurons, poisson, trains):
    """Move the block's part of the rows, and its Poisson input, into neurons.inputs (pA); the rows are zero then."""
    first, last, inputs = block.first, block.last, neurons.inputs
    n = last - first
    if block.is_source:
        for i in range(n):
            inputs[0, i] = 0.0
        add_scheduled(t, trains, first, last, inputs[0])
    else:
        for r in range(block.receptors):
            start = row_start(t, block.shard, synapses) + r * synapses.width + block.slot
            if synapses.form == FIXED:
                take(synapses.row_fixed[start : start + n], synapses.unit, inputs[r])
            else:
                take(synapses.row[start : start + n], 1.0, inputs[r])
    for e in range(poisson.of_block[b], poisson.of_block[b + 1]):
        add_poisson(t, poisson, e, first, inputs)


@kernel(cache=True, pipeline_class=NoAlias)
def take(row, unit, inputs):
    """Move a part of a row, times `unit`, into `inputs`."""
    for i in range(row.size):
        inputs[i] = unit * row[i]
        row[i] = 0


@kernel(cache=True)
def draw_uniforms(t, block, constants, neurons):
    """Draw the uniform numbers in (0, 1) that the neurons of a block take in the step that ends at `t`: of 53 bits, by
    seed, neuron and step."""
    n, words = block.last - block.first, neurons.words
    owner = block.first * constants.size + constants.rank
    for k in range(block.uniforms):
        half = 2 * (k & 1)
        if half == 0:
            streams.words_by_owner(
                n, owner, constants.size, t, k >> 1, streams.NEURON, constants.k0, constants.k1, words
            )
        fill_uniforms(n, words[half], words[half + 1], neurons.uniforms[k])


@kernel(cache=True, pipeline_class=NoAlias)
def fill_uniforms(n, high, low, numbers):
    """Make numbers of 53 bits, but 0, of two words each."""
    for i in range(n):
        bits = np.int64(high[i] >> np.uint32(5)) * np.int64(67108864) + np.int64(low[i] >> np.uint32(6))
        numbers[i] = np.float64(bits) * 2.0**-53 + 2.0**-54


@kernel(forceinline=True)
def collect_spikes(k, block, constants, neurons, spikes):
    """Add the spikes of the block's neurons in step `k` of the interval, by ascending gid."""
    first, n, fired = block.first, block.last - block.first, neurons.fired
    for start in range(0, n, LINE):
        found = ~equal_bytes(fired, start, np.uint8(0)) & lowest_bits(n - start)
        while found:
            i = start + lowest_bit(found)
            n_spikes = fired[i]
            if n_spikes > block.most_spikes:  # the buffers have no room for them
                neurons.overrun[0], n_spikes = first + i, 0
            for _ in range(n_spikes):
                add(k, (first + i) * constants.size + constants.rank, spikes)
            neurons.emitted[first + i] += n_spikes
            found &= found - np.uint64(1)


@kernel()
def record_spikes(start, n_steps, recorded, counts, history):
    """Append the interval's spikes, of all ranks, to the buffer where they are to be recorded."""
    n = counts[RECORDED]
    gid_mask, step_mask = history.gids.size - 1, history.first.size - 1
    for t in range(start + 1, start + n_steps + 1):
        first, count = history.first[t & step_mask], history.count[t & step_mask]
        for q in range(first, first + count):
            gid = history.gids[q & gid_mask]
            if recorded.takes_all or recorded.wanted[gid]:  # not in the cache: a lookup costs 8 ns
                recorded.steps[n] = t
                recorded.gids[n] = gid
                n += 1
    counts[RECORDED] = n


@kernel()
def is_full(n_steps, samples):
    """Return whether a buffer of samples may be too small for the next `n_steps` steps; the same on all ranks."""
    for r in range(samples.counts.size):
        if samples.is_on[r] and samples.counts[r] + n_steps // samples.intervals[r] + 1 > samples.rooms[r]:
            return True
    return False


@kernel()
def take_samples(t, samples, neurons):
    """Append the samples due at step `t`: states, to which `buffers.flush` adds their offsets."""
    for r in range(samples.counts.size):
        if samples.is_on[r] and t % samples.intervals[r] == 0:
            first, n = samples.firsts[r], samples.firsts[r + 1] - samples.firsts[r]
            start = samples.starts[r] + samples.counts[r] * n
            for k in range(n):
                samples.values[start + k] = neurons.state[samples.places[first + k]]
            samples.counts[r] += 1
            samples.last[r] = t
