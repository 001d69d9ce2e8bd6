"""Build this rank's synapse table from the projections.

Every rank holds only the synapses onto its own neurons, and draws only these where the rule allows it (`draws`). They
are sorted one source population at a time (`pool`), which takes little more memory than the table itself.
"""

from __future__ import annotations

import numpy as np

from ...parallel import SerialCommunicator
from ..random import streams
from ..step.decomposition import Decomposition
from ..step.delivery import Synapses
from ..step.dense import Dense
from .build_dense import connect_dense
from .draw_in_space import draw_in_space
from .read_edges import Lists, read_lists
from .shards import BuildContext, ShardBuilder
from .table_plan import TablePlan


def connect(plan: TablePlan, seed: int, deal: Decomposition, lists: Lists | None = None) -> tuple[Synapses, Dense]:
    """Build this rank's synapses.

    Parameters
    ----------
    plan : TablePlan
        The layout of the table.
    seed : int
        Fixes what is drawn.
    deal : Decomposition
        Which neurons are this rank's.
    lists : Lists, optional
        The edges of files, and synapses drawn in space, onto this rank's neurons; by default this rank reads and draws
        them now, on its own.

    Returns
    -------
    Synapses
        The table.
    Dense
        Bit matrices of the projections that are dense and whose synapses are alike.
    """
    network, code, layout, key = plan.network, plan.code, plan.layout, streams.key(seed)
    if lists is None:
        lists = {**read_lists(network, SerialCommunicator(), deal), **draw_in_space(network, seed, deal)}
    dense, second = connect_dense(network, plan.groups, layout, deal, key, plan.receptors)
    context = BuildContext(plan, deal, key, second, lists)
    shards = [ShardBuilder(context, shard) for shard in range(layout.n_shards)]
    most = np.array([shard.most_places for shard in shards], np.int64)
    if most.max() >= 2**32:
        raise ValueError(f"{most.max()} places for synapses in one shard: more than 2^32 - 1, use more ranks")
    words = np.empty(most.sum(), np.uint32)  # memory that is not written to takes no space
    weights = np.empty(most.sum() if plan.is_wide else 0)
    delay_codes = np.empty(most.sum() if plan.by_source else 0, np.uint16)
    index = np.empty((layout.n_shards, network.n * plan.segments + 1), np.uint32)  # on huge pages, unlike np.zeros
    index.fill(0)
    base = np.zeros(layout.n_shards + 1, np.int64)
    for shard, builder in enumerate(shards):
        start = base[shard]
        base[shard + 1] = start + builder.build(words[start:], weights[start:], delay_codes[start:], index[shard])
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
        np.zeros(0) if plan.is_wide else code.palette,
        code.unit,
        np.zeros(plan.row_size if code.fixed else 0, np.int32),
        np.zeros(0 if code.fixed else plan.row_size),
        plan.ring - 1,
        layout.receptors * layout.width,
        layout.width,
    )
    return table, dense
