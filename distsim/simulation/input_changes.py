"""Change inputs that vary in time: currents, given spikes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np

from ..description.currents import CurrentDevice, read_steps
from ..description.elements import Selection, StepCurrent, nearest
from ..description.spike_trains import SpikeTrains, read_trains
from ..engine.rank_engine import RankEngine
from ..engine.settings import Settings
from ..neurons import MODELS

Given = CurrentDevice | StepCurrent
TIMES = ("times", "ids", "round_times")  # of given spikes


def is_spike_source(what: object) -> TypeGuard[Selection]:
    """Return whether `what` are sources of given spikes."""
    return isinstance(what, Selection) and what.population.model is MODELS["spike_source"]


def set_input(engine: RankEngine, what: Given | Selection, values: Mapping[str, Any]) -> None:
    """Give a current device, or sources of given spikes, other values from now on, see `Simulation.set`."""
    if isinstance(what, CurrentDevice):
        settings = _with_device(engine, what, values)
    elif isinstance(what, StepCurrent):
        settings = _with_steps(engine, what, values)
    else:
        settings = _with_trains(engine, what, values)
    engine.resume_given(settings, engine.step)


def get_input(engine: RankEngine, what: Given | Selection, name: str) -> Any:
    """Return a value of a current device, or the `times` (ms) of given spikes by source, as they are now."""
    network, settings, ms = engine.network, engine.settings, engine.network.grid.ms
    if isinstance(what, Selection):
        _check_names(what.population.name, [name], TIMES[:1])
        trains = settings.trains[network.populations.index(what.population)]
        found = list(trains or ())
        return [ms(found[k]) for k in what.indices]
    if isinstance(what, StepCurrent):
        now = settings.step_currents[_place(network.step_currents, what)]
        _check_names(_name(what), [name], ("times", "amplitudes"))
        return ms(now.times) if name == "times" else now.amplitudes.copy()
    device = settings.latest_waves[_place(network.currents, what)]
    _check_names(_name(what), [name], what.settable)
    value = ms(device.origin) if name == "start" else getattr(device, name)
    return value.copy() if isinstance(value, np.ndarray) else value


def _with_device(engine: RankEngine, what: CurrentDevice, values: Mapping[str, Any]) -> Settings:
    """Return the settings in which a device has other values for what it emits from now on."""
    number, now, settings = _place(engine.network.currents, what), engine.step, engine.settings
    _check_names(_name(what), values, what.settable)
    latest = list(settings.latest_waves)
    read = latest[number].read(_name(what), values, engine.network.grid)
    latest[number] = replace(latest[number], **read, start=max(now, read.get("origin", latest[number].start)))
    before = [(k, replace(part, stop=min(part.stop, now)) if k == number else part) for k, part in settings.waves]
    parts = [*before, (number, latest[number])]
    kept = [(k, part) for k, part in parts if part.stop > part.start and part.stop + part.delay > now]
    return replace(settings, latest_waves=tuple(latest), waves=tuple(sorted(kept, key=lambda part: part[0])))


def _with_steps(engine: RankEngine, what: StepCurrent, values: Mapping[str, Any]) -> Settings:
    """Return the settings in which a step current is another one from now on; earlier amplitudes arrive unchanged."""
    number, now = _place(engine.network.step_currents, what), engine.step
    _check_names(_name(what), values, ("times", "amplitudes"))
    old = engine.settings.step_currents[number]
    grid = engine.network.grid
    times, amplitudes = (values.get(key, given) for key, given in
                         (("times", grid.ms(old.times)), ("amplitudes", old.amplitudes)))  # fmt: skip
    steps, currents = read_steps(_name(what), times, amplitudes, grid)
    past, done = old.times < now, int(np.searchsorted(steps, now, side="right"))
    at_once = currents[done - 1 : done] if done else np.zeros(1)  # what the new one is at present
    merged = replace(
        old,
        times=np.concatenate([old.times[past], [now], steps[done:]]).astype(np.int64),
        amplitudes=np.concatenate([old.amplitudes[past], at_once, currents[done:]]),
    )
    devices = list(engine.settings.step_currents)
    devices[number] = merged
    return replace(engine.settings, step_currents=tuple(devices))


def _with_trains(engine: RankEngine, what: Selection, values: Mapping[str, Any]) -> Settings:
    """Return the settings in which sources emit other spikes from now on."""
    population, grid = what.population, engine.network.grid
    name, now = population.name, engine.step
    _check_names(name, values, TIMES)
    if "times" not in values:
        raise ValueError(f"{name}: times are missing")
    if len(what) != population.n:
        raise ValueError(f"{name}: the times can only be changed in the whole population")
    options = {"ids": values.get("ids"), "round_times": values.get("round_times", False)}
    new = read_trains(name, values["times"], grid, n=population.n, **options)
    if new.first_step <= now:
        early = grid.ms(new.first_step)
        raise ValueError(f"{name}: times must be after the present time, {grid.ms(now):g} ms, not {early:g} ms")
    trains: list[SpikeTrains | None] = list(engine.settings.trains)
    trains[engine.network.populations.index(population)] = new
    return replace(engine.settings, trains=tuple(trains))


def _place(known: list, what: object) -> int:
    """Return the place of a device among those that are `known`; ValueError if it is none of them."""
    for number, device in enumerate(known):
        if device is what:
            return number
    raise ValueError(f"{_name(what)}: no such input of this network")


def _name(what: Any) -> str:
    kind = what.kind if isinstance(what, CurrentDevice) else "step current"
    return f"{kind} into {what.target.population.name}"


def _check_names(name: str, given: Mapping[str, Any] | list[str], known: tuple[str, ...]) -> None:
    """ValueError naming the first of the `given` keys that is none of the `known` ones."""
    for key in given:
        if key not in known:
            raise ValueError(f"{name}: no value {key!r}: {nearest(key, known)}")
