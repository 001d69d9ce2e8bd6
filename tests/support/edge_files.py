"""One list of edges, written to files of every kind; used by several tests."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
from pyarrow import parquet

import distsim

COLUMNS = ("pre", "post", "w", "d")


def write_csv(path: Path, columns: dict[str, np.ndarray], delimiter: str = ",") -> None:
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    lines = [delimiter.join(columns), *(delimiter.join(map(repr, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def write_parquet(path: Path, columns: dict[str, np.ndarray], rows: int = 100) -> None:
    parquet.write_table(pa.table(columns), path, row_group_size=rows)


def write_sonata(path: Path, columns: dict[str, np.ndarray], n_groups: int = 2) -> None:
    """Write edges whose values lie in several groups, each in an order of its own."""
    n = len(columns["pre"])
    groups, places = np.arange(n) % n_groups, np.zeros(n, np.int64)
    with h5py.File(path, "w") as file:
        edges = file.create_group("edges/E_to_I")
        for number in range(n_groups):
            members = np.flatnonzero(groups == number)[::-1]
            places[members] = np.arange(members.size)
            edges[f"{number}/syn_weight"], edges[f"{number}/delay"] = columns["w"][members], columns["d"][members]
        edges["source_node_id"], edges["target_node_id"] = columns["pre"], columns["post"]
        edges["edge_group_id"], edges["edge_group_index"] = groups, places


def rules(folder: Path, columns: dict[str, np.ndarray]) -> dict:
    """Write `columns` to files in `folder`, and return the rules that read them."""
    write_csv(folder / "edges.csv", {"nr": np.arange(len(columns["pre"])), **columns}, ";")
    write_parquet(folder / "edges.parquet", columns)
    write_sonata(folder / "edges.h5", columns)
    return {
        "csv": distsim.csv_edges(folder / "edges.csv", *COLUMNS, delimiter=";"),
        "parquet": distsim.parquet_edges(folder / "edges.parquet", *COLUMNS),
        "sonata": distsim.sonata_edges(folder / "edges.h5"),
    }
