"""Read the recordings of a simulation so far: spikes and samples by population, all of them as a result, a hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..description.elements import SPIKES, V_M, Part, Population
from ..description.reports import Report, sampled_reports, spike_report
from ..engine.rank_engine import RankEngine
from ..engine.step.period import Period
from ..engine.step.sinks import MemorySink
from ..recording.samples import Samples
from ..recording.spike_hash import spikes_sha256_of
from ..recording.spikes import Spikes
from ..results.result import Result
from .places import all_positions


def spikes_of(engine: RankEngine, period: Period, what: Part) -> tuple[np.ndarray, np.ndarray]:
    """Return times (ms) and ids of the recorded spikes of `what`, see `Simulation.spikes`."""
    population = engine.network.select(what).population
    return _result(engine, period, _spikes(engine, [population]), {}).spikes(what)


def samples_of(engine: RankEngine, period: Period, name: str, what: Part) -> tuple[np.ndarray, np.ndarray]:
    """Return times (ms) and values of `what` in the report `name`, see `Simulation.samples` (collective)."""
    reports = sampled_reports(engine.reports)
    if name not in {report.name for report in reports} and name == _potential(engine, what):
        name = V_M  # as potentials are recorded, whatever the model calls them
    samples = {report.name: _samples(engine, report) if report.name == name else {} for report in reports}
    return _result(engine, period, {}, samples).samples(name, what)


def _potential(engine: RankEngine, what: Part) -> str | None:
    try:
        return engine.network.select(what).population.model.potential
    except ValueError:
        return None  # which the result says better


def result_of(engine: RankEngine, period: Period, summary: dict) -> Result:
    """Return a copy of all recordings, see `Simulation.result` (collective)."""
    spikes = _spikes(engine, _recorded(engine))
    samples = {report.name: _samples(engine, report) for report in sampled_reports(engine.reports)}
    return _result(engine, period, spikes, samples, summary)


def sha256_of(engine: RankEngine) -> str:
    """Return a hash of all recorded spikes."""
    return spikes_sha256_of(_steps_and_ids(engine, _recorded(engine)))


def memory_of(engine: RankEngine) -> MemorySink:
    """Return the sink; RuntimeError if it does not keep recordings in memory."""
    if not isinstance(engine.sink, MemorySink):
        raise RuntimeError(f"recordings go to {type(engine.sink).__name__}, not to memory, and cannot be read here")
    return engine.sink


def _recorded(engine: RankEngine) -> list[Population]:
    """Return the populations with a neuron whose spikes are recorded."""
    report = spike_report(engine.reports)
    return list(report.populations) if report else []


def _result(
    engine: RankEngine,
    period: Period,
    spikes: Mapping[str, Spikes],
    samples: Mapping[str, Mapping[str, Samples]],
    summary: dict | None = None,
) -> Result:
    network, grid, wanted = engine.network, engine.network.grid, engine.recording.spikes.wanted.astype(bool)
    sizes = {p.name: p.n for p in network.populations}
    recorded = {p.name: wanted[p.span] for p in network.populations if wanted.size}
    whole = (grid.ms(period.start), grid.ms(period.stop))
    pieces = [(grid.ms(start), grid.ms(stop)) for start, stop in period.pieces]
    placed = all_positions(network, engine.seed)
    return Result(sizes, grid.dt_ms, whole, spikes, recorded, samples, summary, pieces or None, positions=placed)


def _spikes(engine: RankEngine, populations: Sequence[Population]) -> dict[str, Spikes]:
    found, ms = _steps_and_ids(engine, populations), engine.network.grid.ms
    return {p.name: Spikes(ms(steps), ids, p.n) for p, (steps, ids) in zip(populations, found.values(), strict=True)}


def _steps_and_ids(engine: RankEngine, populations: Sequence[Population]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the steps and ids (0-based in the population) of the recorded spikes of each of `populations`."""
    engine.flush()
    steps, gids = memory_of(engine).recorded(SPIKES)
    found = {}
    for population in populations:
        inside = population.holds(gids)
        found[population.name] = steps[inside], gids[inside] - population.first
    return found


def _samples(engine: RankEngine, report: Report) -> dict[str, Samples]:
    """Return the samples of a report, of all ranks, by population (collective)."""
    grid = engine.network.grid
    engine.flush()
    steps, values = memory_of(engine).recorded(report.name)
    table, units = engine.gather(report.gids, values), report.units
    return {
        p.name: Samples(grid.ms(steps), ids, table[:, p.holds(report.gids)], grid.ms(report.interval), units[p.name])
        for p, ids in zip(report.populations, report.ids.values(), strict=True)
    }
