"""Bit matrices read back as lists of synapses; used by several tests."""

from __future__ import annotations

import numpy as np


def synapses_in(dense, width: int, size: int = 1, rank: int = 0) -> np.ndarray:
    """Return source gid, target gid and delay (steps) of the synapses in matrices of a rank with shards of `width`."""
    found = [np.zeros((0, 3), np.int64)]
    for begin, end, n_words, n_targets, shard, slot in dense.sums:
        for delay, first, last, start, _ in dense.panels[begin:end].tolist():
            bits = dense.bits[start : start + (last - first) * n_words].view(np.uint8)
            matrix = np.unpackbits(bits, bitorder="little").reshape(last - first, -1)
            assert not matrix[:, n_targets:].any()
            sources, columns = np.nonzero(matrix)
            targets = (shard * width + slot % width + columns) * size + rank
            found.append(np.stack([first + sources, targets, np.full(sources.size, delay)], axis=1))
    return np.concatenate(found)
