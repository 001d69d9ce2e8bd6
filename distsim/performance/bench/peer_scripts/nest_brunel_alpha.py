"""Brunel's network with alpha synapses in NEST: the example brunel_alpha_nest, without figure and files."""

from __future__ import annotations

import nest
import nest_kernel
import numpy as np
from harness import parser
from scipy.special import lambertw

# ms, mV, pF
DT, DELAY = 0.1, 1.5
G, ETA, EPSILON = 5.0, 2.0, 0.1
TAU_SYN, TAU_M, C_M, V_TH = 0.5, 20.0, 250.0, 20.0
J = 0.1  # peak of the excitatory postsynaptic potential
N_REC = 50
NEURON = {"C_m": C_M, "tau_m": TAU_M, "tau_syn_ex": TAU_SYN, "tau_syn_in": TAU_SYN, "t_ref": 2.0}
NEURON |= {"E_L": 0.0, "V_reset": 0.0, "V_m": 0.0, "V_th": V_TH}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--order", type=int, default=2500, help="4 order excitatory and order inhibitory neurons")
    args = options.parse_args()
    begun = nest_kernel.start(args, DT)
    recorders = build(4 * args.order, args.order)
    nest_kernel.run(args, begun, 5 * args.order, ("excitatory", "inhibitory"), recorders)


def build(n_E: int, n_I: int) -> dict:
    """Create and connect everything; the recorders, each with the number of neurons it records from."""
    c_E, c_I = int(EPSILON * n_E), int(EPSILON * n_I)
    j_ex = J / psp_peak()
    threshold_rate = V_TH * C_M / (j_ex * c_E * np.e * TAU_M * TAU_SYN)
    exc, inh = nest.Create("iaf_psc_alpha", n_E, NEURON), nest.Create("iaf_psc_alpha", n_I, NEURON)
    noise = nest.Create("poisson_generator", params={"rate": 1000.0 * ETA * threshold_rate * c_E})
    nest.CopyModel("static_synapse", "excitatory", {"weight": j_ex, "delay": DELAY})
    nest.CopyModel("static_synapse", "inhibitory", {"weight": -G * j_ex, "delay": DELAY})
    nest.Connect(noise, exc + inh, syn_spec={"weight": j_ex, "delay": DELAY})
    recorders = {}
    for name, population in (("E", exc), ("I", inh)):
        recorders[name] = (nest.Create("spike_recorder"), N_REC)
        nest.Connect(population[:N_REC], recorders[name][0])
    nest.Connect(exc, exc + inh, {"rule": "fixed_indegree", "indegree": c_E}, "excitatory")
    nest.Connect(inh, exc + inh, {"rule": "fixed_indegree", "indegree": c_I}, "inhibitory")
    return recorders


def psp_peak() -> float:
    """Peak (mV) of the postsynaptic potential of an alpha current whose own peak is 1 pA."""
    a, b = TAU_M / TAU_SYN, 1.0 / TAU_SYN - 1.0 / TAU_M
    t_max = (-lambertw(-np.exp(-1.0 / a) / a, k=-1).real - 1.0 / a) / b
    difference = (np.exp(-t_max / TAU_M) - np.exp(-t_max / TAU_SYN)) / b
    return np.e / (TAU_SYN * C_M * b) * (difference - t_max * np.exp(-t_max / TAU_SYN))


if __name__ == "__main__":
    main()
