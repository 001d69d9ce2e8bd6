"""`Simulation`: a network distributed over the ranks, built once and run in one or several pieces.

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

from ..description.elements import V_M, Part, Projection, Value
from ..description.network import Network
from ..description.quantities import number
from ..description.rates import Rate
from ..description.reports import reports_of
from ..engine.check import check_memory
from ..engine.connectivity.read_edges import read_lists
from ..engine.connectivity.table_plan import plan_table
from ..engine.ledger import Ledger
from ..engine.model_loops import Loops
from ..engine.rank_engine import RankEngine
from ..engine.step.decomposition import Decomposition
from ..engine.step.period import Period
from ..engine.step.sinks import MemorySink, Sink
from ..parallel import Comm, SerialCommunicator, check_running, world
from ..results.result import Result
from . import changes, checkpoints, recorded, trials, warmup
from .agreement import agree, described
from .checkpoints import Checkpoint
from .connections import Connections, connections_of
from .guard import Finding, Guard, GuardError
from .places import positions_of
from .saving import save, summarize
from .state import State, restore, state_of
from .trials import check_noise_seed, check_seed
from .weight_changes import set_weights

NewWeights = Callable[[Connections], np.ndarray | float]
CHUNK = 500  # steps between two calls of `observe`


class Simulation:
    """A network distributed over the ranks of `comm`, connected, at time 0.

    Parameters
    ----------
    network : the description; nothing can be added to it from now on.
    seed : whole number from 0 to 2^64 - 1; fixes connections, parameters and initial values, whatever the number of
        ranks, and all that is drawn during a run, unless there is a `noise_seed`.
    comm : an mpi4py communicator; all of MPI's world (or the one process there is) by default.
    warm : whether all kernels are known to be in the cache, so that none is compiled before the build.
    sink : takes the recordings; by default a `MemorySink`, which keeps them in memory.
    checkpoint : a file written by `checkpoint()`, to resume from; same network and seed, any number of ranks.
    noise_seed : fixes all that is drawn during a run, such as Poisson input: the same network, with other noise for
        each. By default `seed`, or that of the checkpoint.

    Attributes
    ----------
    network, seed : as given.
    engine : RankEngine, this rank's arrays and the loop that advances them.
    guard : Guard against runaway activity.
    chunk : steps between two calls of `observe`.
    build_time : wall time of the build (s).
    """

    def __init__(
        self,
        network: Network,
        seed: int = 1,
        comm: Comm | None = None,
        sink: Sink | None = None,
        *,
        warm: bool = False,
        checkpoint: str | Path | None = None,
        noise_seed: int | None = None,
    ) -> None:
        comm = world() if comm is None else comm
        check_running(comm)
        self.network, self.seed = network, check_seed(seed)
        chosen = check_noise_seed(noise_seed, self.seed)
        agree(comm, {**described(network, self.seed), "the noise seed": noise_seed})
        started, deal = time.perf_counter(), Decomposition(network.n, comm.size, comm.rank)
        lists = read_lists(network, comm, deal)
        reading = time.perf_counter() - started
        network.is_simulated = True
        plan, loops = plan_table(network, comm.size), Loops()
        if not warm:
            warmup.fill_cache(plan, comm, loops, lambda small: Simulation(small, comm=SerialCommunicator(), warm=True))
        check_memory(plan, comm)
        started = time.perf_counter() - reading
        sink = MemorySink(reports_of(network), deal) if sink is None else sink
        self.engine = RankEngine(plan, self.seed, comm, loops, sink, lists, chosen)
        self.guard, self.chunk = Guard(network), CHUNK
        self._is_observed, self.period = False, self._nothing_recorded()
        if checkpoint is not None:
            self.resume_from(checkpoints.read(checkpoint, self.comm), noise_seed)
            self.period = self._nothing_recorded()  # what was recorded before is not here
        self.build_time = time.perf_counter() - started

    def _nothing_recorded(self) -> Period:
        return Period([], np.zeros(self.engine.deal.n_local, np.int64))

    @property
    def comm(self) -> Comm:
        """Return the ranks; RuntimeError if MPI is not initialised, or already finalised."""
        return self.engine.comm

    def checkpoint(self, path: str | Path) -> None:
        """Write the state to a file, from which `Simulation(network, seed, checkpoint=path)` resumes (collective).

        The state includes parameters changed by `set`, but no recordings: a resumed simulation, its `result` and `save`
        hold only what it records itself.

        Raises
        ------
        OSError : the file cannot be written.
        """
        checkpoints.write(path, self.comm, self.state())

    def state(self) -> State:
        """Return the state, from which any number of ranks can resume (collective)."""
        return state_of(self.engine, self.period, self.guard)

    def restore(self, state: State, noise_seed: int | None = None) -> None:
        """Set this simulation, just built, to `state` (collective).

        Raises
        ------
        ValueError : the state is of another network, seed or noise seed (if one is given), or damaged.
        """
        self.period = restore(self.engine, self.guard, state, noise_seed)

    def resume_from(self, checkpoint: Checkpoint, noise_seed: int | None = None) -> None:
        """Set this simulation, just built, to the state of `checkpoint` (collective).

        Raises
        ------
        ValueError : as in `restore`; the message names the file.
        """
        try:
            self.restore(checkpoint.state, noise_seed)
        except ValueError as error:
            raise ValueError(f"{checkpoint.path}: {error}") from None

    @property
    def noise_seed(self) -> int:
        """Return the seed of all that is drawn during a run."""
        return self.engine.noise_seed

    def reset(self, noise_seed: int | None = None) -> None:
        """Go back to time 0, with the network as built: for the next trial (collective).

        All is as in a new simulation of the same seed: potentials and other states are drawn again by `seed`, what
        `set` changed is undone, recordings are discarded; what `result` returned before stays. Synapses are not built
        again, unless their weights were changed.

        Parameters
        ----------
        noise_seed : whole number from 0 to 2^64 - 1, which fixes all that is drawn during the next runs; by default the
            one so far, which repeats the trial.

        Raises
        ------
        ValueError : the noise seed is none.
        RuntimeError : `observe` called it, or recordings do not go to memory.
        """
        if self._is_observed:
            raise RuntimeError("reset: called by observe, during a run of the same simulation")
        trials.reset(self.engine, noise_seed)
        self.guard, self.period = Guard(self.network), self._nothing_recorded()

    # --- progress -------------------------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Return the steps simulated so far."""
        return self.engine.step

    @property
    def time(self) -> float:
        """Return the model time (ms)."""
        return self.network.grid.ms(self.step)

    @property
    def n_synapses(self) -> int:
        """Return the number of synapses on all ranks."""
        return self.engine.n_synapses

    @property
    def n_spikes(self) -> int:
        """Return the number of spikes of all ranks since time 0."""
        return self.engine.n_spikes

    @property
    def timer(self) -> np.ndarray:
        """Return this rank's wall time in each of `loop.PHASES` (s), float64 (5,)."""
        return self.engine.clock.timer

    @property
    def sink(self) -> Sink:
        """Return the sink that takes recordings."""
        return self.engine.sink

    @sink.setter
    def sink(self, sink: Sink) -> None:
        self.engine.sink = sink

    @property
    def period(self) -> Period:
        """Return the recorded pieces so far; the one being recorded ends at the current step."""
        before, piece = self._recorded
        return before if piece is None else before.and_then(piece[0], self.step, self.engine.neurons.emitted - piece[1])

    @period.setter
    def period(self, period: Period) -> None:
        self._recorded: tuple[Period, tuple[int, np.ndarray] | None] = (period, None)

    # --- running --------------------------------------------------------------------------------------------------

    def run(
        self,
        duration: float,
        record: bool = True,
        observe: Callable[[Simulation], object] | None = None,
        max_rate: float = 0.0,
    ) -> None:
        """Advance by `duration` (ms, a multiple of dt), and check that no synaptic event was lost (collective).

        After any exception, including Ctrl-C, all recordings so far can be read, and the next run continues from there.

        Parameters
        ----------
        record : whether the network's recorders are on.
        observe : called with the simulation every `chunk` steps. It may read the recordings so far, change the
            simulation, and save it, but not run it. If it returns a true value, the run ends there; it must return the
            same on all ranks.
        max_rate : spikes/s per neuron; the run ends where the mean of a population over 100 ms exceeds it. 0: no limit.

        Raises
        ------
        GuardError : a rate above `max_rate`, or V_m of a neuron that is not finite; recordings so far are kept.
        RuntimeError : `observe` called it.
        """
        if self._is_observed:
            raise RuntimeError("run: called by observe, during a run of the same simulation, which continues by itself")
        loops = self.engine.loops
        agree(self.comm, {"the duration of a run": (duration, record, max_rate, self.step), **loops.models()})
        loops.check_unchanged()
        steps = self.network.grid.step(duration, "duration", 0)
        max_rate = number("max_rate", max_rate, 0.0, unit="spikes/s")
        stop = self.step + steps
        self.settle()  # after an interrupted run: buffers must not hold two pieces with a break between them
        self._recorded = (self.period, (self.step, self.engine.neurons.emitted.copy()) if record else None)
        found = None
        while self.step < stop:
            found = self._advance_guarded(min(stop, self.step + self.chunk), record, max_rate)
            if found or (observe is not None and self._ask(observe)):
                break
        if self.step == stop:  # a step that the caller chose: the guard looks there whatever the chunks were
            found = found or self.guard.check(self.engine, max_rate)
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
        """Pass all recordings so far to the sink; call this before reading the sink (collective for a sink that writes
        files)."""
        self.engine.flush()

    def _advance_guarded(self, stop: int, record: bool, max_rate: float) -> Finding | None:
        """Advance to `stop`, or to the end of the first window in which the guard finds a fault; return that fault."""
        while True:
            if self.guard.is_due(self.step):  # an interrupted run may have left it unchecked
                found = self.guard.check(self.engine, max_rate)
                if found:
                    return found
            if self.step >= stop:
                return None
            self.engine.advance(min(stop, self.guard.next(self.step)) - self.step, record)

    # --- parameters -----------------------------------------------------------------------------------------------

    def set(self, what: Part | changes.Device | Projection, **values: Value | NewWeights) -> None:
        """Change parameters from now on (collective: all ranks make the same call).

        Parameters
        ----------
        what : neurons, sources, an input or a projection, as the methods of `Network` return them.
        values : of neurons, their parameters or V_m: numbers, arrays of len(what) numbers, or, for V_m and I_e,
            distributions; of a Poisson input, `rate` (spikes/s) and `weight` (pA); of Poisson sources, `rate`. Spikes
            emitted before arrive unchanged. Of spike sources, `times` (after the present time), `ids` and
            `round_times`, in place of all spikes still to come; of a step current, `times` and `amplitudes`; of a noise
            current, `mean` and `std`; of a sinusoidal one, `amplitude`, `frequency`, `phase` and `offset`; of a sampled
            one, `values` and `start`. Of a projection, `weight`: a number, an array in the order of
            `connections`, or a function that is called with the `Connections` of all ranks and returns one of these.
            Weights are kept exactly, as float64; spikes emitted before arrive with the new weight.

        Raises
        ------
        ValueError : an unknown parameter, a value out of range, parameters that do not go together, or time constants
            that would need another receptor; a projection whose synapses are kept as bits, or cannot be told apart from
            those of another one. Nothing is changed then.
        """
        if isinstance(what, Projection):
            set_weights(self.engine, what, values)
        else:
            changes.set_values(self.engine, what, values)  # type: ignore[arg-type]  # functions are refused

    def get(self, what: Part | changes.Device, name: str) -> np.ndarray | Rate:
        """Return the current value of a parameter (collective).

        Parameters
        ----------
        what : neurons or Poisson sources, whose values have the shape (len(what),); or an input, or spike sources.
        name : a parameter, or V_m (mV); of a Poisson input `rate` (spikes/s), `weight` (pA), `start` or `stop` (ms); of
            others what `set` takes (`times` of spike sources: a list of arrays, ms).
        """
        return changes.get_value(self.engine, what, name)

    # --- synapses -------------------------------------------------------------------------------------------------

    def connections(self, source: Part, target: Part, local: bool = False) -> Connections:
        """Return the synapses from `source` to `target`, of all projections between them (collective).

        Parameters
        ----------
        source, target : 'E', 'E[:50]', 'E[[1, 5, 7]]', or populations or parts of them.
        local : only those onto neurons of this rank, in the same order; by default all of them, on all ranks.

        Returns
        -------
        Connections : arrays `sources` and `targets` (0-based in their populations), `weights` (pA) and `delays` (ms),
            sorted by source, target and delay, and `to_sparse()`; the same on any number of ranks.

        Raises
        ------
        ValueError : there is no such population.
        """
        return connections_of(self.engine, source, target, is_local=local)

    def positions(self, what: Part) -> np.ndarray:
        """Return where neurons are: float64 (len(what), coordinates); ValueError if they have no positions."""
        return positions_of(self.network, self.seed, what)

    # --- results --------------------------------------------------------------------------------------------------

    def spikes(self, what: Part) -> tuple[np.ndarray, np.ndarray]:
        """Return recorded spikes: times (ms, float64) and ids (int64, 0-based in the population), by (time, id).

        Parameters
        ----------
        what : 'E', 'E[:50]', 'E[[1, 5, 7]]', or a population or a part of one.

        Raises
        ------
        ValueError : if there is no such population, or the spikes of some of these neurons are not recorded.
        """
        return recorded.spikes_of(self.engine, self.period, what)

    def voltages(self, what: Part) -> tuple[np.ndarray, np.ndarray]:
        """Return recorded V_m (collective): times (ms, (k,)) and V_m (mV, float64 (k, len(what))).

        Raises
        ------
        ValueError : if there is no such population, or the voltages of some of these neurons are not recorded.
        """
        return recorded.samples_of(self.engine, self.period, V_M, what)

    def samples(self, name: str, what: Part) -> tuple[np.ndarray, np.ndarray]:
        """Return recorded samples (collective): times (ms, (k,)) and values (float64 (k, len(what))).

        Parameters
        ----------
        name : the recordable, or the name that its recorder was given.

        Raises
        ------
        ValueError : nothing of that name is recorded, no such population, or some of these neurons are not recorded.
        """
        return recorded.samples_of(self.engine, self.period, name, what)

    def result(self) -> Result:
        """Return a copy of the recordings so far, as `distsim.load` returns those of a folder (collective)."""
        return recorded.result_of(self.engine, self.period, self._summary("network"))

    def save(self, folder: str | Path, title: str = "network", overwrite: bool = False) -> Path:
        """Write the recordings so far into `folder`, for `distsim.load` and `distsim plot` (collective).

        Parameters
        ----------
        folder : gets `summary.json` and a file for each report: `spikes.h5`, `voltages.h5`, others by their names
            (float32; NaN between recorded pieces); created if needed.
        title : the network's name in the summary and above the figures.
        overwrite : whether to replace an earlier run in the folder.

        Returns
        -------
        Path : the folder.

        Raises
        ------
        ValueError : the folder holds an earlier run, or cannot be written.
        """
        return save(self.engine, self.period, folder, self._summary(title), overwrite)

    def _summary(self, title: str) -> dict:
        return summarize(self.engine, self.period, title, self.build_time)

    def spikes_sha256(self) -> str:
        """Return a hash of all recorded spikes: the same for a network and seed on any number of ranks."""
        return recorded.sha256_of(self.engine)

    def ledger(self) -> Ledger:
        """Return the balance of synaptic events since time 0; RuntimeError if one was lost or doubled (collective)."""
        return self.engine.ledger()

    # --- gathered from all ranks ----------------------------------------------------------------------------------

    def spike_counts(self) -> np.ndarray:
        """Return the number of spikes of every neuron since time 0, int64 by gid (collective)."""
        return self.engine.spike_counts()

    def gather(self, gids: np.ndarray, mine: np.ndarray) -> np.ndarray:
        """Return values of the neurons `gids` (ascending) from those of each rank's own, the last axis of `mine`
        (collective)."""
        return self.engine.gather(gids, mine)

    def counts_of_all(self, mine: np.ndarray) -> np.ndarray:
        """Return counts by gid from those of each rank's own neurons, int64 (collective)."""
        return self.engine.counts_of_all(mine)
