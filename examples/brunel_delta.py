"""Brunel (2000), J Comput Neurosci 8:183, figure 8: four regimes of a random network with delta synapses, as Brian2's
example Brunel_2000.

    python examples/brunel_delta.py                or: mpirun -n 4 python examples/brunel_delta.py

writes results/brunel_delta.png. The same as a command, with options: python -m distsim brunel-delta --panel all
"""

from distsim import Network, Simulation, pairwise_bernoulli
from distsim.analysis.panels import panels
from distsim.analysis.population_rate import PopulationRate

PANELS = {
    "A": {"g": 3.0, "nu_ext_over_nu_thr": 2.0, "t_range": (500, 600), "rate_range": (0, 6000), "rate_tick_step": 1000},
    "B": {"g": 6.0, "nu_ext_over_nu_thr": 4.0, "t_range": (1000, 1200), "rate_range": (0, 400), "rate_tick_step": 100},
    "C": {"g": 5.0, "nu_ext_over_nu_thr": 2.0, "t_range": (1000, 1200), "rate_range": (0, 200), "rate_tick_step": 50},
    "D": {"g": 4.5, "nu_ext_over_nu_thr": 0.9, "t_range": (1000, 1200), "rate_range": (0, 250), "rate_tick_step": 50},
}


def simulate(g, nu_ext_over_nu_thr, sim_time, N_E=10000, seed=1):
    """One panel's network, run for `sim_time` (ms).

    g : inhibitory weight relative to the excitatory one. nu_ext_over_nu_thr : external rate relative to threshold rate.
    """
    N_I = round(0.25 * N_E)
    epsilon = 0.1  # connection probability
    tau, theta, V_r, tau_rp = 20.0, 20.0, 10.0, 2.0  # ms, mV, mV, ms
    J, D = 0.1, 1.5  # mV, ms
    dt = 0.1  # ms

    # Brian2 compares with theta before the input of a step arrives, and counts tau_rp from the start of that step.
    neuron = {"tau_m": tau, "E_L": 0.0, "V_m": 0.0, "V_th": theta, "V_reset": V_r}
    neuron |= {"t_ref": tau_rp - dt, "detection": "before_input"}
    external_rate = 1000.0 * nu_ext_over_nu_thr * theta / (J * tau)  # spikes/s, of all C_ext sources together

    net = Network(dt)
    exc = net.create("E", N_E, "iaf_psc_delta", **neuron)
    inh = net.create("I", N_I, "iaf_psc_delta", **neuron)
    for target in (exc, inh):
        net.connect(exc, target, pairwise_bernoulli(epsilon), J, D)
        net.connect(inh, target, pairwise_bernoulli(epsilon), -g * J, D)
        net.poisson_input(target, external_rate, J, dt)
    net.record_spikes(exc, inh)

    sim = Simulation(net, seed)
    sim.run(sim_time)
    return sim


def main(N_E=10000, seed=1, out="results"):
    pictures = []
    for panel, p in PANELS.items():
        t0, t1 = p["t_range"]
        sim = simulate(p["g"], p["nu_ext_over_nu_thr"], t1, N_E, seed)
        result = sim.result()
        rate = PopulationRate(bin=0.1, ylim=p["rate_range"], tick_step=p["rate_tick_step"])
        pictures.append(result.raster(t0, t1, only=["E"], first=50, style="bars", rate=rate, title=panel))
        if sim.comm.rank == 0:
            rates = {name: found["rate_hz"] for name, found in result.summary["populations"].items()}
            print(f"{panel}: E {rates['E']:.2f} spikes/s, I {rates['I']:.2f} spikes/s")
            print(f"   spikes_sha256 {result.summary['spikes_sha256']}")
    if sim.comm.rank == 0:
        panels(pictures, f"{out}/brunel_delta.png")


if __name__ == "__main__":
    main()
