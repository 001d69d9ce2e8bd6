"""Settings that are no longer as described, as numbers for a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..description.network import Network
from ..engine.settings import Settings
from .changed_inputs import changed_inputs, record_inputs


def record_changes(network: Network, described: Settings, settings: Settings) -> dict:
    """Return what differs from the settings that are `described`, fit for JSON."""
    parameters = {
        p.name: {name: _plain(value) for name, value in now.items() if value is not before[name]}
        for p, before, now in zip(network.populations, described.parameters, settings.parameters, strict=True)
    }
    return {
        "number": settings.n_changes,
        "parameters": {name: values for name, values in parameters.items() if values},
        **record_inputs(network, settings),
        "weights": list(settings.weights),
    }


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def changed_settings(
    network: Network, described: Settings, changes: dict, arrays: Mapping[str, np.ndarray]
) -> Settings:
    """Return the settings of `network` that `record_changes` recorded, with the `arrays` of changed inputs.

    Raises
    ------
    ValueError : an input is damaged.
    """
    parameters = tuple(
        {**values, **{name: _value(value) for name, value in changes["parameters"].get(population.name, {}).items()}}
        for population, values in zip(network.populations, described.parameters, strict=True)
    )
    inputs = changed_inputs(network, changes, arrays)
    return Settings(parameters, **inputs, n_changes=changes["number"], weights=tuple(changes["weights"]))


def _value(value: Any) -> Any:
    return np.array(value) if isinstance(value, list) else value
