"""The engine of one rank: its arrays, and the compiled loop that advances them.

    plan = plan_table(network, comm.size)
    sink = MemorySink(reports_of(network), Decomposition(network.n, comm.size, comm.rank))
    engine = RankEngine(plan, seed, comm, Loops(), sink)
    engine.advance(1000, record=True)

All ranks make the same calls in the same order. Guards, checks of changes, files and results belong to `simulation`.
"""

from __future__ import annotations

import time

import numpy as np

from ..description.reports import Report, reports_of
from ..description.values import check_together
from ..parallel import Comm, SerialCommunicator, check_running
from .check import with_memory
from .compiled.huge_pages import together
from .compiled.intrinsics import CLOCK_GETTIME
from .connectivity.build import connect
from .connectivity.read_edges import Lists, read_lists
from .connectivity.table_plan import TablePlan
from .ledger import Ledger, balance, n_local_synapses
from .lists_in_space import draw_together
from .memory import estimate_of
from .model_loops import Loops, choose_loops, loops_of
from .random.streams import key
from .settings import Settings, described_settings
from .step import buffers, loop
from .step.decomposition import Decomposition
from .step.delivery import Synapses, make_scratch
from .step.dense import Dense
from .step.poisson import PoissonInputs
from .step.poisson_plan import plan_poisson
from .step.population_state import (
    Neurons,
    find_shared_currents,
    plan_neurons,
    sum_currents,
    too_many_spikes,
    with_parameters,
)
from .step.sinks import Sink
from .step.stimulation import plan_currents, plan_spikes, resume
from .step.waves import plan_waves


class RankEngine:
    """A rank's neurons, the synapses onto them, and their recordings, at time 0.

    Parameters
    ----------
    plan : TablePlan
        The network and the layout of its synapse table.
    seed : int
        Fixes connections and initial values.
    comm : communicator
        The ranks, as many as `plan` is for.
    loops : Loops
        The models' compiled loops.
    sink : Sink
        Takes the recordings.
    lists : Lists, optional
        Edges of files onto this rank's neurons; by default this rank reads them on its own.
    noise_seed : int, optional
        Fixes everything that is drawn during a run; by default `seed` does.

    Attributes
    ----------
    deal : Decomposition
        Which neurons live on this rank.
    described, settings : Settings
        Parameters and inputs at time 0 and at present; `apply` changes them.
    neurons, synapses, dense, poisson, currents, waves, trains, history, exchange, recording
        The arrays, see `loop.Rank`.
    clock : Clock
        Steps, events and spikes so far; seconds by phase.
    reports : tuple of Report
        What the network asks to be recorded.
    min_delay, interval : int
        Shortest delay and steps between two exchanges.
    n_synapses : int
        Synapses of all ranks.
    failure : str
        Why an interval was left half-way, the same on all ranks; "" if none was.

    Raises
    ------
    MemoryError
        On all ranks, if there is too little memory on one.
    ValueError
        Drawn parameters of a neuron do not go together.
    """

    neurons: Neurons
    synapses: Synapses
    dense: Dense
    poisson: PoissonInputs
    n_synapses: int

    def __init__(
        self,
        plan: TablePlan,
        seed: int,
        comm: Comm,
        loops: Loops,
        sink: Sink,
        lists: Lists | None = None,
        noise_seed: int | None = None,
    ) -> None:
        self.plan, self.network, self.seed, self._comm = plan, plan.network, seed, comm
        self._described_plan = plan
        self.loops, self.sink = loops, sink
        self.reports = reports_of(self.network)
        self.deal = Decomposition(self.network.n, comm.size, comm.rank)
        self.described = self.settings = described_settings(self.network, seed)
        for population, values in zip(self.network.populations, self.settings.parameters, strict=True):
            check_together(population.name, population.model, values, self.network.grid.dt_ms)
        self._connect(lists)
        self._start(seed if noise_seed is None else noise_seed)
        self.n_synapses = self.comm.allreduce(int(n_local_synapses(self.synapses, self.dense)))

    def _start(self, noise_seed: int) -> None:
        """Make all that a run changes, but for synapses and neurons, as it is at time 0."""
        self.noise_seed, self.failure = noise_seed, ""
        self._plan_poisson()
        self._plan_given()
        self._plan_buffers()
        self.scratch = make_scratch(self.synapses)
        self.clock = loop.Clock(np.zeros(5, np.int64), np.zeros(len(loop.PHASES)), np.zeros(2, np.int64))

    # --- building -----------------------------------------------------------------------------------------------------

    def _connect(self, lists: Lists | None) -> None:
        """Build synapses and neurons, which take most of the memory (collective)."""

        def build() -> None:
            self.synapses, self.dense = connect(self.plan, self.seed, self.deal, {**given, **drawn})
            parameters = self.settings.parameters
            self.neurons = plan_neurons(self.network, parameters, self.seed, self.deal, self.plan.layout)
            self._use_huge_pages()

        given = read_lists(self.network, SerialCommunicator(), self.deal) if lists is None else lists
        try:
            drawn = draw_together(self.network, self.seed, self.comm, self.deal)
            with_memory(self.comm, build)
        except MemoryError as error:
            size = self.comm.size
            each = f" on each of {size} ranks" if size > 1 else ""
            needed = f"{estimate_of(self.plan) / 1e9:.2f} GB{each}"
            raise MemoryError(f"the network needs about {needed}: {error}") from None

    def _use_huge_pages(self) -> None:
        """Move the neurons' state and the rows, which every step walks through, to huge pages."""
        neurons, synapses = self.neurons, self.synapses
        arrays = (neurons.state, neurons.refractory, synapses.row_fixed, synapses.row)
        state, refractory, row_fixed, row = together(arrays)
        self.neurons = neurons._replace(state=state, refractory=refractory)
        self.synapses = synapses._replace(row_fixed=row_fixed, row=row)

    def _plan_poisson(self) -> None:
        """Make the tables of Poisson input, and choose loops that take it."""
        settings, blocks = self.settings, self.neurons.blocks
        poisson = plan_poisson(settings.stimuli, self.network, self.deal, self.plan.receptors, blocks)
        choose_loops(self.neurons, self.plan, settings.parameters, settings.inputs, self.loops)
        self.poisson = poisson._replace(narrow=together([poisson.narrow])[0])

    def _plan_given(self) -> None:
        """Make the arrays of input that is given in time, and of time-varying currents, as at time 0."""
        settings = self.settings
        self.currents = plan_currents(self.network, self.deal, settings.step_currents)
        self.waves = plan_waves(settings.waves, self.network, self.deal, self.neurons)
        self.trains = plan_spikes(self.network, self.deal, settings.trains)

    def resume_given(self, settings: Settings, step: int) -> None:
        """Replace the settings, of which only given input differs, after `step` steps."""
        self.settings = settings
        self._plan_given()
        resume(self.currents, self.trains, step)
        self.neurons.waves[:] = 0.0  # until the next step, in which all that are on act
        sum_currents(self.neurons, np.arange(self.deal.n_local))
        find_shared_currents(self.neurons)

    def _plan_buffers(self) -> None:
        network, deal = self.network, self.deal
        self.min_delay = buffers.shortest_delay(self.plan.delays)
        self.interval = interval = buffers.steps_of_interval(network, self.min_delay)
        self.exchange = buffers.plan_intervals(network, deal, self.comm, interval)
        self.history = buffers.plan_history(network, self.plan.longest_delay or self.min_delay, interval)
        self.recording = buffers.plan_recording(network, self.reports, deal, self.neurons, interval)
        most_spikes = buffers.most_spikes(network)
        self.constants = loop.Constants(
            deal.rank, deal.size, interval, most_spikes, *key(self.noise_seed), CLOCK_GETTIME
        )

    # --- running ------------------------------------------------------------------------------------------------------

    @property
    def comm(self) -> Comm:
        """Return the ranks; RuntimeError if MPI is not initialised, or already finalised."""
        check_running(self._comm)
        return self._comm

    @property
    def step(self) -> int:
        """Return the steps simulated so far."""
        return int(self.clock.counts[loop.STEP])

    @property
    def n_spikes(self) -> int:
        """Return the spikes of all ranks so far."""
        return int(self.clock.counts[loop.SPIKES])

    @property
    def n_events(self) -> int:
        """Return the synaptic events delivered on this rank so far."""
        return int(self.clock.counts[loop.EVENTS])

    @property
    def connections(self) -> loop.Connections:
        """Return the connections onto this rank's neurons."""
        return loop.Connections(self.synapses, self.dense, self.history, self.scratch)

    @property
    def _rank(self) -> loop.Rank:
        inputs = loop.Inputs(self.poisson, self.currents, self.waves, self.trains)
        return loop.Rank(
            self.constants, self.clock, self.connections, self.neurons, inputs, self.exchange, self.recording
        )

    def advance(self, n_steps: int, record: bool) -> None:
        """Advance by `n_steps` steps; recordings go to the sink when buffers are full (collective).

        Raises
        ------
        RuntimeError
            MPI reported an error, or a neuron emitted more spikes in a step than its model may. On all ranks.
        """
        self.check_whole()
        stop = self.step + n_steps
        while self.step < stop:
            next_switch = buffers.switch(self.recording.samples, self.reports, self.step, record)
            self._advance_to(min(stop, next_switch), record)

    def check_whole(self) -> None:
        """Check that no interval was left half-way; RuntimeError on all ranks if one was."""
        if self.failure:
            raise RuntimeError(self.failure)

    def _advance_to(self, stop: int, record: bool) -> None:
        while (why := loop.advance(stop, record, self._rank)) != loop.DONE:
            if why == loop.GROW_HISTORY:
                self.history = buffers.grown(self.history, int(self.clock.counts[loop.HEAD]))
            elif why == loop.FLUSH:
                self.flush()
            elif why == loop.TOO_MANY_SPIKES:
                self.failure = too_many_spikes(self.comm, self.network, self.deal, self.neurons)
                self.check_whole()
            else:
                raise RuntimeError("MPI reported an error during the exchange of spikes")

    def flush(self) -> None:
        """Pass the buffered recordings to the sink (collective for a sink that writes files).

        After an exception the next call may pass the same data again, followed by newer ones: see `sinks`.
        """
        started = time.perf_counter()
        buffers.flush(self.recording, self.clock.counts, self.reports, self.sink, self._offsets)
        self.clock.timer[loop.RECORD] += time.perf_counter() - started

    def _offsets(self, report: Report) -> np.ndarray:
        """Return what to add to the sampled states of this rank's neurons."""
        return buffers.sample_offsets(self.network, report, self.deal, self.settings.parameters)

    # --- settings -----------------------------------------------------------------------------------------------------

    def apply(self, settings: Settings) -> None:
        """Replace the settings (collective)."""
        self.loops.fill_cache(self.comm, loops_of(self.plan, settings.parameters, settings.inputs))
        self.settings = settings
        self.neurons = with_parameters(self.neurons, self.network, settings.parameters, self.deal)
        self._plan_poisson()

    def draw_noise_from(self, noise_seed: int) -> None:
        """Draw by `noise_seed` from now on."""
        self.noise_seed = noise_seed
        k0, k1 = key(noise_seed)
        self.constants = self.constants._replace(k0=k0, k1=k1)

    def reset(self, sink: Sink, noise_seed: int, lists: Lists | None = None) -> None:
        """Go back to time 0 and to what was described (collective).

        Synapses stay as they are, unless weights were changed: then they are built again.

        Parameters
        ----------
        sink : Sink
            Takes the recordings from now on.
        noise_seed : int
            Fixes what is drawn during the next run.
        lists : Lists, optional
            Edges of files, where synapses are built again.
        """
        self.sink, changed = sink, self.settings.weights
        self.plan, self.settings = self._described_plan, self.described
        if changed:
            del self.synapses, self.dense  # or there would be two tables for a moment
            self._connect(lists)
        else:
            self.synapses.row_fixed[:] = 0
            self.synapses.row[:] = 0.0
            parameters = self.settings.parameters
            self.neurons = plan_neurons(self.network, parameters, self.seed, self.deal, self.plan.layout)
            self._use_huge_pages()
        self._start(noise_seed)

    # --- gathered from all ranks --------------------------------------------------------------------------------------

    def ledger(self) -> Ledger:
        """Return the balance of synaptic events since time 0; RuntimeError if one was lost or doubled (collective)."""
        return balance(self.comm, self.connections, self.clock, self.spike_counts())

    def spike_counts(self) -> np.ndarray:
        """Return the spikes of every neuron since time 0, int64 by gid (collective)."""
        return self.counts_of_all(self.neurons.emitted)

    def gather(self, gids: np.ndarray, mine: np.ndarray) -> np.ndarray:
        """Return values of the neurons `gids` (ascending) from those of each rank's own, the last axis of `mine`
        (collective)."""
        table = np.zeros((*mine.shape[:-1], gids.size), mine.dtype)
        for rank, part in enumerate(self.comm.allgather(mine)):
            table[..., gids % self.comm.size == rank] = part
        return table

    def counts_of_all(self, mine: np.ndarray) -> np.ndarray:
        """Return counts by gid from those of each rank's own neurons, int64 (collective)."""
        counts = np.zeros(self.network.n, np.int64)
        counts[self.deal.gid(np.arange(self.deal.n_local))] = mine
        total: np.ndarray = self.comm.allreduce(counts)
        return total
