"""Inputs that are no longer as described, as numbers and flat arrays for a checkpoint."""

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
from ..engine.settings import Settings

Arrays = Mapping[str, np.ndarray]  # of a checkpoint, by name


def record_inputs(network: Network, settings: Settings) -> dict[str, list]:
    """Return what differs from the description of `network`, fit for JSON but for `arrays_of_inputs`."""
    rates = _changed_rates(network, settings)
    places = {id(rate): k for k, rate in enumerate(rates)}

    def place_of(number: int, stimulus: PoissonInput) -> int | None:
        """Return where the rate is among "rates"; None if it is as described."""
        is_described = stimulus.rate is network.poisson_inputs[number].rate
        return None if is_described else places[id(stimulus.rate)]

    return {
        "rates": [numbers_of(rate) for rate in rates],
        "stimuli": [[number, place_of(number, s), s.weight, s.start, s.stop] for number, s in settings.stimuli],
        "latest": [[place_of(number, s), s.weight] for number, s in enumerate(settings.latest)],
        "steps": _changed_places(network.step_currents, settings.step_currents),
        "waves": [[number, *_of_device(network.currents[number], part)] for number, part in settings.waves],
        "latest_waves": [_of_device(*pair) for pair in zip(network.currents, settings.latest_waves, strict=True)],
        "trains": _changed_places([p.spike_trains for p in network.populations], settings.trains),
    }


def arrays_of_inputs(network: Network, settings: Settings) -> dict[str, np.ndarray]:
    """Return the arrays of inputs that are not as described, flat, as a checkpoint holds them."""
    rates = enumerate(_changed_rates(network, settings))
    found = {f"rates/{k}/{name}": array.ravel() for k, rate in rates for name, array in arrays_of(rate).items()}
    for k in _changed_places(network.step_currents, settings.step_currents):
        device = settings.step_currents[k]
        found |= {f"steps/{k}/times": device.times, f"steps/{k}/amplitudes": device.amplitudes}
    for k in _changed_places([p.spike_trains for p in network.populations], settings.trains):
        trains = settings.trains[k]
        found |= {} if trains is None else {f"trains/{k}": trains.keys}
    used = [(f"waves/{k}", *pair) for k, pair in enumerate(settings.waves)]
    used += [(f"latest_waves/{k}", k, device) for k, device in enumerate(settings.latest_waves)]
    for name, number, wave in used:
        if isinstance(wave, SampledCurrent) and _dimensions(network.currents[number], wave) is not None:
            found[name] = wave.values.ravel()
    return found


def changed_inputs(network: Network, changes: Mapping[str, Any], arrays: Arrays) -> dict[str, tuple]:
    """Return the fields of `Settings` that `record_inputs` and `arrays_of_inputs` recorded.

    Raises
    ------
    ValueError : an input is damaged.
    """
    inputs, rate = network.poisson_inputs, _RateReader(network, changes["rates"], arrays)
    steps, trains = list(network.step_currents), [population.spike_trains for population in network.populations]
    for k in changes["steps"]:
        steps[k] = _steps(steps[k], arrays.get(f"steps/{k}/times"), arrays.get(f"steps/{k}/amplitudes"))
    for k in changes["trains"]:
        trains[k] = _trains(network.populations[k], arrays.get(f"trains/{k}"))
    waves = [
        (row[0], _device(network, row[0], row[1:], f"waves/{k}", arrays)) for k, row in enumerate(changes["waves"])
    ]
    latest = [_device(network, k, row, f"latest_waves/{k}", arrays) for k, row in enumerate(changes["latest_waves"])]
    return {
        "stimuli": tuple(
            (k, dataclasses.replace(inputs[k], rate=rate.of(k, place), weight=weight, start=start, stop=stop))
            for k, place, weight, start, stop in changes["stimuli"]
        ),
        "latest": tuple(
            dataclasses.replace(inputs[k], rate=rate.of(k, place), weight=weight)
            for k, (place, weight) in enumerate(changes["latest"])
        ),
        "step_currents": tuple(steps),
        "waves": tuple(waves),
        "latest_waves": tuple(latest),
        "trains": tuple(trains),
    }


def _changed_places(described: Sequence[Any], now: Sequence[Any]) -> list[int]:
    """Return the places at which something else is than was described."""
    return [k for k, (one, other) in enumerate(zip(described, now, strict=True)) if one is not other]


# --- rates ------------------------------------------------------------------------------------------------------------


def _changed_rates(network: Network, settings: Settings) -> list[Rate]:
    """Return the rates of Poisson input that are not as described, each once."""
    described = network.poisson_inputs
    used = [(number, s.rate) for number, s in (*settings.stimuli, *enumerate(settings.latest))]
    return list({id(rate): rate for number, rate in used if rate is not described[number].rate}.values())


class _RateReader:
    """Reads rates of a checkpoint: `facts` and `arrays`; what was one rate is one again."""

    def __init__(self, network: Network, facts: Sequence[Any], arrays: Arrays) -> None:
        self.network = network
        self.read: dict[int, Rate] = {}
        self.rates = []
        for k, found in enumerate(facts):
            named = {name: arrays.get(f"rates/{k}/{name}") for name in ("times", "rates")}
            self.rates.append(rate_of(found, {name: array for name, array in named.items() if array is not None}))

    def of(self, number: int, place: int | None) -> Rate:
        """Return the rate at `place`, or that described for Poisson input `number`."""
        stimulus = self.network.poisson_inputs[number]
        if place is None:
            return stimulus.rate
        if place not in self.read:
            population, n = stimulus.target.population, len(stimulus.target)
            name = f"changes: rate of {population.name}"
            self.read[place] = self.network.read_rate(name, self.rates[place], population.model.is_source, n)
        return self.read[place]


# --- currents and given spikes ----------------------------------------------------------------------------------------


def _of_device(described: CurrentDevice, device: CurrentDevice) -> list:
    """Return window, origin, numbers and dimensions of changed samples of a current device, for JSON."""
    return [
        device.start, device.stop, device.origin, [getattr(device, name) for name in _numbers(device)],
        _dimensions(described, device),
    ]  # fmt: skip


def _numbers(device: CurrentDevice) -> list[str]:
    """Return the names of the numbers of a device that can be changed."""
    return [name for name in device.settable if name not in ("values", "start")]


def _dimensions(described: CurrentDevice, device: CurrentDevice) -> int | None:
    """Return how many dimensions samples have; None if there are none, or those that were described."""
    if not isinstance(device, SampledCurrent) or not isinstance(described, SampledCurrent):
        return None
    return None if device.values is described.values else device.values.ndim


def _device(network: Network, number: int, row: Sequence[Any], name: str, arrays: Arrays) -> CurrentDevice:
    """Return the device `number` of which `_of_device` is `row`; its changed samples are called `name`."""
    described = network.currents[number]
    start, stop, origin, numbers, dimensions = row
    names, where = _numbers(described), f"changes: current {number}"
    if len(numbers) != len(names):
        raise ValueError(f"{where} has {len(names)} numbers, not {len(numbers)}")
    given: dict[str, Any] = dict(zip(names, numbers, strict=True))
    if dimensions is not None:
        n = len(described.target)
        if name not in arrays or (dimensions == 2 and arrays[name].size % max(n, 1)):
            raise ValueError(f"{where}: its samples are not whole")
        given["values"] = arrays[name].reshape(-1, n) if dimensions == 2 else arrays[name]
    return dataclasses.replace(
        described, start=start, stop=stop, origin=origin, **described.read(where, given, network.grid)
    )


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
