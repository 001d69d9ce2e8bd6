"""Common ground of SONATA's spike files and reports: header, units, sorting, the time grid, opening to read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np

from distsim.files.paths import as_path
from distsim.files.plain_files import open_plain
from distsim.recording.members import MAGIC, PIECES, check_magic, dataset, has
from distsim.recording.probe import probe
from distsim.recording.seal import is_sound, trust

VERSION = (0, 1)
SHORTEST, LONGEST = 1e-6, 1e6  # ms that a step may last
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
    """Return start and end (ms) of each recorded piece; None if the file does not list them."""
    with open_to_read(path) as file:
        if not has(file, PIECES):
            return None
        bounds = dataset(file, PIECES, ndim=2)[:].astype(np.float64)
        if bounds.shape[1] != 2 or not np.all(np.diff(bounds.ravel()) >= 0):  # also of NaN
            raise ValueError(f"/{PIECES} is not start and end of pieces that follow each other")
        return [(float(start), float(stop)) for start, stop in bounds]


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
    """Open a SONATA file to read; missing or damaged content raises a ValueError that names the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it cannot be read, or is not a regular file.
    ValueError
        If it is no HDF5 file, no SONATA file, or something is missing or unreadable in it.
    MemoryError
        If there is too little memory; the message names the file.
    """
    path = as_path(path)
    if not os.path.lexists(path):
        raise FileNotFoundError(f"{path}: no such file")
    open_plain(path).close()  # HDF5 would block on a pipe
    try:
        _check_bytes(path)
        with h5py.File(path, "r") as file:
            check_magic(file)
            yield file
    except MemoryError as error:
        raise MemoryError(f"{path}: {error}") from error
    except Exception as error:  # damaged bytes make h5py raise anything
        message = error.args[0] if error.args else type(error).__name__
        raise ValueError(f"{path}: not a complete SONATA file: {message}") from error


def check_sound(path: str | Path) -> None:
    """Check that the file can be opened and read to its end; errors are those of `open_to_read`."""
    with open_to_read(path):
        pass


def _check_bytes(path: str | Path) -> None:
    """Check the seal of a file, or else that another process can read it; ValueError if it is damaged."""
    if not is_sound(path):
        probe(path)
        trust(path)
