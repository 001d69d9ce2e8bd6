"""Save a simulation's recordings as a run's folder, with the files that the command line writes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from ..description.network import Network
from ..description.reports import Report, reports_of, spike_report
from ..engine.rank_engine import RankEngine
from ..engine.step.loop import PHASES
from ..engine.step.period import Period
from ..engine.step.sinks import MemorySink
from ..parallel import Comm, InputError, on_root
from ..recording.file_sink import FileSink
from ..recording.nodes import NODES, write_nodes
from ..recording.note import write_note
from ..recording.parts import PartSink
from ..recording.report_files import file_of
from ..results import summary
from ..results.folder import PYTHON, claim, release
from .facts import Counted, describe, run_entries
from .places import all_positions
from .recorded import memory_of, sha256_of


def save(engine: RankEngine, period: Period, folder: str | Path, about: dict, overwrite: bool) -> Path:
    """Write what the engine's sink holds, and its summary `about`, into `folder` (collective).

    See `Simulation.save`.
    """
    comm, network, grid = engine.comm, engine.network, engine.network.grid
    engine.flush()
    recorded = {report.name: _recorded(memory_of(engine), report) for report in engine.reports}
    try:
        files = recorded_files(network)
        path = on_root(comm, lambda: claim(str(folder), about["network"], overwrite, words=PYTHON, reports=files))
    except InputError as error:
        raise ValueError(str(error)) from None
    try:
        noted = {**about, "recording": {"files": files}}
        on_root(comm, lambda: write_note(path, noted))
        on_root(comm, lambda: write_positions(network, engine.seed, path))
        sink = file_sink(network, path, comm)
        for name, (steps, values) in recorded.items():
            sink.take(name, steps, values)
        pieces = [(grid.ms(start), grid.ms(stop)) for start, stop in period.pieces]
        sink.close(grid.ms(period.start), grid.ms(period.stop), pieces)
        found = {**about, "recording": {"mode": sink.mode, "files": sink.files}}
        on_root(comm, lambda: str(summary.write(path, found)))
    finally:
        if comm.rank == 0:
            release(path)
    return path


def summarize(engine: RankEngine, period: Period, title: str, build_time: float) -> dict:
    """Return the summary of a simulation that recorded in `period` and was built in `build_time` s (collective)."""
    comm, grid, counts = engine.comm, engine.network.grid, engine.counts_of_all(period.counts)
    duration = grid.ms(period.stop - period.start)
    counted = Counted(period, grid.ms(period.start), duration, grid.ms(period.steps) / 1e3, counts)
    found = run_entries(engine, title, counted)
    found["spikes_sha256"] = sha256_of(engine) if spike_report(engine.reports) else None
    found["timing"] = {"build_s": build_time, "phases": summary.spread(comm, PHASES, engine.clock.timer)}
    peaks = comm.allgather(summary.peak_rss())
    found["memory"] = {"peak_rss_bytes_per_rank": peaks, "peak_rss_bytes_total": sum(peaks)}
    found["ledger"] = dataclasses.asdict(engine.ledger())
    return {**found, "config": describe(engine.network, engine.settings), "versions": summary.versions()}


def _recorded(sink: MemorySink, report: Report) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and values of a report as its file holds them."""
    steps, values = sink.recorded(report.name)
    return (steps, values) if report.is_spikes else without_breaks(steps, values, report.interval)


def without_breaks(steps: np.ndarray, block: np.ndarray, interval: int) -> tuple[np.ndarray, np.ndarray]:
    """Return samples at every `interval` steps from the first to the last, NaN where none was recorded, since a report
    file has no breaks."""
    if steps.size < 2 or np.all(np.diff(steps) == interval):
        return steps, block
    every = np.arange(steps[0], steps[-1] + 1, interval)
    whole = np.full((every.size, block.shape[1]), np.nan)
    whole[(steps - steps[0]) // interval] = block
    return every, whole


def write_positions(network: Network, seed: int, folder: Path) -> None:
    """Write the positions of neurons, if some have positions, into `folder`, in a file of SONATA nodes."""
    placed = all_positions(network, seed)
    if placed:
        write_nodes(folder / NODES, placed)


def part_sink(network: Network, folder: Path, comm: Comm) -> PartSink:
    """Return the sink that writes the recordings of `network` into `folder`, part by part (collective)."""
    return PartSink(folder, comm, network.grid.dt, lambda place: file_sink(network, place, comm))


def recorded_files(network: Network) -> list[str]:
    """Return the names of the files that the recordings of `network` get."""
    return [file_of(report.name) for report in reports_of(network)]


def file_sink(network: Network, folder: Path, comm: Comm) -> FileSink:
    """Return the sink that writes the recordings of `network` into `folder` (collective)."""
    return FileSink(folder, network.grid.dt, comm if comm.size > 1 else None, reports_of(network))
