"""Place neurons in the rows that sum up their input, and choose the index of the synapse table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .delivery import SLOT_BITS

SHORT = 6  # synapses of a segment, on average, from which on the index by delay pays


@dataclass(frozen=True)
class Layout:
    """Places of local neurons in the rows: shard lid // width, slot receptor * width + lid % width."""

    n_local: int
    width: int
    receptors: int

    @property
    def n_shards(self) -> int:
        return max(1, -(-self.n_local // self.width))


def plan_layout(n_local: int, receptors: int, block: int) -> Layout:
    """Shards of at most 65,536 slots, whole blocks of neurons each."""
    most = (1 << SLOT_BITS) // receptors // block * block
    width = min(most, -(-max(n_local, 1) // block) * block)
    return Layout(n_local, width, receptors)


def ring_size(delays: np.ndarray) -> int:
    """Rows that are filled at once where all synapses of a spike are delivered together: a power of 2."""
    return 1 << int(delays[-1] - delays[0]).bit_length() if delays.size else 1


def goes_by_source(n_sources: int, n_synapses: float, layout: Layout, delays: np.ndarray) -> bool:
    """Return whether a table of `n_synapses` on each rank has an index by source and delays in the synapses.

    With segments of 4 to 8 synapses both layouts are as fast, with 2 this one takes half the time (microcircuit on 16,
    8 and 32 ranks). It must not take much more memory than the other.
    """
    index = 4 * n_sources * layout.n_shards
    row = 8 * layout.receptors * layout.width * layout.n_shards
    by_delay = index * delays.size + row + 4 * n_synapses
    by_source = index + ring_size(delays) * row + 6 * n_synapses
    is_short = n_synapses < SHORT * n_sources * layout.n_shards * delays.size
    return 1 < delays.size <= 1 << 16 and is_short and by_source < 1.5 * by_delay


def receptor_of(weights: np.ndarray | float, n_receptors: int, chosen: int | None) -> np.ndarray:
    """Return the receptor (from 0) at which `weights` arrive: the chosen one, or else that of their sign."""
    if chosen is not None:
        return np.full(np.shape(weights), chosen, np.int64)
    return np.where((np.asarray(weights) < 0) & (n_receptors == 2), 1, 0)
