"""The layout of a network's synapses: every decision, made once from the description and the number of ranks.

Which projections become bit matrices, how weights are coded, how many neurons a shard has, whether the index of the
table is by source or by source and delay, and how many synapses a grain holds. Building, the estimate of memory, the
check before a run and the model of scaling all read the same `TablePlan`. Decisions change memory and time, never
spikes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...description.elements import Projection
from ...description.network import Network
from ...synapses import PACKED
from ..step.delivery import WIDE
from ..step.layout import Layout, goes_by_source, plan_layout, ring_size
from ..step.population_state import receptors_of
from ..step.update import ROW
from .build_dense import Group, plan_groups
from .grains import plan_grain
from .read_edges import read_facts
from .synapse_plan import delays_in_use, n_expected
from .weights import WeightCode, plan_weights


@dataclass(frozen=True)
class TablePlan:
    """The layout of the synapses of `network` on each of `size` ranks; the same on all of them.

    Attributes
    ----------
    network : Network
        What is to be connected.
    size : int
        Number of ranks.
    receptors : ndarray of int64, shape (populations,)
        How many receptors, kinds of input that are kept apart, the neurons of each population have.
    groups : list of Group
        Projections that are kept as bit matrices.
    delays : ndarray of int64
        Delays (steps) that occur, ascending.
    code : WeightCode
        How weights are stored.
    layout : Layout
        Shards and slots, for the rank with most neurons.
    by_source : bool
        Whether the index goes by source and synapses carry their delays.
    given_grain_bits : int, optional
        `grain_bits`, by default what `plan_grain` chooses.
    """

    network: Network
    size: int
    receptors: np.ndarray
    groups: list[Group]
    delays: np.ndarray
    code: WeightCode
    layout: Layout
    by_source: bool
    given_grain_bits: int | None = None

    @cached_property
    def in_table(self) -> list[Projection]:
        """Return the projections that are kept in the table rather than in bit matrices."""
        in_matrices = {number for group in self.groups for number in group.numbers}
        return [p for number, p in enumerate(self.network.projections) if number not in in_matrices]

    @cached_property
    def grain_bits(self) -> int:
        """Return the binary logarithm of the synapses in a grain, see `delivery`."""
        if self.given_grain_bits is not None:
            return self.given_grain_bits
        n_shards = self.layout.n_shards
        return plan_grain(self.network, self.in_table, self.size, n_shards, self.delays, self.by_source)

    @property
    def n_in_table(self) -> int:
        """Return the expected number of synapses in the tables of all ranks."""
        return sum(map(n_expected, self.in_table))

    @property
    def is_wide(self) -> bool:
        """Return whether weights are stored as float64 values rather than as codes."""
        return self.code.form == WIDE

    @property
    def segments(self) -> int:
        """Return the entries of the index for each source."""
        return 1 if self.by_source else self.delays.size

    @property
    def ring(self) -> int:
        """Return the rows of the ring buffer of input."""
        return ring_size(self.delays) if self.by_source else 1

    @property
    def row_size(self) -> int:
        """Return the slots in all rows of all shards."""
        return self.ring * self.layout.n_shards * self.layout.receptors * self.layout.width

    @property
    def shortest_delay(self) -> int | None:
        """Return the shortest delay (steps), None without synapses."""
        return int(self.delays[0]) if self.delays.size else None

    @property
    def longest_delay(self) -> int:
        """Return the longest delay (steps), 0 without synapses."""
        return int(self.delays[-1]) if self.delays.size else 0

    def on(self, size: int) -> TablePlan:
        """Return the plan of the same network for `size` ranks."""
        layout = plan_layout(-(-self.network.n // size), self.layout.receptors, ROW)
        plan = replace(self, size=size, layout=layout)
        return replace(plan, by_source=_goes_by_source(plan))


def plan_table(
    network: Network, size: int, *, layout: Layout | None = None, by_source: bool | None = None
) -> TablePlan:
    """Decide on the layout of a network's synapses.

    Parameters
    ----------
    network : Network
        What is to be connected.
    size : int
        Number of ranks.
    layout : Layout, optional
        Shards and slots, by default what `plan_layout` chooses for whole blocks of neurons.
    by_source : bool, optional
        Whether the index goes by source, by default what `goes_by_source` says.

    Returns
    -------
    TablePlan
        All decisions.

    Raises
    ------
    ValueError
        There is no table for a synapse model.
    """
    for p in network.projections:
        if p.synapse.table != PACKED:
            ends, model = f"{p.source.population.name} -> {p.target.population.name}", p.synapse
            raise ValueError(
                f"{ends}: synapse model {model.name} needs a table {model.table!r}; there is only {PACKED!r}"
            )
    read_facts(network)
    receptors = receptors_of(network)
    if layout is None:
        layout = plan_layout(-(-network.n // size), int(receptors.max(initial=1)), ROW)
    synapses = plan_groups(network), delays_in_use(network), plan_weights(network)
    plan = TablePlan(network, size, receptors, *synapses, layout, bool(by_source))
    return plan if by_source is not None else replace(plan, by_source=_goes_by_source(plan))


def _goes_by_source(plan: TablePlan) -> bool:
    return goes_by_source(plan.network.n, plan.n_in_table / plan.size, plan.layout, plan.delays)
