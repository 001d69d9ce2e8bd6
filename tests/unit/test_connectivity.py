"""The synapse table: what was described, in its numbers and distributions, and the same on any number of ranks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from distsim import Network, Normal, explicit, fixed_total_number
from distsim.engine.connectivity.build import connect
from distsim.engine.connectivity.table_plan import plan_table
from distsim.engine.step.decomposition import Decomposition
from distsim.engine.step.delivery import FIXED, PALETTE, SLOT_BITS, SLOT_MASK, WIDE, synapses_by_source
from distsim.engine.step.layout import Layout, plan_layout
from distsim.engine.step.population_state import receptors_of
from tests.support.tables import synapses_of

ALPHA = 1e-3
N_E, N_I = 97, 31
TOTALS = {("E", "E"): 20_000, ("E", "I"): 5_000, ("I", "E"): 12_000}
DELAYS = {"E": Normal(1.5, 0.75, minimum=0.05), "I": Normal(0.75, 0.375, minimum=0.05)}
WEIGHTS = {"E": Normal(87.8, 8.78, minimum=0.0), "I": Normal(-351.2, 35.1, maximum=0.0)}


def random_network(**parameters) -> Network:
    net = Network(0.1)
    net.create("E", N_E, **parameters)
    net.create("none", 0)
    net.create("I", N_I, **parameters)
    for (source, target), n in TOTALS.items():
        net.connect(net[source], net[target], fixed_total_number(n), WEIGHTS[source], DELAYS[source])
    return net


def listed_network(n: int, weight, delay, rule=None) -> Network:
    """Return a network with n synapses given as a list, in no order and with repetitions."""
    rng = np.random.default_rng(8)
    net = Network(0.1)
    a, b = net.create("A", 50), net.create("B", 40)
    rule = explicit(rng.integers(0, 20, n), rng.integers(0, 13, n))
    net.connect(a[5:45:2], b[1:40:3], rule, weight, delay)
    return net


def build(net: Network, size: int = 1, rank: int = 0, width: int | None = None, seed: int = 1, **given):
    """Return the table of one rank and its layout, with shards of `width` neurons; `given`: fields of the plan."""
    deal = Decomposition(net.n, size, rank)
    receptors = receptors_of(net)
    layout = plan_layout(deal.n_local, int(receptors.max()), 8)
    if width:
        layout = Layout(deal.n_local, width, layout.receptors)
    return connect(replace(plan_table(net, size, layout=layout), **given), seed, deal)[0], layout, deal


def read(table, layout, deal) -> np.ndarray:
    """Return the synapses of a table, in its order: source gid, target gid, delay (steps), weight (pA), receptor."""
    rows = []
    for shard in range(layout.n_shards):
        source, delay, slot, weight = synapses_of(table, shard)
        target = deal.gid(shard * layout.width + slot % layout.width)
        unit = table.unit if table.form == FIXED else 1.0
        rows.append(np.stack([source, target, delay, weight * unit, slot // layout.width], axis=1))
    return np.concatenate(rows)


def synapses(net: Network, **how) -> np.ndarray:
    return read(*build(net, **how))


def by_target(rows: np.ndarray) -> np.ndarray:
    """Sort by (target, source, delay) and keep the table's order of what has all three in common."""
    return rows[np.lexsort((rows[:, 2], rows[:, 0], rows[:, 1]))]


def projection(rows: np.ndarray, net: Network, source: str, target: str) -> np.ndarray:
    s, t = net[source], net[target]
    inside = (rows[:, 0] >= s.first) & (rows[:, 0] < s.first + s.n)
    return rows[inside & (rows[:, 1] >= t.first) & (rows[:, 1] < t.first + t.n)]


# --- numbers and distributions ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def net() -> Network:
    return random_network()


@pytest.fixture(scope="module")
def rows(net) -> np.ndarray:
    return synapses(net)


def test_the_total_numbers_are_exact(net, rows):
    assert {pair: len(projection(rows, net, *pair)) for pair in TOTALS} == TOTALS
    assert len(rows) == sum(TOTALS.values())


@pytest.mark.parametrize("pair", TOTALS)
def test_sources_and_targets_are_uniform(net, rows, pair):
    part = projection(rows, net, *pair)
    for column, name in ((0, pair[0]), (1, pair[1])):
        counts = np.bincount(part[:, column].astype(int) - net[name].first, minlength=net[name].n)
        assert stats.chisquare(counts).pvalue > ALPHA
        assert stats.chisquare(counts).pvalue < 1 - ALPHA  # nor more even than chance


@pytest.mark.parametrize("pair", TOTALS)
def test_delays_are_the_rounded_distribution(net, rows, pair):
    steps = projection(rows, net, *pair)[:, 2].astype(int)
    assert steps.min() >= 1
    edges = np.arange(0.5, steps.max() + 2) * 0.1
    expected = np.diff(DELAYS[pair[0]].cdf(edges)) * steps.size
    enough = expected >= 8
    observed = np.bincount(steps, minlength=expected.size + 1)[1:]
    cells = [np.append(x[enough], x[~enough].sum()) for x in (observed, expected)]
    assert stats.chisquare(cells[0], cells[1] * steps.size / cells[1].sum()).pvalue > ALPHA


@pytest.mark.parametrize("pair", TOTALS)
def test_weights_are_the_redrawn_normal(net, rows, pair):
    weights, normal = projection(rows, net, *pair)[:, 3], WEIGHTS[pair[0]]
    assert np.all(weights >= 0) if normal.mean > 0 else np.all(weights <= 0)
    # A weight is a multiple of the unit, which is small against the spread.
    assert stats.kstest(weights, normal.cdf).pvalue > ALPHA
    assert abs(weights.mean() - normal.mean) < 4 * normal.std / np.sqrt(weights.size)
    assert abs(weights.std() / normal.std - 1) < 4 / np.sqrt(2 * weights.size)


def test_what_is_drawn_for_a_synapse_is_independent(net, rows):
    part = projection(rows, net, "E", "E")
    part = part[np.random.default_rng(1).permutation(len(part))]
    correlation = np.corrcoef(part[:, :4].T) - np.eye(4)
    assert np.abs(correlation).max() < 4 / np.sqrt(len(part))


def test_seeds_and_projections_differ(net, rows):
    other = synapses(net, seed=2)
    assert len(other) == len(rows)
    assert np.mean(np.all(other[:, :3] == rows[:, :3], axis=1)) < 0.01
    twice = Network(0.1)
    E = twice.create("E", N_E)
    for _ in range(2):
        twice.connect(E, E, fixed_total_number(5000), WEIGHTS["E"], 1.0)
    both = synapses(twice)
    assert np.unique(both[:, :4], axis=0).shape[0] > 9_900


def test_slices_are_connected_within_themselves():
    net = Network(0.1)
    a, b = net.create("A", 50), net.create("B", 40)
    net.connect(a[3:40:4], b[10:30], fixed_total_number(4000), 1.0, 1.0)
    found = synapses(net)
    assert set(found[:, 0]) == set(a[3:40:4].gids)
    assert set(found[:, 1]) == set(b[10:30].gids)


# --- ranks and shards -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [None, 16, 7])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_union_over_ranks_is_the_table_of_one(net, rows, size, width):
    parts = [synapses(net, size=size, rank=rank, width=width) for rank in range(size)]
    for rank, part in enumerate(parts):
        assert np.all(part[:, 1] % size == rank)
    np.testing.assert_array_equal(by_target(np.concatenate(parts)), by_target(rows))


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(
    "weight", [Normal(5.0, 1.0, minimum=0.0), np.linspace(-3.0, 9.0, 900)], ids=["fixed", "palette"]
)
def test_lists_do_not_depend_on_the_ranks(size, weight):
    net = listed_network(900, weight, Normal(1.0, 0.3, minimum=0.05))
    parts = [synapses(net, size=size, rank=rank, width=4) for rank in range(size)]
    np.testing.assert_array_equal(by_target(np.concatenate(parts)), by_target(synapses(net)))


@pytest.mark.parametrize("by_source", [False, True], ids=["by delay", "by source"])
@pytest.mark.parametrize("grain_bits", [0, 3])
@pytest.mark.parametrize("width", [None, 7])
def test_segments_are_sorted_and_complete(net, width, grain_bits, by_source):
    table, layout, _ = build(net, width=width, by_source=by_source, given_grain_bits=grain_bits)
    index = table.index.astype(np.int64)
    assert layout.n_shards == len(index) == (1 if width is None else -(-net.n // 7))
    grains = index >> table.grain_bits
    assert np.all(np.diff(grains, axis=1) >= 0) and np.all(grains[:, 0] == 0)
    np.testing.assert_array_equal(index[:, -1], grains[:, -1] << table.grain_bits)
    np.testing.assert_array_equal(table.base, np.cumsum(index[:, -1]) - index[:, -1])
    assert table.words.size == index[:, -1].sum()
    assert table.delay_codes.size == (table.words.size if by_source else 0)
    assert np.all(np.diff(table.delays) > 0)
    for shard in range(layout.n_shards):
        source, delay, *_ = synapses_of(table, shard)
        assert np.all(np.diff(source * 1000 + delay) >= 0)
    assert np.all((table.words & SLOT_MASK) < layout.width * layout.receptors)


@pytest.mark.parametrize("by_source", [False, True], ids=["by delay", "by source"])
@pytest.mark.parametrize("form", [FIXED, PALETTE, WIDE], ids=["fixed", "palette", "wide"])
def test_empty_places_weigh_nothing(form, by_source):
    n = 70_000 if form == WIDE else 900
    weight = Normal(5.0, 1.0, minimum=0.0) if form == FIXED else np.arange(1.0, n + 1)
    net = listed_network(n, weight, Normal(1.0, 0.3, minimum=0.05))
    table, *_ = build(net, by_source=by_source, given_grain_bits=3)
    assert table.form == form
    index = table.index[0].astype(np.int64)
    empty = np.concatenate([np.arange(first >> 3 << 3, first) for first in index])
    assert empty.size == table.words.size - n > 0
    assert synapses_by_source(table.index[0], table.segments, 3).sum() == n
    if form == WIDE:
        assert not table.weights[empty].any()
    else:
        codes = table.words[empty] >> SLOT_BITS
        assert not (codes if form == FIXED else table.palette[codes]).any()


def test_shards_hold_whole_blocks_within_16_bits():
    for receptors in (1, 2):
        for n_local in (0, 1, 2048, 2049, 65_536, 77_169, 1_000_000):
            layout = plan_layout(n_local, receptors, 2048)
            assert layout.width % 2048 == 0
            assert layout.width * receptors <= 65_536
            assert layout.n_shards * layout.width >= n_local > (layout.n_shards - 1) * layout.width or n_local == 0


# --- lists ------------------------------------------------------------------------------------------------------------


def described(net: Network) -> np.ndarray:
    """Return (source, target, delay, weight) of a list as it was given, by (target, source, delay)."""
    (p,) = net.projections
    n = p.rule.sources.size
    source, target = p.source.gids[p.rule.sources], p.target.gids[p.rule.targets]
    delay = np.broadcast_to(net.grid.steps(p.delay, "delay"), n)
    weight = np.full(n, np.nan) if isinstance(p.weight, Normal) else np.broadcast_to(p.weight, n)
    return by_target(np.stack([source, target, delay, weight], axis=1))


def listed_weights(n: int, form: int):
    return {
        FIXED: Normal(5.0, 1.0, minimum=0.0),
        PALETTE: np.random.default_rng(2).normal(0.0, 100.0, 300)[np.arange(n) % 300],
        WIDE: np.random.default_rng(2).normal(0.0, 100.0, n),
    }[form]


@pytest.mark.parametrize(
    ("n", "form"), [(500, FIXED), (0, PALETTE), (1, PALETTE), (5000, PALETTE), (70_000, WIDE)], ids=str
)
def test_a_list_comes_back_exactly(n, form):
    delays = np.random.default_rng(3).integers(1, 30, n) / 10
    net = listed_network(n, listed_weights(n, form), delays)
    table, layout, deal = build(net, width=16)
    assert table.form == form
    found, expected = by_target(read(table, layout, deal)), described(net)
    np.testing.assert_array_equal(found[:, :3], expected[:, :3])
    if form == FIXED:
        assert stats.kstest(found[:, 3], Normal(5.0, 1.0).cdf).pvalue > ALPHA
    else:
        np.testing.assert_array_equal(found[:, 3], expected[:, 3])


def test_one_weight_and_one_delay_serve_a_whole_list():
    net = listed_network(200, -2.5, 0.3)
    np.testing.assert_array_equal(by_target(synapses(net))[:, :4], described(net))


def test_exact_weights_stay_exact_beside_drawn_ones():
    net = listed_network(200, np.linspace(-1.0, 1.0, 200) / 3, 1.0)
    net.connect(net["A"], net["B"], fixed_total_number(20_000), WEIGHTS["E"], 2.0)
    net.connect(net["B"], net["A"], fixed_total_number(300), 0.1, 3.0)
    found = synapses(net)
    one, two, three = (found[found[:, 2] == steps] for steps in (10, 20, 30))
    assert (len(one), len(two), len(three)) == (200, 20_000, 300)
    np.testing.assert_array_equal(np.sort(one[:, 3]), np.linspace(-1.0, 1.0, 200) / 3)
    assert stats.kstest(two[:, 3], WEIGHTS["E"].cdf).pvalue > ALPHA
    assert set(three[:, 3]) == {0.1}


@pytest.mark.parametrize("size", [1, 2])
def test_input_has_two_rows_only_where_its_time_constants_differ(size):
    different = random_network(tau_syn_ex=0.5, tau_syn_in=1.0)
    alike = random_network(tau_syn_ex=0.5, tau_syn_in=0.5)
    for rank in range(size):
        found = synapses(different, size=size, rank=rank, width=9)
        np.testing.assert_array_equal(found[:, 4], found[:, 3] < 0)
        assert not synapses(alike, size=size, rank=rank, width=9)[:, 4].any()


def test_a_network_without_synapses_has_an_empty_table():
    net = Network(0.1)
    net.create("E", 5)
    assert len(synapses(net)) == 0
