"""Changes between two runs: parameters and potentials of neurons, rates and weights of Poisson input; other inputs are
changed by `input_changes`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..description.currents import CurrentDevice
from ..description.elements import FOREVER, Part, PoissonInput, Population, Selection, StepCurrent, Value, nearest
from ..description.indices import Indices, as_key
from ..description.projections import read_input_weight
from ..description.rates import Rate
from ..description.values import check_together, read_values, stand_ins
from ..engine.rank_engine import RankEngine
from ..engine.settings import drawn_values
from ..engine.step.population_state import (
    find_shared_currents,
    local_values,
    places_of,
    reference_values,
    sum_currents,
)
from ..neurons import MODELS
from .agreement import agree
from .input_changes import get_input, is_spike_source, set_input

Device = PoissonInput | CurrentDevice | StepCurrent


def set_values(engine: RankEngine, what: Part | Device, values: Mapping[str, Value]) -> None:
    """Change parameters of neurons or inputs, see `Simulation.set` (collective)."""
    if not isinstance(what, Device):
        what = engine.network.select(what)
    agree(engine.comm, {"what is set": (what, values)})
    engine.flush()  # samples are V_m - E_L, and E_L may change
    put_back = _remember(engine)
    try:
        if isinstance(what, CurrentDevice | StepCurrent) or is_spike_source(what):
            set_input(engine, what, values)
        elif isinstance(what, PoissonInput) or _are_sources(what):
            set_stimulus(engine, what, values)
        else:
            set_neurons(engine, what, values)
        engine.settings = replace(engine.settings, n_changes=engine.settings.n_changes + 1)
    except BaseException:
        put_back()
        raise


def _remember(engine: RankEngine) -> Callable[[], None]:
    """Return a function that undoes a change; states need no undoing, as all are set last, together."""
    settings, poisson, neurons = engine.settings, engine.poisson, engine.neurons
    given = engine.currents, engine.waves, engine.trains
    arrays = (neurons.blocks, neurons.I_e, neurons.waves, neurons.current)
    copies = [array.copy() for array in arrays]

    def put_back() -> None:
        engine.settings, engine.poisson, engine.neurons = settings, poisson, neurons
        engine.currents, engine.waves, engine.trains = given
        for array, before in zip(arrays, copies, strict=True):
            array[:] = before

    return put_back


def get_value(engine: RankEngine, what: Part | Device, name: str) -> np.ndarray | Rate:
    """Parameter `name` as it is now, see `Simulation.get` (collective)."""
    if isinstance(what, PoissonInput):
        return get_stimulus(engine, what, name)
    selection = what if isinstance(what, Device) else engine.network.select(what)
    if not isinstance(selection, Selection) or is_spike_source(selection):
        return get_input(engine, selection, name)  # type: ignore[no-any-return]
    if _are_sources(selection):
        value = get_stimulus(engine, selection, name)
        return np.full(len(selection), value) if isinstance(value, float) else value
    return get_neurons(engine, selection, name)


def _are_sources(selection: Selection) -> bool:
    """Return whether these are driven by Poisson input."""
    return selection.population.model is MODELS["poisson_source"]


# --- neurons ----------------------------------------------------------------------------------------------------------


def set_neurons(engine: RankEngine, selection: Selection, given: Mapping[str, Value]) -> None:
    """Give the neurons `selection` other parameters, see `Simulation.set`; nothing is changed if anything is wrong."""
    population, network = selection.population, engine.network
    number = network.populations.index(population)
    values = read_values(population.name, population.model, len(selection), given)
    model, before, change = population.model, engine.settings.parameters[number], engine.settings.n_changes + 1
    lasting = {
        name: drawn_values(network, number, name, value, selection.gids, engine.seed, change)
        for name, value in values.items()
        if name not in model.drawn
    }
    new = merged(population, before, selection.indices, lasting)
    check_together(population.name, model, new, network.grid.dt_ms)
    check_states(population, values)
    if model.n_receptors(new) != model.n_receptors(stand_ins(population.parameters)):
        raise ValueError(
            f"{population.name}: tau_syn_ex and tau_syn_in must stay equal, or different, as they were when the "
            f"synapses were made: give the population such values from the start"
        )
    gids = selection.gids[engine.deal.local(selection.gids)]
    lids = engine.deal.lids(gids)
    states = {name: _recordable(engine, number, name, gids) for name in model.recordables}
    if lasting:
        parameters = [*engine.settings.parameters]
        parameters[number] = new
        engine.apply(replace(engine.settings, parameters=tuple(parameters)))
    neurons = engine.neurons
    for name in (name for name in model.drawn if name in values):
        value = values[name]
        assert not isinstance(value, str)  # words are not drawn
        whole = spread(population, selection.indices, value) if isinstance(value, np.ndarray) else value
        drawn = local_values(network, number, name, whole, lids, engine.seed, engine.deal, change)
        if name == model.current:
            neurons.I_e[lids] = drawn
            sum_currents(neurons, lids)
            find_shared_currents(neurons)
        else:
            states[name] = drawn
    places = [places_of(neurons, model, name, lids) for name in states]
    relative = [state - reference_values(network, number, name, new, gids) for name, state in states.items()]
    if states:
        neurons.state[np.concatenate(places)] = np.concatenate(relative)  # one statement: nothing comes between


def check_states(population: Population, names: Iterable[str]) -> None:
    """Check that the states among `names` can be told from others in this population; ValueError if not."""
    for name in (name for name in names if name in population.model.recordables):
        problem = population.model.problem_with(name, stand_ins(population.parameters))
        if problem:
            raise ValueError(f"{population.name}.{name}: {problem}")


def get_neurons(engine: RankEngine, selection: Selection, name: str) -> np.ndarray:
    """Parameter `name` of the neurons `selection`, see `Simulation.get` (collective)."""
    population = selection.population
    number = engine.network.populations.index(population)
    if name in population.model.lists:
        elements = [get_neurons(engine, selection, each) for each in population.model.lists[name]]
        return np.stack(elements, axis=1) if elements else np.zeros((len(selection), 0))
    if name not in population.model.parameters and name not in population.model.recordables:
        read_values(population.name, population.model, len(selection), {name: 0.0})  # raises, with the nearest name
    check_states(population, [name])
    gids = selection.gids[engine.deal.local(selection.gids)]
    if name in population.model.recordables:
        return engine.gather(selection.gids, _recordable(engine, number, name, gids))
    if name == population.model.current:
        return engine.gather(selection.gids, engine.neurons.I_e[engine.deal.lids(gids)])
    value = np.broadcast_to(np.asarray(engine.settings.parameters[number][name]), population.n)
    chosen: np.ndarray = value[selection.gids - population.first].copy()
    return chosen


def _recordable(engine: RankEngine, number: int, name: str, gids: np.ndarray) -> np.ndarray:
    """Return the recordable `name` of this rank's neurons `gids` of population `number` as it is now."""
    model, parameters = engine.network.populations[number].model, engine.settings.parameters[number]
    state = engine.neurons.state[places_of(engine.neurons, model, name, engine.deal.lids(gids))]
    value: np.ndarray = state + reference_values(engine.network, number, name, parameters, gids)
    return value


def merged(
    population: Population, now: Mapping[str, Value], indices: Indices, given: Mapping[str, Value | str]
) -> dict:
    """All parameters of `population` once neurons `indices` have the `given` ones; those of the others stay.

    Raises
    ------
    ValueError : a parameter that is a word is to be changed in a part of the population.
    """
    values: dict[str, Value | str] = dict(now)
    for name, value in given.items():
        is_whole = len(indices) == population.n
        is_array = isinstance(value, np.ndarray)  # which may be in another order
        if is_whole and (isinstance(indices, range) or not is_array):
            values[name] = value
        elif population.model.parameters[name].choices:
            raise ValueError(f"{population.name}.{name}: can only be changed in the whole population")
        else:
            values[name] = spread(population, indices, value, now[name])
    return values


def spread(population: Population, indices: Indices, values: Value | str, others: Value | str = 0.0) -> np.ndarray:
    """An array of population.n numbers: `values` at `indices`, `others` elsewhere."""
    array = np.broadcast_to(np.asarray(others), population.n).astype(float)
    array[as_key(indices)] = np.asarray(values)
    return array


# --- Poisson input ----------------------------------------------------------------------------------------------------


def set_stimulus(engine: RankEngine, what: PoissonInput | Selection, values: Mapping[str, Value]) -> None:
    """Give a Poisson input, or Poisson sources, another rate or weight, see `Simulation.set`."""
    is_source = isinstance(what, Selection)
    known = ("rate",) if is_source else ("rate", "weight")
    number = number_of(engine.network.poisson_inputs, what)
    target = engine.network.poisson_inputs[number].target
    if isinstance(what, Selection) and len(what) != len(target):
        raise ValueError(f"{what.population.name}: the rate can only be changed in the whole population")
    name = f"Poisson input to {target.population.name}"
    read: dict[str, Rate] = {}
    for key, value in values.items():
        if key not in known:
            raise ValueError(f"{name}: {key!r} cannot be changed, only {' and '.join(known)}")
        if key == "rate":
            read[key] = engine.network.read_rate(name, value, is_source, len(target))
        else:
            read[key] = read_input_weight(name, value, target.population)
    latest = [*engine.settings.latest]
    latest[number] = _with(latest[number], read)
    stimuli = tuple(changed(engine.settings.stimuli, number, engine.step, read))
    engine.apply(replace(engine.settings, stimuli=stimuli, latest=tuple(latest)))


def get_stimulus(engine: RankEngine, what: PoissonInput | Selection, name: str) -> Rate:
    """`rate` (spikes/s), `weight` (pA), `start` or `stop` (ms) of a Poisson input, or of Poisson sources, as now."""
    is_source = isinstance(what, Selection)
    known = ("rate", "start", "stop") if is_source else ("rate", "weight", "start", "stop")
    stimulus = engine.settings.latest[number_of(engine.network.poisson_inputs, what)]
    if name not in known:
        raise ValueError(f"Poisson input to {stimulus.target.population.name} has no {name!r}: {nearest(name, known)}")
    value = getattr(stimulus, name)
    if name not in ("start", "stop"):
        rate: Rate = value.copy() if isinstance(value, np.ndarray) else value
        return rate
    return math.inf if value == FOREVER else engine.network.grid.ms(value)


def number_of(stimuli: Sequence[PoissonInput], what: PoissonInput | Selection) -> int:
    """The number among all `stimuli` of the Poisson input `what`, or of the one that drives the sources `what`.

    Raises
    ------
    ValueError : there is none.
    """
    for number, stimulus in enumerate(stimuli):
        if stimulus is what:
            return number
        if isinstance(what, Selection) and stimulus.target.population is what.population:
            return number
    raise ValueError(f"{what} is no Poisson input of this network")


def changed(
    stimuli: Sequence[tuple[int, PoissonInput]], number: int, now: int, values: Mapping[str, Rate]
) -> list[tuple[int, PoissonInput]]:
    """Return `stimuli` with new `values` (rate, weight) of `number` for spikes emitted after step `now`.

    Spikes emitted before that are still on their way keep their weight: the stimulus is cut in two at `now`. Parts
    from which nothing more will arrive are left out.
    """
    parts = []
    for k, stimulus in stimuli:
        if k != number or stimulus.stop <= now:
            parts.append((k, stimulus))
            continue
        cut = max(now, stimulus.start)
        parts.append((k, replace(stimulus, stop=cut)))
        parts.append((k, _with(replace(stimulus, start=cut), values)))
    return [(k, part) for k, part in parts if part.stop > part.start and part.stop + part.delay > now]


def _with(stimulus: PoissonInput, values: Mapping[str, Rate]) -> PoissonInput:
    """Return a Poisson input with other `values` (rate, weight)."""
    return replace(stimulus, **values)  # type: ignore[arg-type]  # rates that are no numbers are not weights
