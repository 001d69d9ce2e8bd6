"""A network on this rank's share of the neurons: built once, run in pieces.

sim = Simulation(network, seed=1)
sim.run(500.0, record=False)
sim.run(1000.0)
times, ids = sim.spikes(exc)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..description.elements import Part, PoissonInput, Value
from ..description.network import Network
from ..description.quantities import number, whole
from ..engine.check import check_network
from ..engine.compiled.huge_pages import together
from ..engine.compiled.intrinsics import CLOCK_GETTIME
from ..engine.connectivity.build import connect
from ..engine.connectivity.synapse_plan import delays_in_use
from ..engine.ledger import Ledger, balance, n_local_synapses
from ..engine.memory import estimate
from ..engine.model_loops import Loops, choose_loops, loops_of
from ..engine.random.streams import key
from ..engine.step import buffers, loop
from ..engine.step.decomposition import Decomposition
from ..engine.step.delivery import make_scratch
from ..engine.step.layout import Layout, plan_layout
from ..engine.step.poisson import plan_poisson
from ..engine.step.population_state import FIRST, LAST, plan_neurons, two_receptors, with_parameters
from ..engine.step.recorders import Period
from ..engine.step.sinks import MemorySink
from ..engine.step.stimulation import plan_currents, plan_spikes
from ..engine.step.update import ROW
from ..parallel import check_running, world
from ..results.result import Result
from . import changes, checkpoints, recorded, warmup
from .agreement import agree, described, with_memory
from .guard import Finding, Guard, GuardError
from .saving import save

CHUNK = 500  # steps between two looks at the clock


class Simulation:
    """`network` dealt to the ranks of `comm`, connected, at time 0.

    Parameters
    ----------
    network : the description; from now on nothing can be added to it.
    seed : whole number from 0 to 2^64 - 1; fixes every random number, whatever the number of ranks.
    comm : an mpi4py communicator; all of MPI's world (or the one process there is) by default.
    warm : whether the kernels are known to be compiled.
    sink : takes recorded spikes and voltages, see `sinks.MemorySink`, which is the default.
    checkpoint : a file of `checkpoint()` to go on from, with the same network and seed, on any number of ranks.

    Attributes
    ----------
    step, time : steps done, model time (ms). n_synapses : of all ranks. build_time : s.
    timer : float64 (5,), this rank's seconds by `loop.PHASES`.
    chunk : steps between two looks at the clock.
    parameters, stimuli, latest : what holds now, by population, and of Poisson input; see `changes`.
    """

    def __init__(
        self,
        network: Network,
        seed: int = 1,
        comm=None,
        sink=None,
        *,
        warm: bool = False,
        checkpoint: str | Path | None = None,
    ) -> None:
        self.network, self.seed = network, check_seed(seed)
        self._comm = world() if comm is None else comm
        agree(self.comm, described(network, self.seed))
        network.is_simulated = True
        self.deal = Decomposition(network.n, self.comm.size, self.comm.rank)
        self.sink = MemorySink(buffers.voltage_lids(network, self.deal).size) if sink is None else sink
        self.loops = Loops()
        if not warm:
            warmup.fill_cache(self)
        check_network(network, self.comm)
        started = time.perf_counter()
        self._build()
        if checkpoint is not None:
            checkpoints.take_up(self, checkpoints.read(checkpoint, self.comm))
            self.period = Period([], np.zeros(self.deal.n_local, np.int64))  # what was recorded before is not here
        self.build_time = time.perf_counter() - started

    @property
    def comm(self):
        """The ranks; RuntimeError where MPI does not run, not yet or no more."""
        check_running(self._comm)
        return self._comm

    def checkpoint(self, path: str | Path) -> None:
        """Write all that the future depends on, for `Simulation(network, seed, checkpoint=path)` (collective).

        Parameters changed by `set` are part of it; what was recorded is not: a simulation that goes on from there
        holds what it records from then on, and so do `result` and `save`.

        Raises
        ------
        OSError : the file cannot be written.
        """
        checkpoints.write(self, path)

    # --- building -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.is_two = two = two_receptors(self.network)
        layout = plan_layout(self.deal.n_local, 2 if two.any() else 1, ROW)
        self._connect(layout)
        self.parameters = [dict(population.parameters) for population in self.network.populations]
        self.stimuli, self.n_changes = list(enumerate(self.network.poisson_inputs)), 0
        self.latest = list(self.network.poisson_inputs)
        self.plan_poisson()
        self.currents, self.trains = plan_currents(self.network, self.deal), plan_spikes(self.network, self.deal)
        delays = delays_in_use(self.network)
        self.min_delay = buffers.shortest_delay(delays)
        self._plan_buffers(int(delays[-1]) if delays.size else self.min_delay)
        self.clock = np.zeros(6, np.int64)
        self.timer = np.zeros(len(loop.PHASES))
        self.scratch, self._spec = make_scratch(self.synapses), np.zeros(2, np.int64)
        self.period, self.chunk = Period([], np.zeros(self.deal.n_local, np.int64)), CHUNK
        self._is_observed = False
        self.guard = Guard(self.network)
        self.n_synapses = self.comm.allreduce(int(n_local_synapses(self.synapses, self.dense)))

    def _connect(self, layout: Layout) -> None:
        """Build synapses and neurons, which take most of the memory; MemoryError on all ranks if it is too little
        (collective)."""

        def build() -> None:
            self.synapses, self.dense = connect(self.network, self.seed, layout, self.deal, self.is_two)
            self.neurons = plan_neurons(self.network, self.seed, self.deal, layout)
            self._lay_together()

        try:
            with_memory(self.comm, build)
        except MemoryError as error:
            size = self.comm.size
            each = f" on each of {size} ranks" if size > 1 else ""
            needed = f"{estimate(self.network, size) / 1e9:.2f} GB{each}"
            raise MemoryError(f"the network needs about {needed}: {error}") from None

    def plan_poisson(self) -> None:
        """Tables of Poisson input for `stimuli`, and loops that take it."""
        blocks = self.neurons.blocks[:, [FIRST, LAST]]
        self.poisson = plan_poisson(self.stimuli, self.network, self.deal, self.is_two, blocks)
        stimuli = [stimulus for _, stimulus in self.stimuli]
        choose_loops(self.neurons, self.network, self.parameters, stimuli, self.loops)
        self.poisson = self.poisson._replace(narrow=together([self.poisson.narrow])[0])

    def _lay_together(self) -> None:
        """The neurons' state and the rows, which every step walks through, on huge pages."""
        neurons, synapses = self.neurons, self.synapses
        arrays = (neurons.state, neurons.refractory, synapses.row_fixed, synapses.row)
        state, refractory, row_fixed, row = together(arrays)
        self.neurons = neurons._replace(state=state, refractory=refractory)
        self.synapses = synapses._replace(row_fixed=row_fixed, row=row)

    def plan_changed(self) -> None:
        """What depends on `parameters` and `stimuli`, which have changed (collective)."""
        stimuli = [stimulus for _, stimulus in self.stimuli]
        self.loops.fill_cache(self.comm, loops_of(self.network, self.parameters, stimuli))
        self.neurons = with_parameters(self.neurons, self.network, self.parameters, self.deal)
        self.plan_poisson()

    def _plan_buffers(self, max_delay: int) -> None:
        network, deal = self.network, self.deal
        self.interval = interval = buffers.steps_of_interval(network, self.min_delay)
        self.exchange = buffers.plan_sent(network, deal, self.comm, interval)
        self.history = buffers.plan_history(network, max_delay, interval)
        self.recording = buffers.plan_recording(network, deal, self.neurons, interval)
        most_spikes = buffers.most_spikes(network)
        self.constants = loop.Constants(deal.rank, deal.size, interval, most_spikes, *key(self.seed), CLOCK_GETTIME)

    # --- running --------------------------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        return int(self.clock[loop.STEP])

    @property
    def time(self) -> float:
        """Model time (ms)."""
        return self.network.grid.ms(self.step)

    @property
    def period(self) -> Period:
        """What was recorded so far; the piece that is being recorded ends at the present step."""
        before, piece = self._recorded
        return before if piece is None else before.and_then(piece[0], self.step, self.neurons.emitted - piece[1])

    @period.setter
    def period(self, period: Period) -> None:
        self._recorded = (period, None)

    def run(
        self,
        duration: float,
        record: bool = True,
        observe: Callable[[Simulation], object] | None = None,
        max_rate: float = 0.0,
    ) -> None:
        """Advance by `duration` (ms, a multiple of dt), and check that no synaptic event was lost (collective).

        After any exception, Ctrl-C too, everything recorded so far can be read, and the next run continues from there.

        Parameters
        ----------
        record : whether the network's recorders are on.
        observe : called with the simulation every `chunk` steps. It may read all that is recorded so far, change the
            simulation, and save it, but not run it. If it returns a true value the run ends there; it must return the
            same on all ranks.
        max_rate : spikes/s a neuron; more of them in a population over 100 ms end the run. 0: any rate is allowed.

        Raises
        ------
        GuardError : a rate above `max_rate`, or V_m of a neuron that is not finite; what was recorded so far is kept.
        RuntimeError : called by `observe`.
        """
        if self._is_observed:
            raise RuntimeError("run: called by the observe of a run of the same simulation, which goes on by itself")
        agree(self.comm, {"the duration of a run": (duration, record, max_rate, self.step), **self.loops.models()})
        self.loops.check_unchanged()
        steps = self.network.grid.step(duration, "duration", 0)
        max_rate = number("max_rate", max_rate, 0.0, unit="spikes/s")
        stop = self.step + steps
        self.settle()  # of an interrupted run: buffers must not hold two pieces with a break between them
        self._recorded = (self.period, (self.step, self.neurons.emitted.copy()) if record else None)
        found = None
        while self.step < stop:
            found = self._advance_guarded(min(stop, self.step + self.chunk), record, max_rate)
            if found or (observe is not None and self._ask(observe)):
                break
        if self.step == stop:  # the end of a run is also one of a number of steps that nothing but the caller chooses
            found = found or self.guard.look(self, max_rate)
        self.settle()
        self.ledger()
        if found:
            raise GuardError(found)

    def _ask(self, observe: Callable[[Simulation], object]) -> bool:
        """Call `observe`; return whether it ends the run."""
        try:
            self._is_observed = True
            return bool(observe(self))
        finally:
            self._is_observed = False

    def settle(self) -> None:
        """Hand all that was recorded so far to the sink: call this before reading the sink (collective for a sink that
        writes files)."""
        buffers.flush(self)

    def _advance_guarded(self, stop: int, record: bool, max_rate: float) -> Finding | None:
        """Advance to `stop`, or to the end of a window at which something is found to be wrong: what that is."""
        while True:
            if self.guard.is_due(self.step):  # an interrupted run may have left it unchecked
                found = self.guard.look(self, max_rate)
                if found:
                    return found
            if self.step >= stop:
                return None
            self._advance(min(stop, self.guard.next(self.step)), record)

    def _advance(self, stop: int, record: bool) -> None:
        while True:
            why = loop.advance(
                stop,
                record,
                self.clock,
                self.constants,
                self.synapses,
                self.dense,
                self.neurons,
                self.poisson,
                self.currents,
                self.trains,
                self.history,
                self.exchange,
                self.recording,
                self.timer,
                self.scratch,
                self._spec,
            )
            if why == loop.DONE:
                return
            if why == loop.GROW_HISTORY:
                self.history = buffers.grown(self.history, int(self.clock[loop.HEAD]))
            elif why == loop.FLUSH:
                buffers.flush(self)
            else:
                raise RuntimeError("MPI reported an error during the exchange of spikes")

    # --- parameters -----------------------------------------------------------------------------------------------

    def set(self, what: Part | PoissonInput, **values: Value) -> None:
        """Change parameters from now on (collective: all ranks ask for the same).

        Parameters
        ----------
        what : neurons, whose parameters, or potentials V_m, become `values`: numbers, arrays of len(what) numbers, or,
            for V_m and I_e, distributions. Or a Poisson input: `rate` (spikes/s), `weight` (pA); or Poisson sources:
            `rate`. What was emitted before and is on its way arrives as it was.

        Raises
        ------
        ValueError : an unknown parameter, a value out of range, parameters that do not go together, or time constants
            that would need another receptor. Nothing is changed then.
        """
        changes.set_values(self, what, values)

    def get(self, what: Part | PoissonInput, name: str) -> np.ndarray | float:
        """Parameter `name` of neurons or Poisson sources as it is now (V_m: the potential, mV), of shape (len(what),);
        `rate` (spikes/s), `weight` (pA), `start` or `stop` (ms) of a Poisson input (collective)."""
        return changes.get_value(self, what, name)

    # --- results --------------------------------------------------------------------------------------------------

    def spikes(self, what: Part) -> tuple[np.ndarray, np.ndarray]:
        """Recorded spikes of `what`: times (ms, float64) and ids (int64, 0-based in the population), by (time, id).

        Parameters
        ----------
        what : 'E', 'E[:50]', 'E[[1, 5, 7]]', or a population or a part of one.

        Raises
        ------
        ValueError : if there is no such population, or the spikes of some of these neurons are not recorded.
        """
        return recorded.spikes_of(self, what)

    def voltages(self, what: Part) -> tuple[np.ndarray, np.ndarray]:
        """Recorded V_m of `what` (collective): times (ms, (k,)) and V_m (mV, float64 (k, len(what))).

        Raises
        ------
        ValueError : if there is no such population, or the voltages of some of these neurons are not recorded.
        """
        return recorded.voltages_of(self, what)

    def result(self) -> Result:
        """A copy of what is recorded so far, with everything that `distsim.load` gives of a folder (collective)."""
        return recorded.result_of(self)

    def save(self, folder: str | Path, title: str = "network", overwrite: bool = False) -> Path:
        """Write what is recorded so far into `folder`, for `distsim.load` and `distsim plot` (collective).

        Parameters
        ----------
        folder : gets `spikes.h5`, `voltages.h5` (float32; NaN between recorded pieces) if voltages are recorded, and
            `summary.json`; made if needed.
        title : the network's name in the summary and above the figures.
        overwrite : replace an earlier run that is there.

        Returns
        -------
        Path : the folder.

        Raises
        ------
        ValueError : it holds an earlier run, or it cannot be written.
        """
        return save(self, folder, title, overwrite)

    def spikes_sha256(self) -> str:
        """Hash of all recorded spikes: the same for the same network and seed on any number of ranks."""
        return recorded.sha256_of(self)

    def ledger(self) -> Ledger:
        """Balance of synaptic events since time 0; RuntimeError if one was lost or counted twice (collective)."""
        return balance(self)

    # --- of all ranks ---------------------------------------------------------------------------------------------

    def spike_counts(self) -> np.ndarray:
        """Spikes of every neuron since time 0, int64 by gid (collective)."""
        return self.counts_of_all(self.neurons.emitted)

    def gather(self, gids: np.ndarray, mine: np.ndarray) -> np.ndarray:
        """Values of the neurons `gids` (ascending) from those of each rank's own (collective): last axis of `mine`."""
        table = np.zeros((*mine.shape[:-1], gids.size), mine.dtype)
        for rank, part in enumerate(self.comm.allgather(mine)):
            table[..., gids % self.comm.size == rank] = part
        return table

    def counts_of_all(self, mine: np.ndarray) -> np.ndarray:
        """Counts by gid from those of each rank's own neurons, int64 (collective)."""
        counts = np.zeros(self.network.n, np.int64)
        counts[self.deal.gid(np.arange(self.deal.n_local))] = mine
        return self.comm.allreduce(counts)


def check_seed(seed: int) -> int:
    return whole("seed", seed, 0, 2**64 - 1)
