"""A sweep over Brunel's network: the rate for each g and each external rate, farmed over the ranks.

    python examples/sweep.py                the 42 simulations one after another
    mpirun -n 4 python examples/sweep.py    four at a time, with the same rates

Each rank simulates whole networks of its own (`comm=MPI.COMM_SELF`), here every fourth of them; rank 0 gathers the
rates and writes results/sweep.png. The ending of the name says the format: `.pdf` and `.svg` work as well.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from mpi4py import MPI

from distsim import Simulation
from distsim.networks import BrunelAlpha, brunel_alpha

G = (3.0, 3.5, 4.0, 4.5, 5.0, 6.0)  # inhibitory weight relative to the excitatory one
ETA = (0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)  # external rate relative to the one that reaches the threshold


def main(order=100, seeds=(1,), t_warmup=100.0, t_sim=200.0, path="results/sweep.png"):
    world = MPI.COMM_WORLD
    points = [(g, eta, seed) for eta in ETA for g in G for seed in seeds]
    mine = points[world.rank :: world.size]
    found = world.gather([rate(*point, order, t_warmup, t_sim) for point in mine])
    if world.rank == 0:
        # Rank r has found the points r, r + size, ...
        rates = np.empty(len(points))
        for rank, values in enumerate(found):
            rates[rank :: world.size] = values
        rates = rates.reshape(len(ETA), len(G), len(seeds)).mean(axis=2)
        print("spikes/s  " + "".join(f"g={g:<6g}" for g in G))
        for eta, row in zip(ETA, rates, strict=True):
            print(f"eta={eta:<6g}" + "".join(f"{value:<8.2f}" for value in row))
        draw(rates, Path(path))


def rate(g, eta, seed, order, t_warmup, t_sim):
    """Return the mean rate (spikes/s) of all neurons of one network, simulated by this rank alone."""
    # A tenth of the synapses of Brunel's network, five times as strong, so that fluctuations still matter.
    network = BrunelAlpha().describe(brunel_alpha.Parameters(order=order, g=g, eta=eta, epsilon=25 / order, J=0.5))
    sim = Simulation(network, seed, comm=MPI.COMM_SELF)
    sim.run(t_warmup, record=False)
    before = sum(sim.spike_counts())
    sim.run(t_sim)
    return (sum(sim.spike_counts()) - before) / network.n_neurons / (t_sim / 1000.0)


def draw(rates, path):
    figure, axes = plt.subplots(figsize=(6.4, 5.0), layout="constrained")
    image = axes.imshow(rates, origin="lower", aspect="auto", cmap="viridis", vmin=0.0)
    for (row, column), value in np.ndenumerate(rates):
        shade = "black" if value > 0.6 * rates.max() else "white"
        axes.text(column, row, f"{value:.3g}", ha="center", va="center", color=shade, fontsize=9)
    axes.set_xticks(range(len(G)), [f"{g:g}" for g in G])
    axes.set_yticks(range(len(ETA)), [f"{eta:g}" for eta in ETA])
    axes.set(xlabel="g (inhibition / excitation)", ylabel="η (external rate / threshold rate)")
    figure.colorbar(image, label="mean rate of a neuron (spikes/s)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
