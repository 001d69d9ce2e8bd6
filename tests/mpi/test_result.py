"""Results on all ranks: the same everywhere, the same as of one rank, and saved together."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mpi4py import MPI

import distsim
from distsim import Network, Simulation
from distsim.parallel import SerialCommunicator
from distsim.recording.spikes import SpikeFile
from tests.support.small_runs import SPIKES, VOLTAGES, mixed, tiny

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD


def simulate(describe, comm) -> Simulation:
    net: Network = describe()
    for part in SPIKES[describe.__name__]:
        net.record_spikes(net.select(part))
    for part in VOLTAGES[describe.__name__]:
        net.record_voltages(net.select(part), 0.3)
    sim = Simulation(net, 5, comm)
    sim.run(20.0, record=False)
    sim.run(100.0)
    return sim


def contents(result, describe) -> list:
    found = [result.spikes(part) for part in SPIKES[describe.__name__]]
    found += [result.voltages(part) for part in VOLTAGES[describe.__name__]]
    return [[x.tolist() for x in pair] for pair in found] + [result.sizes, result.period, result.dt]


def raised(kind: type[Exception], action) -> list[str | None]:
    """Return the messages of the error on all ranks (collective)."""
    try:
        action()
        message = None
    except kind as error:
        message = str(error)
    return COMM.allgather(message)


@pytest.mark.parametrize("describe", [mixed, tiny])
def test_a_result_is_that_of_one_rank_live_and_saved(describe, folder):
    serial = COMM.bcast(
        contents(simulate(describe, SerialCommunicator()).result(), describe) if not COMM.rank else None
    )
    sim = simulate(describe, COMM)
    live = sim.result()
    assert len(serial[0][0]) > 5
    assert COMM.allgather(contents(live, describe)) == COMM.size * [serial]
    assert sim.save(folder / "run", title="small") == folder / "run"
    loaded = distsim.load(folder / "run")
    for part in SPIKES[describe.__name__]:
        np.testing.assert_array_equal(loaded.spikes(part), live.spikes(part))
    for part in VOLTAGES[describe.__name__]:
        np.testing.assert_array_equal(loaded.voltages(part)[0], live.voltages(part)[0])
        np.testing.assert_array_equal(loaded.voltages(part)[1], live.voltages(part)[1].astype(np.float32))
    assert loaded.summary["ranks"] == COMM.size and loaded.summary["network"] == "small"
    assert loaded.summary["spikes_sha256"] == live.summary["spikes_sha256"]
    for name, population in live.summary["populations"].items():
        assert loaded.summary["populations"][name] == population


def test_counts_are_of_all_ranks():
    sim = simulate(mixed, COMM)
    summary = sim.result().summary
    assert summary["populations"]["E"]["n_spikes"] == sim.spikes("E")[0].size > 50
    assert COMM.allgather(json.dumps(summary["populations"])) == COMM.size * [json.dumps(summary["populations"])]


def test_an_earlier_run_is_an_error_on_all_ranks(folder):
    sim = simulate(tiny, COMM)
    sim.save(folder)
    messages = raised(ValueError, lambda: sim.save(folder))
    assert all("holds an earlier run" in message for message in messages)
    sim.save(folder, overwrite=True)
    COMM.barrier()
    assert not (folder / "running.json").exists()


def test_a_failing_disk_is_an_error_on_all_ranks(folder, monkeypatch):
    def fail(*_) -> None:
        raise OSError("the disk is on fire")

    sim = simulate(tiny, COMM)
    with monkeypatch.context() as context:
        context.setattr(SpikeFile, "append", fail)
        messages = raised(OSError, lambda: sim.save(folder))
    assert all("on fire" in message for message in messages)
    COMM.barrier()
    assert not (folder / "summary.json").exists() and not (folder / "running.json").exists()


def test_what_is_not_recorded_is_an_error_on_all_ranks():
    sim = simulate(mixed, COMM)
    for ask in (sim.spikes, sim.voltages):
        assert all("not all recorded" in message for message in raised(ValueError, lambda ask=ask: ask("I")))
        assert all("no population 'X'" in message for message in raised(ValueError, lambda ask=ask: ask("X")))
