"""Edge lists in CSV and Parquet files, read by pyarrow, which is imported when such a file is asked for."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .edge_tables import EdgeBlock, EdgeColumns, EdgeTable, check_columns, need_pyarrow, whole_numbers

BYTES = 1 << 23  # of a block of a CSV file
ROWS = 1 << 18  # of a block of a Parquet file


class CsvTable(EdgeTable):
    """A CSV file with a header, one edge a line; blocks are of equally many bytes."""

    def __init__(self, path: Path, columns: EdgeColumns, delimiter: str, block: int = BYTES) -> None:
        need_pyarrow("csv_edges")
        super().__init__(path, columns)
        with open(path, "rb") as file:
            head = file.readline()
            self.begin, self.delimiter, self.block = file.tell(), delimiter, block
        try:
            text = head.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(
                f"{path}: the first line is not text: a CSV file begins with the names of columns"
            ) from None
        self.names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter), [])]
        check_columns(path, columns, self.names)

    def blocks(self, reader: int, n_readers: int) -> Iterator[EdgeBlock]:
        for number in range(reader, -(-(self.stamp[0] - self.begin) // self.block), n_readers):
            start = self.begin + number * self.block
            text = self._text(start)
            if text.strip():
                yield self._read(start, text)

    def place(self, start: int, row: int) -> str:
        before, left = 0, start
        with open(self.path, "rb") as file:
            while left > 0 and (piece := file.read(min(left, BYTES))):
                before, left = before + piece.count(b"\n"), left - len(piece)
            if start > self.begin:
                file.seek(start - 1)
                before += file.read(1) != b"\n"  # the line that the block before ends with
        lines = [k for k, line in enumerate(self._text(start).split(b"\n")) if line.strip()]
        return f"line {before + lines[row] + 1}"

    def _text(self, start: int) -> bytes:
        """Return the lines that begin in the block from `start` on."""
        with open(self.path, "rb") as file:
            file.seek(start)
            if start > self.begin:
                file.seek(start - 1)
                file.readline()
            n = start + self.block - file.tell()
            text = file.read(n) if n > 0 else b""
            return text + file.readline() if text and not text.endswith(b"\n") else text

    def _read(self, start: int, text: bytes) -> EdgeBlock:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        kinds = dict.fromkeys(self.columns.used, pa.float64())
        kinds |= {self.columns.source: pa.int64(), self.columns.target: pa.int64()}
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(text),
                read_options=arrow_csv.ReadOptions(
                    column_names=self.names, use_threads=False, block_size=len(text) + 1
                ),
                parse_options=arrow_csv.ParseOptions(delimiter=self.delimiter),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=list(kinds), column_types=kinds, null_values=[""]
                ),
            )
        except pa.ArrowInvalid as error:
            raise ValueError(self._problem(start, text) or f"{self.path}: {error}") from None
        return arrow_block(self, start, table)

    def _problem(self, start: int, text: bytes) -> str | None:
        """Return what is wrong in these lines, which cannot be read."""
        lines = [line for line in text.decode(errors="replace").split("\n") if line.strip()]
        for row, cells in enumerate(csv.reader(lines, delimiter=self.delimiter)):
            where = f"{self.path}: {self.place(start, row)}"
            if len(cells) != len(self.names):
                return f"{where}: {len(cells)} values, but {len(self.names)} columns"
            for name in self.columns.used:
                is_id = name in self.columns[:2]
                cell = cells[self.names.index(name)].strip()
                try:
                    (int if is_id else float)(cell)
                except ValueError:
                    return f"{where}: column {name!r}: must be a {'whole ' if is_id else ''}number, not {cell!r}"
        return None


class ParquetTable(EdgeTable):
    """A Parquet file; row groups are dealt to the readers, and read in blocks of equally many rows."""

    def __init__(self, path: Path, columns: EdgeColumns, rows: int = ROWS) -> None:
        need_pyarrow("parquet_edges")
        super().__init__(path, columns)
        self.rows = rows
        with self._open() as file:
            known = file.schema_arrow.names
            groups = [file.metadata.row_group(k).num_rows for k in range(file.metadata.num_row_groups)]
        self.group_starts = np.cumsum([0, *groups])
        check_columns(path, columns, known)

    def blocks(self, reader: int, n_readers: int) -> Iterator[EdgeBlock]:
        with self._open() as file:
            for group in range(reader, self.group_starts.size - 1, n_readers):
                start = int(self.group_starts[group])
                wanted = {"row_groups": [group], "columns": self.columns.used, "use_threads": False}
                for batch in file.iter_batches(self.rows, **wanted):
                    yield arrow_block(self, start, batch)
                    start += batch.num_rows

    def place(self, start: int, row: int) -> str:
        return f"row {start + row}"

    def _open(self) -> Any:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            return parquet.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{self.path}: is no Parquet file ({error})") from None


def arrow_block(table: EdgeTable, start: int, found: Any) -> EdgeBlock:
    """Return the columns of a table or batch of pyarrow as a block; ValueError where one holds no numbers."""
    columns = table.columns
    ids = [_ids(table, start, name, found.column(name)) for name in columns[:2]]
    values = [None if name is None else _floats(table, start, name, found.column(name)) for name in columns[2:]]
    return EdgeBlock(start, *ids, *values)


def _ids(table: EdgeTable, start: int, name: str, column: Any) -> np.ndarray:
    values = whole_numbers(_numbers(table, start, name, column))
    if values is None:
        raise ValueError(f"{table.path}: column {name!r}: ids must be whole numbers")
    return values


def _floats(table: EdgeTable, start: int, name: str, column: Any) -> np.ndarray:
    return _numbers(table, start, name, column).astype(np.float64, copy=False)


def _numbers(table: EdgeTable, start: int, name: str, column: Any) -> np.ndarray:
    if column.null_count:
        row = int(np.argmax(np.asarray(column.is_null())))
        raise ValueError(f"{table.path}: {table.place(start, row)}: column {name!r}: there is no value")
    values = np.asarray(column)
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{table.path}: column {name!r} holds {column.type}, not numbers")
    return values
