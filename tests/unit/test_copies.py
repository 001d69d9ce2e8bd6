"""Copies and pickles of a network describe the same, can be added to, and share nothing that changes."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest

from distsim import Network, Normal, Simulation, Uniform, explicit, fixed_indegree
from distsim.neurons.iaf_psc_exp import iaf_psc_exp
from distsim.parallel import SerialCommunicator
from distsim.simulation.agreement import described, digest
from tests.support.adaptive import adaptive


def everything() -> Network:
    net = Network(0.1)
    E = net.create("E", 10, tau_m=np.linspace(5.0, 10.0, 10), V_m=Normal(-60.0, 5.0), I_e=900.0)
    D = net.create("D", 3, "iaf_psc_delta", refractory_input="accumulate")
    net.poisson_source("P", 2, 10.0, 1.0, 5.0)
    net.spike_source("S", [[1.0, 2.0], []])
    net.connect(E, E[2:8:2], explicit([0, 1], [1, 2]), [1.0, 2.0], 1.0)
    net.connect(E, D, fixed_indegree(3), Normal(0.1, 0.01), Uniform(1.0, 2.0))
    net.poisson_input("E", 100.0, 1.0, 1.0)
    net.step_current("E[:3]", [1.0, 2.0], [3.0, 4.0])
    net.record_spikes("E", "D")
    net.record_voltages("E[1:3]", 0.2)
    return net


def digests(net: Network) -> dict:
    return {name: digest(part) for name, part in described(net, 1).items()}


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda net: pickle.loads(pickle.dumps(net)), "copy": copy.copy}


@pytest.mark.parametrize("simulated", [False, True])
@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_describes_the_same_and_is_open(kind, simulated):
    net, n = everything(), 4
    if simulated:
        Simulation(net, comm=SerialCommunicator())
    twin = COPIES[kind](net)
    assert digests(twin) == digests(net) and twin.dt == net.dt
    assert not twin.is_simulated and net.is_simulated is simulated
    assert all(p.model is q.model for p, q in zip(twin.populations, net.populations, strict=True))
    assert twin.projections[0].source.population is twin["E"]
    for array in (twin["E"].parameters["tau_m"], twin.projections[0].weight):
        assert not array.flags.writeable
    with pytest.raises(TypeError):
        twin["E"].parameters["tau_m"] = 1.0
    twin.create("more", 1)
    twin.connect("E", "more", fixed_indegree(1), 1.0, 1.0)
    twin.record_spikes("more")
    assert (len(net.populations), len(net.projections), len(net.recorders)) == (n, 2, 3)


def test_a_model_of_ones_own_is_pickled_with_its_network():
    net = Network(0.1)
    net.record("w", net.create("E", 3, adaptive, V=Normal(-60.0, 1.0)))
    twin = pickle.loads(pickle.dumps(net))
    assert twin["E"].model == adaptive and digests(twin) == digests(net)
    assert twin.recorders[0].target.population is twin["E"]


@pytest.mark.parametrize("kind", ["deepcopy", "pickle"])
def test_parts_of_the_original_are_not_those_of_a_copy(kind):
    net = everything()
    twin = COPIES[kind](net)
    for part in (net["E"], net["E"][:5]):
        with pytest.raises(ValueError, match="belongs to another network"):
            twin.record_spikes(part)
    with pytest.raises(ValueError, match="belongs to another network"):
        twin.connect("E", net["E"], fixed_indegree(1), 1.0, 1.0)


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_gives_the_same_spikes(kind):
    net = everything()
    hashes = []
    for one in (net, COPIES[kind](net)):
        sim = Simulation(one, 5, SerialCommunicator())
        sim.run(50.0)
        sim.set("P", rate=20.0)
        sim.run(20.0)
        hashes.append((sim.spikes_sha256(), sim.spike_counts().tolist()))
    assert hashes[0] == hashes[1] and sum(hashes[0][1]) > 10


def test_a_users_own_model_is_copied_as_itself():
    model = dataclasses.replace(iaf_psc_exp, name="mine")
    net = Network()
    net.create("E", 1, model)
    assert copy.deepcopy(net)["E"].model is model and copy.copy(net)["E"].model is model
