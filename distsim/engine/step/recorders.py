"""Find the recorded neurons by their global ids, and the times of samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...description.elements import Population
from ...description.network import Network
from .decomposition import runs


def wanted_neurons(network: Network) -> np.ndarray:
    """Bytes by gid: 1 where spikes are recorded; empty if none are."""
    if not network.spike_recorders:
        return np.zeros(0, np.uint8)
    wanted = np.zeros(network.n, np.uint8)
    for selection in network.spike_recorders:
        wanted[selection.gids] = 1
    return wanted


def voltage_gids(network: Network) -> np.ndarray:
    """Global ids whose V_m is recorded, ascending, each once."""
    gids = [recorder.target.gids for recorder in network.voltage_recorders]
    return np.unique(np.concatenate([*gids, np.zeros(0, np.int64)]))


def recorded_populations(network: Network) -> dict[str, tuple[int, int]]:
    """Populations with a neuron whose spikes are recorded, in order: name -> (first gid, n)."""
    names = {selection.population.name for selection in network.spike_recorders}
    return {p.name: (p.first, p.n) for p in network.populations if p.name in names}


def recorded_ranges(network: Network, population: Population) -> list[list[int]] | None:
    """[start, stop) runs of the neurons of `population` whose spikes are recorded; None if it is all of them."""
    wanted = wanted_neurons(network)[population.span]
    if wanted.all() and wanted.size == population.n:
        return None
    return [list(run) for run in runs(np.flatnonzero(wanted))]


class Period:
    """The recorded pieces of a run; it never changes.

    Attributes
    ----------
    pieces : (steps before, steps at its end) of each, without those between which nothing was left out.
    counts : int64 (n_local,), spikes of this rank's neurons in them.
    """

    def __init__(self, pieces: Sequence[tuple[int, int]], counts: np.ndarray) -> None:
        self.pieces, self.counts = list(pieces), counts

    def and_then(self, start: int, stop: int, counts: np.ndarray) -> Period:
        """Return the period with the steps from `start` to `stop` added, in which the neurons emitted `counts`."""
        if stop <= start:
            return self
        before = self.pieces
        if before and before[-1][1] == start:
            before, start = before[:-1], before[-1][0]
        return Period([*before, (start, stop)], self.counts + counts)

    @property
    def start(self) -> int:
        return self.pieces[0][0] if self.pieces else 0

    @property
    def stop(self) -> int:
        return self.pieces[-1][1] if self.pieces else 0

    @property
    def steps(self) -> int:
        """Of all pieces."""
        return sum(stop - start for start, stop in self.pieces)
