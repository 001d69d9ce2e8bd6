"""Limits of numbers of a few bits: the last slot, delay, weight of a palette, segment, spike of a batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from distsim import Network, Normal, Simulation, explicit, one_to_one
from distsim.description.projections import MOST_DELAYS
from distsim.description.rules import MOST_LISTED, Explicit
from distsim.engine.connectivity import table_plan
from distsim.engine.connectivity.build import connect
from distsim.engine.connectivity.weights import LARGEST, MOST_SUMMANDS, PALETTE_SIZE, distinct
from distsim.engine.step.decomposition import Decomposition
from distsim.engine.step.delivery import (
    BATCH,
    FIXED,
    GRAIN_BITS,
    LISTED,
    PALETTE,
    SLOT_BITS,
    SLOT_MASK,
    WIDE,
    History,
    Synapses,
    deliver,
    make_scratch,
)
from distsim.parallel import SerialCommunicator
from tests.support.tables import synapses_of


@pytest.fixture(params=[False, True], ids=["by delay", "by source"])
def by_source(request) -> bool:
    """Say if tables have an index by source, not by source and delay."""
    return request.param


@pytest.fixture(params=[0, GRAIN_BITS], ids=["grains of 1", "grains of 8"])
def grain_bits(request) -> int:
    """Grains of one synapse, or of eight."""
    return request.param


def table_of(net: Network, by_source: bool | None = None, grain_bits: int | None = None) -> Synapses:
    plan = replace(table_plan.plan_table(net, 1, by_source=by_source), given_grain_bits=grain_bits)
    return connect(plan, 1, Decomposition(net.n, 1, 0))[0]


def delivered(table: Synapses, spikes: np.ndarray, delay: int) -> tuple[np.ndarray, int]:
    """Return what arrives `delay` steps after the ascending `spikes` of one step, by shard and slot; and the events."""
    ring = 1 << int(table.delays[-1] + 2).bit_length()
    gids = np.zeros(1 << spikes.size.bit_length(), np.uint32)
    gids[: spikes.size] = spikes
    history = History(gids, np.zeros(ring, np.int64), np.zeros(ring, np.int64))
    history.count[1] = spikes.size
    # By source all is delivered as soon as anything may arrive.
    at = 1 + (int(table.delays[0]) if table.delay_codes.size else delay)
    events = deliver(at, table, history, make_scratch(table))
    rows = (table.row_fixed if table.form == FIXED else table.row).reshape(table.ring_mask + 1, -1)
    return rows[(1 + delay) & table.ring_mask].reshape(table.base.size, table.slots), events


# --- slots ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [65_535, 65_536, 65_537])
def test_the_last_slots_of_a_shard_get_their_input(n, by_source, grain_bits):
    net = Network(0.1)
    E = net.create("E", n, tau_syn_ex=1.0, tau_syn_in=1.0)
    targets = np.array([0, 65_534, n - 1, 65_534])
    net.connect(E, E, explicit([5, 5, 5, 6], targets), [1.0, 2.0, 4.0, 8.0], [0.1, 0.1, 0.1, 0.2])
    table = table_of(net, by_source, grain_bits)
    assert len(table.base) == (1 if n <= 65_536 else 2) and table.width <= 65_536
    row, _ = delivered(table, np.array([5]), 1)
    expected = np.zeros(row.size)
    np.add.at(expected, targets[:3], [1.0, 2.0, 4.0])
    np.testing.assert_array_equal(row.ravel(), expected)


def test_the_last_slot_of_inhibition_gets_its_input(by_source):
    net = Network(0.1)
    E = net.create("E", 32_769, tau_syn_ex=1.0, tau_syn_in=2.0)
    net.connect(E, E, explicit([5, 5, 5], [32_767, 32_767, 32_768]), [-1.0, 2.0, -4.0], [0.1, 0.1, 0.1])
    row, events = delivered(table_of(net, by_source), np.array([5]), 1)
    assert events == 3 and row.shape == (2, 65_536)
    assert (row[0, 32_767], row[0, 65_535], row[1, 32_768], np.abs(row).sum()) == (2.0, -1.0, -4.0, 7.0)


# --- delays -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [MOST_DELAYS / 10, [MOST_DELAYS / 10, 0.1]], ids=["one", "each"])
def test_the_longest_delay_arrives_at_its_step(delay, by_source, monkeypatch):
    monkeypatch.setattr(table_plan, "goes_by_source", lambda *_: by_source)
    net = Network(0.1)
    source = net.spike_source("S", [[0.1], [0.1]])
    neurons = net.create("E", 2, "iaf_psc_delta")
    net.connect(source, neurons, one_to_one(), 1000.0, delay)
    net.record_spikes(neurons)
    simulation = Simulation(net, 1, SerialCommunicator())
    assert simulation.engine.synapses.delay_codes.size == 2 * by_source
    simulation.run((MOST_DELAYS + 1) / 10)
    times, ids = simulation.spikes(neurons)
    steps = np.broadcast_to(np.rint(10 * np.asarray(delay)), 2)
    assert sorted(zip(ids.tolist(), np.rint(10 * times).tolist(), strict=True)) == [(k, 1 + steps[k]) for k in (0, 1)]


def test_a_longer_delay_is_refused():
    net = Network(0.1)
    E = net.create("E", 2)
    longest = MOST_DELAYS / 10
    for delay in (longest + 0.1, [0.1, longest + 0.1], Normal(longest, 1.0, minimum=0.1, maximum=longest + 0.1)):
        with pytest.raises(ValueError, match="32767 steps"):
            net.connect(E, E, one_to_one(), 1.0, delay)
    net.connect(E, E, one_to_one(), 1.0, Normal(longest, 1.0, minimum=longest - 1, maximum=longest))
    assert table_of(net).delays[-1] == MOST_DELAYS


# --- weights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [-1, 0])
@pytest.mark.parametrize("kind", ["one list", "two lists", "a list and a number"])
def test_a_palette_holds_65535_weights_and_that_of_empty_places(kind, more, by_source):
    n = PALETTE_SIZE + more
    weights = np.random.default_rng(1).permutation(np.arange(n) + 1.0)
    net = Network(0.1)
    S, T = net.create("S", 10), net.create("T", n)
    parts = {"one list": [n], "two lists": [1000, n - 1000], "a list and a number": [n - 1, 1]}[kind]
    for end, size in zip(np.cumsum(parts), parts, strict=True):
        targets, part = np.arange(end - size, end), weights[end - size : end]
        net.connect(S, T, explicit(targets % 10, targets), part if size > 1 else float(part[0]), 0.1)
        net.connect(S, T, explicit(targets[:1] % 10, targets[:1]), part[:1], 0.2)  # twice: counted once
    table = table_of(net, by_source, GRAIN_BITS)
    assert table.form == (PALETTE if more else WIDE)
    assert table.form == WIDE or table.palette.size == PALETTE_SIZE
    row, events = delivered(table, np.arange(10), 1)
    gids = np.arange(10, net.n)
    np.testing.assert_array_equal(row[gids // table.width, gids % table.width], weights)
    assert events == n + (2 if kind != "one list" else 1) * by_source and not row.ravel()[net.n :].any()


def test_distinct_weights_are_counted_up_to_a_limit(monkeypatch):
    monkeypatch.setattr("distsim.engine.connectivity.weights.PIECE", 7)
    weights = np.tile(np.arange(20.0), 3)
    np.testing.assert_array_equal(distinct(weights, 20), np.arange(20.0))
    assert distinct(weights, 19) is None
    assert distinct(np.array([0.0, -0.0] * 9), 1).tolist() == [0.0] and distinct(np.zeros(0), 0).size == 0


@pytest.mark.parametrize(("n", "is_fixed"), [(63_025, True), (63_026, False)])
def test_the_largest_sum_of_fixed_weights_is_held(n, is_fixed):
    """All synapses of a neuron in one step, each of the largest weight; n + 10 sqrt(n) is to be below 2^16."""
    assert (n + 10 * n**0.5 < MOST_SUMMANDS) == is_fixed
    net = Network(0.1)
    S, T = net.create("S", 1), net.create("T", 2)
    net.connect(S, T, explicit(np.zeros(n), np.zeros(n)), Normal(3.0, 1.0, minimum=0.0), 0.1)
    table = table_of(net)
    assert (table.form == FIXED) == is_fixed
    if is_fixed:
        real = table.words >> np.uint32(SLOT_BITS) != 0  # what fills up the last grain weighs nothing
        assert real.sum() == n
        table.words[real] = (table.words[real] & np.uint32(SLOT_MASK)) | np.uint32(LARGEST << SLOT_BITS)
        row, events = delivered(table, np.array([0]), 1)
        assert events == n and row[0, 1] == n * LARGEST < MOST_SUMMANDS * LARGEST < 2**31


# --- lists and batches ------------------------------------------------------------------------------------------------

LENGTHS = (0, 1, 7, 8, 9, 0, 15, 16, 17, 127, 128, 129, 8 * LISTED - 1, 8 * LISTED, 8 * LISTED + 1, LISTED, LISTED + 1)


def test_segments_of_any_length_are_delivered(grain_bits):
    net = Network(0.1)
    S, T = net.create("S", len(LENGTHS)), net.create("T", 300)
    sources = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
    targets = np.random.default_rng(2).integers(0, 300, sources.size)
    order = np.random.default_rng(3).permutation(sources.size)
    net.connect(S, T, explicit(sources[order], targets[order]), 1.0, 0.1)
    table = table_of(net, grain_bits=grain_bits)
    for chosen in (*([k] for k in range(len(LENGTHS))), range(len(LENGTHS))):
        table.row[:] = 0
        row, events = delivered(table, np.array(chosen), 1)
        expected = np.bincount(targets[np.isin(sources, chosen)] + len(S), minlength=table.slots)
        np.testing.assert_array_equal(row[0], expected)
        assert events == expected.sum()


@pytest.mark.parametrize("n", [BATCH - 1, BATCH, BATCH + 1, 2 * BATCH, 2 * BATCH + 1])
def test_spikes_around_a_batch_are_all_delivered(n):
    net = Network(0.1)
    S = net.create("S", n)
    net.connect(S, S, one_to_one(), np.arange(n) + 1.0, 0.1)
    row, events = delivered(table_of(net), np.arange(n), 1)
    assert events == n
    np.testing.assert_array_equal(row.ravel()[:n], np.arange(n) + 1.0)


def test_a_list_has_less_than_2_to_the_32_synapses():
    nothing = np.broadcast_to(np.int32(0), MOST_LISTED)
    assert Explicit(nothing, nothing).sources.size == MOST_LISTED
    nothing = np.broadcast_to(np.int32(0), MOST_LISTED + 1)
    with pytest.raises(ValueError, match="at most 4294967295, use several"):
        Explicit(nothing, nothing)


@pytest.mark.parametrize("n", [65_535, 65_536, 65_537, 131_073])
def test_lists_are_the_same_however_they_are_cut(n):
    """Pieces of 2^16 edges, counted forwards and placed backwards: one target's synapses stay in order."""
    rng = np.random.default_rng(n)
    net = Network(0.1)
    S, T = net.create("S", 30), net.create("T", 5)
    sources, targets, steps = rng.integers(0, 30, n), rng.integers(0, 5, n), rng.integers(1, 4, n)
    net.connect(S, T, explicit(sources, targets), np.arange(n) + 1.0, steps / 10)
    source, delay, slot, weight = synapses_of(table_of(net), 0)
    order = np.lexsort((np.arange(n), steps, sources))
    np.testing.assert_array_equal(weight, order + 1.0)
    np.testing.assert_array_equal(np.stack([source, delay, slot - 30]), np.stack([sources, steps, targets])[:, order])
