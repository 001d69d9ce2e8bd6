"""The EI-clustered network of Rostami et al. (2020)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..description.distributions import Lognormal, Uniform
from ..description.elements import Population, Selection
from ..description.network import Network
from ..description.rules import Rule, fixed_indegree, pairwise_bernoulli
from .base import NetworkModel, Option
from .cluster_stimuli import check_stimuli, default_clusters, marks, stimulate
from .parameters import NetworkParameters, parameter

POPULATIONS = ("E", "I")
INITIAL = "initial V_m: rand (V_th - 20 lognormal(0, 1)), rest or a number"
DEFAULT_CLUSTERS = "2, 3 and 4 as far as there are such, otherwise the last one"


@dataclass(frozen=True, eq=False)
class Parameters(NetworkParameters):
    """Parameters of the network; index order of matrices is [target, source], E before I."""

    N_E: int = parameter(4000, "", "excitatory neurons, a multiple of n_clusters", minimum=1)
    N_I: int = parameter(1000, "", "inhibitory neurons, a multiple of n_clusters", minimum=1)
    n_clusters: int = parameter(20, "", "clusters", minimum=1, title="{} clusters")
    baseline_conn_prob: np.ndarray = parameter(
        [[0.2, 0.5], [0.5, 0.5]], "", "connection probabilities [target, source]", minimum=0.0, maximum=1.0
    )
    gei: float = parameter(1.2, "", "strength of inhibition of E relative to excitation", minimum=0.0)
    gie: float = parameter(1.0, "", "strength of excitation of I", minimum=0.0)
    gii: float = parameter(1.0, "", "strength of inhibition of I relative to excitation", minimum=0.0)
    s: float = parameter(1.0, "", "scales all weights", minimum=0.0)
    rj: float = parameter(0.82, "", "clustering of the other pairs of types relative to E-E", minimum=0.0, maximum=1.0)
    rep: float = parameter(
        6.0, "", "clustering of E-E: factor of weights or probabilities within a cluster", minimum=1.0
    )
    clustering: str = parameter(
        "weight", "", "what is clustered", choices=("weight", "probabilities"), title="clustered by {}"
    )
    fixed_indegree: bool = parameter(
        False,
        "",
        "fixed indegrees instead of connection probabilities",
        title=("fixed indegrees", "no fixed indegrees"),
    )
    E_L: float = parameter(0.0, "mV", "resting potential")
    C_m: float = parameter(1.0, "pF", "membrane capacitance", above=0.0)
    tau_E: float = parameter(20.0, "ms", "membrane time constant of E", above=0.0)
    tau_I: float = parameter(10.0, "ms", "membrane time constant of I", above=0.0)
    t_ref: float = parameter(5.0, "ms", "refractory period", minimum=0.0)
    V_th_E: float = parameter(20.0, "mV", "spike threshold of E")
    V_th_I: float = parameter(20.0, "mV", "spike threshold of I")
    V_reset: float = parameter(0.0, "mV", "reset potential")
    V_m: str | float = parameter(
        "rand", "mV", INITIAL, default_text="rand", choices=("rand", "rest"), title="initial V_m {}"
    )
    tau_syn_ex: float = parameter(5.0, "ms", "time constant of excitatory currents", above=0.0)
    tau_syn_in: float = parameter(5.0, "ms", "time constant of inhibitory currents", above=0.0)
    delay: float = parameter(0.1, "ms", "synaptic delay", above=0.0)
    I_th_E: float = parameter(1.25, "", "feed-forward current of E relative to rheobase", title="I_E = {} rheobase")
    I_th_I: float = parameter(0.78, "", "feed-forward current of I relative to rheobase", title="I_I = {} rheobase")
    delta_I_xE: float = parameter(
        0.0, "", "relative width of the spread of the current over E", minimum=0.0, title="spread of I_E {}"
    )
    delta_I_xI: float = parameter(
        0.0, "", "relative width of the spread of the current over I", minimum=0.0, title="spread of I_I {}"
    )
    stim_clusters: np.ndarray = parameter(
        None, "", "stimulated clusters, from 0", any_length=True, default_text=DEFAULT_CLUSTERS, minimum=0, whole=True
    )
    stim_amp: float = parameter(0.15, "pA", "stimulation current into E of these clusters", title="stimulus of {}")
    stim_starts: np.ndarray = parameter(
        [2000.0, 6000.0], "ms", "starts, from the end of the warm-up", any_length=True, minimum=0.0
    )
    stim_ends: np.ndarray = parameter(
        [3500.0, 7500.0], "ms", "ends, from the end of the warm-up", any_length=True, minimum=0.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stim_clusters is None:
            object.__setattr__(self, "stim_clusters", default_clusters(self.n_clusters))


class EIClustered(NetworkModel):
    """Network of excitatory and inhibitory clusters: Rostami, Rost, Riehle, van Albada & Nawrot (2020), bioRxiv
    2020.02.27.968339, doi:10.1101/2020.02.27.968339, as in NEST's example EI_clustered_network.

    5000 neurons in 20 clusters of both types. Clusters differ from the rest by stronger weights or by more connections;
    three of them are stimulated twice.
    """

    name = "ei-clustered"
    summary = "network of excitatory and inhibitory clusters (Rostami et al. 2020)"
    Parameters = Parameters
    populations = POPULATIONS
    colors: ClassVar = {"E": "#000000", "I": "#8b0000"}
    options = tuple(Option(name) for name in ("n_clusters", "rep", "rj", "clustering", "fixed_indegree"))
    t_presim, t_sim = 1000.0, 10000.0

    def describe(self, p: Parameters, dt: float = 0.1, t_presim: float = 1000.0) -> Network:
        """Return the network that parameters `p` mean, at resolution `dt` (ms), with a warm-up of `t_presim` ms."""
        for name in ("N_E", "N_I"):
            if getattr(p, name) % p.n_clusters:
                raise ValueError(f"{name}={getattr(p, name)}: must be a multiple of n_clusters={p.n_clusters}")
        if 1 < p.n_clusters < max(clustering_factors(p, excitatory)[0] for excitatory in (True, False)):
            raise ValueError(f"rep={p.rep:g}: with n_clusters={p.n_clusters} the factor between clusters is negative")
        check_stimuli(p)
        network = Network(dt)
        neurons = _create(network, p)
        _connect(network, p, neurons)
        stimulate(network, p, neurons[0], t_presim)
        network.record_spikes(*neurons)
        return network

    def figures(self, p: Parameters, t_presim: float, t_sim: float, variant: str | None = None) -> dict:
        """Return what raster.png shows: the clusters, and which are stimulated when."""
        groups = {name: n // p.n_clusters for name, n in zip(POPULATIONS, (p.N_E, p.N_I), strict=True)}
        return {"marks": marks(p, t_presim), **({"groups": groups, "group": "cluster"} if p.n_clusters > 1 else {})}


# --- neurons ----------------------------------------------------------------------------------------------------------


def _create(network: Network, p: Parameters) -> list[Population]:
    populations = []
    sizes, taus, thresholds = (p.N_E, p.N_I), (p.tau_E, p.tau_I), (p.V_th_E, p.V_th_I)
    currents, widths = (p.I_th_E, p.I_th_I), (p.delta_I_xE, p.delta_I_xI)
    kinds = zip(POPULATIONS, sizes, taus, thresholds, currents, widths, strict=True)
    for name, n, tau_m, V_th, I_th, spread in kinds:
        current = I_th * rheobase_current(tau_m, p.E_L, V_th, p.C_m)
        neuron: dict[str, Any] = {"E_L": p.E_L, "C_m": p.C_m, "tau_m": tau_m, "t_ref": p.t_ref}
        neuron |= {"V_th": V_th, "V_reset": p.V_reset, "tau_syn_ex": p.tau_syn_ex, "tau_syn_in": p.tau_syn_in}
        named: dict[Any, Any] = {"rand": V_th - 20.0 * Lognormal(0.0, 1.0), "rest": p.E_L}
        neuron["V_m"] = named.get(p.V_m, p.V_m)
        neuron["I_e"] = current * Uniform(1 - spread / 2, 1 + spread / 2) if spread and current else current
        populations.append(network.create(name, n, "iaf_psc_exp", **neuron))
    return populations


def rheobase_current(tau_m: float, E_L: float, V_th: float, C_m: float) -> float:
    """Constant current (pA) that just reaches the threshold."""
    return (V_th - E_L) * C_m / tau_m


# --- connections ------------------------------------------------------------------------------------------------------


def _connect(network: Network, p: Parameters, neurons: list[Population]) -> None:
    weights = balanced_weights(p) / np.sqrt(p.N_E + p.N_I)
    for t, target in enumerate(neurons):
        for s, source in enumerate(neurons):
            probability, weight = p.baseline_conn_prob[t, s], weights[t, s]
            plus, minus = clustering_factors(p, excitatory=t == s == 0)
            for from_, to, same in _cluster_pairs(p, source, target):
                factor = plus if same else minus
                if p.clustering == "weight":
                    _connect_pair(network, p, source, from_, to, probability, weight * factor)
                else:
                    _connect_pair(network, p, source, from_, to, probability * factor, weight)


def clustering_factors(p: Parameters, excitatory: bool) -> tuple[float, float]:
    """Factors of weights (or probabilities) within a cluster and between clusters; they average to 1."""
    if p.n_clusters == 1:
        return 1.0, 1.0
    other = 1 + (p.rep - 1) * p.rj if p.clustering == "weight" else 1 + (p.rep - 1) ** p.rj
    plus = p.rep if excitatory else other
    return plus, (p.n_clusters - plus) / (p.n_clusters - 1)


def _cluster_pairs(
    p: Parameters, source: Population, target: Population
) -> Iterator[tuple[Selection, Selection, bool]]:
    """(sources, targets, whether of one cluster), the sources of other clusters in as few selections as possible."""
    n_s, n_t = len(source) // p.n_clusters, len(target) // p.n_clusters
    for c in range(p.n_clusters):
        to = target[c * n_t : (c + 1) * n_t]
        if p.fixed_indegree:  # the indegree is fixed for each source cluster
            parts = [(source[k * n_s : (k + 1) * n_s], k == c) for k in range(p.n_clusters)]
        else:
            parts = [
                (source[: c * n_s], False),
                (source[c * n_s : (c + 1) * n_s], True),
                (source[(c + 1) * n_s :], False),
            ]
        yield from ((from_, to, same) for from_, same in parts if len(from_))


def _connect_pair(
    network: Network,
    p: Parameters,
    source: Population,
    from_: Selection,
    to: Selection,
    probability: float,
    weight: float,
) -> None:
    """Connect two selections, in ceil(probability) passes, so that no pass has a probability above 1."""
    passes = max(1, int(np.ceil(probability)))
    for _ in range(passes):
        if p.fixed_indegree:
            n = int(probability / passes * len(source) / p.n_clusters)
            multapses = p.clustering == "probabilities"
            rule: Rule = fixed_indegree(n, allow_autapses=False, allow_multapses=multapses)
        else:
            rule = pairwise_bernoulli(min(1.0, probability / passes), allow_autapses=False)
        network.connect(from_, to, rule, weight, p.delay)


def psp_peak(tau_m: float, tau_syn: float, C_m: float = 1.0) -> float:
    """Peak (mV) of the postsynaptic potential of an exponential current of 1 pA."""
    if abs(tau_syn / tau_m - 1) < 1e-6:
        return tau_m / C_m / np.e
    t_max = np.log(tau_syn / tau_m) / (1 / tau_m - 1 / tau_syn)
    peak: float = tau_m * tau_syn / C_m / (tau_syn - tau_m) * (np.exp(-t_max / tau_syn) - np.exp(-t_max / tau_m))
    return peak


def balanced_weights(p: Parameters) -> np.ndarray:
    """Weights (pA) [[EE, EI], [IE, II]] of a balanced network times sqrt(N), eqs. 7-10 of Rostami et al. 2020."""
    n = p.N_E + p.N_I
    peak = [[psp_peak(tau_m, tau_syn) for tau_syn in (p.tau_syn_ex, p.tau_syn_in)] for tau_m in (p.tau_E, p.tau_I)]
    thresholds, gains = (p.V_th_E - p.E_L, p.V_th_I - p.E_L), (1.0, p.gie)
    js = np.zeros((2, 2))
    for t, inhibition in enumerate((p.gei, p.gii)):
        inputs_E, inputs_I = p.baseline_conn_prob[t] * (p.N_E, p.N_I)
        # Without connections there is no weight, and inhibition that balances nothing is 0.
        if inputs_E:
            js[t, 0] = gains[t] * thresholds[t] * np.sqrt(n / inputs_E) / peak[t][0]
        if inputs_I:
            js[t, 1] = -inhibition * js[t, 0] * inputs_E * peak[t][0] / (inputs_I * peak[t][1])
    return p.s * js
