"""A delay that is drawn and always the same is rounded to the grid as any other draw, halves upwards."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Network, Normal, Simulation, Uniform, explicit, fixed_indegree
from distsim.engine.connectivity import build_dense as dense_connectivity
from distsim.engine.connectivity.build_dense import plan_groups
from distsim.engine.connectivity.synapse_plan import delays_in_use
from distsim.engine.memory import estimate
from distsim.networks import Microcircuit, microcircuit
from distsim.parallel import SerialCommunicator


def pairs(delay, weight, dt: float) -> Network:
    """Return sources that fire at 4 dt; each target has more synapses than there are sources, so some pairs several."""
    net = Network(dt)
    S, E = net.spike_source("S", 12 * [[round(4 * dt, 9)]]), net.create("E", 9, E_L=0.0, V_reset=0.0, V_th=1e6)
    net.connect(S, E, fixed_indegree(30), weight, delay)
    net.record_voltages(E)
    return net


def first_effect(net: Network) -> int:
    """Return the step after which V_m differs from rest."""
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(round(60 * net.dt, 9))
    return int(np.flatnonzero(sim.voltages("E")[1][:, 0])[0])


@pytest.mark.parametrize("is_dense", [False, True], ids=["table", "matrix"])
@pytest.mark.parametrize("is_drawn", [False, True], ids=["one weight", "drawn weights"])
@pytest.mark.parametrize(
    ("delay", "dt", "steps"),
    [(0.75, 0.1, 8), (0.74, 0.1, 7), (0.76, 0.1, 8), (0.25, 0.1, 3), (0.05, 0.1, 1), (1.5, 0.1, 15), (0.375, 0.25, 2)],
)
def test_a_delay_without_spread_is_rounded(delay, dt, steps, is_drawn, is_dense, monkeypatch):
    monkeypatch.setattr(dense_connectivity, "FEWEST", 1 if is_dense else dense_connectivity.FEWEST)
    weight = Normal(50.0, 5.0, minimum=0.0) if is_drawn else 50.0
    net = pairs(Normal(delay, 0.0), weight, dt)
    assert delays_in_use(net).tolist() == [steps] and estimate(net, 2) > 0
    sim = Simulation(net, 1, SerialCommunicator())
    assert (sim.engine.dense.sums.size > 0) == (is_dense and not is_drawn)
    given = pairs(round(steps * dt, 9), weight, dt)
    assert first_effect(pairs(Normal(delay, 0.0), weight, dt)) == first_effect(given) == 4 + steps


def test_the_microcircuit_may_have_no_spread_at_all():
    """Its inhibitory delay, 0.75 ms, is between two steps."""
    p = microcircuit.Parameters(N_scaling=0.05, K_scaling=0.05, weight_rel_std=0.0, delay_rel_std=0.0)
    network = Microcircuit().describe(p)
    assert delays_in_use(network).tolist() == [8, 15] and plan_groups(network) and estimate(network, 1) > 0


def test_draws_at_a_half_are_rounded_upwards():
    """Uniform(0.25, 0.35) are 3 and, of no measure, 4 steps: 2 is none of them."""
    net = Network(0.1)
    E = net.create("E", 5)
    net.connect(E, E, explicit([0], [1]), 1.0, Uniform(0.25, 0.35))
    assert delays_in_use(net)[0] == 3
