"""Settings that are no longer as described, as numbers for a checkpoint."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..description.network import Network
from ..engine.settings import Settings


def record_changes(network: Network, described: Settings, settings: Settings) -> dict:
    """Return what differs from the settings that are `described`, fit for JSON."""
    parameters = {
        p.name: {name: _plain(value) for name, value in now.items() if value is not before[name]}
        for p, before, now in zip(network.populations, described.parameters, settings.parameters, strict=True)
    }
    return {
        "number": settings.n_changes,
        "parameters": {name: values for name, values in parameters.items() if values},
        "stimuli": [[number, s.rate, s.weight, s.start, s.stop] for number, s in settings.stimuli],
        "latest": [[s.rate, s.weight] for s in settings.latest],
        "weights": list(settings.weights),
    }


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def changed_settings(network: Network, described: Settings, changes: dict) -> Settings:
    """Return the settings of `network` that `record_changes` recorded."""
    inputs = network.poisson_inputs
    parameters = tuple(
        {**values, **{name: _value(value) for name, value in changes["parameters"].get(population.name, {}).items()}}
        for population, values in zip(network.populations, described.parameters, strict=True)
    )
    stimuli = tuple(
        (k, dataclasses.replace(inputs[k], rate=rate, weight=weight, start=start, stop=stop))
        for k, rate, weight, start, stop in changes["stimuli"]
    )
    pairs = zip(inputs, changes["latest"], strict=True)
    latest = tuple(dataclasses.replace(s, rate=rate, weight=weight) for s, (rate, weight) in pairs)
    return Settings(parameters, stimuli, latest, changes["number"], tuple(changes["weights"]))


def _value(value: Any) -> Any:
    return np.array(value) if isinstance(value, list) else value
