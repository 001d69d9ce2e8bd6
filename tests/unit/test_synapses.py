"""Synapse models: what a projection carries, and what the engine refuses."""

from __future__ import annotations

import copy
import pickle

import pytest

from distsim import Network, Simulation, fixed_indegree
from distsim.engine.connectivity.table_plan import plan_table
from distsim.parallel import SerialCommunicator
from distsim.synapses import PACKED, SYNAPSES, SynapseModel, static


def network(**options) -> Network:
    net = Network(0.1)
    E = net.create("E", 1100)
    net.connect(E, E, fixed_indegree(20), 1.0, 1.5, **options)
    return net


def test_projections_are_static_unless_asked_for_another_model():
    assert network().projections[0].synapse is static is SYNAPSES["static_synapse"]
    assert (static.table, static.variables, static.parameters) == (PACKED, (), {})
    own = SynapseModel("own")
    assert network(synapse=own).projections[0].synapse is own


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_of_a_network_keep_the_model(copied):
    assert copied(network(synapse=SynapseModel("own"))).projections[0].synapse == SynapseModel("own")


def test_what_is_no_synapse_model_is_refused():
    with pytest.raises(TypeError, match=r"E -> E: synapse must be a SynapseModel.*not 'stdp'"):
        network(synapse="stdp")


def test_a_packed_table_keeps_no_variables():
    with pytest.raises(TypeError, match="own: w, x would change"):
        SynapseModel("own", variables=("w", "x"))


def test_a_model_without_a_table_is_refused_before_anything_is_built():
    plastic = SynapseModel("plastic", variables=("w",), table="weights")
    net = network(synapse=plastic)
    for build in (lambda: plan_table(net, 2), lambda: Simulation(net, 1, SerialCommunicator(), warm=True)):
        with pytest.raises(ValueError, match="E -> E: synapse model plastic needs a table 'weights'"):
            build()


def test_dense_static_projections_are_bit_matrices_whatever_their_name():
    for synapse in (static, SynapseModel("own")):
        assert len(plan_table(network(synapse=synapse), 1).groups) == 1
