"""Housekeeping between chunks of steps: checkpoints, closed recordings, signals and limits; the same on all ranks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .signals import Signals

if TYPE_CHECKING:
    from ..simulation.simulation import Simulation

COMMIT_EVERY = 60.0  # s between two closed parts of the recordings
BRISK, SLOW = 0.1, 0.25  # s: a chunk that takes less is followed by a longer one, one that takes more by a shorter one
FIRST, LONGEST = 50, 1 << 16  # steps of a chunk


@dataclass(frozen=True)
class Limits:
    """When checkpoints are written, and when a run stops.

    Attributes
    ----------
    every : int or None
        Steps between two checkpoints.
    wall : float or None
        Wall time between two checkpoints (s).
    max_wall : float or None
        Wall time after which the run stops (s since the process was started).
    startup : float
        Wall time since the process was started (s), at the start of the run.
    """

    every: int | None = None
    wall: float | None = None
    max_wall: float | None = None
    startup: float = 0.0

    @property
    def keeps_checkpoints(self) -> bool:
        """Return whether there is a schedule of checkpoints."""
        return self.every is not None or self.wall is not None


class Housekeeping:
    """Called with a simulation after every chunk of steps; returns whether the run is to stop (collective).

    Parameters
    ----------
    comm : communicator
        The ranks.
    limits : Limits
        When checkpoints are written, and when the run stops.
    signals : Signals
        Signals sent to the process.
    commit, checkpoint : callable
        Called with the simulation to close a part of the recordings, and to write a checkpoint.

    Attributes
    ----------
    why : str or None
        Why the run stops, in words; None while it runs.
    """

    def __init__(self, comm: Any, limits: Limits, signals: Signals, commit: Callable, checkpoint: Callable) -> None:
        self.comm, self.limits, self.signals = comm, limits, signals
        self.commit, self.checkpoint = commit, checkpoint
        self.why: str | None = None
        self.show: Callable = lambda simulation: None
        now = time.perf_counter()
        self._started, self._saved, self._committed = now - limits.startup, now, now

    def begin(self, simulation: Simulation, show: Callable) -> None:
        """Begin a run of `simulation`; `show` is called with it after every chunk."""
        self.show, self._last = show, time.perf_counter()
        self._set_chunk(simulation, min(simulation.chunk, FIRST))

    def __call__(self, simulation: Simulation) -> bool:
        self.show(simulation)
        now = time.perf_counter()
        ranks = self.comm.allgather((self.signals.received, now - self._last, self._due(now)))
        signal = next((name for name, *_ in ranks if name), None)
        over, save, commit = ranks[0][2]
        self.why = f"{signal} received" if signal else "--max-wall reached" if over else None
        if self.why is None:
            if save or self._is_checkpoint(simulation.step):
                self.checkpoint(simulation)
                self._saved = self._committed = time.perf_counter()
            elif commit:
                self.commit(simulation)
                self._committed = time.perf_counter()
        self._adapt(simulation, max(elapsed for _, elapsed, _ in ranks))
        self._last = time.perf_counter()
        return self.why is not None

    def _due(self, now: float) -> tuple[bool, bool, bool]:
        """Return whether time is up, whether a checkpoint is due, and whether a new part is due; rank 0 decides."""
        limits = self.limits
        over = limits.max_wall is not None and now - self._started >= limits.max_wall
        save = limits.wall is not None and now - self._saved >= limits.wall
        return over, save, now - self._committed >= COMMIT_EVERY

    def _is_checkpoint(self, step: int) -> bool:
        return self.limits.every is not None and step % self.limits.every == 0

    def _adapt(self, simulation: Simulation, elapsed: float) -> None:
        """Choose the next chunk so that signals are seen soon and housekeeping costs little."""
        steps = self._steps
        if elapsed < BRISK and simulation.chunk == steps:
            steps = min(2 * steps, LONGEST)
        elif elapsed > SLOW:
            steps = max(steps // 2, 1)
        self._set_chunk(simulation, steps)

    def _set_chunk(self, simulation: Simulation, steps: int) -> None:
        """Set a chunk of `steps`, or fewer up to the next checkpoint."""
        self._steps, every = steps, self.limits.every
        simulation.chunk = steps if every is None else min(steps, every - simulation.step % every)
