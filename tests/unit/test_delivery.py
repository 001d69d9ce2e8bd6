"""Delivery adds to the rows exactly what is due, in an order of sums that the layout does not change."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Network, Normal, explicit, fixed_total_number
from distsim.engine.connectivity import Layout, connect
from distsim.engine.decomposition import Decomposition
from distsim.engine.delivery import BATCH, FIXED, PALETTE, WIDE, History, Synapses, deliver

N = 60
RING = 64  # steps, more than the longest delay
WEIGHTS = {
    FIXED: Normal(3.0, 1.0, minimum=0.0),
    PALETTE: np.random.default_rng(1).normal(0.0, 1.0, 500)[np.arange(4000) % 500],
    WIDE: np.random.default_rng(1).normal(0.0, 1.0, 70_000),
}


def table(form: int, width: int, receptors: int = 1) -> Synapses:
    net = Network(0.1)
    E = net.create("E", N, tau_syn_ex=0.5, tau_syn_in=0.5 * receptors)
    if form == FIXED:
        net.connect(E, E, fixed_total_number(4000), WEIGHTS[form], Normal(1.0, 0.5, minimum=0.05))
        net.connect(E, E, fixed_total_number(1000), Normal(-5.0, 0.5, maximum=0.0), Normal(1.0, 0.5, minimum=0.05))
    else:
        rng, n = np.random.default_rng(2), WEIGHTS[form].size
        rule = explicit(rng.integers(0, N, n), rng.integers(0, N, n))
        net.connect(E, E, rule, WEIGHTS[form], rng.integers(1, 25, n) / 10)
    synapses, _ = connect(net, 1, Layout(N, width, receptors), Decomposition(N, 1, 0), np.array([receptors == 2]))
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
    row = np.zeros_like(synapses.row_fixed if synapses.form == FIXED else synapses.row)
    flat, events, n_delays = row.reshape(len(row), -1), 0, synapses.delays.size
    for d in range(n_delays - 1, -1, -1):
        emitted = t - int(synapses.delays[d])
        for gid in trains[emitted] if 0 <= emitted < len(trains) else ():
            for shard, index in enumerate(synapses.index.astype(int)):
                segment = gid * n_delays + d
                for k in range(*(synapses.base[shard] + index[segment : segment + 2])):
                    word, events = int(synapses.words[k]), events + 1
                    if synapses.form == FIXED:
                        flat[shard, word & 0xFFFF] += (word >> 16) - ((word >> 31) << 16)
                    elif synapses.form == PALETTE:
                        flat[shard, word & 0xFFFF] += synapses.palette[word >> 16]
                    else:
                        flat[shard, word] += synapses.palette[synapses.codes[k]]
    return row, events


def deliver_step(t: int, synapses: Synapses, history: History) -> tuple[np.ndarray, int]:
    row = synapses.row_fixed if synapses.form == FIXED else synapses.row
    row[:] = 0
    events = deliver(t, synapses, history, np.empty((2, BATCH), np.int64))
    return row.copy(), events


def random_trains(n_steps: int, share: float, seed: int = 5) -> list[list[int]]:
    """Return the spikes of each step; those of some neurons count several times, as sources' may."""
    rng = np.random.default_rng(seed)
    return [np.sort(rng.choice(N, rng.binomial(N, share))).tolist() for _ in range(n_steps)]


@pytest.mark.parametrize("width", [N, 16, 7])
@pytest.mark.parametrize("form", [FIXED, PALETTE, WIDE], ids=["fixed", "palette", "wide"])
def test_rows_and_events_equal_the_slow_twin(form, width):
    synapses, trains = table(form, width), random_trains(12, 0.05)
    history = history_of(trains)
    for t in (0, 1, 5, 11, 14, 25, 40):
        row, events = deliver_step(t, synapses, history)
        expected, n = deliver_slowly(t, synapses, trains)
        assert events == n
        np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize("width", [N, 9])
def test_inhibition_goes_to_a_row_of_its_own(width):
    synapses, trains = table(FIXED, width, receptors=2), random_trains(12, 0.1)
    row, events = deliver_step(12, synapses, history_of(trains))
    expected, n = deliver_slowly(12, synapses, trains)
    assert events == n > 0
    np.testing.assert_array_equal(row, expected)
    excitation, inhibition = row[:, :width], row[:, width:]
    assert excitation.max() > 0 >= inhibition.max() and excitation.min() >= 0 > inhibition.min()


@pytest.mark.parametrize("form", [FIXED, PALETTE])
def test_more_segments_than_a_batch_are_all_delivered(form):
    synapses = table(form, 16)
    trains = [list(range(N)) * 8 for _ in range(26)]
    trains = [sorted(train) for train in trains]
    assert N * 8 * synapses.delays.size > 2 * BATCH
    row, events = deliver_step(26, synapses, history_of(trains))
    expected, n = deliver_slowly(26, synapses, trains)
    assert events == n
    np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize("form", [PALETTE, WIDE], ids=["palette", "wide"])
def test_sums_do_not_depend_on_the_shards(form):
    trains = random_trains(30, 0.4)
    rows = []
    for width in (N, 13, 1):
        row, _ = deliver_step(30, table(form, width), history_of(trains))
        rows.append(row.ravel()[:N])
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[0], rows[2])


def test_the_ring_may_wrap_around():
    synapses, trains = table(FIXED, N), random_trains(12, 0.1)
    history, later = history_of(trains), RING - 4
    assert synapses.delays[-1] < RING - len(trains)
    # The same spikes some steps later, so that steps and spikes run over the ends of their rings.
    turned = History(np.roll(history.gids, 5), np.roll(history.first, later) + 5, np.roll(history.count, later))
    turned.first[:] += history.gids.size * 3
    for t in (3, 8, 12):
        expected = deliver_step(t, synapses, history)
        found = deliver_step(t + later + RING * 100, synapses, turned)
        assert found[1] == expected[1] > 0
        np.testing.assert_array_equal(found[0], expected[0])
