"""A change keeps what earlier ones made, also through a checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from distsim import Network, Normal, Simulation
from distsim.parallel import SerialCommunicator


def network() -> Network:
    net = Network(0.1)
    E = net.create("E", 6, I_e=np.linspace(300.0, 600.0, 6))
    net.poisson_source("Q", 2, 100.0)
    net.poisson_input(E, 1000.0, 20.0, 1.0)
    net.poisson_input(E, 2000.0, 10.0, 1.0)
    net.record_spikes(E)
    net.record_voltages(E)
    return net


def start(checkpoint: Path | None = None) -> Simulation:
    return Simulation(network(), 1, SerialCommunicator(), checkpoint=checkpoint)


def change_thrice(sim: Simulation) -> None:
    noise = sim.network.poisson_inputs[1]
    sim.set("E[:3]", tau_m=12.0, V_th=-54.0)
    sim.set(noise, rate=3000.0)
    sim.run(5.0)
    sim.set("E[2:5]", tau_m=14.0)
    sim.set(noise, weight=7.0)
    sim.run(5.0)
    sim.set("E", t_ref=3.0)
    sim.set("Q", rate=50.0)
    sim.set("E", V_m=Normal(-65.0, 2.0))


def found(sim: Simulation) -> list:
    noise = sim.network.poisson_inputs[1]
    values = [sim.get("E", name).tolist() for name in ("tau_m", "V_th", "t_ref", "I_e")]
    return [*values, sim.get(noise, "rate"), sim.get(noise, "weight"), sim.get("Q", "rate").tolist()]


EXPECTED = [
    [12.0, 12.0, 14.0, 14.0, 14.0, 10.0], [-54.0, -54.0, -54.0, -55.0, -55.0, -55.0], 6 * [3.0],
    np.linspace(300.0, 600.0, 6).tolist(), 3000.0, 7.0, [50.0, 50.0],
]  # fmt: skip


def test_a_change_keeps_what_earlier_ones_made():
    sim = start()
    change_thrice(sim)
    assert found(sim) == EXPECTED


def test_neurons_are_updated_by_all_changes():
    """One neuron that was changed twice goes as one that was made so."""
    net = Network(0.1)
    made = {"tau_m": 14.0, "V_th": -54.0, "I_e": 420.0, "V_m": -60.0}
    net.create("made", 1, **made)
    net.create("E", 3, I_e=420.0, V_m=-60.0)
    for name in ("made", "E"):
        net.record_voltages(name)
    sim = Simulation(net, 1, SerialCommunicator())
    sim.set("E[:2]", V_th=-54.0)
    sim.set("E[1:]", tau_m=14.0)
    sim.run(60.0)
    V, expected = sim.voltages("E")[1], sim.voltages("made")[1][:, 0]
    assert V[:, 1].tolist() == expected.tolist()
    assert all(np.any(V[:, k] != expected) for k in (0, 2))


@pytest.mark.parametrize("between", [0.0, 3.7])
def test_changes_are_kept_in_a_checkpoint(between, tmp_path):
    first = start()
    change_thrice(first)
    first.run(between)
    first.checkpoint(tmp_path / "c.h5")
    second = start(tmp_path / "c.h5")
    assert found(second) == EXPECTED
    # The next change draws other numbers than the one before.
    for sim in (first, second):
        sim.set("E", V_m=Normal(-65.0, 2.0))
        sim.set(sim.network.poisson_inputs[1], rate=500.0)
        sim.run(30.0)
    assert found(second) == found(first)
    counted = round(10 * (10.0 + between))
    for one, other in ((first.sink.recorded("spikes"), second.sink.recorded("spikes")),):
        later = one[0] > counted
        assert later.sum() > 3 and one[0][later].tolist() == other[0].tolist()
        assert one[1][later].tolist() == other[1].tolist()
    times, V = first.voltages("E")
    np.testing.assert_array_equal(V[np.rint(10 * times) > counted], second.voltages("E")[1])
