"""Brunel's network with alpha synapses (Brunel 2000), as in NEST's example."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from ..description.network import Network
from ..description.rules import fixed_indegree
from .base import NetworkModel, Option
from .parameters import NetworkParameters, parameter


@dataclass(frozen=True, eq=False)
class Parameters(NetworkParameters):
    """Parameters of the network; names are those of NEST's example."""

    order: int = parameter(2500, "", "4 order excitatory and order inhibitory neurons", minimum=1, title="order {}")
    g: float = parameter(5.0, "", "inhibitory weight relative to the excitatory one, not negative", minimum=0.0)
    eta: float = parameter(2.0, "", "external rate relative to threshold rate", minimum=0.0)
    epsilon: float = parameter(0.1, "", "connection probability", above=0.0, maximum=1.0)
    J: float = parameter(0.1, "mV", "peak of the excitatory postsynaptic potential", above=0.0)
    delay: float = parameter(1.5, "ms", "synaptic delay", above=0.0)
    tau_m: float = parameter(20.0, "ms", "membrane time constant", above=0.0)
    tau_syn: float = parameter(0.5, "ms", "synaptic time constant", above=0.0)
    C_m: float = parameter(250.0, "pF", "membrane capacitance", above=0.0)
    V_th: float = parameter(20.0, "mV", "spike threshold, above E_L = 0", above=0.0)
    V_reset: float = parameter(0.0, "mV", "reset potential")
    t_ref: float = parameter(2.0, "ms", "refractory period", minimum=0.0)
    N_rec: int = parameter(
        50,
        "",
        "neurons of each population whose spikes are recorded",
        minimum=0,
        title="{} neurons of each population recorded",
    )


class BrunelAlpha(NetworkModel):
    """Sparsely connected network of excitatory and inhibitory neurons with alpha synapses, after Brunel (2000), J
    Comput Neurosci 8:183, doi:10.1023/A:1008925309027, as in NEST's example brunel_alpha_nest.

    12,500 neurons at order 2500, each with 1000 excitatory and 250 inhibitory synapses and its own Poisson input.
    """

    name = "brunel-alpha"
    summary = "random balanced network with alpha synapses (Brunel 2000)"
    Parameters = Parameters
    populations = ("E", "I")
    colors: ClassVar = {"E": "#595289", "I": "#af143c"}
    options = tuple(Option(name) for name in ("order", "g", "eta", "epsilon", "J", "delay"))

    def describe(self, p: Parameters, dt: float = 0.1, t_presim: float = 0.0) -> Network:
        """Return the network that parameters `p` mean, at resolution `dt` (ms)."""
        if not int(p.epsilon * 4 * p.order):
            raise ValueError(
                f"order={p.order}: no excitatory synapses, 4 order epsilon ({p.epsilon:g}) must be at least 1"
            )
        network = Network(dt)
        neuron = {"C_m": p.C_m, "tau_m": p.tau_m, "tau_syn_ex": p.tau_syn, "tau_syn_in": p.tau_syn, "t_ref": p.t_ref}
        neuron |= {"E_L": 0.0, "V_reset": p.V_reset, "V_m": 0.0, "V_th": p.V_th}
        exc = network.create("E", 4 * p.order, "iaf_psc_alpha", **neuron)
        inh = network.create("I", p.order, "iaf_psc_alpha", **neuron)
        J_ex = excitatory_weight(p)
        for target in (exc, inh):
            network.connect(exc, target, fixed_indegree(int(p.epsilon * len(exc))), J_ex, p.delay)
            network.connect(inh, target, fixed_indegree(int(p.epsilon * len(inh))), -p.g * J_ex, p.delay)
            network.poisson_input(target, external_rate(p), J_ex, p.delay)
        network.record_spikes(exc[: p.N_rec], inh[: p.N_rec])
        return network

    def figures(self, p: Parameters, t_presim: float, t_sim: float, variant: str | None = None) -> dict:
        """Return what raster.png shows: the recorded excitatory neurons and, below, their rate."""
        return {"only": ["E"], "style": "ids", "rate": {"bin": 5.0, "populations": ["E"]}}

    def report(self, p: Parameters, summary: dict) -> str:
        """Return what NEST's example prints.

        Its synapses include the connections of its devices. The rates are those of all neurons, not of the recorded
        ones.
        """
        C_E, C_I = int(p.epsilon * 4 * p.order), int(p.epsilon * p.order)
        n = 5 * p.order
        devices = n + min(p.N_rec, 4 * p.order) + min(p.N_rec, p.order)
        rates = {name: population["rate_hz"] or 0.0 for name, population in summary["populations"].items()}
        lines = [
            "Brunel network simulation (Python)",
            f"Number of neurons : {n}",
            f"Number of synapses: {n * (C_E + C_I) + devices}",
            f"       Excitatory : {n * C_E + devices}",
            f"       Inhibitory : {n * C_I}",
            f"Excitatory rate   : {rates['E']:.2f} Hz",
            f"Inhibitory rate   : {rates['I']:.2f} Hz",
            f"Building time     : {summary['timing']['build_s']:.2f} s",
            f"Simulation time   : {summary['timing']['sim_s']:.2f} s",
            f"(excitatory synapses with {devices} of the Poisson generator and the recorders, as NEST counts;",
            " rates of all neurons)",
        ]
        return "\n".join(lines)


def psp_peak(p: Parameters) -> float:
    """Peak (mV) of the postsynaptic potential of an alpha current whose own peak is 1 pA.

    With u = t / tau_syn and x = (1 - tau_syn / tau_m) u the potential is e tau_syn / C_m u^2 exp(-u) h(x), where
    h(x) = (exp(x) - 1 - x) / x^2. It rises as long as the leak is less than the current: u h(x) < tau_m / tau_syn.
    """
    ratio, bend = p.tau_m / p.tau_syn, (p.tau_m - p.tau_syn) / p.tau_m
    low, high = 0.0, 3.0 + 2.0 * math.log(max(1.0, ratio))
    while low < (u := (low + high) / 2) < high:
        low, high = (u, high) if _leak_minus_current(u, ratio, bend) < 0 else (low, u)
    return math.e * p.tau_syn / p.C_m * u**2 * math.exp(-u) * _h(bend * u)


def _leak_minus_current(u: float, ratio: float, bend: float) -> float:
    """Sign of u h(bend u) - ratio, written for large arguments such that what 1 / bend and ratio share is left out."""
    x = bend * u
    return u * _h(x) - ratio if abs(x) < 1.0 else (math.expm1(x) / x - ratio) / bend


def _h(x: float) -> float:
    """(exp(x) - 1 - x) / x^2, as a series where the difference would lose digits."""
    if abs(x) < 1.0:
        return sum(x**k / math.factorial(k + 2) for k in range(18))
    return (math.expm1(x) - x) / x / x


def excitatory_weight(p: Parameters) -> float:
    """Weight (pA) of the excitatory synapses."""
    return p.J / psp_peak(p)


def external_rate(p: Parameters) -> float:
    """Rate (spikes/s) of the Poisson input of one neuron."""
    indegree = int(p.epsilon * 4 * p.order)
    threshold_rate = p.V_th * p.C_m / (excitatory_weight(p) * indegree * math.e * p.tau_m * p.tau_syn)
    return 1000.0 * p.eta * threshold_rate * indegree
