"""The spikes of all networks are those of before, bit for bit, on any number of ranks."""

from __future__ import annotations

import pytest
from mpi4py import MPI

from tests.support.hashed_networks import FIRST, check, layout

pytestmark = pytest.mark.mpi


def is_left_to_long_runs(number: int) -> bool:
    """Two ranks run all networks, more of them every second."""
    return MPI.COMM_WORLD.size > 2 and number % 2 == 1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.validation if is_left_to_long_runs(number) else ())
        for number, name in enumerate(FIRST)
    ],
)
def test_spikes_are_those_of_before(name):
    check(name, MPI.COMM_WORLD)


@pytest.mark.skipif(MPI.COMM_WORLD.size == 1, reason="on one rank the index is by delay")
@pytest.mark.parametrize("weights", ["drawn", "given"])
def test_synapses_with_many_delays_are_kept_by_source(weights):
    assert layout(f"own: many delays, {weights}", MPI.COMM_WORLD)[1]
