"""A run from description to files: build, warm up, simulate, check, write down."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import profiling, report, summary
from .engine import loop
from .engine.facts import facts
from .engine.simulation import Simulation
from .folder import release
from .network import Network
from .parallel import on_root
from .progress import NoProgress, Progress
from .recording.spike_hash import spikes_sha256
from .saving import file_sink


@dataclass(frozen=True)
class Options:
    """How a network is run. t_presim, t_sim, dt: ms; t_presim is not recorded. recording: the options of what is
    recorded, for the summary. plots: write figures at the end. figures: what they show, for the summary. profile: tell
    what each rank did."""

    t_presim: float
    t_sim: float
    dt: float
    seed: int
    recording: dict = field(default_factory=dict)
    plots: bool = True
    figures: dict = field(default_factory=dict)
    profile: bool = False


def run(
    model, parameters, network: Network, options: Options, folder: Path, comm, startup: float | None = None
) -> dict:
    """Run `network`, described by `model` from `parameters`, into `folder`; the summary (collective).

    `startup` is the time (s) before the run, by default that since the process was started.
    """
    say = print if comm.rank == 0 else (lambda *args, **kwargs: None)
    say(report.network_text(model.SUMMARY, network, comm.size, options.seed), flush=True)
    startup = summary.startup_seconds() if startup is None else startup
    sink = file_sink(network, folder, comm)
    simulation = Simulation(network, options.seed, comm, sink)
    say(f"  built     in {simulation.build_time:.1f} s (started in {startup:.1f} s)\n", flush=True)

    presim = _advance(simulation, "warm-up ", options.t_presim, False)
    before, stood = simulation.spike_counts(), profiling.counters(simulation)
    sim = _advance(simulation, "simulate", options.t_sim, True)
    phases = summary.spread(comm, loop.PHASES, simulation.timer - stood.timer)
    profile = profiling.collect(simulation, stood) if options.profile else None
    counts = simulation.spike_counts() - before
    ledger = simulation.ledger()
    t_start = network.grid.ms(network.grid.steps(options.t_presim, "t_presim"))
    sink.close(t_start, simulation.time)
    peaks = comm.gather(summary.peak_rss())

    def finish() -> dict:
        result = _facts(model, parameters, options, simulation, counts)
        result["spikes_sha256"] = spikes_sha256(folder / "spikes.h5", network.grid.dt) if sink.spike_file else None
        timing = {"startup_s": startup, "build_s": simulation.build_time, "presim_s": presim, "sim_s": sim}
        factor = sim / (options.t_sim / 1e3) if options.t_sim else None
        result["timing"] = {**timing, "real_time_factor": factor, "phases": phases}
        result["memory"] = {"peak_rss_bytes_per_rank": peaks, "peak_rss_bytes_total": sum(peaks)}
        result["recording"] = {"mode": sink.mode, "files": sink.files}
        result["ledger"] = dataclasses.asdict(ledger)
        result["versions"] = summary.versions()
        if profile:
            result["profile"] = profile
        summary.write(folder, result)
        _show(result, ledger)
        if hasattr(model, "report"):
            print(f"\n{model.report(parameters, result)}")
        plots = _draw(folder) if options.plots and sink.spike_file and options.t_sim else []
        release(folder)
        print(f"\nfiles in {folder}: {', '.join([*sink.files, 'summary.json', *plots])}", flush=True)
        return result

    return on_root(comm, finish)


def _advance(simulation: Simulation, label: str, duration: float, record: bool) -> float:
    """Run `duration` ms with progress; wall time (s), the same on all ranks."""
    comm = simulation.comm
    show = Progress(label, simulation.network.n_neurons) if comm.rank == 0 and duration else NoProgress()
    start = simulation.time
    comm.Barrier()
    begun = time.perf_counter()
    show.start(start, start + duration, int(simulation.clock[loop.SPIKES]))
    simulation.run(duration, record, lambda s: show.show(s.time, int(s.clock[loop.SPIKES])))
    comm.Barrier()
    elapsed = time.perf_counter() - begun
    show.finish()
    return comm.bcast(elapsed)


def _facts(model, parameters, options: Options, simulation: Simulation, counts: np.ndarray) -> dict:
    """The keys of the summary that say what was run and how often neurons fired."""
    found = facts(simulation, model.NAME, options.t_presim, options.t_sim, options.t_sim / 1e3, counts)
    references = model.reference_rates(parameters) if hasattr(model, "reference_rates") else {}
    for name, population in found["populations"].items():
        population["color"] = model.COLORS[name]
        if name in references:
            population["reference_rate_hz"] = references[name]
    config = {**dataclasses.asdict(options), **dataclasses.asdict(parameters)}
    del config["profile"]  # it changes nothing that is simulated
    return {**found, "figures": config.pop("figures"), "config": config}


def _show(result: dict, ledger) -> None:
    timing = result["timing"]
    print()
    print(report.rates_text(result["populations"]))
    print()
    print(report.phases_text(timing["phases"], timing["sim_s"]))
    if timing["real_time_factor"] is not None:
        memory = report.size_text(result["memory"]["peak_rss_bytes_total"])
        ranks = report.ranks_text(result["ranks"])
        print(f"\n  real-time factor {timing['real_time_factor']:.3f}, peak memory {memory} on {ranks}")
    due, delivered, on_the_way = ledger.due, ledger.delivered, ledger.on_their_way
    print(f"  ledger {due:,} synaptic events = {delivered:,} delivered + {on_the_way:,} on their way")
    if result["spikes_sha256"]:
        print(f"  spikes_sha256 {result['spikes_sha256']}")
    if "profile" in result:
        print(f"\n{profiling.profile_text(result['profile'])}")


def _draw(folder: Path) -> list[str]:
    from .analysis.figures import plot_folder

    return [Path(path).name for path in plot_folder(folder)]
