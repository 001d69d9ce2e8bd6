"""Networks in space, and the distances of their pairs worked out by NumPy alone; used by several tests."""

from __future__ import annotations

import numpy as np

from distsim import (
    Annulus,
    Box,
    Circle,
    Exponential,
    Gaussian,
    Grid,
    Linear,
    Network,
    Normal,
    Points,
    Simulation,
    UniformBox,
    UniformDisc,
    all_to_all,
    fixed_indegree,
    fixed_outdegree,
    pairwise_bernoulli,
)


def displacements(sim: Simulation, source: str, target: str) -> np.ndarray:
    """Return target minus source of all pairs, to the nearest image: float64 (sources, targets, axes)."""
    apart = sim.positions(target)[None, :, :] - sim.positions(source)[:, None, :]
    for axis, period in enumerate(sim.network.select(source).population.positions.period):
        if period:
            apart[..., axis] -= period * np.rint(apart[..., axis] / period)
    return apart


def distances(sim: Simulation, source: str, target: str) -> np.ndarray:
    """Return the distances of all pairs, float64 (sources, targets)."""
    return np.sqrt(np.sum(displacements(sim, source, target) ** 2, axis=2))


def counts(sim: Simulation, source: str, target: str) -> np.ndarray:
    """Return how many synapses each pair has, int64 (sources, targets)."""
    found = sim.connections(source, target)
    table = np.zeros((len(sim.network.select(source)), len(sim.network.select(target))), np.int64)
    np.add.at(table, (found.sources, found.targets), 1)
    return table


def pair_of(rule, places=None, others=None, **values) -> Simulation:
    """Return a simulation of A -> B by `rule`, with positions `places` and `others`."""
    net = Network()
    A = net.create("A", len(places), positions=places)
    B = net.create("B", len(others), positions=others)
    net.connect(A, B, rule, **{"weight": 1.0, "delay": 1.0, **values})
    return Simulation(net, 7)


def everything() -> Network:
    """Return a network that fires, with every kind of positions, rule, function and mask."""
    rng = np.random.default_rng(3)
    net = Network(0.1)
    E = net.create("E", 144, positions=Grid((12, 12), periodic=True), I_e=np.linspace(360.0, 480.0, 144))
    I = net.create("I", 50, positions=UniformBox((1.0, 1.0), periodic=True), I_e=np.linspace(330.0, 450.0, 50))
    given = Points(rng.uniform(-0.5, 0.5, (60, 2)), (1.0, 1.0), periodic=True)
    G = net.create("G", 60, positions=given, I_e=400.0)
    D = net.create("D", 70, positions=UniformDisc(0.5), I_e=410.0)
    S = net.create("S", 40, positions=rng.uniform(-0.3, 0.3, (40, 2)), I_e=380.0)
    drawn, late = Normal(20.0, 6.0), Normal(1.5, 0.5, minimum=0.3)
    net.connect(E, E, pairwise_bernoulli(Gaussian(0.6, 0.12), False), Gaussian(25.0, 0.3), Linear(0.5, 4.0))
    net.connect(E, I, fixed_indegree(9, probability=Exponential(1.0, 0.1)), drawn, Linear(0.5, 4.0))
    net.connect(I, E, fixed_outdegree(12, probability=Gaussian(1.0, 0.2)), Gaussian(-80.0, 0.2), late)
    net.connect(I, G, fixed_outdegree(7, allow_multapses=False, mask=Circle(0.3)), -30.0, Linear(0.5, 4.0))
    net.connect(G, G, fixed_indegree(4, False, False, Gaussian(1.0, 0.2)), drawn, late)
    net.connect(G[::2], E[5:100], pairwise_bernoulli(0.3, mask=Annulus(0.1, 0.3)), drawn, late)
    net.connect(D, S, all_to_all(), Exponential(9.0, 0.2), Linear(0.5, 2.0))
    net.connect(S, D[rng.permutation(70)[:30]], pairwise_bernoulli(0.5, mask=Box((-0.2, 0.0), (0.1, 0.4))), 22.0, late)
    net.connect(S, D, fixed_outdegree(3), Linear(30.0, -10.0), 1.0)
    net.record_spikes()
    return net
