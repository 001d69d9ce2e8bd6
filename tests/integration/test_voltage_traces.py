"""Traces of membrane potentials: of whom and when, spikes marked, breaks left blank, from a result and a folder."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.figure
import numpy as np
import pytest

import distsim
from distsim import Network, Result, Simulation
from distsim.analysis.figures import plot_folder
from distsim.analysis.traces import traces, window
from distsim.parallel import SerialCommunicator
from distsim.recording.samples import Samples
from distsim.recording.spikes import Spikes
from distsim.results.folder import FILES

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def figures(monkeypatch) -> list[matplotlib.figure.Figure]:
    """The figures that are made, instead of pictures."""
    made = []
    monkeypatch.setattr("distsim.analysis.traces.save", lambda figure, *_, **__: made.append(figure))
    return made


def ramp(ids: list[int], times: np.ndarray) -> Samples:
    """Return potentials that rise by 1 mV a sample, from -70 mV."""
    V = -70.0 + np.arange(times.size)[:, np.newaxis] + np.zeros(len(ids))
    return Samples(times, np.array(ids), V, float(times[1] - times[0]))


def lines_of(axes) -> list[np.ndarray]:
    """Return the vertical lines of a row as (x, from, to)."""
    return [(float(s[0, 0]), *s[:, 1].tolist()) for c in axes.collections for s in c.get_segments()]


def rows_of(figure) -> list[str]:
    return [axes.get_ylabel() for axes in figure.axes]


def test_each_neuron_has_a_row_with_its_spikes_marked_to_one_height(figures):
    voltages = {"E": ramp([3, 5], np.arange(1.0, 11.0)), "I": ramp([0], np.arange(1.0, 11.0))}
    spikes = {
        "E": Spikes(np.array([4.0, 7.0, 20.0]), np.array([3, 5, 3]), 9),
        "I": Spikes(np.array([]), np.array([]), 2),
    }
    traces(voltages, 0.0, 10.0, "v.png", spikes=spikes, title="a run")
    (figure,) = figures
    first, second, third = figure.axes
    assert rows_of(figure) == ["E[3]", "E[5]", "I[0]"] and first.get_title(loc="left") == "a run"
    # From the sample before the spike, at 3 and 6 ms, to 40 % of the range of 9 mV above the highest one.
    top = -61.0 + 0.4 * 9.0
    assert lines_of(first) == [(4.0, -68.0, pytest.approx(top))] and lines_of(second) == [
        (7.0, -65.0, pytest.approx(top))
    ]
    assert lines_of(third) == []
    assert first.get_ylim() == second.get_ylim() and first.get_ylim()[0] < -70 and first.get_ylim()[1] > top
    assert third.get_xlabel() == "time (ms)" and "(mV)" in figure.get_supylabel()
    assert third.get_xlim() == (0.0, 10.0)
    assert figure.get_supxlabel() == "vertical lines: spikes"


def test_spikes_that_were_not_recorded_are_said_to_be_unknown(figures):
    voltages = {"E": ramp([3, 5], np.arange(1.0, 11.0))}
    traces(voltages, 0.0, 10.0, "v.png")
    spikes = {"E": Spikes(np.array([4.0]), np.array([3]), 9)}
    traces(voltages, 0.0, 10.0, "v.png", spikes=spikes, recorded={"E": np.array([1, 3])})
    assert [figure.get_supxlabel() for figure in figures] == [
        "spikes were not recorded",
        "vertical lines: spikes; spikes of E[5] were not recorded",
    ]


def test_of_many_neurons_the_first_of_each_population_are_shown(figures):
    times = np.arange(1.0, 11.0)
    traces({"E": ramp(list(range(2, 40)), times)}, 0.0, 10.0, "v.png")
    assert rows_of(figures[0]) == [f"E[{k}]" for k in range(2, 10)]
    assert "shown: 8 of 38 recorded neurons of E" in figures[0].get_supxlabel()
    traces({f"E{k}": ramp([0, 1, 2, 3], times) for k in range(8)}, 0.0, 10.0, "v.png")
    assert rows_of(figures[1]) == [f"E{k}[{i}]" for k in range(8) for i in (0, 1)]
    traces({"E": ramp([0, 1, 2, 3], times)}, 0.0, 10.0, "v.png", most=1)
    assert rows_of(figures[2]) == ["E[0]"]


@pytest.mark.parametrize("pieces", [[(0.0, 5.0), (20.0, 25.0)], None])
def test_breaks_are_blank(figures, pieces):
    times = np.concatenate([np.arange(1.0, 6.0), np.arange(21.0, 26.0)])
    traces({"E": ramp([0], times)}, 0.0, 25.0, "v.png", pieces=pieces)
    (line,) = figures[0].axes[0].lines
    x, y = line.get_data()
    assert np.flatnonzero(np.isnan(y)).tolist() == [5] and y.size == 11
    assert x[4] == 5.0 and x[6] == 21.0
    assert ("blank: not recorded" in figures[0].get_supxlabel()) == (pieces is not None)


def test_a_break_shorter_than_the_interval_is_a_break(figures):
    times = np.array([10.0, 20.0, 30.0, 40.0])
    traces({"E": ramp([0], times)}, 0.0, 40.0, "v.png", pieces=[(0.0, 22.0), (27.0, 40.0)])
    assert np.isnan(figures[0].axes[0].lines[0].get_ydata()).tolist() == [False, False, True, False, False]


def test_a_long_recording_shows_its_first_500_ms():
    assert window([(100.0, 300.0), (400.0, 2000.0)], {}) == (100.0, 600.0)
    assert window([(100.0, 300.0)], {}) == (100.0, 300.0)


@pytest.mark.parametrize("V", [np.nan, np.inf])
def test_potentials_that_are_not_finite_are_not_drawn(figures, V):
    v = ramp([0, 1], np.arange(1.0, 11.0))
    v.values[5, 0], v.values[:, 1] = V, V
    traces({"E": v}, 0.0, 10.0, "v.png")
    first, second = figures[0].axes
    assert np.isnan(first.lines[0].get_ydata()).sum() == 1 and np.isfinite(first.get_ylim()).all()
    assert [text.get_text() for text in second.texts] == ["no sample in this period"]


def test_an_empty_period_is_refused():
    with pytest.raises(ValueError, match=r"from 5\.0 to 5\.0 ms is empty"):
        traces({}, 5.0, 5.0, "v.png")


@pytest.mark.parametrize("voltages", [{}, {"E": Samples(np.zeros(0), np.zeros(0, int), np.zeros((0, 0)), 0.0)}])
def test_nothing_recorded_is_said(tmp_path, figures, voltages):
    traces(voltages, 0.0, 5.0, tmp_path / "v.png")
    assert figures[0].axes[0].texts[0].get_text() == "nothing recorded"


# --- of a run ---------------------------------------------------------------------------------------------------------


def simulated(record_spikes: bool = True) -> Simulation:
    net = Network(0.1)
    E, I = net.create("E", 20, I_e=700.0), net.create("I", 10)
    net.record_voltages(E[:3], interval=0.5)
    net.record_voltages(I[4:5], interval=0.5)
    if record_spikes:
        net.record_spikes(E[1:])
    sim = Simulation(net, 3, SerialCommunicator())
    for duration, record in ((10.0, False), (50.0, True), (20.0, False), (40.0, True)):
        sim.run(duration, record)
    return sim


@pytest.fixture(scope="module", params=["live", "loaded"])
def result(request, tmp_path_factory) -> Result:
    sim = simulated()
    return sim.result() if request.param == "live" else distsim.load(sim.save(tmp_path_factory.mktemp("run") / "r"))


def test_a_result_draws_what_it_recorded(result, figures):
    result.voltage_traces("v.png")
    (figure,) = figures
    assert rows_of(figure) == ["E[0]", "E[1]", "E[2]", "I[4]"]
    assert figure.axes[-1].get_xlim() == (10.0, 120.0)
    assert figure.axes[0].get_title(loc="left") == "network, seed 3"
    times, _ = result.spikes("E[1]")
    assert times.size > 3 and [x for x, _, _ in lines_of(figure.axes[1])] == times.tolist()
    assert lines_of(figure.axes[0]) == [] and "spikes of E[0], I[4] were not recorded" in figure.get_supxlabel()
    assert "blank: not recorded" in figure.get_supxlabel()


def test_a_part_of_a_result_is_drawn(result, figures):
    result.voltage_traces("v.png", 20.0, 40.0, only="E", most=2, title="two")
    assert rows_of(figures[0]) == ["E[0]", "E[1]"] and figures[0].axes[-1].get_xlim() == (20.0, 40.0)
    assert figures[0].axes[0].get_title(loc="left") == "two"
    assert figures[0].axes[0].lines[0].get_xdata().size == 41
    with pytest.raises(ValueError, match="only: no population 'X'"):
        result.voltage_traces("v.png", only="X")
    with pytest.raises(ValueError, match="nothing was recorded from 60 to 80 ms"):
        result.voltage_traces("v.png", 60.0, 80.0)


def test_a_result_without_voltages_says_so():
    net = Network(0.1)
    net.record_spikes(net.create("E", 2))
    sim = Simulation(net, 3, SerialCommunicator())
    sim.run(5.0)
    with pytest.raises(ValueError, match=r"no voltages to draw \(recorded: none\)"):
        sim.result().voltage_traces("v.png")


@pytest.mark.parametrize("record_spikes", [True, False])
def test_a_folder_is_drawn_with_and_without_spikes(tmp_path, record_spikes):
    folder = simulated(record_spikes).save(tmp_path / "run")
    pictures = [path.name for path in plot_folder(folder)]
    assert pictures == ["raster.png", "rates.png"] * record_spikes + ["voltages.png"]
    assert (folder / "voltages.png").read_bytes()[:8] == PNG
    (folder / "voltages.h5").unlink()
    if record_spikes:
        assert [path.name for path in plot_folder(folder)] == ["raster.png", "rates.png"]


def test_spikes_that_are_missing_are_missed_beside_voltages(tmp_path):
    folder = simulated().save(tmp_path / "run")
    (folder / "spikes.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"spikes\.h5: no such file: .* it is missing"):
        plot_folder(folder)


def test_a_folder_shows_the_period_of_its_raster(tmp_path, figures):
    folder = simulated().save(tmp_path / "run")
    path = Path(folder) / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"figures": {"period": [30.0, 55.0]}}))
    plot_folder(folder)
    plot_folder(folder, t0=90.0)
    assert [figure.axes[-1].get_xlim() for figure in figures] == [(30.0, 55.0), (90.0, 120.0)]


def test_the_folder_of_a_run_owns_its_picture():
    assert {"voltages.png", "statistics.png"} <= set(FILES)
