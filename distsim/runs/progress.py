"""Progress of a simulation: a bar on a terminal, a line now and then elsewhere, nothing on other ranks."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

BAR = 24  # characters
LAUNCHERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK")
EVERY_TERMINAL, EVERY_LINES = 0.2, 5.0  # s between two updates


class NoProgress:
    """Shows nothing."""

    def start(self, t_start: float, t_stop: float, n_spikes: int) -> None:
        pass

    def show(self, t: float, n_spikes: int) -> None:
        pass

    def finish(self) -> None:
        pass


class Progress(NoProgress):
    """Model time, real-time factor, time to go and the current mean rate of `n_neurons`, on `stream`."""

    def __init__(self, label: str, n_neurons: int, stream: TextIO | None = None) -> None:
        self.label, self.n_neurons, self.stream = label, max(1, n_neurons), stream or sys.stdout
        self.terminal = is_terminal(self.stream)
        self.every = EVERY_TERMINAL if self.terminal else EVERY_LINES

    def start(self, t_start: float, t_stop: float, n_spikes: int) -> None:
        """Begin at model time `t_start` (ms), with `n_spikes` so far, to end at `t_stop`."""
        self.t_start, self.t_stop = t_start, t_stop
        self.begun = self.shown = time.perf_counter()
        self.last_t, self.last_spikes = t_start, n_spikes

    def show(self, t: float, n_spikes: int) -> None:
        """Model time `t` (ms) is reached, with `n_spikes` of all neurons since the simulation's start."""
        now = time.perf_counter()
        if now - self.shown < self.every and t < self.t_stop:
            return
        if t > self.last_t:
            rate = (n_spikes - self.last_spikes) / self.n_neurons / (t - self.last_t) * 1e3
            self._write(t, now - self.begun, rate)
        self.shown, self.last_t, self.last_spikes = now, t, n_spikes

    def _write(self, t: float, wall: float, rate: float) -> None:
        done = (t - self.t_start) / (self.t_stop - self.t_start)
        factor = wall / (t - self.t_start) * 1e3
        to_go = clock_text(wall / done * (1 - done))
        facts = f"{t:8.1f} ms  real-time factor {factor:5.2f}  ETA {to_go}  {rate:6.2f} spikes/s"
        if self.terminal:
            bar = ("█" * round(BAR * done)).ljust(BAR, "░")
            self.stream.write(f"\r{self.label} {bar} {done:4.0%} {facts}\x1b[K")
        else:
            self.stream.write(f"{self.label} {done:4.0%} {facts}\n")
        self.stream.flush()

    def finish(self) -> None:
        if self.terminal:
            self.stream.write("\n")
            self.stream.flush()


def is_terminal(stream: TextIO) -> bool:
    """Return whether a person watches `stream`.

    Open MPI gives each rank a terminal of its own, so under a launcher it is the launcher's output that tells.
    """
    if not stream.isatty():
        return False
    if not any(name in os.environ for name in LAUNCHERS):
        return True
    try:
        target = os.readlink(f"/proc/{os.getppid()}/fd/1")
    except OSError:
        return False
    return target.startswith(("/dev/pts/", "/dev/tty"))


def clock_text(seconds: float) -> str:
    """0:07, 12:30 or 1:02:03."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}" if hours else f"{m}:{s:02d}"
