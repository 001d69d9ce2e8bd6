"""Reports: several quantities, intervals, windows and names are recorded, saved, loaded and converted alike."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import distsim
from distsim import Network, Simulation, fixed_indegree
from distsim.analysis import figures
from distsim.analysis.figures import plot_folder
from distsim.analysis.traces import label_of, window
from distsim.description.reports import reports_of
from distsim.engine.step import buffers
from distsim.files.paths import MARKER, NOTE
from distsim.parallel import SerialCommunicator
from distsim.recording.samples import Samples
from distsim.results.folder import FILES
from distsim.results.result import Result
from tests.support.adaptive import adaptive

RUNS = [(20.0, True), (7.0, False), (23.0, True)]  # ms, recorded
WINDOW = (12.0, 41.0)  # ms
SAMPLES = [Samples(np.array([0.5, 1.0]), np.array([0]), np.zeros((2, 1)), 0.5) for _ in range(2)]


def network(dt: float = 0.1) -> Network:
    net = Network(dt)
    exc = net.create("E", 7, adaptive, V=np.linspace(-70.0, -51.0, 7), I_e=800.0)
    inh = net.create("I", 4, "iaf_psc_exp", I_e=np.linspace(350.0, 450.0, 4))
    net.connect(exc, inh, fixed_indegree(3), 60.0, 1.5)
    net.connect(inh, exc, fixed_indegree(2), -60.0, 1.5)
    net.record_spikes()
    net.record("w", exc[[5, 1, 2]])
    net.record("V", exc[2:], interval=0.5)
    net.record_voltages(inh, interval=0.5)
    net.record("V", exc, interval=1.1, start=WINDOW[0], stop=WINDOW[1], name="late")
    net.record("V_m", inh[1:], interval=1.1, start=WINDOW[0], stop=WINDOW[1], name="late")
    return net


def simulated(**options) -> Simulation:
    sim = Simulation(network(), 3, SerialCommunicator(), **options)
    for duration, record in RUNS:
        sim.run(duration, record)
    return sim


@pytest.fixture(scope="module")
def sim() -> Simulation:
    return simulated()


def test_reports_are_spikes_then_potentials_then_others_by_name():
    reports = reports_of(network())
    assert [report.name for report in reports] == ["spikes", "V_m", "late", "w"]
    assert [report.interval for report in reports] == [1, 5, 11, 1]
    assert reports[1].ids["E"].tolist() == [2, 3, 4, 5, 6] and reports[1].ids["I"].tolist() == [0, 1, 2, 3]
    assert reports[3].ids["E"].tolist() == [1, 2, 5] and list(reports[3].ids) == ["E"]
    assert reports[1].units == {"E": "mV", "I": "mV"} and reports[3].units == {"E": "pA"}
    assert reports[2].window == (120, 410)


def stepwise() -> dict[float, tuple[np.ndarray, ...]]:
    """Return V and w of E and V_m of I after each step, read between runs of one step."""
    sim, found = Simulation(network(), 3, SerialCommunicator()), {}
    for _ in range(500):
        sim.run(0.1, record=False)
        found[sim.time] = tuple(sim.get(*what) for what in (("E", "V"), ("E", "w"), ("I", "V_m")))
    return found


def test_samples_are_what_get_gives_at_their_times(sim):
    states = stepwise()
    recorded = [t for t in states if t <= 20.0 or t > 27.0]
    whens = {
        "V_m": [t for t in recorded if round(t * 10) % 5 == 0],
        "w": recorded,
        "late": [t for t in recorded if round(t * 10) % 11 == 0 and WINDOW[0] < t <= WINDOW[1]],
    }
    cases = [("V_m", "E[2:]", 0), ("V_m", "I", 2), ("w", "E[[5, 1, 2]]", 1), ("late", "E", 0), ("late", "I[1:]", 2)]
    for name, what, k in cases:
        times, values = sim.samples(name, what)
        np.testing.assert_array_equal(times, whens[name])
        columns = sim.network.select(what).indices
        np.testing.assert_array_equal(values, [states[t][k][list(columns)] for t in times])
    assert np.ptp(sim.samples("w", "E[1]")[1]) > 1.0


@pytest.mark.parametrize("samples", [1, 5, 64])
def test_small_buffers_record_the_same(sim, monkeypatch, samples):
    monkeypatch.setattr(buffers, "SAMPLE_BUFFER", samples)
    small = simulated()
    for report in sim.engine.reports:
        for mine, others in zip(sim.sink.recorded(report.name), small.sink.recorded(report.name), strict=True):
            np.testing.assert_array_equal(mine, others)


def test_a_folder_holds_what_was_recorded(sim, tmp_path):
    sim.save(tmp_path / "run")
    live, loaded = sim.result(), distsim.load(tmp_path / "run")
    assert repr(live) == repr(loaded)
    assert "voltages of E, I and late of E, I and w of E" in repr(live)
    assert live.sampled == loaded.sampled == {"V_m": "mV", "late": "mV", "w": "pA"}
    for name, what in (("V_m", "E[3]"), ("w", "E[[2, 1]]"), ("late", "I[3]"), ("late", "E")):
        times, values = loaded.samples(name, what)
        np.testing.assert_array_equal(times, live.samples(name, what)[0])
        np.testing.assert_array_equal(values, live.samples(name, what)[1].astype(np.float32))
    assert {path.name for path in (tmp_path / "run").glob("*.h5")} == {"spikes.h5", "voltages.h5", "late.h5", "w.h5"}


def test_figures_of_all_quantities(sim, tmp_path):
    sim.save(tmp_path / "run")
    drawn = plot_folder(tmp_path / "run")
    assert [path.name for path in drawn] == ["raster.png", "rates.png", "voltages.png", "late.png", "w.png"]
    sim.result().traces("w", tmp_path / "w.png", 5.0, 15.0)
    assert (tmp_path / "w.png").stat().st_size > 10_000


def test_a_file_of_the_users_own_is_no_report_to_be_replaced(sim, tmp_path):
    (tmp_path / "late.h5").write_text("not of a run")
    with pytest.raises(ValueError, match=r"holds an earlier run \(late\.h5\); choose another folder"):
        sim.save(tmp_path)
    assert (tmp_path / "late.h5").read_text() == "not of a run"
    sim.save(tmp_path, overwrite=True)
    assert distsim.load(tmp_path).samples("late", "E[0]")[0].size


def test_units_that_differ_between_populations_are_said_of_each(sim):
    found = {name: dataclasses.replace(s, unit=unit) for name, s, unit in zip("EI", SAMPLES, ("pA", "nS"), strict=True)}
    assert label_of("w", found) == "w (E: pA; I: nS)" and label_of("V_m", found) == "V_m (E: pA; I: nS)"
    assert label_of("w", {"E": found["E"]}) == "w (pA)"
    result = Result({"E": 1, "I": 1}, 0.1, (0.0, 1.0), {}, {}, {"w": found})
    assert result.sampled == {"w": "pA, nS"}


UNITS = {unit: unit for unit in ("nS", "1/mV", "S/cm**2", "%")}
NO_UNITS = ("", "1", "a.u.", "mV per ms", "spikes/s", "9**9**9**9", "lambda", "2*mV", "mV)")


@pytest.mark.parametrize("unit", [*UNITS, *NO_UNITS])
def test_neo_takes_a_unit_or_says_it_beside(unit):
    pytest.importorskip("neo")
    samples = {"w": {"E": dataclasses.replace(SAMPLES[0], unit=unit)}}
    (signal,) = Result({"E": 1}, 0.1, (0.0, 1.0), {}, {}, samples).to_neo().segments[0].analogsignals
    assert signal.dimensionality.string == UNITS.get(unit, "dimensionless") and signal.annotations["unit"] == unit


@pytest.mark.parametrize("unit", ["µS", "$x", r"$\frac{"])
def test_any_unit_can_be_drawn(tmp_path, unit):
    samples = {"w": {"E": dataclasses.replace(SAMPLES[0], unit=unit)}}
    Result({"E": 1}, 0.1, (0.0, 1.0), {}, {}, samples).traces("w", tmp_path / "w.png")
    assert (tmp_path / "w.png").stat().st_size > 5000


def test_traces_that_begin_late_are_shown_from_there(sim):
    late = {"E": dataclasses.replace(SAMPLES[0], times=np.array([800.0, 800.5]))}
    assert window([(100.0, 2000.0)], late) == (799.5, 1299.5)
    late["I"] = dataclasses.replace(SAMPLES[1], times=np.array([300.0, 300.5]))
    assert window([(100.0, 2000.0)], late) == (100.0, 600.0)
    assert window([(100.0, 2000.0)], {"E": dataclasses.replace(SAMPLES[0], times=np.zeros(0))}) == (100.0, 600.0)


def test_a_window_after_the_period_of_the_raster_is_drawn(tmp_path, monkeypatch):
    net = Network(0.1)
    net.record("w", net.create("E", 2, adaptive), interval=1.0, start=30.0)
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(50.0)
    summary = sim.save(tmp_path) / "summary.json"
    summary.write_text(json.dumps({**json.loads(summary.read_text()), "figures": {"period": [10.0, 20.0]}}))
    periods = []
    monkeypatch.setattr(figures, "traces", lambda samples, t0, t1, *rest, **options: periods.append((t0, t1)))
    plot_folder(tmp_path)
    assert periods == [(0.0, 50.0)]


HOSTILE = (["../w.h5"], ["/w.h5"], ["w"], ["a\0.h5"], [".w.h5"], ["checkpoint-000001.h5"], [3], 3, None, {"w.h5": 1})


@pytest.mark.parametrize("files", HOSTILE, ids=repr)
@pytest.mark.parametrize("read", [distsim.load, plot_folder])
def test_no_summary_leads_out_of_the_folder(sim, tmp_path, files, read):
    net = Network(0.1)
    net.record("w", net.create("E", 2, adaptive))
    other = Simulation(net, 1, SerialCommunicator())
    other.run(1.0)
    summary = other.save(tmp_path / "run") / "summary.json"
    (tmp_path / "run" / "w.h5").rename(tmp_path / "w.h5")
    summary.write_text(json.dumps({**json.loads(summary.read_text()), "recording": {"files": files}}))
    with pytest.raises(ValueError, match=r"summary\.json: recording\.files"):
        read(tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "w.h5"]


def test_a_new_run_replaces_all_reports_of_the_earlier_one(sim, tmp_path):
    sim.save(tmp_path / "run")
    plot_folder(tmp_path / "run")
    (tmp_path / "run" / "mine.h5").write_text("not of a run")
    net = Network(0.1)
    net.create("E", 2)
    net.record_spikes()
    other = Simulation(net, 1, SerialCommunicator())
    other.run(1.0)
    other.save(tmp_path / "run", overwrite=True)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"spikes.h5", "summary.json", "mine.h5"}


def test_conversions(sim):
    pytest.importorskip("pandas")
    frame = sim.result().to_pandas("w")
    assert list(frame.columns) == [("E", 1), ("E", 2), ("E", 5)]
    np.testing.assert_array_equal(frame["E", 5], sim.samples("w", "E[5]")[1][:, 0])
    with pytest.raises(ValueError, match="to_pandas: 'g' must be 'spikes' or 'voltages' or 'late' or 'w'"):
        sim.result().to_pandas("g")
    pytest.importorskip("neo")
    segments = sim.result().to_neo().segments
    signals = {signal.name: signal for signal in segments[1].analogsignals}
    assert list(signals) == ["V_m of E", "V_m of I", "late of E", "late of I", "w of E"]
    assert signals["w of E"].units.dimensionality.string == "pA" and signals["late of I"].shape == (13, 3)
    assert float(signals["late of E"].t_start) == 27.5


def test_what_is_not_recorded_is_said(sim):
    for result in (sim, sim.result()):
        with pytest.raises(ValueError, match=r"no samples of 'g' are recorded \(recorded: V_m, late, w\)"):
            result.samples("g", "E")
        with pytest.raises(ValueError, match=r"the w of E are not all recorded \(recorded: 3 neurons of E\)"):
            result.samples("w", "E")
        with pytest.raises(ValueError, match=r"the w of I are not all recorded \(recorded: E\); record\('w', \.\.\.\)"):
            result.samples("w", "I")


MISTAKES = {
    "unknown": (("u", "E"), {}, r"u of E: no recordable of adaptive: known are V, w"),
    "unknown of a built-in model": (("w", "I"), {}, r"w of I: no recordable of iaf_psc_exp: known are .*V_m"),
    "of sources": (("V_m", "P"), {}, r"V_m of P: no recordable of poisson_source: it has none"),
    "interval": (("w", "E"), {"interval": 0.25}, r"w of E: interval"),
    "window": (("w", "E"), {"start": 5.0, "stop": 2.0}, r"w of E: start 5\.0 and stop 2\.0"),
    "name": (("w", "E"), {"name": "../w"}, r"name of a recorder '\.\./w': must be letters"),
    "taken by a file": (("w", "E"), {"name": "voltages"}, r"name of a recorder 'voltages': other files"),
    "taken by a picture": (("w", "E"), {"name": "Raster"}, r"name of a recorder 'Raster': other files"),
    "the case of letters": (("w", "E"), {"name": "LATE"}, r"w of E: the names 'late' and 'LATE' differ in case only"),
    "spikes": (("w", "E"), {"name": "spikes"}, r"name of a recorder 'spikes': other files"),
    "potential": (("w", "E"), {"name": "V_m"}, r"w of E: 'V_m' is the name of recorded membrane potentials"),
    "two quantities": (("w", "E"), {"name": "late", "interval": 1.1, "start": 12.0, "stop": 41.0}, r"records V of the"),
    "another interval": (("w", "E"), {"interval": 0.2}, r"w of E: recorders named 'w' share one interval"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_refused_and_leave_no_trace(mistake):
    (what, target), options, message = MISTAKES[mistake]
    net = network()
    net.poisson_source("P", 2, 10.0)
    n = len(net.recorders)
    with pytest.raises(ValueError, match=message):
        net.record(what, target, **options)
    assert len(net.recorders) == n


@pytest.mark.parametrize("file", [*FILES, MARKER, NOTE, "checkpoint-000001.h5"])
def test_no_report_takes_the_name_of_another_file(file):
    with pytest.raises(ValueError, match="other files of a run have this name"):
        network().record("w", "E", name=file.split(".")[0].upper())


def test_recorders_can_be_dropped():
    net = network()
    net.drop_recorders("late")
    net.drop_recorders("spikes")
    net.create("later", 3)
    assert [report.name for report in reports_of(net)] == ["V_m", "w"]


def test_all_reports_are_resumed_from_a_checkpoint(sim, tmp_path):
    first = Simulation(network(), 3, SerialCommunicator())
    first.run(20.0)
    first.run(7.0, record=False)
    first.checkpoint(tmp_path / "state.h5")
    second = Simulation(network(), 3, SerialCommunicator(), checkpoint=tmp_path / "state.h5")
    second.run(23.0)
    for name, what in (("w", "E[1]"), ("late", "I[1:]"), ("V_m", "I")):
        times, values = (
            np.concatenate(both) for both in zip(first.samples(name, what), second.samples(name, what), strict=True)
        )
        np.testing.assert_array_equal(times, sim.samples(name, what)[0])
        np.testing.assert_array_equal(values, sim.samples(name, what)[1])


def test_recorders_change_nothing(sim):
    net = network()
    net.recorders[:] = [recorder for recorder in net.recorders if recorder.name == "spikes"]
    bare = Simulation(net, 3, SerialCommunicator())
    for duration, record in RUNS:
        bare.run(duration, record)
    assert bare.spikes_sha256() == sim.spikes_sha256() and bare.n_spikes == sim.n_spikes > 20


def test_units_come_from_the_recordable_or_its_parameters():
    assert adaptive.unit_of("V") == "mV" and adaptive.unit_of("w") == "pA"
    other = dataclasses.replace(adaptive, recordables={"V": distsim.neurons.Recordable("V", unit="V")})
    assert other.unit_of("V") == "V"
