"""Results: the same from a live simulation and from a run's folder; as arrays, data frames and Neo objects."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import distsim
from distsim import Network, Result, Simulation
from distsim.cli.command import run_command
from distsim.parallel import SerialCommunicator
from distsim.recording.spike_hash import spikes_sha256
from distsim.recording.spikes import SpikeFile

QUICK = ["--scale", "0.02", "--t-presim", "20", "--t-sim", "80", "--no-plots"]


def network() -> Network:
    """Return populations recorded as a whole, in part, and not at all; one is silent and one is empty."""
    net = Network(0.1)
    E, I = net.create("E", 40), net.create("I", 30)
    silent, empty = net.create("silent", 3), net.create("empty", 0)
    for target, rate in ((E, 9000.0), (I, 15000.0)):
        net.poisson_input(target, rate, 87.8, 1.5)
    net.record_spikes(E, I[5:20], silent, empty)
    net.record_voltages(E[3:9:2], 0.5)
    net.record_voltages(silent[:1], 0.5)
    net.create("other", 4)
    return net


def simulate(net: Network | None = None) -> Simulation:
    sim = Simulation(net or network(), 3, SerialCommunicator())
    sim.run(10.0, record=False)
    sim.run(90.0)
    return sim


@pytest.fixture(scope="module")
def sim() -> Simulation:
    return simulate()


@pytest.fixture(scope="module")
def saved(sim, tmp_path_factory) -> Path:
    return sim.save(tmp_path_factory.mktemp("run") / "deep" / "er", title="two populations")


@pytest.fixture(scope="module", params=["live", "loaded"])
def result(request, sim, saved) -> Result:
    return sim.result() if request.param == "live" else distsim.load(saved)


# --- arrays -----------------------------------------------------------------------------------------------------------


def test_it_says_what_there_is(result):
    assert result.populations == ("E", "I", "silent", "empty", "other")
    assert result.sizes == {"E": 40, "I": 30, "silent": 3, "empty": 0, "other": 4}
    assert (result.dt, result.period) == (0.1, (10.0, 100.0))
    assert repr(result) == (
        "<Result of E 40, I 30, silent 3, empty 0, other 4, 10 to 100 ms: "
        "spikes of E, I, silent and voltages of E, silent>"
    )


@pytest.mark.parametrize("part", ["E", "E[:20]", "E[3:39:5]", "E[7:7]", "I[5:20]", "I[8:12]", "silent"])
def test_spikes_are_those_of_the_simulation(sim, result, part):
    times, ids = sim.spikes(part)
    assert (times.dtype, ids.dtype) == (np.float64, np.int64)
    for what in (part, sim.network.select(part)):
        for found, expected in zip(result.spikes(what), (times, ids), strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


def test_names_and_slices_choose_the_same(sim):
    net = sim.network
    for name, what in (("E", net["E"]), ("E[:20]", net["E"][:20]), ("I[6:20:3]", net["I"][6:20:3])):
        times, ids = sim.spikes(name)
        assert times.size > 5 and set(ids) <= set(net.select(what).indices)
        np.testing.assert_array_equal((times, ids), sim.spikes(what))
        assert net.select(name) == net.select(what)


def test_spikes_are_within_the_period_and_in_order(result):
    times, ids = result.spikes("E")
    assert times.size > 30 and times.min() > 10.0 and times.max() <= 100.0
    np.testing.assert_array_equal(np.lexsort((ids, times)), np.arange(ids.size))


@pytest.mark.parametrize("part", ["E[3:9:2]", "E[5:6]", "silent[:1]", "E[3:3]", "other[:0]"])
def test_voltages_are_those_of_the_simulation(sim, saved, part):
    times, V = sim.voltages(part)
    assert times.size == 180 and V.dtype == np.float64
    live, loaded = sim.result().voltages(part), distsim.load(saved).voltages(part)
    np.testing.assert_array_equal(live[0], times)
    np.testing.assert_array_equal(loaded[0], times)
    np.testing.assert_array_equal(live[1], V)
    assert loaded[1].dtype == np.float64
    np.testing.assert_array_equal(loaded[1], V.astype(np.float32))


def test_all_spikes_are_in_order_of_time_population_and_id(sim, result):
    times, ids, codes = result.all_spikes()
    np.testing.assert_array_equal(np.lexsort((ids, codes, times)), np.arange(ids.size))
    for code, part in enumerate(("E", "I[5:20]", "silent", "empty")):
        mine = codes == code
        np.testing.assert_array_equal((times[mine], ids[mine]), sim.spikes(part))
    assert set(codes) == {0, 1}


def test_a_result_is_a_copy():
    sim = simulate()
    before = sim.result()
    times, _ = before.spikes("E")
    n, first = times.size, float(times[0])
    times[:] = -1.0
    sim.run(50.0)
    assert before.period == (10.0, 100.0) and sim.result().period == (10.0, 150.0)
    assert before.spikes("E")[0].size == n and before.spikes("E")[0][0] == first
    for array in before.voltages("E[3:9:2]"):
        array[:] = 1e9
    assert max(array.max() for array in before.voltages("E[3:9:2]")) < 1e9
    assert sim.spikes("E")[0].size > n and sim.spikes("E")[0][0] == first


ERRORS = {
    "no population": ("e", ["no population 'e'", "known are E, I"]),
    "no population of that name": ("silnt[:2]", ["silnt", "did you mean 'silent'?"]),
    "not a slice": ("E[3", ["E[3", "E[0:100]"]),
    "no such neuron": ("E[40]", ["E[40]", "population E has 40 neurons"]),
    "no number": ("E[1.5]", ["E[1.5]", "E[0:100]"]),
    "a step of 0": ("E[::0]", ["E[::0]", "at least 1"]),
    "not recorded": ("other", ["spikes of other", "recorded: E, I, silent"]),
    "in part": ("I[4:10]", ["spikes of I[4:10]", "15 neurons of I"]),
}


@pytest.mark.parametrize(("part", "ids"), [("E[5]", [5]), ("E[-1]", [39]), ("E[-5:]", [35, 36, 37, 38, 39])])
def test_neurons_are_counted_from_the_end_as_in_python(sim, result, part, ids):
    all_times, all_ids = result.spikes("E")
    for ask in (sim.spikes, result.spikes):
        times, found = ask(part)
        np.testing.assert_array_equal(times, all_times[np.isin(all_ids, ids)])
        assert found.size and set(found.tolist()) <= set(ids)


@pytest.mark.parametrize("what", ERRORS)
def test_what_is_not_there_is_an_error_that_names_it(sim, result, what):
    part, words = ERRORS[what]
    for ask in (sim.spikes, result.spikes):
        with pytest.raises(ValueError) as error:
            ask(part)
        assert all(word in str(error.value) for word in words), str(error.value)


def test_voltages_not_recorded_are_an_error(sim, result):
    for ask in (sim.voltages, result.voltages):
        with pytest.raises(ValueError, match=r"voltages of E\[:4\] are not all recorded .*3 neurons of E"):
            ask("E[:4]")
        with pytest.raises(ValueError, match=r"voltages of I are not all recorded .*E, silent"):
            ask("I")
        with pytest.raises(ValueError, match="did you mean 'other'"):
            ask("othr")


def test_populations_of_another_network_are_told_by_name_and_size(result):
    again, other = network(), Network(0.1)
    np.testing.assert_array_equal(result.spikes(again["E"][:9]), result.spikes("E[:9]"))
    with pytest.raises(ValueError, match="population E has 40 neurons here, not 41"):
        result.spikes(other.create("E", 41)[:9])
    with pytest.raises(TypeError, match="expected a population"):
        result.spikes(3)


# --- folders ----------------------------------------------------------------------------------------------------------


def test_a_saved_run_has_the_summary_of_a_run(sim, saved):
    summary = json.loads((saved / "summary.json").read_text())
    assert distsim.load(saved).summary == summary
    live, own = sim.result().summary, {"network", "timing", "memory"}
    assert {key: summary[key] for key in live if key not in own} == {k: live[k] for k in live if k not in own}
    assert set(summary["timing"]["phases"]) == {"deliver", "update", "stimulate", "exchange", "record"}
    assert summary["memory"]["peak_rss_bytes_per_rank"][0] > 1e7
    ledger = summary["ledger"]
    assert ledger["due"] == ledger["delivered"] + ledger["on_their_way"]
    assert summary["config"]["populations"]["I"]["tau_m"] == 10.0
    assert [device["rate"] for device in summary["config"]["poisson_inputs"]] == [9000.0, 15000.0]
    expected = {"network": "two populations", "seed": 3, "ranks": 1, "dt_ms": 0.1, "t_presim_ms": 10.0}
    expected |= {"t_sim_ms": 90.0, "n_neurons": 77, "n_synapses": 0}
    assert {key: summary[key] for key in expected} == expected
    assert summary["spikes_sha256"] == sim.spikes_sha256()
    assert summary["spikes_sha256"] == spikes_sha256(saved / "spikes.h5", sim.network.grid.dt)
    E = summary["populations"]["E"]
    assert E["n_spikes"] == sim.spikes("E")[0].size and E["rate_hz"] == pytest.approx(E["n_spikes"] / 40 / 0.09)
    assert summary["populations"]["I"]["recorded"] == [[5, 20]]
    assert summary["populations"]["I"]["n_spikes"] > sim.spikes("I[5:20]")[0].size
    assert summary["populations"]["empty"]["rate_hz"] is None
    assert sorted(path.name for path in saved.iterdir()) == ["spikes.h5", "summary.json", "voltages.h5"]


def test_rates_are_those_of_the_recorded_pieces():
    whole, pieces = simulate(), Simulation(network(), 3, SerialCommunicator())
    for duration, record in ((10.0, False), (20.0, True), (40.0, False), (30.0, True), (50.0, False)):
        pieces.run(duration, record)
    times, _ = whole.spikes("E")
    expected = np.count_nonzero((times <= 30.0) | (times > 70.0))
    result = pieces.result()
    assert result.period == (10.0, 100.0) and result.spikes("E")[0].size == expected
    assert result.summary["populations"]["E"]["rate_hz"] == pytest.approx(expected / 40 / 0.05)


def test_the_figures_of_a_saved_run_are_drawn(sim, tmp_path):
    sim.save(tmp_path / "run")
    assert run_command(["plot", str(tmp_path / "run")], SerialCommunicator()) == 0
    assert (tmp_path / "run" / "raster.png").stat().st_size > 5000


def test_an_earlier_run_is_kept_unless_told_otherwise(sim, tmp_path):
    sim.save(tmp_path, title="first")
    before = (tmp_path / "spikes.h5").read_bytes()
    with pytest.raises(ValueError, match=r"holds an earlier run \(summary.json.*overwrite=True"):
        sim.save(tmp_path)
    assert (tmp_path / "spikes.h5").read_bytes() == before
    assert sim.save(tmp_path, title="second", overwrite=True) == tmp_path
    assert distsim.load(tmp_path).summary["network"] == "second"


def test_a_folder_that_cannot_be_made_is_an_error(sim, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"folder .*file.* cannot be written"):
        sim.save(tmp_path / "file" / "run")


def test_breaks_in_the_recording_stay_known(tmp_path):
    sim = simulate()
    sim.run(10.0, record=False)
    sim.run(10.0)
    sim.run(5.0)
    times, V = sim.voltages("E[3:9:2]")
    assert times.size == 210
    live, loaded = sim.result(), distsim.load(sim.save(tmp_path / "run"))
    for result in (live, loaded):
        assert result.pieces[-1][1] - result.pieces[-1][0] == pytest.approx(15.0) and len(result.pieces) == 2
        np.testing.assert_array_equal(result.voltages("E[3:9:2]")[0], times)
        np.testing.assert_allclose(result.voltages("E[3:9:2]")[1], V, rtol=1e-6)
        mark = result.raster().marks[0]
        assert (mark.t0, mark.t1, mark.label) == (100.0, 110.0, "not recorded")
    assert live.pieces == loaded.pieces and loaded.summary["recorded_ms"] == [list(piece) for piece in live.pieces]
    with h5py.File(tmp_path / "run" / "voltages.h5") as file:
        data = file["report/E/data"][:]
    assert np.isnan(data).all(axis=1).sum() == 20 and np.isnan(data).sum() == 20 * data.shape[1]


def test_a_failed_save_leaves_the_folder_free(sim, tmp_path, monkeypatch):
    def fail(*_) -> None:
        raise OSError("the disk is on fire")

    with monkeypatch.context() as context, pytest.raises(OSError, match="on fire"):
        context.setattr(SpikeFile, "append", fail)
        sim.save(tmp_path)
    assert not (tmp_path / "summary.json").exists()
    sim.save(tmp_path, overwrite=True)
    np.testing.assert_array_equal(distsim.load(tmp_path).spikes("E"), sim.spikes("E"))


def test_a_run_without_recorders_can_be_saved_and_loaded(tmp_path):
    net = Network(0.1)
    net.create("E", 5)
    sim = simulate(net)
    sim.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]
    for result in (sim.result(), distsim.load(tmp_path)):
        assert result.sizes == {"E": 5} and result.summary["spikes_sha256"] is None
        assert result.all_spikes().times.size == 0 and result.spikes("E[:0]")[0].size == 0
        assert result.to_pandas().empty and result.to_pandas("voltages").empty
        assert not result.to_neo().segments[0].spiketrains
        assert "nothing recorded" in repr(result)
        with pytest.raises(ValueError, match=r"spikes of E are not all recorded \(recorded: none\)"):
            result.spikes("E")


def test_the_folder_of_a_command_is_loaded(tmp_path):
    options = ["--record-spikes", "L4E[:100]", "L4I", "--record-voltages", "L5E[:3]", "--out", str(tmp_path)]
    assert run_command(["microcircuit", *QUICK, *options], SerialCommunicator()) == 0
    result = distsim.load(str(tmp_path))
    assert result.summary["network"] == "microcircuit" and result.period == (20.0, 100.0)
    assert len(result.populations) == 8 and result.sizes["L4I"] == result.summary["populations"]["L4I"]["n"]
    times, ids = result.spikes("L4E[:100]")
    assert times.size and ids.max() < 100
    assert result.voltages("L5E[1:3]")[1].shape == (800, 2)
    for part in ("L4E", "L23E"):
        with pytest.raises(ValueError, match="not all recorded"):
            result.spikes(part)


def test_files_alone_say_what_they_can(saved, tmp_path):
    for name in ("spikes.h5", "voltages.h5"):
        (tmp_path / name).write_bytes((saved / name).read_bytes())
    result, whole = distsim.load(tmp_path), distsim.load(saved)
    assert result.summary is None and (result.dt, result.period) == (0.1, (10.0, 100.0))
    assert result.sizes == {"E": 40, "I": 30, "silent": 3, "empty": 0}
    np.testing.assert_array_equal(result.spikes("E"), whole.spikes("E"))
    (tmp_path / "spikes.h5").unlink()
    result = distsim.load(tmp_path)
    assert result.sizes == {"E": 8, "silent": 1} and result.dt is None
    np.testing.assert_array_equal(result.voltages("E[3:8:2]")[1], whole.voltages("E[3:8:2]")[1])


def test_spikes_of_others_are_put_in_order(tmp_path):
    with h5py.File(tmp_path / "spikes.h5", "w") as file:
        file.attrs["magic"] = np.uint32(0x0A7A)
        file["spikes/E/timestamps"], file["spikes/E/node_ids"] = [3.0, 1.0, 2.0, 1.0], np.array([0, 4, 2, 1], "u8")
    result = distsim.load(tmp_path)
    assert [x.tolist() for x in result.spikes("E")] == [[1.0, 1.0, 2.0, 3.0], [1, 4, 2, 0]]
    assert (result.sizes, result.dt, result.period) == ({"E": 5}, None, (0.0, 3.0))


def test_what_is_no_run_is_an_error(saved, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        distsim.load(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError, match=rf"spikes\.h5: a file; give the folder of the run, here {saved}$"):
        distsim.load(saved / "spikes.h5")
    with pytest.raises(FileNotFoundError, match="no run is there"):
        distsim.load(tmp_path)
    (tmp_path / "spikes.h5").write_bytes((saved / "spikes.h5").read_bytes())
    summary = json.loads((saved / "summary.json").read_text())
    summary["populations"]["E"]["n"] = 39
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(ValueError, match=r"E has 39 neurons by summary.json but 40 by spikes.h5"):
        distsim.load(tmp_path)
    del summary["populations"]["E"]["n"]
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(ValueError, match=r"summary.json: populations.E.n"):
        distsim.load(tmp_path)


# --- pandas and Neo ---------------------------------------------------------------------------------------------------


def test_spikes_as_a_data_frame(result):
    pd = pytest.importorskip("pandas")
    frame = result.to_pandas()
    assert list(frame.columns) == ["time_ms", "population", "id"]
    assert isinstance(frame["population"].dtype, pd.CategoricalDtype)
    assert tuple(frame["population"].cat.categories) == result.populations
    for part in ("E", "I[5:20]", "silent"):
        rows = frame[frame["population"] == part.split("[")[0]]
        np.testing.assert_array_equal((rows["time_ms"], rows["id"]), result.spikes(part))
    assert frame["time_ms"].is_monotonic_increasing


def test_voltages_as_a_data_frame(result):
    pytest.importorskip("pandas")
    frame = result.to_pandas("voltages")
    assert frame.index.name == "time_ms" and frame.columns.names == ["population", "id"]
    assert list(frame.columns) == [("E", 3), ("E", 5), ("E", 7), ("silent", 0)]
    times, V = result.voltages("E[3:9:2]")
    np.testing.assert_array_equal(frame.index, times)
    np.testing.assert_array_equal(frame["E"], V)
    with pytest.raises(ValueError, match="'currents' must be 'spikes' or 'voltages'"):
        result.to_pandas("currents")


def test_neo_has_a_train_for_each_recorded_neuron(result):
    pytest.importorskip("neo")
    (segment,) = result.to_neo().segments
    trains = {(t.annotations["population"], t.annotations["id"]): t for t in segment.spiketrains}
    assert list(trains) == [("E", i) for i in range(40)] + [("I", i) for i in range(5, 20)] + [
        ("silent", i) for i in range(3)
    ]
    assert sum(t.size == 0 for t in trains.values()) >= 3
    for (name, i), train in trains.items():
        np.testing.assert_array_equal(train.rescale("ms").magnitude, result.spikes(f"{name}[{i}:{i + 1}]")[0])
        assert (float(train.t_start.rescale("ms")), float(train.t_stop.rescale("ms"))) == result.period


def test_neo_has_a_signal_for_each_recorded_population(result):
    pytest.importorskip("neo")
    block = result.to_neo()
    E, silent = block.segments[0].analogsignals
    times, V = result.voltages("E[3:9:2]")
    np.testing.assert_array_equal(E.rescale("mV").magnitude, V)
    np.testing.assert_allclose(E.times.rescale("ms").magnitude, times, rtol=1e-14)
    assert float(E.sampling_period.rescale("ms")) == 0.5
    assert (E.annotations["population"], E.array_annotations["id"].tolist()) == ("E", [3, 5, 7])
    assert (silent.annotations["population"], silent.shape) == ("silent", (180, 1))
    assert block.name == result.summary["network"]


@pytest.mark.parametrize(("package", "method"), [("pandas", "to_pandas"), ("neo", "to_neo")])
def test_a_missing_package_is_named(result, monkeypatch, package, method):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=rf"{package} is not installed: pip install {package}$"):
        getattr(result, method)()
