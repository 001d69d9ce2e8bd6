"""Edge lists from CSV, Parquet and SONATA files: the edges that they hold, blocks, facts, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from distsim import Network, Normal, Simulation, csv_edges, explicit, parquet_edges, sonata_edges
from distsim.engine.connectivity.read_edges import first_wrong
from distsim.files.arrow_tables import CsvTable, ParquetTable
from distsim.files.edge_tables import EdgeColumns
from distsim.files.sonata_tables import SonataTable
from tests.support.edge_files import COLUMNS, rules, write_csv, write_parquet, write_sonata

N_E, N_I, N = 60, 40, 700
KINDS = ("csv", "parquet", "sonata")


def columns(n: int = N, n_weights: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(8)
    w = rng.normal(20.0, 30.0, n) if not n_weights else rng.integers(1, n_weights + 1, n).astype(float)
    pairs = rng.integers(0, N_E, n), rng.integers(0, N_I, n)
    return dict(zip(COLUMNS, (*pairs, w, rng.integers(1, 15, n) / 10), strict=True))


def network(rule, **named) -> Network:
    net = Network(0.1)
    net.create("E", N_E, I_e=400.0)
    net.create("I", N_I, I_e=np.linspace(350.0, 420.0, N_I), tau_syn_in=3.0)
    net.connect("E", "I", rule, **named)
    net.record_spikes()
    return net


def listed(edges: dict[str, np.ndarray], **named) -> Network:
    return network(explicit(edges["pre"], edges["post"]), weight=edges["w"], delay=edges["d"], **named)


def arrays(net: Network) -> list[list]:
    found = Simulation(net, 3).connections("E", "I")
    return [getattr(found, name).tolist() for name in ("sources", "targets", "weights", "delays")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_weights", [0, 5])
def test_edges_and_spikes_are_those_of_the_same_list(kind, n_weights, tmp_path):
    edges = columns(n_weights=n_weights)
    given, from_file = Simulation(listed(edges), 3), Simulation(network(rules(tmp_path, edges)[kind]), 3)
    assert from_file.engine.plan.code.form == given.engine.plan.code.form
    assert np.array_equal(from_file.engine.plan.delays, given.engine.plan.delays)
    assert from_file.engine.plan.grain_bits == given.engine.plan.grain_bits
    for sim in (given, from_file):
        sim.run(60.0)
    assert from_file.spikes_sha256() == given.spikes_sha256() and given.spikes("I")[0].size > 30
    assert arrays(network(rules(tmp_path, edges)[kind])) == arrays(listed(edges))


@pytest.mark.parametrize("kind", KINDS)
def test_all_readers_together_read_every_row_once(kind, tmp_path):
    edges = columns()
    write_csv(tmp_path / "e.csv", edges)
    write_parquet(tmp_path / "e.parquet", edges, 90)
    write_sonata(tmp_path / "e.h5", edges)
    tables = {
        "csv": CsvTable(tmp_path / "e.csv", EdgeColumns(*COLUMNS), ",", 1000),
        "parquet": ParquetTable(tmp_path / "e.parquet", EdgeColumns(*COLUMNS), 50),
        "sonata": SonataTable(tmp_path / "e.h5", None, "syn_weight", "delay", 64),
    }
    for n_readers in (1, 2, 3, 20):
        blocks = [block for reader in range(n_readers) for block in tables[kind].blocks(reader, n_readers)]
        blocks.sort(key=lambda block: block.start)
        assert len(blocks) > 10
        for name, found in zip(COLUMNS, zip(*(block[1:] for block in blocks), strict=True), strict=True):
            assert np.array_equal(np.concatenate(found), edges[name])


@pytest.mark.parametrize("block", [1, 7, 64, 10**6])
def test_lines_of_a_csv_file_are_cut_nowhere(block, tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("pre, post ,w,d\r\n0,1,2.5,0.1\r\n\r\n3,2,-1e2,0.2\r\n4,4,3,1.0")  # no line end at the end
    found = list(CsvTable(path, EdgeColumns(*COLUMNS), ",", block).blocks(0, 1))
    assert np.concatenate([b.sources for b in found]).tolist() == [0, 3, 4]
    assert np.concatenate([b.weights for b in found]).tolist() == [2.5, -100.0, 3.0]
    table = CsvTable(path, EdgeColumns(*COLUMNS), ",", block)
    places = [table.place(b.start, k) for b in found for k in range(b.sources.size)]
    assert places == ["line 2", "line 4", "line 5"]


def test_values_that_are_not_in_the_file_are_given_to_connect(tmp_path):
    edges = columns()
    write_csv(tmp_path / "e.csv", edges)
    write_sonata(tmp_path / "e.h5", edges, 1)
    pairs = explicit(edges["pre"], edges["post"])
    for rule in (csv_edges(tmp_path / "e.csv", "pre", "post"), sonata_edges(tmp_path / "e.h5", None, None, None)):
        for weight, delay in ((3.0, 1.5), (Normal(3.0, 1.0), Normal(2.0, 0.5, minimum=0.5))):
            expected = arrays(network(pairs, weight=weight, delay=delay))
            assert arrays(network(rule, weight=weight, delay=delay)) == expected
    half = csv_edges(tmp_path / "e.csv", "pre", "post", delay="d")
    expected = arrays(network(pairs, weight=Normal(3.0, 1.0), delay=edges["d"]))
    assert arrays(network(half, weight=Normal(3.0, 1.0))) == expected
    scaled = csv_edges(tmp_path / "e.csv", "pre", "post", "w", scale=0.5)
    assert arrays(network(scaled, delay=1.0)) == arrays(network(pairs, weight=edges["w"] * 0.5, delay=1.0))


def test_empty_files_and_files_of_blank_lines_have_no_edges(tmp_path):
    none = {name: values[:0] for name, values in columns().items()}
    for rule in rules(tmp_path, none).values():
        assert Simulation(network(rule)).n_synapses == 0
    (tmp_path / "e.csv").write_text("pre,post,w,d\n\n\n")
    assert Simulation(network(csv_edges(tmp_path / "e.csv", *COLUMNS))).n_synapses == 0


def test_a_checkpoint_is_of_the_content_wherever_the_file_lies(tmp_path):
    edges = columns()
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    sim = Simulation(network(rules(tmp_path / "one", edges)["csv"]), 3)
    sim.run(20.0)
    sim.checkpoint(tmp_path / "state.h5")
    later = Simulation(network(rules(tmp_path / "two", edges)["csv"]), 3, checkpoint=tmp_path / "state.h5")
    assert later.time == 20.0
    edges["w"] = edges["w"][::-1].copy()
    with pytest.raises(ValueError, match="of another network or seed: edges of projection 0 differs"):
        rule = rules(tmp_path / "two", edges)["csv"]
        Simulation(network(rule), 3, checkpoint=tmp_path / "state.h5")


def test_the_summary_tells_how_many_edges_a_file_has(tmp_path, capsys):
    network(rules(tmp_path, columns())["parquet"]).summary()
    out = " ".join(capsys.readouterr().out.split())
    assert f"E -> I {N} synapses edges of {tmp_path}/edges.parquet weight column 'w' pA delay column 'd' ms" in out


# --- refusals ---------------------------------------------------------------------------------------------------------

PLACES = {"csv": "line 19", "parquet": "row 17", "sonata": "/edges/E_to_I: edge 17"}
NAMES = {"sonata": {"pre": "source_node_id", "post": "target_node_id", "w": "syn_weight", "d": "delay"}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("pre", N_E, "must be from 0 to 59, not 60"),
        ("post", -1, "must be from 0 to 39, not -1"),
        ("w", np.nan, r"must be from -1e\+150 to 1e\+150, not nan"),
        ("w", np.inf, r"must be from -1e\+150 to 1e\+150, not inf"),
        ("d", 0.25, "0.25 ms is not a multiple of dt = 0.1 ms"),
        ("d", 0.0, "must be at least dt = 0.1 ms, not 0 ms"),
        ("d", np.nan, "must be finite, not nan"),
        ("d", 1e6, "must be at most 32767 steps of 0.1 ms"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_file_place_and_column(kind, name, value, message, tmp_path):
    edges = columns()
    edges[name][17] = value
    net = network(rules(tmp_path, edges)[kind])
    column = NAMES.get(kind, {}).get(name, name)
    with pytest.raises(ValueError, match=f"{tmp_path}/edges.*: {PLACES[kind]}: column '{column}':? {message}"):
        Simulation(net)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1.5,2,3,0.1", "line 3: column 'pre': must be a whole number, not '1.5'"),
        ("1,2,heavy,0.1", "line 3: column 'w': must be a number, not 'heavy'"),
        ("1,2,3", "line 3: 3 values, but 4 columns"),
        ("1,,3,0.1", "line 3: column 'post': (there is no value|must be a whole number, not '')"),
    ],
)
def test_lines_that_hold_no_numbers_are_named(line, message, tmp_path):
    (tmp_path / "e.csv").write_text(f"pre,post,w,d\n0,1,2,0.1\n{line}\n")
    with pytest.raises(ValueError, match=f"{tmp_path}/e.csv: {message}"):
        Simulation(network(csv_edges(tmp_path / "e.csv", *COLUMNS)))


def test_columns_files_and_populations_that_are_not_there_are_named(tmp_path):
    edges = columns()
    found = rules(tmp_path, edges)
    with pytest.raises(ValueError, match=r"edges.csv: no column 'weight': there are 'nr', 'pre', 'post', 'w', 'd'"):
        csv_edges(tmp_path / "edges.csv", "pre", "post", "weight", delimiter=";")
    with pytest.raises(ValueError, match=r"edges.parquet: no column 'x': there are 'pre', "):
        parquet_edges(tmp_path / "edges.parquet", "pre", "x")
    with pytest.raises(ValueError, match=r"edges.h5: no population of edges 'X': there are 'E_to_I'"):
        sonata_edges(tmp_path / "edges.h5", "X")
    with pytest.raises(ValueError, match="/edges/E_to_I/0 has no 'w': give weight=None, and a weight to connect"):
        sonata_edges(tmp_path / "edges.h5", weight="w")
    with pytest.raises(ValueError, match="is no Parquet file"):
        parquet_edges(tmp_path / "edges.csv", "pre", "post")
    with pytest.raises(ValueError, match="is no HDF5 file that can be read"):
        sonata_edges(tmp_path / "edges.csv")
    for read in (lambda p: csv_edges(p, "a", "b"), lambda p: parquet_edges(p, "a", "b"), sonata_edges):
        with pytest.raises(FileNotFoundError, match="missing"):
            read(tmp_path / "missing")
    with pytest.raises(TypeError, match="E -> I: weight: the file holds it in column 'w'"):
        network(found["csv"], weight=1.0)
    with pytest.raises(TypeError, match="E -> I: delay is missing"):
        network(csv_edges(tmp_path / "edges.csv", "pre", "post", "w", delimiter=";"))


def test_a_file_that_changes_after_it_was_described_is_refused(tmp_path):
    net = network(rules(tmp_path, columns())["csv"])
    with open(tmp_path / "edges.csv", "a") as file:
        file.write("700;1;1;2.0;0.1\n")
    with pytest.raises(ValueError, match=r"edges.csv: changed since it was described"):
        Simulation(net)


def test_columns_of_other_kinds_and_missing_values_are_refused(tmp_path):
    edges = columns(5)
    path = tmp_path / "e.parquet"
    parquet.write_table(pa.table({**edges, "w": pa.array([1.0, None, 2.0, 3.0, 4.0])}), path)
    with pytest.raises(ValueError, match=r"e.parquet: row 1: column 'w': there is no value"):
        Simulation(network(parquet_edges(path, *COLUMNS)))
    parquet.write_table(pa.table({**edges, "pre": list("abcde")}), path)
    with pytest.raises(ValueError, match=r"e.parquet: column 'pre' holds string, not numbers"):
        Simulation(network(parquet_edges(path, *COLUMNS)))
    write_sonata(path, edges, 1)
    with h5py.File(path, "a") as file:
        file["edges/E_to_I/edge_group_index"][3] = 99
    with pytest.raises(ValueError, match="/edges/E_to_I/0/syn_weight has no value 99, only 0 to 4"):
        Simulation(network(sonata_edges(path)))


def test_without_pyarrow_the_message_names_the_command():
    code = (
        "import sys; sys.modules['pyarrow'] = None\nimport distsim\n"
        "for read in (distsim.csv_edges, distsim.parquet_edges):\n"
        "    try:\n        read('e', 'a', 'b')\n    except ModuleNotFoundError as error:\n        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    line = '{} needs pyarrow: pip install "distsim[tables]"'
    assert done.stdout.splitlines() == [line.format("csv_edges"), line.format("parquet_edges")], done.stderr


def test_the_first_wrong_value_is_found():
    def check(n: int) -> None:
        if n > 4:
            raise ValueError

    assert first_wrong(100, check) == 4 and first_wrong(5, check) == 4
