"""A run in progress: simulation, recordings and checkpoints, from start or checkpoint to the end or a stop."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ..description.reports import reports_of
from ..parallel import InputError, on_root
from ..recording.part_files import Span, rewind
from ..results import folder
from ..simulation import checkpoints
from ..simulation.checkpoints import Checkpoint
from ..simulation.guard import Finding, GuardError
from ..simulation.saving import part_sink
from ..simulation.simulation import Simulation
from .housekeeping import Housekeeping, Limits
from .prepared import PreparedRun
from .progress import NoProgress, Progress
from .signals import Signals


class ControlledRun:
    """A prepared run, built; every method is collective.

    Parameters
    ----------
    prepared : PreparedRun
        What to run.
    place : Path
        The run's folder, claimed.
    comm : communicator
        The ranks.
    limits : Limits
        When checkpoints are written, and how long this process may take.
    signals : Signals
        Signals sent to the process.
    origin : Checkpoint, optional
        The checkpoint to resume from.

    Attributes
    ----------
    finding : Finding or None
        The fault that the guard found, which ends the run; None as long as there is none.

    Raises
    ------
    InputError
        If the checkpoint is of another network, or some of its recordings are missing.
    """

    def __init__(
        self,
        prepared: PreparedRun,
        place: Path,
        comm: Any,
        limits: Limits,
        signals: Signals,
        origin: Checkpoint | None = None,
    ) -> None:
        self.prepared, self.network, self.place, self.comm = prepared, prepared.network, place, comm
        self.limits, self.config = limits, prepared.request.to_json()
        self.n_presim, self.n_steps = prepared.steps
        self.finding: Finding | None = None
        network, seed = prepared.network, prepared.request.seed
        if origin is None:
            self.sink = part_sink(network, place, comm)
            self.simulation = Simulation(network, seed, comm, self.sink, noise_seed=prepared.request.noise)
        else:
            self.simulation = Simulation(network, seed, comm, noise_seed=prepared.request.noise)
            self._resume_from(origin)
        self.started_at = self.simulation.step
        self.sink.start = max(self.n_presim, self.started_at)
        self._saved_at = None if origin is None else self.started_at
        self.housekeeping = Housekeeping(comm, limits, signals, self.commit, self.save)

    def _resume_from(self, origin: Checkpoint) -> None:
        span = Span(self.n_presim, origin.state.facts["step"])

        def prepare() -> None:
            try:
                rewind(self.place, reports_of(self.network), span, self.network.grid.dt)
            except ValueError as error:
                raise InputError(str(error)) from None
            # All checks have passed: only now may the folder change.
            folder.note_config(self.place, self.config)
            checkpoints.set_aside(origin)
            folder.remove_results(self.place)

        try:
            self.simulation.resume_from(origin, self.prepared.request.noise)
        except ValueError as error:
            raise InputError(str(error)) from None
        on_root(self.comm, prepare)
        self.simulation.sink = self.sink = part_sink(self.network, self.place, self.comm)

    @property
    def is_stopped(self) -> bool:
        """Return whether the run stopped early and can be resumed."""
        return self.housekeeping.why is not None and self.finding is None

    def warm_up(self) -> tuple[float, float]:
        """Run the rest of the warm-up; return wall time (s) and model time (ms)."""
        return self._advance("warm-up ", self.n_presim, False)

    def simulate(self) -> tuple[float, float]:
        """Run the rest of the recorded period; return wall time (s) and model time (ms)."""
        return self._advance("simulate", self.n_steps, True)

    def _advance(self, label: str, stop: int, record: bool) -> tuple[float, float]:
        simulation, comm, ms = self.simulation, self.comm, self.network.grid.ms
        steps = 0 if self.is_stopped or self.finding else max(0, stop - simulation.step)
        show = Progress(label, self.network.n_neurons) if comm.rank == 0 and steps else NoProgress()
        start = simulation.step
        comm.Barrier()
        begun = time.perf_counter()
        show.start(simulation.time, ms(start + steps), simulation.n_spikes)
        self.housekeeping.begin(simulation, lambda s: show.show(s.time, s.n_spikes))
        try:
            simulation.run(ms(steps), record, self.housekeeping, self.prepared.request.max_rate)
        except GuardError as error:
            self.finding = error.finding
        comm.Barrier()
        elapsed = time.perf_counter() - begun
        show.finish()
        return comm.bcast(elapsed), ms(simulation.step - start)

    def commit(self, simulation: Simulation) -> None:
        """Close the current part of the recordings."""
        simulation.settle()
        self.sink.commit(simulation.step)

    def save(self, simulation: Simulation) -> None:
        """Close the current part of the recordings, and write a checkpoint unless this step has one."""
        self.commit(simulation)
        if simulation.step != self._saved_at:
            checkpoints.write_next(self.place, self.comm, simulation.state(), self.config)
            self._saved_at = simulation.step

    def stop(self) -> None:
        """Write a checkpoint, and leave the folder ready to be resumed."""
        self.save(self.simulation)
        self.sink.stop(self.simulation.step)
        on_root(self.comm, lambda: folder.pause(self.place))

    def conclude(self) -> None:
        """Complete the recordings; keep the last checkpoint if there is a schedule, so that the run can be extended."""
        if self.limits.keeps_checkpoints:
            self.save(self.simulation)
        self.sink.close(self.simulation.step)
        on_root(self.comm, lambda: checkpoints.keep_latest(self.place, int(self.limits.keeps_checkpoints)))
