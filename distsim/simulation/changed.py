"""What `changes` has made of a simulation's parameters, as numbers for a checkpoint."""

from __future__ import annotations

import dataclasses

import numpy as np


def record_changes(simulation) -> dict:
    """Parameters of populations and Poisson input that are no longer as described, see `changes`."""
    network = simulation.network
    parameters = {
        p.name: {name: _plain(value) for name, value in now.items() if value is not p.parameters[name]}
        for p, now in zip(network.populations, simulation.parameters, strict=True)
    }
    return {
        "number": simulation.n_changes,
        "parameters": {name: values for name, values in parameters.items() if values},
        "stimuli": [[number, s.rate, s.weight, s.start, s.stop] for number, s in simulation.stimuli],
        "latest": [[s.rate, s.weight] for s in simulation.latest],
    }


def _plain(value):
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def repeat_changes(simulation, changes: dict) -> None:
    """Let what `record_changes` gave hold in `simulation`, just built (collective)."""
    if not changes["number"]:
        return
    network, inputs = simulation.network, simulation.network.poisson_inputs
    for number, population in enumerate(network.populations):
        for name, value in changes["parameters"].get(population.name, {}).items():
            simulation.parameters[number][name] = np.array(value) if isinstance(value, list) else value
    simulation.stimuli = [
        (k, dataclasses.replace(inputs[k], rate=rate, weight=weight, start=start, stop=stop))
        for k, rate, weight, start, stop in changes["stimuli"]
    ]
    pairs = zip(inputs, changes["latest"], strict=True)
    simulation.latest = [dataclasses.replace(s, rate=rate, weight=weight) for s, (rate, weight) in pairs]
    simulation.n_changes = changes["number"]
    simulation.plan_changed()
