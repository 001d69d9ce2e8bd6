"""A first network: 1000 excitatory and 250 inhibitory neurons that keep each other in balance, step by step.

    python examples/first_network.py                on one rank
    mpirun -n 4 python examples/first_network.py    on four, with the same spikes

writes results/first_network.png and the folder of the run, results/first_network.
"""

import matplotlib.pyplot as plt

import distsim
from distsim import Network, Normal, Simulation, fixed_total_number
from distsim.analysis.population_rate import PopulationRate
from distsim.analysis.raster import draw_raster


def main(out="results"):
    # 1. Neurons. A parameter is a number, an array with one value a neuron, or (V_m, I_e) a distribution.
    net = Network(dt=0.1)  # ms
    neuron = {"tau_m": 20.0, "C_m": 250.0, "V_th": -50.0, "E_L": -65.0, "V_reset": -65.0}  # ms, pF, mV
    neuron |= {"tau_syn_ex": 0.5, "tau_syn_in": 0.5, "V_m": Normal(-58.0, 5.0)}
    exc = net.create("E", 1000, "iaf_psc_exp", **neuron)
    inh = net.create("I", 250, "iaf_psc_exp", **neuron)

    # 2. Synapses and input: on average 100 excitatory and 25 inhibitory synapses a neuron, and Poisson spikes.
    J, g = 90.0, 8.0  # pA, relative strength of inhibition
    excitation, inhibition = Normal(J, 0.1 * J, minimum=0.0), Normal(-g * J, 0.1 * g * J, maximum=0.0)
    for target in (exc, inh):
        net.connect(exc, target, fixed_total_number(100 * len(target)), excitation, delay=Normal(1.5, 0.5, minimum=0.5))
        net.connect(inh, target, fixed_total_number(25 * len(target)), inhibition, delay=0.8)
    noise = net.poisson_input(exc, rate=4500.0, weight=J, delay=1.5)  # spikes/s, pA, ms
    net.poisson_input(inh, rate=4500.0, weight=J, delay=1.5)

    # 3. What to record: all spikes, and V_m of two neurons.
    net.record_spikes(exc, inh)
    net.record_voltages(exc[:2])

    # 4. Run, change something, run on. All ranks do all of this; none needs to know how many there are.
    sim = Simulation(net, seed=1)
    sim.run(100.0, record=False)  # ms, to let the transient pass
    sim.run(200.0)
    V_before = sim.get(exc, "V_m")  # mV, of all neurons now; likewise any parameter
    sim.set(noise, rate=6000.0)  # more noise for E from here on, 300 ms
    sim.run(200.0)

    # 5. Results are NumPy arrays, the same on every rank.
    times, ids = sim.spikes(exc)  # ms; neuron of each spike
    t, V = sim.voltages(exc[:2])  # ms; mV, one column a neuron

    # 6. One rank prints and draws.
    if sim.comm.rank == 0:
        before, after = (n / len(exc) / 0.2 for n in (sum(times <= 300.0), sum(times > 300.0)))  # spikes/s
        print(f"E fires at {before:.2f} spikes/s, with more noise at {after:.2f}, on {sim.comm.size} rank(s)")
        print(f"{len(set(ids))} of {len(exc)} neurons of E fired; mean V_m at 300 ms: {V_before.mean():.2f} mV")
        print(f"V_m of E[0] and E[1] from {t[0]:g} to {t[-1]:g} ms: {V.mean(axis=0).round(2)} mV on average")

    # 7. To keep it: the run's folder, also for `distsim plot`, and read back, today or next year.
    folder = sim.save(f"{out}/first_network", overwrite=True)
    if sim.comm.rank == 0:
        result = distsim.load(folder)
        print(f"{result}\nspikes_sha256 {result.summary['spikes_sha256']}")
        draw(result, f"{out}/first_network.png")


def draw(result, path):
    t, V = result.voltages("E[:2]")
    figure, (top, middle, bottom) = plt.subplots(
        3, 1, figsize=(8, 7), sharex=True, height_ratios=(3, 1, 2), layout="constrained"
    )
    rate = PopulationRate(bin=5.0, populations=["E"])
    draw_raster(result.raster(rate=rate, title="more noise from 300 ms on"), top, middle)
    bottom.plot(t, V, linewidth=0.8, label=["E[0]", "E[1]"])
    bottom.set(xlabel="time (ms)", ylabel="V_m (mV)")
    bottom.set_ylim(top=-46)  # room for the legend
    bottom.legend(loc="upper left", ncols=2, frameon=False)
    for axes in (top, middle, bottom):
        axes.axvline(300.0, color="0.4", linestyle="--", linewidth=1)
        axes.label_outer()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
