"""Synapses read back from a simulation, against what was described and against the plain lists of tables and bits."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import (
    Network,
    Normal,
    Simulation,
    Uniform,
    all_to_all,
    explicit,
    fixed_indegree,
    fixed_outdegree,
    fixed_total_number,
    one_to_one,
    pairwise_bernoulli,
)
from tests.support.matrices import synapses_in
from tests.support.tables import synapses_of

N_E, N_I = 40, 30


def network(n_e: int = N_E, n_i: int = N_I, **named) -> Network:
    net = Network(0.1)
    net.create("E", n_e, **named)
    net.create("I", n_i, **named)
    return net


def rows(found) -> list[tuple]:
    arrays = (found.sources, found.targets, found.delays, found.weights)
    return list(zip(*(a.tolist() for a in arrays), strict=True))


def test_a_list_is_read_back_sorted_and_repeated_pairs_keep_their_order():
    rng, n = np.random.default_rng(2), 500
    sources, targets = rng.integers(0, N_E, n), rng.integers(0, N_I, n)
    weights, delays = rng.normal(0.0, 5.0, n), rng.integers(1, 4, n) / 10
    net = network(tau_syn_in=2.0)
    net.connect("E", "I", explicit(sources, targets), weights, delays)
    order = np.lexsort((delays, targets, sources))
    expected = list(zip(*(a[order].tolist() for a in (sources, targets, delays, weights)), strict=True))
    found = Simulation(net).connections("E", "I")
    assert rows(found) == expected and len(found) == n
    assert len({(s, t, d) for s, t, d, _ in expected}) < n  # some are repeated, with other weights
    assert found.sources.dtype == found.targets.dtype == np.int64


def test_parts_in_any_order_have_their_synapses_only():
    net = network()
    net.connect("E", "I", all_to_all(), weight=1.0, delay=1.0)
    net.connect("I", "E", fixed_indegree(3), weight=2.0, delay=1.0)
    sim = Simulation(net)
    found = sim.connections("E[[30, 2, 9]]", net["I"][[7, 1]])
    assert rows(found) == [(s, t, 1.0, 1.0) for s in (2, 9, 30) for t in (1, 7)]
    assert len(sim.connections("I", "I")) == 0 and len(sim.connections("I", "E")) == 3 * N_E
    assert repr(found) == "<6 synapses from <E[[30, 2, 9]]> to <I[[7, 1]]>>"


@pytest.mark.parametrize(
    "rule", [fixed_indegree(7), fixed_outdegree(7), fixed_total_number(300), pairwise_bernoulli(0.2)], ids=repr
)
def test_drawn_projections_have_the_degrees_weights_and_delays_of_their_description(rule):
    net = network()
    net.connect("E", "I", rule, Normal(5.0, 2.0, minimum=0.0), Uniform(0.5, 2.0))
    sim = Simulation(net, 4)
    found = sim.connections("E", "I")
    assert len(found) == sim.n_synapses and (found.weights > 0).all()
    assert found.delays.min() >= 0.5 and found.delays.max() <= 2.0 and np.unique(found.delays).size > 10
    assert found.weights.std() == pytest.approx(2.0, rel=0.2) and found.weights.mean() == pytest.approx(5.0, rel=0.1)
    if rule == fixed_indegree(7):
        assert (np.bincount(found.targets) == 7).all()
    if rule == fixed_outdegree(7):
        assert (np.bincount(found.sources) == 7).all()


def test_bit_matrices_are_read_back_with_their_repeated_synapses():
    net = network(1200, 1100)
    net.connect("E", "I", fixed_total_number(60_000), 2.0, 1.5)
    net.connect("E", "I[:50]", fixed_indegree(30, allow_multapses=False), Uniform(7.0, 8.0), 1.0)
    sim = Simulation(net, 3)
    found, engine = sim.connections("E", "I"), sim.engine
    width = engine.plan.layout.width
    in_bits = synapses_in(engine.dense, width)
    sources, delays, slots, _ = synapses_of(engine.synapses, 0)
    expected = np.concatenate([in_bits, np.stack([sources, slots & 0xFFFF, delays], axis=1)])
    expected[:, 1] = expected[:, 1] % width - 1200
    expected = expected[np.lexsort((expected[:, 2], expected[:, 1], expected[:, 0]))]
    assert np.array_equal(expected, np.stack([found.sources, found.targets, np.rint(found.delays * 10)], axis=1))
    assert 58_000 < len(in_bits) < 60_000 and len(found) == 61_500
    assert (found.weights[found.delays == 1.5] == 2.0).all() and (found.weights[found.delays == 1.0] >= 7.0).all()


def test_a_sparse_matrix_makes_the_same_network_again():
    net = network()
    net.connect("E", "I", fixed_total_number(900), Normal(5.0, 2.0), Uniform(0.5, 2.0))
    found = Simulation(net, 4).connections("E", "I")
    again = network()
    again.connect("E", "I", found.to_sparse(), delay=found.to_sparse("delays"))
    assert rows(Simulation(again).connections("E", "I")) == rows(found)
    assert found.to_sparse().shape == (N_E, N_I) and found.to_sparse().nnz == 900
    with pytest.raises(ValueError, match="'weights' or 'delays', not 'rates'"):
        found.to_sparse("rates")


def test_autapses_and_sources_are_read_back_too():
    net = network()
    clock = net.spike_source("clock", [[1.0], [2.0]])
    net.connect(clock, "E", all_to_all(), 3.0, 0.4)
    net.connect("E", "E", one_to_one(), 4.0, 0.4)
    sim = Simulation(net)
    assert rows(sim.connections(clock, "E[:2]")) == [(s, t, 0.4, 3.0) for s in (0, 1) for t in (0, 1)]
    assert rows(sim.connections("E", "E")) == [(k, k, 0.4, 4.0) for k in range(N_E)]
    with pytest.raises(ValueError, match="no population 'X'"):
        sim.connections("X", "E")
