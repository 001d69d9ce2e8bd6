"""The files are read by the ecosystem's own readers: libsonata and bmtk."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from distsim.recording.spikes import SpikeFile
from distsim.recording.voltages import VoltageFile

STEPS, GIDS = np.array([1, 3, 3, 7, 9]), np.array([4, 0, 5, 0, 4])


@pytest.fixture
def spike_path(tmp_path) -> Path:
    with SpikeFile(tmp_path / "s.h5", {"E": (0, 4), "silent": (6, 2), "I": (4, 2)}, Fraction(1, 10)) as file:
        file.append(STEPS, GIDS)
    return tmp_path / "s.h5"


@pytest.fixture
def voltage_path(tmp_path) -> Path:
    with VoltageFile(tmp_path / "v.h5", {"E": np.array([1, 5, 6]), "none": np.arange(0)}, Fraction(1, 10), 5) as file:
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
    spike_trains = pytest.importorskip("bmtk.utils.reports.spike_trains")
    spikes = spike_trains.SpikeTrains.from_sonata(str(spike_path))
    assert set(spikes.populations) == {"E", "I", "silent"}
    assert spikes.n_spikes("I") == 3 and spikes.n_spikes("silent") == 0
    assert list(spikes.get_times(0, "E")) == [0.3, 0.7]


def test_bmtk_reads_voltages(voltage_path):
    compartment = pytest.importorskip("bmtk.utils.reports.compartment")
    report = compartment.CompartmentReport(str(voltage_path), "r")
    assert list(report.node_ids("E")) == [1, 5, 6]
    np.testing.assert_allclose([report.tstart("E"), report.tstop("E"), report.dt("E")], [0.5, 1.5, 0.5])
    assert report.data(5, population="E").ravel().tolist() == [2.0, 5.0]
