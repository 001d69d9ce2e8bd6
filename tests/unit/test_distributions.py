"""The redrawn normal is scipy's truncated normal, and its draws keep to their bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from distsim import Network, fixed_indegree
from distsim.description.distributions import Constant, Lognormal, Normal, Uniform
from distsim.engine.connectivity.weights import plan_weights

INF = math.inf
CASES = [
    (0.0, 1.0, -INF, INF),
    (87.8, 8.78, 0.0, INF),
    (-351.2, 35.1, -INF, 0.0),
    (1.5, 0.75, 0.05, INF),
    (0.75, 0.375, 0.05, INF),
    (-58.0, 10.0, -70.0, -50.0),
    (0.0, 1.0, 3.0, 4.0),
    (1.0, 2.0, 0.0, INF),
]


def truncnorm(mean, std, minimum, maximum):
    return stats.truncnorm((minimum - mean) / std, (maximum - mean) / std, mean, std)


@pytest.mark.parametrize("case", CASES)
def test_the_distribution_function_is_that_of_the_truncated_normal(case):
    mean, std, *_ = case
    x = np.linspace(mean - 7 * std, mean + 7 * std, 1001)
    np.testing.assert_allclose(Normal(*case).cdf(x), truncnorm(*case).cdf(x), atol=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_quantiles_are_those_of_the_truncated_normal(case):
    u = np.concatenate([np.linspace(0.001, 0.999, 999), [1e-9, 1e-6, 1 - 1e-6]])
    np.testing.assert_allclose(Normal(*case).quantile(u), truncnorm(*case).ppf(u), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_quantile_and_distribution_function_are_inverse_within_the_bounds(case):
    normal = Normal(*case)
    u = np.linspace(0.001, 0.999, 999)
    np.testing.assert_allclose(normal.cdf(normal.quantile(u)), u, atol=1e-9)
    ends = normal.quantile(np.array([2.0**-54, 1 - 2.0**-53]))
    assert case[2] <= ends[0] <= ends[1] <= case[3]
    assert np.all(np.isfinite(ends))


@pytest.mark.parametrize("case", CASES)
def test_what_lies_outside_the_support_is_rarer_than_a_word(case):
    low, high = Normal(*case).support()
    exact = truncnorm(*case)
    assert case[2] <= low < high <= case[3]
    # Rounding near 1 costs some of the ten digits that the tail has.
    assert exact.cdf(low) <= 2.0**-32 and exact.sf(high) <= 2.0**-32


def test_without_spread_every_draw_is_the_mean():
    normal = Normal(1.5, 0.0, minimum=0.05)
    assert normal.support() == (1.5, 1.5)
    np.testing.assert_array_equal(normal.cdf(np.array([1.4, 1.5, 1.6])), [0.0, 1.0, 1.0])
    np.testing.assert_array_equal(normal.quantile(np.array([0.1, 0.5, 0.9])), 1.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((math.nan, 1.0), "mean must be finite, not nan"),
        ((0.0, math.inf), "std must be finite, not inf"),
        ((0.0, -1.0), "std must be at least 0, not -1"),
        ((0.0, 1.0, 2.0, 1.0), "minimum 2.0 must be below maximum 1.0"),
        ((0.0, 1.0, 1.0, 1.0), "minimum 1.0 must be below maximum 1.0"),
        ((0.0, 0.0, 1.0), "mean 0.0 with std 0 lies outside"),
        ((0.0, 1.0, 6.0), "less than one in a million"),
        ((0.0, 1.0, math.nan), "minimum must be one number, not nan"),
    ],
)
def test_an_impossible_distribution_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Normal(*arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal("1", 1.0), "mean must be one number, not '1'"),
        (lambda: Normal(1.0, [1.0, 2.0]), r"std must be one number, not \[1.0, 2.0\]"),
        (lambda: Normal(1.0, 0.0, minimum="0"), "minimum must be one number, not '0'"),
        (lambda: Lognormal(0.0, 1.0, maximum=1j), "maximum must be one number, not 1j"),
        (lambda: Lognormal(None, 1.0), "mu must be one number, not None"),
        (lambda: Uniform(0.0, math.inf), "high must be finite, not inf"),
        (lambda: Constant("a"), "value must be one number, not 'a'"),
        (lambda: Normal(0.0, 1.0) * "2", "factor of a distribution must be one number, not '2'"),
        (lambda: Normal(0.0, 1.0) * Normal(0.0, 1.0), "factor of a distribution must be one number, not Normal"),
        (lambda: Normal(0.0, 1.0) - "2", "offset of a distribution must be one number, not '2'"),
        (lambda: Normal(0.0, 1.0) / 0, "divisor of a distribution must not be 0"),
        (lambda: Normal(0.0, 1.0) * 0, "cannot be multiplied by 0"),
    ],
)
def test_only_numbers_make_a_distribution(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_distributions_are_shifted_stretched_divided_and_turned_around():
    u = np.linspace(0.01, 0.99, 99)
    plain = Normal(3.0, 1.0, minimum=2.0)
    for changed, expected in (
        (plain / 4, plain.quantile(u) / 4),
        (-plain, -plain.quantile(1 - u)),
        (5 - plain / 2, 5 - plain.quantile(1 - u) / 2),
        (plain / -2 - 1, -plain.quantile(1 - u) / 2 - 1),
    ):
        np.testing.assert_allclose(changed.quantile(u), expected, rtol=1e-14)
        np.testing.assert_allclose(changed.cdf(expected), u, atol=1e-12)


def test_what_is_stretched_is_resolved_as_finely():
    for base in (Normal(0.0, 2.0), Uniform(1.0, 2.0), Lognormal(0.0, 1.0)):
        assert (-3 * base + 1).resolution == pytest.approx(3 * base.resolution)
    assert (2 * Lognormal(0.0, 1.0)).resolution == 0.0


def test_a_stretched_lognormal_has_as_many_levels_as_a_plain_one():
    def levels(weight) -> np.ndarray:
        net = Network()
        neurons = net.create("E", 50)
        net.connect(neurons, neurons, fixed_indegree(10), weight, 1.0)
        return plan_weights(net).values(0)

    plain, stretched = levels(Lognormal(0.0, 1.0)), levels(2 * Lognormal(0.0, 1.0))
    assert stretched.size == plain.size > 3000
    np.testing.assert_allclose(stretched, 2 * plain, rtol=1e-12)
