"""Settings that are no longer as described, as numbers for a checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..description.elements import PoissonInput
from ..description.network import Network
from ..description.rates import Rate, arrays_of, numbers_of, rate_of
from ..engine.settings import Settings


def record_changes(network: Network, described: Settings, settings: Settings) -> dict:
    """Return what differs from the settings that are `described`, fit for JSON."""
    places = {id(rate): k for k, rate in enumerate(changed_rates(network, settings))}

    def place_of(number: int, stimulus: PoissonInput) -> int | None:
        """Return where the rate is among "rates"; None if it is as described."""
        is_described = stimulus.rate is network.poisson_inputs[number].rate
        return None if is_described else places[id(stimulus.rate)]

    parameters = {
        p.name: {name: _plain(value) for name, value in now.items() if value is not before[name]}
        for p, before, now in zip(network.populations, described.parameters, settings.parameters, strict=True)
    }
    return {
        "number": settings.n_changes,
        "parameters": {name: values for name, values in parameters.items() if values},
        "rates": [numbers_of(rate) for rate in changed_rates(network, settings)],
        "stimuli": [[number, place_of(number, s), s.weight, s.start, s.stop] for number, s in settings.stimuli],
        "latest": [[place_of(number, s), s.weight] for number, s in enumerate(settings.latest)],
        "weights": list(settings.weights),
    }


def changed_rates(network: Network, settings: Settings) -> list[Rate]:
    """Return the rates of Poisson input that are not as described, each once."""
    described = network.poisson_inputs
    used = [(number, s.rate) for number, s in (*settings.stimuli, *enumerate(settings.latest))]
    return list({id(rate): rate for number, rate in used if rate is not described[number].rate}.values())


def arrays_of_rates(network: Network, settings: Settings) -> dict[str, np.ndarray]:
    """Return the arrays of `changed_rates`, flat, as a checkpoint holds them."""
    rates = enumerate(changed_rates(network, settings))
    return {f"rates/{k}/{name}": array.ravel() for k, rate in rates for name, array in arrays_of(rate).items()}


def _rates(facts: Sequence[Any], arrays: Mapping[str, np.ndarray]) -> list[Rate]:
    """Return the rates of which `facts` and the `arrays` of a checkpoint are."""
    named = [{name: arrays.get(f"rates/{k}/{name}") for name in ("times", "rates")} for k in range(len(facts))]
    known = [{name: array for name, array in each.items() if array is not None} for each in named]
    return [rate_of(found, each) for found, each in zip(facts, known, strict=True)]


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def changed_settings(
    network: Network, described: Settings, changes: dict, arrays: Mapping[str, np.ndarray]
) -> Settings:
    """Return the settings of `network` that `record_changes` and `arrays_of_rates` recorded.

    Raises
    ------
    ValueError : a rate is damaged.
    """
    inputs = network.poisson_inputs
    found = _rates(changes["rates"], arrays)
    parameters = tuple(
        {**values, **{name: _value(value) for name, value in changes["parameters"].get(population.name, {}).items()}}
        for population, values in zip(network.populations, described.parameters, strict=True)
    )

    def rate(number: int, place: int | None) -> Rate:
        if place is None:
            return inputs[number].rate
        target = inputs[number].target
        name, is_source = f"changes: rate of {target.population.name}", target.population.model.is_source
        if id(found[place]) not in read:
            read[id(found[place])] = network.read_rate(name, found[place], is_source, len(target))
        return read[id(found[place])]

    read: dict[int, Rate] = {}  # by id, so that what was one rate is one again
    stimuli = tuple(
        (k, dataclasses.replace(inputs[k], rate=rate(k, place), weight=weight, start=start, stop=stop))
        for k, place, weight, start, stop in changes["stimuli"]
    )
    latest = tuple(
        dataclasses.replace(inputs[k], rate=rate(k, place), weight=weight)
        for k, (place, weight) in enumerate(changes["latest"])
    )
    return Settings(parameters, stimuli, latest, changes["number"], tuple(changes["weights"]))


def _value(value: Any) -> Any:
    return np.array(value) if isinstance(value, list) else value
