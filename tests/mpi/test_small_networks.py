"""Random small networks give the same bits on this number of ranks as on one."""

from __future__ import annotations

import pytest
from mpi4py import MPI

from distsim.parallel import SerialCommunicator
from tests.support.drawn_networks import drawn
from tests.support.small_networks import Case, select, simulate

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD


def outcome(case: Case, comm) -> list:
    """Return all bits that must not depend on the ranks (collective)."""
    sim = simulate(case, comm)
    found = [sim.spikes(select(sim.network, part)) for part in case.spike_parts]
    found += [sim.voltages(select(sim.network, part)) for part in case.voltage_parts]
    return [*([x.tobytes() for x in pair] for pair in found), sim.spike_counts().tobytes(), sim.ledger()]


def compare(n: int) -> None:
    # The networks are those that rank 0 draws: another process may draw others.
    for case in COMM.bcast(drawn(n) if COMM.rank == 0 else None):
        try:
            serial = COMM.bcast(outcome(case, SerialCommunicator()) if COMM.rank == 0 else None)
            same = COMM.allgather(outcome(case, COMM)) == COMM.size * [serial]
        except Exception as error:
            raise AssertionError(f"{type(error).__name__} with {case}") from error
        assert same, case


def test_small_networks_do_not_depend_on_the_ranks():
    compare(12)


@pytest.mark.validation
@pytest.mark.timeout(1800)
def test_many_small_networks_do_not_depend_on_the_ranks():
    compare(1000)
