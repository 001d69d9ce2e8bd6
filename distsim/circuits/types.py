"""Tables of node types and edge types: text files with a line for each type, columns separated by spaces."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

MISSING = ("NULL", "", "None", "nan", "NaN")
Types = Mapping[int, Mapping[str, str]]  # by id, without what is missing


def read_types(path: str | Path | None, key: str) -> Types:
    """Return the types in a file by their `key`, 'node_type_id' or 'edge_type_id'; none without a file.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no such table, or has an id twice.
    """
    if path is None:
        return {}
    try:
        with open(path, newline="", encoding="utf8") as file:
            rows = list(csv.DictReader(file, delimiter=" ", skipinitialspace=True))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: no table of types: {error}") from None
    found: dict[int, dict[str, str]] = {}
    for line, row in enumerate(rows, 2):
        number = row.get(key) or ""
        if not number.strip().lstrip("-").isdigit():
            raise ValueError(f"{path}: line {line}: {key} must be a whole number, not {number!r}")
        if int(number) in found:
            raise ValueError(f"{path}: line {line}: {key} {number} is there already")
        given = {name: value for name, value in row.items() if name and value is not None and value not in MISSING}
        found[int(number)] = given
    return found
