"""All statistics of a run at once: from a result and a folder, nothing counted across a break; the spectrum."""

from __future__ import annotations

import matplotlib.figure
import numpy as np
import pytest

import distsim
from distsim import Network, Simulation
from distsim.analysis import statistics
from distsim.analysis.population_statistics import population_statistics, statistics_table
from distsim.analysis.statistics_figure import plot_statistics, statistics_figure
from distsim.parallel import SerialCommunicator
from distsim.recording.spikes import Spikes
from tests.support.commands import run

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def sim() -> Simulation:
    """A run of 20 ms that are not recorded, 300 ms that are, a break of 40 ms, and 260 ms."""
    net = Network(0.1)
    E, I = net.create("E", 40), net.create("I", 30)
    for target in (E, I):
        net.poisson_input(target, 15000.0, 87.8, 1.5)
    net.create("silent", 3)
    net.record_spikes(E, I[5:20], "silent")
    sim = Simulation(net, 3, SerialCommunicator())
    for duration, record in ((20.0, False), (300.0, True), (40.0, False), (260.0, True)):
        sim.run(duration, record)
    return sim


@pytest.fixture(scope="module")
def saved(sim, tmp_path_factory):
    return sim.save(tmp_path_factory.mktemp("run") / "r")


@pytest.fixture(scope="module", params=["live", "loaded"])
def result(request, sim, saved):
    return sim.result() if request.param == "live" else distsim.load(saved)


# --- the spectrum -----------------------------------------------------------------------------------------------------


def spectrum_by_loops(counts: np.ndarray, n: int, bin: float, length: int) -> np.ndarray:
    """Return Welch's estimate from the counts of one piece or several, a row each, term by term."""
    k, powers = np.arange(length), []
    window = np.array([(1 - np.cos(2 * np.pi * i / length)) / 2 for i in k])
    for piece in counts:
        for start in range(0, len(piece) - length + 1, length // 2):
            r = np.array(piece[start : start + length]) / n / (bin / 1000)
            r = window * (r - r.mean())
            sums = [abs(np.sum(r * np.exp(-2j * np.pi * f * k / length))) ** 2 for f in range(length // 2 + 1)]
            powers.append(2 * bin / 1000 * np.array(sums) / np.sum(window**2))
    power = np.mean(powers, axis=0)
    power[0] /= 2
    if length % 2 == 0:
        power[-1] /= 2
    return power


@pytest.mark.parametrize(("bin", "segment", "length"), [(1.0, 20.0, 20), (2.0, 30.0, 15)])
def test_the_spectrum_against_loops(bin, segment, length):
    rng = np.random.default_rng(3)
    times = 100 + rng.integers(1, 2001, 3000) / 10
    counts = [np.histogram(times - 0.05, np.arange(100, 300.1, bin))[0]]
    frequencies, power = statistics.rate_spectrum(times, 7, 100.0, 300.0, bin, segment)
    np.testing.assert_allclose(power, spectrum_by_loops(counts, 7, bin, length), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(frequencies, np.arange(length // 2 + 1) * 1000 / (length * bin))


def test_the_spectrum_has_no_segment_across_a_break():
    rng = np.random.default_rng(4)
    pieces = [(0.0, 105.0), (150.0, 230.0), (300.0, 310.0)]
    times = np.sort(rng.integers(1, 3101, 4000) / 10)
    counts = [np.histogram(times - 0.05, np.arange(a, b + 0.1))[0] for a, b in pieces]
    _, power = statistics.rate_spectrum(times, 5, 0.0, 310.0, 1.0, 40.0, pieces=pieces)
    np.testing.assert_allclose(power, spectrum_by_loops(counts, 5, 1.0, 40), rtol=1e-9, atol=1e-12)


def test_the_spectrum_of_a_rhythm_has_its_peak_and_its_variance():
    t = np.arange(1.0, 10001.0)
    counts = np.rint(50 + 40 * np.sin(2 * np.pi * 40 * t / 1000)).astype(int)
    frequencies, power = statistics.rate_spectrum(np.repeat(t, counts), 100, 0.0, 10000.0)
    assert frequencies[np.argmax(power)] == 40.0
    variance = np.var(counts / 100 * 1000)
    assert np.sum(power) * frequencies[1] == pytest.approx(variance, rel=0.01)


def test_the_spectrum_of_poisson_neurons_is_flat_at_twice_their_rate_over_their_number():
    rng = np.random.default_rng(5)
    times = rng.uniform(0, 100_000, 50 * 20 * 100)  # 50 neurons, 20 spikes/s, 100 s
    _, power = statistics.rate_spectrum(times, 50, 0.0, 100_000.0)
    assert power[2:-1].mean() == pytest.approx(2 * 20 / 50, rel=0.02)


def test_impossible_spectra_are_refused():
    times = np.array([1.0, 2.0])
    with pytest.raises(ValueError, match=r"segment must be at most 50 ms, the longest piece, not 80 ms"):
        statistics.rate_spectrum(times, 1, 0.0, 90.0, 1.0, 80.0, pieces=[(0.0, 50.0), (60.0, 90.0)])
    with pytest.raises(ValueError, match=r"segment must have two bins of 5 ms or more, not 9 ms"):
        statistics.rate_spectrum(times, 1, 0.0, 90.0, 5.0, 9.0)
    with pytest.raises(ValueError, match="n must be positive"):
        statistics.rate_spectrum(times, 0, 0.0, 90.0)


# --- all of them ------------------------------------------------------------------------------------------------------


def test_a_result_has_the_statistics_of_its_recorded_neurons(result):
    found = result.statistics()
    assert list(found) == ["E", "I", "silent"]
    I, (times, ids) = found["I"], result.spikes("I[5:20]")
    pieces = [(20.0, 320.0), (360.0, 620.0)]
    assert I.ids.tolist() == list(range(5, 20)) and times.size > 30
    np.testing.assert_allclose(I.rates, statistics.rates(ids - 5, 15, 560.0))
    np.testing.assert_array_equal(I.cv_isi, statistics.cv_isi(times, ids - 5, 15, pieces=pieces))
    expected = statistics.correlations(times, ids - 5, 15, 20.0, 620.0, pieces=pieces)
    np.testing.assert_array_equal(I.correlations, expected)
    assert I.fano_factor == statistics.fano_factor(times, 20.0, 620.0, pieces=pieces)
    frequencies, power = statistics.rate_spectrum(times, 15, 20.0, 620.0, pieces=pieces)
    np.testing.assert_array_equal(I.frequencies, frequencies)
    np.testing.assert_array_equal(I.spectrum, power)
    # An interval across the break would be longer than it.
    assert not np.array_equal(I.cv_isi, statistics.cv_isi(times, ids - 5, 15), equal_nan=True)


def test_statistics_of_a_part_in_time_and_of_some_populations(result):
    found = result.statistics(100.0, 200.0, only="E", correlation_bin=5.0)
    assert list(found) == ["E"]
    times, ids = result.spikes("E")
    kept = (times > 100.0) & (times <= 200.0)
    np.testing.assert_allclose(found["E"].rates, np.bincount(ids[kept], minlength=40) / 0.1)
    expected = statistics.correlations(times[kept], ids[kept], 40, 100.0, 200.0, 5.0)
    np.testing.assert_array_equal(found["E"].correlations, expected)
    assert found["E"].frequencies[1] == pytest.approx(10.0)  # a segment of 100 ms
    with pytest.raises(ValueError, match="only: no population 'X'"):
        result.statistics(only="X")
    with pytest.raises(ValueError, match="nothing was recorded from 320 to 360 ms"):
        result.statistics(320.0, 360.0)


def test_the_table_has_a_row_for_each_population(result):
    head, *rows = statistics_table(result.statistics()).splitlines()
    names = ["population", "neurons", "spikes/s", "CV of ISI", "correlation", "Fano factor", "peak (Hz)"]
    assert " ".join(head.split()) == " ".join(names)
    assert [row.split()[:2] for row in rows] == [["E", "40"], ["I", "15"], ["silent", "3"]]
    assert float(rows[0].split()[2]) == pytest.approx(result.statistics()["E"].rates.mean(), abs=5e-4)
    assert rows[2].split()[2:] == ["0.000", "-", "-", "-", "-"]
    assert len({len(row) for row in (head, *rows)}) == 1


def test_all_statistics_are_documented_with_units():
    for name in statistics.__all__:
        text = getattr(statistics, name).__doc__
        assert text.startswith("Return ") and "Parameters\n" in text and "Returns\n" in text, name
    assert "(spikes/s)^2 / Hz" in statistics.rate_spectrum.__doc__


# --- the figure -------------------------------------------------------------------------------------------------------


def test_each_population_has_a_row_of_distributions_and_a_spectrum(result, monkeypatch):
    made: list[matplotlib.figure.Figure] = []
    monkeypatch.setattr("distsim.analysis.statistics_figure.save", lambda figure, *_, **__: made.append(figure))
    found = result.statistics()
    statistics_figure(found, "s.png", {"E": "#123456"}, "a run")
    axes = np.array(made[0].axes).reshape(3, 4)
    assert [row[0].get_ylabel() for row in axes] == ["E", "I", "silent"] and made[0].get_suptitle() == "a run"
    units = ["rate (spikes/s)", "CV of inter-spike intervals", "correlation of spike counts", "frequency (Hz)"]
    assert [a.get_xlabel() for a in axes[-1]] == units
    assert sum(patch.get_height() for patch in axes[0, 0].patches) == 40
    assert sum(patch.get_height() for patch in axes[1, 1].patches) == np.isfinite(found["I"].cv_isi).sum()
    np.testing.assert_array_equal(axes[0, 3].lines[0].get_ydata(), found["E"].spectrum[1:])
    assert [a.texts[0].get_text() for a in axes[2, 1:]] == ["too few spikes", "too few spikes", "no spikes"]
    assert "F = " in axes[0, 3].texts[0].get_text()


@pytest.mark.parametrize("n", [0, 1, 9, pytest.param(40, marks=pytest.mark.validation)])
def test_any_number_of_populations_is_drawn(tmp_path, n):
    rng = np.random.default_rng(1)
    spikes = {f"P{k}": Spikes(np.sort(rng.uniform(0, 100, 60)), rng.integers(0, 5, 60), 5) for k in range(n)}
    statistics_figure(population_statistics(spikes, 0.0, 100.0), tmp_path / "s.png")
    assert (tmp_path / "s.png").read_bytes()[:8] == PNG


def test_the_command_draws_them_and_prints_the_table(saved, capsys):
    assert run("plot", saved) == 0
    assert not (saved / "statistics.png").exists()
    capsys.readouterr()
    assert run("plot", saved, "--statistics") == 0
    printed = capsys.readouterr().out
    assert printed.startswith(statistics_table(distsim.load(saved).statistics()))
    assert printed.splitlines()[-1] == str(saved / "statistics.png")
    assert (saved / "statistics.png").read_bytes()[:8] == PNG


def test_a_run_without_spikes_has_no_statistics(tmp_path, capsys):
    net = Network(0.1)
    net.record_voltages(net.create("E", 2))
    sim = Simulation(net, 3, SerialCommunicator())
    sim.run(5.0)
    folder = sim.save(tmp_path / "run")
    assert run("plot", folder, "--statistics") == 2
    assert "the run recorded no spikes" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match="the run recorded no spikes"):
        plot_statistics(folder)
