"""Trials: one network, other noise; back to time 0 with the network as built."""

from __future__ import annotations

import json

import numpy as np
import pytest

from distsim import Network, Normal, PiecewiseRate, Simulation, Uniform, explicit, fixed_indegree
from distsim.engine.rank_engine import RankEngine
from distsim.parallel import SerialCommunicator


def network() -> Network:
    """Everything that a run changes: states, currents, given and random spikes, spikes on their way, bit matrices."""
    net = Network(0.1)
    E = net.create("E", 50, V_m=Normal(-62.0, 3.0), I_e=Uniform(200.0, 400.0))
    I = net.create("I", 200, "iaf_psc_delta")
    S = net.spike_source("S", [[0.5, 3.0, 12.0], [7.7]])
    net.connect(E, E, fixed_indegree(10), Normal(40.0, 5.0), Uniform(0.5, 4.0))
    net.connect(E, I, fixed_indegree(20), 2.0, 3.0)
    net.connect(S, E, explicit([0, 1], [3, 4]), 900.0, 2.0)
    net.poisson_input(E, 9000.0, 20.0, 1.5)
    net.poisson_input(I, PiecewiseRate([0.0, 4.0, 9.0], [7000.0, 0.0, 5000.0]), 1.0, 0.7)
    net.poisson_source("P", 5, 300.0)
    net.step_current(E[:9], [2.0, 6.0], [300.0, 0.0])
    net.record_spikes()
    net.record_voltages(E[::7], 0.3)
    return net


def simulate(net: Network, **options) -> Simulation:
    return Simulation(net, 3, SerialCommunicator(), **options)


def found(sim: Simulation) -> list:
    """Return all that a simulation recorded, and what it would write into a checkpoint."""
    state = sim.state()
    spikes = [array.tolist() for name in ("E", "I", "S", "P") for array in sim.spikes(name)]
    arrays = {name: array.tolist() for name, array in {**state.neurons, **state.shared}.items()}
    return [
        state.facts,
        arrays,
        spikes,
        [array.tolist() for array in sim.voltages("E[::7]")],
        sim.spike_counts().tolist(),
    ]


def run_in_pieces(sim: Simulation) -> list:
    sim.run(3.3, record=False)
    sim.run(12.0)
    return found(sim)


def test_a_noise_seed_changes_the_noise_and_nothing_else():
    one, other = simulate(network()), simulate(network(), noise_seed=8)
    assert (one.noise_seed, other.noise_seed) == (3, 8)
    for sim in (one, other):
        assert sim.get("E", "V_m").tolist() == one.get("E", "V_m").tolist()
        assert sim.get("E", "I_e").tolist() == one.get("E", "I_e").tolist()
    a, b = one.connections("E", "E"), other.connections("E", "E")
    for name in ("sources", "targets", "weights", "delays"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for sim in (one, other):
        sim.run(20.0)
    assert one.spikes("P")[1].tolist() != other.spikes("P")[1].tolist()
    assert one.voltages("E[::7]")[1].tolist() != other.voltages("E[::7]")[1].tolist()
    np.testing.assert_array_equal(one.spikes("S")[0], other.spikes("S")[0])


def test_the_seed_is_the_noise_seed_by_default():
    assert run_in_pieces(simulate(network())) == run_in_pieces(simulate(network(), noise_seed=3))


@pytest.mark.parametrize("length", [0.0, 0.1, 7.0, 15.3])
def test_a_reset_simulation_is_a_new_one(length):
    expected = {seed: run_in_pieces(simulate(network(), noise_seed=seed)) for seed in (3, 8)}
    sim = simulate(network())
    sim.run(length)
    for seed in (8, 3, 8):
        sim.reset(noise_seed=seed)
        assert (sim.time, sim.n_spikes, sim.noise_seed, sim.spikes("E")[0].size) == (0.0, 0, seed, 0)
        assert run_in_pieces(sim) == expected[seed]
        sim.ledger()


def test_a_reset_repeats_the_trial_unless_it_gets_another_noise_seed():
    sim = simulate(network(), noise_seed=8)
    first = run_in_pieces(sim)
    result = sim.result()
    sim.reset()
    assert run_in_pieces(sim) == first
    sim.reset(9)
    assert run_in_pieces(sim) != first
    assert result.spikes("P")[0].size and result.spikes("P")[1].tolist() == first[2][7]


CHANGES = {
    "parameter": lambda sim: sim.set("E", tau_m=15.0, V_th=-52.0),
    "array": lambda sim: sim.set("E", C_m=np.linspace(200.0, 300.0, 50)),
    "potential": lambda sim: sim.set("E", V_m=Normal(-60.0, 1.0), I_e=350.0),
    "rate": lambda sim: sim.set(sim.network.poisson_inputs[0], rate=1000.0, weight=50.0),
    "pieces": lambda sim: sim.set(sim.network.poisson_inputs[1], rate=PiecewiseRate([1.0], [9e3])),
    "source": lambda sim: sim.set("P", rate=np.arange(5.0) * 100),
    "weights": lambda sim: sim.set(sim.network.projections[0], weight=np.linspace(0.0, 90.0, 500)),
    "bits": lambda sim: sim.set(sim.network.projections[1], weight=-3.0),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_reset_undoes_what_was_set(name):
    expected, sim = run_in_pieces(simulate(network())), simulate(network())
    CHANGES[name](sim)
    assert run_in_pieces(sim) != expected
    sim.reset()
    assert run_in_pieces(sim) == expected
    CHANGES[name](sim)  # and can be set again
    sim.reset()
    assert run_in_pieces(sim) == expected


def test_trials_build_nothing(monkeypatch):
    sim = simulate(network())
    monkeypatch.setattr(RankEngine, "_connect", lambda *args: pytest.fail("a network was built"))
    for seed in range(20):
        sim.reset(noise_seed=seed)
        sim.run(0.5)


def test_what_a_reset_refuses(tmp_path):
    class Sink:
        def take(self, name, steps, values):
            pass

    with pytest.raises(RuntimeError, match="recordings go to Sink"):
        simulate(network(), sink=Sink()).reset()
    sim = simulate(network())
    sim.run(1.0)
    for wrong in (-1, 1.5, 2**64, "1", True):
        with pytest.raises(ValueError, match="noise_seed must be a whole number from 0 to"):
            sim.reset(noise_seed=wrong)
        with pytest.raises(ValueError, match="noise_seed must be a whole number from 0 to"):
            simulate(network(), noise_seed=wrong)
    assert sim.time == 1.0 and sim.noise_seed == 3
    with pytest.raises(RuntimeError, match="called by observe"):
        sim.run(100.0, observe=lambda s: s.reset())


def test_a_checkpoint_keeps_the_noise_seed(tmp_path):
    whole, first = simulate(network(), noise_seed=8), simulate(network(), noise_seed=8)
    whole.run(12.0)
    first.run(5.0)
    first.checkpoint(tmp_path / "c.h5")
    second = simulate(network(), checkpoint=tmp_path / "c.h5")
    assert second.noise_seed == 8
    second.run(7.0)
    assert second.state().facts == {**whole.state().facts, "pieces": second.state().facts["pieces"]}
    np.testing.assert_array_equal(second.state().neurons["state/0"], whole.state().neurons["state/0"])
    simulate(network(), checkpoint=tmp_path / "c.h5", noise_seed=8)
    with pytest.raises(ValueError, match=r"c\.h5: the checkpoint is of noise_seed 8, not 3"):
        simulate(network(), checkpoint=tmp_path / "c.h5", noise_seed=3)
    second.reset()
    third = simulate(network(), noise_seed=8)
    assert run_in_pieces(second) == run_in_pieces(third)


def test_a_summary_holds_both_seeds(tmp_path):
    sim = simulate(network(), noise_seed=8)
    sim.run(1.0)
    assert (sim.result().summary["seed"], sim.result().summary["noise_seed"]) == (3, 8)
    sim.save(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["noise_seed"] == 8
