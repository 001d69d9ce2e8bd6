"""Runs of all ranks that are observed, and that an exception ends on all of them: the same as one rank's."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

import distsim
from tests.support.interruptions import Fault, at_step, everything, fail, observed, same

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD


@pytest.fixture(scope="module")
def alone() -> list[dict]:
    """Return what one rank's simulation tells after 50 and 100 ms."""
    found, sim = [], observed()
    sim.run(20.0, record=False)
    for _ in range(2):
        sim.run(50.0)
        found.append(told(sim))
    return found


def told(sim) -> dict:
    """Return what must not depend on the number of ranks (collective)."""
    found = everything(sim)
    found["counts"] = sim.counts_of_all(sim.period.counts).tolist()
    return found


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Fault])
def test_after_an_exception_all_that_was_recorded_is_there(folder, alone, kind):
    sim = observed(COMM)
    sim.run(20.0, record=False)
    with pytest.raises(kind):
        sim.run(100.0, observe=at_step(700, fail(kind)))
    same(told(sim), alone[0])
    sim.save(folder / "run")
    assert distsim.load(folder / "run").summary["populations"] == alone[0]["populations"]
    sim.run(50.0)
    same(told(sim), alone[1])


def test_observers_see_all_that_was_recorded_so_far(alone):
    sim, seen = observed(COMM), {}
    sim.run(20.0, record=False)
    sim.run(100.0, observe=lambda s: seen.update({s.time: told(s)}))
    same(seen[70.0], alone[0])
    same(seen[120.0], alone[1])


@pytest.mark.parametrize("who", range(3))
def test_a_rank_may_look_at_spikes_alone(alone, who):
    sim, seen = observed(COMM), []

    def look(s) -> None:
        if COMM.rank == who % COMM.size:
            seen.append((s.spikes("E")[0].size, s.spikes_sha256()))

    sim.run(20.0, record=False)
    sim.chunk = 35
    sim.run(100.0, observe=look)
    assert COMM.allreduce(len(seen)) == 29 and [n for n, _ in seen] == sorted(n for n, _ in seen)
    same(told(sim), alone[1])


def test_potentials_sampled_before_a_change_of_E_L_are_what_they_were(alone):
    sim = observed(COMM)
    sim.run(20.0, record=False)
    sim.run(100.0, observe=lambda s: s.set("E", E_L=-60.0) if s.time == 70.0 else None)
    times, V = alone[0]["V_m of E"]
    np.testing.assert_array_equal(sim.voltages("E")[0][: len(times)], times)
    np.testing.assert_array_equal(sim.voltages("E")[1][: len(times)], V)
