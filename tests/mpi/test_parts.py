"""Recordings in parts, joined, hold the bytes of those that were written at once, in both modes of writing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Network
from distsim.description.reports import Report, reports_of, sampled_reports
from distsim.recording import samples, spikes
from distsim.recording.file_sink import FileSink
from distsim.recording.part_files import Span, has_parts, read_report_parts, read_spike_parts, rewind, spans_in
from distsim.recording.parts import PartSink
from distsim.recording.samples import read_reports
from distsim.recording.spikes import read_spikes
from tests.support.recorded import DT, contents, modes

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD
INTERVAL = 3
FILES = ["spikes.h5", "voltages.h5", "slow.h5"]


def _reports() -> tuple[Report, ...]:
    """Return reports of spikes, of V_m, and of V_m at longer intervals and for a part of the time."""
    net = Network(0.1)
    for name, n in (("B", 40), ("empty", 0), ("silent", 7), ("A", 12)):
        net.create(name, n)
    net.record_spikes()
    net.record_voltages("B[::3]", INTERVAL / 10)
    net.record_voltages("A[2]", INTERVAL / 10)
    net.record("V_m", "A", 0.7, start=30.0, stop=60.0, name="slow")
    return reports_of(net)


REPORTS = _reports()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch) -> None:
    """Let what is copied at once be so small that there are several blocks."""
    monkeypatch.setattr(spikes, "BLOCK", 100)
    monkeypatch.setattr(samples, "BLOCK", 64)


@pytest.fixture
def make(monkeypatch, request):
    """Return a function that makes the sink for a folder."""
    monkeypatch.setattr("distsim.recording.output.h5py.get_config", lambda: SimpleNamespace(mpi=request.param))
    return lambda place: FileSink(place, DT, COMM, REPORTS)


both = pytest.mark.parametrize("make", modes.args[1], ids=modes.kwargs["ids"], indirect=True)


def record(sink, start: int, stop: int) -> None:
    """Hand made-up spikes and samples of the steps start + 1 ... stop to a sink, in pieces of 50 steps."""
    for first in range(start, stop, 50):
        steps = np.repeat(np.arange(first + 1, min(first + 50, stop) + 1), 9)
        gids = np.tile(np.r_[0:40:8, 47:51], steps.size // 9)
        chosen = (steps * 7 + gids * 5) % 3 > 0
        sink.take("spikes", steps[chosen], gids[chosen].astype(np.uint32))
        for report in sampled_reports(REPORTS):
            steps = np.arange(first + 1, min(first + 50, stop) + 1)
            steps = steps[(steps % report.interval == 0) & (steps > report.window[0]) & (steps <= report.window[1])]
            own = report.gids[report.gids % COMM.size == COMM.rank]
            sink.take(report.name, steps, np.sin(steps[:, np.newaxis] * 0.1 + own))


def whole(make, place: Path) -> dict:
    """Write 1000 steps at once and return what the files hold."""
    if COMM.rank == 0:
        place.mkdir()
    COMM.barrier()
    sink = make(place)
    record(sink, 100, 1100)
    sink.close(10.0, 110.0)
    return {name: contents(place / name) for name in FILES}


@both
@pytest.mark.parametrize("cuts", [[], [100], [101, 102, 700], [433]])
def test_joined_parts_are_the_whole(folder, make, cuts):
    sink = PartSink(folder, COMM, DT, make, 100)
    for start, stop in zip([100, *cuts], [*cuts, 1100], strict=True):
        record(sink, start, stop)
        sink.commit(stop)
    closed = [Span(*span) for span in zip([100, *cuts], [*cuts, 1100], strict=True) if span[0] < span[1]]
    assert [spans_in(folder, name) for name in FILES] == [closed] * len(FILES)
    COMM.barrier()
    sink.close(1100)
    assert {name: contents(folder / name) for name in FILES} == whole(make, folder / "whole")
    COMM.barrier()
    assert {path.name for path in folder.iterdir()} == {*FILES, "whole"}


@both
def test_parts_are_read_as_the_whole(folder, make):
    sink = PartSink(folder, COMM, DT, make, 100)
    for start, stop in ((100, 101), (101, 900), (900, 1100)):
        record(sink, start, stop)
        sink.commit(stop)
    sink.stop(1100)
    whole(make, folder / "whole")
    COMM.barrier()
    assert has_parts(folder) and not list((folder / "parts").glob("*.part"))
    pairs = [
        (read_spike_parts(folder), read_spikes(folder / "whole" / FILES[0])),
        *((read_report_parts(folder, name), read_reports(folder / "whole" / name)) for name in FILES[1:]),
    ]
    for found, expected in pairs:
        assert found.keys() == expected.keys()
        for name in found:
            for key, value in vars(expected[name]).items():
                np.testing.assert_array_equal(getattr(found[name], key), value)


@both
@pytest.mark.parametrize("joined", [False, True])
def test_what_was_recorded_later_is_taken_back(folder, make, joined):
    sink = PartSink(folder, COMM, DT, make, 100)
    for start, stop in ((100, 400), (400, 700)):
        record(sink, start, stop)
        sink.commit(stop)
    if joined:
        sink.close(700)
    else:
        record(sink, 700, 1000)  # to be taken back
        sink.stop(1000)
    if COMM.rank == 0:
        rewind(folder, REPORTS, Span(100, 700), DT)
        with pytest.raises(ValueError, match=r"spikes\.h5 is incomplete up to 80 ms"):
            rewind(folder, REPORTS, Span(100, 800), DT)
    COMM.barrier()
    sink = PartSink(folder, COMM, DT, make, 700)
    record(sink, 700, 1100)
    sink.close(1100)
    assert {name: contents(folder / name) for name in FILES} == whole(make, folder / "whole")
    COMM.barrier()
    if COMM.rank == 0:
        rewind(folder, REPORTS, Span(100, 100), DT)
        assert {path.name for path in folder.iterdir()} == {"parts", "whole"}
