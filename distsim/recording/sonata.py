"""What SONATA's spike files and reports share: header, units, sorting, the time grid, opening to read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np

from distsim.paths import as_path

MAGIC = 0x0A7A
VERSION = (0, 1)
PIECES = "recorded_ms"  # beside the recordings of a file: start and end (ms) of each piece, where there are breaks
SORTING = {"none": 0, "by_id": 1, "by_time": 2}


def write_header(file: h5py.File) -> None:
    """Write the attributes by which readers know a SONATA file."""
    file.attrs.create("magic", np.uint32(MAGIC))
    file.attrs.create("version", np.array(VERSION, dtype=np.uint32))


def write_units(dataset: h5py.Dataset, units: str) -> None:
    """Write the attribute ``units`` as a variable-length UTF-8 string, the only kind that libsonata takes."""
    dataset.attrs.create("units", units, dtype=h5py.string_dtype("utf-8"))


def write_sorting(group: h5py.Group, order: str) -> None:
    """Write the order of the spikes twice: an enum on the group for libsonata, a string on the ids for bmtk."""
    group.attrs.create("sorting", SORTING[order], dtype=h5py.enum_dtype(SORTING, basetype=np.uint8))
    group["node_ids"].attrs.create("sorting", order, dtype=h5py.string_dtype("utf-8"))


def read_pieces(path: str | Path) -> list[tuple[float, float]] | None:
    """Return start and end (ms) of each recorded piece; None of a file that does not tell of breaks."""
    with open_to_read(path) as file:
        return [(float(start), float(stop)) for start, stop in file[PIECES][:]] if PIECES in file else None


def times_of(steps: np.ndarray, dt: Fraction) -> np.ndarray:
    """Return the times (float64, ms) of integer `steps`: k * dt, rounded once."""
    return np.asarray(steps, dtype=np.int64) * dt.numerator / dt.denominator


def steps_of(times: np.ndarray, dt: Fraction) -> np.ndarray:
    """Return the steps (int64) nearest to `times` (ms)."""
    return np.rint(np.asarray(times, dtype=np.float64) * dt.denominator / dt.numerator).astype(np.int64)


def in_order(steps: np.ndarray, ids: np.ndarray, last: tuple[int, int]) -> bool:
    """Return whether spikes (not none) are sorted by (step, id) and none of them precedes the spike `last`."""
    later, same = steps[1:] > steps[:-1], steps[1:] == steps[:-1]
    return (steps[0], ids[0]) >= last and bool(np.all(later | (same & (ids[1:] >= ids[:-1]))))


@contextmanager
def open_to_read(path: str | Path) -> Iterator[h5py.File]:
    """Open a SONATA file to read; what is missing or damaged in it becomes a ValueError that names the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no HDF5 file, no SONATA file, or something is missing or unreadable in it.
    """
    path = as_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("magic") != MAGIC:
                raise ValueError("the attribute 'magic' of SONATA files is missing")
            yield file
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError) as error:
        message = error.args[0] if error.args else error
        raise ValueError(f"{path}: not a complete SONATA file: {message}") from error
