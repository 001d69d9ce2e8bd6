"""Figures of a result, the same from a live simulation and from a folder; several in axes of one's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import distsim
from distsim import Network, Result, Simulation
from distsim.analysis.figures import plot_folder
from distsim.analysis.population_rate import PopulationRate
from distsim.analysis.raster import draw_raster
from distsim.analysis.statistics import rates
from distsim.parallel import SerialCommunicator

PNG = b"\x89PNG\r\n\x1a\n"


def network() -> Network:
    """Return populations recorded as a whole, in part, and not at all."""
    net = Network(0.1)
    E, I = net.create("E", 40), net.create("I", 30)
    for target in (E, I):
        net.poisson_input(target, 15000.0, 87.8, 1.5)
    net.record_spikes(E, I[5:20])
    net.create("other", 4)
    return net


@pytest.fixture(scope="module")
def sim() -> Simulation:
    sim = Simulation(network(), 3, SerialCommunicator())
    sim.run(10.0, record=False)
    sim.run(90.0)
    return sim


@pytest.fixture(scope="module")
def saved(sim, tmp_path_factory) -> Path:
    return sim.save(tmp_path_factory.mktemp("run"), overwrite=True)


@pytest.fixture(scope="module", params=["live", "loaded"])
def result(request, sim, saved) -> Result:
    return sim.result() if request.param == "live" else distsim.load(saved)


@pytest.fixture
def boxes(monkeypatch) -> list[tuple]:
    """Collect the data of box plots, instead of drawing them."""
    asked = []
    monkeypatch.setattr("distsim.results.result.rates_boxplot", lambda *args, **options: asked.append((*args, options)))
    return asked


def test_a_raster_shows_all_that_is_recorded_unless_told_otherwise(result):
    picture = result.raster()
    assert (picture.t0, picture.t1) == result.period == (10.0, 100.0)
    assert list(picture.populations) == ["E", "I"] and picture.populations["I"].n == 30
    np.testing.assert_array_equal(picture.populations["E"].times, result.spikes("E")[0])
    assert {name: ids.tolist() for name, ids in picture.recorded.items()} == {
        "E": list(range(40)),
        "I": list(range(5, 20)),
    }
    picture = result.raster(20.0, 50.0, only=["I"], style="ids", title="I")
    assert (picture.t0, picture.t1, picture.only, picture.title) == (20.0, 50.0, ["I"], "I")
    assert result.raster(t1=30.0).t0 == 10.0 and result.raster(t0=30.0).t1 == 100.0
    with pytest.raises(ValueError, match=r"the period .* is empty"):
        result.raster(t0=100.0)


@pytest.mark.parametrize("period", [(200.0, 300.0), (0.0, 10.0), (100.0, 101.0), (0.0, 5.0)])
def test_a_period_of_which_nothing_was_recorded_is_refused(result, period):
    said = rf"from {period[0]:g} to {period[1]:g} ms, only from 10 to 100 ms"
    for draw in (result.raster, lambda *given: result.rates_boxplot("rates.png", *given)):
        with pytest.raises(ValueError, match=said):
            draw(*period)
    assert result.raster(0.0, 20.0).t0 == 0.0 and result.raster(90.0, 200.0).t1 == 200.0


def test_the_title_is_that_of_the_network_unless_another_is_given(result, boxes):
    assert result.raster().title == "network, seed 3"
    assert result.raster(title="mine").title == "mine" and result.raster(title=None).title is None
    result.rates_boxplot("rates.png")
    assert boxes[0][-1]["title"] == "network, seed 3"


def test_what_is_no_rate_and_no_mark_is_refused_at_once(result):
    with pytest.raises(TypeError, match=r"rate=5\.0: must be a PopulationRate\(bin=5\.0\)"):
        result.raster(rate=5.0)
    with pytest.raises(TypeError, match=r"marks: \(20\.0, 30\.0\) must be a Mark"):
        result.raster(marks=[(20.0, 30.0)])


def test_a_raster_is_saved_where_no_folder_is_yet(result, tmp_path):
    path = tmp_path / "new" / "one.png"
    result.raster(rate=PopulationRate()).save(path)
    assert path.read_bytes()[:8] == PNG and path.stat().st_size > 5000


def test_a_raster_is_drawn_into_axes_of_the_user(result):
    figure = Figure(figsize=(6, 9))
    upper, middle, lower = figure.subplots(3, 1, sharex=True)
    notes = draw_raster(result.raster(rate=PopulationRate(bin=5.0, populations=["I"])), upper, middle)
    drawn = np.concatenate([line.get_xdata() for line in upper.lines if line.get_marker() == "o"])
    assert drawn.size == result.all_spikes().times.size > 30
    assert notes == ["rate of 15 of 30 neurons (I) in bins of 5 ms"] and middle.patches and not lower.patches
    assert [label.get_text() for label in upper.get_yticklabels()] == ["E", "I"]


def test_labels_are_chosen_by_the_height_of_the_axes(result):
    def labels(height: float) -> int:
        axes = Figure(figsize=(6, height)).subplots()
        draw_raster(result.raster(), axes)
        return len(axes.get_yticklabels())

    assert (labels(6.0), labels(0.2)) == (2, 1)


@pytest.mark.parametrize("n_axes", [1, 2])
def test_axes_for_a_rate_and_the_rate_go_together(result, n_axes):
    picture = result.raster(rate=PopulationRate() if n_axes == 1 else None)
    with pytest.raises(ValueError, match="rate_axes go with a picture that has a rate"):
        draw_raster(picture, *np.atleast_1d(Figure().subplots(n_axes)))


def test_boxes_are_those_of_the_recorded_neurons(result, boxes, tmp_path):
    result.rates_boxplot(tmp_path / "rates.png", 20.0, only=["I", "E"], reference_rates_hz={"E": 3.0}, title="two")
    ((alone, t0, t1, path, options),) = boxes
    assert list(alone) == ["E", "I"] and (t0, t1, path) == (20.0, 100.0, tmp_path / "rates.png")
    sizes = {"E": 40, "I": 30, "other": 4}
    said = {"colors": {}, "sizes": sizes, "reference_rates_hz": {"E": 3.0}, "title": "two", "recorded_ms": 80.0}
    assert options == said
    _, ids = result.spikes("I[5:20]")
    assert alone["I"].n == 15
    np.testing.assert_array_equal(rates(alone["I"].ids, 15, 90.0), rates(ids, 30, 90.0)[5:20])
    result.rates_boxplot(tmp_path / "rates.png", only=["I"])
    assert list(boxes[1][0]) == ["I"]


def test_boxes_are_drawn(result, tmp_path):
    result.rates_boxplot(tmp_path / "new" / "rates.png")
    assert (tmp_path / "new" / "rates.png").read_bytes()[:8] == PNG


def test_colours_and_references_are_those_of_the_summary_unless_others_are_given(saved, boxes, tmp_path):
    shutil.copytree(saved, tmp_path / "run")
    summary = json.loads((saved / "summary.json").read_text())
    summary["populations"]["E"] |= {"color": "#123456", "reference_rate_hz": 7.0}
    summary["figures"] = {"rates": {"reference": "published"}}
    (tmp_path / "run" / "summary.json").write_text(json.dumps(summary))
    result = distsim.load(tmp_path / "run")
    assert result.raster().colors == {"E": "#123456"}
    assert result.raster(colors={"I": "red"}).colors == {"I": "red"}
    result.rates_boxplot("rates.png")
    said = {"reference_rates_hz": {"E": 7.0}, "reference": "published"}
    said |= {"colors": {"E": "#123456"}, "sizes": result.sizes, "title": "network, seed 3", "recorded_ms": 90.0}
    assert boxes[0][-1] == said
    result.rates_boxplot("rates.png", reference_rates_hz={"E": 1.0})
    assert "reference" not in boxes[1][-1]  # those are others


def test_a_file_alone_is_drawn(saved, tmp_path):
    shutil.copy(saved / "spikes.h5", tmp_path)
    result = distsim.load(tmp_path)
    assert result.summary is None and result.raster().colors == {}
    result.raster().save(tmp_path / "raster.png")
    assert (tmp_path / "raster.png").read_bytes()[:8] == PNG


def test_an_unknown_population_is_not_drawn_as_all_or_none(result, boxes, tmp_path):
    for draw in (result.raster, lambda only: result.rates_boxplot(tmp_path / "rates.png", only=only)):
        for only in (["X"], ["E", "X"], "X", [5]):
            with pytest.raises(ValueError, match=r"only: no population ('X'|5): known are E, I"):
                draw(only=only)
    assert not boxes
    assert result.raster(only="I").only == ["I"] and result.raster(only=None).only is None


def test_rates_are_those_of_what_was_recorded(boxes, tmp_path):
    net = Network(0.1)
    net.record_spikes(net.create("E", 10, I_e=1000.0))
    sim = Simulation(net, 1, SerialCommunicator())
    for duration, record in ((100.0, True), (900.0, False), (100.0, True)):
        sim.run(duration, record)
    live = sim.result()
    live.rates_boxplot("rates.png")
    live.rates_boxplot("rates.png", 50.0, 1050.0)
    distsim.load(sim.save(tmp_path)).rates_boxplot("rates.png")
    assert [options["recorded_ms"] for *_, options in boxes] == pytest.approx([200.0, 100.0, 200.0])
    drawn = []
    with pytest.MonkeyPatch.context() as context:
        context.setattr("distsim.analysis.figures.rates_boxplot", lambda *_, **options: drawn.append(options))
        plot_folder(tmp_path)
    assert drawn[0]["recorded_ms"] == pytest.approx(200.0)
