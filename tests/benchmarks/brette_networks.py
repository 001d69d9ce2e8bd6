"""The networks of brette.py: numbers that distsim's script and NEST's share (pA, nS, mV, ms).

CUBA and COBA are those of Brette et al. (2007, J Comput Neurosci 23:349), benchmarks 2 and 1; `aeif` is such a network
of adaptive exponential neurons with NEST's parameters and Poisson input.
"""

N_E, N_I, P, DELAY = 3200, 800, 0.02, 0.1
START = 50.0  # Poisson input that excites CUBA and COBA ends here
NEURON = {"C_m": 200.0, "V_th": -50.0, "V_reset": -60.0, "tau_syn_ex": 5.0, "tau_syn_in": 10.0, "t_ref": 5.0}
NETWORKS = {
    "cuba": {
        "model": "iaf_psc_exp",
        "neuron": {**NEURON, "tau_m": 20.0, "E_L": -49.0},
        "weights": (16.2, -90.0),
        "input": (300.0, 16.2, START),  # spikes/s, weight, end
    },
    "coba": {
        "model": "iaf_cond_exp",
        "neuron": {**NEURON, "g_L": 10.0, "E_L": -60.0, "E_ex": 0.0, "E_in": -80.0},
        "weights": (6.0, -67.0),
        "input": (300.0, 6.0, START),
    },
    "aeif": {
        "model": "aeif_cond_exp",
        "neuron": {"tau_syn_ex": 5.0, "tau_syn_in": 10.0},
        "weights": (3.0, -30.0),
        "input": (4000.0, 3.0, None),  # to the end
    },
}
