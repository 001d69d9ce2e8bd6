"""What a simulation has recorded so far: spikes and voltages by population, a result of all of it, a hash."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..description.elements import Part, Population
from ..engine.step.recorders import recorded_populations, voltage_gids
from ..recording.spike_hash import spikes_sha256_of
from ..recording.spikes import Spikes
from ..recording.voltages import Voltages
from ..results.result import Result
from .saving import summarize


def spikes_of(simulation, what: Part) -> tuple[np.ndarray, np.ndarray]:
    """Times (ms) and ids of the recorded spikes of `what`, see `Simulation.spikes`."""
    population = simulation.network.select(what).population
    return _result(simulation, {population.name: _spikes(simulation, population)}, {}).spikes(what)


def voltages_of(simulation, what: Part) -> tuple[np.ndarray, np.ndarray]:
    """Times (ms) and recorded V_m (mV) of `what`, see `Simulation.voltages` (collective)."""
    return _result(simulation, {}, _voltages(simulation)).voltages(what)


def result_of(simulation) -> Result:
    """A copy of all that is recorded, see `Simulation.result` (collective)."""
    spikes = {population.name: _spikes(simulation, population) for population in _recorded(simulation)}
    return _result(simulation, spikes, _voltages(simulation), summarize(simulation, "network"))


def sha256_of(simulation) -> str:
    """Hash of all recorded spikes."""
    return spikes_sha256_of({p.name: _steps_and_ids(simulation, p) for p in _recorded(simulation)})


def _recorded(simulation) -> list[Population]:
    """Populations with a neuron whose spikes are recorded."""
    names = recorded_populations(simulation.network)
    return [population for population in simulation.network.populations if population.name in names]


def _result(simulation, spikes: Mapping[str, Spikes], voltages: Mapping[str, Voltages], summary=None) -> Result:
    network, grid, wanted = simulation.network, simulation.network.grid, simulation.recording.wanted.astype(bool)
    sizes = {p.name: p.n for p in network.populations}
    recorded = {p.name: wanted[p.span] for p in network.populations if wanted.size}
    period = (grid.ms(simulation.period.start), grid.ms(simulation.period.stop))
    pieces = [(grid.ms(start), grid.ms(stop)) for start, stop in simulation.period.pieces]
    return Result(sizes, grid.dt_ms, period, spikes, recorded, voltages, summary, pieces or None)


def _spikes(simulation, population: Population) -> Spikes:
    steps, ids = _steps_and_ids(simulation, population)
    return Spikes(simulation.network.grid.ms(steps), ids, population.n)


def _steps_and_ids(simulation, population: Population) -> tuple[np.ndarray, np.ndarray]:
    """Steps and ids (0-based in it) of the spikes of `population`."""
    simulation.settle()
    steps, gids = simulation.sink.all_spikes()
    inside = population.holds(gids)
    return steps[inside], gids[inside] - population.first


def _voltages(simulation) -> dict[str, Voltages]:
    """Voltages of all ranks by population (collective)."""
    gids, grid = voltage_gids(simulation.network), simulation.network.grid
    simulation.settle()
    steps, block = simulation.sink.local_voltages()
    table, found = simulation.gather(gids, block), {}
    for p in simulation.network.populations:
        mine = p.holds(gids)
        if mine.any():
            interval = grid.ms(simulation.recording.interval)
            found[p.name] = Voltages(grid.ms(steps), gids[mine] - p.first, table[:, mine], interval)
    return found
