"""Poisson numbers: the tables, what is counted, searched and drawn from the rest, exact into the tail."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distsim import Network
from distsim.engine.random import streams
from distsim.engine.step import poisson, poisson_plan
from distsim.engine.step.decomposition import Decomposition
from distsim.engine.step.population_state import BLOCK
from tests.support.distributions import check_distribution

MEANS = [0.01, 1.3, 2.3, 29.4, 55.0, 90.0, 3000.0]


def plan(mean: float, n: int, **window) -> tuple[poisson.PoissonInputs, np.ndarray]:
    """Poisson input of `mean` a step to `n` neurons, with the blocks that they are updated in."""
    net = Network(0.1)
    net.poisson_input(net.create("E", n), mean * 1e4, 2.0, 0.1, **window)
    first = np.arange(0, n, 1000)
    blocks = np.zeros(first.size, BLOCK)
    blocks["first"], blocks["last"] = first, np.minimum(first + 1000, n)
    stimuli = list(enumerate(net.poisson_inputs))
    return poisson_plan.plan_poisson(stimuli, net, Decomposition(n, 1, 0), np.zeros(1, bool), blocks), blocks


def numbers(mean: float, n: int, steps: int) -> np.ndarray:
    """Numbers of `n` neurons in `steps` steps from the second on, drawn as a simulation does."""
    inputs, blocks = plan(mean, n)
    found = np.zeros((steps, n))
    for t in range(2, steps + 2):
        poisson.draw_poisson(t, inputs, 0, 1, 5, 7)
        for e in range(len(inputs.entries)):
            row = np.zeros((2, 1024))
            poisson.add_poisson(t, inputs, e, int(blocks["first"][e]), row)
            first, last = blocks["first"][e], blocks["last"][e]
            found[t - 2, first:last] = row[0, : last - first] / 2.0
    return found.astype(np.int64)


@pytest.mark.parametrize("mean", [1e-9, *MEANS])
def test_the_distribution_function_is_exact_and_complete(mean):
    levels, cdf = streams.poisson_levels(mean)
    assert np.abs(cdf - stats.poisson.cdf(levels, mean)).max() < 1e-14
    assert stats.poisson.cdf(levels[0] - 1, mean) < 2.0**-44
    assert stats.poisson.sf(levels[-1], mean) < 2.0**-44


@pytest.mark.parametrize("mean", MEANS)
def test_numbers_have_their_distribution(mean):
    check_distribution(numbers(mean, 5300, 40).ravel(), stats.poisson(mean))


@pytest.mark.parametrize("mean", [0.01, 1.3, 2.3, 29.4])
def test_cells_and_rest_together_are_the_distribution(mean):
    """The probability of each number, computed from the tables, is the exact one to 2^-42."""
    levels, cdf = streams.poisson_levels(mean)
    table = poisson_plan.cell_table(levels, cdf)
    edges = np.concatenate([[-1], table.thresholds.astype(np.int64)])
    p = np.zeros(levels[-1] + 2)
    p[table.base + np.arange(table.thresholds.size)] = np.diff(edges) / 2**16
    left_over = 1.0 - (edges[-1] + 1) / 2**16
    rest = np.concatenate([[-1], table.rest.thresholds.astype(np.int64)])
    p[table.rest.first + np.arange(table.rest.n_levels)] += left_over * np.diff(rest) / 2**32
    exact = stats.poisson.pmf(np.arange(p.size), mean)
    assert 0 < left_over < 64 / 2**16
    assert np.abs(p - exact).max() < 2.0**-42


def test_numbers_in_the_rest_are_drawn():
    """Events of a probability below 1/65536 occur as often as they should."""
    found, mean = numbers(0.01, 20_000, 400), 0.01
    rare = 3  # P(number >= 3) = 1.65e-7: no cell of its own
    expected = found.size * stats.poisson.sf(rare - 1, mean)
    assert stats.poisson.cdf(np.count_nonzero(found >= rare), expected) > 1e-3
    assert stats.poisson.sf(np.count_nonzero(found >= rare) - 1, expected) > 1e-3
    assert np.count_nonzero(found >= rare) > 0


def test_a_change_of_means_does_not_shift_what_others_draw():
    one, other = plan(1.3, 2500)[0], plan(1.3, 1200)[0]
    for inputs in (one, other):
        poisson.draw_poisson(9, inputs, 0, 1, 5, 7)
    np.testing.assert_array_equal(one.narrow[: 8 * 1000], other.narrow[: 8 * 1000])


def test_pieces_are_cut_at_the_borders_of_blocks():
    blocks = np.zeros(3, BLOCK)
    blocks["first"], blocks["last"] = [0, 10, 15], [10, 15, 40]
    assert poisson_plan._pieces([(3, 12), (14, 15), (20, 50)], blocks) == [
        (0, 3, 10),
        (1, 10, 12),
        (1, 14, 15),
        (2, 20, 40),
    ]


def test_no_input_has_no_entry():
    assert plan(0.0, 10)[0].entries.size == 0
