"""The redrawn normal is scipy's truncated normal, and its draws keep to their bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from distsim.distributions import Normal

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
        ((0.0, 1.0, math.nan), "minimum nan"),
    ],
)
def test_an_impossible_distribution_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Normal(*arguments)
