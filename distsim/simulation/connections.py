"""`Connections`: the synapses between two parts of a network as arrays, read back from a simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..description.elements import Part, Selection
from ..engine.connectivity.read_back import Found, find_synapses, sorted_order
from ..engine.rank_engine import RankEngine
from .agreement import agree


@dataclass(frozen=True, eq=False)
class Connections:
    """Synapses from `source` to `target`, by source, target and delay; those that share all three are in the order of
    their description. The order is the same on any number of ranks.

    Attributes
    ----------
    source, target : Selection
        The neurons asked for.
    sources, targets : ndarray of int64, shape (n,)
        Where each synapse begins and ends, 0-based in the populations.
    weights : ndarray of float64, shape (n,)
        pA (mV for iaf_psc_delta), as they are used: drawn weights are rounded.
    delays : ndarray of float64, shape (n,)
        ms.
    """

    source: Selection
    target: Selection
    sources: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    delays: np.ndarray

    def __len__(self) -> int:
        return self.sources.size

    def __repr__(self) -> str:
        return f"<{len(self)} synapses from {self.source} to {self.target}>"

    def to_sparse(self, what: str = "weights") -> Any:
        """Return weights, or delays, as a matrix that `Network.connect` takes.

        Parameters
        ----------
        what : {"weights", "delays"}
            The entries.

        Returns
        -------
        scipy.sparse.coo_array
            Of shape (neurons of the source's population, neurons of the target's). Repeated synapses of a pair are
            entries of their own, which most other formats of scipy add up.

        Raises
        ------
        ValueError
            Another `what`.
        ModuleNotFoundError
            scipy is not installed.
        """
        if what not in ("weights", "delays"):
            raise ValueError(f"to_sparse: 'weights' or 'delays', not {what!r}")
        try:
            from scipy import sparse
        except ModuleNotFoundError:
            raise ModuleNotFoundError("to_sparse needs scipy: pip install scipy") from None
        shape = (self.source.population.n, self.target.population.n)
        return sparse.coo_array((getattr(self, what), (self.sources, self.targets)), shape=shape)


def connections_of(engine: RankEngine, source: Part, target: Part, *, is_local: bool) -> Connections:
    """Return the synapses between two parts of a network, see `Simulation.connections` (collective)."""
    network = engine.network
    source, target = network.select(source), network.select(target)
    agree(engine.comm, {"what connections are read": (source, target, is_local)})
    found = find_synapses(engine.synapses, engine.dense, engine.deal, source, target)
    if not is_local:
        found = _of_all(engine, found, target.population.n)
    sources, targets, delays, weights, _ = found
    return Connections(source, target, sources, targets, weights, network.grid.ms(delays))


def _of_all(engine: RankEngine, mine: Found, n_targets: int) -> Found:
    """Return the synapses of all ranks, sorted (collective); all of a pair are on the rank of its target."""
    if engine.comm.size == 1:
        return mine
    parts = engine.comm.allgather(tuple(mine))
    sources, targets, delays, weights, places = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = sorted_order(sources, targets, delays, n_targets)
    return Found(sources[order], targets[order], delays[order], weights[order], places[order])
