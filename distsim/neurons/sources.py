"""Sources: populations that emit given or random spikes and have no membrane.

`poisson_source`: each source its own Poisson train of `rate`, spikes in (start, stop]; all targets get the same train.
`spike_source`: each source emits the spikes it was given. Both relay what arrives at them within a step as spikes.
"""

from __future__ import annotations

import math

import numpy as np

from .base import NeuronModel, Parameter

MOST_SPIKES = 255  # of one source in one step: the count is a byte
MOST_MEAN = 130.0  # Poisson numbers of this mean exceed 255 with a probability below 2^-32


def relay(wait, ex, inh, current):
    """As many spikes as have arrived in this step."""
    return wait, np.uint8(ex)


POISSON = {
    "rate": Parameter(0.0, "spikes/s", "rate of each source", 0.0),
    "start": Parameter(0.0, "ms", "spikes are emitted after this time", 0.0),
    "stop": Parameter(math.inf, "ms", "and not after this time", 0.0),
}

RELAY: dict = {"propagators": lambda p, dt: {}, "step": relay, "is_source": True, "most_spikes": MOST_SPIKES}

poisson_source = NeuronModel("poisson_source", POISSON, (), **RELAY)
spike_source = NeuronModel("spike_source", {}, (), **RELAY)
