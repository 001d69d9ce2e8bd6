"""A sheet of neurons: neighbors excite each other, inhibition reaches farther, and activity gathers in spots.

    python examples/spatial.py                on one rank
    mpirun -n 4 python examples/spatial.py    on four, with the same spikes

writes results/spatial.png, where connection probability, delay and rate are drawn in space, and the folder of the run,
results/spatial.
"""

import matplotlib.pyplot as plt
import numpy as np

import distsim
from distsim import Gaussian, Grid, Linear, Network, Normal, Simulation, UniformBox, fixed_indegree, pairwise_bernoulli

P = Gaussian(0.4, sigma=0.09)  # of a pair E to I; sigma in mm


def network(side):
    """Return side^2 excitatory neurons on a grid and a quarter as many inhibitory ones, on a sheet of 1 mm x 1 mm."""
    net = Network(dt=0.1)
    neuron = {"tau_m": 20.0, "V_m": Normal(-60.0, 5.0)}  # ms, mV
    exc = net.create("E", side**2, positions=Grid((side, side), periodic=True), **neuron)
    inh = net.create("I", side**2 // 4, positions=UniformBox((1.0, 1.0), periodic=True), **neuron)
    delay = Linear(0.5, slope=5.0)  # 0.5 ms and 0.2 mm/ms
    near = pairwise_bernoulli(Gaussian(0.6, sigma=0.06), allow_autapses=False)
    net.connect(exc, exc, near, weight=Gaussian(300.0, sigma=0.1), delay=delay)  # pA
    net.connect(exc, inh, pairwise_bernoulli(P), weight=300.0, delay=delay)
    for target in (exc, inh):
        far = fixed_indegree(60, probability=Gaussian(1.0, sigma=0.3))
        net.connect(inh, target, far, weight=-150.0, delay=delay)
        net.poisson_input(target, rate=10_000.0, weight=30.0, delay=1.5)  # spikes/s, pA, ms
    net.record_spikes()
    return net


def main(side=40, t_sim=500.0, out="results"):
    sim = Simulation(network(side), seed=1)
    sim.run(200.0, record=False)
    sim.run(t_sim)
    folder = sim.save(f"{out}/spatial", overwrite=True)
    synapses = sim.connections("E", "I")  # of all ranks
    if sim.comm.rank == 0:
        result = distsim.load(folder)
        sources, targets = result.positions("E"), result.positions("I")  # mm, (neurons, 2)
        apart = targets[None] - sources[:, None]
        distances = np.hypot(*np.moveaxis(apart - np.rint(apart), 2, 0))  # the sheet is 1 mm wide, and periodic
        _, ids = result.spikes("E")
        rates = np.bincount(ids, minlength=side**2) / t_sim * 1e3
        print(f"{len(synapses)} synapses E to I, on {sim.comm.size} rank(s); E fires at {rates.mean():.2f} spikes/s")
        print(f"spikes_sha256 {result.summary['spikes_sha256']}")
        draw(rates.reshape(side, side), distances, synapses, f"{out}/spatial.png")


def draw(rates, distances, synapses, path):
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    connected = distances[synapses.sources, synapses.targets]
    edges = np.linspace(0.0, 0.4, 41)
    pairs, found = np.histogram(distances, edges)[0], np.histogram(connected, edges)[0]
    left.stairs(found / np.maximum(pairs, 1), edges, fill=True, alpha=0.5, label="E to I")
    left.plot(edges, P(edges), label="Gaussian")
    left.set(xlabel="distance (mm)", ylabel="connection probability", xlim=(0, 0.4), ylim=(0, None))
    left.legend(frameon=False)
    middle.plot(connected, synapses.delays, ".", markersize=2)
    middle.set(xlabel="distance (mm)", ylabel="delay, E to I (ms)", xlim=(0, 0.4), ylim=(0, None))
    picture = right.imshow(rates.T, origin="lower", extent=(-0.5, 0.5, -0.5, 0.5), cmap="magma")
    figure.colorbar(picture, ax=right, label="rate of E (spikes/s)")
    right.set(xlabel="x (mm)", ylabel="y (mm)")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
