"""The files are read by the ecosystem's own readers: libsonata and bmtk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from distsim.description.elements import find
from distsim.parallel import SerialCommunicator
from distsim.recording.samples import SampleFile
from distsim.recording.spikes import SpikeFile
from tests.support.ranks import launcher, start
from tests.support.small_runs import SPIKES, VOLTAGES, run_both

STEPS, GIDS = np.array([1, 3, 3, 7, 9]), np.array([4, 0, 5, 0, 4])


SIZES = {"E": 37, "I": 26, "silent": 3, "empty": 0, "pair": 2}


@contextmanager
def bmtk_spikes(path: Path) -> Iterator:
    """Open a spike file with bmtk and close it, which bmtk cannot: opened with MPI it would not outlive MPI's end."""
    spike_trains = pytest.importorskip("bmtk.utils.reports.spike_trains")
    spikes = spike_trains.SpikeTrains.from_sonata(str(path))
    try:
        yield spikes
    finally:
        spikes.adaptor._h5_handle.close()


@pytest.fixture
def spike_path(tmp_path) -> Path:
    with SpikeFile(tmp_path / "s.h5", {"E": (0, 4), "silent": (6, 2), "I": (4, 2)}, Fraction(1, 10)) as file:
        file.append(STEPS, GIDS)
    return tmp_path / "s.h5"


@pytest.fixture
def voltage_path(tmp_path) -> Path:
    with SampleFile(tmp_path / "v.h5", {"E": np.array([1, 5, 6]), "none": np.arange(0)}, Fraction(1, 10), 5) as file:
        file.append(np.array([5, 10]), {"E": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])})
    return tmp_path / "v.h5"


def test_libsonata_reads_spikes(spike_path):
    libsonata = pytest.importorskip("libsonata")
    reader = libsonata.SpikeReader(str(spike_path))
    assert set(reader.get_population_names()) == {"E", "I", "silent"}
    assert reader["E"].get() == [(0, 0.3), (0, 0.7)]
    assert reader["I"].get() == [(0, 0.1), (1, 0.3), (0, 0.9)]
    assert reader["silent"].get() == []
    assert reader["I"].sorting == "by_time"


def test_libsonata_reads_voltages(voltage_path):
    libsonata = pytest.importorskip("libsonata")
    population = libsonata.SomaReportReader(str(voltage_path))["E"]
    assert (population.time_units, population.data_units, population.sorted) == ("ms", "mV", True)
    np.testing.assert_allclose(population.times, (0.5, 1.5, 0.5))
    data = population.get(node_ids=[5, 6])
    assert data.data.tolist() == [[2.0, 3.0], [5.0, 6.0]]
    np.testing.assert_allclose(data.times, [0.5, 1.0])


def test_bmtk_reads_spikes(spike_path):
    with bmtk_spikes(spike_path) as spikes:
        assert set(spikes.populations) == {"E", "I", "silent"}
        assert spikes.n_spikes("I") == 3 and spikes.n_spikes("silent") == 0
        assert list(spikes.get_times(0, "E")) == [0.3, 0.7]


def test_bmtk_reads_voltages(voltage_path):
    compartment = pytest.importorskip("bmtk.utils.reports.compartment")
    report = compartment.CompartmentReport(str(voltage_path), "r")
    assert list(report.node_ids("E")) == [1, 5, 6]
    np.testing.assert_allclose([report.tstart("E"), report.tstop("E"), report.dt("E")], [0.5, 1.5, 0.5])
    assert report.data(5, population="E").ravel().tolist() == [2.0, 5.0]


# --- runs on 1, 2 and 3 ranks -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[1, 2, 3], ids=lambda ranks: f"{ranks} ranks")
def runs(request, tmp_path_factory) -> dict[str, tuple[Path, dict[str, np.ndarray]]]:
    """Return folder and contents, as the simulation has them, of each of the small runs."""
    folder = tmp_path_factory.mktemp("runs")
    if request.param == 1:
        run_both(folder, SerialCommunicator())
    elif launcher() is None:
        pytest.skip("there is no mpirun")
    else:
        done = start(request.param, "-m", "tests.support.small_runs", folder, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
    return {name: (folder / name, dict(np.load(folder / f"{name}.npz"))) for name in SPIKES}


def test_the_small_runs_have_something_to_read(runs):
    assert runs["mixed"][1]["spikes E"].shape[1] > 50 and runs["mixed"][1]["spikes I[5:25:3]"].shape[1] > 20
    assert runs["mixed"][1]["spikes silent"].size == runs["mixed"][1]["spikes empty"].size == 0
    assert set(runs["tiny"][1]["spikes pair"][1]) == {0.0}
    assert runs["mixed"][1]["V E[3:30:4]"].shape == (334, 7) and runs["tiny"][1]["V pair"].std() > 1.0


@pytest.mark.parametrize("name", SPIKES)
def test_libsonata_reads_the_spikes_of_the_simulation(runs, name):
    libsonata = pytest.importorskip("libsonata")
    folder, expected = runs[name]
    reader = libsonata.SpikeReader(str(folder / "spikes.h5"))
    assert set(reader.get_population_names()) == {find(part, SIZES)[0] for part in SPIKES[name]}
    for part in SPIKES[name]:
        population, _ = find(part, SIZES)
        found = np.array(reader[population].get(), float).reshape(-1, 2).T[::-1]
        np.testing.assert_array_equal(found, expected[f"spikes {part}"])


@pytest.mark.parametrize("name", SPIKES)
def test_bmtk_reads_the_spikes_of_the_simulation(runs, name):
    folder, expected = runs[name]
    with bmtk_spikes(folder / "spikes.h5") as spikes:
        assert set(spikes.populations) == {find(part, SIZES)[0] for part in SPIKES[name]}
        for part in SPIKES[name]:
            population, _ = find(part, SIZES)
            times, ids = expected[f"spikes {part}"]
            assert spikes.n_spikes(population) == times.size
            for i in range(SIZES[population]):
                np.testing.assert_array_equal(spikes.get_times(i, population), times[ids == i])


@pytest.mark.parametrize("name", VOLTAGES)
def test_libsonata_reads_the_voltages_of_the_simulation(runs, name):
    libsonata = pytest.importorskip("libsonata")
    folder, expected = runs[name]
    reader = libsonata.SomaReportReader(str(folder / "voltages.h5"))
    assert set(reader.get_population_names()) == {find(part, SIZES)[0] for part in VOLTAGES[name]}
    for part in VOLTAGES[name]:
        population, indices = find(part, SIZES)
        found = reader[population].get()
        assert list(found.ids) == list(indices)
        np.testing.assert_allclose(found.times, expected[f"times {part}"])
        np.testing.assert_array_equal(found.data, expected[f"V {part}"].astype(np.float32))


@pytest.mark.parametrize("name", VOLTAGES)
def test_bmtk_reads_the_voltages_of_the_simulation(runs, name):
    compartment = pytest.importorskip("bmtk.utils.reports.compartment")
    folder, expected = runs[name]
    report = compartment.CompartmentReport(str(folder / "voltages.h5"), "r")
    assert set(report.populations) == {find(part, SIZES)[0] for part in VOLTAGES[name]}
    for part in VOLTAGES[name]:
        population, indices = find(part, SIZES)
        times, V = expected[f"times {part}"], expected[f"V {part}"].astype(np.float32)
        assert list(report.node_ids(population)) == list(indices)
        found = [report.tstart(population), report.tstop(population), report.dt(population)]
        np.testing.assert_allclose(found, [times[0], times[-1] + 0.3, 0.3])
        for column, i in enumerate(indices):
            np.testing.assert_array_equal(report.data(i, population=population).ravel(), V[:, column])
