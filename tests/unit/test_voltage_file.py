"""The SONATA report of V_m, written and read back by one process."""

from __future__ import annotations

from fractions import Fraction

import h5py
import numpy as np
import pytest

from distsim.recording.samples import SampleFile, chunk_shape, read_reports

DT = Fraction(1, 20)
COLUMNS = {"E": np.arange(0, 300, 3), "none": np.arange(0), "A": np.array([4])}
N_ROWS = chunk_shape(100)[0]


def potentials(name: str, steps: np.ndarray) -> np.ndarray:
    """Return made-up values in mV, shape (steps, neurons), that name their place."""
    return -70.0 + 0.01 * np.asarray(steps)[:, np.newaxis] + COLUMNS[name] / 3 + (name == "A")


def append(file: SampleFile, steps: np.ndarray) -> None:
    file.append(steps, {name: potentials(name, steps) for name in COLUMNS})


def test_round_trip(tmp_path):
    with SampleFile(tmp_path / "v.h5", COLUMNS, DT, 2) as file:
        for start, stop in ((1, 4), (4, 4), (4, 5), (5, N_ROWS + 7)):
            append(file, 2 * np.arange(start, stop))
        assert file.mode == "serial" and file.n_samples == N_ROWS + 6
    steps = 2 * np.arange(1, N_ROWS + 7)
    voltages = read_reports(tmp_path / "v.h5")
    assert list(voltages) == list(COLUMNS)
    for name, ids in COLUMNS.items():
        assert voltages[name].times.tolist() == [float(int(step) * DT) for step in steps]
        np.testing.assert_array_equal(voltages[name].ids, ids)
        np.testing.assert_array_equal(voltages[name].values, potentials(name, steps).astype(np.float32))


def test_sonata_layout(tmp_path):
    with SampleFile(tmp_path / "v.h5", COLUMNS, DT, 2) as file:
        append(file, 2 * np.arange(3, 8))
    with h5py.File(tmp_path / "v.h5") as file:
        assert file.attrs["magic"] == 0x0A7A
        group = file["report/E"]
        assert group["data"].dtype == np.float32 and group["data"].shape == (5, 100) and group["data"].chunks
        assert group["data"].attrs["units"] == "mV" and group["mapping/time"].attrs["units"] == "ms"
        mapping = group["mapping"]
        assert mapping["node_ids"].dtype == np.uint64 and mapping["node_ids"][:].tolist() == list(range(0, 300, 3))
        assert mapping["index_pointers"].dtype == np.uint64 and mapping["index_pointers"][:].tolist() == list(
            range(101)
        )
        assert mapping["index_pointer"] == mapping["index_pointers"]
        assert mapping["element_ids"].dtype == np.uint32 and mapping["element_ids"][:].tolist() == [0] * 100
        assert mapping["element_pos"].dtype == np.float32 and mapping["element_pos"][:].tolist() == [0] * 100
        np.testing.assert_allclose(mapping["time"][:], [0.3, 0.8, 0.1], rtol=1e-15)


def test_a_file_without_samples(tmp_path):
    with SampleFile(tmp_path / "v.h5", COLUMNS, DT, 2):
        pass
    voltages = read_reports(tmp_path / "v.h5")["E"]
    assert voltages.times.shape == (0,) and voltages.values.shape == (0, 100)


@pytest.mark.parametrize("n", [0, 1, 63, 100, 5000, 77169, 10**7])
def test_chunks_are_neither_tiny_nor_huge(n):
    rows, columns = chunk_shape(n)
    assert rows >= 16 and 1 <= columns <= max(n, 1)
    assert rows * columns <= 2**16 and (n < 100 or rows * columns > 2**15)
    assert rows * n <= max(2**22, 16 * n)


@pytest.mark.parametrize("steps", [[8, 10, 14], [9, 11], [6]])
def test_samples_must_follow_each_other(tmp_path, steps):
    with SampleFile(tmp_path / "v.h5", COLUMNS, DT, 2) as file:
        append(file, np.array([4, 6]))
        with pytest.raises(ValueError, match="2 steps apart"):
            append(file, np.array(steps))


def test_blocks_of_a_wrong_shape_are_refused(tmp_path):
    block = {name: potentials(name, np.array([2])) for name in COLUMNS}
    message = r"values of E must have shape \(1, 100\), not \(1, 99\)"
    with pytest.raises(ValueError, match=message), SampleFile(tmp_path / "v.h5", COLUMNS, DT, 2) as file:
        file.append(np.array([2]), block | {"E": block["E"][:, 1:]})


@pytest.mark.parametrize("columns", [[0, 1, 1], [0, 1], [0, 1, 3]])
def test_each_column_belongs_to_one_rank(tmp_path, columns):
    with pytest.raises(ValueError, match="exactly one rank"):
        SampleFile(tmp_path / "v.h5", {"E": np.arange(3)}, DT, 1, mine={"E": np.array(columns)})
    assert not list(tmp_path.iterdir())


def test_columns_may_come_in_any_order(tmp_path):
    with SampleFile(tmp_path / "v.h5", {"E": np.arange(3)}, DT, 1, mine={"E": np.array([2, 0, 1])}) as file:
        file.append(np.array([1]), {"E": np.array([[20.0, 0.0, 10.0]])})
    assert read_reports(tmp_path / "v.h5")["E"].values.tolist() == [[0.0, 10.0, 20.0]]


def test_reports_of_other_programs_and_damaged_ones(tmp_path):
    with SampleFile(tmp_path / "v.h5", COLUMNS, DT, 2) as file:
        append(file, 2 * np.arange(3, 8))
    with h5py.File(tmp_path / "v.h5", "r+") as file:
        del file["report/E"].attrs["first_step"]
    np.testing.assert_allclose(read_reports(tmp_path / "v.h5")["E"].times, [0.3, 0.4, 0.5, 0.6, 0.7])
    with h5py.File(tmp_path / "v.h5", "r+") as file:
        del file["report/E/mapping/node_ids"]
    with pytest.raises(ValueError, match=r"v\.h5.*node_ids"):
        read_reports(tmp_path / "v.h5")
