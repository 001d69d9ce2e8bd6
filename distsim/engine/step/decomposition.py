"""Who owns which neuron: neuron `gid` lives on rank gid % size as its neuron number lid = gid // size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np

Ids = TypeVar("Ids", int, np.ndarray)


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

    def gid(self, lid: Ids) -> Ids:
        gid: Ids = lid * self.size + self.rank
        return gid

    @overload
    def local(self, gids: int) -> bool: ...

    @overload
    def local(self, gids: np.ndarray) -> np.ndarray: ...

    def local(self, gids: int | np.ndarray) -> bool | np.ndarray:
        """Boolean mask of the gids that live here."""
        mask: bool | np.ndarray = gids % self.size == self.rank
        return mask

    def lids(self, gids: Ids) -> Ids:
        lids: Ids = gids // self.size
        return lids
