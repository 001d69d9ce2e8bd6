"""Checkpoints on disk: arrays, each with a checksum, and a header that describes them; all ranks write and read.

A file is HDF5, for others to look into: `header`, JSON, and a dataset for each array, values by neuron in the order of
global ids, and arrays that all ranks share. A sum is BLAKE2b over those of blocks of a fixed length, so that ranks can
compute it together whatever their number. HDF5 may crash over a damaged file; so we read without it: the header says
where in the file each array is, and a line behind the end of HDF5 where the header is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from distsim.files import kinds
from distsim.files.plain_files import open_plain, parse_json
from distsim.recording.dealing import own_of, slice_of
from distsim.recording.output import OutputFile
from distsim.recording.sums import block_bounds, sum_of, sums_of

if TYPE_CHECKING:
    from mpi4py import MPI

FORMAT = 1
PATTERN = f"checkpoint-{'[0-9]' * 6}.h5"
# Beginning of the header, its length in bytes, and its sum.
ENDING = b"distsim-checkpoint %016x %016x %s\n"
PATTERN_OF_ENDING = rb"distsim-checkpoint ([0-9a-f]{16}) ([0-9a-f]{16}) ([0-9a-f]{16})\n"

MOST = 2**53  # bytes and values
HEADER = kinds.record(
    {
        "facts": kinds.mapped(kinds.ANYTHING),
        "config": kinds.maybe(kinds.mapped(kinds.ANYTHING)),
        "neurons": kinds.listed(kinds.text()),
        "datasets": kinds.mapped(kinds.row(kinds.whole(0, MOST), kinds.whole(0, MOST), kinds.text(4), kinds.text(16))),
    }
)


class DamagedError(ValueError):
    """A checkpoint is damaged: names the file, the dataset and both checksums."""


def checkpoints_in(folder: Path) -> list[Path]:
    """The complete checkpoints in `folder`, the latest one last."""
    return sorted(folder.glob(PATTERN))


def next_path(folder: Path) -> Path:
    last = max((int(path.stem[-6:]) for path in checkpoints_in(folder)), default=0)
    return folder / f"checkpoint-{last + 1:06d}.h5"


# --- writing ----------------------------------------------------------------------------------------------------------


def write_checkpoint(
    path: Path,
    comm: MPI.Comm | None,
    header: Mapping[str, Any],
    neurons: Mapping[str, np.ndarray],
    shared: Mapping[str, np.ndarray],
) -> None:
    """Write a checkpoint under a temporary name and move it into place (collective).

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    comm : mpi4py.MPI.Comm or None
        The ranks; None for a single process.
    header : mapping
        Whatever JSON can hold, the same on all ranks.
    neurons : mapping of str to ndarray, shape (n_local,)
        One value for each of this rank's neurons: those with gid % size == rank, ascending.
    shared : mapping of str to ndarray, shape (k,)
        The same on all ranks.

    Raises
    ------
    OSError
        On every rank, if it cannot be written; what was there before stays.
    """
    comm = comm if comm is not None and comm.size > 1 else None
    first = next(iter(neurons.values()))
    n = first.size if comm is None else comm.allreduce(first.size)
    n_bytes = sum(n * a.itemsize for a in neurons.values()) + sum(a.nbytes for a in shared.values())
    file = OutputFile(path, comm, n_bytes=n_bytes, own=True)
    try:
        _fill(file, n, header, neurons, shared)
    finally:
        if file.rank == 0:
            file.part.unlink(missing_ok=True)


def _fill(
    file: OutputFile,
    n: int,
    header: Mapping[str, Any],
    neurons: Mapping[str, np.ndarray],
    shared: Mapping[str, np.ndarray],
) -> None:
    """Write a checkpoint of `n` neurons into `file` and move it into place, see `write_checkpoint` (collective)."""
    comm = file.comm
    bounds = block_bounds(file.size, n, file.mode == "parallel")
    slices = {name: (n, slice_of(comm, mine, bounds), bounds) for name, mine in neurons.items()}
    for name, array in shared.items():
        cuts = block_bounds(file.size, array.size, file.mode == "parallel")
        slices[name] = (array.size, array[cuts[file.rank] : cuts[file.rank + 1]], cuts)
    sums = sums_of(comm, {name: rows for name, (_, rows, _) in slices.items()})
    table: dict[str, list] = {}

    def write() -> None:
        for name, (size, rows, cuts) in slices.items():
            place = _write(file, name, size, rows, int(cuts[file.rank]))
            table[name] = [place, size, rows.dtype.str, sums[name]]

    file.attempt_writing(write)
    file.settle()
    text = json.dumps({**header, "format": FORMAT, "neurons": list(neurons), "datasets": table}, allow_nan=False)
    encoded, places = np.frombuffer(text.encode(), np.uint8), [0]
    mine = encoded if file.rank == 0 else encoded[:0]
    file.attempt_writing(lambda: places.append(_write(file, "header", encoded.size, mine, 0)))
    file.settle()
    file.finish(ENDING % (places[-1], encoded.size, sum_of(encoded).encode()))


def _write(file: OutputFile, name: str, size: int, rows: np.ndarray, start: int) -> int:
    """Write a dataset; where in the file it is."""
    dataset = file.h5.create_dataset(name, (size,), rows.dtype)
    file.write(dataset, start, rows)
    return dataset.id.get_offset() or 0


# --- reading ----------------------------------------------------------------------------------------------------------


def read_header(path: Path) -> dict[str, Any]:
    """Return the header of a checkpoint; `DamagedError` if it is damaged, OSError if it cannot be read."""
    with open_plain(path) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(ENDING % (0, 0, b"0" * 16))))
        ending = re.fullmatch(PATTERN_OF_ENDING, file.read())
        if not ending:
            raise DamagedError(f"{path}: damaged: its end is missing")
        encoded = _read(path, file, "header", int(ending[1], 16), int(ending[2], 16), "|u1")
    found, written = sum_of(encoded), ending[3].decode()
    if found != written:
        raise DamagedError(f"{path}: damaged: dataset header has the sum {found}, not {written}")
    try:
        header: dict[str, Any] = parse_json(encoded.tobytes())
        kinds.check(header, kinds.record({"format": kinds.whole(0, 2**31)}))
        if header["format"] != FORMAT:
            raise DamagedError(
                f"{path}: written by another version of distsim: format {header['format']}, not {FORMAT}"
            )
        _check_header(header)
    except DamagedError:
        raise
    except ValueError as error:
        raise DamagedError(f"{path}: damaged: header: {error}") from None
    return header


def _check_header(header: Any) -> None:
    kinds.check(header, HEADER)
    for name, (place, n, dtype, _) in header["datasets"].items():
        if not re.fullmatch(r"[<|][fiu][1248]", dtype):
            raise ValueError(f"dataset {name} at byte {place} has {n} values of type {dtype!r}, which is no number's")
    for name in header["neurons"]:
        if name not in header["datasets"]:
            raise ValueError(f"there is no dataset {name}")
    if len({header["datasets"][name][1] for name in header["neurons"]}) > 1:
        raise ValueError("the datasets of neurons are not equally long")


def _read(path: Path, file: BinaryIO, name: str, place: int, n: int, dtype: str) -> np.ndarray:
    """`n` numbers that begin at byte `place`."""
    size = n * np.dtype(dtype).itemsize
    if place + size > os.fstat(file.fileno()).st_size:
        raise DamagedError(f"{path}: damaged: dataset {name} is cut off")
    file.seek(place)
    raw = file.read(size)
    if len(raw) < size:  # cut off in the meantime
        raise DamagedError(f"{path}: damaged: dataset {name} is cut off")
    return np.frombuffer(raw, dtype)


def read_checkpoint(
    path: Path, comm: MPI.Comm | None
) -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return header, values of this rank's neurons and shared arrays of a checkpoint (collective).

    See `write_checkpoint`.

    Raises
    ------
    DamagedError
        On every rank, if any part is damaged.
    """
    comm = comm if comm is not None and comm.size > 1 else None
    header = _agreed(comm, path, lambda: read_header(path))
    rank, size = (comm.rank, comm.size) if comm else (0, 1)
    table = header["datasets"]
    bounds = {name: block_bounds(size, n) for name, (_, n, *_) in table.items()}
    parts = {name: slice(*(int(b) for b in cuts[rank : rank + 2])) for name, cuts in bounds.items()}
    rows = _agreed(comm, path, lambda: _read_rows(path, table, parts))
    for name, found in sums_of(comm, rows).items():
        if found != table[name][3]:
            raise DamagedError(f"{path}: damaged: dataset {name} has the sum {found}, not {table[name][3]}")
    neurons = {name: own_of(comm, rows[name], bounds[name]) for name in header["neurons"]}
    others = {name: part for name, part in rows.items() if name not in neurons}
    shared = {name: part if comm is None else np.concatenate(comm.allgather(part)) for name, part in others.items()}
    return header, neurons, shared


def _read_rows(path: Path, table: Mapping[str, tuple], parts: Mapping[str, slice]) -> dict[str, np.ndarray]:
    rows = {}
    with open_plain(path) as file:
        for name, (place, _, dtype, _) in table.items():
            start, n = parts[name].start, parts[name].stop - parts[name].start
            rows[name] = _read(path, file, name, place + start * np.dtype(dtype).itemsize, n, dtype)
    return rows


def _agreed(comm: MPI.Comm | None, path: Path, read: Callable[[], Any]) -> Any:
    """Result of `read`; what goes wrong on any rank is a `DamagedError` on all (collective)."""
    result = problem = None
    try:
        result = read()
    except DamagedError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{path}: cannot be read ({error.strerror or error})"
    except MemoryError:
        problem = f"{path}: cannot be read (not enough memory)"
    problems = [problem] if comm is None else comm.allgather(problem)
    for problem in problems:
        if problem is not None:
            raise DamagedError(problem)
    return result
