"""Blocks whose neurons have the same propagators have loops of their own, which find the same."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Network, Simulation
from distsim.engine import model_loops
from distsim.engine.step.update import ROW
from distsim.parallel import SerialCommunicator

N = 2 * ROW + 100


def simulation() -> Simulation:
    net = Network(0.1)
    t_ref, tau_m = np.full(N, 2.0), np.full(N, 10.0)
    t_ref[5:25], tau_m[ROW + 7] = 0.0, 12.0
    E = net.create("E", N, "iaf_psc_exp", t_ref=t_ref, tau_m=tau_m, I_e=np.linspace(300.0, 500.0, N))
    net.poisson_input(E, 2000.0, 30.0, 1.0)
    net.poisson_input(E[3::7], 500.0, -30.0, 1.0)
    net.record_spikes(E)
    sim = Simulation(net, seed=1, comm=SerialCommunicator())
    sim.run(50.0)
    return sim


def test_even_blocks_find_what_others_find(monkeypatch):
    sim = simulation()
    direct = sim.engine.neurons.blocks["direct"]
    assert direct.size == 3 and direct[0] == direct[1] != direct[2]  # only the last block is even
    found = sim.spikes_sha256(), sim.get("E", "V_m").tobytes()
    assert sim.spike_counts()[5:25].sum() > 0
    monkeypatch.setattr(model_loops, "MOSTLY", 2.0)
    other = simulation()
    assert len(set(other.engine.neurons.blocks["direct"])) == 1
    assert (other.spikes_sha256(), other.get("E", "V_m").tobytes()) == found


@pytest.mark.parametrize("t_ref", [1.0, 2.5])
def test_changed_parameters_make_blocks_even_and_uneven(t_ref):
    sim = simulation()
    sim.set("E", t_ref=2.0, tau_m=10.0)
    sim.run(10.0)
    assert len(set(sim.engine.neurons.blocks["direct"])) == 1
    sim.set("E[:3]", t_ref=t_ref)
    sim.run(10.0)
    direct = sim.engine.neurons.blocks["direct"]
    assert direct[0] != direct[1] == direct[2]
