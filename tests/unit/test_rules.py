"""Connection rules: degrees, autapses, multapses, any number of ranks, statistics over many networks."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from distsim import (
    Network,
    Normal,
    all_to_all,
    explicit,
    fixed_indegree,
    fixed_outdegree,
    fixed_total_number,
    one_to_one,
    pairwise_bernoulli,
)
from distsim.engine.connectivity.build import connect
from distsim.engine.connectivity.build_dense import FEWEST, plan_groups
from distsim.engine.connectivity.table_plan import plan_table
from distsim.engine.step.decomposition import Decomposition
from distsim.engine.step.delivery import FIXED
from distsim.engine.step.layout import plan_layout
from tests.support.matrices import synapses_in
from tests.support.tables import synapses_of

ALPHA = 1e-3
MANY = [300, pytest.param(1000, marks=pytest.mark.validation)]  # networks


def network(rule, n_sources=12, n_targets=12, same=True, weight=1.0, delay=1.0):
    net = Network()
    source = net.create("S", n_sources, "iaf_psc_exp")
    target = source if same else net.create("T", n_targets, "iaf_psc_exp")
    net.connect(source, target, rule, weight, delay)
    return net


def plan_rank(net, size=1, rank=0, fewest=FEWEST):
    """Plan the synapses onto a rank, in matrices of `fewest` pairs or more: the same for all seeds."""
    deal = Decomposition(net.n, size, rank)
    plan = plan_table(net, size, layout=plan_layout(deal.n_local, 1, 4))
    return deal, replace(plan, groups=plan_groups(net, fewest))


def pairs(net, seed=1, size=1, plans=None):
    """(source gid, target gid, delay, weight code) of all synapses, sorted, put together from `size` ranks."""
    found = []
    for rank, (deal, plan) in enumerate(plans or [plan_rank(net, size, rank) for rank in range(size)]):
        layout = plan.layout
        table, dense = connect(plan, seed, deal)
        for shard in range(layout.n_shards):
            source, delay, slot, weight = synapses_of(table, shard)
            code = weight.astype(int) if table.form == FIXED else np.searchsorted(table.palette, weight)
            found.append(np.stack([source, deal.gid(shard * layout.width + slot), delay, code], axis=1))
        alike = synapses_in(dense, layout.width, size, rank)
        found.append(np.hstack([alike, np.zeros((len(alike), 1), np.int64)]))
    rows = np.concatenate(found)
    return rows[np.lexsort(rows.T[::-1])]


RULES = {
    "indegree": fixed_indegree(5),
    "indegree, no autapses": fixed_indegree(5, allow_autapses=False),
    "indegree, no multapses": fixed_indegree(5, allow_multapses=False),
    "indegree, neither": fixed_indegree(9, allow_autapses=False, allow_multapses=False),
    "outdegree": fixed_outdegree(5),
    "outdegree, no autapses": fixed_outdegree(5, allow_autapses=False),
    "outdegree, no multapses": fixed_outdegree(5, allow_multapses=False),
    "outdegree, neither": fixed_outdegree(9, allow_autapses=False, allow_multapses=False),
    "total": fixed_total_number(70),
    "total, no autapses": fixed_total_number(70, allow_autapses=False),
    "total, no multapses": fixed_total_number(70, allow_multapses=False),
    "total, neither": fixed_total_number(70, allow_autapses=False, allow_multapses=False),
    "bernoulli": pairwise_bernoulli(0.4),
    "bernoulli, no autapses": pairwise_bernoulli(0.7, allow_autapses=False),
    "all": all_to_all(),
    "all, no autapses": all_to_all(allow_autapses=False),
    "one": one_to_one(),
}
RANDOM = [name for name in RULES if not name.startswith(("all", "one"))]
by_name = pytest.mark.parametrize("name", RULES)


@pytest.fixture(params=[FEWEST, 1], ids=["table", "matrix"])
def fewest(request) -> int:
    """Synapses that are all alike are kept, and drawn, in two ways, which size decides."""
    return request.param


@by_name
@pytest.mark.parametrize("size", [2, 3, 5, 20])
def test_rules_draw_the_same_on_any_number_of_ranks(name, size):
    net = network(RULES[name], weight=Normal(5.0, 1.0, minimum=0.0), delay=Normal(1.0, 0.4, minimum=0.05))
    np.testing.assert_array_equal(pairs(net), pairs(net, size=size))


@by_name
def test_autapses_and_multapses_are_absent_where_forbidden(name, fewest):
    rule, forbidden, net = RULES[name], 0, network(RULES[name])
    plans = [plan_rank(net, fewest=fewest)]
    for seed in range(50):
        rows = pairs(net, seed, plans=plans)
        if not getattr(rule, "allow_autapses", True):
            forbidden += np.count_nonzero(rows[:, 0] == rows[:, 1])
        if not getattr(rule, "allow_multapses", isinstance(rule, type(one_to_one()))):
            forbidden += rows.shape[0] - np.unique(rows[:, :2], axis=0).shape[0]
    assert forbidden == 0


def test_autapses_and_multapses_are_there_where_allowed(fewest):
    for name in ("indegree", "outdegree", "total"):
        net = network(RULES[name])
        plans = [plan_rank(net, fewest=fewest)]
        rows = np.concatenate([pairs(net, seed, plans=plans) for seed in range(20)])
        assert np.any(rows[:, 0] == rows[:, 1])
        one = pairs(net, 3, plans=plans)
        assert np.unique(one[:, :2], axis=0).shape[0] < one.shape[0]


@pytest.mark.parametrize("name", [name for name in RULES if name.startswith("indegree")])
def test_indegrees_are_met(name, fewest):
    net = network(RULES[name], 12, 7, same=False)
    rows = pairs(net, 5, plans=[plan_rank(net, fewest=fewest)])
    np.testing.assert_array_equal(np.bincount(rows[:, 1] - 12, minlength=7), RULES[name].n)


@pytest.mark.parametrize("name", [name for name in RULES if name.startswith("outdegree")])
def test_outdegrees_are_met(name):
    rows = pairs(network(RULES[name], 7, 12, same=False), 5)
    np.testing.assert_array_equal(np.bincount(rows[:, 0], minlength=7), RULES[name].n)


@pytest.mark.parametrize(("name", "n"), [(name, 70) for name in RULES if name.startswith("total")] + [("all", 84)])
def test_total_numbers_are_met(name, n, fewest):
    net = network(RULES[name], 12, 7, same=False)
    assert pairs(net, 5, plans=[plan_rank(net, fewest=fewest)]).shape[0] == n


def degree_probabilities(rule, n):
    """Exact distribution of the degree that the rule leaves to chance, for a network of n neurons onto itself."""
    k = np.arange(200)
    choices = n if rule.allow_autapses else n - 1
    if hasattr(rule, "p"):
        return stats.binom.pmf(k, choices, rule.p)
    allowed_pairs = n * choices
    if rule in (RULES[name] for name in RULES if name.startswith("total")):
        if rule.allow_multapses:
            return stats.binom.pmf(k, rule.n, choices / allowed_pairs)
        return stats.hypergeom.pmf(k, allowed_pairs, choices, rule.n)
    if rule.allow_multapses:
        return stats.binom.pmf(k, rule.n * choices, 1 / choices)
    return stats.binom.pmf(k, choices, rule.n / choices)


def connected(name: str, n: int, fewest: int) -> np.ndarray:
    """Return how often each pair is connected in n networks, int64 (networks, sources, targets)."""
    found, net = np.zeros((n, 12, 12), np.int64), network(RULES[name])
    plans = [plan_rank(net, fewest=fewest)]
    for seed in range(n):
        rows = pairs(net, seed, plans=plans)
        np.add.at(found[seed], (rows[:, 0], rows[:, 1]), 1)
    return found


@pytest.mark.parametrize("n", MANY)
@pytest.mark.parametrize("name", RANDOM)
def test_degrees_and_pairs_follow_their_distributions(name, n, fewest):
    counts = connected(name, n, fewest)
    check_degrees(name, counts)
    check_pairs(name, counts)


def check_degrees(name: str, counts: np.ndarray) -> None:
    """The free degree of neuron 3 over all networks: chi-square and Kolmogorov-Smirnov against the exact law."""
    rule = RULES[name]
    degrees = (counts[:, 3] if name.startswith("indegree") else counts[:, :, 3]).sum(axis=1)
    p = degree_probabilities(rule, 12)
    assert chi_square(degrees, p) > ALPHA
    # randomised, so that the law is continuous and the test exact
    jitter = np.random.default_rng(1).random(degrees.size)
    below = np.concatenate([[0.0], np.cumsum(p)])
    uniform = below[degrees] + jitter * p[degrees]
    assert stats.kstest(uniform, "uniform").pvalue > ALPHA


def check_pairs(name: str, counts: np.ndarray) -> None:
    """All allowed pairs are equally likely."""
    rule, n, counts = RULES[name], len(counts), counts.sum(axis=0)
    allowed = ~np.eye(12, dtype=bool) if not rule.allow_autapses else np.ones((12, 12), bool)
    observed = counts[allowed]
    assert counts[~allowed].sum() == 0
    distinct = not getattr(rule, "allow_multapses", False)
    expected = observed.mean()
    # of a pair that occurs at most once per network the count is binomial, not Poisson
    variance = expected * (1 - expected / n if distinct else 1.0)
    statistic = ((observed - expected) ** 2).sum() / variance
    assert stats.chi2.sf(statistic, observed.size - 1) > ALPHA


def chi_square(numbers, probabilities):
    """p value of `numbers` against a law, cells of less than 5 expected ones joined."""
    expected = probabilities * numbers.size
    order = np.cumsum(expected)
    cell = np.minimum((order / 8).astype(int), int(order[-1] / 8) - 1)
    observed = np.bincount(cell[numbers], minlength=cell.max() + 1)
    wanted = np.bincount(cell, expected)
    keep = wanted > 0
    return stats.chisquare(observed[keep], wanted[keep] * observed[keep].sum() / wanted[keep].sum()).pvalue


IMPOSSIBLE = [
    (fixed_indegree(13, allow_multapses=False), "indegree 13 without multapses, but only 12"),
    (fixed_indegree(12, allow_autapses=False, allow_multapses=False), "only 11"),
    (fixed_outdegree(13, allow_multapses=False), "outdegree 13 without multapses"),
    (fixed_total_number(145, allow_multapses=False), "145 synapses without multapses, but only 144 pairs"),
    (fixed_total_number(133, allow_autapses=False, allow_multapses=False), "only 132 pairs"),
]


@pytest.mark.parametrize(("rule", "message"), IMPOSSIBLE, ids=[message for _, message in IMPOSSIBLE])
def test_impossible_demands_are_errors_before_anything_is_built(rule, message):
    with pytest.raises(ValueError, match=message):
        network(rule)


def test_one_to_one_wants_equal_numbers():
    with pytest.raises(ValueError, match="12 sources and 7 targets"):
        network(one_to_one(), 12, 7, same=False)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_a_probability_lies_between_0_and_1(p):
    with pytest.raises(ValueError, match=f"pairwise_bernoulli: p must be from 0 to 1, not {p}"):
        pairwise_bernoulli(p)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pairwise_bernoulli("0.1"), "pairwise_bernoulli: p must be one number, not '0.1'"),
        (lambda: fixed_indegree("3"), "fixed_indegree: n must be a whole number of at least 0, not '3'"),
        (lambda: fixed_outdegree([3]), r"fixed_outdegree: n must be a whole number of at least 0, not \[3\]"),
        (lambda: fixed_total_number(math.inf), "fixed_total_number: n must be a whole number of at least 0, not inf"),
        (lambda: explicit(["0"], [1]), r"sources must be a number or an array of numbers, not \['0'\]"),
        (lambda: explicit([0], [1e300]), "targets must be from .* not 1e"),
    ],
)
def test_only_numbers_make_a_rule(make, message):
    with pytest.raises(ValueError, match=message):
        make()
