"""Binomial and hypergeometric numbers have their distributions; totals are split alike on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distsim.engine.random import streams
from distsim.engine.random.combinatorics import binomial, hypergeometric, split_over_targets
from tests.support.distributions import check_distribution

# --- binomial numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "p"),
    [
        (5, 0.3),
        (18, 0.5),
        (100, 0.05),
        (3_000_000, 1e-6),
        (25, 0.4),
        (20, 0.5),
        (1000, 0.3),
        (50, 0.9),
        (10**6, 0.2),
        (10**9, 1e-6),
        (298_880_968, 0.5),
    ],
)
def test_binomial_numbers_have_their_distribution(n, p):
    sample = np.array([binomial(n, p, owner, 3, 7, 0) for owner in range(20_000)])
    assert sample.min() >= 0 and sample.max() <= n
    check_distribution(sample, stats.binom(n, p))


def test_binomial_numbers_at_the_ends():
    assert binomial(0, 0.5, 1, 1, 1, 1) == 0
    assert binomial(10, 0.0, 1, 1, 1, 1) == 0
    assert binomial(10, 1.0, 1, 1, 1, 1) == 10


@pytest.mark.parametrize(
    ("good", "bad", "n"),
    [
        (3, 4, 2),
        (5, 5, 9),
        (100, 50, 8),
        (100, 50, 146),
        (60, 60, 60),
        (500, 2000, 300),
        (10**6, 10**5, 10**4),
        (70, 3, 40),
    ],
)
def test_hypergeometric_numbers_have_their_distribution(good, bad, n):
    sample = np.array([hypergeometric(good, bad, n, owner, 3, 7, 0) for owner in range(20_000)])
    assert max(0, n - bad) <= sample.min() and sample.max() <= min(good, n)
    check_distribution(sample, stats.hypergeom(good + bad, good, n))


# --- indegrees --------------------------------------------------------------------------------------------------------


def deal(total: int, n_targets: int, mine, seed: int = 1, obj: int = 2, pairs: int = 0) -> np.ndarray:
    """Return the indegrees of the targets `mine`; with `pairs` no more than that many each."""
    mine = np.asarray(mine, np.int64)
    indegree, skipped = np.full(mine.size, -1, np.int32), np.zeros(n_targets + 1, np.int64)
    split_over_targets(total, pairs or 1000, skipped, pairs > 0, mine, obj, *streams.key(seed), indegree)
    return indegree


@pytest.mark.parametrize(("total", "n_targets"), [(0, 5), (1, 5), (40, 1), (10_000, 77), (10**8, 1000), (7, 100)])
def test_all_synapses_are_dealt_alike_on_any_partition(total, n_targets):
    whole = deal(total, n_targets, range(n_targets))
    assert whole.min() >= 0 and whole.sum(dtype=np.int64) == total
    for size in (2, 3, 8, n_targets):
        for rank in range(min(size, 20)):
            mine = np.arange(rank, n_targets, size)
            np.testing.assert_array_equal(deal(total, n_targets, mine), whole[mine])
    assert deal(total, n_targets, []).size == 0


def test_indegrees_over_seeds_are_multinomial():
    total, n_targets = 50, 7
    indegrees = np.array([deal(total, n_targets, range(n_targets), seed) for seed in range(3000)])
    for target in range(n_targets):
        check_distribution(indegrees[:, target], stats.binom(total, 1 / n_targets))
    check_distribution(indegrees[:, 2:5].sum(axis=1), stats.binom(total, 3 / n_targets))


def test_indegrees_of_many_targets_are_binomial():
    # The counts of one deal add up to the total; with this many targets that does not show.
    check_distribution(deal(300_000, 10_000, range(10_000)), stats.binom(300_000, 1e-4))


def test_projections_are_dealt_independently():
    first, second = (deal(300_000, 10_000, range(10_000), obj=obj) for obj in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(10_000)


def test_indegrees_without_multapses_stay_below_the_number_of_pairs():
    total, n_targets, pairs = 60, 7, 12
    indegrees = np.array([deal(total, n_targets, range(n_targets), seed, pairs=pairs) for seed in range(3000)])
    assert indegrees.max() <= pairs and np.all(indegrees.sum(axis=1) == total)
    for target in range(n_targets):
        check_distribution(indegrees[:, target], stats.hypergeom(n_targets * pairs, pairs, total))
