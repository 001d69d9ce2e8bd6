"""Parts of populations: by number, slice, list, mask and text, of other parts, and in all that takes a part."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import distsim
from distsim import Network, Normal, Simulation
from distsim.engine.connectivity import build_dense
from distsim.engine.connectivity.build import connect
from distsim.engine.connectivity.table_plan import plan_table
from distsim.engine.memory import description_bytes
from distsim.engine.step.decomposition import Decomposition
from distsim.engine.step.layout import Layout
from distsim.parallel import SerialCommunicator
from distsim.simulation.agreement import digest
from tests.support.described import differing
from tests.support.matrices import synapses_in
from tests.support.tables import synapses_of

N = 12
INDICES = {
    "number": 3, "from the end": -2, "NumPy number": np.uint8(5), "slice": slice(2, 9, 3), "list": [1, 5, 7],
    "order": [7, 1, 5], "downwards": [5, 4, 3], "negative": [-1, 0, -3], "array": np.array([2, 3, 9], np.int8),
    "range": range(4, 9), "one": [6], "none": [], "empty array": np.zeros(0, int), "mask": np.arange(N) % 5 == 1,
    "list of bools": 4 * [True, False, False], "nothing": np.zeros(N, bool), "all": np.ones(N, bool),
    "every second": [1, 3, 5, 7],
}  # fmt: skip
REFUSED = {
    "beyond": ([0, 12], IndexError, r"E\[\[0, 12\]\]: no neuron 12: population E has 12 neurons"),
    "below": ([0, -13], IndexError, r"no neuron -13: population E has 12 neurons"),
    "number": (12, IndexError, r"E\[12\]: population E has 12 neurons"),
    "too large": (np.array([2**64 - 1], np.uint64), IndexError, "no neuron 18446744073709551615"),
    "twice": ([3, 1, 3], ValueError, r"E\[\[3, 1, 3\]\]: neuron 3 is listed twice"),
    "twice from both ends": ([11, -1], ValueError, "neuron 11 is listed twice"),
    "short mask": ([True, False], IndexError, "a mask of 2 bools, but population E has 12 neurons"),
    "long mask": (np.ones(13, bool), IndexError, "a mask of 13 bools, but population E has 12 neurons"),
    "fractions": ([1.0, 2.5], ValueError, r"E\[\[1\.0, 2\.5\]\]: must be a whole number, a slice, a list"),
    "whole floats": (np.array([1.0, 2.0]), ValueError, "must be a whole number, a slice, a list"),
    "bool": (True, ValueError, r"E\[True\]: must be a whole number"),
    "NumPy bool": (np.True_, ValueError, "must be a whole number"),
    "text": ("1", ValueError, "must be a whole number"),
    "texts": (["1", "2"], ValueError, "must be a whole number"),
    "table": ([[1, 2]], ValueError, "must be a whole number"),
    "ragged": ([1, [2]], ValueError, "must be a whole number"),
    "huge": ([2**70], ValueError, "must be a whole number"),
    "None": (None, ValueError, "must be a whole number"),
    "set": ({1, 2}, ValueError, "must be a whole number"),
    "backwards": (slice(None, None, -1), ValueError, "a slice runs upwards; list neurons to have them"),
}


@pytest.fixture
def net() -> Network:
    net = Network(0.1)
    net.create("D", 3)
    net.create("E", N)
    return net


# --- which neurons ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INDICES)
def test_neurons_are_those_that_numpy_selects(net, name):
    index = INDICES[name]
    ids = (
        np.atleast_1d(np.arange(N)[index if len(np.atleast_1d(index)) else slice(0)]) if name != "slice" else [2, 5, 8]
    )
    part = net["E"][index]
    assert part.gids.dtype == np.int64 and part.gids.tolist() == [3 + i for i in ids] and len(part) == len(ids)


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_index_is_refused_by_name(net, name):
    index, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message) as error:
        net["E"][index]
    assert "\n" not in str(error.value) and len(str(error.value)) < 250


def test_a_part_of_a_part_counts_within_it(net):
    part = net["E"][2:10]
    assert part[[5, 0]].indices.tolist() == [7, 2]
    assert part[part.gids % 2 == 0].gids.tolist() == [6, 8, 10, 12]
    assert net["E"][[7, 1, 5, 2]][[2, -1]].indices.tolist() == [5, 2]
    assert net["E"][[7, 1, 5, 2]][1::2] == net["E"][1:3]
    assert [x.gids.tolist() for x in net["E"][[7, 1]]] == [[10], [4]]
    with pytest.raises(IndexError, match=r"E\[2:10:1\]\[\[8\]\]: no neuron 8: E\[2:10:1\] has 8 neurons"):
        part[[8]]
    with pytest.raises(IndexError, match=r"a mask of 12 bools, but E\[\[7, 1\]\] has 2 neurons"):
        net["E"][[7, 1]][np.ones(N, bool)]


@pytest.mark.parametrize(
    ("index", "sliced"),
    [([3, 4, 5], slice(3, 6)), ([1, 4, 7], slice(1, 9, 3)), ([5], slice(5, 6)), ([], slice(4, 2)),
     (np.arange(N) % 2 == 0, slice(None, None, 2)), (range(N), slice(None)), ([-2, -1], slice(-2, None))],
)  # fmt: skip
def test_equal_distances_are_the_slice(net, index, sliced):
    listed, part = net["E"][index], net["E"][sliced]
    assert listed == part and hash(listed) == hash(part) and repr(listed) == repr(part)
    assert isinstance(listed.indices, range) and digest(listed) == digest(part)
    assert len({listed, part}) == 1


def test_parts_are_told_apart(net):
    E = net["E"]
    parts = [E[[1, 5, 7]], E[[7, 1, 5]], E[[1, 5, 8]], E[[1, 5]], E[1:6:4][:1], net["D"][[0, 2, 1]], E[[0, 2, 1]]]
    assert len(set(parts)) == len({digest(part) for part in parts}) == len(parts)
    assert E[[1, 5, 7]] == E[[1, 5, 7]] != (1, 5, 7)


def test_copies_cannot_be_changed(net):
    given = np.array([7, 1, 5])
    part = net["E"][given]
    given[0] = 0
    net.record_spikes(part)
    for same in (pickle.loads(pickle.dumps(part)), copy.deepcopy(part), copy.deepcopy(net).recorders[0].target, part):
        assert same.indices.tolist() == [7, 1, 5] and repr(same) == "<E[[7, 1, 5]]>"
        with pytest.raises(ValueError, match="read-only"):
            same.indices[0] = 2
    assert repr(net["E"][np.arange(N)[::-1]]) == "<E[[11, 10, 9, 8, 7, 6, ..., 0]] (12 neurons)>"


@pytest.mark.parametrize(
    ("text", "ids"),
    [("E[1,5,7]", [1, 5, 7]), ("E[[1, 5, 7]]", [1, 5, 7]), ("E[ 7 ,1 ]", [7, 1]), ("E[[5]]", [5]), ("E[[]]", []),
     ("E[[-1, 0]]", [11, 0]), ("E[1,2]", [1, 2])],
)  # fmt: skip
def test_texts_list_neurons(net, text, ids):
    assert (net.select(text).gids - 3).tolist() == ids
    assert net.select(text) == net["E"][ids]


@pytest.mark.parametrize(
    ("text", "message"),
    [("E[1,12]", r"E\[\[1, 12\]\]: no neuron 12: population E has 12 neurons"), ("E[1, 1]", "neuron 1 is listed twice"),
     ("E[1,]", "must be a population or a part of one, such as D"), ("E[[1,2]", "must be a population or a part"),
     ("E[1;2]", "must be a population or a part"), ("E[1.5,2]", "must be a population or a part"),
     ("X[[1, 2]]", r"X\[\[1, 2\]\]: no population 'X'")],
)  # fmt: skip
def test_texts_that_list_none_are_refused(net, text, message):
    with pytest.raises(ValueError, match=message):
        net.select(text)


# --- synapses ---------------------------------------------------------------------------------------------------------


def pairs(net: Network, dense: bool, width: int) -> list[tuple[int, int]]:
    """Return (source, target) gids of all synapses, sorted; `dense`: whether they are in bit matrices."""
    table, matrices = connect(plan_table(net, 1, layout=Layout(net.n, width, 1)), 3, Decomposition(net.n, 1, 0))
    found = synapses_in(matrices, width)[:, :2].tolist()
    assert bool(found) == dense
    for shard in range(len(table.index)):
        source, _, slot, _ = synapses_of(table, shard)
        found += np.stack([source, shard * width + slot % width], axis=1).tolist()
    return sorted((source, target) for source, target in found)


S = np.random.default_rng(3).permutation(40)[:30]
T = np.random.default_rng(4).permutation(50)[:33]
BY_SOURCE = {"outdegree": distsim.fixed_outdegree(12), "no multapses": distsim.fixed_outdegree(9, True, False)}
GIVEN = {
    "one": (distsim.one_to_one(), [(k, k) for k in range(30)]),
    "explicit": (distsim.explicit([0, 0, 29, 7], [5, 5, 0, 29]), [(0, 5), (0, 5), (29, 0), (7, 29)]),
}
BY_TARGET = {
    "indegree": distsim.fixed_indegree(20), "no multapses": distsim.fixed_indegree(12, True, False),
    "most": distsim.fixed_indegree(25, True, False), "total": distsim.fixed_total_number(600),
    "bernoulli": distsim.pairwise_bernoulli(0.4), "all": distsim.all_to_all(),
}  # fmt: skip


def two(source, target, rule) -> Network:
    net = Network(0.1)
    A, B = net.create("A", 40), net.create("B", 50)
    net.connect(A[source], B[target], rule, 1.0, 1.5)
    return net


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("name", BY_TARGET)
def test_drawn_sources_are_those_listed(name, dense, monkeypatch):
    """Which places among the sources are drawn does not depend on who is there."""
    monkeypatch.setattr(build_dense, "FEWEST", 1 if dense else 10**9)
    sliced = pairs(two(slice(30), slice(5, 38), BY_TARGET[name]), dense, 16)
    assert pairs(two(S, slice(5, 38), BY_TARGET[name]), dense, 16) == sorted((int(S[i]), j) for i, j in sliced)
    assert len(sliced) > 350


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("name", ["indegree", "no multapses", "most", "all"])
def test_what_is_drawn_for_a_target_is_its_own(name, dense, monkeypatch):
    monkeypatch.setattr(build_dense, "FEWEST", 1 if dense else 10**9)
    of_all = pairs(two(S, slice(None), BY_TARGET[name]), dense, 16)
    assert pairs(two(S, T, BY_TARGET[name]), dense, 16) == [(i, j) for i, j in of_all if j - 40 in T]


@pytest.mark.parametrize("name", ["total", "bernoulli"])
def test_listed_targets_alone_are_drawn(name):
    found = np.array(pairs(two(S, T, BY_TARGET[name]), False, 16))
    assert set(found[:, 0]) == set(S) and set(found[:, 1] - 40) == set(T)
    assert len(found) == 600 or (name == "bernoulli" and 300 < len(found) < 500)


@pytest.mark.parametrize("name", BY_SOURCE)
def test_sources_draw_among_the_targets_listed(name):
    sliced = pairs(two(slice(30), slice(33), BY_SOURCE[name]), False, 16)
    listed = pairs(two(S, T, BY_SOURCE[name]), False, 16)
    assert listed == sorted((int(S[i]), 40 + int(T[j - 40])) for i, j in sliced)


@pytest.mark.parametrize("name", GIVEN)
def test_given_pairs_are_places_in_the_lists(name):
    rule, given = GIVEN[name]
    expected = sorted((int(S[i]), 40 + int(T[j])) for i, j in given)
    assert pairs(two(S, T[:30], rule), False, 16) == expected


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize(
    "rule",
    [distsim.all_to_all(False), distsim.fixed_indegree(9, False, False), distsim.fixed_total_number(500, False),
     distsim.pairwise_bernoulli(0.5, False), distsim.fixed_outdegree(9, False)],
)  # fmt: skip
def test_autapses_of_listed_neurons_are_left_out(rule, dense, monkeypatch):
    monkeypatch.setattr(build_dense, "FEWEST", 1 if dense else 10**9)
    net = Network(0.1)
    E = net.create("E", 40)
    net.create("unused", 1)
    net.connect(E[S], E[T[T < 40]], rule, 1.0, 1.5)
    found = pairs(net, dense and not isinstance(rule, type(distsim.fixed_outdegree(1))), 64)
    assert found and all(i != j for i, j in found)
    assert {i for i, _ in found} == set(S) and {j for _, j in found} == set(T[T < 40])


def test_listed_selections_are_counted_once():
    net = two(S, slice(None), distsim.all_to_all())
    assert description_bytes(net) == 8 * S.size
    part = net["A"][S]
    net.record_spikes(part)
    net.record_voltages(part)
    assert description_bytes(net) == 16 * S.size


# --- input, recordings, changes ---------------------------------------------------------------------------------------


def driven(index) -> Network:
    """Return a network with every kind of input to a part, which alone is recorded."""
    net = Network(0.1)
    E = net.create("E", N, V_m=Normal(-60.0, 4.0))
    P = net.poisson_source("P", N, 800.0)
    part = E[index]
    net.connect(P[index], part, distsim.one_to_one(), 300.0, 1.0)
    net.connect(E, part, distsim.fixed_indegree(5), 90.0, Normal(1.5, 0.7, minimum=0.1))
    net.poisson_input(part, 9000.0, 60.0, 1.5)
    net.poisson_input(part, 1e7, 0.05, 0.3)  # many in a step
    net.step_current(part, [3.0, 9.0], [200.0, -50.0])
    net.dc_current(part, 90.0, 5.0)
    net.record_spikes(part, P)
    net.record_voltages(part, 0.5)
    return net


def test_a_list_gives_the_spikes_of_the_slice():
    index, sliced = [2, 5, 8, 11], slice(2, None, 3)
    assert not differing(driven(index), driven(sliced))
    sims = [Simulation(driven(i), 1, SerialCommunicator()) for i in (index, sliced)]
    for sim in sims:
        sim.run(60.0)
        sim.set(sim.network["E"][index if sim is sims[0] else sliced], I_e=[300.0, 1.0, 2.0, 400.0])
        sim.run(60.0)
    assert sims[0].spikes_sha256() == sims[1].spikes_sha256() and sims[0].spikes("E[[2, 5, 8, 11]]")[0].size > 10


def test_order_changes_no_random_number():
    """Each neuron has its own, also those of a list in another order."""
    sims = [Simulation(driven(index), 1, SerialCommunicator()) for index in ([0, 3, 4, 9], [9, 0, 4, 3])]
    for sim in sims:
        sim.run(80.0)
    assert sims[0].spikes_sha256() == sims[1].spikes_sha256() and sims[0].spikes("E[0,3,4,9]")[0].size > 10


def test_poisson_input_to_a_list_in_any_order_is_planned_as_to_the_slice():
    """Neighbours share an entry, which is what makes their numbers fast to draw."""

    def entries(index) -> list:
        net = Network(0.1)
        net.poisson_input(net.create("E", 40)[index], 9000.0, 60.0, 1.5)
        return Simulation(net, 1, SerialCommunicator()).engine.poisson.entries.tolist()

    assert entries(np.random.default_rng(2).permutation(30)) == entries(slice(30))


def test_values_keep_the_order_of_the_list():
    net = Network(0.1)
    E = net.create("E", N)
    order = np.random.default_rng(1).permutation(N)
    net.record_voltages(E[[7, 1, 5]])
    sim = Simulation(net, 1, SerialCommunicator())
    sim.set(E[[7, 1, 5]], I_e=[7.0, 1.0, 5.0], tau_m=[17.0, 11.0, 15.0], V_m=[-67.0, -61.0, -65.0])
    sim.set(E[order], t_ref=1.0 + order)
    assert sim.get(E, "t_ref").tolist() == [1.0 + k for k in range(N)]
    for name, first in (("I_e", 0.0), ("tau_m", 10.0)):
        assert sim.get("E[1, 5, 7]", name).tolist() == [first + k for k in (1, 5, 7)]
        assert sim.get(E[[5, 7, 1]], name).tolist() == [first + k for k in (5, 7, 1)]
    assert sim.get("E[[5, 1, 7]]", "V_m").tolist() == [-65.0, -61.0, -67.0]
    assert sim.get(E[[0, 2, 3]], "tau_m").tolist() == 3 * [10.0]
    sim.run(0.1)
    V = sim.voltages(E[[7, 1, 5]])[1][0]
    assert np.argsort(V).tolist() == [0, 2, 1]
    assert sim.voltages(E[[5, 7]])[1][0].tolist() == V[[2, 0]].tolist()


def test_a_folder_knows_the_neurons_listed(tmp_path):
    sim = Simulation(driven([9, 0, 4, 3]), 1, SerialCommunicator())
    sim.run(60.0)
    result = distsim.load(sim.save(tmp_path / "run"))
    assert result.summary["populations"]["E"]["recorded"] == [[0, 1], [3, 5], [9, 10]]
    assert result.summary["config"]["projections"][0]["source"] == "<P[[9, 0, 4, 3]]>"
    for part in ("E[[9, 0]]", "E[3,4]", "E[4]", sim.network["E"][[9, 0, 4, 3]]):
        for found, expected in zip(result.spikes(part), sim.spikes(part), strict=True):
            assert found.tolist() == expected.tolist()
        np.testing.assert_array_equal(result.voltages(part)[1], sim.voltages(part)[1].astype(np.float32))
    assert result.spikes("E[[9, 0]]")[0].size and set(result.spikes("E[[9, 0]]")[1]) == {0, 9}
    for source in (result, sim):
        for what in ("spikes", "voltages"):
            with pytest.raises(
                ValueError, match=rf"the {what} of E\[\[0, 1\]\] are not all recorded \(recorded: 4 neu"
            ):
                getattr(source, what)("E[[0, 1]]")


def test_a_checkpoint_is_taken_up_with_the_same_lists_only(tmp_path):
    first, path = Simulation(driven([9, 0, 4, 3]), 1, SerialCommunicator()), tmp_path / "checkpoint.h5"
    first.run(30.0, record=False)
    first.checkpoint(path)
    first.run(30.0)
    second = Simulation(driven([9, 0, 4, 3]), 1, SerialCommunicator(), checkpoint=path)
    second.run(30.0)
    assert second.spikes_sha256() == first.spikes_sha256() and second.spikes("E[0,3,4,9]")[0].size
    with pytest.raises(ValueError, match="projection 0, P -> E"):
        Simulation(driven([9, 0, 3, 4]), 1, SerialCommunicator(), checkpoint=path)
