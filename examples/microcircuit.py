"""The cortical microcircuit of Potjans & Diesmann (2014), Cereb Cortex 24:785, at a tenth of its size, with a thalamic
pulse.

    python examples/microcircuit.py                or: mpirun -n 4 python examples/microcircuit.py

writes results/microcircuit_raster.png and results/microcircuit_rates.png. The same as a command, with options for its
parameters: python -m distsim microcircuit --scale 0.1 --thalamus. How the network is written:
distsim/networks/microcircuit.py
"""

from distsim import Simulation
from distsim.analysis.marks import Mark
from distsim.networks import Microcircuit, microcircuit


def main(scale=0.1, t_presim=500.0, t_sim=1000.0, seed=1, out="results"):
    # Times count from the start of the warm-up.
    p = microcircuit.Parameters(N_scaling=scale, K_scaling=scale, thalamic_input=True, th_start=t_presim + 0.2 * t_sim)
    net = Microcircuit().describe(p)

    sim = Simulation(net, seed)
    sim.run(t_presim, record=False)
    sim.run(t_sim)

    result, published = sim.result(), Microcircuit().reference_rates(p)
    if sim.comm.rank == 0:
        print(f"{net.n_neurons} neurons, {sim.n_synapses} synapses; mean rates, and those published for full scale:")
        for name, rate in published.items():
            print(f"{name:>5} {result.summary['populations'][name]['rate_hz']:7.3f} {rate:7.3f} spikes/s")
        print(f"spikes_sha256 {result.summary['spikes_sha256']}")
        figures = Microcircuit().figures(p, t_presim, t_sim)
        marks = [Mark(**mark) for mark in figures["marks"]]
        title = f"microcircuit, scale {scale:g}"
        result.raster(colors=Microcircuit.colors, marks=marks, title=title).save(f"{out}/microcircuit_raster.png")
        said = {"reference_rates_hz": published, "title": title, **figures["rates"]}
        result.rates_boxplot(f"{out}/microcircuit_rates.png", only=microcircuit.POPULATIONS, **said)


if __name__ == "__main__":
    main()
