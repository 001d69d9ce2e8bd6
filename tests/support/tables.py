"""Synapse tables read back, whichever way they are indexed; used by several tests."""

from __future__ import annotations

import numpy as np

from distsim.engine.step.delivery import FIXED, WIDE, Synapses, segment_bounds


def synapses_of(table: Synapses, shard: int) -> tuple[np.ndarray, ...]:
    """Return source gid, delay (steps), slot and weight (units of a fixed table, pA otherwise) of a shard's synapses,
    in their order, int64 and float64."""
    first, end = segment_bounds(table.index[shard], np.arange(table.index.shape[1] - 1), table.grain_bits)
    segment = np.repeat(np.arange(first.size), end - first)
    part = np.concatenate([np.zeros(0, int), *map(np.arange, first, end)]) + table.base[shard]
    words = table.words[part]
    by_source = table.delay_codes.size > 0
    delay = table.delay_codes[part] if by_source else segment % max(1, table.segments)
    if table.form == FIXED:
        weight = (words.view(np.int32) >> 16).astype(float)
    else:
        weight = table.weights[part] if table.form == WIDE else table.palette[words >> 16]
    slot = (words if table.form == WIDE else words & 0xFFFF).astype(np.int64)
    return segment // max(1, table.segments), table.delays[delay.astype(np.int64)], slot, weight
