"""The cortical microcircuit of Potjans & Diesmann (2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..description.distributions import Normal
from ..description.elements import Population
from ..description.network import Network
from ..description.rules import fixed_total_number
from .base import NetworkModel, Option
from .parameters import NetworkParameters, parameter

POPULATIONS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
V0_MEAN = {"original": [-58.0] * 8, "optimized": [-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43]}
V0_STD = {"original": [10.0] * 8, "optimized": [5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48]}
CONN_PROBS = [
    [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0],
    [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0],
    [0.0077, 0.0059, 0.0497, 0.135, 0.0067, 0.0003, 0.0453, 0.0],
    [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0],
    [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0],
    [0.0548, 0.0269, 0.0257, 0.0022, 0.06, 0.3158, 0.0086, 0.0],
    [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
    [0.0364, 0.001, 0.0034, 0.0005, 0.0277, 0.008, 0.0658, 0.1443],
]


@dataclass(frozen=True, eq=False)
class Parameters(NetworkParameters):
    """Parameters of the microcircuit; index order of matrices is [target, source]."""

    N_scaling: float = parameter(1.0, "", "scales the numbers of neurons", above=0.0)
    K_scaling: float = parameter(1.0, "", "scales the indegrees; weights and DC input make up for it", above=0.0)
    poisson_input: bool = parameter(
        True, "", "Poisson background instead of DC of the same mean", title=("Poisson background", "DC background")
    )
    V0_type: str = parameter(
        "optimized", "", "initial V_m by population or one for all", choices=tuple(V0_MEAN), title="{} initial V_m"
    )
    full_num_neurons: np.ndarray = parameter(
        [20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948],
        "",
        "neurons by population at full scale",
        minimum=0,
        whole=True,
    )
    full_mean_rates: np.ndarray = parameter(
        [0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829],
        "spikes/s",
        "mean rates by population at full scale, for down-scaling and comparison",
        minimum=0.0,
    )
    conn_probs: np.ndarray = parameter(
        CONN_PROBS, "", "connection probabilities [target, source]", minimum=0.0, below=1.0
    )
    PSP_exc_mean: float = parameter(
        0.15, "mV", "mean amplitude of excitatory postsynaptic potentials", above=0.0, title="EPSPs of {}"
    )
    weight_rel_std: float = parameter(
        0.1, "", "SD of weights relative to their mean", minimum=0.0, title="relative SD of weights {}"
    )
    g: float = parameter(-4.0, "", "inhibitory weight relative to the excitatory one", maximum=0.0)
    delay_exc_mean: float = parameter(
        1.5, "ms", "mean delay of excitatory connections", above=0.0, title="excitatory delay {}"
    )
    delay_inh_mean: float = parameter(
        0.75, "ms", "mean delay of inhibitory connections", above=0.0, title="inhibitory delay {}"
    )
    delay_rel_std: float = parameter(
        0.5, "", "SD of delays relative to their mean", minimum=0.0, title="relative SD of delays {}"
    )
    K_ext: np.ndarray = parameter(
        [1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100], "", "external indegrees by population", minimum=0.0
    )
    bg_rate: float = parameter(8.0, "spikes/s", "rate of one external input", minimum=0.0, title="background rate {}")
    delay_poisson: float = parameter(
        1.5, "ms", "delay of the Poisson background", above=0.0, title="delay of the background {}"
    )
    E_L: float = parameter(-65.0, "mV", "resting potential")
    V_th: float = parameter(-50.0, "mV", "spike threshold")
    V_reset: float = parameter(-65.0, "mV", "reset potential")
    C_m: float = parameter(250.0, "pF", "membrane capacitance", above=0.0)
    tau_m: float = parameter(10.0, "ms", "membrane time constant", above=0.0)
    tau_syn: float = parameter(0.5, "ms", "time constant of postsynaptic currents", above=0.0)
    t_ref: float = parameter(2.0, "ms", "refractory period", minimum=0.0)
    thalamic_input: bool = parameter(False, "", "thalamic pulse", title=("thalamic pulse", "no thalamic pulse"))
    num_th_neurons: int = parameter(902, "", "thalamic neurons (not scaled)", minimum=1, title="{} thalamic neurons")
    th_start: float = parameter(
        700.0,
        "ms",
        "start of the thalamic pulse, from the start of the warm-up",
        minimum=0.0,
        title="thalamic pulse at {}",
    )
    th_duration: float = parameter(
        10.0, "ms", "duration of the thalamic pulse", minimum=0.0, title="thalamic pulse of {}"
    )
    th_rate: float = parameter(
        120.0, "spikes/s", "rate of a thalamic neuron during the pulse", minimum=0.0, title="thalamic rate {}"
    )
    conn_probs_th: np.ndarray = parameter(
        [0.0, 0.0, 0.0983, 0.0619, 0.0, 0.0, 0.0512, 0.0196],
        "",
        "thalamic connection probabilities by population",
        minimum=0.0,
        below=1.0,
    )
    PSP_th: float = parameter(
        0.15, "mV", "mean amplitude of thalamic postsynaptic potentials", above=0.0, title="thalamic EPSPs of {}"
    )
    delay_th_mean: float = parameter(
        1.5, "ms", "mean delay of thalamic connections", above=0.0, title="thalamic delay {}"
    )
    delay_th_rel_std: float = parameter(
        0.5, "", "SD of thalamic delays relative to their mean", minimum=0.0, title="relative SD of thalamic delays {}"
    )
    dc_input: bool = parameter(False, "", "DC stimulus to all populations", title=("DC stimulus", "no DC stimulus"))
    dc_start: float = parameter(
        650.0, "ms", "start of the DC stimulus, from the start of the warm-up", minimum=0.0, title="DC stimulus at {}"
    )
    dc_dur: float = parameter(100.0, "ms", "duration of the DC stimulus", minimum=0.0, title="DC stimulus for {}")
    dc_amp: float = parameter(
        0.3, "pA", "amplitude of the DC stimulus for one external connection", title="DC stimulus of {}"
    )


class Microcircuit(NetworkModel):
    """The cortical microcircuit of Potjans & Diesmann (2014), Cereb Cortex 24:785, doi:10.1093/cercor/bhs358.

    77,169 leaky integrate-and-fire neurons below 1 mm^2 of cortex in eight populations, 0.3 billion synapses, Poisson
    or DC background, optional thalamic pulse. Parameters and symbols are those of the PyNEST implementation.
    """

    name = "microcircuit"
    summary = "cortical microcircuit (Potjans & Diesmann 2014)"
    Parameters = Parameters
    populations = POPULATIONS
    colors: ClassVar = {name: "#595289" if name[-1] == "E" else "#af143c" for name in POPULATIONS} | {"TH": "#4f7f3f"}
    t_presim, t_sim = 500.0, 1000.0
    options = (
        Option(
            "scale",
            "both scalings, > 0 (default 1: natural density)",
            parameters=("N_scaling", "K_scaling"),
            excludes=("n-scaling", "k-scaling"),
        ),
        Option("n-scaling", "scales the numbers of neurons, > 0 (default 1)", parameters=("N_scaling",)),
        Option("k-scaling", "scales the indegrees, > 0; weights and DC make up for it (1)", parameters=("K_scaling",)),
        Option(
            "input",
            "background (poisson); dc: same mean without noise",
            choices={"poisson": {"poisson_input": True}, "dc": {"poisson_input": False}},
        ),
        Option("thalamus", "thalamic pulse, 700 to 710 ms (parameters th_*)", sets={"thalamic_input": True}),
        Option("dc-stimulus", "DC into all populations, 650 to 750 ms (parameters dc_*)", sets={"dc_input": True}),
        Option(
            "v0",
            "initial V_m, by population (optimized) or one for all",
            choices={"optimized": {"V0_type": "optimized"}, "original": {"V0_type": "original"}},
        ),
    )

    def describe(self, p: Parameters, dt: float = 0.1, t_presim: float = 500.0) -> Network:
        """Return the network that parameters `p` mean, at resolution `dt` (ms). All neurons' spikes are recorded.

        Stimuli begin at absolute times, whatever the warm-up (t_presim, ms).
        """
        network = Network(dt)
        _check_times(network, p)
        cortex = _create_populations(network, p)
        _connect_populations(network, p, cortex)
        if p.poisson_input:
            weight = psc_amplitude(p.PSP_exc_mean, p) / np.sqrt(p.K_scaling)
            indegrees = np.asarray(p.K_ext * p.K_scaling).round()
            for target, indegree in zip(cortex, indegrees, strict=True):
                network.poisson_input(target, p.bg_rate * indegree, weight, p.delay_poisson)
        if p.thalamic_input:
            _add_thalamus(network, p, cortex)
        if p.dc_input:
            for target, indegree in zip(cortex, p.K_ext, strict=True):
                if p.dc_dur:
                    network.dc_current(target, p.dc_amp * indegree, p.dc_start, p.dc_start + p.dc_dur)
        network.record_spikes(*network.populations)
        return network

    def figures(self, p: Parameters, t_presim: float, t_sim: float, variant: str | None = None) -> dict:
        """Return what raster.png marks, and what the references in rates.png are."""
        published = np.array_equal(p.full_mean_rates, Parameters().full_mean_rates)
        marks, notes = stimuli(p), []
        if (p.N_scaling, p.K_scaling) != (1.0, 1.0):
            notes.append("scaled networks keep mean and variance of the input, not the rates")
        if marks and published:
            notes.append("the published means are those without stimuli")
        reference = "published mean, full scale" if published else "full_mean_rates"
        return {"marks": marks, "rates": {"reference": reference, "note": "\n".join(notes)}}

    def reference_rates(self, p: Parameters) -> dict[str, float]:
        """Return the mean rates (spikes/s) of the full-scale network by population."""
        return dict(zip(POPULATIONS, p.full_mean_rates.tolist(), strict=True))


def stimuli(p: Parameters) -> list[dict]:
    """The thalamic pulse and the DC stimulus, over the populations that they drive, as marks of a raster plot."""
    pulse: dict[str, Any] = {"t0": p.th_start, "t1": p.th_start + p.th_duration, "label": "thalamic pulse"}
    current: dict[str, Any] = {"t0": p.dc_start, "t1": p.dc_start + p.dc_dur, "label": "DC stimulus"}
    cortex = {name: int(n) for name, n in zip(POPULATIONS, _sizes(p), strict=True) if n}
    driven = [(pulse, {"TH": p.num_th_neurons})] if p.thalamic_input and p.th_rate else []
    driven += [(current, cortex)] if p.dc_input and p.dc_amp else []
    return [
        {**stimulus, "population": name, "first": 0, "last": n - 1}
        for stimulus, populations in driven
        if stimulus["t1"] > stimulus["t0"]
        for name, n in populations.items()
    ]


# --- populations and connections --------------------------------------------------------------------------------------


def _sizes(p: Parameters) -> np.ndarray:
    return np.round(p.full_num_neurons * p.N_scaling)


def _create_populations(network: Network, p: Parameters) -> list[Population]:
    sizes = _sizes(p)
    if sizes.sum() >= 2**32:
        raise ValueError(f"N_scaling {p.N_scaling:g}, full_num_neurons: {sizes.sum():g} neurons are 2^32 or more")
    if not sizes.any():
        raise ValueError(f"N_scaling {p.N_scaling:g} leaves no neuron")
    currents = dc_amplitudes(p)
    shared = {"E_L": p.E_L, "V_th": p.V_th, "V_reset": p.V_reset, "C_m": p.C_m, "tau_m": p.tau_m, "t_ref": p.t_ref}
    shared |= {"tau_syn_ex": p.tau_syn, "tau_syn_in": p.tau_syn}
    V0 = [Normal(*moments) for moments in zip(V0_MEAN[p.V0_type], V0_STD[p.V0_type], strict=True)]
    return [
        network.create(name, n, "iaf_psc_exp", I_e=current, V_m=V_m, **shared)
        for name, n, current, V_m in zip(POPULATIONS, sizes.astype(int), currents, V0, strict=True)
    ]


def _check_times(network: Network, p: Parameters) -> None:
    """ValueError naming the parameter if a time that is used is not a multiple of dt."""
    used = {"delay_poisson": p.poisson_input, "th_start": p.thalamic_input, "th_duration": p.thalamic_input}
    used |= {"dc_start": p.dc_input, "dc_dur": p.dc_input}
    for name in (name for name, is_used in used.items() if is_used):
        network.grid.steps(getattr(p, name), name)


def _connect_populations(network: Network, p: Parameters, cortex: list[Population]) -> None:
    numbers = np.round(full_synapses(p) * p.N_scaling * p.K_scaling).astype(np.int64)
    weights = psc_matrix(p) / np.sqrt(p.K_scaling)
    delays = (p.delay_exc_mean, p.delay_inh_mean)
    for t, target in enumerate(cortex):
        for s, source in enumerate(cortex):
            if numbers[t, s]:
                delay = _delay(delays[s % 2], p.delay_rel_std, network)
                weight = _weight(weights[t, s], p.weight_rel_std)
                network.connect(source, target, fixed_total_number(numbers[t, s]), weight, delay)


def _add_thalamus(network: Network, p: Parameters, cortex: list[Population]) -> None:
    stop = p.th_start + p.th_duration
    thalamus = network.poisson_source("TH", p.num_th_neurons, p.th_rate, p.th_start, stop)
    full = synapse_numbers(p.conn_probs_th, p.full_num_neurons * float(p.num_th_neurons))
    numbers = np.round(full * p.N_scaling * p.K_scaling).astype(np.int64)
    weight = _weight(psc_amplitude(p.PSP_th, p) / np.sqrt(p.K_scaling), p.weight_rel_std)
    for target, n in zip(cortex, numbers, strict=True):
        if n:
            delay = _delay(p.delay_th_mean, p.delay_th_rel_std, network)
            network.connect(thalamus, target, fixed_total_number(n), weight, delay)


def _weight(mean: float, rel_std: float) -> Normal | float:
    """Normal, redrawn until the sign is that of the mean."""
    if mean == 0 or rel_std == 0:
        return float(mean)
    std = rel_std * abs(mean)
    return Normal(mean, std, minimum=0.0) if mean > 0 else Normal(mean, std, maximum=0.0)


def _delay(mean: float, rel_std: float, network: Network) -> Normal:
    """Normal, redrawn below dt / 2, so that no delay is rounded to 0."""
    half = network.grid.dt_ms / 2
    try:
        return Normal(mean, rel_std * mean, minimum=half)
    except ValueError as error:
        raise ValueError(f"delay mean {mean:g} ms, relative SD {rel_std:g}: {error}") from None


# --- formulas ---------------------------------------------------------------------------------------------------------


def synapse_numbers(probabilities: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Number K of synapses that connects one of `pairs` with probability p: ln(1 - p) / ln((pairs - 1) / pairs)."""
    safe = np.maximum(pairs, 2.0)
    # written as in the original: log1p would be more precise and give two synapses more
    return np.where(pairs > 0, np.log(1.0 - probabilities) / np.log((safe - 1.0) / safe), 0.0)


def full_synapses(p: Parameters) -> np.ndarray:
    """Synapses at full scale [target, source] (Potjans & Diesmann 2014, eq. 1), not rounded."""
    return synapse_numbers(p.conn_probs, np.outer(*2 * [np.asarray(p.full_num_neurons, float)]))


def psc_amplitude(psp: float, p: Parameters) -> float:
    """Current (pA) of the exponential PSC whose potential peaks at `psp` (mV)."""
    if abs(p.tau_syn / p.tau_m - 1) < 1e-6:
        return psp * p.C_m * np.e / p.tau_m  # the limit of the formula below
    sub = 1.0 / (p.tau_syn - p.tau_m)
    pre = p.tau_m * p.tau_syn / p.C_m * sub
    frac = (p.tau_m / p.tau_syn) ** sub
    psc: float = psp / (pre * (frac**p.tau_m - frac**p.tau_syn))
    return psc


def psc_matrix(p: Parameters) -> np.ndarray:
    """Mean weights (pA) [target, source] at full scale; L4E to L23E is doubled."""
    psp = np.empty((8, 8))
    psp[:, 0::2], psp[:, 1::2] = p.PSP_exc_mean, p.PSP_exc_mean * p.g
    psp[0, 2] *= 2.0
    return psp * psc_amplitude(1.0, p)


def dc_amplitudes(p: Parameters) -> np.ndarray:
    """Constant input (pA) by population: what stands for Poisson input, and what makes up for scaled indegrees.

    Scaling indegrees by K and weights by 1/sqrt(K) keeps the variance of the input and shrinks its mean by sqrt(K); the
    rest, (1 - sqrt(K)) of the full-scale mean, is given as DC (van Albada et al. 2015, PLoS Comput Biol 11:e1004490).
    """
    psc_ext = psc_amplitude(p.PSP_exc_mean, p)
    external = psc_ext * p.K_ext * p.bg_rate
    missing = 1.0 - np.sqrt(p.K_scaling)
    with np.errstate(divide="ignore", invalid="ignore"):
        indegrees = np.where(p.full_num_neurons[:, None] > 0, full_synapses(p) / p.full_num_neurons[:, None], 0.0)
    recurrent = (psc_matrix(p) * indegrees) @ p.full_mean_rates
    lost = missing * (recurrent + (external if p.poisson_input else 0.0))
    current: np.ndarray = 1e-3 * p.tau_syn * (lost + (0.0 if p.poisson_input else external))
    return current
