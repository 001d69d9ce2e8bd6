"""On one rank: a simulation resumed from a checkpoint equals an uninterrupted one, wherever it was cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from distsim import Network, Normal, Simulation, Uniform, explicit, fixed_indegree
from distsim.engine.connectivity import table_plan
from distsim.parallel import SerialCommunicator

LONGEST = 23  # steps of a delay
END = 40  # steps
CUTS = (0, 1, 2, 5, 21, 22, 23, 24, 25, 39)


def busy(is_drawn: bool) -> Network:
    """Return neurons that fire all the time, so that something arrives at each of the next LONGEST steps."""
    rng, net = np.random.default_rng(3), Network(0.1)
    E = net.create("E", 40, I_e=Uniform(300.0, 4000.0), t_ref=0.5, V_m=Uniform(-75.0, -56.0))
    random = net.poisson_source("random", 3, 900.0, 0.4, 3.1)
    if is_drawn:
        net.connect(E, E, fixed_indegree(30), Normal(31.0, 9.0, minimum=0.0), Uniform(0.2, LONGEST / 10))
        net.connect(random, E, fixed_indegree(2), Normal(90.0, 9.0, minimum=0.0), Uniform(0.5, 1.1))
    else:
        rule = explicit(rng.integers(0, 40, 900), rng.integers(0, 40, 900))
        net.connect(E, E, rule, rng.normal(9.0, 30.0, 900), rng.integers(2, LONGEST + 1, 900) / 10)
        net.connect(random, E, fixed_indegree(2), 87.3, 0.7)
    net.poisson_input(E, 20_000.0, 11.0, 0.3, 0.5, 2.9)
    net.step_current(E[::3], [0.4, 1.7, 2.2], [91.0, -37.0, 11.0], 0.3)
    net.record_spikes(E, random)
    net.record_voltages(E, 0.1)
    return net


def start(is_drawn: bool, checkpoint: Path | None = None) -> Simulation:
    return Simulation(busy(is_drawn), 1, SerialCommunicator(), checkpoint=checkpoint)


def seen_after(sim: Simulation, cut: int) -> list:
    """Return all bits of what is recorded after step `cut`, and of the state."""
    steps, gids = sim.sink.recorded("spikes")
    times, V = sim.voltages("E")
    later, sampled = steps > cut, np.rint(10 * times) > cut
    state = sim.state()
    arrays = [steps[later], gids[later], V[sampled], *state.shared.values()]
    arrays += [array for name, array in state.neurons.items() if name != "counted"]
    return [*(array.tobytes() for array in arrays), sim.ledger(), {**state.facts, "pieces": None}]


@pytest.mark.parametrize("is_drawn", [True, False], ids=["fixed", "palette"])
@pytest.mark.parametrize("by_source", [False, True], ids=["by delay", "by source"])
def test_a_checkpoint_may_be_at_any_step(is_drawn, by_source, tmp_path, monkeypatch):
    monkeypatch.setattr(table_plan, "goes_by_source", lambda *_: by_source)
    whole = start(is_drawn)
    assert bool(whole.engine.synapses.delay_codes.size) == by_source
    whole.run(END / 10)
    assert whole.spike_counts()[:40].sum() > 50 and whole.spike_counts()[40:].sum() > 2
    first = start(is_drawn)
    for cut in CUTS:
        first.run(round(cut / 10 - first.time, 9))
        first.checkpoint(tmp_path / "c.h5")
        second = start(is_drawn, tmp_path / "c.h5")
        assert second.step == cut
        second.run(round((END - cut) / 10, 9))
        assert seen_after(second, cut) == seen_after(whole, cut), cut
