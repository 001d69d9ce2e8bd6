"""The EI-clustered network in NEST: the example EI_clustered_network with its default parameters, without figure."""

from __future__ import annotations

import nest
import nest_kernel
import numpy as np
from harness import parser

# ms, mV, pA, pF; E before I, matrices [target, source]
DT, DELAY = 0.1, 0.1
N, Q = (4000, 1000), 20
P = np.array([[0.2, 0.5], [0.5, 0.5]])
TAU_M, TAU_SYN, V_TH, C_M = (20.0, 10.0), 5.0, 20.0, 1.0
I_TH = (1.25, 0.78)  # relative to rheobase
GEI, GIE, GII = 1.2, 1.0, 1.0
REP, RJ = 6.0, 0.82
NEURON = {"E_L": 0.0, "C_m": C_M, "t_ref": 5.0, "V_th": V_TH, "V_reset": 0.0}
NEURON |= {"tau_syn_ex": TAU_SYN, "tau_syn_in": TAU_SYN}
STIMULATED, STIMULI = (2, 3, 4), ((2000.0, 0.15), (3500.0, 0.0), (6000.0, 0.15), (7500.0, 0.0))


def main() -> None:
    args = parser(__doc__).parse_args()
    begun = nest_kernel.start(args, DT)
    clusters = [create(tau_m, n, current) for tau_m, n, current in zip(TAU_M, N, I_TH, strict=True)]
    synapses = connect(clusters)
    stimulate(clusters[0], args.t_presim)
    recorders = record(clusters, args.t_presim)
    nest_kernel.run(args, begun, sum(N), synapses, recorders)


def create(tau_m: float, n: int, current: float) -> list:
    """The Q clusters of one type."""
    neuron = {**NEURON, "tau_m": tau_m, "I_e": current * V_TH * C_M / tau_m}
    neuron["V_m"] = V_TH + -20.0 * nest.random.lognormal(0.0, 1.0)
    return [nest.Create("iaf_psc_exp", n // Q, neuron) for _ in range(Q)]


def connect(clusters: list[list]) -> tuple[str, ...]:
    """Connect cluster with cluster; the names of the synapse models."""
    weights = balanced_weights() / np.sqrt(sum(N))
    names = []
    for target, source in np.ndindex(2, 2):
        plus = REP if target == source == 0 else 1.0 + (REP - 1.0) * RJ
        minus = (Q - plus) / (Q - 1)
        rule = {"rule": "pairwise_bernoulli", "p": P[target, source], "allow_autapses": False, "allow_multapses": False}
        pair = "EI"[target] + "EI"[source]
        for kind, factor in (("minus", minus), ("plus", plus)):
            synapse = {"weight": weights[target, source] * factor, "delay": DELAY}
            nest.CopyModel("static_synapse", f"{pair}_{kind}", synapse)
            names.append(f"{pair}_{kind}")
        for a, pre in enumerate(clusters[source]):
            for b, post in enumerate(clusters[target]):
                nest.Connect(pre, post, rule, f"{pair}_{'plus' if a == b else 'minus'}")
    return tuple(names)


def balanced_weights() -> np.ndarray:
    """Weights (pA) of a balanced random network times sqrt(N), eqs. 7-10 of Rostami et al. (2020)."""
    js = np.zeros((2, 2))
    for target, (excitation, inhibition) in enumerate(((1.0, GEI), (GIE, GII))):
        k_E, k_I = P[target] * N
        js[target, 0] = excitation * V_TH * np.sqrt(sum(N) / k_E) / psp_peak(TAU_M[target])
        js[target, 1] = -inhibition * js[target, 0] * k_E / k_I  # TAU_SYN is that of both receptors
    return js


def psp_peak(tau_m: float) -> float:
    """Peak (mV) of the postsynaptic potential of an exponential current of 1 pA."""
    t_max = np.log(TAU_SYN / tau_m) / (1 / tau_m - 1 / TAU_SYN)
    return tau_m * TAU_SYN / C_M / (TAU_SYN - tau_m) * (np.exp(-t_max / TAU_SYN) - np.exp(-t_max / tau_m))


def stimulate(exc: list, t_presim: float) -> None:
    times, amplitudes = zip(*STIMULI, strict=True)
    stimulus = {"amplitude_times": np.array(times) + t_presim, "amplitude_values": amplitudes}
    generator = nest.Create("step_current_generator", params=stimulus)
    for cluster in STIMULATED:
        nest.Connect(generator, exc[cluster])


def record(clusters: list[list], t_presim: float) -> dict:
    recorders = {}
    for name, n, population in zip("EI", N, clusters, strict=True):
        recorders[name] = (nest.Create("spike_recorder", params={"start": t_presim}), n)
        nest.Connect(sum(population[1:], population[0]), recorders[name][0])
    return recorders


if __name__ == "__main__":
    main()
