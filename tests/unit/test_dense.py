"""Bit matrices: which projections become one, what is drawn, summed and counted, against the table and plain sums."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from distsim import (
    Network,
    Normal,
    Simulation,
    all_to_all,
    explicit,
    fixed_indegree,
    fixed_total_number,
    pairwise_bernoulli,
)
from distsim.engine.connectivity import build_dense as dense_connectivity
from distsim.engine.connectivity.build import connect
from distsim.engine.connectivity.table_plan import plan_table
from distsim.engine.step.decomposition import Decomposition
from distsim.engine.step.delivery import History, synapses_by_source
from distsim.engine.step.dense import MOST_ROWS, deliver_dense
from distsim.engine.step.layout import Layout
from distsim.parallel import SerialCommunicator
from tests.support.matrices import synapses_in
from tests.support.tables import synapses_of

N_S, N_T = 130, 200
RULES = {
    "indegree": fixed_indegree(60),
    "indegree, no multapses": fixed_indegree(20, allow_multapses=False),
    "indegree, most": fixed_indegree(50, allow_multapses=False),
    "total": fixed_total_number(7000),
    "bernoulli": pairwise_bernoulli(0.3),
    "all": all_to_all(),
}


@pytest.fixture(autouse=True)
def small_matrices(monkeypatch):
    """Matrices however small they are."""
    monkeypatch.setattr(dense_connectivity, "FEWEST", 1)


def network(rule, **neuron) -> Network:
    net = Network(0.1)
    S, T = net.create("S", N_S, **neuron), net.create("T", N_T, **neuron)
    net.connect(S[10:120:2], T[5:180], rule, 3.0, 1.5)
    return net


def build(net: Network, width: int = 512, size: int = 1, rank: int = 0, is_two=(False, False)):
    deal = Decomposition(net.n, size, rank)
    receptors = 1 + np.array(is_two)
    plan = plan_table(net, size, layout=Layout(deal.n_local, width, int(receptors.max())))
    return connect(replace(plan, receptors=receptors), 4, deal)


def pairs(net: Network, **how) -> np.ndarray:
    """(source, target) gids of all synapses onto one rank, matrices and table together, sorted."""
    table, dense = build(net, **how)
    width, size, rank = how.get("width", 512), how.get("size", 1), how.get("rank", 0)
    found = [synapses_in(dense, width, size, rank)[:, :2]]
    for shard in range(len(table.index)):
        source, _, slot, _ = synapses_of(table, shard)
        found.append(np.stack([source, (shard * width + slot % width) * size + rank], axis=1))
    rows = np.concatenate(found)
    return rows[np.lexsort((rows[:, 1], rows[:, 0]))]


def history_of(spikes: np.ndarray, step: int) -> History:
    """The ring with `spikes` (gids) emitted at `step`; it wraps around among them."""
    size = 1 << int(spikes.size + 1).bit_length()
    start = size - spikes.size // 2
    history = History(np.zeros(size, np.uint32), np.zeros(64, np.int64), np.zeros(64, np.int64))
    history.gids[(start + np.arange(spikes.size)) % size] = spikes
    history.first[step], history.count[step] = start, spikes.size
    return history


# --- plan -------------------------------------------------------------------------------------------------------------


def test_only_what_is_alike_and_dense_becomes_a_matrix(monkeypatch):
    net = Network(0.1)
    E, I = net.create("E", 1000), net.create("I", 200)
    net.connect(E, E, pairwise_bernoulli(0.1), 1.0, 1.5)  # 0
    net.connect(E, I, pairwise_bernoulli(0.1), Normal(1.0, 0.1), 1.5)  # a distribution
    net.connect(E, E, pairwise_bernoulli(0.1), 1.0, Normal(1.5, 0.1, minimum=0.5))  # of delays
    net.connect(I, E, pairwise_bernoulli(0.001), -1.0, 1.5)  # sparse
    net.connect(E, I, explicit([0], [0]), 1.0, 1.5)  # a list
    net.connect(E[:500], E[500:], pairwise_bernoulli(0.2), 1.0, 1.5)  # 5, of the first group
    net.connect(I, E, Normal(2.0, 0.0) and pairwise_bernoulli(0.5), -2.0, 1.5)  # 6
    groups = dense_connectivity.plan_groups(net)
    assert [group.numbers for group in groups] == [(0, 5), (6,)]
    assert (groups[0].sources, groups[0].targets) == (range(0, 1000), range(0, 1000))
    monkeypatch.setattr(dense_connectivity, "FEWEST", 500_000)
    assert [group.numbers for group in dense_connectivity.plan_groups(net)] == [(0, 5)]


def test_the_density_is_that_of_the_hull():
    net = Network(0.1)
    E = net.create("E", 2000)
    net.connect(E[:10], E[:10], all_to_all(), 1.0, 1.5)
    assert len(dense_connectivity.plan_groups(net)) == 1
    net.connect(E[1990:], E[1990:], all_to_all(), 1.0, 1.5)
    assert not dense_connectivity.plan_groups(net)


# --- what is drawn ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RULES)
def test_the_same_synapses_on_any_number_of_ranks_and_shards(name):
    net = network(RULES[name])
    alone = pairs(net)
    assert len(alone) > 2500
    for size in (2, 3):
        parts = np.concatenate([pairs(net, size=size, rank=rank) for rank in range(size)])
        np.testing.assert_array_equal(parts[np.lexsort((parts[:, 1], parts[:, 0]))], alone)
    np.testing.assert_array_equal(pairs(net, width=64), alone)


@pytest.mark.parametrize("name", RULES)
def test_degrees_are_those_of_the_rule(name):
    sources, targets = pairs(network(RULES[name])).T
    assert set(sources) <= set(range(10, 120, 2)) and set(targets) <= set(range(N_S + 5, N_S + 180))
    indegree = np.bincount(targets - N_S, minlength=N_T)[5:180]
    multiplicity = np.unique(np.stack([sources, targets]), axis=1, return_counts=True)[1]
    expected = {"indegree": 60, "indegree, no multapses": 20, "indegree, most": 50, "all": 55}
    if name in expected:
        assert np.all(indegree == expected[name])
    if name in ("total", "indegree"):
        assert multiplicity.max() > 1
    else:
        assert multiplicity.max() == 1
    if name == "total":
        assert len(sources) == 7000
    if name == "bernoulli":
        assert abs(len(sources) - 0.3 * 55 * 175) < 4 * np.sqrt(55 * 175 * 0.3 * 0.7)


def test_sources_are_drawn_evenly():
    """Chi-square over the sources of 300 networks, with and without replacement."""
    few, many = (fixed_indegree(n, allow_multapses=False) for n in (20, 40))
    for rule in (fixed_indegree(20), few, many):
        counts = np.zeros(60)
        net = Network(0.1)
        S, T = net.create("S", 60), net.create("T", 10)
        net.connect(S, T, rule, 1.0, 1.0)
        for seed in range(300):
            deal = Decomposition(net.n, 1, 0)
            table, dense = connect(plan_table(net, 1, layout=Layout(net.n, 512, 1)), seed, deal)
            for _, _, outdegree in dense_connectivity.outdegrees_by_delay(dense):
                counts += outdegree
            counts += synapses_by_source(table.index[0], table.segments, table.grain_bits)[:60]
        assert counts.sum() == 300 * 10 * rule.n
        assert stats.chisquare(counts).pvalue > 1e-3


def test_autapses_are_left_out():
    net = Network(0.1)
    E = net.create("E", 100)
    net.connect(E[20:], E, fixed_indegree(50, allow_autapses=False), 1.0, 1.0)
    net.connect(E, E[:50], pairwise_bernoulli(0.7, allow_autapses=False), 1.0, 1.0)
    sources, targets = pairs(net).T
    assert sources.size > 7000 and not np.any(sources == targets)


# --- what is summed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_spikes", [1, 2, 3, 4, 15, 16, 47, 127, 300, MOST_ROWS, MOST_ROWS + 7, 3 * MOST_ROWS])
def test_sums_are_those_of_the_matrix(n_spikes):
    """Sources may emit several spikes a step, so a row may be due more than once."""
    net = Network(0.1)
    S, T = net.create("S", 400), net.create("T", 333)
    net.connect(S, T, pairwise_bernoulli(0.4), 3.0, 1.5)
    net.connect(S[100:], T, pairwise_bernoulli(0.4), -2.0, 1.5)
    assert_sums_are_those_of_the_matrix(net, n_spikes)


@pytest.mark.parametrize("n_spikes", [1, 2, 3, 4, 15, 16, 47, 300])
def test_sums_of_clusters_are_those_of_the_matrix(n_spikes):
    """Clusters of 5 sources and 58 targets: rows have bits in one word or two, those of one cluster in none."""
    net = Network(0.1)
    S, T = net.create("S", 40), net.create("T", 470)
    for k in (0, 1, 2, 3, 4, 5, 7):
        net.connect(S[5 * k : 5 * k + 5], T[58 * k : 58 * k + 58], pairwise_bernoulli(0.8), 0.7, 1.5)
    net.connect(S, T[60:], pairwise_bernoulli(0.4), -0.3, 1.5)
    dense = assert_sums_are_those_of_the_matrix(net, n_spikes)
    assert dense.weights.tolist() == [0.7, -0.3]
    assert dense.spans[[0, 5, 30, 35]].tolist() == [[0, 1], [0, 2], [8, 0], [6, 8]]
    assert np.all(dense.spans[40:] == [0, 7])


def assert_sums_are_those_of_the_matrix(net, n_spikes: int):
    """Deliver `n_spikes` spikes of the population S; the matrices."""
    table, dense = build(net)
    rng = np.random.default_rng(n_spikes)
    spikes = np.sort(rng.integers(0, net["S"].n, n_spikes))
    events = deliver_dense(20, dense, history_of(spikes, 5), table)
    expected, n_events = np.zeros(table.row.size), 0
    for weight, (begin, end, n_words, n_targets, shard, slot) in zip(dense.weights, dense.sums, strict=True):
        (panel,) = dense.panels[begin:end]
        bits = dense.bits[panel[3] : panel[3] + (panel[2] - panel[1]) * n_words].view(np.uint8)
        matrix = np.unpackbits(bits, bitorder="little").reshape(-1, 64 * n_words)[:, :n_targets].astype(np.int64)
        due = np.bincount(spikes[(panel[1] <= spikes) & (spikes < panel[2])] - panel[1], minlength=len(matrix))
        expected[512 * shard + slot :][:n_targets] += weight * (due @ matrix)
        n_events += int((due @ matrix).sum())
    np.testing.assert_array_equal(table.row, expected)
    assert events == n_events > 0
    assert deliver_dense(21, dense, history_of(spikes, 5), table) == 0
    return dense


def test_inhibition_has_its_own_receptor():
    net = network(RULES["bernoulli"])
    net.connect(net["S"], net["T"], pairwise_bernoulli(0.3), -5.0, 1.5)
    table, dense = build(net, is_two=(False, True))
    deliver_dense(20, dense, history_of(np.arange(N_S), 5), table)
    row = table.row.reshape(1, 1024)
    assert set(np.unique(row[0, :512] % 3.0)) == {0.0} and row[0, :512].max() > 0
    assert set(np.unique(row[0, 512:] % 5.0)) == {0.0} and row[0, 512:].min() < 0


# --- in a simulation --------------------------------------------------------------------------------------------------


def balanced(rule, listed: tuple | None = None) -> Network:
    """Weights are powers of two, so that sums in any order are the same. `listed`: the synapses of E and I."""
    net = Network(0.1)
    neuron = {"tau_m": 10.0, "E_L": 0.0, "V_reset": 0.0, "V_th": 16.0, "t_ref": 1.0}
    E, I = net.create("E", 160, "iaf_psc_delta", **neuron), net.create("I", 40, "iaf_psc_delta", **neuron)
    for k, (source, weight) in enumerate(((E, 0.5), (I, -2.0))):
        for t, target in enumerate((E, I)):
            if listed is None:
                net.connect(source, target, rule, weight, 1.5)
            else:
                sources, targets = listed[k][t]
                net.connect(source, target, explicit(sources, targets), weight, 1.5)
    net.poisson_input(E, 4000.0, 0.5, 1.0)
    net.poisson_input(I, 4000.0, 0.5, 1.0)
    net.record_spikes(E, I)
    return net


@pytest.mark.parametrize("rule", [fixed_indegree(20), pairwise_bernoulli(0.2)], ids=["indegree", "bernoulli"])
def test_a_matrix_gives_the_spikes_of_a_list(rule):
    net = balanced(rule)
    found = pairs(net)
    first = {0: 0, 1: 160}
    listed = tuple(
        tuple(
            (found[chosen, 0] - first[s], found[chosen, 1] - first[t])
            for t in (0, 1)
            for chosen in [((found[:, 0] >= 160) == bool(s)) & ((found[:, 1] >= 160) == bool(t))]
        )
        for s in (0, 1)
    )
    dense, sparse = (Simulation(n, 4, SerialCommunicator()) for n in (net, balanced(rule, listed)))
    for sim in (dense, sparse):
        sim.run(60.0)
    assert dense.engine.dense.sums.size and not sparse.engine.dense.sums.size
    assert dense.n_synapses == sparse.n_synapses and dense.ledger() == sparse.ledger()
    assert dense.ledger().delivered > 5000 and dense.ledger().on_their_way > 0
    assert dense.spikes_sha256() == sparse.spikes_sha256()


def test_a_lost_event_is_noticed():
    sim = Simulation(balanced(pairwise_bernoulli(0.2)), 4, SerialCommunicator())
    sim.run(20.0)
    start = sim.engine.dense.panels["bits"][0]
    rows = sim.engine.dense.bits[start:]
    rows[np.flatnonzero(rows)[0]] &= rows[np.flatnonzero(rows)[0]] - np.uint64(1)
    with pytest.raises(RuntimeError, match="conservation violated"):
        sim.run(40.0)


# --- limits -----------------------------------------------------------------------------------------------------------

MANY = (1, 2, 3, 4, 7, 8, 14, 15, 16, 17, 254, 255, 256, 257, MOST_ROWS - 1, MOST_ROWS, MOST_ROWS + 1, 2 * MOST_ROWS)


@pytest.mark.parametrize("n_targets", [1, 63, 64, 65, 333, 65_536])
@pytest.mark.parametrize("n_rows", MANY)
def test_full_rows_are_counted_to_the_last_digit(n_rows, n_targets):
    """Every neuron gets a spike of every row, so its number needs all the digits that this number of rows may need."""
    net = Network(0.1)
    S, T = net.create("S", 2), net.create("T", n_targets)
    net.connect(S, T, all_to_all(), 0.5, 1.5)
    deal = Decomposition(net.n, 1, 0)
    table, dense = connect(plan_table(net, 1, layout=Layout(net.n, 65_536, 1)), 4, deal)
    spikes = np.sort(np.arange(n_rows) % 2)
    events = deliver_dense(20, dense, history_of(spikes, 5), table)
    assert events == n_rows * n_targets
    np.testing.assert_array_equal(table.row[2 : 2 + n_targets], 0.5 * n_rows)
    assert not table.row[:2].any() and not table.row[2 + n_targets :].any()


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [1, 60, 61, 1000])
@pytest.mark.parametrize("name", RULES)
def test_pieces_of_any_size_draw_the_same(name, piece, monkeypatch):
    net = network(RULES[name])
    net.connect(net["S"], net["T"], pairwise_bernoulli(0.5), 3.0, 1.5)  # of the same matrix
    whole = pairs(net)
    monkeypatch.setattr(dense_connectivity, "PIECE", piece)
    np.testing.assert_array_equal(pairs(net), whole)


@pytest.mark.parametrize("rule", [pairwise_bernoulli(0.9), all_to_all(), fixed_indegree(3000)], ids=repr)
def test_matrices_are_built_in_little_memory(rule):
    """14 million synapses of a bit each, and at most two pieces of those that have no bit."""
    net = Network(0.1)
    S, T = net.create("S", 4000), net.create("T", 4000)
    net.connect(S, T, rule, 1.0, 1.5)
    deal = Decomposition(net.n, 1, 0)
    (group,) = dense_connectivity.plan_groups(net)
    expected = dense_connectivity.expected_seconds(net, group)
    tracemalloc.start()
    try:
        dense, second = dense_connectivity.connect_dense(
            net, [group], Layout(net.n, 8192, 1), deal, (1, 2), np.zeros(2, bool)
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    found = sum(part.shape[1] for part in second[0].get(0, []))
    assert found == pytest.approx(expected, rel=0.01)
    assert peak < dense.bits.nbytes + 8 * found + 18e6


def test_second_synapses_are_estimated():
    net = Network(0.1)
    S = net.create("S", 1200)
    net.connect(S, S, fixed_indegree(300), 1.0, 1.5)
    net.connect(S, S, pairwise_bernoulli(0.4), 1.0, 1.5)
    net.connect(S[:600], S[200:900], fixed_total_number(200_000), 1.0, 1.5)
    net.connect(S[::2], S, pairwise_bernoulli(0.3), 1.0, 1.5)
    (group,) = dense_connectivity.plan_groups(net)
    table, _ = build(net, width=2048)
    found = synapses_by_source(table.index[0], table.segments, table.grain_bits).sum()
    assert dense_connectivity.expected_seconds(net, group) == pytest.approx(found, rel=0.15)
