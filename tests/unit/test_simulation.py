"""A network in time: pieces and wholes, what is recorded, stimuli, conservation, and networks of almost nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distsim import Network, Normal, Simulation, explicit, fixed_indegree, fixed_total_number
from distsim.engine.step import buffers, loop
from distsim.parallel import SerialCommunicator


def balanced(dt: float = 0.1, delay=None, min_delay: float = 0.05) -> Network:
    """Return a small network of excitation and inhibition with Poisson input, all spikes recorded."""
    net = Network(dt)
    E = net.create("E", 80, V_m=Normal(-62.0, 4.0), tau_syn_ex=0.5, tau_syn_in=0.5)
    I = net.create("I", 20, V_m=Normal(-62.0, 4.0), tau_syn_ex=0.5, tau_syn_in=0.5)
    delay = Normal(1.5, 0.75, minimum=min_delay) if delay is None else delay
    for source, weight in ((E, Normal(90.0, 9.0, minimum=0.0)), (I, Normal(-400.0, 40.0, maximum=0.0))):
        for target in (E, I):
            net.connect(source, target, fixed_total_number(12 * len(target)), weight, delay)
    for target in (E, I):
        net.poisson_input(target, 12_000.0, 90.0, 1.5)
    net.record_spikes(E, I)
    return net


def simulate(net: Network, *pieces: float, seed: int = 1) -> Simulation:
    sim = Simulation(net, seed, SerialCommunicator())
    for piece in pieces:
        sim.run(piece)
    return sim


def raster(sim: Simulation) -> list[tuple]:
    """Return times and ids of the populations that are recorded as a whole."""
    recorded = [r.target.population for r in sim.network.recorders if r.name == "spikes"]
    return [tuple(map(tuple, sim.spikes(p))) for p in sim.network.populations if p in recorded]


# --- pieces and wholes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delay", "pieces"),
    [
        (None, [100.0, 100.0]),
        (1.5, [100.0, 100.0]),
        (1.5, [0.7] * 20 + [86.0, 100.0]),
        (1.5, [199.9, 0.1]),
        (Normal(3.0, 0.5, minimum=1.45), [0.7] * 100 + [130.0]),
    ],
    ids=["drawn delays", "long delay", "cut intervals", "one step left", "drawn long delays"],
)
def test_pieces_give_the_spikes_of_the_whole(delay, pieces):
    whole, parts = simulate(balanced(delay=delay), 200.0), simulate(balanced(delay=delay), *pieces)
    assert parts.time == whole.time == 200.0
    assert len(raster(whole)[0][0]) > 100
    assert raster(parts) == raster(whole)
    assert parts.spikes_sha256() == whole.spikes_sha256()
    assert parts.ledger() == whole.ledger()


def test_a_piece_of_nothing_changes_nothing():
    assert raster(simulate(balanced(), 0.0, 50.0, 0.0)) == raster(simulate(balanced(), 50.0))


@pytest.mark.parametrize("duration", [-1.0, 0.05, float("nan"), float("inf"), "1", [1.0, 2.0], None])
def test_an_impossible_duration_is_refused(duration):
    sim = simulate(balanced())
    with pytest.raises(ValueError, match=r"^duration.* ms|^duration must be (finite|one number), not "):
        sim.run(duration)
    assert sim.step == 0


def test_the_same_seed_gives_the_same_spikes_and_another_others():
    one, again, other = (simulate(balanced(), 100.0, seed=seed) for seed in (1, 1, 2))
    assert raster(one) == raster(again) != raster(other)
    assert one.spikes_sha256() == again.spikes_sha256() != other.spikes_sha256()


@pytest.mark.parametrize("seed", [-1, 1.5, 2**64, True, None, float("nan"), float("inf"), "1"])
def test_an_impossible_seed_is_refused(seed):
    with pytest.raises(ValueError, match=f"seed must be a whole number from 0 to {2**64 - 1}, not {seed!r}"):
        Simulation(balanced(), seed, SerialCommunicator())


def test_the_largest_seed_is_allowed():
    assert simulate(balanced(), 5.0, seed=2**64 - 1).seed == 2**64 - 1


# --- recording --------------------------------------------------------------------------------------------------------


def test_chosen_neurons_are_recorded():
    everything, some = balanced(), balanced()
    some.drop_recorders("spikes")
    E = some["E"]
    some.record_spikes(E[10:30], E[50:80:7], E[20:25])
    whole, part = simulate(everything, 150.0), simulate(some, 150.0)
    chosen = {*range(10, 30), *range(50, 80, 7)}
    times, ids = whole.spikes(everything["E"])
    kept = np.isin(ids, list(chosen))
    assert 0 < kept.sum() < ids.size
    assert part.sink.recorded("spikes")[0].size == kept.sum()
    for cut in (slice(10, 30), slice(12, 30, 4), slice(50, 80, 7), slice(20, 20)):
        inside = np.isin(ids, range(80)[cut])
        for found, expected in zip(part.spikes(E[cut]), (times[inside], ids[inside]), strict=True):
            np.testing.assert_array_equal(found, expected)
    for not_recorded in (E, E[9:12], some["I"]):
        with pytest.raises(ValueError, match="not all recorded"):
            part.spikes(not_recorded)
    assert part.spike_counts().tolist() == whole.spike_counts().tolist()


@pytest.mark.parametrize("first", [True, False])
def test_all_spikes_are_recorded_of_sources_too(first):
    net = Network(0.1)
    if first:
        net.record_spikes()
    E = net.create("E", 10, I_e=500.0)
    given, random = net.spike_source("S", [[1.0, 2.0]]), net.poisson_source("P", 3, 500.0)
    net.connect(random, E, fixed_indegree(2), 10.0, 1.0)
    if not first:
        net.record_spikes()
    sim = simulate(net, 50.0)
    assert sim.spikes("S")[0].tolist() == [1.0, 2.0]
    counts = [sim.spikes(population)[0].size for population in (E, given, random)]
    assert min(counts) > 1 and sum(counts) == sim.spike_counts().sum() == sim.sink.recorded("spikes")[0].size
    assert sim.result().summary["spikes_sha256"] == sim.spikes_sha256()


def test_nothing_is_recorded_unless_wanted():
    net = balanced()
    net.record_voltages(net["E"][:2])
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(50.0, record=False)
    assert sim.spikes(net["E"])[0].size == 0 and sim.voltages(net["E"][:2])[0].size == 0
    sim.run(50.0)
    sim.run(50.0, record=False)
    whole = simulate(balanced(), 150.0)
    times, ids = whole.spikes(net["E"])
    inside = (times > 50.0) & (times <= 100.0)
    np.testing.assert_array_equal(sim.spikes(net["E"]), (times[inside], ids[inside]))
    np.testing.assert_array_equal(sim.voltages(net["E"][:2])[0], whole.network.grid.ms(np.arange(501, 1001)))


def test_what_went_elsewhere_than_to_memory_cannot_be_read_back():
    class Elsewhere:
        def take(self, name: str, steps: np.ndarray, values: np.ndarray) -> None:
            pass

    sim = Simulation(balanced(), 1, SerialCommunicator(), Elsewhere())
    sim.run(20.0)
    for read in (lambda: sim.spikes("E"), sim.spikes_sha256, sim.result):
        with pytest.raises(RuntimeError, match="recordings go to Elsewhere, not to memory"):
            read()


def test_spikes_are_sorted_and_counted():
    sim = simulate(balanced(), 100.0)
    counts = sim.spike_counts()
    for population in sim.network.populations:
        times, ids = sim.spikes(population)
        np.testing.assert_array_equal(np.lexsort((ids, times)), np.arange(ids.size))
        np.testing.assert_array_equal(
            np.bincount(ids, minlength=population.n), counts[population.first :][: population.n]
        )


def described_voltages(interval: float | None) -> Network:
    net = balanced()
    net.create("other", 5, E_L=-60.0, V_th=-40.0, I_e=50.0)
    net.create("many", 4, E_L=np.array([-80.0, -70.0, -65.0, -61.0]), V_th=-40.0)
    for what in (net["E"][3:40:5], net["other"], net["many"][1:], net["E"][8:10]):
        net.record_voltages(what, interval)
    return net


def test_voltages_of_several_populations_have_their_own_E_L():
    net = described_voltages(None)
    sim = simulate(net, 20.0)
    times, V = sim.voltages(net["many"][1:])
    assert times.size == 200 and V.shape == (200, 3)
    np.testing.assert_array_equal(V, np.broadcast_to([-70.0, -65.0, -61.0], V.shape))
    V = sim.voltages(net["other"])[1]
    expected = -60.0 + 50.0 * 10.0 / 250.0 * -np.expm1(-times / 10.0)
    np.testing.assert_allclose(V, np.repeat(expected[:, None], 5, axis=1), rtol=1e-13)
    E = sim.voltages(net["E"][3:40:5])[1]
    assert E.shape == (200, 8) and E.std() > 1.0
    np.testing.assert_array_equal(sim.voltages(net["E"][8])[1][:, 0], E[:, 1])
    with pytest.raises(ValueError, match="not all recorded"):
        sim.voltages(net["E"][:9])


@pytest.mark.parametrize("interval", [0.2, 0.5, 0.7, 10.0])
def test_voltages_at_an_interval_are_every_so_manieth_sample(interval):
    pieces = [3.3, 0.4, 16.3]
    every, some = (simulate(described_voltages(x), *pieces) for x in (None, interval))
    stride = round(interval / 0.1)
    for name in ("E", "other"):
        what = slice(3, 40, 5) if name == "E" else slice(None)
        times, V = every.voltages(every.network[name][what])
        found_times, found = some.voltages(some.network[name][what])
        np.testing.assert_array_equal(found_times, times[stride - 1 :: stride])
        np.testing.assert_array_equal(found, V[stride - 1 :: stride])


# --- buffers ----------------------------------------------------------------------------------------------------------


def test_a_small_ring_grows_without_changing_spikes():
    whole = simulate(balanced(), 100.0)
    sim = simulate(balanced())
    interval = sim.engine.constants.most_spikes * sim.engine.interval
    small = 1 << (interval - 1).bit_length()
    assert small < sim.engine.history.gids.size
    sim.engine.history = sim.engine.history._replace(gids=np.zeros(small, np.uint32))
    sim.run(100.0)
    assert sim.engine.history.gids.size > small
    assert raster(sim) == raster(whole)
    assert sim.ledger() == whole.ledger()


def test_the_ring_grows_when_many_spikes_are_on_their_way():
    """Quiet at first, so that the small ring has been filled several times before it has to grow."""

    def bursting() -> Network:
        net = Network(0.1)
        E = net.create("E", 50, I_e=500.0, t_ref=0.0, V_m=Normal(-62.0, 4.0))
        net.connect(E, E, fixed_total_number(500), 1.0, Normal(5.0, 2.0, minimum=0.05))
        net.step_current(E, [200.0], [50_000.0])
        net.record_spikes(E)
        return net

    sim, whole = simulate(bursting()), simulate(bursting(), 230.0)
    sim.engine.history = sim.engine.history._replace(gids=np.zeros(256, np.uint32))
    sim.run(200.0)
    assert sim.engine.history.gids.size == 256 < sim.engine.clock.counts[loop.HEAD]
    sim.run(30.0)
    assert sim.engine.history.gids.size >= 2048
    assert raster(sim) == raster(whole)
    assert sim.ledger() == whole.ledger()


def test_small_buffers_of_what_is_recorded_change_nothing(monkeypatch):
    whole = simulate(described_voltages(0.5), 60.0)
    monkeypatch.setattr(buffers, "SPIKE_BUFFER", 0)
    monkeypatch.setattr(buffers, "SAMPLE_BUFFER", 40)
    sim = simulate(described_voltages(0.5), 60.0)
    assert sim.engine.recording.spikes.gids.size < whole.spike_counts().sum()
    assert raster(sim) == raster(whole)
    for one, other in zip(
        sim.voltages(sim.network["E"][3:40:5]), whole.voltages(whole.network["E"][3:40:5]), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_intervals_shorter_than_the_shortest_delay_change_nothing(monkeypatch):
    whole = simulate(balanced(delay=1.5), 60.0)
    monkeypatch.setattr(buffers, "MOST_IN_INTERVAL", 300)
    sim = simulate(balanced(delay=1.5), 60.0)
    assert 1 <= sim.engine.interval < sim.engine.min_delay == whole.engine.interval == 15
    assert raster(sim) == raster(whole) and sim.ledger() == whole.ledger()


# --- stimuli ----------------------------------------------------------------------------------------------------------


def passive(n: int = 1) -> Network:
    net = Network(0.1)
    net.record_voltages(net.create("n", n, E_L=0.0, V_reset=0.0, V_th=1e6, tau_m=10.0, C_m=250.0))
    return net


def voltages(net: Network, duration: float) -> np.ndarray:
    return simulate(net, duration).voltages(net["n"])[1]


def test_a_step_current_first_moves_V_one_step_after_its_delay():
    net = passive()
    net.step_current(net["n"], [2.0, 5.0], [100.0, -50.0], delay=0.5)
    V = voltages(net, 10.0)[:, 0]
    assert np.all(V[:25] == 0.0) and V[25] > 0.0  # samples at 0.1 ... 2.5 and 2.6 ms
    expected, v = [], 0.0
    for step in range(1, 101):
        I = 100.0 * (25 < step <= 55) - 50.0 * (step > 55)
        v = v * np.exp(-0.01) - I * 10.0 / 250.0 * np.expm1(-0.01)
        expected.append(v)
    np.testing.assert_allclose(V, expected, rtol=1e-12, atol=1e-14)


def test_a_dc_current_is_a_step_up_and_a_step_down():
    dc, step = passive(3), passive(3)
    dc.dc_current(dc["n"][1:], 30.0, 1.0, 2.5)
    step.step_current(step["n"][1:], [1.0, 2.5], [30.0, 0.0])
    V = voltages(dc, 8.0)
    np.testing.assert_array_equal(V, voltages(step, 8.0))
    assert np.all(V[:, 0] == 0.0) and np.all(V[11:, 1:] > 0.0) and np.all(V[:11] == 0.0)


def test_currents_add_up():
    both, one = passive(), passive()
    both.step_current(both["n"], [1.0, 3.0], [10.0, 5.0])
    both.step_current(both["n"], [1.0, 2.0], [20.0, 0.0])
    one.step_current(one["n"], [1.0, 2.0, 3.0], [30.0, 10.0, 5.0])
    np.testing.assert_allclose(voltages(both, 6.0), voltages(one, 6.0), rtol=1e-12)


def arrived(V: np.ndarray, weight: float, tau_syn: float) -> np.ndarray:
    """Work out of V_m (time, neuron) of passive neurons how many spikes of `weight` arrived in each step."""
    x = 0.1 * (10.0 - tau_syn) / (10.0 * tau_syn)
    from_current = 0.1 / 250.0 * np.exp(-0.01) * -np.expm1(-x) / x
    I = (V[1:] - np.exp(-0.01) * V[:-1]) / from_current
    return (I - np.exp(-0.1 / tau_syn) * np.vstack([np.zeros_like(I[:1]), I[:-1]])) / weight


def test_poisson_input_is_a_train_of_its_own_for_every_neuron():
    net = passive(1000)
    net.poisson_input(net["n"][:800], 23_000.0, 2.0, 0.3, start=1.0, stop=5.0)
    numbers = arrived(voltages(net, 8.0), 2.0, 2.0)
    whole = np.rint(numbers)
    np.testing.assert_allclose(numbers, whole, atol=1e-9)
    # Emitted in (1, 5] ms and 0.3 ms on their way; row 0 is step 1.
    inside = whole[13:53, :800]
    assert whole.sum() == inside.sum() > 0
    assert np.all(inside.any(axis=1))
    mean, edges = 2.3, np.arange(8)
    expected = np.diff(stats.poisson.cdf(edges, mean), prepend=0.0, append=1.0) * inside.size
    observed = np.bincount(np.minimum(inside.ravel(), 8).astype(int), minlength=9)
    assert stats.chisquare(observed, expected).pvalue > 1e-3
    # Neither neurons nor steps have anything in common.
    for table in (inside, inside.T):
        correlation = np.corrcoef(table) - np.eye(len(table))
        assert abs(correlation[np.triu_indices(len(table), 1)].mean()) < 4 / np.sqrt(inside.size / 2)
    assert np.unique(inside, axis=1).shape[1] == inside.shape[1]


def test_many_spikes_a_step_keep_to_their_window_too():
    net = passive(10)
    net.poisson_input(net["n"], 6e6, 2.0, 0.3, start=1.0, stop=2.0)
    numbers = np.rint(arrived(voltages(net, 4.0), 2.0, 2.0))
    assert np.all(numbers[13:23] > 450) and not numbers[:13].any() and not numbers[23:].any()


def test_two_poisson_inputs_are_independent_and_add_up():
    both, one, other = passive(300), passive(300), passive(300)
    # The number of a stimulus in the network is part of what it draws, so `other` has one to nobody before it.
    for net, targets in ((both, (300, 300)), (one, (300,)), (other, (0, 300))):
        for n in targets:
            net.poisson_input(net["n"][:n], 5_000.0, 1.0, 0.1)
    first, second, total = (np.rint(arrived(voltages(net, 5.0), 1.0, 2.0)) for net in (one, other, both))
    np.testing.assert_array_equal(total, first + second)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / np.sqrt(first.size)


def test_poisson_input_arrives_as_often_as_it_should():
    net = Network(0.1)
    source = net.poisson_source("P", 500, 800.0, start=10.0, stop=60.0)
    net.record_spikes(source)
    sim = simulate(net, 100.0)
    times, ids = sim.spikes(source)
    assert times.min() > 10.0 and times.max() <= 60.0
    assert {10.1, 60.0} <= set(times)
    mean, edges = 800.0 * 0.050, np.array([34, 37, 40, 43, 46])
    counts = np.bincount(ids, minlength=500)
    assert abs(counts.sum() - 500 * mean) < 4 * np.sqrt(500 * mean)
    expected = 500 * np.diff(stats.poisson.cdf(edges, mean), prepend=0.0, append=1.0)
    assert stats.chisquare(np.bincount(np.searchsorted(edges, counts), minlength=6), expected).pvalue > 1e-3
    steps = np.rint(times / 0.1).astype(int)
    assert stats.chisquare(np.bincount(steps)[101:]).pvalue > 1e-3


def test_a_source_sends_one_train_to_all_its_targets():
    net = Network(0.1)
    source = net.poisson_source("P", 3, 300.0)
    neurons = net.create("n", 30, E_L=0.0, V_th=1e6, V_reset=0.0)
    net.connect(source, neurons, explicit(np.repeat(np.arange(3), 10), np.arange(30)), 10.0, 1.0)
    net.record_spikes(source)
    net.record_voltages(neurons)
    sim = simulate(net, 100.0)
    V = sim.voltages(neurons)[1].T.reshape(3, 10, -1)
    np.testing.assert_array_equal(V, np.broadcast_to(V[:, :1], V.shape))
    assert len({train.tobytes() for train in V[:, 0]}) == 3
    for k, train in enumerate(V[:, 0]):
        first = sim.spikes(source[k])[0][0]
        # On its way for 1 ms, and V moves one step after the current.
        assert np.flatnonzero(train)[0] + 1 == round((first + 1.1) / 0.1)


def test_given_spikes_are_emitted_in_any_order_and_as_often_as_given():
    net = Network(0.1)
    source = net.spike_source("S", [[3.0, 1.0, 2.0], [], [1.0, 1.0, 0.1]])
    net.record_spikes(source)
    times, ids = simulate(net, 2.5, 5.0).spikes(source)
    assert times.tolist() == [0.1, 1.0, 1.0, 1.0, 2.0, 3.0]
    assert ids.tolist() == [2, 0, 2, 2, 0, 0]


def test_a_source_with_very_many_spikes_loses_none_or_is_refused():
    net = Network(0.1)
    try:
        source = net.spike_source("S", [[1.0] * 300])
        net.record_spikes(source)
        sim = simulate(net, 2.0)
    except ValueError as error:
        assert "S" in str(error) and "255" in str(error)
        return
    assert sim.spikes(source)[0].size == 300


def test_a_source_of_very_high_rate_loses_no_spikes_or_is_refused():
    net = Network(0.1)
    try:
        source = net.poisson_source("P", 10, 4e6)
        sim = simulate(net, 10.0)
    except ValueError as error:
        assert "P" in str(error) and "rate" in str(error)
        return
    expected = 4e6 * 0.01 * source.n
    assert abs(sim.spike_counts().sum() - expected) < 5 * np.sqrt(expected)


def test_strong_input_from_bursting_sources_does_not_overflow():
    """Weights are summed as multiples of a unit; so many at once would not fit 32 bits."""
    n, spikes, net = 1000, 200, Network(0.1)
    source = net.spike_source("S", [[1.0] * spikes] * n)
    target = net.create("n", 1, E_L=0.0, V_reset=0.0, V_th=1e12)
    net.connect(source, target, explicit(np.arange(n), np.zeros(n, int)), Normal(10.0, 1.0, minimum=0.0), 1.0)
    net.record_voltages(target)
    V = simulate(net, 3.0).voltages(target)[1][:, 0]
    assert V[20] == pytest.approx(0.1 / 250.0 * 10.0 * n * spikes, rel=0.05)


# --- conservation -----------------------------------------------------------------------------------------------------


@pytest.fixture
def running() -> Simulation:
    sim = simulate(balanced(delay=1.5), 100.0)
    assert sim.ledger().on_their_way > 0
    return sim


def test_the_ledger_counts_all_synaptic_events():
    net = Network(0.1)
    source, target = net.spike_source("S", [[1.0, 2.0, 3.0], [3.0]]), net.create("n", 4)
    net.connect(source, target, explicit([0, 0, 1, 1, 1], [0, 1, 2, 3, 3]), 1.0, [1.0, 2.0, 0.1, 0.1, 0.5])
    ledger = simulate(net, 3.2).ledger()
    assert (ledger.due, ledger.delivered, ledger.on_their_way) == (9, 5, 4)


def test_the_ledger_balances_at_any_time():
    sim = simulate(balanced())
    for piece in (0.1, 0.1, 3.0, 0.7, 40.0, 0.1):
        sim.run(piece)
        ledger = sim.ledger()
        assert ledger.due == ledger.delivered + ledger.on_their_way
    assert ledger.due > 1000


def lose_an_event(sim: Simulation) -> None:
    sim.engine.clock.counts[loop.EVENTS] -= 1


def double_an_event(sim: Simulation) -> None:
    sim.engine.clock.counts[loop.EVENTS] += 1


def newest_step_with_spikes(sim: Simulation) -> int:
    return next(t for t in range(sim.step, 0, -1) if sim.engine.history.count[t % sim.engine.history.count.size])


def lose_a_spike(sim: Simulation) -> None:
    sim.engine.history.count[newest_step_with_spikes(sim) % sim.engine.history.count.size] -= 1


def double_a_spike(sim: Simulation) -> None:
    slot = newest_step_with_spikes(sim) % sim.engine.history.count.size
    sim.engine.history.first[slot] -= 1
    sim.engine.history.count[slot] += 1


def miss_a_spike_of_another_rank(sim: Simulation) -> None:
    sim.engine.clock.counts[loop.SPIKES] -= 1


@pytest.mark.parametrize(
    "tamper", [lose_an_event, double_an_event, lose_a_spike, double_a_spike, miss_a_spike_of_another_rank]
)
def test_what_is_lost_or_doubled_is_an_error(running, tamper):
    tamper(running)
    with pytest.raises(RuntimeError, match="conservation violated"):
        running.ledger()


def test_a_spike_lost_on_its_way_is_still_missed_when_it_is_due(running):
    lose_a_spike(running)
    with pytest.raises(RuntimeError, match="conservation violated"):
        running.run(5.0)


# --- almost nothing ---------------------------------------------------------------------------------------------------


def test_a_network_without_synapses_runs():
    net = Network(0.1)
    E = net.create("E", 10, I_e=500.0)
    net.poisson_input(E, 1000.0, 50.0, 1.5)
    net.record_spikes(E)
    whole, parts = simulate(net, 60.0), simulate(net, 0.3, 20.0, 39.7)
    assert raster(whole)[0][0]
    assert raster(parts) == raster(whole)
    assert whole.ledger().due == 0


def test_empty_populations_change_nothing_but_the_gids():
    def with_empty() -> Network:
        net = balanced()
        none = net.create("none", 0)
        net.connect(none, net["E"], fixed_total_number(0), 1.0, 1.5)
        net.connect(net["E"], none, explicit([], []), 1.0, 1.5)
        net.poisson_input(none, 100.0, 1.0, 1.0)
        net.step_current(none, [1.0], [1.0])
        net.record_spikes(none)
        net.record_voltages(none)
        return net

    sim = simulate(with_empty(), 50.0)
    assert raster(sim)[:2] == raster(simulate(balanced(), 50.0))
    assert sim.spikes(sim.network["none"])[0].size == 0
    assert sim.voltages(sim.network["none"])[1].shape[1] == 0


@pytest.mark.parametrize("populations", [[], [0], [0, 0]])
def test_no_neurons_at_all_are_simulated(populations):
    net = Network(0.1)
    for k, n in enumerate(populations):
        net.record_spikes(net.create(str(k), n))
    sim = simulate(net, 10.0)
    assert (sim.time, sim.n_synapses, sim.ledger().due, sim.spike_counts().size) == (10.0, 0, 0, 0)


def test_no_time_at_all_is_simulated():
    sim = simulate(balanced(), 0.0)
    assert sim.step == 0 and sim.spikes(sim.network["E"])[0].size == 0
    assert sim.ledger().due == 0
    assert len(sim.spikes_sha256()) == 64


def test_delays_far_longer_than_the_run_are_on_their_way():
    net = Network(0.1)
    source, target = net.spike_source("S", [[1.0]]), net.create("n", 1)
    net.connect(source, target, explicit([0], [0]), 1.0, 500.0)
    net.connect(source, target, explicit([0], [0]), 1.0, 0.1)
    ledger = simulate(net, 20.0).ledger()
    assert (ledger.delivered, ledger.on_their_way) == (1, 1)


# --- initial values ---------------------------------------------------------------------------------------------------


def test_initial_values_are_drawn_neuron_by_neuron():
    net = Network(0.1)
    n = net.create("n", 4000, E_L=-65.0, V_m=Normal(-58.0, 10.0), V_th=1e6, tau_m=1e12)
    m = net.create("m", 4000, E_L=-65.0, V_m=Normal(-58.0, 10.0), V_th=1e6, tau_m=1e12, I_e=Normal(1e-9, 0.0))
    net.record_voltages(n)
    net.record_voltages(m)
    sim = simulate(net, 0.1)
    V, W = (sim.voltages(p)[1][0] for p in (n, m))
    assert stats.kstest(V, stats.norm(-58.0, 10.0).cdf).pvalue > 1e-3
    assert stats.kstest(W, stats.norm(-58.0, 10.0).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(V, W)[0, 1]) < 4 / np.sqrt(4000)


def test_observers_see_the_time_pass():
    seen = []
    sim = simulate(balanced())
    sim.run(120.0, observe=lambda s: seen.append((s.time, int(s.engine.clock.counts[loop.SPIKES]))))
    times, spikes = zip(*seen, strict=True)
    assert times[-1] == 120.0 and list(times) == sorted(times) and len(times) > 1
    assert list(spikes) == sorted(spikes) and spikes[-1] == sim.spike_counts().sum()


def test_a_network_that_is_simulated_cannot_be_added_to():
    net = Network(0.1)
    E = net.create("E", 10)
    Simulation(net, 1, SerialCommunicator())
    for add in (
        lambda: net.create("I", 1),
        lambda: net.poisson_source("P", 1, 1.0),
        lambda: net.spike_source("S", [[1.0]]),
        lambda: net.connect(E, E, fixed_indegree(1), 1.0, 1.0),
        lambda: net.poisson_input(E, 1.0, 1.0, 1.0),
        lambda: net.step_current(E, [1.0], [1.0]),
        lambda: net.dc_current(E, 1.0),
        lambda: net.record_spikes(E),
        lambda: net.record_voltages(E),
    ):
        with pytest.raises(ValueError, match="the network is being simulated and cannot be added to"):
            add()
    assert Simulation(net, 2, SerialCommunicator()).n_synapses == 0


def test_an_observer_may_end_a_run_and_choose_its_chunks():
    def look(s: Simulation) -> bool:
        s.chunk = 70
        return s.step >= 560

    sim, whole = simulate(balanced(), 0.0), simulate(balanced(), 0.0)
    sim.run(120.0, observe=look)
    assert sim.step == 570 and sim.period.pieces == [(0, 570)]
    sim.run(3.0)
    whole.run(60.0)
    assert sim.spikes_sha256() == whole.spikes_sha256() and sim.period.counts.tolist() == whole.period.counts.tolist()
