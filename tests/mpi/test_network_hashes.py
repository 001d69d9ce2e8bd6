"""The spikes of all networks are those of before, bit for bit, on any number of ranks."""

from __future__ import annotations

import pytest
from mpi4py import MPI

from tests.support.hashed_networks import FIRST, check, layout

pytestmark = pytest.mark.mpi


@pytest.mark.parametrize("name", FIRST)
def test_spikes_are_those_of_before(name):
    check(name, MPI.COMM_WORLD)


@pytest.mark.skipif(MPI.COMM_WORLD.size == 1, reason="on one rank the index is by delay")
@pytest.mark.parametrize("weights", ["drawn", "given"])
def test_synapses_with_many_delays_are_kept_by_source(weights):
    assert layout(f"own: many delays, {weights}", MPI.COMM_WORLD)[1]
