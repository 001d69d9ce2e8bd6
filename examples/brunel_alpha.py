"""Random balanced network with alpha synapses after Brunel (2000), J Comput Neurosci 8:183, as NEST's example
brunel_alpha_nest: 12,500 neurons that fire asynchronously and irregularly.

    python examples/brunel_alpha.py                or: mpirun -n 4 python examples/brunel_alpha.py

writes results/brunel_alpha.png: 50 excitatory neurons above their rate. The same network as a command, with options for
its parameters: python -m distsim brunel-alpha
"""

import time

import numpy as np
from scipy.special import lambertw

from distsim import Network, Simulation, fixed_indegree
from distsim.analysis.population_rate import PopulationRate


def psp_norm(tau_m, C_m, tau_syn):
    """Peak (mV) of the postsynaptic potential of an alpha current of 1 pA."""
    a, b = tau_m / tau_syn, 1.0 / tau_syn - 1.0 / tau_m
    t_max = (-lambertw(-np.exp(-1.0 / a) / a, k=-1).real - 1.0 / a) / b
    difference = (np.exp(-t_max / tau_m) - np.exp(-t_max / tau_syn)) / b
    return np.e / (tau_syn * C_m * b) * (difference - t_max * np.exp(-t_max / tau_syn))


def main(order=2500, simtime=1000.0, seed=1, out="results"):
    g = 5.0  # inhibitory weight relative to the excitatory one
    eta = 2.0  # external rate relative to threshold rate
    epsilon = 0.1  # connection probability
    delay = 1.5  # ms

    NE, NI = 4 * order, order
    CE, CI = int(epsilon * NE), int(epsilon * NI)  # synapses a neuron
    N_rec = 50  # neurons recorded of each population

    tau_syn, tau_m, C_m, theta = 0.5, 20.0, 250.0, 20.0  # ms, ms, pF, mV
    neuron = {"C_m": C_m, "tau_m": tau_m, "tau_syn_ex": tau_syn, "tau_syn_in": tau_syn}
    neuron |= {"t_ref": 2.0, "E_L": 0.0, "V_reset": 0.0, "V_m": 0.0, "V_th": theta}

    J = 0.1  # mV, peak of the excitatory postsynaptic potential
    J_ex = J / psp_norm(tau_m, C_m, tau_syn)  # pA
    J_in = -g * J_ex
    nu_th = theta * C_m / (J_ex * CE * np.e * tau_m * tau_syn)
    p_rate = 1000.0 * eta * nu_th * CE  # spikes/s

    net = Network(dt=0.1)
    exc = net.create("E", NE, "iaf_psc_alpha", **neuron)
    inh = net.create("I", NI, "iaf_psc_alpha", **neuron)
    for target in (exc, inh):
        net.connect(exc, target, fixed_indegree(CE), J_ex, delay)
        net.connect(inh, target, fixed_indegree(CI), J_in, delay)
        net.poisson_input(target, p_rate, J_ex, delay)
    net.record_spikes(exc[:N_rec], inh[:N_rec])

    sim = Simulation(net, seed)
    started = time.perf_counter()
    sim.run(simtime)
    sim_time = time.perf_counter() - started

    result = sim.result()
    rate_ex, rate_in = (len(sim.spikes(p[:N_rec])[0]) / simtime * 1000.0 / N_rec for p in (exc, inh))
    if sim.comm.rank == 0:
        devices = NE + NI + 2 * N_rec  # NEST counts the connections of its generator and recorders, too
        print("Brunel network simulation (Python)")
        print(f"Number of neurons : {NE + NI}")
        print(f"Number of synapses: {sim.n_synapses + devices}")
        print(f"       Excitatory : {CE * (NE + NI) + devices}")
        print(f"       Inhibitory : {CI * (NE + NI)}")
        print(f"Excitatory rate   : {rate_ex:.2f} Hz")
        print(f"Inhibitory rate   : {rate_in:.2f} Hz")
        print(f"Building time     : {sim.build_time:.2f} s")
        print(f"Simulation time   : {sim_time:.2f} s")
        print(f"spikes_sha256 {result.summary['spikes_sha256']}")
        rate = PopulationRate(bin=5.0, populations=["E"])
        result.raster(only=["E"], style="ids", rate=rate, title="Brunel (2000), alpha synapses").save(
            f"{out}/brunel_alpha.png"
        )


if __name__ == "__main__":
    main()
