"""The neuron models are NEST's, on one rank: V_m at every sample, every spike."""

from __future__ import annotations

import pytest

from distsim.parallel import SerialCommunicator
from tests.support.reference_networks import MODELS, NEURONS, check_network, check_neuron, load


@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_is_that_of_NEST(name):
    check_neuron(name, SerialCommunicator())


@pytest.mark.parametrize("model", MODELS)
def test_a_network_is_that_of_NEST_spike_for_spike(model):
    check_network(model, SerialCommunicator())


def test_the_references_cover_what_they_are_to_show():
    facts = [load(name)[0] for name in NEURONS]
    assert {f["resolution"] for f in facts} == {0.05, 0.1, 0.2}
    assert {f["model"] for f in facts} == set(MODELS)
    with_currents = [f["params"] for f in facts if f["model"] != "iaf_psc_delta"]
    assert {params["tau_syn_ex"] == params["tau_syn_in"] for params in with_currents} == {False, True}
    assert sum(len(f["output_spike_times"]) > 0 for f in facts) >= 9
