"""The figures of the small networks: rows, rates below a raster, marked periods, panels, partial recordings."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle, StepPatch

from distsim.analysis.figures import plot_folder, plot_panels
from distsim.analysis.marks import BAND, BAR, Mark, draw_marks
from distsim.analysis.marks import COLORS as COLORS_OF_MARKS
from distsim.analysis.panels import panels
from distsim.analysis.population_rate import PopulationRate, draw_rate
from distsim.analysis.raster import Raster, draw_raster, raster
from distsim.analysis.rows import choose_rows, recorded_ids
from distsim.analysis.statistics import population_rate
from distsim.networks import (
    BrunelAlpha,
    BrunelDelta,
    EIClustered,
    Microcircuit,
    brunel_alpha,
    brunel_delta,
    ei_clustered,
    microcircuit,
)
from distsim.recording.spikes import SpikeFile, Spikes
from tests.support.folder_with_run import folder_with_run

PNG = b"\x89PNG\r\n\x1a\n"
COLORS = {"E": "#595289", "I": "#af143c"}


def regular(n: int, every: float, t_stop: float) -> Spikes:
    """Each of n neurons fires at every multiple of `every` ms."""
    times = np.repeat(np.arange(every, t_stop + every / 2, every), n)
    return Spikes(times, np.tile(np.arange(n), times.size // n), n)


def drawn(picture: Raster):
    """Return the axes of a picture drawn, the rate's after the raster's, and its notes."""
    figure = Figure()
    axes = figure.subplots(1 if picture.rate is None else 2, sharex=True, squeeze=False)[:, 0]
    return *axes, draw_raster(picture, *axes, points=400.0)


def bins(axes) -> tuple[np.ndarray, np.ndarray]:
    (steps,) = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    return steps.get_data().values, steps.get_data().edges


def boxes(axes, color: str) -> list[tuple]:
    """Return (x0, x1, y0, y1) of the rectangles of one colour."""
    found = [p for p in axes.patches if isinstance(p, Rectangle) and to_hex(p.get_facecolor()) == color]
    return [(p.get_x(), p.get_x() + p.get_width(), p.get_y(), p.get_y() + p.get_height()) for p in found]


@pytest.fixture
def figures(monkeypatch) -> list[Figure]:
    """The figures that are made, instead of pictures."""
    made = []
    for module in ("raster", "panels"):
        monkeypatch.setattr(f"distsim.analysis.{module}.save", lambda figure, *_, **__: made.append(figure))
    return made


# --- rates ------------------------------------------------------------------------------------------------------------


def test_the_population_rate_counts_each_bin_with_its_end():
    times = np.array([10.0, 10.1, 15.0, 15.1, 20.0, 20.1])
    rates, edges = population_rate(times, 4, 10.0, 20.0, 5.0)
    np.testing.assert_allclose(edges, [10.0, 15.0, 20.0])
    np.testing.assert_allclose(rates, [100.0, 100.0])  # two spikes of four neurons in 5 ms
    assert population_rate(times, 4, 10.0, 24.0, 5.0)[0].size == 2
    with pytest.raises(ValueError, match="n must be positive"):
        population_rate(times, 0, 10.0, 20.0)


def test_the_rate_below_a_raster_has_the_range_and_the_ticks_that_are_asked_for():
    populations = {"E": regular(3, 10.0, 100.0), "I": regular(1, 5.0, 100.0)}
    ids = recorded_ids(populations, None)
    axes = Figure().add_subplot()
    given = PopulationRate(bin=20.0, ylim=(0, 6000), tick_step=1000)
    note = draw_rate(axes, given, populations, ids, 0.0, 100.0, COLORS)
    np.testing.assert_allclose(bins(axes)[0], (3 * 2 + 4) / 4 / 0.02)
    assert axes.get_ylim() == (0, 6000)
    assert axes.get_yticks().tolist() == [0, 1000, 2000, 3000, 4000, 5000, 6000]
    assert note == "rate of 4 neurons (E and I) in bins of 20 ms"


def test_the_rate_of_one_population_has_its_colour_and_a_range_that_holds_all():
    populations = {"E": regular(3, 10.0, 100.0), "I": regular(1, 5.0, 100.0)}
    axes = Figure().add_subplot()
    given = PopulationRate(bin=500.0, populations=["I"])
    note = draw_rate(axes, given, populations, recorded_ids(populations, None), 0.0, 100.0, COLORS)
    rates, edges = bins(axes)
    assert (rates.tolist(), edges.tolist()) == ([200.0], [0.0, 100.0])  # a bin is not longer than the period
    assert axes.get_ylim()[0] == 0 and axes.get_ylim()[1] > 200
    assert to_hex(axes.patches[0].get_facecolor()) == COLORS["I"]
    assert note == "rate of 1 neuron (I) in bins of 100 ms"


@pytest.mark.parametrize(("points", "ticks"), [(80.0, 7), (40.0, 4), (25.0, 3), (12.0, 2), (5.0, 7)])
def test_ticks_that_would_touch_are_left_out(points, ticks):
    populations = {"E": regular(3, 10.0, 100.0)}
    axes = Figure().add_subplot()
    given = PopulationRate(bin=20.0, ylim=(0, 6000), tick_step=1000)
    draw_rate(axes, given, populations, recorded_ids(populations, None), 0.0, 100.0, COLORS, points=points)
    assert axes.get_yticks().size == ticks and axes.get_yticks()[-1] == 6000


def test_the_labels_of_a_raster_and_of_the_rate_below_do_not_touch(tmp_path, figures):
    options = {"style": "bars", "rate": PopulationRate(bin=1.0, ylim=(0, 6000), tick_step=1000)}
    raster({"E": regular(50, 5.0, 100.0)}, 0.0, 100.0, tmp_path / "raster.png", **options)
    figures[0].draw_without_rendering()
    upper, lower = figures[0].axes
    lowest, highest = upper.get_yticklabels()[0], lower.get_yticklabels()[-1]
    assert (lowest.get_text(), highest.get_text()) == ("0", "6000")
    assert lowest.get_window_extent().y0 >= highest.get_window_extent().y1


@pytest.mark.parametrize("given", [{"bin": 0.0}, {"tick_step": 5.0}, {"ylim": (0, 1), "tick_step": 0.0}])
def test_impossible_rates_are_refused(given):
    with pytest.raises(ValueError, match="must be greater than 0"):
        PopulationRate(**given)


# --- rows -------------------------------------------------------------------------------------------------------------


def test_the_first_neurons_of_one_population_are_drawn_as_bars_upwards():
    populations = {"E": regular(9, 10.0, 100.0), "I": regular(2, 10.0, 100.0)}
    shown = {"only": ["E"], "first": 3, "style": "bars", "rate": PopulationRate(bin=1.0)}
    axes, rate_axes, notes = drawn(Raster(populations, 20.0, 50.0, COLORS, **shown))
    (line,) = axes.lines
    assert line.get_marker() == "|" and set(line.get_ydata()) == {0.5, 1.5, 2.5}
    assert set(line.get_xdata()) == {30.0, 40.0, 50.0}
    assert axes.get_ylim() == (0, 3) and axes.get_ylabel() == "neuron id (E)"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "1", "2"]
    assert axes.get_xlim() == rate_axes.get_xlim() == (20.0, 50.0)
    assert (rate_axes.get_xlabel(), axes.get_xlabel()) == ("time (ms)", "")
    assert notes == ["rate of 11 neurons (E and I) in bins of 1 ms"]


def test_the_axis_of_populations_says_which_way_ids_run():
    axes, _ = drawn(Raster({"E": regular(9, 10.0, 100.0), "I": regular(2, 10.0, 100.0)}, 0.0, 100.0))
    assert axes.get_ylabel() == "neurons by population\n(ids increase downwards)"
    assert axes.yaxis_inverted()


@pytest.mark.parametrize(("t1", "said"), [(9.0, ["no spikes of these neurons in this period"]), (11.0, [])])
def test_a_raster_without_spikes_says_so(t1, said):
    axes, _ = drawn(Raster({"E": regular(9, 10.0, 100.0)}, 0.0, t1))
    assert [text.get_text() for text in axes.texts] == said


def test_ids_are_those_of_the_recorded_neurons():
    spikes = Spikes(np.array([1.0, 2.0, 3.0]), np.array([100, 106, 118]), 500)
    recorded = {"E": np.arange(100, 120, 2)}
    axes, _ = drawn(Raster({"E": spikes}, 0.0, 5.0, COLORS, recorded, style="ids"))
    assert axes.lines[0].get_ydata().tolist() == [0.5, 3.5, 9.5]
    assert axes.get_ylim() == (0, 10) and axes.get_ylabel() == "neuron id (E)"
    ticks = {t - 0.5: label.get_text() for t, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)}
    assert len(ticks) > 2 and all(label == str(100 + 2 * int(row)) for row, label in ticks.items())


def test_where_what_is_to_be_shown_was_not_recorded_the_rest_is():
    populations = {"I": regular(2, 10.0, 100.0), "TC": regular(3, 10.0, 100.0)}
    shown = {"only": ["E"], "style": "ids", "rate": PopulationRate(populations=["E"])}
    axes, _, notes = drawn(Raster(populations, 0.0, 100.0, **shown))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["I", "TC"]
    assert notes == ["rate of 5 neurons (I and TC) in bins of 5 ms"]


def test_of_many_neurons_some_are_drawn_and_the_rate_is_that_of_all():
    options = {"max_neurons": 10, "style": "ids", "rate": PopulationRate(bin=100.0)}
    axes, rate_axes, notes = drawn(Raster({"E": regular(100, 10.0, 100.0)}, 0.0, 100.0, **options))
    assert set(axes.lines[0].get_ydata()) == {k + 0.5 for k in range(10)}
    assert bins(rate_axes)[0].tolist() == [100.0]
    assert notes == ["1 in 10 neurons shown", "rate of 100 neurons (E) in bins of 100 ms"]
    assert {"0", "20", "40", "60", "80"} <= {label.get_text() for label in axes.get_yticklabels()}


def test_an_unknown_style_is_refused(tmp_path):
    with pytest.raises(ValueError, match="style 'dots': must be one of populations, ids, bars"):
        raster({"E": regular(2, 1.0, 5.0)}, 0.0, 5.0, tmp_path / "raster.png", style="dots")


def test_a_raster_and_its_rate_touch_and_share_the_height_four_to_one(tmp_path, figures):
    raster({"E": regular(9, 5.0, 100.0)}, 0.0, 100.0, tmp_path / "raster.png", style="bars", rate=PopulationRate())
    upper, lower = (axes.get_position() for axes in figures[0].axes)
    assert upper.y0 == pytest.approx(lower.y1) and upper.height == pytest.approx(4 * lower.height)
    assert (upper.x0, upper.x1) == (lower.x0, lower.x1)


# --- marks ------------------------------------------------------------------------------------------------------------


def marked(marks, recorded=None, max_neurons=1000):
    populations = {"E": regular(40, 10.0, 100.0), "I": regular(10, 10.0, 100.0)}
    axes, _ = drawn(Raster(populations, 20.0, 100.0, COLORS, recorded, marks=marks, max_neurons=max_neurons))
    return axes


def test_a_mark_is_a_band_over_its_rows_and_a_bar_on_the_time_axis():
    axes = marked([Mark(30.0, 50.0, "E", 10, 19), Mark(30.0, 50.0, "I", 0, 4)])
    assert boxes(axes, BAND) == [(30.0, 50.0, 10, 20), (30.0, 50.0, 40, 45)]
    ((start, stop, low, high),) = boxes(axes, BAR)
    assert (start, stop) == (30.0, 50.0) and low < high <= 0
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["stimulus"]


def test_marks_are_cut_to_the_period_and_to_the_neurons_that_are_shown():
    marks = [Mark(0.0, 30.0, "E", 10, 19), Mark(90.0, 200.0, "E", 10, 19), Mark(0.0, 20.0, "E", 0, 9)]
    axes = marked(marks, {"E": np.arange(0, 40, 4)})
    assert boxes(axes, BAND) == [(20.0, 30.0, 3, 5), (90.0, 100.0, 3, 5)]  # 12 and 16
    assert [box[:2] for box in boxes(axes, BAR)] == [(20.0, 30.0), (90.0, 100.0)]
    assert boxes(marked(marks[:1], max_neurons=25), BAND) == [(20.0, 30.0, 5, 10)]
    none_of_them = marked(marks[:1], {"E": np.arange(5)})
    assert not boxes(none_of_them, BAND) and len(boxes(none_of_them, BAR)) == 1


def test_two_kinds_of_stimuli_differ_and_the_shorter_is_seen_in_the_longer():
    axes = marked([Mark(60.0, 70.0, "I", 0, 9, "pulse"), Mark(50.0, 90.0, "E", 0, 39, "current")])
    (band, bar), (other_band, other_bar) = COLORS_OF_MARKS
    assert boxes(axes, band) == [(60.0, 70.0, 40, 50)] and boxes(axes, other_band) == [(50.0, 90.0, 0, 40)]
    bars = [to_hex(p.get_facecolor()) for p in axes.patches if to_hex(p.get_facecolor()) in (bar, other_bar)]
    assert bars == [other_bar, bar]  # the last one is on top
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["pulse", "current"]


def test_without_marks_nothing_is_marked():
    for marks in ([], [Mark(100.0, 200.0, "E", 0, 9)]):
        axes = marked(marks)
        assert not axes.patches and axes.get_legend() is None


def test_marks_of_a_population_that_is_not_shown_are_on_the_time_axis_only():
    shown, _ = choose_rows({"I": regular(4, 10.0, 100.0)}, {"I": np.arange(4)}, 0.0, 100.0)
    axes = Figure().add_subplot()
    draw_marks(axes, [Mark(10.0, 20.0, "E", 0, 9)], shown, np.array([0, 4]), 0.0, 100.0)
    assert not boxes(axes, BAND) and len(boxes(axes, BAR)) == 1


# --- what the models say ----------------------------------------------------------------------------------------------


THALAMUS = {"thalamic_input": True}


def test_every_population_has_a_colour():
    for model, options in ((BrunelAlpha(), {}), (BrunelDelta(), {}), (EIClustered(), {}), (Microcircuit(), THALAMUS)):
        assert {population.name for population in model.network(**options).populations} <= set(model.colors)
    assert EIClustered.colors == {"E": "#000000", "I": "#8b0000"}


def test_panels_of_brunel_delta_show_what_the_example_shows():
    ranges = {"A": (500, 600, 6000, 1000), "B": (1000, 1200, 400, 100)}
    ranges |= {"C": (1000, 1200, 200, 50), "D": (1000, 1200, 250, 50)}
    for panel, (t0, t1, top, step) in ranges.items():
        shown = BrunelDelta().figures(brunel_delta.Parameters(), 0.0, float(t1), panel)
        assert (shown["only"], shown["first"], shown["style"]) == (["E"], 50, "bars")
        assert shown["period"] == [t0, t1] and shown["title"].startswith(f"{panel}: ")
        assert shown["rate"] == {"bin": 0.1, "populations": ["E", "I"], "ylim": [0, top], "tick_step": step}


@pytest.mark.parametrize(
    ("t_presim", "t_sim", "panel", "period"),
    [
        (0.0, 599.9, "A", None),
        (500.0, 100.0, "A", [500.0, 600.0]),
        (500.1, 600.0, "A", None),
        (0.0, 1200.0, None, [1000.0, 1200.0]),
        (300.0, 500.0, None, [600.0, 800.0]),
        (300.0, 150.0, None, None),
        (0.0, 0.0, None, None),
    ],
)
def test_the_period_is_shown_if_it_is_recorded(t_presim, t_sim, panel, period):
    shown = BrunelDelta().figures(brunel_delta.Parameters(), t_presim, t_sim, panel)
    assert shown.get("period") == period
    assert ("ylim" in shown["rate"]) == (panel is not None)


def test_stimulated_clusters_are_marked_when_they_are_stimulated():
    p = ei_clustered.Parameters()
    marks = [Mark(**mark) for mark in EIClustered().figures(p, 1000.0, 10_000.0)["marks"]]
    assert {(m.t0, m.t1) for m in marks} == {(3000.0, 4500.0), (7000.0, 8500.0)}
    assert {(m.first, m.last) for m in marks} == {(400, 599), (600, 799), (800, 999)}
    assert len(marks) == 6 and {m.population for m in marks} == {"E"}
    # They are those of the currents that the network gets.
    network = EIClustered().describe(p, 0.1, 1000.0)
    targets = [current.target for current in network.step_currents]
    assert {(int(t.gids[0]), int(t.gids[-1])) for t in targets} == {(m.first, m.last) for m in marks}
    assert network.step_currents[0].times.tolist() == [30_000, 45_000, 70_000, 85_000]


def test_clusters_are_delimited_and_numbered():
    populations = {"E": regular(40, 10.0, 100.0), "I": regular(10, 10.0, 100.0)}
    picture = Raster(populations, 0.0, 100.0, COLORS, groups={"E": 10, "I": 5}, group="cluster")
    axes, _ = drawn(picture)
    lines = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert lines == [10, 20, 30, 45]
    (side,) = axes.child_axes
    assert side.get_ylabel() == "cluster" and side.get_yticks().tolist() == [5, 15, 25, 35, 42.5, 47.5]
    assert [label.get_text() for label in side.get_yticklabels()] == ["0", "1", "2", "3", "0", "1"]
    assert not drawn(Raster(populations, 0.0, 100.0))[0].child_axes


def test_clusters_of_a_partial_recording_keep_their_numbers():
    spikes = Spikes(np.array([1.0, 2.0, 3.0]), np.array([12, 13, 38]), 40)
    axes, _ = drawn(Raster({"E": spikes}, 0.0, 5.0, recorded={"E": np.array([12, 13, 38])}, groups={"E": 10}))
    (side,) = axes.child_axes
    assert [label.get_text() for label in side.get_yticklabels()] == ["1", "3"]
    assert side.get_yticks().tolist() == [1.0, 2.5]


def test_numbers_of_thin_clusters_do_not_touch():
    picture = Raster({"E": regular(100, 10.0, 100.0)}, 0.0, 100.0, groups={"E": 1})
    axes, _ = drawn(picture)  # 400 points high, 4 each
    assert [label.get_text() for label in axes.child_axes[0].get_yticklabels()] == [str(k) for k in range(0, 100, 5)]


def test_the_clustered_network_names_its_clusters(tmp_path, figures):
    shown = EIClustered().figures(ei_clustered.Parameters(), 1000.0, 10_000.0)
    assert shown["groups"] == {"E": 200, "I": 50} and shown["group"] == "cluster"
    assert "groups" not in EIClustered().figures(ei_clustered.Parameters(n_clusters=1), 1000.0, 10_000.0)
    plot_folder(folder_with_run(tmp_path, {"groups": {"E": 4, "I": 2}, "group": "cluster"}))
    assert figures[0].axes[0].child_axes[0].get_ylabel() == "cluster"


def test_without_stimulation_nothing_is_marked_or_stimulated():
    p = ei_clustered.Parameters(stim_amp=0.0)
    assert EIClustered().figures(p, 1000.0, 10_000.0)["marks"] == []
    assert not EIClustered().describe(p).step_currents


def test_stimuli_of_the_microcircuit_are_marked():
    p = microcircuit.Parameters(N_scaling=0.1, thalamic_input=True, dc_input=True, dc_dur=50.0)
    pulse, *current = [Mark(**mark) for mark in Microcircuit().figures(p, 500.0, 1000.0)["marks"]]
    assert pulse == Mark(700.0, 710.0, "TH", 0, 901, "thalamic pulse")
    assert current[0] == Mark(650.0, 700.0, "L23E", 0, 2067, "DC stimulus")
    assert [mark.population for mark in current] == list(microcircuit.POPULATIONS)
    network = Microcircuit().describe(p)
    assert {(m.population, m.last + 1) for m in (pulse, *current)} == {(q.name, q.n) for q in network.populations}


@pytest.mark.parametrize(
    "changed", [{}, {"thalamic_input": True, "th_rate": 0.0}, {"dc_input": True, "dc_dur": 0.0}], ids=str
)
def test_no_stimulus_no_mark_in_the_microcircuit(changed):
    assert Microcircuit().figures(microcircuit.Parameters(**changed), 500.0, 1000.0)["marks"] == []


def test_the_microcircuit_says_what_its_reference_rates_are():
    def rates(**changed) -> dict:
        return Microcircuit().figures(microcircuit.Parameters(**changed), 500.0, 1000.0)["rates"]

    assert rates() == {"reference": "published mean, full scale", "note": ""}
    assert rates(full_mean_rates=np.ones(8))["reference"] == "full_mean_rates"
    assert "not the rates" in rates(K_scaling=0.5)["note"] and "stimuli" in rates(thalamic_input=True)["note"]


def test_what_models_say_survives_json():
    said = [BrunelAlpha().figures(brunel_alpha.Parameters(), 0.0, 1.0)]
    said += [BrunelDelta().figures(brunel_delta.Parameters(), 0.0, 1200.0, panel) for panel in brunel_delta.PANELS]
    said += [EIClustered().figures(ei_clustered.Parameters(), 0.0, 1.0)]
    said += [Microcircuit().figures(microcircuit.Parameters(thalamic_input=True, dc_input=True), 0.0, 1.0)]
    for figures in said:
        assert json.loads(json.dumps(figures)) == figures


# --- from a folder ----------------------------------------------------------------------------------------------------


def folder_with_panels(path: Path) -> Path:
    for k, letter in enumerate("ABC"):
        rate = {"bin": 1.0, "ylim": [0, 100 * (k + 1)], "tick_step": 50}
        shown = {"period": [20.0 + k, 40.0], "only": ["E"], "style": "bars", "rate": rate, "title": f"{letter}: regime"}
        folder_with_run(path / letter, shown)
    (path / "summary.json").write_text(json.dumps({"network": "two", "seed": 3, "panels": {"A": {}, "B": {}, "C": {}}}))
    return path


def test_a_folder_is_drawn_as_its_summary_says(tmp_path, figures):
    rate = {"bin": 0.33, "populations": ["I"]}
    mark = {"t0": 30.0, "t1": 50.0, "population": "E", "first": 2, "last": 3, "label": "light"}
    said = {"period": [20.0, 45.0], "rate": rate, "marks": [mark], "title": "C: regime"}
    pictures = plot_folder(folder_with_run(tmp_path, said))
    assert pictures == [tmp_path / "raster.png", tmp_path / "rates.png"]
    axes, rate_axes = figures[0].axes
    assert axes.get_xlim() == (20.0, 45.0) and boxes(axes, BAND) == [(30.0, 45.0, 2, 4)]
    assert axes.get_title(loc="left") == "two C: regime, seed 3"
    assert axes.get_legend().get_texts()[0].get_text() == "light"
    np.testing.assert_allclose(np.diff(bins(rate_axes)[1]), 0.3)  # three steps
    plot_folder(tmp_path, t0=12.0)
    assert figures[1].axes[0].get_xlim() == (12.0, 60.0)


def test_marks_and_rates_of_a_partial_recording_mean_the_recorded_neurons(tmp_path, figures):
    mark = {"t0": 30.0, "t1": 50.0, "population": "E", "first": 4, "last": 9}
    said = {"marks": [mark], "rate": {"bin": 5.0, "populations": ["E"]}}
    some = {"populations": {"E": {"n": 8, "recorded": [[0, 8]]}, "I": {"n": 4, "recorded": [[0, 4]]}}}
    folder_with_run(tmp_path, said, **some)
    with SpikeFile(tmp_path / "spikes.h5", {"E": (0, 8)}, Fraction(1, 10)) as file:
        file.append(np.array([150, 250, 350]), np.array([1, 5, 7]))
    some["populations"]["E"]["recorded"] = [[1, 2], [5, 6], [7, 8]]
    folder = tmp_path / "summary.json"
    folder.write_text(json.dumps(json.loads(folder.read_text()) | some))
    plot_folder(tmp_path)
    axes, rate_axes = figures[0].axes
    assert axes.lines[0].get_ydata().tolist() == [0.5, 1.5, 2.5] and axes.get_ylim() == (3, 0)
    assert boxes(axes, BAND) == [(30.0, 50.0, 1, 3)]
    assert bins(rate_axes)[0].max() == pytest.approx(1 / 3 / 0.005)
    assert axes.get_title(loc="right") == "rate of 3 of 8 neurons (E) in bins of 5 ms"


def test_panels_are_drawn_beside_each_other_from_their_folders(tmp_path, figures):
    plot_panels(folder_with_panels(tmp_path))
    rasters, below = figures[0].axes[::2], figures[0].axes[1::2]
    assert [axes.get_title(loc="left") for axes in rasters] == ["A: regime", "B: regime", "C: regime"]
    assert [axes.get_xlim() for axes in below] == [(20.0, 40.0), (21.0, 40.0), (22.0, 40.0)]
    assert [axes.get_ylim() for axes in below] == [(0, 100), (0, 200), (0, 300)]
    assert below[1].get_yticks().tolist() == [0, 50, 100, 150, 200]
    assert figures[0].get_suptitle() == "two, seed 3"
    a, b, c = (axes.get_position() for axes in rasters)
    assert a.y0 == pytest.approx(b.y0) and a.x1 < b.x0 and a.x0 == c.x0 and c.y1 < a.y0


def test_a_folder_of_panels_is_drawn_with_all_below_it(tmp_path):
    pictures = plot_folder(folder_with_panels(tmp_path))
    names = [str(picture.relative_to(tmp_path)) for picture in pictures]
    assert names == [f"{p}/{name}.png" for p in "ABC" for name in ("raster", "rates")] + ["panels.png"]
    assert all(picture.read_bytes()[:8] == PNG for picture in pictures)


def test_a_missing_panel_is_named(tmp_path):
    folder_with_panels(tmp_path)
    (tmp_path / "B" / "spikes.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"B/spikes\.h5"):
        plot_panels(tmp_path)
    with pytest.raises(ValueError, match="there is no panel"):
        panels([], tmp_path / "panels.png")


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ([], "figures is of the wrong kind"),
        ({"period": [1]}, "figures.period is .*a list of 2 values"),
        ({"only": "E"}, "figures.only is 'E', which must be a list"),
        ({"rate": {"bin": -1}}, "bin must be greater than 0 ms, not -1"),
        ({"rate": {"width": 1}}, "width"),
        ({"marks": [{"t0": 1}]}, "t1"),
        ({"groups": {"E": 0}}, "figures.groups.E is 0, which must be a whole number"),
        ({"rates": {"reference": 1}}, "figures.rates.reference is 1, which must be a text"),
    ],
)
def test_damaged_figures_are_named(tmp_path, figures, message):
    folder_with_run(tmp_path, figures)
    with pytest.raises(ValueError, match=rf"summary\.json: .*{message}"):
        plot_folder(tmp_path)


def test_pictures_can_be_changed_from_python(tmp_path, figures):
    picture = Raster({"E": regular(5, 5.0, 50.0)}, 0.0, 50.0, style="bars", rate=PopulationRate(), title="one")
    panels([picture, dataclasses.replace(picture, title="two", rate=None)], tmp_path / "panels.png", title="both")
    assert [axes.get_title(loc="left") for axes in figures[0].axes] == ["one", "", "two"]
