"""Settings that are no longer as described, as numbers for a checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..description.currents import CurrentDevice, SampledCurrent
from ..description.elements import PoissonInput, Population, StepCurrent
from ..description.network import Network
from ..description.rates import Rate, arrays_of, numbers_of, rate_of
from ..description.spike_trains import SpikeTrains
from ..engine.settings import Settings, described_settings


def record_changes(network: Network, settings: Settings) -> dict:
    """Return what differs from the description of `network`, fit for JSON."""
    places = {id(rate): k for k, rate in enumerate(changed_rates(network, settings))}

    def place_of(number: int, stimulus: PoissonInput) -> int | None:
        """Return where the rate is among "rates"; None if it is as described."""
        is_described = stimulus.rate is network.poisson_inputs[number].rate
        return None if is_described else places[id(stimulus.rate)]

    parameters = {
        p.name: {name: _plain(value) for name, value in now.items() if value is not p.parameters[name]}
        for p, now in zip(network.populations, settings.parameters, strict=True)
    }
    return {
        "number": settings.n_changes,
        "parameters": {name: values for name, values in parameters.items() if values},
        "rates": [numbers_of(rate) for rate in changed_rates(network, settings)],
        "stimuli": [[number, place_of(number, s), s.weight, s.start, s.stop] for number, s in settings.stimuli],
        "latest": [[place_of(number, s), s.weight] for number, s in enumerate(settings.latest)],
        "weights": list(settings.weights),
        "steps": _changed_places(network.step_currents, settings.step_currents),
        "waves": [[number, *_of_device(part)] for number, part in settings.waves],
        "latest_waves": [_of_device(device) for device in settings.latest_waves],
        "trains": _changed_places([p.spike_trains for p in network.populations], settings.trains),
    }


def changed_rates(network: Network, settings: Settings) -> list[Rate]:
    """Return the rates of Poisson input that are not as described, each once."""
    described = network.poisson_inputs
    used = [(number, s.rate) for number, s in (*settings.stimuli, *enumerate(settings.latest))]
    return list({id(rate): rate for number, rate in used if rate is not described[number].rate}.values())


def arrays_of_inputs(network: Network, settings: Settings) -> dict[str, np.ndarray]:
    """Return the arrays of inputs that are not as described, flat, as a checkpoint holds them."""
    rates = enumerate(changed_rates(network, settings))
    found = {f"rates/{k}/{name}": array.ravel() for k, rate in rates for name, array in arrays_of(rate).items()}
    for k in _changed_places(network.step_currents, settings.step_currents):
        device = settings.step_currents[k]
        found |= {f"steps/{k}/times": device.times, f"steps/{k}/amplitudes": device.amplitudes}
    for k in _changed_places([p.spike_trains for p in network.populations], settings.trains):
        trains = settings.trains[k]
        found |= {} if trains is None else {f"trains/{k}": trains.keys}
    used = [(f"waves/{k}", *pair) for k, pair in enumerate(settings.waves)]
    used += [(f"latest_waves/{k}", k, device) for k, device in enumerate(settings.latest_waves)]
    for name, number, device in used:
        if isinstance(device, SampledCurrent) and device.values is not network.currents[number].values:  # type: ignore[attr-defined]
            found[name] = device.values.ravel()
    return found


def _changed_places(described: Sequence[Any], now: Sequence[Any]) -> list[int]:
    """Return the places at which something else is than was described."""
    return [k for k, (one, other) in enumerate(zip(described, now, strict=True)) if one is not other]


def _of_device(device: CurrentDevice) -> list:
    """Return window, origin and numbers of a current device, for JSON."""
    numbers = [getattr(device, name) for name in device.settable if name not in ("values", "start")]
    return [device.start, device.stop, device.origin, numbers]


def _device(network: Network, number: int, row: Sequence[Any], array: np.ndarray | None) -> CurrentDevice:
    """Return the device `number` of which `_of_device` and the array of samples are, or ValueError."""
    described = network.currents[number]
    names = [name for name in described.settable if name not in ("values", "start")]
    start, stop, origin, numbers = row
    if len(numbers) != len(names):
        raise ValueError(f"changes: current {number} has {len(names)} numbers, not {len(numbers)}")
    given: dict[str, Any] = dict(zip(names, numbers, strict=True))
    if array is not None:
        n = len(described.target)
        given["values"] = array if described.values.ndim == 1 and array.ndim == 1 else array.reshape(-1, n)  # type: ignore[attr-defined]
    read = described.read(f"changes: current {number}", given, network.grid)
    return dataclasses.replace(described, start=start, stop=stop, origin=origin, **read)


def _rates(facts: Sequence[Any], arrays: Mapping[str, np.ndarray]) -> list[Rate]:
    """Return the rates of which `facts` and the `arrays` of a checkpoint are."""
    named = [{name: arrays.get(f"rates/{k}/{name}") for name in ("times", "rates")} for k in range(len(facts))]
    known = [{name: array for name, array in each.items() if array is not None} for each in named]
    return [rate_of(found, each) for found, each in zip(facts, known, strict=True)]


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def changed_settings(network: Network, changes: dict, arrays: Mapping[str, np.ndarray]) -> Settings:
    """Return the settings of `network` that `record_changes` and `arrays_of_inputs` recorded.

    Raises
    ------
    ValueError : an input is damaged.
    """
    inputs, described = network.poisson_inputs, described_settings(network)
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
    waves = tuple((row[0], _device(network, row[0], row[1:], arrays.get(f"waves/{k}")))
                  for k, row in enumerate(changes["waves"]))  # fmt: skip
    latest_waves = tuple(
        _device(network, k, row, arrays.get(f"latest_waves/{k}")) for k, row in enumerate(changes["latest_waves"])
    )
    steps, trains = list(network.step_currents), list(described.trains)
    for k in changes["steps"]:
        steps[k] = _steps(steps[k], arrays.get(f"steps/{k}/times"), arrays.get(f"steps/{k}/amplitudes"))
    for k in changes["trains"]:
        trains[k] = _trains(network.populations[k], arrays.get(f"trains/{k}"))
    given = (tuple(steps), waves, latest_waves, tuple(trains))
    return Settings(parameters, stimuli, latest, *given, changes["number"], tuple(changes["weights"]))


def _steps(device: StepCurrent, times: np.ndarray | None, amplitudes: np.ndarray | None) -> StepCurrent:
    """Return a step current with changes that a checkpoint holds; ValueError if they are damaged."""
    if times is None or amplitudes is None or times.shape != amplitudes.shape or times.dtype != np.int64:
        raise ValueError("changes: times or amplitudes of a step current are missing")
    if np.any(np.diff(times) <= 0) or not np.isfinite(amplitudes).all():
        raise ValueError("changes: times of a step current do not ascend, or amplitudes are not finite")
    return dataclasses.replace(device, times=times, amplitudes=amplitudes)


def _trains(population: Population, keys: np.ndarray | None) -> SpikeTrains:
    """Return spike trains that a checkpoint holds; ValueError if they are damaged."""
    if population.spike_trains is None or keys is None or keys.dtype != np.int64:
        raise ValueError(f"changes: the given spikes of {population.name} are missing")
    if np.any(np.diff(keys) < 0) or (keys.size and keys[0] < population.n):
        raise ValueError(f"changes: the given spikes of {population.name} are not in order")
    return SpikeTrains(population.n, keys)


def _value(value: Any) -> Any:
    return np.array(value) if isinstance(value, list) else value
