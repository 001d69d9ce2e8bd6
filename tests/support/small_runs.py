"""Two small runs, saved as files beside what the simulation itself says: python -m tests.support.small_runs FOLDER.

`mixed` has a population recorded as a whole, one in part, a silent one and an empty one; `tiny` has two neurons, so
that of three ranks one has none.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from distsim import Network, Simulation, explicit
from distsim.parallel import world

SPIKES = {"mixed": ("E", "I[5:25:3]", "silent", "empty"), "tiny": ("pair",)}
VOLTAGES = {"mixed": ("E[3:30:4]", "silent[1:2]"), "tiny": ("pair",)}


def mixed() -> Network:
    net = Network(0.1)
    E, I = net.create("E", 37), net.create("I", 26)
    for target, rate in ((E, 9000.0), (I, 14000.0)):
        net.poisson_input(target, rate, 87.8, 1.5)
    net.connect(E, I, explicit(np.arange(26), np.arange(26)), 300.0, 0.7)
    net.create("silent", 3, I_e=50.0)
    net.create("empty", 0)
    return net


def tiny() -> Network:
    net = Network(0.1)
    net.create("pair", 2, I_e=np.array([600.0, 0.0]))
    return net


def run(describe, folder: Path, comm) -> None:
    """Save a run as `folder` and what `spikes` and `voltages` say of it as `folder`.npz (collective)."""
    net, name = describe(), folder.name
    for part in SPIKES[name]:
        net.record_spikes(net.select(part))
    for part in VOLTAGES[name]:
        net.record_voltages(net.select(part), 0.3)
    sim = Simulation(net, 5, comm)
    sim.run(20.0, record=False)
    sim.run(100.0)
    sim.save(folder)
    found = {f"spikes {part}": np.array(sim.spikes(part)) for part in SPIKES[name]}
    for part in VOLTAGES[name]:
        found[f"times {part}"], found[f"V {part}"] = sim.voltages(part)
    if comm.rank == 0:
        np.savez(folder.with_suffix(".npz"), **found)


def run_both(folder: Path, comm) -> None:
    for describe in (mixed, tiny):
        run(describe, folder / describe.__name__, comm)


if __name__ == "__main__":
    run_both(Path(sys.argv[1]), world())
