"""One HDF5 file that all ranks write together: opened, written in slices, moved into place once it is complete."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from distsim.files.paths import as_path, temporary_path
from distsim.recording.reservation import Reservation
from distsim.recording.seal import seal, sums_of_slice, trust

if TYPE_CHECKING:
    from mpi4py import MPI


class OutputFile:
    """An HDF5 file shared by all ranks, under the temporary name ``<path>.part`` until it is complete.

    Every method is collective: all ranks call it, in the same order and with the same arguments but for the data.
    What fails on some ranks only (`attempt`) is raised on all of them (`settle`), so that none waits for another.
    In parallel mode that cannot be had of an error inside a collective call of HDF5, which leaves the ranks apart:
    it is raised where it happens and must end the run, as every uncaught exception does under ``python -m distsim``.

    A full disk is not left to HDF5 and MPI-IO (Open MPI 4.1 drops the error, or the ranks part ways): space is
    reserved before it is written (`reserve`). An error there leaves a sound file, closed under its temporary name with
    all that was written before.

    Parameters
    ----------
    path : str or Path
        Where the complete file goes; an existing one is replaced when the new one is complete.
    comm : mpi4py.MPI.Comm or None
        The ranks that write; None for a single process.
    parallel : bool, optional
        Whether all ranks write. By default they do where h5py was built with MPI and there are two ranks or more.
    n_bytes : int
        The space to `reserve` from the start.
    own : bool
        Whether the temporary name is random (`temporary_path`), for files outside of a folder that a run has claimed.

    Attributes
    ----------
    path : Path
        As above; may be changed until the file is finished.
    mode : str
        ``"parallel"`` (all ranks write), ``"rank 0"`` (it alone writes) or ``"serial"`` (there is only one rank).
    h5 : h5py.File
        The open file, on the ranks that write.

    Raises
    ------
    OSError
        On every rank, if the file cannot be made on any of them.
    """

    def __init__(
        self,
        path: str | Path,
        comm: MPI.Comm | None = None,
        parallel: bool | None = None,
        n_bytes: int = 0,
        own: bool = False,
    ) -> None:
        self.path = as_path(path)
        self.comm = comm if comm is not None and comm.size > 1 else None
        self.part = self._own_name() if own else self.path.with_name(self.path.name + ".part")
        self.rank, self.size = (self.comm.rank, self.comm.size) if self.comm else (0, 1)
        self.mode = self._choose_mode(h5py.get_config().mpi if parallel is None else parallel)
        self.writes = self.mode == "parallel" or self.rank == 0
        self._h5: h5py.File | None = None
        self._error: Exception | None = None
        self._broken = self._given_up = False
        self._reservation = Reservation(self.part)
        try:
            self._open(n_bytes)
        except Exception:
            self._reservation.remove()
            raise

    @property
    def h5(self) -> h5py.File:
        assert self._h5 is not None  # `attempt_writing` calls nobody else's function
        return self._h5

    def _choose_mode(self, parallel: bool) -> str:
        if self.comm is None:
            return "serial"
        return "parallel" if parallel else "rank 0"

    def _own_name(self) -> Path:
        part = temporary_path(self.path)
        return self.comm.bcast(part) if self.comm else part

    def _open(self, n_bytes: int) -> None:
        self.reserve(n_bytes)
        mpi = {"driver": "mpio", "comm": self.comm} if self.mode == "parallel" else {}

        def create() -> None:
            # No chunk cache: a write that fails must do so now, not when the chunk leaves the cache.
            self._h5 = h5py.File(self.part, "w", rdcc_nbytes=0, **mpi)
            if self.mode == "parallel":
                _keep_open(self._h5)

        self.attempt_writing(create)
        self.settle()
        # Creating the file has emptied it.
        self._reservation.forget()
        self.reserve(n_bytes)

    def reserve(self, n_bytes: int) -> None:
        """Make sure that there is space for `n_bytes` of data in all, and for what HDF5 adds.

        Raises
        ------
        OSError
            On every rank, if there is not. What was written before is kept under the temporary name.
        """
        if self.rank == 0:
            self.attempt(self._reservation.extend, n_bytes)
        self.settle()

    def attempt(self, action: Callable[..., Any], *args: Any) -> bool:
        """Call `action` and return whether it went well; an exception waits for `settle`."""
        try:
            action(*args)
        except Exception as error:
            self._error = self._error or error
            return False
        return True

    def attempt_writing(self, action: Callable[..., Any], *args: Any) -> None:
        """Call `action` on the ranks that write; where one of them writes alone, an exception waits for `settle`."""
        if self._given_up:
            raise OSError(f"{self.part}: given up after an earlier error")
        if self.mode == "parallel":
            self._name_errors(action, *args)
        elif self.writes and not self.attempt(self._name_errors, action, *args):
            self._broken = True

    def _name_errors(self, action: Callable[..., Any], *args: Any) -> None:
        """Call `action`; name the file in errors, which HDF5 does not always do."""
        try:
            action(*args)
        except OSError as error:
            if error.filename is None and str(self.part) not in str(error):
                raise type(error)(f"{self.part}: {error}") from error
            raise

    def settle(self) -> None:
        """Raise on every rank what `attempt` caught on any: its own error on that rank, an OSError on the others."""
        error, self._error = self._error, None
        failures = _failures(self.comm, error)
        if not failures:
            return
        self._give_up()
        if error is not None:
            raise error
        rank, message = failures[0]
        raise OSError(f"{self.part}: writing failed on rank {rank}: {message}")

    def bounds(self, n: int) -> np.ndarray:
        """Return where the ranks' shares of `n` rows begin and end: rank r writes bounds[r] to bounds[r + 1] - 1."""
        if self.mode == "parallel":
            return np.arange(self.size + 1) * n // self.size
        return np.array([0] + self.size * [n])

    def share(self, n: int) -> slice:
        """Return the part of `n` rows that this rank writes: an equal slice, or all of them where it writes alone."""
        start, stop = self.bounds(n)[self.rank : self.rank + 2]
        return slice(int(start), int(stop))

    def extend(self, dataset: str, length: int, start: int, rows: np.ndarray) -> None:
        """Give `dataset` the new `length` and write this rank's `rows` at `start`."""
        target = self.h5[dataset]
        target.resize(length, axis=0)
        self.write(target, start, rows)

    def write(self, dataset: h5py.Dataset, start: int, rows: np.ndarray) -> None:
        """Write `rows` (may be empty) at ``dataset[start:]``; in parallel mode together with the other ranks."""
        if dataset.size == 0:
            return
        rows = np.ascontiguousarray(rows, dtype=dataset.dtype)
        # h5py skips the call for an empty selection, and the other ranks would wait: hence the low-level interface.
        chosen, memory = dataset.id.get_space(), h5py.h5s.create_simple(rows.shape)
        if rows.size:
            chosen.select_hyperslab((start,) + (0,) * (rows.ndim - 1), rows.shape)
        else:
            chosen.select_none()
            memory.select_none()
        dataset.id.write(memory, chosen, rows, dxpl=self._transfer())

    def _transfer(self) -> h5py.h5p.PropDXID | None:
        if self.mode != "parallel":
            return None
        transfer = h5py.h5p.create(h5py.h5p.DATASET_XFER)
        transfer.set_dxpl_mpio(h5py.h5fd.MPIO_COLLECTIVE)
        return transfer

    def finish(self, ending: bytes = b"") -> None:
        """Close the file and move it into place; no rank returns before it is there.

        Parameters
        ----------
        ending : bytes
            What follows the last byte of HDF5, which pays no regard to it; rank 0's counts. By default a seal.

        Raises
        ------
        OSError
            On every rank, if it could not be completed.
        """
        self._complete()
        slices = [] if ending else self._sums()
        if self.rank == 0:
            self.attempt(self._move, ending, slices)
        self.settle()

    def _sums(self) -> list[bytes]:
        """Return the sums of the closed file's blocks, by rank; what a rank cannot read is raised on all."""
        found = [b""]
        if self.writes:
            readers = self.size if self.mode == "parallel" else 1
            self.attempt(lambda: found.append(sums_of_slice(self.part, self.rank, readers)))
        self.settle()
        return [found[-1]] if self.comm is None else self.comm.allgather(found[-1])

    def _complete(self) -> None:
        # Flushed first: HDF5 does not survive an error while it closes.
        self.attempt_writing(_late, lambda: self.h5.flush())
        self.settle()
        self.attempt_writing(_late, self._close)
        self.settle()

    def _close(self) -> None:
        # The parallel driver does this by itself.
        if self.mode != "parallel":
            self._reservation.trim(self.h5.id.get_filesize())
        self.h5.close()
        self._h5 = None

    def _move(self, ending: bytes, slices: list[bytes]) -> None:
        """Move the file into place; its data must be on disk before the name promises that they are."""
        ending = ending or seal(self.part, slices)
        with open(self.part, "ab") as file:
            file.write(ending)
        self._reservation.close()
        self.part.replace(self.path)
        trust(self.path)
        sync_folder(self.path.parent)

    def abandon(self) -> None:
        """Leave the file incomplete under its temporary name, after an exception that is not the file's.

        In parallel mode nothing is done: closing would wait for ranks that may not know of the exception.
        """
        if self.mode != "parallel":
            self._give_up()

    def _give_up(self) -> None:
        """Close the file as it is; all ranks that hold it do so together."""
        self._given_up = True
        if self._broken:
            _keep_open(self._h5)
        elif self._h5 is not None:
            with suppress(OSError, RuntimeError):
                self.h5.flush()
                self._close()
        self._h5 = None


def _late(action: Callable[[], None]) -> None:
    """Call `action`, in which HDF5 writes cached data; turn its RuntimeError into an OSError."""
    try:
        action()
    except RuntimeError as error:
        raise OSError(str(error)) from error


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _keep_open(h5: h5py.File | None) -> None:
    """Keep Python from closing a file when nothing refers to it any more, only `OutputFile` closes it.

    After an exception on one rank that would wait for the others, before the run can be ended; and a file that HDF5
    could not write crashes it.
    """
    if h5 is not None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(h5.id))


def _failures(comm: MPI.Comm | None, error: Exception | None) -> list[tuple[int, str]]:
    """Return rank and message of every rank that brings an error; the messages travel only if there is one."""
    mine = None if error is None else (comm.rank if comm else 0, f"{type(error).__name__}: {error}")
    if comm is None:
        return [] if mine is None else [mine]
    if comm.allreduce(int(error is not None)) == 0:
        return []
    return [failure for failure in comm.allgather(mine) if failure is not None]
