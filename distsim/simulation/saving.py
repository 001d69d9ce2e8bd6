"""Save a simulation's recordings as a run's folder, with the files that the command line writes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from ..description.network import Network
from ..engine.step.loop import PHASES
from ..engine.step.recorders import recorded_populations, voltage_gids
from ..parallel import Comm, InputError, on_root
from ..recording.file_sink import SPIKES, VOLTAGES, FileSink
from ..recording.note import write_note
from ..recording.parts import PartSink
from ..results import summary
from ..results.folder import PYTHON, claim, release
from .facts import describe, facts
from .simulated import Simulated


def save(simulation: Simulated, folder: str | Path, title: str, overwrite: bool) -> Path:
    """Write the recordings of `simulation` and its summary into `folder`; see `Simulation.save` (collective)."""
    comm, network = simulation.comm, simulation.network
    simulation.settle()
    steps, block = without_breaks(*simulation.sink.local_voltages(), simulation.engine.recording.interval)
    try:
        path = on_root(comm, lambda: claim(str(folder), title, overwrite, words=PYTHON))
    except InputError as error:
        raise ValueError(str(error)) from None
    try:
        found = summarize(simulation, title)
        noted = {**found, "recording": {"files": recorded_files(network)}}
        on_root(comm, lambda: write_note(path, noted))
        sink = file_sink(network, path, comm)
        if sink.spike_file:
            sink.spikes(*simulation.sink.all_spikes())
        if sink.voltage_file:
            sink.voltages(steps, block)
        grid, period = network.grid, simulation.period
        pieces = [(grid.ms(start), grid.ms(stop)) for start, stop in period.pieces]
        sink.close(grid.ms(period.start), grid.ms(period.stop), pieces)
        found["recording"] = {"mode": sink.mode, "files": sink.files}
        on_root(comm, lambda: str(summary.write(path, found)))
    finally:
        if comm.rank == 0:
            release(path)
    return path


def summarize(simulation: Simulated, title: str) -> dict:
    """The summary of what was recorded so far (collective)."""
    grid, period, network = simulation.network.grid, simulation.period, simulation.network
    seconds = grid.ms(period.steps) / 1e3
    counts = simulation.engine.counts_of_all(period.counts)
    found = facts(simulation, title, grid.ms(period.start), grid.ms(period.stop - period.start), seconds, counts)
    found["spikes_sha256"] = simulation.spikes_sha256() if network.spike_recorders else None
    phases = summary.spread(simulation.comm, PHASES, simulation.timer)
    found["timing"] = {"build_s": simulation.build_time, "phases": phases}
    peaks = simulation.comm.allgather(summary.peak_rss())
    found["memory"] = {"peak_rss_bytes_per_rank": peaks, "peak_rss_bytes_total": sum(peaks)}
    found["ledger"] = dataclasses.asdict(simulation.ledger())
    return {**found, "config": describe(simulation), "versions": summary.versions()}


def without_breaks(steps: np.ndarray, block: np.ndarray, interval: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples at every `interval` steps from the first to the last, NaN where none was recorded: a voltage file knows
    no breaks."""
    if steps.size < 2 or np.all(np.diff(steps) == interval):
        return steps, block
    every = np.arange(steps[0], steps[-1] + 1, interval)
    whole = np.full((every.size, block.shape[1]), np.nan)
    whole[(steps - steps[0]) // interval] = block
    return every, whole


def part_sink(network: Network, folder: Path, comm: Comm) -> PartSink:
    """The sink that writes what `network` records into `folder` in parts (collective)."""
    return PartSink(folder, comm, network.grid.dt, lambda place: file_sink(network, place, comm))


def recorded_files(network: Network) -> list[str]:
    """The files of what `network` records."""
    spikes, voltages = bool(recorded_populations(network)), bool(voltage_gids(network).size)
    return [name for name, is_there in ((SPIKES, spikes), (VOLTAGES, voltages)) if is_there]


def file_sink(network: Network, folder: Path, comm: Comm) -> FileSink:
    """The sink that writes what `network` records into `folder` (collective)."""
    gids = voltage_gids(network)
    ids, mine = {}, {}
    for population in network.populations:
        inside = gids[population.holds(gids)]
        if inside.size:
            ids[population.name] = inside - population.first
            mine[population.name] = np.flatnonzero(inside % comm.size == comm.rank)
    interval = network.voltage_recorders[0].interval if network.voltage_recorders else 1
    several = comm if comm.size > 1 else None
    return FileSink(folder, network.grid.dt, several, recorded_populations(network), ids, mine, interval)
