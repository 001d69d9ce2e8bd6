"""Reports: recordings that share a file. All spikes are one report; each sampled recordable is another.

Engine, sinks, files, results and checkpoints loop over reports, and know nothing else of recorders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .elements import SPIKES, V_M, Population, Recorder
from .indices import as_key, runs
from .network import Network


@dataclass(frozen=True, eq=False)
class Report:
    """The recordings of all recorders of one name.

    Attributes
    ----------
    name : str
        "spikes", "V_m", another recordable, or the name that the recorders were given.
    recorders : tuple of Recorder
        They differ only in their targets.
    populations : tuple of Population
        Those recorded in whole or in part, in the order of the network.
    """

    name: str
    recorders: tuple[Recorder, ...]
    populations: tuple[Population, ...]

    @property
    def is_spikes(self) -> bool:
        return self.name == SPIKES

    @property
    def interval(self) -> int:
        """Return the steps between two samples."""
        return self.recorders[0].interval

    @property
    def window(self) -> tuple[int, int]:
        """Return (start, stop): steps start + 1 ... stop are recorded."""
        return self.recorders[0].start, self.recorders[0].stop

    @cached_property
    def masks(self) -> dict[str, np.ndarray]:
        """Return by population which of its neurons are recorded, bool (n,)."""
        found = {p.name: np.zeros(p.n, bool) for p in self.populations}
        for target in (recorder.target for recorder in self.recorders):
            found[target.population.name][as_key(target.indices)] = True
        return found

    @cached_property
    def ids(self) -> dict[str, np.ndarray]:
        """Return the recorded neurons by population, int64, 0-based in it, ascending."""
        return {name: np.flatnonzero(mask) for name, mask in self.masks.items()}

    @cached_property
    def gids(self) -> np.ndarray:
        """Return the global ids of the recorded neurons, int64, ascending, each once."""
        return np.concatenate([np.zeros(0, np.int64), *(self.ids[p.name] + p.first for p in self.populations)])

    @property
    def units(self) -> dict[str, str]:
        """Return the unit of the samples by population."""
        recordables = {r.target.population.name: r.what for r in self.recorders}
        return {p.name: p.model.unit_of(recordables[p.name]) for p in self.populations}

    def recordable(self, population: Population) -> str:
        """Return the name of the recordable that is sampled in `population`."""
        return next(r.what for r in self.recorders if r.target.population is population)


def reports_of(network: Network) -> tuple[Report, ...]:
    """Return the reports of `network`: spikes first, then V_m, then others by name."""
    by_name: dict[str, list[Recorder]] = {}
    for recorder in network.recorders:
        # A spike file lists an empty population, as it does a silent one; samples of no neurons are dropped.
        if len(recorder.target) or recorder.name == SPIKES:
            by_name.setdefault(recorder.name, []).append(recorder)
    first = {SPIKES: 0, V_M: 1}
    names = sorted(by_name, key=lambda name: (first.get(name, 2), name))
    found = []
    for name in names:
        recorded = {recorder.target.population.name for recorder in by_name[name]}
        populations = tuple(p for p in network.populations if p.name in recorded)
        found.append(Report(name, tuple(by_name[name]), populations))
    return tuple(found)


def spike_report(reports: Sequence[Report]) -> Report | None:
    """Return the report of spikes, None if there is none."""
    return next((report for report in reports if report.is_spikes), None)


def sampled_reports(reports: Sequence[Report]) -> tuple[Report, ...]:
    """Return the reports of recordables."""
    return tuple(report for report in reports if not report.is_spikes)


def recorded_ranges(report: Report | None, population: Population) -> list[list[int]] | None:
    """Return the recorded neurons of `population` as runs [start, stop); None if it is all of them."""
    mask = None if report is None else report.masks.get(population.name)
    if mask is None:
        return None if population.n == 0 else []
    return None if mask.all() else [list(run) for run in runs(np.flatnonzero(mask))]
