"""From projections to this rank's synapse table.

Every rank holds, and where the rule allows draws, only the synapses onto its own neurons (`draws`); they are sorted
population by population of their sources (`pool`), so that little more memory is needed than for the table itself.
"""

from __future__ import annotations

import numpy as np

from ...description.network import Network
from ..random import streams
from ..step.decomposition import Decomposition
from ..step.delivery import WIDE, Synapses
from ..step.dense import Dense
from ..step.layout import Layout, goes_by_source, ring_size
from .build_dense import connect_dense
from .grains import plan_grain
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
    grain_bits = plan_grain(network, deal.size, layout.n_shards, delays, by_source)
    plan = Plan(network, layout, deal, key, delays, code, is_two, second, by_source, grain_bits)
    shards = [ShardBuilder(plan, shard) for shard in range(layout.n_shards)]
    most = np.array([shard.most_places for shard in shards], np.int64)
    if most.max() >= 2**32:
        raise ValueError(f"{most.max()} places for synapses in one shard: more than 2^32 - 1, use more ranks")
    slots = layout.receptors * layout.width
    words = np.empty(most.sum(), np.uint32)  # memory that is not written to is not taken
    weights = np.empty(most.sum() if code.form == WIDE else 0)
    delay_codes = np.empty(most.sum() if plan.by_source else 0, np.uint16)
    index = np.empty((layout.n_shards, network.n * plan.segments + 1), np.uint32)  # on huge pages, unlike np.zeros
    index.fill(0)
    base = np.zeros(layout.n_shards + 1, np.int64)
    for shard, builder in enumerate(shards):
        start = base[shard]
        base[shard + 1] = start + builder.build(words[start:], weights[start:], delay_codes[start:], index[shard])
    ring = ring_size(plan.delays) if plan.by_source else 1
    size = ring * layout.n_shards * slots
    table = Synapses(
        code.form,
        words[: base[-1]],
        weights[: base[-1]],
        delay_codes[: base[-1]],
        index,
        plan.grain_bits,
        plan.segments,
        base[:-1].copy(),
        plan.delays,
        np.zeros(0) if code.form == WIDE else code.palette,
        code.unit,
        np.zeros(size if code.fixed else 0, np.int32),
        np.zeros(0 if code.fixed else size),
        ring - 1,
        slots,
        layout.width,
    )
    return table, dense
