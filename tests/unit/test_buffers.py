"""Buffers hold what an interval may bring, and trains of given spikes are in the order in which they are emitted."""

from __future__ import annotations

import numpy as np

from distsim import Network, Simulation, explicit
from distsim.engine.step import buffers
from distsim.parallel import SerialCommunicator


def test_voltages_of_a_long_interval_are_held_however_many(monkeypatch):
    """More than the buffer is meant for: it would be handed on without end if it held less than an interval."""
    monkeypatch.setattr(buffers, "SAMPLE_BUFFER", 30)
    net = Network(0.1)
    E = net.create("E", 20, I_e=400.0)
    net.connect(E, E, explicit([0], [1]), 1.0, 5.0)
    net.record_voltages(E)
    sim = Simulation(net, 1, SerialCommunicator())
    assert sim.engine.interval == 50 and sim.engine.recording.samples.rooms[0] >= 50
    sim.run(17.3)
    assert sim.voltages("E")[1].shape == (173, 20)


def test_very_many_sources_emit_what_they_were_given():
    """More than a block of 1024, at the same times, given in any order."""
    n = 3000
    trains = [np.array([2.0, 0.5, 0.5 + k % 7 / 10, 1.3]) for k in range(n)]
    net = Network(0.1)
    S = net.spike_source("S", trains)
    net.record_spikes(S)
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(2.0)
    times, ids = sim.spikes("S")
    expected = sorted((round(float(t), 9), k) for k, train in enumerate(trains) for t in train)
    assert list(zip(times.round(9).tolist(), ids.tolist(), strict=True)) == expected
