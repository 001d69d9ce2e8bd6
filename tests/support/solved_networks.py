"""A small network of each neuron model that is not linear, with all states recorded, for tests on several ranks."""

from __future__ import annotations

from distsim import Network, Normal, Uniform, fixed_indegree
from distsim.neurons import MODELS

# Parameters, and the weights of excitation, inhibition and Poisson input.
GIVEN: dict[str, tuple[dict, tuple[float, float, float]]] = {
    "iaf_cond_exp": ({"I_e": 230.0, "g_ex": Uniform(0.0, 20.0)}, (4.0, -8.0, 3.0)),
    "iaf_cond_alpha": ({"I_e": 230.0, "dg_ex": Uniform(0.0, 20.0)}, (4.0, -8.0, 3.0)),
    "aeif_cond_exp": ({"I_e": Normal(600.0, 200.0), "w": Normal(20.0, 5.0)}, (8.0, -8.0, 3.0)),
    "aeif_cond_alpha": ({"I_e": 800.0, "w": Normal(20.0, 5.0), "t_ref": 1.25}, (8.0, -8.0, 3.0)),
    "izhikevich": ({"I_e": Uniform(2.0, 12.0), "U_m": Normal(-13.0, 1.0)}, (0.5, -1.0, 0.3)),
    "hh_psc_alpha": ({"I_e": Uniform(300.0, 700.0), "Act_n": Uniform(0.2, 0.5)}, (60.0, -90.0, 20.0)),
}


def solved(model: str, n: int = 47) -> Network:
    """Return `n` neurons of `model` that excite and inhibit each other, with Poisson input to some of them."""
    parameters, (excitation, inhibition, noise) = GIVEN[model]
    net = Network(0.1)
    start = -65.0 if "E_L" not in MODELS[model].parameters else -60.0
    E = net.create("E", n, model, V_m=Normal(start, 3.0), **parameters)
    net.connect(E, E, fixed_indegree(5), excitation, 1.5)
    net.connect(E, E, fixed_indegree(3), inhibition, 0.8)
    net.poisson_input(E[: n // 2], 800.0, noise, 0.5)
    net.dc_current(E[::3], 5.0 if model == "izhikevich" else 100.0, 20.0, 60.0)
    net.record_spikes(E)
    for what in E.model.recordables:
        net.record(what, E[::4], 0.7)
    return net
