"""Given spike trains: lists, arrays, files; off the grid, replaced between runs, very many."""

from __future__ import annotations

import pickle
import sys

import h5py
import numpy as np
import pytest

from distsim import Network, Simulation, csv_spikes, one_to_one, sonata_spikes
from distsim.description.spike_trains import SpikeTrains
from distsim.engine.step.decomposition import Decomposition
from distsim.engine.step.stimulation import plan_spikes
from distsim.files import spike_tables
from distsim.parallel import SerialCommunicator


def simulate(net: Network, **options) -> Simulation:
    return Simulation(net, 1, SerialCommunicator(), **options)


def drawn(n: int = 5000, sources: int = 37) -> tuple[np.ndarray, np.ndarray]:
    """Return times (ms) and ids of spikes, in no order."""
    rng = np.random.default_rng(4)
    return rng.integers(1, 1000, n) / 10, rng.integers(0, sources, n)


def emitted(sim: Simulation, T: float = 100.0, name: str = "S") -> list:
    sim.run(T)
    times, ids = sim.spikes(name)
    return list(zip(np.rint(10 * times).astype(int).tolist(), ids.tolist(), strict=True))


def expected(times: np.ndarray, ids: np.ndarray) -> list:
    return sorted(zip(np.rint(10 * times).astype(int).tolist(), ids.tolist(), strict=True))


def network(*args, **options) -> Network:
    net = Network(0.1)
    net.create("E", 3)
    net.spike_source("S", *args, **options)
    net.record_spikes()
    return net


def write_sonata(path, times, ids, unit=None, population="S") -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group(f"spikes/{population}")
        group["timestamps"], group["node_ids"] = times, ids.astype(np.uint64)
        if unit:
            group["timestamps"].attrs["units"] = unit


def write_csv(path, times, ids, head="time,id") -> None:
    path.write_text("\n".join([head, *(f"{t},{k}" for t, k in zip(times, ids, strict=True))]) + "\n")


# --- kinds of sources -------------------------------------------------------------------------------------------------


def test_all_kinds_give_the_same_spikes(tmp_path, monkeypatch):
    monkeypatch.setattr(spike_tables, "ROWS", 777)
    monkeypatch.setattr(spike_tables, "BYTES", 999)
    times, ids = drawn()
    write_sonata(tmp_path / "ms.h5", times, ids)
    write_sonata(tmp_path / "s.h5", times / 1000, ids, "seconds")
    write_csv(tmp_path / "spikes.csv", times, ids)
    (tmp_path / "own.csv").write_text(
        '"n"; "when" ;t\n' + "".join(f"a;{k};{t}\n" for t, k in zip(times, ids, strict=True))
    )
    wanted = expected(times, ids)
    for args in (
        ([times[ids == k] for k in range(37)],),
        (times, ids),
        (times.tolist(), ids.tolist(), 37),
        (sonata_spikes(tmp_path / "ms.h5"),),
        (sonata_spikes(tmp_path / "s.h5", "S"),),
        (csv_spikes(tmp_path / "spikes.csv"), None, 37),
        (csv_spikes(tmp_path / "own.csv", "t", "when", ";"),),
    ):
        net = network(*args)
        assert len(net["S"]) == 37
        assert emitted(simulate(net)) == wanted


def test_csv_files_are_read_without_pyarrow_too(tmp_path, monkeypatch):
    times, ids = drawn(500)
    write_csv(tmp_path / "spikes.csv", times, ids)
    with_it = network(csv_spikes(tmp_path / "spikes.csv"))["S"].spike_trains
    for name in ("pyarrow", "pyarrow.csv"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it is a ModuleNotFoundError
    without = network(csv_spikes(tmp_path / "spikes.csv"))["S"].spike_trains
    np.testing.assert_array_equal(with_it.keys, without.keys)


def test_sources_may_be_more_than_those_that_fire():
    net = network([1.0, 2.0], [0, 3], n=9)
    assert len(net["S"]) == 9 and [train.tolist() for train in net["S"].spike_steps][:4] == [[10], [], [], [20]]


def test_what_a_run_wrote_is_read_again(tmp_path):
    times, ids = drawn(500)
    sim = simulate(network(times, ids, n=40))
    sim.run(100.0)
    sim.save(tmp_path / "run")
    again = network(sonata_spikes(tmp_path / "run" / "spikes.h5", "S"), n=40)
    assert emitted(simulate(again)) == expected(times, ids)


def test_spikes_reach_their_targets_as_before():
    net = Network(0.1)
    E = net.create("E", 4, V_th=0.0, separate_currents=True)
    S = net.spike_source("S", [1.0, 1.0, 2.0, 0.3], [0, 0, 1, 3])
    net.connect(S, E, one_to_one(), 100.0, 0.4)
    net.record("I_syn_ex", E)
    sim = simulate(net)
    sim.run(3.0)
    I = sim.samples("I_syn_ex", E)[1]
    assert [int(np.argmax(I[:, k] > 0)) + 1 for k in (0, 1, 3)] == [14, 24, 7] and I[13, 0] == 200.0
    assert not I[:, 2].any()


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_each_rank_has_the_spikes_of_its_sources(size, monkeypatch):
    from distsim.engine.step import stimulation

    monkeypatch.setattr(stimulation, "PIECE", 100)
    times, ids = drawn(900)
    net = network(times, ids)
    net.spike_source("T", [[5.0, 1.0], [0.1]])
    found = []
    for rank in range(size):
        deal = Decomposition(net.n, size, rank)
        trains = plan_spikes(net, deal)
        assert np.all(np.diff(trains.steps) >= 0)
        same = np.diff(trains.steps) == 0
        assert np.all(np.diff(trains.lids)[same] >= 0)
        found += zip(trains.steps.tolist(), deal.gid(trains.lids).tolist(), strict=True)
    assert sorted(found) == sorted([*((t, 3 + k) for t, k in expected(times, ids)), (10, 40), (50, 40), (1, 41)])


def test_trains_are_a_sequence_and_can_be_pickled():
    trains = network([[2.0, 1.0], [], [1.0]])["S"].spike_trains
    assert isinstance(trains, SpikeTrains) and len(trains) == 3 and trains.size == 3
    assert [train.tolist() for train in trains] == [trains[k].tolist() for k in range(3)] == [[10, 20], [], [10]]
    assert trains[-1].tolist() == [10] and trains[1:][1].tolist() == [10]
    copy = pickle.loads(pickle.dumps(trains))
    np.testing.assert_array_equal(copy.keys, trains.keys)
    with pytest.raises(ValueError, match="read-only"):
        copy.keys[0] = 3


def test_ten_million_spikes_take_eight_bytes_each():
    """Nothing of the description is kept but one number a spike."""
    n = 2_000_000
    times, ids = np.arange(1, n + 1) % 50_000 / 10 + 0.1, np.arange(n) % 100_003
    trains = network(times, ids)["S"].spike_trains
    assert trains.size == n and trains.keys.nbytes == 8 * n
    assert sum(value.nbytes for value in vars(trains).values() if isinstance(value, np.ndarray)) == 8 * n


# --- times off the grid -----------------------------------------------------------------------------------------------


def test_times_off_the_grid_are_refused_or_rounded(tmp_path):
    times, ids = np.array([0.01, 0.14, 0.16, 3.333]), np.array([0, 1, 1, 0])
    write_csv(tmp_path / "s.csv", times, ids)
    write_sonata(tmp_path / "s.h5", times, ids)
    lists = [times[ids == k] for k in (0, 1)]
    for args, where in (
        ((lists,), "S: spike time of source 0: 0.01 ms"),
        ((times, ids), "S: spike time: 0.01 ms"),
        ((csv_spikes(tmp_path / "s.csv"),), r"s\.csv: spike time: 0.01 ms"),
        ((sonata_spikes(tmp_path / "s.h5"),), r"s\.h5: spike time: 0.01 ms"),
    ):
        with pytest.raises(ValueError, match=f"{where} is not a multiple of dt = 0.1 ms"):
            network(*args)
        net = network(*args, round_times=True)
        assert [train.tolist() for train in net["S"].spike_steps] == [[1, 33], [1, 2]]
    for wrong in (0.0, -0.2, -1e-3):
        net = Network(0.1)
        if round(wrong, 1) or wrong == 0.0:
            with pytest.raises(ValueError, match="must be at least dt"):
                net.spike_source("S", [wrong], [0], round_times=True)


def test_what_is_refused():
    for args, message in [
        (([1.0, 2.0], [0]), "2 times and 1 ids must be lists of equally many numbers"),
        (([1.0], [0.5]), "ids must be whole numbers"),
        (([1.0], [-1], 3), "ids must be from 0 to 2, not -1"),
        (([1.0], [3], 3), "ids must be from 0 to 2, not 3"),
        (([[1.0]], None, 2), "times of 1 sources, not 2"),
        (([1.0, 2.0],), "times must be a list of times for each source"),
        (([np.nan], [0]), "times must be finite"),
        (([1e18], [0]), "2\\^53 steps"),
        (([1.0] * 256, [4] * 256), "source 4 has more than 255 spikes at one time"),
    ]:
        with pytest.raises(ValueError, match=message):
            network(*args)
    assert len(network([1.0] * 255 + [1.1], [4] * 256)["S"].spike_steps[4]) == 256


def test_files_that_are_refused(tmp_path):
    (tmp_path / "no.h5").write_text("none")
    write_sonata(tmp_path / "s.h5", np.ones(3), np.zeros(3))
    with h5py.File(tmp_path / "s.h5", "a") as file:
        file["spikes/T/timestamps"], file["spikes/T/node_ids"] = np.ones(3), np.zeros(2)
        file["spikes/U/timestamps"], file["spikes/U/node_ids"] = np.ones(2), np.array([0.0, 0.5])
        file["spikes/V/node_ids"] = np.zeros(2)
        file["spikes/W/timestamps"], file["spikes/W/node_ids"] = np.ones(2), np.zeros(2)
        file["spikes/W/timestamps"].attrs["units"] = "hours"
    for name, text in {
        "text": "time,id\n1.0,0\n2.0,x\n",
        "half": "time,id\n1.0,0.5\n",
        "head": "t,id\n1.0,0\n",
    }.items():
        (tmp_path / f"{name}.csv").write_text(text)
    for read, message in [
        (lambda: sonata_spikes(tmp_path / "no.h5"), r"no\.h5: is no HDF5 file"),
        (lambda: sonata_spikes(tmp_path / "s.h5"), "several populations of spikes: there are 'S', 'T'"),
        (lambda: sonata_spikes(tmp_path / "s.h5", "X"), "no population 'X' of spikes"),
        (lambda: sonata_spikes(tmp_path / "s.h5", "T"), "3 timestamps and 2 node_ids"),
        (lambda: network(sonata_spikes(tmp_path / "s.h5", "U")), "node_ids must be whole numbers"),
        (lambda: sonata_spikes(tmp_path / "s.h5", "V"), "timestamps is missing"),
        (lambda: sonata_spikes(tmp_path / "s.h5", "W"), "units must be milliseconds or seconds, not 'hours'"),
        (lambda: csv_spikes(tmp_path / "head.csv"), "no column 'time': there are 't', 'id'"),
        (lambda: network(csv_spikes(tmp_path / "text.csv")), r"text\.csv: .*x"),
        (lambda: network(csv_spikes(tmp_path / "half.csv")), r"half\.csv: .*ids must be whole numbers, not 0.5"),
    ]:
        with pytest.raises(ValueError, match=message):
            read()


# --- replaced between runs --------------------------------------------------------------------------------------------


def replaced(checkpoint=None) -> Simulation:
    return simulate(network([[1.0, 12.0], [3.0, 10.0, 50.0]]), checkpoint=checkpoint)


def test_trains_are_replaced_between_runs(tmp_path):
    sim = replaced()
    sim.run(10.0)
    sim.set("S", times=[[10.1, 11.0], []])
    sim.run(10.0)
    sim.set("S", times=[25.04, 22.0, 30.0], ids=[0, 1, 1], round_times=True)
    assert [times.tolist() for times in sim.get("S", "times")] == [[25.0], [22.0, 30.0]]
    sim.run(2.5)
    sim.checkpoint(tmp_path / "c.h5")
    later = replaced(tmp_path / "c.h5")
    assert [times.tolist() for times in later.get("S", "times")] == [[25.0], [22.0, 30.0]]
    assert emitted(later, 40.0) == [(250, 0), (300, 1)]
    found = emitted(sim, 40.0)
    assert found == [(10, 0), (30, 1), (100, 1), (101, 0), (110, 0), (220, 1), (250, 0), (300, 1)]
    sim.reset()
    assert emitted(sim, 60.0) == [(10, 0), (30, 1), (100, 1), (120, 0), (500, 1)]


def test_a_source_keeps_what_it_was_given_where_other_inputs_change(tmp_path):
    net = network([[1.0, 12.0]])
    noise = net.noise_current("E", 0.0, 1.0)
    sim = simulate(net)
    sim.run(1.0)
    sim.set("S", times=[[1.5, 2.5]])
    sim.run(1.0)
    sim.set(noise, std=2.0)
    sim.set("E", tau_m=5.0)
    assert emitted(sim, 20.0) == [(10, 0), (15, 0), (25, 0)]


def test_changes_that_are_refused_change_nothing():
    sim = replaced()
    sim.run(5.0)
    before = sim.engine.settings
    for what, values, message in [
        ("S", {"times": [[5.0], []]}, "S: times must be after the present time, 5 ms, not 5 ms"),
        ("S", {"times": [[6.0]]}, "times of 1 sources, not 2"),
        ("S", {"times": [[6.05], []]}, "6.05 ms is not a multiple of dt"),
        ("S", {"ids": [1]}, "S: times are missing"),
        ("S", {"rate": 1.0}, "S: no value 'rate'"),
        ("S[:1]", {"times": [[6.0]]}, "can only be changed in the whole population"),
    ]:
        with pytest.raises(ValueError, match=message):
            sim.set(what, **values)
        assert sim.engine.settings is before
    assert emitted(sim, 50.0)[-1] == (500, 1)


def test_damaged_trains_in_a_checkpoint_are_named():
    sim = replaced()
    sim.set("S", times=[[7.0], [8.0]])
    state = sim.state()
    for keys in (np.array([5, 3]), np.array([-3, 5]), np.zeros(2)):
        with pytest.raises(ValueError, match="changes: the given spikes of S are"):
            replaced().restore(state._replace(shared={**state.shared, "trains/1": keys}))


def test_the_summary_counts_spikes(capsys):
    network([1.0, 2.0], [0, 5]).summary()
    assert "S  6  spike_source  2 spikes" in capsys.readouterr().out
