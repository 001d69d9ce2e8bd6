"""Delivery adds to the rows exactly what is due, in an order of sums that the layout does not change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from distsim import Network, Normal, explicit, fixed_total_number
from distsim.engine.connectivity.build import connect
from distsim.engine.connectivity.table_plan import plan_table
from distsim.engine.step.decomposition import Decomposition
from distsim.engine.step.delivery import BATCH, FIXED, PALETTE, WIDE, History, Synapses, deliver, make_scratch
from distsim.engine.step.layout import Layout
from tests.support.tables import synapses_of

N = 60
RING = 64  # steps, more than the longest delay
WEIGHTS = {
    FIXED: Normal(3.0, 1.0, minimum=0.0),
    PALETTE: np.random.default_rng(1).normal(0.0, 1.0, 500)[np.arange(4000) % 500],
    WIDE: np.random.default_rng(1).normal(0.0, 1.0, 70_000),
}


@pytest.fixture(params=[False, True], ids=["by delay", "by source"])
def by_source(request) -> bool:
    """Say if tables have an index by source, not by source and delay."""
    return request.param


@pytest.fixture(params=[0, 3], ids=["grains of 1", "grains of 8"])
def grain_bits(request) -> int:
    """Grains of one synapse, or of eight."""
    return request.param


def table(form: int, width: int, by_source: bool, grain_bits: int, receptors: int = 1) -> Synapses:
    net = Network(0.1)
    E = net.create("E", N, tau_syn_ex=0.5, tau_syn_in=0.5 * receptors)
    if form == FIXED:
        net.connect(E, E, fixed_total_number(4000), WEIGHTS[form], Normal(1.0, 0.5, minimum=0.05))
        net.connect(E, E, fixed_total_number(1000), Normal(-5.0, 0.5, maximum=0.0), Normal(1.0, 0.5, minimum=0.05))
    else:
        rng, n = np.random.default_rng(2), WEIGHTS[form].size
        rule = explicit(rng.integers(0, N, n), rng.integers(0, N, n))
        net.connect(E, E, rule, WEIGHTS[form], rng.integers(1, 25, n) / 10)
    plan = plan_table(net, 1, layout=Layout(N, width, receptors), by_source=by_source)
    synapses, _ = connect(replace(plan, given_grain_bits=grain_bits), 1, Decomposition(N, 1, 0))
    assert synapses.form == form
    return synapses


def history_of(trains: list[list[int]]) -> History:
    """Return the ring after the spikes trains[t] (gids, ascending) of the steps t."""
    gids = np.zeros(1 << sum(map(len, trains)).bit_length(), np.uint32)
    history, head = History(gids, np.zeros(RING, np.int64), np.zeros(RING, np.int64)), 0
    for t, spikes in enumerate(trains):
        history.first[t], history.count[t] = head, len(spikes)
        gids[head : head + len(spikes)] = spikes
        head += len(spikes)
    return history


def deliver_slowly(t: int, synapses: Synapses, trains: list[list[int]]) -> tuple[np.ndarray, int]:
    """Sum what arrives at step t in plain Python, oldest spikes first; the row (pA or units) and the events."""
    flat = np.zeros((synapses.base.size, synapses.slots), np.int32 if synapses.form == FIXED else float)
    events = 0
    for shard in range(synapses.base.size):
        source, delay, slot, weight = synapses_of(synapses, shard)
        for emitted in range(max(0, t - int(synapses.delays[-1])), min(t, len(trains))):
            for gid in trains[emitted]:
                for k in np.flatnonzero((source == gid) & (delay == t - emitted)):
                    flat[shard, slot[k]] += flat.dtype.type(weight[k])
                    events += 1
    return flat, events


def deliver_step(t: int, synapses: Synapses, history: History) -> tuple[np.ndarray, int]:
    """Return the row of step t and the events, after all earlier steps that may add to it."""
    rows = synapses.row_fixed if synapses.form == FIXED else synapses.row
    rows[:] = 0
    by_step = rows.reshape(synapses.ring_mask + 1, synapses.base.size, synapses.slots)
    scratch = make_scratch(synapses)
    for step in range(t - synapses.ring_mask, t):
        deliver(step, synapses, history, scratch)
        by_step[step & synapses.ring_mask] = 0
    events = deliver(t, synapses, history, scratch)
    return by_step[t & synapses.ring_mask].copy(), events


def random_trains(n_steps: int, share: float, seed: int = 5) -> list[list[int]]:
    """Return the spikes of each step; those of some neurons count several times, as sources' may."""
    rng = np.random.default_rng(seed)
    return [np.sort(rng.choice(N, rng.binomial(N, share))).tolist() for _ in range(n_steps)]


@pytest.mark.parametrize("width", [N, 16, 7])
@pytest.mark.parametrize("form", [FIXED, PALETTE, WIDE], ids=["fixed", "palette", "wide"])
def test_rows_and_events_equal_the_slow_twin(form, width, by_source, grain_bits):
    synapses, trains = table(form, width, by_source, grain_bits), random_trains(12, 0.05)
    history = history_of(trains)
    for t in (0, 1, 5, 11, 14, 25, 40):
        row, events = deliver_step(t, synapses, history)
        expected, n = deliver_slowly(t, synapses, trains)
        assert events == n or by_source
        np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize("width", [N, 9])
def test_inhibition_goes_to_a_row_of_its_own(width, by_source, grain_bits):
    synapses, trains = table(FIXED, width, by_source, grain_bits, receptors=2), random_trains(12, 0.1)
    row, events = deliver_step(12, synapses, history_of(trains))
    expected, n = deliver_slowly(12, synapses, trains)
    assert n > 0 and (events == n or by_source)
    np.testing.assert_array_equal(row, expected)
    excitation, inhibition = row[:, :width], row[:, width:]
    assert excitation.max() > 0 >= inhibition.max() and excitation.min() >= 0 > inhibition.min()


@pytest.mark.parametrize("form", [FIXED, PALETTE], ids=["fixed", "palette"])
def test_by_source_a_spike_is_delivered_once(form, grain_bits):
    synapses, trains = table(form, 16, True, grain_bits), random_trains(12, 0.05)
    history, scratch = history_of(trains), make_scratch(synapses)
    outdegree = np.bincount(np.concatenate([synapses_of(synapses, shard)[0] for shard in range(4)]), minlength=N)
    for t in range(40):
        emitted = t - int(synapses.delays[0])
        expected = outdegree[trains[emitted]].sum() if 0 <= emitted < len(trains) else 0
        assert deliver(t, synapses, history, scratch) == expected


@pytest.mark.parametrize("form", [FIXED, PALETTE])
def test_more_segments_than_a_batch_are_all_delivered(form, by_source, grain_bits):
    synapses = table(form, 16, by_source, grain_bits)
    trains = [list(range(N)) * 8 for _ in range(26)]
    trains = [sorted(train) for train in trains]
    assert N * 8 * synapses.delays.size > 2 * BATCH
    row, events = deliver_step(26, synapses, history_of(trains))
    expected, n = deliver_slowly(26, synapses, trains)
    assert events == n or by_source
    np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize("form", [PALETTE, WIDE], ids=["palette", "wide"])
def test_sums_do_not_depend_on_the_shards_and_the_layout(form, grain_bits):
    trains = random_trains(30, 0.4)
    rows = []
    for width, by_source in ((N, False), (13, False), (1, False), (N, True), (13, True)):
        row, _ = deliver_step(30, table(form, width, by_source, grain_bits), history_of(trains))
        rows.append(row.ravel()[:N])
    for row in rows[1:]:
        np.testing.assert_array_equal(rows[0], row)


def test_the_ring_may_wrap_around(by_source, grain_bits):
    synapses, trains = table(FIXED, N, by_source, grain_bits), random_trains(12, 0.1)
    history, later = history_of(trains), RING - 4
    assert synapses.delays[-1] < RING - len(trains)
    # The same spikes some steps later, so that steps and spikes run over the ends of their rings.
    turned = History(np.roll(history.gids, 5), np.roll(history.first, later) + 5, np.roll(history.count, later))
    turned.first[:] += history.gids.size * 3
    for t in (3, 8, 12):
        expected = deliver_step(t, synapses, history)
        found = deliver_step(t + later + RING * 100, synapses, turned)
        assert found[1] == expected[1] and expected[0].any()
        np.testing.assert_array_equal(found[0], expected[0])
