"""A run from description to files: build, warm up, simulate, check, write down."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..description.network import Network
from ..engine.ledger import Ledger
from ..engine.step import loop
from ..networks.parameters import changed, changed_in_words
from ..parallel import on_root
from ..recording.file_sink import SPIKES
from ..recording.note import has_note, write_note
from ..recording.spike_hash import spikes_sha256
from ..results import summary
from ..results.folder import release
from ..simulation.checkpoints import Checkpoint
from ..simulation.facts import facts, population_facts
from ..simulation.guard import GuardError
from ..simulation.saving import recorded_files
from ..simulation.simulation import Simulation
from . import pictures, profiling, report
from .course import Course
from .signals import Signals
from .watch import Keeping


@dataclass(frozen=True)
class Options:
    """How a network is run. t_presim, t_sim, dt: ms; t_presim is not recorded. recording: the options of what is
    recorded, for the summary. plots: write figures at the end. figures: what they show, for the summary. profile: tell
    what each rank did. panel: of the network's figure, or None. max_rate: spikes/s a neuron of a population above which
    the run stops (0: none)."""

    t_presim: float
    t_sim: float
    dt: float
    seed: int
    recording: dict = field(default_factory=dict)
    plots: bool = True
    figures: dict = field(default_factory=dict)
    profile: bool = False
    panel: str | None = None
    max_rate: float = 0.0


@dataclass(frozen=True)
class Care:
    """What a long run needs. keeping: when checkpoints are written. config: what the run was asked to do, kept in them.
    signals: what the process is sent. origin: the checkpoint to go on from, or None."""

    keeping: Keeping = field(default_factory=Keeping)
    config: dict[str, Any] = field(default_factory=dict)
    signals: Signals = field(default_factory=Signals)
    origin: Checkpoint | None = None


def run(
    model,
    parameters,
    network: Network,
    options: Options,
    folder: Path,
    comm,
    startup: float | None = None,
    care: Care | None = None,
) -> dict | None:
    """Run `network`, described by `model` from `parameters`, into `folder`; the summary, or None if the run was stopped
    before its end, to be resumed (collective).

    A run that the guard ends has all files of one that was to last no longer, and `stopped` in its summary.
    `startup` is the time (s) before the run, by default that since the process was started.
    """
    say = print if comm.rank == 0 else (lambda *args, **kwargs: None)
    say(report.network_text(model.SUMMARY, network, comm.size, options.seed), flush=True)
    startup = summary.startup_seconds() if startup is None else startup
    # A resumed run has the note of the earlier one already.
    on_root(comm, lambda: has_note(folder) or write_note(folder, _known_facts(model, parameters, options, network)))
    course = begin(network, options, folder, comm, startup, care or Care())
    simulation = course.simulation
    say(f"  built     in {simulation.build_time:.1f} s (started in {startup:.1f} s)", flush=True)
    say(f"  goes on   at {simulation.time:g} ms\n" if course.started_at else "", flush=True)

    presim, _ = course.warm_up()
    stood = profiling.counters(simulation)
    sim, simulated = course.simulate()
    if course.is_stopped:
        course.stop()
        say(f"\nstopped at {simulation.time:g} ms: {course.watch.why}; to go on, on any number of ranks:")
        say(f"python -m distsim resume {folder}", flush=True)
        return None
    done = as_far_as(course, model, parameters, options)
    walls = {"startup_s": startup, "build_s": simulation.build_time, "presim_s": presim, "sim_s": sim}
    measured = measure(course, stood, walls, simulated, options.profile)
    entries = _facts(model, parameters, options, done, simulation, measured.counts)
    on_root(comm, lambda: write_note(folder, {**entries, "recording": {"files": recorded_files(network)}}))
    course.conclude()
    peaks = comm.gather(summary.peak_rss())

    def finish() -> dict:
        result = _summary(entries, course, measured, peaks)
        summary.write(folder, result)
        release(folder)
        _show(result)
        if hasattr(model, "report"):
            print(f"\n{model.report(parameters, result)}")
        files = result["recording"]["files"]
        plots = pictures.draw_all(folder) if options.plots and files and done.t_sim else []
        print(f"\nfiles in {folder}: {', '.join([*files, 'summary.json', *plots])}", flush=True)
        if course.finding:
            print(f"distsim: {GuardError(course.finding)}", file=sys.stderr, flush=True)
        return result

    return on_root(comm, finish)


class Measured(NamedTuple):
    """What a run took, and what it came to.

    Attributes
    ----------
    timing : as in the summary. profile : likewise, None unless asked for.
    counts : int64 by gid, spikes in the recorded period.
    """

    timing: dict[str, Any]
    profile: dict | None
    counts: np.ndarray
    ledger: Ledger


def measure(
    course: Course, stood: profiling.Counters, walls: dict[str, float], simulated: float, profile: bool
) -> Measured:
    """What all ranks did since `stood`, and that nothing was lost (collective).

    Parameters
    ----------
    stood : of the end of the warm-up. walls : wall times of the parts of the run (s), by name.
    simulated : model time that was recorded by this process (ms). profile : whether to tell what each rank did.
    """
    simulation, comm = course.simulation, course.comm
    phases = summary.spread(comm, loop.PHASES, simulation.timer - stood.timer)
    found = profiling.collect(simulation, stood) if profile else None
    counts = simulation.counts_of_all(simulation.period.counts)
    factor = walls["sim_s"] / (simulated / 1e3) if simulated else None
    timing = {**walls, "real_time_factor": factor, "phases": phases}
    if course.started_at:
        timing["resumed_at_ms"] = course.network.grid.ms(course.started_at)
    return Measured(timing, found, counts, simulation.ledger())


def begin(network: Network, options: Options, folder: Path, comm, startup: float, care: Care) -> Course:
    """Build the network, and bring it into the state of the checkpoint to go on from (collective)."""
    steps = network.grid.steps
    n_presim = steps(options.t_presim, "t_presim")
    n_steps = n_presim + steps(options.t_sim, "t_sim")
    how = (care.config, care.keeping, care.signals, startup, options.max_rate, care.origin)
    return Course(network, options.seed, folder, n_presim, n_steps, comm, *how)


def as_far_as(course: Course, model, parameters, options: Options) -> Options:
    """The options of a run that was to last as long as this one did: shorter where the guard ended it."""
    if course.finding is None:
        return options
    t_sim = course.network.grid.ms(max(0, course.simulation.step - course.n_presim))
    figures = pictures.describe(model, parameters, options.t_presim, t_sim, options.panel, course.comm)
    return dataclasses.replace(options, t_sim=t_sim, figures=figures)


def _summary(entries: dict, course: Course, measured: Measured, peaks) -> dict:
    """Return the summary of a run whose recordings are complete.

    `entries` are those of `_facts`, `peaks` the memory that the ranks took (bytes).
    """
    result, sink = dict(entries), course.sink
    has_spikes = SPIKES in sink.files
    result["spikes_sha256"] = spikes_sha256(course.place / SPIKES, course.network.grid.dt) if has_spikes else None
    result["timing"] = measured.timing
    result["memory"] = {"peak_rss_bytes_per_rank": peaks, "peak_rss_bytes_total": sum(peaks)}
    result["recording"] = {"mode": sink.mode, "files": sink.files}
    result["ledger"] = dataclasses.asdict(measured.ledger)
    result["versions"] = summary.versions()
    if course.finding:
        result["stopped"] = course.finding._asdict()
    if measured.profile:
        result["profile"] = measured.profile
    return result


def _facts(model, parameters, options: Options, done: Options, simulation: Simulation, counts: np.ndarray) -> dict:
    """The keys of the summary that say what was run and how often neurons fired; `done` is what came of `options`."""
    found = facts(simulation, model.NAME, done.t_presim, done.t_sim, done.t_sim / 1e3, counts)
    return {**found, "figures": done.figures, **_named_facts(model, parameters, options, found["populations"])}


def _known_facts(model, parameters, options: Options, network: Network) -> dict:
    """Return what is known before the run begins, for `distsim.load` to read its recordings while it is under way."""
    populations = population_facts(network, 0.0, np.zeros(network.n, np.int64))
    for population in populations.values():
        del population["rate_hz"], population["n_spikes"]
    found = {"network": model.NAME, "seed": options.seed, "dt_ms": network.grid.dt_ms, "t_presim_ms": options.t_presim}
    found |= {"figures": options.figures, "recording": {"files": recorded_files(network)}}
    return {**found, **_named_facts(model, parameters, options, populations)}


def _named_facts(model, parameters, options: Options, populations: dict[str, dict]) -> dict:
    """Return the populations with their colours and reference rates, and the parameters."""
    references = model.reference_rates(parameters) if hasattr(model, "reference_rates") else {}
    for name, population in populations.items():
        population["color"] = model.COLORS[name]
        if name in references:
            population["reference_rate_hz"] = references[name]
    config = {**dataclasses.asdict(options), **dataclasses.asdict(parameters)}
    del config["profile"]  # it changes nothing that is simulated
    del config["figures"]
    words = changed_in_words(parameters)
    return {"populations": populations, "changed": changed(parameters), "changed_in_words": words, "config": config}


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
