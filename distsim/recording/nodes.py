"""Positions on disk: a SONATA file of nodes with coordinates x, y and z, as far as space has so many axes.

/nodes/E/node_type_id, node_group_id, node_group_index   and   /nodes/E/0/x, y, z
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from distsim.files.paths import written_whole
from distsim.recording.members import children, dataset, has
from distsim.recording.sonata import open_to_read, write_header

NODES = "nodes.h5"
AXES = ("x", "y", "z")
NO_TYPE = -1  # of the nodes: SONATA's mark where there is no table of types


def write_nodes(path: Path, positions: Mapping[str, np.ndarray]) -> None:
    """Write a file of nodes.

    Parameters
    ----------
    path : Path
        The file, replaced as a whole.
    positions : mapping of str to ndarray of float64, shape (n, axes)
        By population.
    """
    with written_whole(path) as part, h5py.File(part, "w") as file:
        write_header(file)
        for name, placed in positions.items():
            group = file.create_group(f"nodes/{name}", track_order=True)
            n = len(placed)
            group.create_dataset("node_id", data=np.arange(n, dtype=np.uint64))
            group.create_dataset("node_type_id", data=np.full(n, NO_TYPE, np.int64))
            group.create_dataset("node_group_id", data=np.zeros(n, np.int64))
            group.create_dataset("node_group_index", data=np.arange(n, dtype=np.int64))
            for axis, values in zip(AXES, placed.T, strict=False):
                group.create_dataset(f"0/{axis}", data=values)


def read_nodes(path: Path) -> dict[str, np.ndarray]:
    """Return the positions in a file that `write_nodes` wrote, float64 (n, axes) by population.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is damaged; the message names it.
    """
    found = {}
    with open_to_read(path) as file:
        for name, group in children(file, "nodes"):
            there = [axis for axis in AXES if has(group, "0") and has(group["0"], axis)]
            columns = [dataset(group, f"0/{axis}")[:].astype(np.float64) for axis in there]
            if not columns or len({column.size for column in columns}) != 1:
                raise ValueError(f"/nodes/{name}/0 does not hold x, y and z of all nodes")
            found[name] = np.stack(columns, axis=1)
    return found
