"""Who owns which neuron: neuron `gid` lives on rank gid % size as its neuron number lid = gid // size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Decomposition:
    """`n` neurons dealt round-robin to `size` ranks, seen from `rank`."""

    n: int
    size: int
    rank: int

    @property
    def n_local(self) -> int:
        return self.first_lid(self.n)

    def first_lid(self, gid: int) -> int:
        """The lowest lid whose gid is at least `gid`: local neurons of gids [a, b) are first_lid(a) ...
        first_lid(b)-1."""
        return max(0, -((self.rank - gid) // self.size))

    def local_range(self, first: int, n: int) -> tuple[int, int]:
        """First and last (excluded) local id of the gids first ... first + n - 1."""
        return self.first_lid(first), self.first_lid(first + n)

    def gid(self, lid: int | np.ndarray) -> int | np.ndarray:
        return lid * self.size + self.rank

    def local(self, gids: np.ndarray) -> np.ndarray:
        """Boolean mask of the gids that live here."""
        return gids % self.size == self.rank

    def lids(self, gids: np.ndarray) -> np.ndarray:
        return gids // self.size
