"""Models that are solved in substeps: the same bits on any number of ranks, cut and resumed on other numbers."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Simulation
from distsim.parallel import SerialCommunicator
from tests.support.solved_networks import GIVEN, solved

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD


def outcome(sim: Simulation) -> dict[str, object]:
    """Return spikes, samples and states (collective)."""
    found: dict[str, object] = {"spikes": [array.tolist() for array in sim.spikes("E")], "ledger": sim.ledger()}
    for what in sim.network["E"].model.recordables:
        found[what] = [array.tobytes() for array in sim.samples(what, "E[::4]")]
        found[f"last {what}"] = sim.get("E", what).tobytes()
    return found


@pytest.fixture(scope="module", params=GIVEN)
def whole(request) -> tuple[str, dict]:
    """The name of a model, and what comes of it on one rank."""
    found = None
    if COMM.rank == 0:
        sim = Simulation(solved(request.param), 3, SerialCommunicator())
        sim.run(80.0)
        found = outcome(sim)
        assert len(found["spikes"][0]) > 40
    return request.param, COMM.bcast(found)


def test_any_number_of_ranks_gives_the_same_bits(whole):
    model, expected = whole
    sim = Simulation(solved(model), 3, COMM)
    sim.run(33.3)
    sim.run(46.7)
    assert outcome(sim) == expected


@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 3), (3, 1), (2, 1)])
def test_a_checkpoint_of_some_ranks_is_resumed_on_others(whole, folder, n, m):
    if max(n, m) > COMM.size:
        pytest.skip("needs more ranks")
    model, expected = whole
    groups = [COMM.Split(0 if COMM.rank < size else MPI.UNDEFINED, COMM.rank) for size in (n, m)]
    if groups[0] != MPI.COMM_NULL:
        sim = Simulation(solved(model), 3, groups[0])
        sim.run(30.1)
        sim.checkpoint(folder / "c.h5")
    COMM.barrier()
    if groups[1] != MPI.COMM_NULL:
        later = Simulation(solved(model), 3, groups[1], checkpoint=folder / "c.h5")
        later.run(49.9)
        found = outcome(later)
        assert [time for time in expected["spikes"][0] if time > 30.1] == found["spikes"][0]
        for what in (name for name in expected if name.startswith("last ")):
            assert found[what] == expected[what], what
        assert np.isfinite(later.get("E", "V_m")).all()
