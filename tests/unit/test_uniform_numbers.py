"""Models that take uniform random numbers, and models that emit more spikes than they may."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distsim import Network, NeuronModel, Parameter, Recordable, Simulation
from distsim.engine.random import streams
from distsim.parallel import SerialCommunicator

NAMES = ("a", "b", "c")


def keep(a, b, c, wait, ex, inh, current, first, second, third):
    return first, second, third, wait, False


dice = NeuronModel(
    "dice",
    {name: Parameter(0.0, "", "last number") for name in NAMES},
    NAMES,
    lambda parameters, dt: {},
    keep,
    recordables={name: Recordable(name) for name in NAMES},
    uniforms=("first", "second", "third"),
)


def thrown(n: int, t_sim: float, seed: int = 1) -> np.ndarray:
    """Return the numbers of n neurons in all steps, shape (3, steps, n); 7 others lie before them."""
    net = Network(1.0)
    net.create("others", 7, "iaf_psc_exp")
    D = net.create("D", n, dice)
    for name in NAMES:
        net.record(name, D)
    sim = Simulation(net, seed, SerialCommunicator())
    sim.run(t_sim)
    return np.array([sim.samples(name, "D")[1] for name in NAMES])


def test_numbers_are_those_of_seed_neuron_and_step():
    found, gids = thrown(1030, 3.0, seed=5), 7 + np.arange(1030)
    for step in (1, 2, 3):
        for k, obj in ((0, 0), (2, 1)):
            expected = streams.uniforms(gids, step, obj, streams.NEURON, 5)
            np.testing.assert_array_equal(found[k, step - 1], expected)


def test_numbers_are_uniform_and_independent():
    found = thrown(500, 400.0)
    assert found.min() > 0.0 and found.max() < 1.0 and np.unique(found).size == found.size
    for numbers in found:
        assert stats.kstest(numbers.ravel(), "uniform").pvalue > 1e-4
        for one, other in ((numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])):
            assert stats.pearsonr(one.ravel(), other.ravel()).pvalue > 1e-4
    for k, m in ((0, 1), (0, 2), (1, 2)):
        assert stats.pearsonr(found[k].ravel(), found[m].ravel()).pvalue > 1e-4


# --- spikes without room ----------------------------------------------------------------------------------------------


def burst(n, wait, ex, inh, current, often):
    return n + 1.0, wait, np.int64(often) if n == 4.0 else 0


def bursting(most: int) -> NeuronModel:
    return NeuronModel(
        "bursting",
        {"often": Parameter(0.0, "", "spikes at once")},
        ("n",),
        lambda parameters, dt: {"often": parameters["often"]},
        burst,
        most_spikes=most,
        recordables={},
    )


@pytest.mark.parametrize(
    ("most", "often"), [(1, 2), (3, 4), (3, 254), (3, 300), (254, 255), (254, 512), (2, -1), (1, 256)]
)
def test_more_spikes_than_a_model_may_emit_are_an_error(most, often):
    net = Network(0.1)
    net.create("quiet", 3, bursting(most))
    B = net.create("B", 5, bursting(most), often=[0.0, 1.0, 0.0, often, 0.0])
    net.record_spikes(B)
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(0.4)
    message = f"bursting: its step returned more spikes than most_spikes = {most}, or fewer than 0, for neuron 3 of B"
    for attempt in (lambda: sim.run(1.0), lambda: sim.run(1.0), sim.state):
        with pytest.raises(RuntimeError, match=message):
            attempt()


@pytest.mark.parametrize("most", [1, 3, 254])
def test_as_many_spikes_as_a_model_may_emit_are_emitted(most):
    net = Network(0.1)
    B = net.create("B", 40, bursting(most), often=float(most))
    net.record_spikes(B)
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(2.0)
    times, ids = sim.spikes("B")
    assert times.tolist() == [0.5] * 40 * most and np.all(np.bincount(ids) == most)


@pytest.mark.parametrize("most", [0, 255, -1])
def test_a_model_cannot_emit_more_than_can_be_counted(most):
    with pytest.raises(TypeError, match=f"bursting: most_spikes must be from 1 to 254, not {most}"):
        bursting(most)
