"""parrot_neuron: passes on each spike that arrives, in the same step, so that several targets get the same train.

Several spikes that arrive in one step are emitted as so many spikes, whatever the weights of their connections. Those
that come by `receptor=1` are not passed on; the others come by `receptor=0`, which need not be chosen.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .base import SPIKES_AT_MOST, NeuronModel


def no_propagators(parameters: Mapping, dt: float) -> dict:
    return {}


def step(wait, passed, ignored, current):
    """As many spikes as have arrived: a whole number but for rounding."""
    return wait, np.int64(passed + 0.5)


parrot_neuron = NeuronModel(
    "parrot_neuron",
    {},
    (),
    no_propagators,
    step,
    inputs=("passed", "ignored"),
    first_receptor=0,
    relays=True,
    most_spikes=SPIKES_AT_MOST,
)
