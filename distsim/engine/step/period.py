"""The recorded pieces of a run, and how often neurons fired in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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
