"""Ranks that do not describe the same get an error on all of them, before anything is built or changed."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Network, Simulation, explicit, fixed_indegree

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
ODD = int(COMM.rank == COMM.size - 1)  # one rank differs
only_in_parallel = pytest.mark.skipif(COMM.size == 1, reason="one rank agrees with itself")


def network(n: int = 20, tau_m: float = 10.0, source: int = 0, rate: float = 1e4, record: int = 20, more: int = 0):
    net = Network()
    E = net.create("E", n, tau_m=np.full(n, tau_m))
    net.connect(E, E, explicit([source, 1], [2, 3]), 50.0, 1.0)
    for _ in range(more):
        net.connect(E, E, fixed_indegree(2), 50.0, 1.0)
    net.poisson_input(E, rate, 50.0, 1.0)
    net.record_spikes(E[:record])
    return net


@only_in_parallel
@pytest.mark.parametrize(
    ("differs", "named"),
    [
        ({"n": 20 + ODD}, "population E"),
        ({"tau_m": 10.0 + ODD}, "population E"),
        ({"source": ODD}, "projection 0, E -> E"),
        ({"more": ODD}, "projection 1, E -> E"),
        ({"rate": 1e4 + ODD}, "Poisson input 0 into E"),
        ({"record": 20 - ODD}, "the recorders"),
    ],
)
def test_another_network(differs, named):
    with pytest.raises(ValueError, match=f"the ranks do not agree about {named}:"):
        Simulation(network(**differs))


@only_in_parallel
def test_another_seed():
    with pytest.raises(ValueError, match="about the seed"):
        Simulation(network(), seed=1 + ODD)


@only_in_parallel
def test_another_duration_or_change():
    sim = Simulation(network())
    with pytest.raises(ValueError, match="about the duration of a run"):
        sim.run(1.0 + ODD)
    with pytest.raises(ValueError, match="about what is set"):
        sim.set("E", tau_m=10.0 + ODD)
    with pytest.raises(ValueError, match="about what is set"):
        sim.set("E[:5]" if ODD else "E[:6]", I_e=10.0)
    sim.run(1.0)
    assert sim.time == 1.0 and set(sim.get("E", "tau_m")) == {10.0}


def test_the_same_is_the_same_and_any_difference_tells():
    from distsim import Normal
    from distsim.simulation.agreement import described, digest

    def parts(**how):
        return {name: digest(part) for name, part in described(network(**how), 1).items()}

    assert parts() == parts()
    values = [
        1,
        1.0,
        True,
        "1",
        b"1",
        None,
        (1,),
        [1],
        np.ones(1),
        np.ones((1, 1)),
        np.ones(1, int),
        range(1),
        {"a": 1},
    ]
    values += [{"b": 1}, Normal(1.0, 2.0), Normal(1.0, 2.5), -0.0, 0.0, np.nan, (1, (2, 3)), (1, 2, 3), digest, parts]
    assert len({digest(value) for value in values}) == len(values)
