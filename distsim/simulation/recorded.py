"""Recordings of a simulation so far: spikes and voltages by population, a result of all of it, a hash."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..description.elements import Part, Population
from ..engine.rank_engine import RankEngine
from ..engine.step.recorders import Period, recorded_populations, voltage_gids
from ..recording.spike_hash import spikes_sha256_of
from ..recording.spikes import Spikes
from ..recording.voltages import Voltages
from ..results.result import Result


def spikes_of(engine: RankEngine, period: Period, what: Part) -> tuple[np.ndarray, np.ndarray]:
    """Times (ms) and ids of the recorded spikes of `what`, see `Simulation.spikes`."""
    population = engine.network.select(what).population
    return _result(engine, period, {population.name: _spikes(engine, population)}, {}).spikes(what)


def voltages_of(engine: RankEngine, period: Period, what: Part) -> tuple[np.ndarray, np.ndarray]:
    """Times (ms) and recorded V_m (mV) of `what`, see `Simulation.voltages` (collective)."""
    return _result(engine, period, {}, _voltages(engine)).voltages(what)


def result_of(engine: RankEngine, period: Period, summary: Mapping) -> Result:
    """A copy of all that is recorded, see `Simulation.result` (collective)."""
    spikes = {population.name: _spikes(engine, population) for population in _recorded(engine)}
    return _result(engine, period, spikes, _voltages(engine), summary)


def sha256_of(engine: RankEngine) -> str:
    """Hash of all recorded spikes."""
    return spikes_sha256_of({p.name: _steps_and_ids(engine, p) for p in _recorded(engine)})


def _recorded(engine: RankEngine) -> list[Population]:
    """Populations with a neuron whose spikes are recorded."""
    names = recorded_populations(engine.network)
    return [population for population in engine.network.populations if population.name in names]


def _result(
    engine: RankEngine,
    period: Period,
    spikes: Mapping[str, Spikes],
    voltages: Mapping[str, Voltages],
    summary: Mapping | None = None,
) -> Result:
    network, grid, wanted = engine.network, engine.network.grid, engine.recording.wanted.astype(bool)
    sizes = {p.name: p.n for p in network.populations}
    recorded = {p.name: wanted[p.span] for p in network.populations if wanted.size}
    whole = (grid.ms(period.start), grid.ms(period.stop))
    pieces = [(grid.ms(start), grid.ms(stop)) for start, stop in period.pieces]
    return Result(sizes, grid.dt_ms, whole, spikes, recorded, voltages, summary, pieces or None)


def _spikes(engine: RankEngine, population: Population) -> Spikes:
    steps, ids = _steps_and_ids(engine, population)
    return Spikes(engine.network.grid.ms(steps), ids, population.n)


def _steps_and_ids(engine: RankEngine, population: Population) -> tuple[np.ndarray, np.ndarray]:
    """Steps and ids (0-based in it) of the spikes of `population`."""
    engine.flush()
    steps, gids = engine.sink.all_spikes()
    inside = population.holds(gids)
    return steps[inside], gids[inside] - population.first


def _voltages(engine: RankEngine) -> dict[str, Voltages]:
    """Voltages of all ranks by population (collective)."""
    gids, grid = voltage_gids(engine.network), engine.network.grid
    engine.flush()
    steps, block = engine.sink.local_voltages()
    table, found = engine.gather(gids, block), {}
    for p in engine.network.populations:
        mine = p.holds(gids)
        if mine.any():
            interval = grid.ms(engine.recording.interval)
            found[p.name] = Voltages(grid.ms(steps), gids[mine] - p.first, table[:, mine], interval)
    return found
