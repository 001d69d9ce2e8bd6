"""Synapses in space, drawn by all ranks together, each those onto its own neurons."""

from __future__ import annotations

from ..description.network import Network
from ..parallel import Comm
from .check import with_memory
from .connectivity.draw_in_space import TooFewError, draw_in_space
from .connectivity.read_edges import OwnList
from .step.decomposition import Decomposition


def draw_together(network: Network, seed: int, comm: Comm, deal: Decomposition) -> dict[int, OwnList]:
    """Return this rank's synapses in space, by projection (collective).

    Raises
    ------
    ValueError
        On all ranks, naming the first neuron that has too few others within its reach.
    MemoryError
        On all ranks, if there is too little memory on one.
    """
    lists: dict[int, OwnList] = {}
    problems: list[tuple[tuple[int, int], str]] = []

    def draw() -> None:
        try:
            lists.update(draw_in_space(network, seed, deal))
        except TooFewError as error:
            problems.append((error.place, str(error)))

    with_memory(comm, draw)
    found = [problem for part in comm.allgather(problems) for problem in part]
    if found:
        raise ValueError(min(found)[1])
    return lists
