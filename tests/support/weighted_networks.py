"""Networks of three forms of synapse tables, whose weights are changed; used by several tests."""

from __future__ import annotations

import numpy as np

from distsim import Network, Normal, Uniform, explicit, fixed_indegree, fixed_total_number

N_E, N_I = 80, 40
CODES = ("fixed", "palette", "wide")


def network(code: str, many_delays: bool = False) -> tuple[Network, object]:
    """Return a network and its projection E -> I."""
    rng, net = np.random.default_rng(4), Network(0.1)
    E = net.create("E", N_E, I_e=np.linspace(380.0, 450.0, N_E), tau_syn_in=3.0)
    I = net.create("I", N_I, I_e=np.linspace(300.0, 380.0, N_I), tau_syn_in=3.0)
    delay = Uniform(0.5, 9.0) if many_delays else 1.5
    net.connect(I, E, fixed_indegree(5), {"fixed": Normal(-30.0, 5.0, maximum=0.0)}.get(code, -30.0), delay)
    if code == "wide":
        n = 70_000
        pairs = explicit(rng.integers(0, N_E, n), rng.integers(0, N_E, n))
        net.connect(E, E, pairs, rng.normal(0.0, 0.1, n), 2.0)
    weight = 20.0 if code == "palette" else Normal(20.0, 4.0, minimum=0.0)
    projection = net.connect(E, I, fixed_total_number(900), weight, delay)
    net.record_spikes()
    return net, projection


def signed(found) -> np.ndarray:
    """Return new weights of both signs, all different."""
    return np.where(found.targets % 3 == 0, -1.0, 1.0) * np.linspace(5.0, 60.0, len(found)) * (1.0 + found.weights)
