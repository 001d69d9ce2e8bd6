"""The synapse models, by name: what a synapse is made of and what a spike does to it. May import `neurons`.

A new model is a file like `static.py` and a line here; `Projection.synapse` says which one a projection has.
"""

from .base import PACKED, SynapseModel
from .static import static

SYNAPSES = {model.name: model for model in (static,)}

__all__ = ["PACKED", "SYNAPSES", "SynapseModel", "static"]
