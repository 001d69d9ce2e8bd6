"""Clusters of excitation and inhibition: Rostami et al. (2020), doi:10.1101/2020.02.27.968339, as NEST's example
EI_clustered_network. Clusters switch on and off by themselves; three of them are stimulated twice.

    python examples/ei_clustered.py                or: mpirun -n 4 python examples/ei_clustered.py

writes results/ei_clustered.png. The same as a command, with options for its parameters: python -m distsim ei-clustered.
How the network is written: distsim/networks/ei_clustered.py
"""

from distsim import Simulation
from distsim.analysis.marks import Mark
from distsim.networks import EIClustered, ei_clustered


def main(N_E=4000, n_clusters=20, t_presim=1000.0, t_sim=10000.0, seed=1, out="results"):
    p = ei_clustered.Parameters(N_E=N_E, N_I=N_E // 4, n_clusters=n_clusters)
    net = EIClustered().describe(p, t_presim=t_presim)

    sim = Simulation(net, seed)
    sim.run(t_presim, record=False)
    sim.run(t_sim)

    result = sim.result()
    if sim.comm.rank == 0:
        for name, found in result.summary["populations"].items():
            print(f"{name} fires at {found['rate_hz']:.2f} spikes/s")
        print(f"spikes_sha256 {result.summary['spikes_sha256']}")
        # Times count from the start of the warm-up: the stimuli of 2000 and 6000 ms are at 3000 and 7000 ms.
        marks = [Mark(**mark) for mark in EIClustered().figures(p, t_presim, t_sim)["marks"]]
        picture = result.raster(colors=EIClustered.colors, marks=marks, title="EI clusters")
        picture.save(f"{out}/ei_clustered.png")


if __name__ == "__main__":
    main()
