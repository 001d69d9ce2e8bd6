"""What changes between two runs: parameters and potentials of neurons, rates and weights of Poisson input."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..description.elements import FOREVER, Part, PoissonInput, Population, Selection, Value, nearest
from ..description.indices import Indices, as_key
from ..description.projections import read_input_weight
from ..description.values import DRAWN, check_together, read_values
from ..engine.step.population_state import find_shared_currents, local_values, potential_places, sum_currents
from ..neurons import MODELS
from .agreement import agree


def set_values(simulation, what: Part | PoissonInput, values: Mapping[str, Value]) -> None:
    """Change parameters of neurons or of Poisson input, see `Simulation.set` (collective)."""
    if not isinstance(what, PoissonInput):
        what = simulation.network.select(what)
    agree(simulation.comm, {"what is set": (what, values)})
    simulation.settle()  # samples are V_m - E_L, and E_L may change
    put_back = _remember(simulation, values)
    try:
        if _is_stimulus(what):
            set_stimulus(simulation, what, values)
        else:
            set_neurons(simulation, what, values)
        simulation.n_changes += 1
    except BaseException:
        put_back()
        raise


def _remember(simulation, values: Mapping[str, Value]) -> Callable[[], None]:
    """Return a function that undoes a change to `values`; potentials need no undoing, as they are set last."""
    parameters, latest = list(simulation.parameters), list(simulation.latest)
    stimuli, poisson, neurons = simulation.stimuli, simulation.poisson, simulation.neurons
    arrays = (neurons.blocks, *((neurons.I_e, neurons.current) if "I_e" in values else ()))
    copies = [array.copy() for array in arrays]

    def put_back() -> None:
        simulation.parameters, simulation.latest = parameters, latest
        simulation.stimuli, simulation.poisson, simulation.neurons = stimuli, poisson, neurons
        for array, before in zip(arrays, copies, strict=True):
            array[:] = before

    return put_back


def get_value(simulation, what: Part | PoissonInput, name: str) -> np.ndarray | float:
    """Parameter `name` as it is now, see `Simulation.get` (collective)."""
    if isinstance(what, PoissonInput):
        return get_stimulus(simulation, what, name)
    selection = simulation.network.select(what)
    if _is_stimulus(selection):
        return np.full(len(selection), get_stimulus(simulation, selection, name))
    return get_neurons(simulation, selection, name)


def _is_stimulus(what: PoissonInput | Selection) -> bool:
    """Whether it is Poisson input: such, or the sources that it drives."""
    return isinstance(what, PoissonInput) or what.population.model is MODELS["poisson_source"]


# --- neurons ----------------------------------------------------------------------------------------------------------


def set_neurons(simulation, selection: Selection, given: Mapping[str, Value]) -> None:
    """Give the neurons `selection` other parameters, see `Simulation.set`; nothing is changed if anything is wrong."""
    population, network = selection.population, simulation.network
    number = network.populations.index(population)
    values = read_values(population.name, population.model, len(selection), given)
    lasting = {name: value for name, value in values.items() if name not in DRAWN}
    new = merged(population, simulation.parameters[number], selection.indices, lasting)
    check_together(population.name, population.model, new, network.grid.dt_ms)
    if population.model.receptors(new) != population.model.receptors(population.parameters):
        raise ValueError(
            f"{population.name}: tau_syn_ex and tau_syn_in must stay equal, or different, as they were when the "
            f"synapses were made: give the population such values from the start"
        )
    here = simulation.deal.local(selection.gids)
    lids, neurons = simulation.deal.lids(selection.gids[here]), simulation.neurons
    V_m = neurons.state[potential_places(neurons, lids)] + _local(simulation, number, "E_L", lids)
    simulation.parameters[number] = new
    if lasting:
        simulation.plan_changed()
    for name in DRAWN:
        if name in values:
            whole = values[name] if np.ndim(values[name]) == 0 else spread(population, selection.indices, values[name])
            drawn = local_values(
                network, number, name, whole, lids, simulation.seed, simulation.deal, simulation.n_changes + 1
            )
            if name == "V_m":
                V_m = drawn
            else:
                neurons.I_e[lids] = drawn
                sum_currents(neurons, lids)
                find_shared_currents(neurons)
    neurons.state[potential_places(neurons, lids)] = V_m - _local(simulation, number, "E_L", lids)


def get_neurons(simulation, selection: Selection, name: str) -> np.ndarray:
    """Parameter `name` of the neurons `selection`, see `Simulation.get` (collective)."""
    population = selection.population
    number = simulation.network.populations.index(population)
    if name not in population.model.parameters:
        read_values(population.name, population.model, len(selection), {name: 0.0})  # raises, with the nearest name
    if name not in DRAWN:
        value = np.broadcast_to(simulation.parameters[number][name], population.n)
        return value[selection.gids - population.first].copy()
    lids = simulation.deal.lids(selection.gids[simulation.deal.local(selection.gids)])
    if name == "I_e":
        return simulation.gather(selection.gids, simulation.neurons.I_e[lids])
    V = simulation.neurons.state[potential_places(simulation.neurons, lids)]
    return simulation.gather(selection.gids, V + _local(simulation, number, "E_L", lids))


def merged(population: Population, now: Mapping[str, Value], indices: Indices, given: Mapping[str, Value]) -> dict:
    """All parameters of `population` once neurons `indices` have the `given` ones; those of the others stay.

    Raises
    ------
    ValueError : a parameter that is a word is to be changed in a part of the population.
    """
    values = dict(now)
    for name, value in given.items():
        is_whole = len(indices) == population.n
        if is_whole and (isinstance(indices, range) or np.ndim(value) == 0):  # an array may be in another order
            values[name] = value
        elif population.model.parameters[name].choices:
            raise ValueError(f"{population.name}.{name}: can only be changed in the whole population")
        else:
            values[name] = spread(population, indices, value, now[name])
    return values


def spread(population: Population, indices: Indices, values: Value, others: Value = 0.0) -> np.ndarray:
    """An array of population.n numbers: `values` at `indices`, `others` elsewhere."""
    array = np.array(np.broadcast_to(others, population.n), float)
    array[as_key(indices)] = values
    return array


def _local(simulation, number: int, name: str, lids: np.ndarray) -> np.ndarray:
    value = simulation.parameters[number][name]
    return local_values(simulation.network, number, name, value, lids, simulation.seed, simulation.deal)


# --- Poisson input ----------------------------------------------------------------------------------------------------


def set_stimulus(simulation, what: PoissonInput | Selection, values: Mapping[str, float]) -> None:
    """Give a Poisson input, or Poisson sources, another rate or weight, see `Simulation.set`."""
    is_source = isinstance(what, Selection)
    known = ("rate",) if is_source else ("rate", "weight")
    number = number_of(simulation.network.poisson_inputs, what)
    target = simulation.network.poisson_inputs[number].target
    if is_source and len(what) != len(target):
        raise ValueError(f"{what.population.name}: the rate can only be changed in the whole population")
    name, read = f"Poisson input to {target.population.name}", {}
    for key, value in values.items():
        if key not in known:
            raise ValueError(f"{name}: {key!r} cannot be changed, only {' and '.join(known)}")
        if key == "rate":
            read[key] = simulation.network.read_rate(name, value, is_source)
        else:
            read[key] = read_input_weight(name, value, target.population)
    simulation.latest[number] = dataclasses.replace(simulation.latest[number], **read)
    simulation.stimuli = changed(simulation.stimuli, number, simulation.step, read)
    simulation.plan_changed()


def get_stimulus(simulation, what: PoissonInput | Selection, name: str) -> float:
    """`rate` (spikes/s), `weight` (pA), `start` or `stop` (ms) of a Poisson input, or of Poisson sources, as now."""
    is_source = isinstance(what, Selection)
    known = ("rate", "start", "stop") if is_source else ("rate", "weight", "start", "stop")
    stimulus = simulation.latest[number_of(simulation.network.poisson_inputs, what)]
    if name not in known:
        raise ValueError(f"Poisson input to {stimulus.target.population.name} has no {name!r}: {nearest(name, known)}")
    value = getattr(stimulus, name)
    if name not in ("start", "stop"):
        return float(value)
    return math.inf if value == FOREVER else simulation.network.grid.ms(value)


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
    stimuli: Sequence[tuple[int, PoissonInput]], number: int, now: int, values: Mapping[str, float]
) -> list[tuple[int, PoissonInput]]:
    """`stimuli` with other `values` (rate, weight) of `number` for all that is emitted after step `now`.

    What was emitted before and is still on its way stays what it was: the stimulus is cut in two at `now`. Parts of
    which nothing will arrive any more are left out.
    """
    parts = []
    for k, stimulus in stimuli:
        if k != number or stimulus.stop <= now:
            parts.append((k, stimulus))
            continue
        cut = max(now, stimulus.start)
        parts.append((k, dataclasses.replace(stimulus, stop=cut)))
        parts.append((k, dataclasses.replace(stimulus, start=cut, **values)))
    return [(k, part) for k, part in parts if part.stop > part.start and part.stop + part.delay > now]
