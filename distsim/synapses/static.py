"""static_synapse: weight and delay never change."""

from .base import SynapseModel

static = SynapseModel("static_synapse")
