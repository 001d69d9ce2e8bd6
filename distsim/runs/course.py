"""A run under way: simulation, recordings and checkpoints, from the start or from a checkpoint to the end or a stop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..description.network import Network
from ..parallel import InputError, on_root
from ..recording.part_files import Span, rewind
from ..results import folder
from ..simulation import checkpoints
from ..simulation.checkpoints import Checkpoint
from ..simulation.guard import Finding, GuardError
from ..simulation.saving import part_sink, recorded_files
from ..simulation.simulation import Simulation
from .progress import NoProgress, Progress
from .signals import Signals
from .watch import Keeping, Watch


class Course:
    """`network`, built; every method is collective.

    Parameters
    ----------
    network : the description. seed : of the random numbers. place : the run's folder, claimed.
    n_presim, n_steps : steps of the warm-up, and of the whole run.
    comm : the ranks. config : what the run was asked to do, kept in checkpoints.
    keeping : when checkpoints are written. signals : what the process is sent. startup : s before the run.
    max_rate : spikes/s a neuron above which the guard ends the run (0: none).
    origin : the checkpoint to go on from, or None.

    Attributes
    ----------
    finding : what the guard found, which ends the run; None as long as it finds nothing.

    Raises
    ------
    InputError : the checkpoint is of another network, or its recordings are not all there.
    """

    def __init__(
        self,
        network: Network,
        seed: int,
        place: Path,
        n_presim: int,
        n_steps: int,
        comm,
        config: Mapping[str, Any],
        keeping: Keeping,
        signals: Signals,
        startup: float,
        max_rate: float,
        origin: Checkpoint | None = None,
    ) -> None:
        self.network, self.place, self.comm, self.config, self.keeping = network, place, comm, config, keeping
        self.n_presim, self.n_steps, self.max_rate = n_presim, n_steps, max_rate
        self.finding: Finding | None = None
        if origin is None:
            self.simulation = Simulation(network, seed, comm, part_sink(network, place, comm))
        else:
            self.simulation = Simulation(network, seed, comm)
            self._take_up(origin)
        self.sink, self.started_at = self.simulation.sink, self.simulation.step
        self.sink.start = max(n_presim, self.started_at)
        self._saved_at = None if origin is None else self.started_at
        self.watch = Watch(comm, keeping, signals, startup, self.commit, self.save)

    def _take_up(self, origin: Checkpoint) -> None:
        span = Span(self.n_presim, origin.state.facts["step"])

        def prepare() -> None:
            try:
                rewind(self.place, recorded_files(self.network), span, self.network.grid.dt)
            except ValueError as error:
                raise InputError(str(error)) from None
            # Nothing is refused from here on: only now may the folder change.
            folder.note_config(self.place, self.config)
            checkpoints.set_aside(origin)
            folder.remove_results(self.place)

        try:
            checkpoints.take_up(self.simulation, origin)
        except ValueError as error:
            raise InputError(str(error)) from None
        on_root(self.comm, prepare)
        self.simulation.sink = part_sink(self.network, self.place, self.comm)

    @property
    def is_stopped(self) -> bool:
        """Whether the run stops before its end, to be resumed."""
        return self.watch.why is not None and self.finding is None

    def warm_up(self) -> tuple[float, float]:
        """Run what is left of the warm-up; wall time (s) and model time (ms)."""
        return self._advance("warm-up ", self.n_presim, False)

    def simulate(self) -> tuple[float, float]:
        """Run what is left of the rest, recorded; wall time (s) and model time (ms)."""
        return self._advance("simulate", self.n_steps, True)

    def _advance(self, label: str, stop: int, record: bool) -> tuple[float, float]:
        simulation, comm, ms = self.simulation, self.comm, self.network.grid.ms
        steps = 0 if self.is_stopped or self.finding else max(0, stop - simulation.step)
        show = Progress(label, self.network.n_neurons) if comm.rank == 0 and steps else NoProgress()
        start = simulation.step
        comm.Barrier()
        begun = time.perf_counter()
        show.start(simulation.time, ms(start + steps), simulation.n_spikes)
        self.watch.begin(simulation, lambda s: show.show(s.time, s.n_spikes))
        try:
            simulation.run(ms(steps), record, self.watch, self.max_rate)
        except GuardError as error:
            self.finding = error.finding
        comm.Barrier()
        elapsed = time.perf_counter() - begun
        show.finish()
        return comm.bcast(elapsed), ms(simulation.step - start)

    def commit(self, simulation: Simulation) -> None:
        """Close a part of the recordings."""
        simulation.settle()
        self.sink.commit(simulation.step)

    def save(self, simulation: Simulation) -> None:
        """Close a part of the recordings and write a checkpoint, unless there is one of this step."""
        self.commit(simulation)
        if simulation.step != self._saved_at:
            checkpoints.write_next(simulation, self.place, self.config)
            self._saved_at = simulation.step

    def stop(self) -> None:
        """Leave all that is needed to go on later."""
        self.save(self.simulation)
        self.sink.stop(self.simulation.step)
        on_root(self.comm, lambda: folder.pause(self.place))

    def conclude(self) -> None:
        """Complete the recordings; the last checkpoint is kept where checkpoints are on, to extend the run from."""
        if self.keeping.is_on:
            self.save(self.simulation)
        self.sink.close(self.simulation.step)
        on_root(self.comm, lambda: checkpoints.keep_latest(self.place, int(self.keeping.is_on)))
