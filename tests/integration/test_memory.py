"""Memory: what is estimated is what is used, and falls with the number of ranks."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from distsim import Network, Normal, Simulation, explicit, fixed_indegree, fixed_outdegree, one_to_one
from distsim.engine import rank_engine
from distsim.engine.check import with_memory
from distsim.engine.connectivity import shards
from distsim.engine.connectivity.build import connect
from distsim.engine.connectivity.table_plan import plan_table
from distsim.engine.memory import IMPORTS, buffer_bytes, description_bytes, estimate, estimate_arrays
from distsim.engine.step.decomposition import Decomposition
from distsim.networks import BrunelDelta, Microcircuit, microcircuit
from distsim.parallel import SerialCommunicator


def build(net: Network, size: int):
    """Return the table and the matrices of the last rank, and the layout."""
    plan = plan_table(net, size)
    return *connect(plan, 1, Decomposition(net.n, size, size - 1)), plan.layout


def bytes_of(table, dense) -> int:
    return table.words.nbytes + table.weights.nbytes + table.delay_codes.nbytes + dense.bits.nbytes


def listed(n: int, n_edges: int, weight, delay) -> Network:
    rng = np.random.default_rng(1)
    net = Network(0.1)
    E = net.create("E", n)
    net.connect(E, E, explicit(rng.integers(0, n, n_edges), rng.integers(0, n, n_edges)), weight, delay)
    return net


def drawn(n: int, rule, weight=1.0, delay=1.0, **parameters) -> Network:
    net = Network(0.1)
    E = net.create("E", n, **parameters)
    net.connect(E, E, rule, weight, delay)
    return net


@pytest.mark.parametrize("size", [1, 3, 16, 200])
@pytest.mark.parametrize("model", [Microcircuit, BrunelDelta], ids=["microcircuit", "brunel-delta"])
def test_the_estimate_is_what_the_arrays_take(model, size):
    values = {"N_scaling": 0.1, "K_scaling": 0.1} if model is Microcircuit else {}
    net = model().network(**values)
    table, dense, _ = build(net, size)
    found = estimate_arrays(plan_table(net, size))
    assert bytes_of(table, dense) == pytest.approx(found["synapses"], rel=0.1, abs=20_000)
    assert table.index.nbytes == pytest.approx(found["index"], rel=0.01)
    assert table.row.nbytes + table.row_fixed.nbytes == found["rows"]


SPREAD = Normal(1.0, 0.1, minimum=0.0)
MANY_SHARDS = {
    "one receptor": lambda: drawn(150_000, fixed_indegree(3), tau_syn_ex=1.0, tau_syn_in=1.0),
    "two receptors": lambda: drawn(150_000, fixed_indegree(3), tau_syn_ex=1.0, tau_syn_in=2.0),
    "many delays": lambda: drawn(150_000, fixed_indegree(3), delay=Normal(2.0, 0.5, minimum=0.1)),
    "fixed": lambda: drawn(150_000, fixed_outdegree(3), weight=SPREAD),
    "a list": lambda: listed(150_000, 400_000, np.arange(400_000.0), 1.0),
}


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("kind", MANY_SHARDS)
def test_the_estimate_counts_the_shards(kind, size, monkeypatch):
    """Above 65,536 slots a rank has several shards, each with an index of its own."""
    net, pooled, make_pool = MANY_SHARDS[kind](), [0], shards.make_pool

    def noting(*arguments):
        pool, shape = make_pool(*arguments)
        pooled.append(pool.entries.nbytes + pool.weights.nbytes)
        return pool, shape

    monkeypatch.setattr(shards, "make_pool", noting)
    table, dense, layout = build(net, size)
    found = estimate_arrays(plan_table(net, size))
    assert layout.n_shards == len(table.index) == -(-150_000 // size // layout.width) > 1
    assert bytes_of(table, dense) == pytest.approx(found["synapses"], rel=0.02)
    assert table.index.nbytes == pytest.approx(found["index"], rel=0.01)
    assert table.row.nbytes + table.row_fixed.nbytes == found["rows"]
    # Shards are equally wide but for the last one; the estimate takes the mean.
    full = layout.width * layout.n_shards / (150_000 / size)
    assert max(pooled) == pytest.approx(found["sorting"] * full, rel=0.05, abs=600_000)
    assert (max(pooled) == 0) == (kind == "a list")


NETWORKS = {
    "indegree": lambda: drawn(20_000, fixed_indegree(100)),
    "weights and delays": lambda: drawn(20_000, fixed_indegree(100), SPREAD, Normal(1.5, 0.5, minimum=0.1)),
    "outdegree": lambda: drawn(20_000, fixed_outdegree(100), SPREAD),
    "matrix": lambda: drawn(20_000, fixed_indegree(200, allow_multapses=False)),
    "matrix and second": lambda: drawn(8000, fixed_indegree(2000)),
    "one to one": lambda: drawn(500_000, one_to_one()),
    "few weights": lambda: listed(20_000, 4_000_000, np.arange(4_000_000.0) % 300, 1.0),
    "many weights": lambda: listed(20_000, 4_000_000, np.arange(4_000_000.0), 1.0),
    "drawn weights": lambda: listed(20_000, 4_000_000, SPREAD, 1.0),
    "many delays": lambda: listed(5000, 4_000_000, np.arange(4_000_000.0), np.arange(1, 4_000_001) % 50 / 10 + 0.1),
    "many shards": lambda: listed(200_000, 4_000_000, np.arange(4_000_000.0), 1.0),
}


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("kind", NETWORKS)
def test_the_estimate_is_the_peak_while_building(kind, size):
    net = NETWORKS[kind]()
    found = estimate_arrays(plan_table(net, size))
    build(net, size)  # so that kernels are loaded, or compiled, before it is measured
    tracemalloc.start()
    try:
        table, *_ = build(net, size)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    arrays = (table.words, table.weights, table.delay_codes)
    untouched = sum(array.base.nbytes - array.nbytes for array in arrays)  # room for empty places that there are not
    peak, counted = peak - untouched, sum(found.values()) - found["neurons"]
    assert peak - 12e6 < counted < 1.1 * peak  # beside what is counted there are pieces, tables of distributions


def test_the_description_is_counted():
    n = 1000
    net = listed(50, n, np.arange(float(n)), np.full(n, 0.5))
    assert description_bytes(net) == n * (4 + 4 + 8 + 8 + 2)
    arrays = sum(estimate_arrays(plan_table(net, 2)).values())
    assert estimate(net, 2) == IMPORTS + description_bytes(net) + buffer_bytes(plan_table(net, 2)) + arrays
    assert description_bytes(drawn(50, fixed_indegree(3), V_m=np.zeros(50))) == 50 * 8


@pytest.mark.parametrize("recorded", ["nothing", "spikes", "voltages"])
@pytest.mark.parametrize("delay", [0.1, 1.5, 20.0])
def test_buffers_are_counted(delay, recorded):
    net = drawn(30_000, fixed_indegree(1), delay=delay)
    if recorded == "spikes":
        net.record_spikes("E")
    if recorded == "voltages":
        net.record_voltages("E[::2]")
    sim = Simulation(net, 1, SerialCommunicator())
    held = (*sim.engine.history, *sim.engine.exchange, *sim.engine.recording.spikes, *sim.engine.recording.samples)
    found = sum(array.nbytes for array in held if isinstance(array, np.ndarray))
    assert buffer_bytes(plan_table(net, 1)) == pytest.approx(found, rel=0.05, abs=100_000)


def test_at_natural_density_memory_falls_with_the_ranks():
    net = Microcircuit().describe(microcircuit.Parameters())
    sizes = 2 ** np.arange(1, 11)
    totals = np.array([sum(estimate_arrays(plan_table(net, int(size))).values()) for size in sizes])
    assert np.all(totals[1:] < 0.65 * totals[:-1])
    assert totals[sizes == 64] < 50e6 and totals[-1] < 5e6
    assert estimate(net, 64) == IMPORTS + buffer_bytes(plan_table(net, 64)) + totals[sizes == 64]
    assert buffer_bytes(plan_table(net, 64)) < 12e6


# --- too little -------------------------------------------------------------------------------------------------------


def test_too_little_memory_is_said_with_what_is_needed(monkeypatch):
    def failing(*_):
        raise MemoryError("Unable to allocate 7 GiB")

    monkeypatch.setattr(rank_engine, "connect", failing)
    with pytest.raises(MemoryError, match=r"the network needs about 0\.\d\d GB: .* allocate 7 GiB"):
        Simulation(drawn(10, fixed_indegree(3)), 1, SerialCommunicator())


class Ranks(SerialCommunicator):
    """Rank 0 of two, as it sees the other one fail."""

    size = 2

    def allgather(self, value):
        return [value, "no more memory on rank 1 of 2"]


def test_too_little_memory_on_another_rank_is_said_here_too():
    called = []
    with pytest.raises(MemoryError, match="no more memory on rank 1 of 2"):
        with_memory(Ranks(), lambda: called.append(1))
    assert called == [1]


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_list_is_described_in_little_more_than_it_holds():
    n = 2_000_000
    rng = np.random.default_rng(1)
    sources, targets, weights = rng.integers(0, 50, n), rng.integers(0, 50, n), rng.normal(0, 1, n)
    delays = rng.integers(1, 90, n) / 10
    net = Network(0.1)
    E = net.create("E", 50)
    tracemalloc.start()
    try:
        net.connect(E, E, explicit(sources, targets), weights, delays)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < description_bytes(net) + 5 * n + 3e6


def test_the_user_may_change_arrays_afterwards():
    arrays = [np.arange(5), np.arange(5), np.arange(5.0), np.full(5, 0.5)]
    net = Network(0.1)
    E = net.create("E", 5)
    p = net.connect(E, E, explicit(*arrays[:2]), *arrays[2:])
    for array in arrays:
        array[:] = 1
    for held, first in (
        (p.rule.sources, range(5)),
        (p.rule.targets, range(5)),
        (p.weight, range(5)),
        (p.delay, [0.5] * 5),
    ):
        assert list(held) == list(first)
    assert list(p.delay_steps) == [5] * 5


@pytest.mark.parametrize("rule", [explicit(np.arange(150_000), np.arange(150_000)), one_to_one()], ids=["list", "one"])
def test_a_rank_looks_at_all_edges_once(rule, monkeypatch):
    """Whatever the number of shards; from then on at those of the shard."""
    searched, taken = [], []
    for name, calls in (("own_edges", searched), ("count_edges", taken)):
        original = getattr(shards.edges, name)

        def noting(*arguments, original=original, calls=calls):
            calls.append(arguments)
            return original(*arguments)

        monkeypatch.setattr(shards.edges, name, noting)
    *_, layout = build(drawn(150_000, rule), 2)
    assert layout.n_shards == 2 and len(searched) == 1
    assert sum(sources.size for _, sources, *_ in taken) == 75_000


def test_a_fixed_outdegree_is_drawn_once_to_count_and_once_a_shard(monkeypatch):
    draws, fills = shards.draws.generate_by_source, []

    def noting(fill, *arguments):
        fills.append(fill)
        return draws(fill, *arguments)

    monkeypatch.setattr(shards.draws, "generate_by_source", noting)
    *_, layout = build(drawn(150_000, fixed_outdegree(2)), 1)
    assert layout.n_shards == 3 and fills == [False, True, True, True]
