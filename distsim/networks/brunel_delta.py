"""Sparsely connected network of excitatory and inhibitory neurons with delta synapses: Brunel (2000), J Comput Neurosci
8:183, doi:10.1023/A:1008925309027, figure 8, as in Brian2's example Brunel_2000.

12,500 neurons, each pair connected with probability 0.1; panels A (synchronous regular), B (fast oscillation), C
(asynchronous irregular) and D (slow oscillation) differ in g and the external rate.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..description.network import Network
from ..description.rules import pairwise_bernoulli
from .parameters import Checked, parameter

NAME = "brunel-delta"
SUMMARY = "random balanced network with delta synapses (Brunel 2000, figure 8)"
POPULATIONS = ("E", "I")
COLORS = {"E": "#595289", "I": "#af143c"}
SHORTCUTS = ("g", "nu_ext_over_nu_thr", "N_E", "epsilon", "J", "D")
T_PRESIM, T_SIM = 0.0, 1200.0  # ms
LAST = 200.0  # ms that the figure shows where no panel says which
REGIMES = {
    "A": "synchronous regular",
    "B": "fast oscillation",
    "C": "asynchronous irregular",
    "D": "slow oscillation",
}
PANELS = {
    "A": {"g": 3.0, "nu_ext_over_nu_thr": 2.0, "t_range": (500, 600), "rate_range": (0, 6000), "rate_tick_step": 1000},
    "B": {"g": 6.0, "nu_ext_over_nu_thr": 4.0, "t_range": (1000, 1200), "rate_range": (0, 400), "rate_tick_step": 100},
    "C": {"g": 5.0, "nu_ext_over_nu_thr": 2.0, "t_range": (1000, 1200), "rate_range": (0, 200), "rate_tick_step": 50},
    "D": {"g": 4.5, "nu_ext_over_nu_thr": 0.9, "t_range": (1000, 1200), "rate_range": (0, 250), "rate_tick_step": 50},
}


@dataclass(frozen=True, eq=False)
class Parameters(Checked):
    """Parameters of the network; names are those of Brian2's example."""

    g: float = parameter(5.0, "", "inhibitory weight relative to the excitatory one, not negative", minimum=0.0)
    nu_ext_over_nu_thr: float = parameter(
        2.0, "", "external rate relative to threshold rate", minimum=0.0, title="ν_ext/ν_thr = {}"
    )
    N_E: int = parameter(10000, "", "excitatory neurons", minimum=1)
    gamma: float = parameter(0.25, "", "inhibitory neurons relative to excitatory ones", minimum=0.0)
    epsilon: float = parameter(0.1, "", "connection probability", above=0.0, maximum=1.0)
    tau: float = parameter(20.0, "ms", "membrane time constant", above=0.0)
    theta: float = parameter(20.0, "mV", "spike threshold, above the resting potential 0", above=0.0)
    V_r: float = parameter(10.0, "mV", "reset potential")
    tau_rp: float = parameter(2.0, "ms", "refractory period", minimum=0.0)
    J: float = parameter(0.1, "mV", "jump of the potential at an excitatory spike", above=0.0)
    D: float = parameter(1.5, "ms", "synaptic delay", above=0.0)


def describe(p: Parameters, dt: float = 0.1, t_presim: float = T_PRESIM) -> Network:
    """The network that parameters `p` mean, at resolution `dt` (ms). All neurons' spikes are recorded.

    Brian2 compares before the jumps of a step, and lets V move again tau_rp after the spike: that is tau_rp - dt after
    the end of the step of the spike, from which t_ref counts.
    """
    network = Network(dt)
    neuron = {"tau_m": p.tau, "E_L": 0.0, "V_m": 0.0, "V_th": p.theta, "V_reset": p.V_r}
    neuron |= {"t_ref": max(0.0, p.tau_rp - network.grid.dt_ms), "detection": "before_input"}
    exc = network.create("E", p.N_E, "iaf_psc_delta", **neuron)
    inh = network.create("I", round(p.gamma * p.N_E), "iaf_psc_delta", **neuron)
    for target in (exc, inh):
        network.connect(exc, target, pairwise_bernoulli(p.epsilon), p.J, p.D)
        network.connect(inh, target, pairwise_bernoulli(p.epsilon), -p.g * p.J, p.D)
        network.poisson_input(target, external_rate(p), p.J, network.grid.dt_ms)
    network.record_spikes(exc, inh)
    return network


def figures(p: Parameters, t_presim: float, t_sim: float, panel: str | None = None) -> dict:
    """What raster.png shows: as in Brian2's example the first 50 excitatory neurons and the rate of all.

    The panel's period and range of rates; without a panel, the last 200 ms. If the run does not cover the period, all
    that is recorded.
    """
    rate = {"bin": 0.1, "populations": list(POPULATIONS)}
    shown = {"only": ["E"], "first": 50, "style": "bars", "rate": rate}
    t_stop = t_presim + t_sim
    period = [t_stop - LAST, t_stop]
    if panel is not None:
        period = [float(t) for t in PANELS[panel]["t_range"]]
        rate |= {"ylim": list(PANELS[panel]["rate_range"]), "tick_step": PANELS[panel]["rate_tick_step"]}
        shown["title"] = f"{panel}: {REGIMES[panel]}"
    if t_presim <= period[0] and period[1] <= t_stop:
        shown["period"] = period
    return shown


def external_rate(p: Parameters) -> float:
    """Rate (spikes/s) of the external input of one neuron: C_ext = C_E sources at nu_ext."""
    return 1000.0 * p.nu_ext_over_nu_thr * p.theta / (p.J * p.tau)
