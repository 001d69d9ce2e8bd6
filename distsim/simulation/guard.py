"""A guard against runaway activity and state that is not finite.

It looks at fixed steps, the ends of windows counted from time 0. So a run stops at the same step for the same reason on
all ranks, on any number of them, and after having been cut and resumed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..description.network import Network
from ..engine.rank_engine import RankEngine
from ..engine.step.update import ROW

WINDOW = 100.0  # ms of model time over which rates are averaged


class Finding(NamedTuple):
    """A fault of a simulation at `time_ms`: `why`, in words, and the population."""

    time_ms: float
    population: str
    why: str


class GuardError(RuntimeError):
    """A population fires faster than it may, or state is not finite; `finding` says which and when."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"stopped at {finding.time_ms:g} ms: {finding.why}")
        self.finding = finding


class Guard:
    """Checks a simulation of `network` at the end of every window.

    Attributes
    ----------
    since : the step at which the current window begins.
    counts : spikes of each population, of all ranks, before it.
    """

    def __init__(self, network: Network) -> None:
        self.window = max(1, round(WINDOW / network.grid.dt_ms))
        self.since, self.counts = 0, np.zeros(len(network.populations), np.int64)

    def is_due(self, step: int) -> bool:
        """Return whether a window ends at `step` that was not checked yet."""
        return step % self.window == 0 and step > self.since

    def next(self, step: int) -> int:
        """Return the end of the window in which the step after `step` lies."""
        return (step // self.window + 1) * self.window

    def check(self, engine: RankEngine, max_rate: float) -> Finding | None:
        """Return the fault found, or None (collective).

        At any step, all states must be finite. At the end of a window, no population may have fired more than
        `max_rate` spikes/s per neuron in it (0: no limit).
        """
        is_end = self.is_due(engine.step)
        ranks = engine.comm.allgather((self._counts(engine) if is_end else None, _not_finite(engine)))
        broken = min(filter(None, (found for _, found in ranks)), default=None)
        finding = _of_state(engine, *broken) if broken else None
        if is_end:
            counts = sum(mine for mine, _ in ranks)
            finding = finding or self._of_rates(engine, counts - self.counts, max_rate)
            self.since, self.counts = engine.step, counts
        return finding

    def _counts(self, engine: RankEngine) -> np.ndarray:
        """Return the spikes of this rank's neurons by population since time 0."""
        local, emitted = engine.deal.local_range, engine.neurons.emitted
        return np.array([emitted[slice(*local(p.first, p.n))].sum() for p in engine.network.populations], np.int64)

    def _of_rates(self, engine: RankEngine, counts: np.ndarray, max_rate: float) -> Finding | None:
        """Return a finding on the first population whose spikes in the window, `counts`, are too many, or None."""
        ms, before, now = engine.network.grid.ms, self.since, engine.step
        seconds = ms(now - before) / 1e3
        for population, n in zip(engine.network.populations, counts, strict=True):
            if max_rate and not population.model.is_source and n > max_rate * seconds * population.n:
                rate = n / seconds / population.n
                why = f"{population.name} fired {rate:.4g} spikes/s per neuron from {ms(before):g} to {ms(now):g} ms, "
                return Finding(ms(now), population.name, f"{why}more than {max_rate:g}")
        return None


def _not_finite(engine: RankEngine) -> tuple[int, int, float] | None:
    """Return gid, number of the state and value of this rank's first neuron whose state is not finite, or None."""
    neurons = engine.neurons
    if np.isfinite(neurons.state).all():
        return None
    places = np.flatnonzero(~np.isfinite(neurons.state))
    block = neurons.blocks[np.searchsorted(neurons.blocks["state"], places, side="right") - 1]
    variable, offset = np.divmod(places - block["state"], ROW)
    gids = engine.deal.gid(block["first"] + offset)
    k = np.lexsort((variable, gids))[0]
    return int(gids[k]), int(variable[k]), float(neurons.state[places[k]])


def _of_state(engine: RankEngine, gid: int, variable: int, value: float) -> Finding:
    population = next(p for p in engine.network.populations if p.holds(gid))
    name = population.model.label(variable)
    why = f"{name} of {population.name}[{gid - population.first}] is {value:g}, not finite"
    return Finding(engine.network.grid.ms(engine.step), population.name, why)
