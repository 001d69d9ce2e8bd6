"""Run a network from description to files: build, warm up, simulate, check, write."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..engine.ledger import Ledger
from ..engine.step import loop
from ..networks.parameters import changed, changed_in_words
from ..parallel import on_root
from ..recording.note import has_note, write_note
from ..recording.report_files import SPIKES
from ..recording.spike_hash import spikes_sha256
from ..results import summary
from ..results.folder import release
from ..simulation.checkpoints import Checkpoint
from ..simulation.facts import Counted, population_entries, run_entries
from ..simulation.guard import GuardError
from ..simulation.saving import recorded_files, write_positions
from ..simulation.simulation import Simulation
from . import pictures, profiling, report
from .controlled_run import ControlledRun
from .housekeeping import Limits
from .prepared import PreparedRun
from .request_file import write_config
from .signals import Signals


def run(
    prepared: PreparedRun,
    folder: Path,
    comm: Any,
    signals: Signals | None = None,
    *,
    startup: float | None = None,
    max_wall: float | None = None,
    origin: Checkpoint | None = None,
) -> dict | None:
    """Run a network; write its files into `folder`, which is claimed (collective).

    Parameters
    ----------
    prepared : PreparedRun
        What to run.
    folder : Path
        Where the files go.
    comm : communicator
        The ranks.
    signals : Signals, optional
        Signals sent to the process.
    startup : float, optional
        Wall time before the run (s); by default since the process was started.
    max_wall : float, optional
        Wall time (s since the process was started) after which the run stops.
    origin : Checkpoint, optional
        The checkpoint to resume from.

    Returns
    -------
    dict or None
        The summary; None if the run stopped early and can be resumed. A run that the guard ends leaves the files of one
        that was meant to be as short, and `stopped` in its summary.
    """
    say = print if comm.rank == 0 else (lambda *args, **kwargs: None)
    request, network = prepared.request, prepared.network
    say(report.network_text(prepared.model.summary, network, comm.size, (request.seed, request.noise)), flush=True)
    startup = summary.startup_seconds() if startup is None else startup
    # A resumed run has the note of the earlier one already.
    on_root(comm, lambda: has_note(folder) or write_note(folder, _early_entries(prepared)))
    limits = Limits(prepared.checkpoint_steps, request.checkpoints.wall, max_wall, startup)
    controlled = ControlledRun(prepared, folder, comm, limits, signals or Signals(), origin)
    on_root(comm, lambda: write_config(folder, request, prepared.model))
    on_root(comm, lambda: write_positions(network, request.seed, folder))
    simulation = controlled.simulation
    say(f"  built     in {simulation.build_time:.1f} s (started in {startup:.1f} s)", flush=True)
    say(f"  resumed   at {simulation.time:g} ms\n" if controlled.started_at else "", flush=True)

    presim, _ = controlled.warm_up()
    before = profiling.counters(simulation.engine)
    sim, simulated = controlled.simulate()
    if controlled.is_stopped:
        controlled.stop()
        say(f"\nstopped at {simulation.time:g} ms: {controlled.housekeeping.why}; to resume, on any number of ranks:")
        say(f"python -m distsim resume {folder}", flush=True)
        return None
    done = completed(controlled)
    walls = {"startup_s": startup, "build_s": simulation.build_time, "presim_s": presim, "sim_s": sim}
    measured = measure(controlled, before, walls, simulated, request.profile)
    entries = _entries(prepared, done, simulation, measured.counts)
    on_root(comm, lambda: write_note(folder, {**entries, "recording": {"files": recorded_files(network)}}))
    controlled.conclude()
    peaks = comm.gather(summary.peak_rss())

    def finish() -> dict:
        result = _summary(entries, controlled, measured, peaks)
        summary.write(folder, result)
        release(folder)
        _show(result)
        if said := prepared.model.report(prepared.parameters, result):
            print(f"\n{said}")
        files = result["recording"]["files"]
        plots = pictures.draw_all(folder) if request.plots and files and done.request.t_sim else []
        print(f"\nfiles in {folder}: {', '.join([*files, 'summary.json', *plots])}", flush=True)
        if controlled.finding:
            print(f"distsim: {GuardError(controlled.finding)}", file=sys.stderr, flush=True)
        return result

    return on_root(comm, finish)


class Measured(NamedTuple):
    """Times, counts and balance of a run.

    Attributes
    ----------
    timing : as in the summary.
    profile : as in the summary; None unless asked for.
    counts : int64 by gid, spikes in the recorded period.
    """

    timing: dict[str, Any]
    profile: dict | None
    counts: np.ndarray
    ledger: Ledger


def measure(
    controlled: ControlledRun, before: profiling.Counters, walls: dict[str, float], simulated: float, profile: bool
) -> Measured:
    """Measure the work of all ranks since `before`, and check that no event was lost (collective).

    Parameters
    ----------
    before : counters at the end of the warm-up.
    walls : wall times of the parts of the run (s), by name.
    simulated : model time that this process recorded (ms).
    profile : whether to report on each rank.
    """
    simulation, comm = controlled.simulation, controlled.comm
    phases = summary.spread(comm, loop.PHASES, simulation.timer - before.timer)
    found = profiling.collect(simulation.engine, before) if profile else None
    counts = simulation.counts_of_all(simulation.period.counts)
    factor = walls["sim_s"] / (simulated / 1e3) if simulated else None
    timing = {**walls, "real_time_factor": factor, "phases": phases}
    if controlled.started_at:
        timing["resumed_at_ms"] = controlled.network.grid.ms(controlled.started_at)
    return Measured(timing, found, counts, simulation.ledger())


def completed(controlled: ControlledRun) -> PreparedRun:
    """Return the run as if it had been asked to last as long as it did: shorter where the guard ended it."""
    prepared = controlled.prepared
    if controlled.finding is None:
        return prepared
    return prepared.shortened(
        controlled.network.grid.ms(max(0, controlled.simulation.step - controlled.n_presim)), controlled.comm
    )


def _summary(entries: dict, controlled: ControlledRun, measured: Measured, peaks: list[int]) -> dict:
    """Return the summary of a run whose recordings are complete.

    `entries` come from `_entries`; `peaks` is the peak memory of each rank (bytes).
    """
    result, sink = dict(entries), controlled.sink
    has_spikes = SPIKES in sink.files
    result["spikes_sha256"] = (
        spikes_sha256(controlled.place / SPIKES, controlled.network.grid.dt) if has_spikes else None
    )
    result["timing"] = measured.timing
    result["memory"] = {"peak_rss_bytes_per_rank": peaks, "peak_rss_bytes_total": sum(peaks)}
    result["recording"] = {"mode": sink.mode, "files": sink.files}
    result["ledger"] = dataclasses.asdict(measured.ledger)
    result["versions"] = summary.versions()
    if controlled.finding:
        result["stopped"] = controlled.finding._asdict()
    if measured.profile:
        result["profile"] = measured.profile
    return result


def _entries(prepared: PreparedRun, done: PreparedRun, simulation: Simulation, counts: np.ndarray) -> dict:
    """Return the summary's entries on the network and its rates; `done` is `prepared`, as far as it came."""
    t_presim, t_sim = done.request.t_presim, done.request.t_sim
    counted = Counted(simulation.period, t_presim, t_sim, t_sim / 1e3, counts)
    found = run_entries(simulation.engine, prepared.request.network, counted)
    return {**found, "figures": done.figures, **_model_entries(prepared, found["populations"])}


def _early_entries(prepared: PreparedRun) -> dict:
    """Return the entries known before the run begins, with which `distsim.load` reads its recordings meanwhile."""
    request, network = prepared.request, prepared.network
    populations = population_entries(network, 0.0, np.zeros(network.n, np.int64))
    for population in populations.values():
        del population["rate_hz"], population["n_spikes"]
    found = {"network": request.network, "seed": request.seed, "noise_seed": request.noise, "dt_ms": network.grid.dt_ms}
    found |= {"t_presim_ms": request.t_presim, "figures": prepared.figures}
    found |= {"recording": {"files": recorded_files(network)}}
    return {**found, **_model_entries(prepared, populations)}


def _model_entries(prepared: PreparedRun, populations: dict[str, dict]) -> dict:
    """Return the populations with colours and reference rates, and the request."""
    model, references = prepared.model, prepared.model.reference_rates(prepared.parameters)
    for name, population in populations.items():
        if name in model.colors:
            population["color"] = model.colors[name]
        if name in references:
            population["reference_rate_hz"] = references[name]
    config = prepared.request.to_json()
    parameters = config.pop("parameters")
    del config["profile"], config["checkpoints"]  # they change nothing that is simulated
    found = {"changed": changed(prepared.parameters), "changed_in_words": changed_in_words(prepared.parameters)}
    return {"populations": populations, **found, "config": {**config, **parameters}}


def _show(result: dict) -> None:
    timing, ledger = result["timing"], result["ledger"]
    if result["t_sim_ms"]:
        print()
        print(report.rates_text(result["populations"]))
        print()
        print(report.phases_text(timing["phases"], timing["sim_s"]))
    if timing["real_time_factor"] is not None:
        memory = report.size_text(result["memory"]["peak_rss_bytes_total"])
        ranks = report.ranks_text(result["ranks"])
        print(f"\n  real-time factor {timing['real_time_factor']:.3f}, peak memory {memory} on {ranks}")
    due, delivered, on_the_way = ledger["due"], ledger["delivered"], ledger["on_their_way"]
    print(f"  ledger {due:,} synaptic events = {delivered:,} delivered + {on_the_way:,} on their way")
    if result["spikes_sha256"]:
        print(f"  spikes_sha256 {result['spikes_sha256']}")
    if "profile" in result:
        print(f"\n{profiling.profile_text(result['profile'])}")
