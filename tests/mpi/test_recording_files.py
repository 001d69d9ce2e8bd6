"""Recordings hold the same bytes however many ranks write them, and errors on one rank reach all of them."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

from distsim.recording.output import OutputFile
from distsim.recording.samples import SampleFile, read_reports
from distsim.recording.spike_hash import spikes_sha256
from distsim.recording.spikes import SpikeFile, read_spikes
from tests.support.recorded import COLUMNS, DT, POPULATIONS, contents, modes

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD


def spike_batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches of very different size; among them none, one, and less than a spike for each rank."""
    rng = np.random.default_rng(5)
    for batch, n in enumerate((1, 0, 2, 3, 40000, 5, 1000)):
        steps = rng.integers(1000 * batch + 1, 1000 * batch + 1001, n)
        gids = rng.choice(np.r_[0:40, 47:59], n).astype(np.uint32)
        order = np.lexsort((gids, steps))
        yield steps[order], gids[order]


def write_spikes(path: Path, comm: MPI.Comm | None, parallel: bool | None = None) -> str:
    with SpikeFile(path, POPULATIONS, DT, comm, parallel=parallel) as file:
        for steps, gids in spike_batches():
            file.append(steps, gids)
        file.close(0.0, 700.0)
    return file.mode


def write_voltages(path: Path, comm: MPI.Comm | None, parallel: bool | None = None) -> str:
    """Write made-up V_m; the columns are dealt round-robin, so that some ranks have none of a population."""
    rank, size = (comm.rank, comm.size) if comm else (0, 1)
    mine = {name: np.arange(rank, ids.size, size) for name, ids in COLUMNS.items()}
    with SampleFile(path, COLUMNS, DT, 2, comm, mine, parallel=parallel) as file:
        first = 4
        for n in (1, 0, 2, 1500, 3):
            steps = first + 2 * np.arange(n)
            first += 2 * n
            place = {name: COLUMNS[name][mine[name]] + 1000.0 * (name == "one") for name in COLUMNS}
            file.append(steps, {name: np.sin(steps[:, np.newaxis] * 0.37 + place[name]) for name in COLUMNS})
    return file.mode


def raises_everywhere(kind: type[Exception], action, *args) -> Mapping[int, str]:
    """Call `action`, and return the message of each rank; fails on all ranks if any of them did not raise."""
    try:
        action(*args)
        message = None
    except kind as error:
        message = str(error)
    messages = dict(enumerate(COMM.allgather(message)))
    assert None not in messages.values(), messages
    return messages


@modes
@pytest.mark.parametrize("write", [write_spikes, write_voltages])
def test_contents_equal_those_of_one_process(folder, write, parallel):
    mode = write(folder / "many.h5", COMM, parallel)
    assert mode == ("serial" if COMM.size == 1 else "parallel" if parallel else "rank 0")
    # All ranks look at the file, which must be in place when the writer returns.
    many = contents(folder / "many.h5")
    COMM.barrier()
    if COMM.rank == 0:
        write(folder / "one.h5", None)
        assert sorted(path.name for path in folder.iterdir()) == ["many.h5", "one.h5"]
    COMM.barrier()
    assert many == contents(folder / "one.h5")


@modes
def test_no_spike_is_lost(folder, parallel):
    write_spikes(folder / "s.h5", COMM, parallel)
    steps, gids = map(np.concatenate, zip(*spike_batches(), strict=True))
    spikes = read_spikes(folder / "s.h5")
    assert list(spikes) == list(POPULATIONS)
    for name, (first, n) in POPULATIONS.items():
        mine = (gids >= first) & (gids < first + n)
        np.testing.assert_array_equal(spikes[name].times, steps[mine] / 10)
        np.testing.assert_array_equal(spikes[name].ids, gids[mine].astype(int) - first)
    assert len(set(COMM.allgather(spikes_sha256(folder / "s.h5", DT)))) == 1


@modes
def test_every_potential_is_in_its_place(folder, parallel):
    write_voltages(folder / "v.h5", COMM, parallel)
    voltages = read_reports(folder / "v.h5")
    steps = 4 + 2 * np.arange(1506)
    for name, ids in COLUMNS.items():
        expected = np.sin(steps[:, np.newaxis] * 0.37 + ids + 1000.0 * (name == "one"))
        np.testing.assert_array_equal(voltages[name].values, expected.astype(np.float32))
        np.testing.assert_array_equal(voltages[name].times, steps / 10)


@modes
def test_a_missing_folder_is_an_error_on_all_ranks(folder, parallel):
    path = folder / "nowhere" / "s.h5"
    messages = raises_everywhere(OSError, lambda: SpikeFile(path, POPULATIONS, DT, COMM, parallel=parallel))
    assert all("nowhere" in message for message in messages.values())


@modes
def test_a_full_disk_is_an_error_on_all_ranks(folder, parallel):
    def fill() -> None:
        with SpikeFile(folder / "s.h5", POPULATIONS, DT, COMM, parallel=parallel) as file:
            for batch in range(100):
                steps = 1 + np.arange(20000 * batch, 20000 * (batch + 1))
                written.append(dict(file.counts))
                file.append(steps, steps % 40)

    written: list[dict[str, int]] = []
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if COMM.rank == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, limits[1]))
    try:
        messages = raises_everywhere(OSError, fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert all("File too large" in message for message in messages.values())
    # The data written before are whole; the name says that more was to come.
    kept = read_spikes(folder / "s.h5.part")["B"]
    assert kept.ids.size == written[-1]["B"] >= 60000
    assert not (folder / "s.h5").exists()


def test_a_failing_writer_is_an_error_on_all_ranks(folder, monkeypatch):
    def fail(*_) -> None:
        raise OSError("the disk is on fire")

    file = SpikeFile(folder / "s.h5", POPULATIONS, DT, COMM, parallel=False)
    if COMM.rank == 0:
        monkeypatch.setattr(OutputFile, "write", fail)
    messages = raises_everywhere(OSError, file.append, np.array([1]), np.array([1]))
    assert all("the disk is on fire" in message for message in messages.values())
    assert all("rank 0" in messages[rank] for rank in range(1, COMM.size))


@modes
def test_a_wrong_block_on_one_rank_is_an_error_on_all(folder, parallel):
    columns = {"B": np.arange(COMM.size)}
    file = SampleFile(folder / "v.h5", columns, DT, 1, COMM, {"B": np.array([COMM.rank])}, parallel=parallel)
    width = 2 if COMM.rank == COMM.size - 1 else 1
    messages = raises_everywhere(Exception, file.append, np.array([1]), {"B": np.zeros((1, width))})
    assert all("must have shape (1, 1)" in message for message in messages.values())


def test_a_column_of_two_ranks_is_an_error_on_all(folder):
    columns = {"B": np.arange(COMM.size + 1)}
    mine = {"B": np.array([0])}
    raises_everywhere(ValueError, lambda: SampleFile(folder / "v.h5", columns, DT, 1, COMM, mine))
    assert not list(folder.iterdir())
