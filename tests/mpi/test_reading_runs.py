"""All ranks read the same, known data of a run's folder while they record there, and after it was stopped."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

import distsim
from distsim import Network, Simulation
from distsim.cli.command import STOPPED, run_command
from distsim.recording.part_files import spans_in
from distsim.runs import controlled_run, housekeeping

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD
RECORDED = ["--record-spikes", "L4E[:10]", "--record-voltages", "L4E[:3]", "--voltage-interval", "0.3"]
QUICK = ["microcircuit", "--scale", "0.02", "--t-presim", "10", "--t-sim", "40", "--no-plots", *RECORDED]


def run(*argv) -> int:
    return run_command([str(word) for word in argv], COMM)


def check(found, stop: float) -> None:
    assert found.pieces == ((10.0, stop),)
    assert found.voltages("L4E[:3]")[0].tolist() == pytest.approx(
        [k * 0.3 for k in range(34, int(stop / 0.3 + 1e-6) + 1)]
    )
    with pytest.raises(ValueError, match="not all recorded"):
        found.spikes("L4E[100:200]")
    same = COMM.allgather([array.tolist() for array in found.spikes("L4E[:10]")])
    assert all(spikes == same[0] for spikes in same)


def test_a_run_is_read_while_its_ranks_write_and_after_it_was_stopped(folder, monkeypatch):
    monkeypatch.setattr(housekeeping, "COMMIT_EVERY", 0.0)
    seen, commit = [], controlled_run.ControlledRun.commit

    def look(self, simulation) -> None:
        commit(self, simulation)
        COMM.barrier()
        if spans_in(self.place, "spikes.h5"):
            seen.append(distsim.load(self.place).pieces)
        COMM.barrier()

    with monkeypatch.context() as patch:
        patch.setattr(controlled_run.ControlledRun, "commit", look)
        assert run(*QUICK, "--out", folder / "run") == 0
    assert len(seen) > 2 and seen == sorted(seen) and COMM.allgather(seen) == [seen] * COMM.size
    COMM.barrier()
    check(distsim.load(folder / "run"), 50.0)
    assert run(*QUICK, "--out", folder / "cut", "--max-wall", "1ms") == STOPPED
    for _ in range(3):
        assert run("resume", folder / "cut", "--max-wall", "1ms") == STOPPED
    COMM.barrier()
    check(distsim.load(folder / "cut"), 20.0)


def test_breaks_are_saved_by_all_ranks(folder):
    net = Network(0.1)
    E = net.create("E", 5, I_e=4000.0)
    net.record_spikes(E[:4])
    net.record_voltages(E[1:3], 1.0)
    sim = Simulation(net, 1, COMM)
    for duration, record in ((10.0, True), (90.0, False), (10.0, True)):
        sim.run(duration, record)
    expected, (times, V) = sim.spikes("E[:4]"), sim.voltages("E[1:3]")
    sim.save(folder / "run")
    if COMM.rank == 0:
        (folder / "run" / "summary.json").unlink()
    COMM.barrier()
    found = distsim.load(folder / "run")
    assert found.pieces == ((0.0, 10.0), (100.0, 110.0))
    np.testing.assert_array_equal(found.spikes("E[:4]"), expected)
    np.testing.assert_array_equal(found.voltages("E[1:3]")[0], times)
    np.testing.assert_array_equal(found.voltages("E[1:3]")[1], V.astype(np.float32))
