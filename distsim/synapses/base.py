"""`SynapseModel`: variables of each synapse, parameters of a projection, and the table that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..neurons import Parameter

PACKED = "packed"  # one 32-bit word per synapse, or one bit in dense projections: `engine/step/delivery`, `dense`


@dataclass(frozen=True)
class SynapseModel:
    """A synapse model.

    A presynaptic spike reaches the target after the delay of the synapse and adds the weight to a receptor there.

    Attributes
    ----------
    name : str
        The usual name of the model, for instance ``static_synapse``.
    parameters : mapping of str to Parameter
        What all synapses of a projection have in common.
    variables : tuple of str
        What each synapse stores, besides its target and delay, and changes while the network runs.
    table : str
        The table that holds the synapses. PACKED, the only one so far, stores no variables: weights are codes that
        never change.
    """

    name: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    variables: tuple[str, ...] = ()
    table: str = PACKED

    def __post_init__(self) -> None:
        if self.table == PACKED and self.variables:
            kept = ", ".join(self.variables)
            raise TypeError(f"{self.name}: {kept} would change, but a packed table stores no variables of synapses")
