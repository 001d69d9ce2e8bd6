"""The neuron models are NEST's, on any number of ranks: V_m at every sample, every spike."""

from __future__ import annotations

import pytest
from mpi4py import MPI

from tests.support.reference_networks import MODELS, NEURONS, check_network, check_neuron

pytestmark = pytest.mark.mpi


@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_is_that_of_NEST(name):
    check_neuron(name, MPI.COMM_WORLD)


@pytest.mark.parametrize("model", MODELS)
def test_a_network_is_that_of_NEST_spike_for_spike(model):
    check_network(model, MPI.COMM_WORLD)
