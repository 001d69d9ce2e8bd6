"""The figures: what they draw and where, and what becomes of empty and damaged input."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from distsim.analysis.bands import LEAST, band_edges, enlarged_text, label_bands
from distsim.analysis.drawing import EXCITATORY, INHIBITORY, OTHER, choose_labels, colors_of
from distsim.analysis.figures import plot_folder
from distsim.analysis.raster import Raster, draw_raster, draw_spikes, raster
from distsim.analysis.rates import _draw_boxes, _draw_means, _label_populations, rates_boxplot
from distsim.analysis.rows import choose_rows, recorded_ids, sampling
from distsim.analysis.run_folder import title_of
from distsim.networks import brunel_delta, ei_clustered, microcircuit
from distsim.networks.parameters import changed as changed_of
from distsim.networks.parameters import changed_in_words
from distsim.recording.spikes import SpikeFile, Spikes

PNG = b"\x89PNG\r\n\x1a\n"


def population(n: int, n_spikes: int, seed: int = 1) -> Spikes:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(500, 1500, n_spikes))
    return Spikes(times, rng.integers(0, max(n, 1), n_spikes), n)


def folder_with_run(path: Path) -> Path:
    """Write what a run leaves: 60 ms of two populations, of which 10 ms are the start."""
    with SpikeFile(path / "spikes.h5", {"I": (8, 4), "E": (0, 8)}, Fraction(1, 10)) as file:
        file.append(np.arange(1, 601), np.arange(600) % 12)
    summary = {
        "network": "two",
        "t_presim_ms": 10.0,
        "t_sim_ms": 50.0,
        "populations": {"E": {"n": 8, "reference_rate_hz": 3.0}, "I": {"n": 4, "color": "#00ff00"}, "TC": {"n": 2}},
    }
    (path / "summary.json").write_text(json.dumps(summary))
    return path


def test_colors_go_by_name_unless_chosen():
    names = ["L23E", "L6I", "E3", "I_12", "exc", "inhibitory", "TC", "thalamus"]
    colors = colors_of(names, {"L6I": "blue"})
    expected = [EXCITATORY, "blue", EXCITATORY, INHIBITORY, EXCITATORY, INHIBITORY, *OTHER[:2]]
    assert list(colors.values()) == expected


@pytest.fixture
def figures(monkeypatch) -> list[Figure]:
    """The figures of rates that are made, instead of pictures."""
    made = []
    monkeypatch.setattr("distsim.analysis.rates.save", lambda figure, *_, **__: made.append(figure))
    return made


def fired(*numbers: int) -> Spikes:
    """Return neurons that fire so often each from 0 to 100 ms."""
    ids = np.repeat(np.arange(len(numbers)), numbers)
    return Spikes(np.full(ids.size, 50.0), ids, len(numbers))


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_few_different_rates_are_bars_with_their_shares(figures):
    rates_boxplot({"E": fired(0, 0, 1, 3), "I": fired(2)}, 0.0, 100.0, "rates.png", note="and a note")
    (axes,) = figures[0].axes
    assert [round(bar.get_x() + bar.get_width() / 2) for bar in axes.patches] == [0, 10, 30, 20]
    heights = [-bar.get_height() for bar in axes.patches]
    assert heights[0] == pytest.approx(2 * heights[1]) and heights[3] == pytest.approx(2 * heights[0])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "10", "20", "30"]
    assert texts(figures[0]) == ["50 %", "25 %", "25 %", "100 %"]
    caption = "bars: share of the neurons with this rate; one spike in 100 ms is 10 spikes/s\nand a note"
    assert figures[0].get_supxlabel() == caption


def test_many_different_rates_are_boxes_that_are_explained(figures):
    rates_boxplot({"E": fired(*range(9))}, 0.0, 100.0, "rates.png", sizes={"E": 9})
    assert len(figures[0].axes[0].patches) == 1 and texts(figures[0]) == []
    for word in ("box", "median", "whiskers", "dots"):
        assert word in figures[0].get_supxlabel()


def test_where_nobody_fired_the_figure_says_so(figures):
    rates_boxplot({"E": fired(0, 0)}, 0.0, 100.0, "rates.png", None, {"E": 40.0})
    assert figures[0].get_supxlabel() == "none of these neurons fired in 100 ms"
    assert figures[0].axes[0].get_xlim()[1] > 40.0  # the reference is inside


def test_labels_that_would_touch_are_left_out_smallest_first():
    places, sizes = np.array([0.0, 10.0, 14.0, 17.0, 30.0]), np.array([5, 5, 2, 3, 9])
    assert choose_labels(places, sizes, gap=3.0).tolist() == [0, 1, 2, 3, 4]
    assert choose_labels(places, sizes, gap=4.0).tolist() == [0, 1, 3, 4]
    assert choose_labels(places, sizes, gap=8.0).tolist() == [0, 1, 4]
    assert choose_labels(places[:0], sizes[:0], gap=3.0).size == 0


def test_sampling_keeps_neurons_and_spikes_within_bounds():
    populations = {"E": population(900, 50), "I": population(101, 50)}
    shown, every = choose_rows(populations, recorded_ids(populations, None), 500.0, 1500.0)
    assert every == 1
    assert sampling(shown, max_neurons=1001, max_spikes=100) == 1
    assert sampling(shown, max_neurons=1000, max_spikes=100) == 2
    assert sampling(shown, max_neurons=1000, max_spikes=21) == 5
    assert sampling({}, max_neurons=10, max_spikes=10) == 1


def test_raster_stacks_populations_from_the_top():
    populations = {"E": Spikes(np.array([1.0, 2.0, 3.0]), np.array([0, 4, 9]), 10), "I": population(3, 20)}
    axes = Figure().add_subplot()
    shown, every = choose_rows(populations, recorded_ids(populations, None), 0.0, 2000.0, max_neurons=7)
    assert every == 2
    edges = draw_spikes(axes, shown, colors_of(populations), "o", points=300.0)
    assert edges.tolist() == [0, 5, 7]
    low, high = axes.get_ylim()
    assert (low, high) == (7, 0)
    excitatory, inhibitory = axes.lines
    # Of the ids 0, 4 and 9 every second one is drawn, and those at the rows 0 and 2.
    np.testing.assert_array_equal(excitatory.get_xdata(), [1.0, 2.0])
    np.testing.assert_array_equal(excitatory.get_ydata(), [0.5, 2.5])
    assert set(inhibitory.get_ydata()) == {5.5, 6.5}
    assert (excitatory.get_color(), inhibitory.get_color()) == (EXCITATORY, INHIBITORY)


def test_bands_of_small_populations_are_high_enough_to_be_seen():
    edges = band_edges([7717, 90])
    assert edges[1] == 7717 and np.diff(edges)[1] == pytest.approx(LEAST * 7807)
    assert enlarged_text(["cortex", "TH"], [7717, 90], edges) == "TH enlarged"
    populations = {"cortex": population(7717, 5), "TH": Spikes(np.array([600.0, 601.0]), np.array([0, 89]), 90)}
    axes = Figure().add_subplot()
    notes = draw_raster(Raster(populations, 500.0, 1500.0), axes, points=300.0)
    low, high = axes.lines[1].get_ydata()
    assert 7717 < low < 7719 and low - 7717 == pytest.approx(edges[2] - high)
    assert notes == ["TH enlarged"]


@pytest.mark.parametrize("sizes", [[10] * 40, [3, 1], [5], [], [0]])
def test_bands_that_are_high_enough_are_as_high_as_their_neurons_are_many(sizes):
    edges = band_edges(sizes)
    assert edges.tolist() == [0, *np.cumsum(sizes)]
    assert enlarged_text([str(k) for k in range(len(sizes))], sizes, edges) == ""


def test_raster_labels_stand_beside_their_bands():
    axes = Figure().add_subplot()
    names = ["E", "I"]
    axes.set_ylim(100, 0)
    label_bands(axes, names, np.array([0, 80, 100]), colors_of(names), points=300.0)
    assert axes.get_yticks().tolist() == [40, 90]
    labels = axes.get_yticklabels()
    assert [label.get_text() for label in labels] == names
    assert [label.get_color() for label in labels] == [EXCITATORY, INHIBITORY]


@pytest.mark.parametrize(
    ("numbers", "references", "low", "high"),
    [
        ([52, 53, 54, 56], {}, 515.0, 565.0),  # not squeezed to the right edge
        ([10, 20, 40], {}, -5.0, 420.0),
        ([52, 53, 54, 56], {"E": 10.0}, -6.0, 590.0),
        ([52, 53, 54, 56], {"E": 600.0}, 510.0, 605.0),
        ([50, 50, 50], {}, -6.0, 530.0),
    ],
)
def test_boxes_fill_the_axis(figures, numbers, references, low, high):
    rates_boxplot({"E": fired(*numbers)}, 0.0, 100.0, "rates.png", None, references)
    left, right = figures[0].axes[0].get_xlim()
    shown = [10.0 * k for k in numbers] + list(references.values())
    assert low <= left < min(shown) and max(shown) < right <= high


def test_the_mean_is_seen_on_a_box_of_any_colour():
    single = {"E": np.array([0.0, 1.0, 2.0])}
    axes = Figure().add_subplot()
    _draw_means(axes, single, {}, "published")
    (mean,) = axes.lines
    assert (mean.get_markerfacecolor(), mean.get_markeredgecolor()) == ("white", "black")


def test_the_median_is_seen_on_a_black_box():
    single = {"E": np.array([0.0, 1.0, 2.0]), "I": np.array([0.0, 1.0, 2.0])}
    axes = Figure().add_subplot()
    _draw_boxes(axes, single, {"E": "#000000", "I": INHIBITORY})
    medians = [line.get_color() for line in axes.lines if line.get_linewidth() == 1.6]
    assert medians == ["white", "black"]


def test_boxes_means_and_references():
    single = {"E": np.array([0.0, 1.0, 2.0, 9.0]), "I": np.zeros(3)}
    axes = Figure().add_subplot()
    _draw_boxes(axes, single, colors_of(single))
    _label_populations(axes, single, {"E": 4, "I": 5000})
    _draw_means(axes, single, {"I": 4.0, "other": 5.0}, "published")
    assert axes.get_ylim() == (1.5, -0.5)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["E", "I\n3 of 5,000"]
    assert [to_hex(box.get_facecolor()) for box in axes.patches] == [EXCITATORY, INHIBITORY]
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines if line.get_label()[0] != "_"}
    assert drawn == {"mean": [[3.0, 0.0], [0.0, 1.0]], "published": [[4.0, 1.0]]}


@pytest.mark.parametrize(
    "populations",
    [
        {},
        {"empty": population(0, 0)},
        {"E": population(100, 0), "empty": population(0, 0), "I": population(1, 5)},
        {f"{kind}{i}": population(10, 20) for kind in "EI" for i in range(20)},
    ],
    ids=["none", "empty", "silent", "forty"],
)
def test_any_population_can_be_drawn(tmp_path, populations):
    for draw in (raster, rates_boxplot):
        draw(populations, 500.0, 1500.0, tmp_path / "figure.png", title="a network")
        assert (tmp_path / "figure.png").read_bytes()[:8] == PNG
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]


@pytest.mark.parametrize("draw", [raster, rates_boxplot])
def test_populations_without_neurons_are_left_out(tmp_path, monkeypatch, draw):
    figures = []
    monkeypatch.setattr(f"{draw.__module__}.save", lambda figure, *_, **__: figures.append(figure))
    draw({"E": population(100, 0), "empty": population(0, 0), "I": population(50, 5)}, 0.0, 9.0, tmp_path / "f.png")
    (axes,) = figures[0].axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["E", "I"]
    assert axes.get_xlabel() in ("time (ms)", "rate of single neurons (spikes/s)")


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def fail(self, path, **_):
        Path(path).write_bytes(PNG)
        raise OSError("the disk is on fire")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="on fire"):
        raster({"E": population(3, 3)}, 0.0, 9.0, tmp_path / "figure.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("draw", [raster, rates_boxplot])
def test_an_empty_period_is_refused(tmp_path, draw):
    with pytest.raises(ValueError, match=r"from 5\.0 to 5\.0 ms is empty"):
        draw({"E": population(3, 3)}, 5.0, 5.0, tmp_path / "figure.png")
    assert not list(tmp_path.iterdir())


def test_plot_folder_draws_what_the_summary_says(tmp_path, monkeypatch):
    calls = {}
    monkeypatch.setattr("distsim.analysis.figures.raster", lambda *given, **_: calls.update(raster=given))
    monkeypatch.setattr(
        "distsim.analysis.figures.rates_boxplot", lambda *given, **said: calls.update(rates=given, said=said)
    )
    plot_folder(folder_with_run(tmp_path))
    spikes, *rest = calls["raster"]
    assert list(spikes) == ["E", "I"] and spikes["E"].n == 8
    assert rest == [10.0, 60.0, tmp_path / "raster.png", {"I": "#00ff00"}]
    assert calls["rates"][1:] == (10.0, 60.0, tmp_path / "rates.png", {"I": "#00ff00"}, {"E": 3.0})
    assert calls["said"] == {"title": "two", "sizes": {"E": 8, "I": 4, "TC": 2}, "recorded_ms": 50.0}
    plot_folder(tmp_path, t0=20.0, t1=30.0)
    assert calls["raster"][1:3] == (20.0, 30.0)


def test_plot_folder_writes_two_pictures(tmp_path):
    pictures = plot_folder(folder_with_run(tmp_path))
    assert pictures == [tmp_path / "raster.png", tmp_path / "rates.png"]
    assert all(picture.read_bytes()[:8] == PNG for picture in pictures)
    assert not list(tmp_path.glob("*.part"))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        plot_folder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"summary\.json"):
        plot_folder(tmp_path)
    folder_with_run(tmp_path)
    (tmp_path / "spikes.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"spikes\.h5"):
        plot_folder(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a JSON file"),
        ("[]", "not the summary of a run"),
        ('{"populations": {}, "t_presim_ms": 0}', "t_sim_ms is missing"),
        ('{"populations": [], "t_presim_ms": 0, "t_sim_ms": 1}', "populations is missing or of the wrong kind"),
    ],
)
def test_a_damaged_summary_is_named(tmp_path, text, message):
    folder_with_run(tmp_path)
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(ValueError, match=rf"summary\.json: {message}"):
        plot_folder(tmp_path)


def test_a_damaged_spike_file_is_named(tmp_path):
    folder_with_run(tmp_path)
    path = tmp_path / "spikes.h5"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"spikes\.h5: not a complete SONATA file"):
        plot_folder(tmp_path)
    assert not list(tmp_path.glob("*.png"))


def test_titles_say_which_parameters_were_changed():
    own = {"network": "some", "seed": 3, "config": {"N_scaling": 0.5}}
    changed = {"N_scaling": 0.5, "g": -5.0, "poisson_input": False, "K_ext": [1, 2]}
    assert (
        title_of(own | {"changed": changed}) == "some, N scaled by 0.5, g = -5, no poisson_input, K_ext changed, seed 3"
    )
    many = dict.fromkeys("abcd", 1.5)
    assert (
        title_of(own | {"changed": many})
        == "some, N scaled by 0.5, a = 1.5, b = 1.5, 2 more parameters changed, seed 3"
    )
    assert title_of(own | {"changed": many, "figures": {"title": "A"}}) == "some A, N scaled by 0.5, seed 3"
    assert title_of(own) == title_of(own | {"changed": None}) == "some, N scaled by 0.5, seed 3"


def test_titles_say_in_words_what_was_changed():
    p = microcircuit.Parameters(N_scaling=0.1, K_scaling=0.1, thalamic_input=True, g=-5.0)
    own = {"network": "microcircuit", "seed": 1, "config": {"N_scaling": 0.1, "K_scaling": 0.1}}
    said = {"changed": changed_of(p), "changed_in_words": changed_in_words(p)}
    assert title_of(own | said) == "microcircuit, scale 0.1, g = -5, thalamic pulse, seed 1"
    own["config"]["K_scaling"] = 0.5
    assert title_of(own | said).startswith("microcircuit, N scaled by 0.1, K scaled by 0.5, g = -5")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (microcircuit.Parameters(poisson_input=False), ["DC background"]),
        (
            microcircuit.Parameters(bg_rate=9.0, V0_type="original"),
            ["original initial V_m", "background rate 9 spikes/s"],
        ),
        (microcircuit.Parameters(K_ext=np.ones(8)), ["external indegrees by population changed"]),
        (microcircuit.Parameters(conn_probs=np.zeros((8, 8))), ["connection probabilities changed"]),
        (microcircuit.Parameters(tau_m=20.0), ["tau_m = 20 ms"]),
        (ei_clustered.Parameters(N_E=8000, n_clusters=2), ["N_E = 8,000", "2 clusters"]),
        (ei_clustered.Parameters(clustering="probabilities"), ["clustered by probabilities"]),
        (brunel_delta.Parameters(nu_ext_over_nu_thr=4.0), ["ν_ext/ν_thr = 4"]),
    ],
    ids=str,
)
def test_each_kind_of_parameter_has_its_words(parameters, words):
    assert changed_in_words(parameters) == words


def test_a_title_makes_room_for_the_notes_beside_it(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr("distsim.analysis.raster.save", lambda figure, *_, **__: made.append(figure))
    for title in (
        "short",
        "a network, " + "with a change, " * 5 + "seed 1",
        "a network, " + "with a change, " * 12 + "seed 1",
    ):
        raster({"E": population(9000, 9)}, 500.0, 1500.0, tmp_path / "f.png", title=title)
    for figure, lines in zip(made, (1, 2, 3), strict=True):
        (axes,) = figure.axes
        assert axes.get_title(loc="left").count("\n") == lines - 1
        assert axes.get_title(loc="right") == "1 in 2 neurons shown"
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in axes.get_children() if getattr(text, "get_text", str)() != ""]
        assert all(figure.bbox.containsx(box.x0) and figure.bbox.containsx(box.x1) for box in boxes)


def test_parameters_that_follow_from_others_are_not_changed():
    assert changed_of(ei_clustered.Parameters()) == {}
    assert list(changed_of(ei_clustered.Parameters(n_clusters=2))) == ["n_clusters"]
