"""The same edges as a list, as matrices and from files: the same synapses and spikes on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI
from scipy import sparse

from distsim import Network, Normal, Simulation, csv_edges, explicit
from distsim.files.arrow_tables import CsvTable
from distsim.parallel import SerialCommunicator, on_root
from tests.support.edge_files import COLUMNS, rules

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD
N_E, N_I, N = 70, 40, 900


@pytest.fixture
def folder(tmp_path_factory):
    return COMM.bcast(tmp_path_factory.mktemp("edges") if COMM.rank == 0 else None)


def edges() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(8)
    pairs = rng.choice(N_E * N_I, N, replace=False)
    values = rng.normal(20.0, 30.0, N), rng.integers(1, 15, N) / 10
    return dict(zip(COLUMNS, (pairs // N_I, pairs % N_I, *values), strict=True))


def network(rule, **named) -> Network:
    net = Network(0.1)
    E = net.create("E", N_E, I_e=400.0)
    I = net.create("I", N_I, I_e=np.linspace(350.0, 420.0, N_I), tau_syn_in=3.0)
    net.connect(E, I[np.random.default_rng(2).permutation(N_I)], rule, **named)
    net.record_spikes()
    return net


def ways(folder) -> dict[str, Network]:
    """Describe one network in every way (collective)."""
    columns = edges()
    on_root(COMM, lambda: rules(folder, columns) and None)
    COMM.Barrier()
    stored = rules_of(folder)
    pairs, shape = (columns["pre"], columns["post"]), (N_E, N_I)
    W, D = (sparse.coo_array((columns[name], pairs), shape=shape) for name in ("w", "d"))
    return {
        "list": network(explicit(*pairs), weight=columns["w"], delay=columns["d"]),
        "coo": network(W, delay=D),
        "csr": network(W.tocsr(), delay=D.tocsc()),
        "dense": network(W.toarray(), delay=D.toarray()),
        **{name: network(rule) for name, rule in stored.items()},
    }


def rules_of(folder) -> dict:
    import distsim

    return {
        "csv": distsim.csv_edges(folder / "edges.csv", *COLUMNS, delimiter=";"),
        "parquet": distsim.parquet_edges(folder / "edges.parquet", *COLUMNS),
        "sonata": distsim.sonata_edges(folder / "edges.h5"),
    }


def seen(sim: Simulation) -> tuple:
    sim.run(40.0)
    found = sim.connections("E", "I")
    arrays = (found.sources, found.targets, found.weights, found.delays)
    return sim.spikes_sha256(), sim.ledger(), [array.tolist() for array in arrays]


def test_synapses_and_spikes_are_the_same_however_the_edges_are_given(folder):
    nets = ways(folder)
    expected = seen(Simulation(nets["list"], 3, SerialCommunicator()))
    assert len(expected[2][0]) == N
    for name, net in nets.items():
        assert seen(Simulation(net, 3, COMM)) == expected, name


def test_blocks_smaller_than_the_number_of_ranks_are_read_too(folder):
    nets = ways(folder)
    expected = seen(Simulation(nets["list"], 3, SerialCommunicator()))
    table = nets["csv"].projections[0].rule.table
    assert isinstance(table, CsvTable)
    for block in (50, 1000, 10**6):
        table.block = block
        assert seen(Simulation(nets["csv"], 3, COMM)) == expected


def test_what_is_drawn_for_edges_of_a_file_does_not_depend_on_the_ranks(folder):
    ways(folder)
    columns, drawn = edges(), {"weight": Normal(20.0, 5.0), "delay": Normal(1.0, 0.3, minimum=0.3)}
    listed = network(explicit(columns["pre"], columns["post"]), **drawn)
    from_file = network(csv_edges(folder / "edges.csv", "pre", "post", delimiter=";"), **drawn)
    assert seen(Simulation(from_file, 3, COMM)) == seen(Simulation(listed, 3, SerialCommunicator()))


def test_each_rank_keeps_its_own_edges_only(folder):
    sim = Simulation(ways(folder)["parquet"], 3, COMM)
    mine = len(sim.connections("E", "I", local=True))
    assert COMM.allreduce(mine) == N and (COMM.size == 1 or mine < N)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_wrong_value_is_refused_on_all_ranks_alike(folder, name):
    columns = edges()
    columns[name][701] = {"pre": N_E, "post": -1, "w": np.inf, "d": 0.05}[name]
    on_root(COMM, lambda: rules(folder, columns) and None)
    COMM.Barrier()
    for rule in rules_of(folder).values():
        net = network(rule)
        with pytest.raises(ValueError, match=r"(line 703|row 701|edge 701): column") as error:
            Simulation(net, 3, COMM)
        assert len(set(COMM.allgather(str(error.value)))) == 1


def test_a_checkpoint_goes_on_with_edges_of_a_file_on_other_ranks(folder):
    nets = ways(folder)
    alone = Simulation(nets["csv"], 3, SerialCommunicator())
    alone.run(20.0)
    if COMM.rank == 0:
        alone.checkpoint(folder / "state.h5")
    COMM.Barrier()
    later = Simulation(nets["csv"], 3, COMM, checkpoint=folder / "state.h5")
    alone.run(20.0)
    later.run(20.0)
    assert np.array_equal(later.spike_counts(), alone.spike_counts())
