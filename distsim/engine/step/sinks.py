"""Sinks: where recordings go, in memory or in files (NEST calls them recording backends).

A sink has one method, called on all ranks alike:

take(name, steps, values)    what the report `name` recorded since the last call

For spikes, `steps` and `values` (global ids) hold those of all ranks, by (step, gid), the same on every rank. For a
sampled quantity, `values` has a row for each of `steps` and a column for each of this rank's recorded neurons, by
ascending gid.

If an exception (Ctrl-C, for instance) interrupts the method or comes just after it, the next call passes the same data
again, perhaps followed by newer ones. So a call with the same first step as the last one replaces its data; a sink that
cannot replace them must refuse them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ...description.elements import SPIKES
from ...description.reports import Report
from .decomposition import Decomposition


class Sink(Protocol):
    """Interface of a sink."""

    def take(self, name: str, steps: np.ndarray, values: np.ndarray) -> None:
        """Take what the report `name` recorded."""


class MemorySink:
    """Keeps everything in memory: spikes on every rank, samples on the rank that owns the neuron."""

    def __init__(self, reports: Sequence[Report], deal: Decomposition) -> None:
        nothing = np.zeros(0, np.int64)
        self._nothing = {
            report.name: nothing if report.is_spikes else np.zeros((0, int(deal.local(report.gids).sum())))
            for report in reports
        }
        self._batches: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {report.name: [] for report in reports}

    def take(self, name: str, steps: np.ndarray, values: np.ndarray) -> None:
        batches = self._batches[name]
        batch = (steps.copy(), values.astype(np.int64 if name == SPIKES else np.float64))
        is_again = bool(batches) and batches[-1][0][0] == steps[0]
        batches[len(batches) - is_again :] = [batch]  # one statement: Ctrl-C cannot come between

    def recorded(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps (int64) and values of the report `name` so far; empty if there is no such report."""
        if not self._batches.get(name):
            return np.zeros(0, np.int64), self._nothing.get(name, np.zeros(0, np.int64))
        steps, values = (np.concatenate(parts) for parts in zip(*self._batches[name], strict=True))
        return steps, values
