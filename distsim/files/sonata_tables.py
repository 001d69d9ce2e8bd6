"""Edge lists in SONATA files: /edges/POP with source_node_id, target_node_id, and groups with weights and delays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .edge_tables import EdgeBlock, EdgeColumns, EdgeTable, whole_numbers

ROWS = 1 << 18  # of a block
ENDS = ("source_node_id", "target_node_id")


class SonataTable(EdgeTable):
    """The edges of one population of a SONATA file; blocks are of equally many rows."""

    def __init__(
        self, path: Path, population: str | None, weight: str | None, delay: str | None, rows: int = ROWS
    ) -> None:
        super().__init__(path, EdgeColumns(*ENDS, weight, delay))
        self.rows = rows
        with _open(path) as file:
            self.population = _population(path, file, population)
            group = file["edges"][self.population]
            for name in ENDS:
                if name not in group:
                    raise ValueError(f"{path}: /edges/{self.population} has no {name!r}")
            self.n = int(group[ENDS[0]].shape[0])
            for name in (*ENDS[1:], "edge_group_id", "edge_group_index"):
                if name in group and group[name].shape != (self.n,):
                    raise ValueError(f"{path}: /edges/{self.population}/{name} has not {self.n} values")
            for number in self._group_numbers(group):
                self._check_group(f"/edges/{self.population}/{number}", group.get(str(number)))

    def _check_group(self, where: str, group: Any) -> None:
        """ValueError if a group of edges does not hold what is read."""
        _check_values(self.path, where, group, self.columns)

    @staticmethod
    def _group_numbers(group: Any) -> list[int]:
        if "edge_group_id" not in group:
            return [0]
        ids, found = group["edge_group_id"], np.zeros(0, np.int64)
        for start in range(0, ids.shape[0], ROWS):
            piece = ids[start : start + ROWS]
            one = piece[:1] if (piece == piece[0]).all() else piece  # as nearly always, and quicker
            found = np.union1d(found, one)
        return [int(number) for number in found]

    def blocks(self, reader: int, n_readers: int) -> Iterator[EdgeBlock]:
        with _open(self.path) as file:
            group = file["edges"][self.population]
            for start in range(reader * self.rows, self.n, n_readers * self.rows):
                rows = slice(start, min(self.n, start + self.rows))
                ends = [whole_numbers(group[name][rows]) for name in ENDS]
                if ends[0] is None or ends[1] is None:
                    raise ValueError(f"{self.path}: /edges/{self.population}: ids must be whole numbers")
                values = [None if name is None else self._values(group, name, rows) for name in self.columns[2:]]
                yield EdgeBlock(start, ends[0], ends[1], *values)

    def place(self, start: int, row: int) -> str:
        return f"/edges/{self.population}: edge {start + row}"

    def _values(self, group: Any, name: str, rows: slice) -> np.ndarray:
        """Return the values `name` of edges `rows`, which may be in several groups."""
        if "edge_group_id" not in group:
            return np.asarray(group["0"][name][rows], np.float64)
        numbers, places = group["edge_group_id"][rows], group["edge_group_index"][rows].astype(np.int64)
        values = np.empty(numbers.size)
        for number in np.unique(numbers):
            chosen = numbers == number
            found, wanted = group[str(number)][name], places[chosen]
            first, last = int(wanted.min()), int(wanted.max()) + 1
            if first < 0 or last > found.shape[0]:
                where = f"/edges/{self.population}/{number}/{name}"
                wrong = first if first < 0 else last - 1
                raise ValueError(f"{self.path}: {where} has no value {wrong}, only 0 to {found.shape[0] - 1}")
            values[chosen] = found[first:last][wanted - first]
        return values


def _open(path: Path) -> Any:
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path}: is no HDF5 file that can be read ({error})") from None


def _population(path: Path, file: Any, name: str | None) -> str:
    known = list(file["edges"]) if "edges" in file else []
    if name is None and len(known) == 1:
        return str(known[0])
    if name not in known:
        asked = "several populations of edges" if name is None and known else f"no population of edges {name!r}"
        raise ValueError(f"{path}: {asked}: there are {', '.join(map(repr, known)) or 'none'}")
    return str(name)


def _check_values(path: Path, where: str, group: Any, columns: EdgeColumns) -> None:
    for what, name in (("weight", columns.weight), ("delay", columns.delay)):
        if name is None:
            continue
        if group is None or name not in group:
            raise ValueError(f"{path}: {where} has no {name!r}: give {what}=None, and a {what} to connect")
        if group[name].ndim != 1 or group[name].dtype.kind not in "iuf":
            raise ValueError(f"{path}: {where}/{name} is no list of numbers")
