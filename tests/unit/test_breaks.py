"""Recordings with breaks: nothing that is made of them, live or from files, is reckoned across one."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from matplotlib.figure import Figure

import distsim
from distsim import Network, Result, Simulation
from distsim.analysis.figures import plot_folder
from distsim.analysis.marks import Mark
from distsim.analysis.population_rate import PopulationRate
from distsim.analysis.raster import draw_raster
from distsim.analysis.statistics import correlations, cv_isi, fano_factor, population_rate
from distsim.engine.step.period import Period
from distsim.parallel import SerialCommunicator
from distsim.recording.pieces import merged, piece_of
from distsim.recording.samples import Samples
from distsim.recording.spikes import Spikes, read_spikes

PIECES = [(0.0, 10.0), (100.0, 110.0), (150.0, 162.0)]


def simulate() -> Simulation:
    """Record three pieces of a run; a neuron of E fires every 2.3 ms or so."""
    net = Network(0.1)
    E = net.create("E", 6, I_e=4000.0, t_ref=0.5)
    silent = net.create("silent", 2)
    net.record_spikes(E[:4], silent)
    net.record_voltages(E[1:5:3], 1.0)
    net.record_voltages(silent[1:], 1.0)
    sim = Simulation(net, 1, SerialCommunicator())
    for duration, record in ((10.0, True), (90.0, False), (10.0, True), (40.0, False), (12.0, True), (5.0, False)):
        sim.run(duration, record)
    return sim


@pytest.fixture(scope="module")
def sim() -> Simulation:
    return simulate()


@pytest.fixture(scope="module")
def saved(sim, tmp_path_factory) -> Path:
    return sim.save(tmp_path_factory.mktemp("run"), overwrite=True)


@pytest.fixture(scope="module")
def files_alone(saved, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name in ("spikes.h5", "voltages.h5"):
        shutil.copy(saved / name, folder)
    return folder


@pytest.fixture(scope="module", params=["live", "loaded", "files alone"])
def result(request, sim, saved, files_alone) -> Result:
    return (
        sim.result() if request.param == "live" else distsim.load(saved if request.param == "loaded" else files_alone)
    )


def of_piece(times: np.ndarray, piece: tuple[float, float]) -> np.ndarray:
    return times[(times > piece[0]) & (times <= piece[1])]


def test_the_pieces_are_known_and_said(result):
    assert list(result.pieces) == PIECES and result.period == (0.0, 162.0)
    assert "0 to 162 ms in 3 pieces: spikes" in repr(result)
    expected = [*range(1, 11), *range(101, 111), *range(151, 163)]
    assert result.voltages("E[1:5:3]")[0].tolist() == expected
    assert np.isfinite(result.voltages("silent[1]")[1]).all()


def test_neo_has_a_segment_a_piece(result):
    pytest.importorskip("neo")
    segments = result.to_neo().segments
    assert [segment.name for segment in segments] == ["0 to 10 ms", "100 to 110 ms", "150 to 162 ms"]
    for segment, piece in zip(segments, PIECES, strict=True):
        trains = {(t.annotations["population"], t.annotations["id"]): t for t in segment.spiketrains}
        assert {("E", i) for i in range(4)} | {("silent", i) for i in range(2)} <= set(trains)
        for (name, i), train in trains.items():
            assert (float(train.t_start.rescale("ms")), float(train.t_stop.rescale("ms"))) == piece
            expected = of_piece(result.spikes(f"{name}[{i}]")[0], piece)
            np.testing.assert_array_equal(train.rescale("ms").magnitude, expected)
            assert bool(train.size) == (name == "E" and i < 4)
        E, silent = segment.analogsignals
        times, V = result.voltages("E[1:5:3]")
        inside = np.isin(times, of_piece(times, piece))
        np.testing.assert_allclose(E.times.rescale("ms").magnitude, times[inside], rtol=1e-14)
        np.testing.assert_array_equal(E.rescale("mV").magnitude, V[inside])
        assert E.array_annotations["id"].tolist() == [1, 4] and silent.shape == (inside.sum(), 1)


def test_neo_refuses_what_lies_in_no_piece():
    pytest.importorskip("neo")
    recorded = {"E": np.ones(1, bool)}
    spikes = {"E": Spikes(np.array([5.0, 50.0]), np.zeros(2, np.int64), 1)}
    result = Result({"E": 1}, 0.1, (0.0, 110.0), spikes, recorded, {}, pieces=PIECES[:2])
    with pytest.raises(ValueError, match="spikes of E at 50 ms are in none of the 2 recorded pieces"):
        result.to_neo()


def test_data_frames_have_the_times_and_the_pieces(result):
    pytest.importorskip("pandas")
    spikes, voltages = result.to_pandas(), result.to_pandas("voltages")
    assert spikes.attrs["pieces"] == voltages.attrs["pieces"] == PIECES
    np.testing.assert_array_equal(voltages.index, result.voltages("E[1]")[0])
    np.testing.assert_array_equal(spikes["time_ms"], result.all_spikes().times)


# --- figures ----------------------------------------------------------------------------------------------------------


def bars(rate_axes) -> tuple[np.ndarray, np.ndarray]:
    (patch,) = [p for p in rate_axes.patches if hasattr(p, "get_data")]
    return patch.get_data().values, patch.get_data().edges


def test_the_rate_below_a_raster_is_that_of_what_was_recorded(result):
    axes = Figure().subplots(2, 1)
    draw_raster(result.raster(rate=PopulationRate(bin=4.0, populations=["E"])), *axes)
    rates, edges = bars(axes[1])
    times, _ = result.spikes("E[:4]")
    n = 4 if result.summary else 6  # a file alone does not say who was recorded
    for rate, low, high in zip(rates, edges[:-1], edges[1:], strict=True):
        recorded = sum(max(0.0, min(high, stop) - max(low, start)) for start, stop in PIECES)
        if recorded < 1e-6:
            assert np.isnan(rate)
        else:
            spikes = np.sum((times > low + 1e-9) & (times <= high + 1e-9))
            assert rate == pytest.approx(spikes / n / (recorded / 1e3))
    assert np.isnan(rates).sum() == 31 and 0 < axes[1].get_ylim()[1] < 2000


def test_marks_of_the_user_leave_those_of_the_breaks(result):
    mine = Mark(102.0, 105.0, "E", 0, 3)
    marks = result.raster(marks=[mine]).marks
    assert mine in marks
    breaks = [(m.t0, m.t1) for m in marks if m.population == "E" and m.label == "not recorded"]
    assert breaks == [(10.0, 100.0), (110.0, 150.0)]


def test_a_period_in_a_break_is_refused(result, saved, tmp_path):
    said = r"nothing was recorded from 20 to 90 ms, only from 0 to 10 ms, 100 to 110 ms, 150 to 162 ms"
    for draw in (
        result.raster,
        lambda *t: result.rates_boxplot(tmp_path / "x.png", *t),
        lambda *t: plot_folder(saved, *t),
    ):
        with pytest.raises(ValueError, match=said):
            draw(20.0, 90.0)
    assert result.raster(5.0, 105.0).t1 == 105.0


def test_the_figures_of_a_folder_know_the_pieces(saved, monkeypatch):
    drawn = []
    monkeypatch.setattr("distsim.analysis.figures.raster", lambda *_, **options: drawn.append(options))
    monkeypatch.setattr("distsim.analysis.figures.rates_boxplot", lambda *_, **options: drawn.append(options))
    plot_folder(saved)
    assert [tuple(piece) for piece in drawn[0]["pieces"]] == PIECES and drawn[1]["recorded_ms"] == pytest.approx(32.0)


# --- statistics -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def poisson() -> tuple[np.ndarray, np.ndarray]:
    """Return times (on a grid of 0.1 ms) and ids of 12 neurons in three pieces."""
    rng = np.random.default_rng(5)
    ticks = np.sort(rng.choice(1620, 900))
    inside = ((ticks > 0) & (ticks <= 100)) | ((ticks > 1000) & (ticks <= 1100)) | (ticks > 1500)
    ticks = np.repeat(ticks[inside], 3)
    return ticks / 10, rng.integers(0, 12, ticks.size)


def counts_of(times: np.ndarray, width: float, t0: float = 0.0, t1: float = 162.0) -> list[int]:
    """Count spikes in the whole bins of each piece, in integers of 0.1 ms."""
    ticks, counts = np.rint(times * 10).astype(int), []
    for start, stop in PIECES:
        low, last = round(10 * max(start, t0)), round(10 * min(stop, t1))
        while low + round(10 * width) <= last:
            counts.append(int(np.sum((ticks > low) & (ticks <= low + round(10 * width)))))
            low += round(10 * width)
    return counts


def test_intervals_across_a_break_are_none(poisson):
    times, ids = poisson
    expected = []
    for neuron in range(12):
        own = times[ids == neuron]
        isis = np.concatenate([np.diff(np.sort(of_piece(own, piece))) for piece in PIECES])
        expected.append(isis.std() / isis.mean())
    np.testing.assert_allclose(cv_isi(times, ids, 12, pieces=PIECES), expected, rtol=1e-12)
    regular = np.array([1.0, 3.0, 5.0, 101.0, 103.0, 105.0])
    assert cv_isi(regular, np.zeros(6, int), 1, pieces=PIECES).tolist() == [0.0]
    assert cv_isi(regular, np.zeros(6, int), 1)[0] > 1.0


@pytest.mark.parametrize("width", [1.0, 1.5, 3.0])
@pytest.mark.parametrize("period", [(0.0, 162.0), (4.0, 107.0)])
def test_bins_begin_with_each_piece(poisson, width, period):
    times, ids = poisson
    counts = np.array(counts_of(times, width, *period))
    assert fano_factor(times, *period, width, pieces=PIECES) == pytest.approx(counts.var() / counts.mean(), rel=1e-12)
    table = np.array([counts_of(times[ids == neuron], width, *period) for neuron in range(12)])
    expected = np.corrcoef(table)[np.triu_indices(12, k=1)]
    np.testing.assert_allclose(correlations(times, ids, 12, *period, width, pieces=PIECES), expected, atol=1e-12)


def test_independent_neurons_are_not_correlated_by_breaks(poisson):
    rng = np.random.default_rng(3)
    times = rng.uniform(0, 1620, 200000)
    times, ids = times[piece_of(times, long := [(0, 100), (1000, 1100), (1500, 1620)]) >= 0], None
    ids = rng.integers(0, 20, times.size)
    assert correlations(times, ids, 20, 0, 1620).mean() > 0.9
    assert abs(correlations(times, ids, 20, 0, 1620, pieces=long).mean()) < 0.06
    assert fano_factor(times, 0, 1620) > 20 and fano_factor(times, 0, 1620, pieces=long) < 2


def test_rates_in_bins_are_of_what_was_recorded(poisson):
    times, _ = poisson
    rates, edges = population_rate(times, 12, 0.0, 162.0, 4.0, pieces=PIECES)
    plain, _ = population_rate(times, 12, 0.0, 162.0, 4.0)
    assert edges.size == rates.size + 1 == 41
    assert np.isnan(rates[3:25]).all() and np.isfinite(rates[:3]).all()
    np.testing.assert_allclose(rates[:2], plain[:2])
    assert rates[2] == pytest.approx(2 * plain[2]) and rates[37] == pytest.approx(2 * plain[37])
    whole, _ = population_rate(times, 12, 0.0, 162.0, 4.0, pieces=[(0.0, 162.0)])
    np.testing.assert_allclose(whole, plain)


def test_no_whole_bin_is_an_error(poisson):
    times, ids = poisson
    for call in (
        lambda: fano_factor(times, 0.0, 162.0, 20.0, pieces=PIECES),
        lambda: correlations(times, ids, 12, 20.0, 90.0, pieces=PIECES),
        lambda: fano_factor(times, 0.0, 162.0, pieces=[]),
    ):
        with pytest.raises(ValueError, match="number of whole bins"):
            call()


def test_places_of_times():
    pieces = [(1.0, 2.0), (4.0, 5.0), (5.0, 6.0)]
    assert piece_of([0.5, 1.0, 1.5, 2.0, 2.1, 4.0, 4.1, 5.0, 5.1, 6.0, 6.1], pieces).tolist() == [
        *(-1, 0, 0, 0, -1, -1, 1, 1, 2, 2, -1),
    ]
    assert piece_of([1.0], []).tolist() == [-1]
    assert merged([(0, 3), (3, 5), (7, 8)]) == [(0, 5), (7, 8)]
    with pytest.raises(ValueError, match="overlap"):
        merged([(0, 3), (2, 5)])


# --- files ------------------------------------------------------------------------------------------------------------


def overwrite(path: Path, rows: slice) -> None:
    """Let V_m of all neurons be NaN at some samples, as a neuron's that is not finite is."""
    with h5py.File(path, "r+") as file:
        for group in file["report"].values():
            group["data"][rows] = np.nan


@pytest.mark.parametrize("with_summary", [True, False])
def test_voltages_that_are_not_finite_are_no_break(saved, tmp_path, with_summary):
    folder = shutil.copytree(saved, tmp_path / "run")
    if not with_summary:
        (folder / "summary.json").unlink()
    overwrite(folder / "voltages.h5", slice(3, 5))
    result = distsim.load(folder)
    times, V = result.voltages("E[1:5:3]")
    assert times.tolist() == [*range(1, 11), *range(101, 111), *range(151, 163)]
    assert np.isnan(V).all(axis=1).nonzero()[0].tolist() == [3, 4] and list(result.pieces) == PIECES


def test_voltages_alone_that_are_not_finite_are_no_break(tmp_path):
    net = Network(0.1)
    net.record_voltages(net.create("E", 2), 1.0)
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(10.0)
    sim.save(tmp_path / "run")
    overwrite(tmp_path / "run" / "voltages.h5", slice(3, 5))
    for name in ("run", "alone"):
        (tmp_path / "alone").mkdir(exist_ok=True)
        shutil.copy(tmp_path / "run" / "voltages.h5", tmp_path / "alone")
        times, V = distsim.load(tmp_path / name).voltages("E")
        assert times.size == 10 and np.isnan(V).sum() == 4


def test_samples_between_the_pieces_are_a_contradiction(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "run")
    with h5py.File(folder / "voltages.h5", "r+") as file:
        file["report/E/data"][20] = -60.0
    with pytest.raises(ValueError, match=r"voltages\.h5 holds samples of E between the recorded pieces"):
        distsim.load(folder)


def test_only_files_with_breaks_say_so(saved, tmp_path):
    net = Network(0.1)
    net.record_spikes(net.create("E", 2))
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(10.0)
    with h5py.File(sim.save(tmp_path) / "spikes.h5") as file:
        assert list(file) == ["spikes"]
    for name, group in (("spikes.h5", "spikes"), ("voltages.h5", "report")):
        with h5py.File(saved / name) as file:
            assert set(file) == {group, "recorded_ms"} and file["recorded_ms"][:].tolist() == [list(p) for p in PIECES]
            assert set(file[group]) == {"E", "silent"}
    assert set(read_spikes(saved / "spikes.h5")) == {"E", "silent"}


def test_ten_thousand_pieces_are_saved_and_read(tmp_path):
    net = Network(0.1)
    net.record_spikes(net.create("E", 1))
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(0.2)
    sim._recorded = (Period([(2 * k, 2 * k + 1) for k in range(10000)], sim.period.counts), None)
    sim.save(tmp_path)
    (tmp_path / "summary.json").unlink()
    assert len(distsim.load(tmp_path).pieces) == 10000


def test_samples_of_others_keep_their_own_times():
    """Of a report of others each population may have its own times."""
    slow = Samples(np.array([0.0, 2.0]), np.array([0]), np.array([[1.0], [2.0]]), 2.0)
    fast = Samples(np.array([1.0, 2.0]), np.array([1]), np.array([[3.0], [4.0]]), 1.0)
    result = Result({"slow": 1, "fast": 2}, None, (0.0, 2.0), {}, {}, {"V_m": {"slow": slow, "fast": fast}})
    assert result.voltages("fast[1]")[0].tolist() == [1.0, 2.0] and result.voltages("slow")[0].tolist() == [0.0, 2.0]
    pytest.importorskip("pandas")
    frame = result.to_pandas("voltages")
    assert frame.index.tolist() == [0.0, 1.0, 2.0]
    np.testing.assert_array_equal(frame.to_numpy(), [[1.0, np.nan], [np.nan, 3.0], [2.0, 4.0]])
