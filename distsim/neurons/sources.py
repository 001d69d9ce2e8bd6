"""Sources: populations that emit given or random spikes and have no membrane.

`poisson_source`: each source its own Poisson train of `rate`, spikes in (start, stop]; all targets get the same train.
`spike_source`: each source emits the spikes it was given. Both relay what arrives at them within a step as spikes.
"""

from __future__ import annotations

import math

from .base import NeuronModel, Parameter

MOST_SPIKES = 255  # of one source in one step: the count is a byte
MOST_MEAN = 130.0  # Poisson numbers of this mean exceed 255 with a probability below 2^-32


def relay(n, stride, state, refractory, par, par_stride, par_step, inputs, input_stride, receptors, current, fired):
    """Emit as many spikes as have arrived in this step; the arguments are those of `iaf_psc_exp.update`."""
    n_fired = 0
    for i in range(n):
        fired[i] = int(inputs[i])
        n_fired += fired[i]
    return n_fired


POISSON = {
    "rate": Parameter(0.0, "spikes/s", "rate of each source", 0.0),
    "start": Parameter(0.0, "ms", "spikes are emitted after this time", 0.0),
    "stop": Parameter(math.inf, "ms", "and not after this time", 0.0),
}

poisson_source = NeuronModel("poisson_source", POISSON, 1, 0, lambda p: 1, lambda p, dt: [], relay, is_source=True)
spike_source = NeuronModel("spike_source", {}, 1, 0, lambda p: 1, lambda p, dt: [], relay, is_source=True)
