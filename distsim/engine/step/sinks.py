"""Sinks, which take recordings. A sink has two methods, called on all ranks alike:

spikes(steps, gids)      recorded spikes of all ranks, by (step, gid); the same on every rank
voltages(steps, block)   V_m (mV) of this rank's recorded neurons at `steps`, by ascending gid

After an exception (Ctrl-C, for instance) in a method or just after it, the next call brings the same data again, and
may add what was recorded since. So a call that begins at the step of the last one replaces its data; a sink that cannot
replace them must refuse them.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Sink(Protocol):
    """Interface of all sinks."""

    def spikes(self, steps: np.ndarray, gids: np.ndarray) -> None:
        """Take recorded spikes."""

    def voltages(self, steps: np.ndarray, block: np.ndarray) -> None:
        """Take recorded voltages."""


class MemorySink:
    """Keeps everything in memory: spikes on every rank, voltages on the rank that owns the neuron."""

    def __init__(self, n_voltages: int) -> None:
        self._n_voltages = n_voltages
        self._spikes: list[tuple[np.ndarray, np.ndarray]] = []
        self._voltages: list[tuple[np.ndarray, np.ndarray]] = []

    def spikes(self, steps: np.ndarray, gids: np.ndarray) -> None:
        _add(self._spikes, steps.copy(), gids.astype(np.int64))

    def voltages(self, steps: np.ndarray, block: np.ndarray) -> None:
        _add(self._voltages, steps, block.copy())

    def all_spikes(self) -> tuple[np.ndarray, np.ndarray]:
        """(steps, gids) of all recorded spikes, int64, by (step, gid)."""
        if not self._spikes:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        return tuple(np.concatenate(parts) for parts in zip(*self._spikes, strict=True))

    def local_voltages(self) -> tuple[np.ndarray, np.ndarray]:
        """(steps, V_m (mV) of this rank's recorded neurons, float64 (time, neuron))."""
        if not self._voltages:
            return np.zeros(0, np.int64), np.zeros((0, self._n_voltages))
        return tuple(np.concatenate(parts) for parts in zip(*self._voltages, strict=True))


def _add(batches: list[tuple[np.ndarray, np.ndarray]], steps: np.ndarray, values: np.ndarray) -> None:
    """Append a batch; it replaces the last one if both begin at the same step."""
    is_again = bool(batches) and batches[-1][0][0] == steps[0]
    batches[len(batches) - is_again :] = [(steps, values)]  # one statement: Ctrl-C cannot come between
