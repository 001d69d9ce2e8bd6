"""Brunel's network with delta synapses (Brunel 2000, figure 8), as in Brian2's example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from ..description.network import Network
from ..description.rules import pairwise_bernoulli
from .base import NetworkModel, Option, Variant
from .parameters import NetworkParameters, parameter

LAST = 200.0  # ms that the figure shows where no panel says which


class Panel(NamedTuple):
    """A panel of figure 8: g, the external rate relative to threshold, and what its picture shows (ms, spikes/s)."""

    regime: str
    g: float
    ratio: float
    period: tuple[float, float]
    rates: tuple[int, int]
    tick_step: int


PANELS = {
    "A": Panel("synchronous regular", 3.0, 2.0, (500.0, 600.0), (0, 6000), 1000),
    "B": Panel("fast oscillation", 6.0, 4.0, (1000.0, 1200.0), (0, 400), 100),
    "C": Panel("asynchronous irregular", 5.0, 2.0, (1000.0, 1200.0), (0, 200), 50),
    "D": Panel("slow oscillation", 4.5, 0.9, (1000.0, 1200.0), (0, 250), 50),
}


@dataclass(frozen=True, eq=False)
class Parameters(NetworkParameters):
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


class BrunelDelta(NetworkModel):
    """Sparsely connected network of excitatory and inhibitory neurons with delta synapses: Brunel (2000), J Comput
    Neurosci 8:183, doi:10.1023/A:1008925309027, figure 8, as in Brian2's example Brunel_2000.

    12,500 neurons, each pair connected with probability 0.1; panels A (synchronous regular), B (fast oscillation), C
    (asynchronous irregular) and D (slow oscillation) differ in g and the external rate.
    """

    name = "brunel-delta"
    summary = "random balanced network with delta synapses (Brunel 2000, figure 8)"
    Parameters = Parameters
    populations = ("E", "I")
    colors: ClassVar = {"E": "#595289", "I": "#af143c"}
    options = tuple(Option(name) for name in ("g", "nu_ext_over_nu_thr", "N_E", "epsilon", "J", "D"))
    variants: ClassVar = {
        name: Variant(
            {"g": panel.g, "nu_ext_over_nu_thr": panel.ratio},
            t_sim=panel.period[1],
            text=f"g={panel.g:g} ratio {panel.ratio:g}",
            title=f"{name}: {panel.regime}",
        )
        for name, panel in PANELS.items()
    }
    variant_option, variant_text = "panel", "panel of figure 8"
    t_sim = 1200.0

    def describe(self, p: Parameters, dt: float = 0.1, t_presim: float = 0.0) -> Network:
        """Return the network that parameters `p` mean, at resolution `dt` (ms). All neurons' spikes are recorded.

        Brian2 compares before the jumps of a step, and lets V move again tau_rp after the spike: that is tau_rp - dt
        after the end of the step of the spike, from which t_ref counts.
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

    def figures(self, p: Parameters, t_presim: float, t_sim: float, variant: str | None = None) -> dict:
        """Return what raster.png shows: the first 50 excitatory neurons and the rate of all, as in Brian2's example.

        The period and the range of rates are the panel's; without a panel, the last 200 ms are shown. If the run does
        not cover the period, all that is recorded is shown.
        """
        rate = {"bin": 0.1, "populations": list(self.populations)}
        shown = {"only": ["E"], "first": 50, "style": "bars", "rate": rate}
        t_stop = t_presim + t_sim
        period = [t_stop - LAST, t_stop]
        if variant is not None:
            panel = PANELS[variant]
            period = list(panel.period)
            rate |= {"ylim": list(panel.rates), "tick_step": panel.tick_step}
            shown["title"] = self.variants[variant].title
        if t_presim <= period[0] and period[1] <= t_stop:
            shown["period"] = period
        return shown


def external_rate(p: Parameters) -> float:
    """Rate (spikes/s) of the external input of one neuron: C_ext = C_E sources at nu_ext."""
    return 1000.0 * p.nu_ext_over_nu_thr * p.theta / (p.J * p.tau)
