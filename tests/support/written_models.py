"""Neuron models from equations: the built-in ones as users would write them, and others."""

from __future__ import annotations

from distsim import NeuronModel, Parameter
from distsim.neurons import MODELS

SIGNED = {"ex": "g_ex += weight", "in": "g_in -= weight"}
SPIKING: dict = {"reset": "V_m = V_reset", "refractory": "t_ref", "frozen": ("V_m",)}
FITZHUGH = """
    dV/dt = (V - V**3 / 3 - W + drive + I_e / (1*pA)) / (1*ms) : 1
    dW/dt = (V + a - b * W) / tau : 1
"""


def parameters_of(name: str) -> dict[str, Parameter]:
    """Return the parameters of a built-in model that are numbers."""
    given = MODELS[name].parameters
    return {key: p for key, p in given.items() if isinstance(p.default, float) and key != "gsl_error_tol"}


def psc_exp() -> NeuronModel:
    return NeuronModel.from_equations(
        """
        dV_m/dt = (E_L - V_m) / tau_m + (I_syn_ex + I_syn_in + I_e) / C_m : mV
        dI_syn_ex/dt = -I_syn_ex / tau_syn_ex : pA
        dI_syn_in/dt = -I_syn_in / tau_syn_in : pA
        """,
        threshold="V_m >= V_th",
        receptors={"ex": "I_syn_ex += weight", "in": "I_syn_in += weight"},
        parameters=parameters_of("iaf_psc_exp"),
        **SPIKING,
    )


def psc_alpha() -> NeuronModel:
    return NeuronModel.from_equations(
        """
        dV_m/dt = (E_L - V_m) / tau_m + (I_syn_ex + I_syn_in + I_e) / C_m : mV
        dI_syn_ex/dt = dI_syn_ex - I_syn_ex / tau_syn_ex : pA
        ddI_syn_ex/dt = -dI_syn_ex / tau_syn_ex : pA/ms
        dI_syn_in/dt = dI_syn_in - I_syn_in / tau_syn_in : pA
        ddI_syn_in/dt = -dI_syn_in / tau_syn_in : pA/ms
        """,
        threshold="V_m >= V_th",
        receptors={"ex": "dI_syn_ex += weight * e / tau_syn_ex", "in": "dI_syn_in += weight * e / tau_syn_in"},
        parameters=parameters_of("iaf_psc_alpha"),
        **SPIKING,
    )


def cond_exp() -> NeuronModel:
    return NeuronModel.from_equations(
        """
        I_syn = g_ex * (E_ex - V_m) + g_in * (E_in - V_m) : pA
        dV_m/dt = (g_L * (E_L - V_m) + I_syn + I_e) / C_m : mV
        dg_ex/dt = -g_ex / tau_syn_ex : nS
        dg_in/dt = -g_in / tau_syn_in : nS
        """,
        threshold="V_m >= V_th",
        receptors=SIGNED,
        parameters=parameters_of("iaf_cond_exp"),
        detection="step",
        **SPIKING,
    )


def aeif_cond_exp() -> NeuronModel:
    return NeuronModel.from_equations(
        """
        dV_m/dt = (g_L * (E_L - V_m) + g_L * Delta_T * exp((V_m - V_th) / Delta_T)
                   + g_ex * (E_ex - V_m) + g_in * (E_in - V_m) - w + I_e) / C_m : mV
        dw/dt = (a * (V_m - E_L) - w) / tau_w : pA
        dg_ex/dt = -g_ex / tau_syn_ex : nS
        dg_in/dt = -g_in / tau_syn_in : nS
        """,
        threshold="V_m >= V_peak",
        receptors=SIGNED,
        parameters=parameters_of("aeif_cond_exp"),
        **{**SPIKING, "reset": "V_m = V_reset; w += b"},
    )


def adaptive(**changed: object) -> NeuronModel:
    """Return a linear model with adaptation, which decays while V is frozen, too."""
    given = {
        "equations": """
            dV/dt = (E_L - V) / tau_m + (I - w + I_e) / C_m : mV
            dw/dt = (a * (V - E_L) - w) / tau_w : pA
            dI/dt = -I / tau_syn : pA
            """,
        "threshold": "V >= V_th",
        "reset": "V = V_reset; w += b",
        "refractory": "t_ref",
        "frozen": "V",
        "receptors": "I += weight",
        "parameters": {
            "tau_m": "20 ms",
            "tau_w": (100.0, "ms"),
            "tau_syn": (5.0, "ms", "time constant of currents"),
            "C_m": "250 pF",
            "E_L": "-70 mV",
            "V_th": "-55 mV",
            "V_reset": "-60 mV",
            "a": "2 nS",
            "b": Parameter(30.0, "pA", "step of adaptation", 0.0),
            "t_ref": "2 ms",
            "V": "-70 mV",
        },
    }
    return NeuronModel.from_equations(**{**given, **changed})  # type: ignore[arg-type]


def fitzhugh() -> NeuronModel:
    return NeuronModel.from_equations(
        FITZHUGH,
        receptors="V += weight",
        threshold="V > 1",
        refractory="t_ref",
        parameters={"a": 0.7, "b": 0.8, "tau": "12.5 ms", "drive": 0.5, "t_ref": "10 ms", "V": -1.0, "W": -0.5},
    )


def two_receptors() -> NeuronModel:
    """Return the fly's neuron: input to g of either sign, and input to V."""
    return NeuronModel.from_equations(
        """
        dV/dt = (V_0 - V + g) / (20*ms) : mV
        dg/dt = -g / (5*ms) : mV
        """,
        threshold="V > V_th",
        reset="V = V_reset; g = 0",
        refractory="t_ref",
        frozen=("V", "g"),
        receptors={"synapses": "g += weight", "kicks": "V += weight"},
        parameters={"V_0": "-52 mV", "V_reset": "-52 mV", "V_th": "-45 mV", "t_ref": "2.2 ms", "V": "-52 mV"},
    )
