"""From projections to this rank's synapse table.

Every rank holds, and where the rule allows draws, only the synapses onto its own neurons (`draws`); they are sorted
population by population of their sources (`pool`), so that little more memory is needed than for the table itself.
"""

from __future__ import annotations

import numpy as np

from ..network import Network
from . import streams
from .decomposition import Decomposition
from .delivery import WIDE, Synapses
from .dense import Dense
from .dense_connectivity import connect_dense
from .layout import Layout, goes_by_source, ring_size
from .shards import Plan, ShardBuilder
from .synapse_plan import delays_in_use, n_in_table
from .weights import plan_weights


def connect(
    network: Network,
    seed: int,
    layout: Layout,
    deal: Decomposition,
    is_two: np.ndarray,
    by_source: bool | None = None,
) -> tuple[Synapses, Dense]:
    """This rank's synapses: a table, and bit matrices for what is alike and dense.

    Parameters
    ----------
    is_two : bool, by population: whether excitatory and inhibitory input have receptors of their own.
    by_source : the layout of the table, by default what `layout.goes_by_source` says.
    """
    key = streams.key(seed)
    dense, second = connect_dense(network, layout, deal, key, is_two)
    delays = delays_in_use(network)
    code = plan_weights(network)
    if by_source is None:
        by_source = goes_by_source(network.n, n_in_table(network) / deal.size, layout, delays)
    by_source = by_source and code.form != WIDE
    plan = Plan(network, layout, deal, key, delays, code, is_two, second, by_source)
    shards = [ShardBuilder(plan, shard) for shard in range(layout.n_shards)]
    totals = np.array([shard.n_synapses for shard in shards], np.int64)
    if totals.max() >= 2**32:
        raise ValueError(f"{totals.max()} synapses in one shard: more than 2^32 - 1, use more ranks")
    base = np.concatenate([[0], np.cumsum(totals)])
    slots = layout.receptors * layout.width
    words = np.empty(base[-1], np.uint32)
    codes = np.empty(base[-1] if code.form == WIDE else 0, np.uint32)
    delay_codes = np.empty(base[-1] if plan.by_source else 0, np.uint16)
    index = np.zeros((layout.n_shards, network.n * plan.segments + 1), np.uint32)
    for shard, builder in enumerate(shards):
        part = slice(base[shard], base[shard + 1])
        builder.build(words[part], codes[part], delay_codes[part], index[shard])
    ring = ring_size(plan.delays) if plan.by_source else 1
    size = ring * layout.n_shards * slots
    table = Synapses(
        code.form,
        words,
        codes,
        delay_codes,
        index,
        plan.segments,
        base[:-1].copy(),
        plan.delays,
        code.palette,
        code.unit,
        np.zeros(size if code.fixed else 0, np.int32),
        np.zeros(0 if code.fixed else size),
        ring - 1,
        slots,
        layout.width,
    )
    return table, dense
