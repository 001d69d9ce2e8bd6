"""A network on this rank's share of the neurons: built once, run in pieces.

sim = Simulation(network, seed=1)
sim.run(500.0, record=False)
sim.run(1000.0)
times, ids = sim.spikes(exc)
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from .. import checkpoints
from ..elements import Part, PoissonInput, Population, Value
from ..network import Network
from ..neurons import MODELS
from ..neurons.sources import MOST_SPIKES
from ..parallel import SerialCommunicator, world
from ..quantities import number, whole
from ..recording.spike_hash import spikes_sha256_of
from ..recording.spikes import Spikes
from ..recording.voltages import Voltages
from ..result import Result
from ..saving import save, summarize
from . import changes, loop
from .agreement import agree, described
from .cache import FOLDER, fill_once
from .check import check_network
from .checkpoint import restore, state_of
from .connectivity import connect, delays_in_use, plan_layout
from .decomposition import Decomposition
from .delivery import History, make_scratch
from .exchange import plan_exchange
from .guard import Finding, Guard, GuardError
from .intrinsics import CLOCK_GETTIME
from .ledger import Ledger, balance, n_local_synapses
from .poisson import plan_poisson
from .population_state import FIRST, LAST, Loops, loops_of, plan_neurons, potential_places, two_receptors
from .recorders import Period, recorded_populations, voltage_gids, wanted_neurons
from .sinks import MemorySink
from .stimulation import plan_currents, plan_spikes
from .streams import key
from .update import ROW, loop_name
from .warmup import small_network

CHUNK = 500  # steps between two looks at the clock
SPIKE_BUFFER = 1 << 19  # spikes held until they are handed on, at least
VOLTAGE_BUFFER = 1 << 20  # voltages held likewise
INTERVAL = 1 << 22  # spikes that the buffers of one interval may have to hold: it is cut short in very large networks
STEPS_WITHOUT_SYNAPSES = 10  # steps of an interval in a network without synapses


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
    timer : float64 (5,), this rank's seconds by `loop.PHASES`. period : what was recorded, see `Period`.
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
        self.comm = world() if comm is None else comm
        agree(self.comm, described(network, self.seed))
        network.is_simulated = True
        self.deal = Decomposition(network.n, self.comm.size, self.comm.rank)
        self.sink = MemorySink(self._voltage_lids()[0].size) if sink is None else sink
        self.loops, self._in_cache = Loops(), set()
        if not warm:
            self._compile_once()
        check_network(network, self.comm)
        started = time.perf_counter()
        self._build()
        if checkpoint is not None:
            checkpoints.take_up(self, checkpoints.read(Path(checkpoint), self.comm))
            self.period = Period(self.deal.n_local)  # what was recorded before is not here
        self.build_time = time.perf_counter() - started

    def checkpoint(self, path: str | Path) -> None:
        """Write all that the future depends on, for `Simulation(network, seed, checkpoint=path)` (collective).

        Parameters changed by `set` are part of it; what was recorded is not: a simulation that goes on from there
        holds what it records from then on, and so do `result` and `save`.

        Raises
        ------
        OSError : the file cannot be written.
        """
        checkpoints.write(self, Path(path))

    def _compile_once(self) -> None:
        """Have all kernels in the cache: compiled by one rank a node while the others wait (collective)."""

        def compile_kernels() -> None:
            small = Simulation(small_network(), comm=SerialCommunicator(), warm=True)
            small.run(1.0)
            restore(small, state_of(small))

        self.compile_loops([p.parameters for p in self.network.populations], {"kernels": compile_kernels})

    def compile_loops(
        self, parameters: Sequence[Mapping[str, Value]], others: Mapping[str, Callable[[], object]] | None = None
    ) -> None:
        """Have the loops for `parameters` of the populations, and `others`, in the cache (collective)."""
        # Not by what this rank has loaded: a rank without neurons of a population loads nothing for it.
        named = {loop_name(*variant): variant for variant in loops_of(self.network, parameters)}
        new = {
            name: functools.partial(self.loops.address, *v) for name, v in named.items() if name not in self._in_cache
        }
        if new or others:
            fill_once(self.comm, FOLDER, {**(others or {}), **new})
            self._in_cache |= new.keys()

    # --- building -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.is_two = two = two_receptors(self.network)
        layout = plan_layout(self.deal.n_local, 2 if two.any() else 1, ROW)
        self.synapses, self.dense = connect(self.network, self.seed, layout, self.deal, two)
        self.neurons = plan_neurons(self.network, self.seed, self.deal, layout, self.loops)
        self.parameters = [dict(population.parameters) for population in self.network.populations]
        self.stimuli, self.n_changes = list(enumerate(self.network.poisson_inputs)), 0
        self.latest = list(self.network.poisson_inputs)
        self.plan_poisson()
        self.currents, self.trains = plan_currents(self.network, self.deal), plan_spikes(self.network, self.deal)
        delays = delays_in_use(self.network)
        self.min_delay = int(delays[0]) if delays.size else STEPS_WITHOUT_SYNAPSES
        self._plan_buffers(int(delays[-1]) if delays.size else STEPS_WITHOUT_SYNAPSES)
        self.clock = np.zeros(6, np.int64)
        self.timer = np.zeros(len(loop.PHASES))
        self.scratch, self._spec = make_scratch(self.synapses.delays.size), np.zeros(2, np.int64)
        self.period, self._piece, self.chunk = Period(self.deal.n_local), None, CHUNK
        self.guard = Guard(self.network)
        self.n_synapses = self.comm.allreduce(int(n_local_synapses(self.synapses, self.dense)))

    def plan_poisson(self) -> None:
        """Tables of Poisson input for `stimuli`."""
        blocks = self.neurons.blocks[:, [FIRST, LAST]]
        self.poisson = plan_poisson(self.stimuli, self.network, self.deal, self.is_two, blocks)

    def _plan_buffers(self, max_delay: int) -> None:
        sources = [p.model.is_source for p in self.network.populations]
        most_spikes = max(1, sum(p.n * (MOST_SPIKES if p.model.is_source else 1) for p in self.network.populations))
        self.interval = max(1, min(self.min_delay, INTERVAL // most_spikes))
        most_sent = self.deal.n_local * (MOST_SPIKES if any(sources) else 1)
        self.exchange = plan_exchange(self.comm, self.interval, most_sent, most_spikes)
        at_once = most_spikes * self.interval
        ring = 1 << (max_delay + self.interval + 1).bit_length()
        gids = np.empty(1 << (2 * at_once).bit_length(), np.uint32)
        self.history = History(gids, np.zeros(ring, np.int64), np.zeros(ring, np.int64))
        wanted = wanted_neurons(self.network)
        room = SPIKE_BUFFER + at_once if wanted.size else 0
        lids, interval = self._voltage_lids()
        a_rank = -(-voltage_gids(self.network).size // self.comm.size)
        samples = max(self.interval, VOLTAGE_BUFFER // max(1, a_rank)) if interval else 0
        self.recording = loop.Recording(
            wanted,
            np.empty(room, np.int64),
            np.empty(room, np.uint32),
            potential_places(self.neurons, lids),
            np.empty((samples, lids.size)),
            interval,
        )
        rank, size = self.comm.rank, self.comm.size
        self.constants = loop.Constants(rank, size, self.interval, most_spikes, *key(self.seed), CLOCK_GETTIME)

    def _voltage_lids(self) -> tuple[np.ndarray, int]:
        gids = voltage_gids(self.network)
        recorders = self.network.voltage_recorders
        return self.deal.lids(gids[self.deal.local(gids)]), recorders[0].interval if recorders else 0

    # --- running --------------------------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        return int(self.clock[loop.STEP])

    @property
    def time(self) -> float:
        """Model time (ms)."""
        return self.network.grid.ms(self.step)

    def run(
        self,
        duration: float,
        record: bool = True,
        observe: Callable[[Simulation], object] | None = None,
        max_rate: float = 0.0,
    ) -> None:
        """Advance by `duration` (ms, a multiple of dt), and check that no synaptic event was lost (collective).

        Parameters
        ----------
        record : whether the network's recorders are on.
        observe : called with the simulation every `chunk` steps, which it may change; what it returns, if true, ends
            the run there (on all ranks: it must be the same on all of them).
        max_rate : spikes/s a neuron; more of them in a population over 100 ms end the run. 0: any rate is allowed.

        Raises
        ------
        GuardError : a rate above `max_rate`, or V_m of a neuron that is not finite; what was recorded so far is kept.
        """
        agree(self.comm, {"the duration of a run": (duration, record, max_rate, self.step)})
        steps, max_rate = self.network.grid.step(duration, "duration", 0), number("max_rate", max_rate, 0.0)
        stop = self.step + steps
        self._piece = (self.step, self.neurons.emitted.copy()) if record else None
        found = None
        while self.step < stop:
            found = self._advance_guarded(min(stop, self.step + self.chunk), record, max_rate)
            if found or (observe is not None and observe(self)):
                break
        if self.step == stop:  # the end of a run is also one of a number of steps that nothing but the caller chooses
            found = found or self.guard.look(self, max_rate)
        self.settle()
        self._piece = None
        self.ledger()
        if found:
            raise GuardError(found)

    def settle(self) -> None:
        """Hand all that was recorded so far to the sink, and note the period."""
        self._flush()
        if self._piece is not None:
            start, emitted = self._piece
            self.period.add(start, self.step, self.neurons.emitted - emitted)
            self._piece = (self.step, self.neurons.emitted.copy())

    def _advance_guarded(self, stop: int, record: bool, max_rate: float) -> Finding | None:
        """Advance to `stop`, or to the end of a window at which something is found to be wrong: what that is."""
        while self.step < stop:
            self._advance(min(stop, self.guard.next(self.step)), record)
            if self.step % self.guard.window == 0:
                found = self.guard.look(self, max_rate)
                if found:
                    return found
        return None

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
                self._grow_history()
            elif why == loop.FLUSH:
                self._flush()
            else:
                raise RuntimeError("MPI reported an error during the exchange of spikes")

    def _grow_history(self) -> None:
        """Double the ring; spikes keep their running numbers, so each moves to its place modulo the new size."""
        old = self.history.gids
        gids = np.empty(2 * old.size, np.uint32)
        head = int(self.clock[loop.HEAD])
        numbers = np.arange(max(0, head - old.size), head)
        gids[numbers % gids.size] = old[numbers % old.size]
        self.history = self.history._replace(gids=gids)

    def _flush(self) -> None:
        """Hand what was recorded to the sink."""
        started = time.perf_counter()
        n, samples = int(self.clock[loop.RECORDED]), int(self.clock[loop.SAMPLES])
        if n:
            self.sink.spikes(self.recording.steps[:n], self.recording.gids[:n])
        if samples:
            last = self.step // self.recording.interval * self.recording.interval
            steps = last - self.recording.interval * np.arange(samples - 1, -1, -1)
            E_L = resting_potentials(self.network, self.parameters, self.deal.gid(self._voltage_lids()[0]))
            self.sink.voltages(steps, self.recording.voltages[:samples] + E_L)
        self.clock[loop.RECORDED] = self.clock[loop.SAMPLES] = 0
        self.timer[loop.RECORD] += time.perf_counter() - started

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
        if not isinstance(what, PoissonInput):
            what = self.network.select(what)
        agree(self.comm, {"what is set": (what, values)})
        if isinstance(what, PoissonInput) or what.population.model is MODELS["poisson_source"]:
            changes.set_stimulus(self, what, values)
        else:
            changes.set_neurons(self, what, values)
        self.n_changes += 1

    def get(self, what: Part | PoissonInput, name: str) -> np.ndarray | float:
        """Parameter `name` of neurons or Poisson sources as it is now (V_m: the potential, mV), of shape (len(what),);
        `rate` (spikes/s), `weight` (pA), `start` or `stop` (ms) of a Poisson input (collective)."""
        if isinstance(what, PoissonInput):
            return changes.get_stimulus(self, what, name)
        selection = self.network.select(what)
        if selection.population.model is MODELS["poisson_source"]:
            return np.full(len(selection), changes.get_stimulus(self, selection, name))
        return changes.get_neurons(self, selection, name)

    def gather(self, gids: np.ndarray, mine: np.ndarray) -> np.ndarray:
        """Values of the neurons `gids` (ascending) from those of each rank's own (collective): last axis of `mine`."""
        table = np.zeros((*mine.shape[:-1], gids.size), mine.dtype)
        for rank, part in enumerate(self.comm.allgather(mine)):
            table[..., gids % self.comm.size == rank] = part
        return table

    # --- results --------------------------------------------------------------------------------------------------

    def spikes(self, what: Part) -> tuple[np.ndarray, np.ndarray]:
        """Recorded spikes of `what`: times (ms, float64) and ids (int64, 0-based in the population), by (time, id).

        Parameters
        ----------
        what : 'E', 'E[:50]', or a population or a slice of one.

        Raises
        ------
        ValueError : if there is no such population, or the spikes of some of these neurons are not recorded.
        """
        population = self.network.select(what).population
        return self._result({population.name: self._spikes_of(population)}, {}).spikes(what)

    def voltages(self, what: Part) -> tuple[np.ndarray, np.ndarray]:
        """Recorded V_m of `what` (collective): times (ms, (k,)) and V_m (mV, float64 (k, len(what))).

        Raises
        ------
        ValueError : if there is no such population, or the voltages of some of these neurons are not recorded.
        """
        return self._result({}, self._all_voltages()).voltages(what)

    def result(self) -> Result:
        """A copy of what is recorded so far, with everything that `distsim.load` gives of a folder (collective)."""
        recorded = recorded_populations(self.network)
        spikes = {p.name: self._spikes_of(p) for p in self.network.populations if p.name in recorded}
        return self._result(spikes, self._all_voltages(), summarize(self, "network"))

    def save(self, folder: str | Path, title: str = "network", overwrite: bool = False) -> Path:
        """Write what is recorded so far into `folder`, for `distsim.load` and `distsim plot` (collective).

        Parameters
        ----------
        folder : gets `spikes.h5`, `voltages.h5` (float32) if voltages are recorded, and `summary.json`; made if needed.
        title : the network's name in the summary and above the figures.
        overwrite : replace an earlier run that is there.

        Returns
        -------
        Path : the folder.

        Raises
        ------
        ValueError : it holds an earlier run, it cannot be written, or voltages were recorded with breaks.
        """
        return save(self, folder, title, overwrite)

    def _result(self, spikes: Mapping[str, Spikes], voltages: Mapping[str, Voltages], summary=None) -> Result:
        network, grid, wanted = self.network, self.network.grid, self.recording.wanted.astype(bool)
        sizes = {p.name: p.n for p in network.populations}
        recorded = {p.name: wanted[p.first : p.first + p.n] for p in network.populations if wanted.size}
        period = (grid.ms(self.period.start), grid.ms(self.period.stop))
        pieces = [(grid.ms(start), grid.ms(stop)) for start, stop in self.period.pieces]
        return Result(sizes, grid.dt_ms, period, spikes, recorded, voltages, summary, pieces or None)

    def _spikes_of(self, population: Population) -> Spikes:
        steps, ids = self._recorded(population)
        return Spikes(self.network.grid.ms(steps), ids, population.n)

    def _recorded(self, population: Population) -> tuple[np.ndarray, np.ndarray]:
        """Steps and ids (0-based in it) of the spikes of `population`."""
        steps, gids = self.sink.all_spikes()
        ids = gids - population.first
        inside = (ids >= 0) & (ids < population.n)
        return steps[inside], ids[inside]

    def _all_voltages(self) -> dict[str, Voltages]:
        """Voltages of all ranks by population (collective)."""
        gids, grid = voltage_gids(self.network), self.network.grid
        steps, block = self.sink.local_voltages()
        table, found = self.gather(gids, block), {}
        for p in self.network.populations:
            mine = (gids >= p.first) & (gids < p.first + p.n)
            if mine.any():
                interval = grid.ms(self.recording.interval)
                found[p.name] = Voltages(grid.ms(steps), gids[mine] - p.first, table[:, mine], interval)
        return found

    def spikes_sha256(self) -> str:
        """Hash of all recorded spikes: the same for the same network and seed on any number of ranks."""
        recorded = recorded_populations(self.network)
        return spikes_sha256_of({p.name: self._recorded(p) for p in self.network.populations if p.name in recorded})

    def ledger(self) -> Ledger:
        """Balance of synaptic events since time 0; RuntimeError if one was lost or counted twice (collective)."""
        return balance(self)

    def spike_counts(self) -> np.ndarray:
        """Spikes of every neuron since time 0, int64 by gid (collective)."""
        return self.counts_of_all(self.neurons.emitted)

    def counts_of_all(self, mine: np.ndarray) -> np.ndarray:
        """Counts by gid from those of each rank's own neurons, int64 (collective)."""
        counts = np.zeros(self.network.n, np.int64)
        counts[self.deal.gid(np.arange(self.deal.n_local))] = mine
        return self.comm.allreduce(counts)


def check_seed(seed: int) -> int:
    return whole("seed", seed, 0, 2**64 - 1)


def resting_potentials(network: Network, parameters: Sequence[Mapping], gids: np.ndarray) -> np.ndarray:
    """E_L (mV) of the neurons `gids`."""
    E_L = [np.zeros(0)]
    for population, values in zip(network.populations, parameters, strict=True):
        mine = gids[(gids >= population.first) & (gids < population.first + population.n)] - population.first
        E_L.append(np.broadcast_to(values.get("E_L", 0.0), population.n)[mine])
    return np.concatenate(E_L)
