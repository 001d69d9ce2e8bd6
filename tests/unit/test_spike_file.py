"""The SONATA spike file: written and read back by one process, damaged, cut short, hashed."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
import pytest

from distsim.recording import spike_hash
from distsim.recording.spike_hash import spikes_sha256, spikes_sha256_of
from distsim.recording.spikes import CHUNK, SpikeFile, Spikes, read_spikes

DT = Fraction(1, 10)
POPULATIONS = {"L23E": (10, 20), "empty": (30, 0), "silent": (30, 5), "A": (35, 10)}


def random_spikes(n: int, first_step: int = 1, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and gids of all gids up to 50 but the silent ones, sorted by (step, gid)."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(first_step, first_step + 1000, n)
    gids = rng.choice(np.r_[0:30, 35:50], n).astype(np.uint32)
    order = np.lexsort((gids, steps))
    return steps[order], gids[order]


def write(path: Path, *batches: tuple[np.ndarray, np.ndarray], dt: Fraction = DT) -> None:
    with SpikeFile(path, POPULATIONS, dt) as file:
        for steps, gids in batches:
            file.append(steps, gids)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes, as if the disk were full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_round_trip_splits_by_population_and_keeps_the_order(tmp_path):
    steps, gids = random_spikes(2 * CHUNK)
    write(tmp_path / "s.h5", (steps[:100], gids[:100]), (steps[100:100], gids[100:100]), (steps[100:], gids[100:]))
    spikes = read_spikes(tmp_path / "s.h5")
    assert list(spikes) == list(POPULATIONS)
    for name, (first, n) in POPULATIONS.items():
        mine = (gids >= first) & (gids < first + n)
        np.testing.assert_array_equal(spikes[name].times, steps[mine] / 10)
        np.testing.assert_array_equal(spikes[name].ids, gids[mine].astype(int) - first)
        assert spikes[name].n == n
        assert (spikes[name].times.dtype, spikes[name].ids.dtype) == (np.float64, np.int64)
    assert spikes["A"].ids.size > CHUNK // 10 and spikes["silent"].ids.size == 0


@pytest.mark.parametrize("dt", [Fraction(1, 10), Fraction(1, 20), Fraction(1, 3), Fraction(7, 100)])
def test_times_are_rounded_once(tmp_path, dt):
    steps = np.arange(1, 3000) * 7919
    write(tmp_path / "s.h5", (steps, np.full(steps.size, 10)), dt=dt)
    times = read_spikes(tmp_path / "s.h5")["L23E"].times
    assert times.tolist() == [float(int(step) * dt) for step in steps]


def test_sonata_layout(tmp_path):
    with SpikeFile(tmp_path / "s.h5", POPULATIONS, DT) as file:
        file.append(np.array([3]), np.array([12]))
        assert file.mode == "serial" and file.counts["L23E"] == 1
        file.close(0.0, 100.0)
    with h5py.File(tmp_path / "s.h5") as file:
        assert file.attrs["magic"] == 0x0A7A and file.attrs["magic"].dtype == np.uint32
        assert file.attrs["version"].tolist() == [0, 1] and file.attrs["version"].dtype == np.uint32
        group = file["spikes/L23E"]
        assert (group["timestamps"].dtype, group["node_ids"].dtype) == (np.float64, np.uint64)
        assert group["timestamps"].attrs["units"] == "ms"
        for attributes, key in ((group["timestamps"].attrs, "units"), (group["node_ids"].attrs, "sorting")):
            kind = h5py.check_string_dtype(attributes.get_id(key).dtype)
            assert kind == ("utf-8", None)
        assert h5py.check_enum_dtype(group.attrs.get_id("sorting").dtype) == {"none": 0, "by_id": 1, "by_time": 2}
        assert group.attrs["sorting"] == 2 and group["node_ids"].attrs["sorting"] == "by_time"
        described = {key: group.attrs[key] for key in ("n", "first_gid", "dt_ms", "t_start_ms", "t_stop_ms")}
        assert described == {"n": 20, "first_gid": 10, "dt_ms": 0.1, "t_start_ms": 0.0, "t_stop_ms": 100.0}
    spikes = read_spikes(tmp_path / "s.h5")["L23E"]
    assert (spikes.t_start_ms, spikes.t_stop_ms) == (0.0, 100.0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (([3, 2], [10, 10]), None),
        (([3, 3], [11, 10]), None),
        (([3, 4], [10, 10]), ([3], [10])),
        (([3, 4], [10, 12]), ([4], [11])),
        (([3, 4], [10]), None),
    ],
)
def test_spikes_out_of_order_are_refused(tmp_path, first, second):
    with SpikeFile(tmp_path / "s.h5", POPULATIONS, DT) as file:
        if second is not None:
            file.append(*map(np.array, first))
        with pytest.raises(ValueError, match=r"sorted|equally long"):
            file.append(*map(np.array, second or first))


def test_the_file_appears_when_it_is_closed(tmp_path):
    path = tmp_path / "s.h5"
    path.write_text("an earlier run")
    with SpikeFile(path, POPULATIONS, DT) as file:
        file.append(*random_spikes(10))
        assert path.read_text() == "an earlier run"
    assert len(read_spikes(path)) == 4
    assert not list(tmp_path.glob("*.part"))
    file.close()


def test_after_an_exception_the_file_keeps_its_temporary_name(tmp_path):
    with pytest.raises(KeyError), SpikeFile(tmp_path / "s.h5", POPULATIONS, DT) as file:
        file.append(*random_spikes(10))
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["s.h5.part"]
    assert sum(spikes.ids.size for spikes in read_spikes(tmp_path / "s.h5.part").values()) == sum(file.counts.values())


def test_no_more_than_its_data_is_left_on_disk(tmp_path):
    write(tmp_path / "s.h5", random_spikes(10))
    # A chunk each of the two datasets that hold spikes, in two populations, and a little more.
    assert (tmp_path / "s.h5").stat().st_size < 4 * 8 * CHUNK + 30000


def test_space_is_reserved_before_it_is_written(tmp_path):
    def reserved() -> int:
        return (tmp_path / "s.h5.part").stat().st_blocks * 512

    with SpikeFile(tmp_path / "s.h5", POPULATIONS, DT) as file:
        before = reserved()
        assert before >= 2 * 8 * CHUNK * len(POPULATIONS)
        file.append(*random_spikes(100_000))
        assert reserved() >= before + 16 * 100_000


def test_a_file_for_which_there_is_no_space_is_not_begun(tmp_path):
    with file_size_limit(300_000), pytest.raises(OSError, match="File too large"):
        SpikeFile(tmp_path / "s.h5", POPULATIONS, DT)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_an_error_that_keeps_what_was_written(tmp_path):
    with (
        file_size_limit(2_500_000),
        pytest.raises(OSError, match="File too large"),
        SpikeFile(tmp_path / "s.h5", POPULATIONS, DT) as file,
    ):
        for i in range(100):
            file.append(*random_spikes(10000, first_step=1 + 1000 * i))
    kept = {name: spikes.ids.size for name, spikes in read_spikes(tmp_path / "s.h5.part").items()}
    assert kept == file.counts and kept["A"] > 0
    assert not (tmp_path / "s.h5").exists()


def test_an_error_of_hdf5_is_one_of_the_system_that_names_the_file(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("Unable to create file (can't retrieve stat info for file)")

    def fail_late(*_):
        raise RuntimeError("Unable to flush file's cached information")

    with monkeypatch.context() as patch, pytest.raises(OSError, match=r"s\.h5\.part: Unable to create file"):
        patch.setattr(h5py, "File", fail)
        write(tmp_path / "s.h5")
    file = SpikeFile(tmp_path / "s.h5", POPULATIONS, DT)
    monkeypatch.setattr(h5py.File, "flush", fail_late)
    with pytest.raises(OSError, match=r"s\.h5\.part: Unable to flush"):
        file.close()


def test_after_an_error_nothing_more_is_written(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("the disk is on fire")

    file = SpikeFile(tmp_path / "s.h5", POPULATIONS, DT)
    monkeypatch.setattr(file._file, "write", fail)
    with pytest.raises(OSError, match="on fire"):
        file.append(*random_spikes(10))
    monkeypatch.undo()
    for action in (lambda: file.append(*random_spikes(10, first_step=2000)), file.close):
        with pytest.raises(OSError, match=r"s\.h5\.part: given up"):
            action()
    assert not (tmp_path / "s.h5").exists()


FAILS_ON_ONE_RANK = """
import sys
from fractions import Fraction
from mpi4py import MPI
from distsim.recording.spikes import SpikeFile

# Kept outside the function that fails, and closed by nobody.
file = SpikeFile(sys.argv[1], {"E": (0, 9)}, Fraction(1, 10), MPI.COMM_WORLD)
file.append([1, 2], [3, 4])
if MPI.COMM_WORLD.rank == 1:
    raise RuntimeError("rank 1 has had enough")
MPI.COMM_WORLD.barrier()
"""


@pytest.mark.skipif(not shutil.which("mpirun"), reason="no mpirun")
@pytest.mark.skipif("OMPI_COMM_WORLD_SIZE" in os.environ or "PMI_SIZE" in os.environ, reason="under mpirun itself")
def test_an_open_file_does_not_keep_a_failed_run_alive(tmp_path):
    pytest.importorskip("mpi4py")
    (tmp_path / "fails.py").write_text(FAILS_ON_ONE_RANK)
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    environment |= {"OMPI_MCA_rmaps_base_oversubscribe": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = ["mpirun", "-n", "2", sys.executable, "-m", "mpi4py", str(tmp_path / "fails.py"), str(tmp_path / "s.h5")]
    run = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    assert run.returncode != 0 and b"rank 1 has had enough" in run.stderr
    assert [path.name for path in tmp_path.glob("s.h5*")] == ["s.h5.part"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        SpikeFile(tmp_path / "nowhere" / "s.h5", POPULATIONS, DT)


def test_damaged_files_are_named(tmp_path):
    write(tmp_path / "s.h5", random_spikes(1000))
    whole = (tmp_path / "s.h5").read_bytes()
    path = tmp_path / "damaged.h5"
    with pytest.raises(FileNotFoundError, match="damaged"):
        read_spikes(path)
    for content in (whole[: len(whole) // 2], b"", b"not HDF5" * 100):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged"):
            read_spikes(path)
    with h5py.File(path, "w") as file:
        file["spikes"] = 1
    with pytest.raises(ValueError, match="magic"):
        read_spikes(path)


def test_a_file_without_spikes_or_with_wrong_ids_is_refused(tmp_path):
    path = tmp_path / "s.h5"
    write(path, random_spikes(1000))
    with h5py.File(path, "r+") as file:
        file["spikes/A/node_ids"][0] = 10
    with pytest.raises(ValueError, match="node_ids outside 0 to 9"):
        read_spikes(path)
    with h5py.File(path, "r+") as file:
        file["spikes/A/node_ids"].resize((3,))
    with pytest.raises(ValueError, match="timestamps"):
        read_spikes(path)
    with h5py.File(path, "r+") as file:
        del file["spikes"]
    with pytest.raises(ValueError, match="spikes"):
        read_spikes(path)


def test_the_hash_is_the_one_of_the_design(tmp_path, monkeypatch):
    steps, gids = random_spikes(1000)
    write(tmp_path / "s.h5", (steps, gids))
    expected, shuffled = hashlib.sha256(), {}
    for name, (first, n) in POPULATIONS.items():
        mine = (gids >= first) & (gids < first + n)
        pairs = sorted(zip(steps[mine].tolist(), (gids[mine].astype(int) - first).tolist(), strict=True))
        expected.update(name.encode())
        for column in (0, 1):
            expected.update(b"".join(pair[column].to_bytes(8, "little", signed=True) for pair in pairs))
        order = np.random.default_rng(3).permutation(len(pairs))
        shuffled[name] = tuple(np.array(pairs, dtype=np.int64).reshape(-1, 2)[order].T)
    monkeypatch.setattr(spike_hash, "BLOCK", 7)
    assert spikes_sha256(tmp_path / "s.h5", DT) == expected.hexdigest()
    assert spikes_sha256(read_spikes(tmp_path / "s.h5"), DT) == expected.hexdigest()
    assert spikes_sha256_of(shuffled) == expected.hexdigest()
    assert spikes_sha256_of(dict(reversed(shuffled.items()))) != expected.hexdigest()


def test_the_hash_of_an_unsorted_file_is_refused(tmp_path):
    write(tmp_path / "s.h5", random_spikes(1000))
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file["spikes/A/timestamps"][:] = file["spikes/A/timestamps"][:][::-1]
    with pytest.raises(ValueError, match="not sorted"):
        spikes_sha256(tmp_path / "s.h5", DT)


def test_spikes_of_another_program_need_no_extras(tmp_path):
    write(tmp_path / "s.h5", random_spikes(1000))
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        for key in ("n", "first_gid", "dt_ms"):
            del file["spikes/A"].attrs[key]
    spikes = read_spikes(tmp_path / "s.h5")["A"]
    assert isinstance(spikes, Spikes) and spikes.n == spikes.ids.max() + 1 and spikes.t_stop_ms is None
