"""Weights are whole numbers of a unit only where no sum can overflow and the unit resolves every distribution."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Network, Normal, explicit, fixed_indegree, fixed_total_number, pairwise_bernoulli
from distsim.engine.connectivity.weights import FIXED, MOST_SUMMANDS, PALETTE, fixed_unit, most_events, plan_weights

WEIGHT = Normal(100.0, 10.0, minimum=0.0)


def network(*projections, n: int = 100, sources: int = 0) -> Network:
    """Return a network with projections (source, target, rule, weight) between E, F and sources S."""
    net = Network(0.1)
    net.create("E", n)
    net.create("F", n)
    net.poisson_source("S", sources, 10.0)
    for source, target, rule, weight in projections:
        net.connect(source, target, rule, weight, 1.0)
    return net


def test_what_reaches_a_neuron_by_several_projections_adds_up():
    one, other = ("E", "F", fixed_indegree(40_000), WEIGHT), ("F", "F", fixed_indegree(30_000), WEIGHT)
    assert fixed_unit(network(one)) and fixed_unit(network(other))
    assert fixed_unit(network(one, other)) is None
    assert fixed_unit(network(one, ("F", "E", fixed_indegree(30_000), WEIGHT)))  # these are other neurons
    assert most_events(network(one, other)) >= 70_000


@pytest.mark.parametrize(
    ("rule", "n_each"),
    [(fixed_indegree, 1), (fixed_total_number, 100)],
)
def test_more_events_than_the_mean_may_come_by_chance(rule, n_each):
    """Ten standard deviations more: 62,976 + 10 * 251 are below 65,536 and 63,500 + 10 * 252 are not."""
    for n, is_fixed in ((62_976, True), (63_500, False)):
        assert (fixed_unit(network(("E", "F", rule(n * n_each), WEIGHT))) is not None) == is_fixed
    assert MOST_SUMMANDS == 65_536


def test_of_listed_synapses_the_neuron_with_the_most_counts():
    targets = np.concatenate([np.zeros(70_000, int), np.arange(100)])
    rule = explicit(np.zeros(targets.size, int), targets)
    assert most_events(network(("E", "F", rule, WEIGHT))) >= 70_001
    assert fixed_unit(network(("E", "F", rule, WEIGHT))) is None
    assert fixed_unit(network(("E", "F", explicit([], []), WEIGHT)))


def test_sources_may_emit_255_spikes_at_once():
    rule = pairwise_bernoulli(1.0)
    assert fixed_unit(network(("E", "F", rule, WEIGHT), n=300))
    assert fixed_unit(network(("S", "F", rule, WEIGHT), sources=300)) is None
    assert fixed_unit(network(("S", "F", rule, WEIGHT), sources=200))


@pytest.mark.parametrize("order", [1, -1])
def test_the_finest_distribution_must_be_resolved(order):
    """Of 150 pA in 32,767 units a weight of 0.01 pA would be two or three."""
    coarse, fine = (
        ("E", "F", fixed_indegree(5), WEIGHT),
        ("F", "E", fixed_indegree(5), Normal(0.01, 0.001, minimum=0.0)),
    )
    assert plan_weights(network(coarse)).form == FIXED == plan_weights(network(fine)).form
    code = plan_weights(network(*(coarse, fine)[::order]))
    assert code.form == PALETTE
    for number, (mean, std) in enumerate([(100.0, 10.0), (0.01, 0.001)][::order]):
        values = code.values(number)
        assert np.unique(values).size > 100 and mean - 9 * std < values.min() < mean < values.max() < mean + 9 * std


def test_the_unit_is_that_of_the_largest_weight():
    code = plan_weights(
        network(("E", "F", fixed_indegree(5), WEIGHT), ("F", "F", fixed_indegree(5), Normal(-300.0, 30.0)))
    )
    assert code.form == FIXED and code.unit == pytest.approx(-min(code.values(1)) / 32767, rel=1e-3)
    units = code.values(0) / code.unit
    np.testing.assert_allclose(units, np.rint(units), rtol=1e-12)


def test_one_given_weight_takes_a_palette():
    code = plan_weights(network(("E", "F", fixed_indegree(5), WEIGHT), ("F", "F", fixed_indegree(5), -3.0)))
    assert code.form == PALETTE and code.values(1).tolist() == [-3.0] and code.palette[code.zero] == 0.0
