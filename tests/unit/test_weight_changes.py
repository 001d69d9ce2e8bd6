"""Weights of a projection changed before and between runs: exact, as if described so, and part of checkpoints."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from distsim import Network, Simulation, all_to_all, explicit, fixed_indegree
from distsim.engine.step.delivery import FIXED, PALETTE, WIDE
from distsim.simulation import simulation
from tests.support.weighted_networks import CODES, network, signed

FORMS = dict(zip(CODES, (FIXED, PALETTE, WIDE), strict=True))


@pytest.mark.parametrize("code", CODES)
def test_weights_become_what_is_set_exactly_and_others_stay(code):
    net, projection = network(code)
    sim = Simulation(net, 3)
    assert sim.engine.synapses.form == FORMS[code]
    before, others = sim.connections("E", "I"), sim.connections("I", "E").weights
    for given in (signed(before), 7.3, lambda found: found.weights * 2.0 + found.delays, 0.0):
        now = sim.connections("E", "I")
        expected = given(now) if callable(given) else np.broadcast_to(given, len(now))
        sim.set(projection, weight=given)
        found = sim.connections("E", "I")
        assert np.array_equal(found.weights, expected) and np.array_equal(found.targets, before.targets)
        assert np.array_equal(found.sources, before.sources) and np.array_equal(found.delays, before.delays)
        assert np.array_equal(sim.connections("I", "E").weights, others)


@pytest.fixture(params=[False, True], ids=["by delay", "by source"])
def many_delays(request, monkeypatch) -> bool:
    """Return whether there are many delays; the index of the table then goes by source, as on many ranks."""
    if request.param:
        monkeypatch.setattr(simulation, "plan_table", partial(simulation.plan_table, by_source=True))
    return request.param


def test_spikes_are_those_of_a_network_described_so(many_delays):
    def described(weights) -> tuple[Network, object]:
        net = Network(0.1)
        E = net.create("E", 60, I_e=np.linspace(380.0, 450.0, 60))
        I = net.create("I", 40, I_e=np.linspace(340.0, 380.0, 40), tau_syn_in=3.0)
        rng = np.random.default_rng(5)
        pairs = np.unique(rng.integers(0, 2400, 700))
        delays = rng.integers(5, 90, pairs.size) / 10 if many_delays else 1.5
        net.record_spikes()
        rule = explicit(pairs // 40, pairs % 40)
        return net, net.connect(E, I, rule, np.full(pairs.size, 20.0) if weights is None else weights, delays)

    sim = Simulation(*described(None)[:1], 3)
    assert (sim.engine.synapses.delay_codes.size > 0) == many_delays
    weights = signed(sim.connections("E", "I"))
    net, projection = described(None)
    changed, direct = Simulation(net, 3), Simulation(described(weights)[0], 3)
    changed.set(projection, weight=weights)
    for each in (sim, changed, direct):
        each.run(80.0)
    assert changed.spikes_sha256() == direct.spikes_sha256() != sim.spikes_sha256()
    assert changed.ledger() == direct.ledger()


@pytest.mark.parametrize("code", CODES)
def test_a_checkpoint_holds_changed_weights(code, many_delays, tmp_path):
    net, projection = network(code, many_delays)
    sim = Simulation(net, 3)
    sim.run(30.0)
    sim.set(projection, weight=signed(sim.connections("E", "I")))
    sim.checkpoint(tmp_path / "at.h5")
    sim.run(10.0)
    sim.checkpoint(tmp_path / "later.h5")
    sim.run(30.0)
    for name in ("at.h5", "later.h5"):
        again = Simulation(network(code, many_delays)[0], 3, checkpoint=tmp_path / name)
        again.run(70.0 - again.time)
        assert np.array_equal(again.spike_counts(), sim.spike_counts())
        assert np.array_equal(again.connections("E", "I").weights, sim.connections("E", "I").weights)
        assert np.array_equal(again.engine.neurons.state, sim.engine.neurons.state)


def test_what_cannot_be_set_is_refused_and_nothing_changes():
    net, projection = network("palette")
    sim = Simulation(net, 3)
    before = sim.connections("E", "I").weights
    for values, message in (
        ({"delay": 1.0}, "E -> I: 'delay' cannot be changed, only weight"),
        ({"weight": [1.0, 2.0]}, r"a number, or 900 numbers in the order of sim.connections, not shape \(2,\)"),
        ({"weight": np.nan}, "E -> I: weight must be finite, not nan"),
        ({"weight": "heavy"}, "E -> I: weight must be a number or an array"),
        ({"weight": lambda found: found.weights[1:]}, "900 numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            sim.set(projection, **values)
    with pytest.raises(ValueError, match="is no projection of this network"):
        sim.set(network("palette")[1], weight=1.0)
    assert np.array_equal(sim.connections("E", "I").weights, before)


def bits(weight: float = 2.0) -> tuple[Network, list]:
    net = Network(0.1)
    E = net.create("E", 1200, I_e=np.linspace(376.0, 420.0, 1200))
    I = net.create("I", 1000, tau_syn_in=1.0, I_e=550.0)
    projections = [net.connect(E, I, fixed_indegree(100), weight, 1.5)]
    projections.append(net.connect(I[:50], E[:50], fixed_indegree(3), 2.0, 1.5))
    net.connect(I[49:], E[49:], all_to_all(), 2.0, 1.0)
    projections.append(net.connect(I[:49], E[60:70], fixed_indegree(3), 2.0, 1.5))
    net.record_spikes()
    return net, projections


def test_projections_that_cannot_be_told_apart_are_refused():
    net, (_, one, apart) = bits()
    sim = Simulation(net)
    with pytest.raises(ValueError, match="another projection connects some of the same neurons"):
        sim.set(one, weight=3.0)
    sim.set(apart, weight=5.0)
    assert (sim.connections("I[:49]", "E[60:70]").weights == 5.0).all()


@pytest.mark.parametrize("weight", [5.0, -5.0])
def test_bits_take_one_weight_for_all_and_refuse_several_with_the_way_out(weight, tmp_path):
    net, (dense, *_) = bits()
    sim = Simulation(net, 3)
    before = sim.connections("E", "I")
    with pytest.raises(ValueError, match=r"cannot have several weights.* explicit\(c.sources, c.targets\)"):
        sim.set(dense, weight=np.arange(len(before)))
    sim.set(dense, weight=weight)
    found = sim.connections("E", "I")
    assert (found.weights == weight).all() and np.array_equal(found.targets, before.targets)
    direct = Simulation(bits(weight)[0], 3)
    for each in (sim, direct):
        each.run(40.0)
    assert sim.spikes_sha256() == direct.spikes_sha256() and sim.spikes("I")[0].size > 100
    sim.checkpoint(tmp_path / "state.h5")
    later = Simulation(bits()[0], 3, checkpoint=tmp_path / "state.h5")
    for each in (sim, later):
        each.run(40.0)
    assert np.array_equal(later.spike_counts(), sim.spike_counts())
    assert np.array_equal(later.connections("E", "I").weights, found.weights)
