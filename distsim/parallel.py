"""The ranks: which communicator there is, agreeing, ending all ranks."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

SIZE = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")  # in the environment, by launcher
RANK = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")  # in the environment, by launcher
PATIENCE = 2.0  # s that a rank that fails gives rank 0 to fail as well, and to say so for all ranks

Comm = Any  # a communicator of mpi4py, or a `SerialCommunicator`
T = TypeVar("T")


class InputError(Exception):
    """The user's mistake: to be shown once, without a traceback; exit code 2 on every rank."""


class FaultError(Exception):
    """The machine failed: no space on a disk, no folder, no memory. Printed once, without a traceback."""


class SerialCommunicator:
    """The one process there is, where no MPI library can be loaded; the part of mpi4py's interface that is used."""

    rank, size = 0, 1

    def allreduce(self, value: Any, op: Any = None) -> Any:
        return value

    def bcast(self, value: Any, root: int = 0) -> Any:
        return value

    def gather(self, value: Any, root: int = 0) -> list:
        return [value]

    def allgather(self, value: Any) -> list:
        return [value]

    def Barrier(self) -> None:
        pass

    def Abort(self, code: int = 1) -> None:
        sys.exit(code)


def world() -> Comm:
    """All ranks that MPI has started; a `SerialCommunicator` where there is no MPI library, or one rank without MPI.

    Raises
    ------
    RuntimeError : there are several ranks, and MPI is not initialized (`mpi4py.rc.initialize = False`) or finalized
        already: each rank would take itself for the only one.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError):
        return SerialCommunicator()
    problem = _problem_of(MPI)
    if problem is None:
        return MPI.COMM_WORLD
    if _is_one_of_several():
        raise RuntimeError(f"{problem}, and a launcher has started several ranks")
    return SerialCommunicator()


def running_world() -> Comm | None:
    """All ranks, if there are several and MPI is running; otherwise None."""
    MPI = sys.modules.get("mpi4py.MPI")
    if MPI is None or _problem_of(MPI) is not None or MPI.COMM_WORLD.size == 1:
        return None
    return MPI.COMM_WORLD


def is_first() -> bool:
    """Return whether this is rank 0, or the only process, even before MPI is initialized."""
    comm = running_world()
    if comm is not None:
        return bool(comm.rank == 0)
    return all(os.environ.get(name, "0") == "0" for name in RANK)


def check_running(comm: Comm) -> None:
    """RuntimeError where `comm` is one of MPI, and MPI is not running: to ask it anything would end the process."""
    MPI = sys.modules.get("mpi4py.MPI")
    if MPI is not None and isinstance(comm, MPI.Comm) and (problem := _problem_of(MPI)):
        raise RuntimeError(problem)


def _problem_of(MPI: Any) -> str | None:
    """Why MPI cannot be used; None if it can."""
    if not MPI.Is_initialized():
        return "MPI is not initialized: call mpi4py.MPI.Init(), or leave mpi4py.rc.initialize as it is"
    return "MPI is finalized already: nothing can be simulated any more" if MPI.Is_finalized() else None


def _is_one_of_several() -> bool:
    """Return whether a launcher has started this process together with others."""
    several = any(os.environ.get(name, "1") != "1" for name in SIZE)
    return several or any(os.environ.get(name, "0") != "0" for name in RANK)


def place_on_node(comm: Comm) -> tuple[int, int]:
    """This rank among those on its machine, and their number (collective)."""
    if comm.size == 1:
        return 0, 1
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    place = node.rank, node.size
    node.Free()
    return place


def end_all_at_exceptions() -> None:
    """From now on an exception that nobody catches ends all ranks: the others would wait for the one that failed."""

    def end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        comm = running_world()
        if comm is not None:
            end_all_ranks(comm, error)
        else:
            # Before there is MPI, the launcher says who is not rank 0, and ends all when rank 0 has failed.
            time.sleep(PATIENCE if any(int(os.environ.get(name, 0)) for name in RANK) else 0.0)
            sys.__excepthook__(kind, error, trace)

    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = end


def on_root(comm: Comm, action: Callable[[], T]) -> T:
    """Result of `action`, run on rank 0, on all ranks; an InputError or OSError there is raised on all (collective)."""
    result: T | None = None
    error: Exception | None = None
    if comm.rank == 0:
        try:
            result = action()
        except (InputError, OSError) as failure:
            error = failure
    shared: T
    shared, error = comm.bcast((result, error))
    if error is not None:
        raise error
    return shared


def on_root_alone(comm: Comm, action: Callable[[], T]) -> T:
    """As `on_root`, while the other ranks sleep, so that `action` has their cores; waiting inside MPI would keep them
    busy (collective)."""

    def then_wake_the_others() -> T:
        try:
            return action()
        finally:
            if comm.size > 1:
                comm.Ibarrier().Wait()

    if comm.rank:
        request = comm.Ibarrier()
        while not request.Test():
            time.sleep(0.02)
    return on_root(comm, then_wake_the_others)


def cause(error: OSError | MemoryError) -> str:
    """Return the cause of an error in words: the file and why."""
    if isinstance(error, MemoryError):
        return f"not enough memory ({error})" if str(error) else "not enough memory"
    if error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def end_all_ranks(comm: Comm, error: BaseException) -> None:
    """Print the traceback of `error`, or a `FaultError` alone, and end all ranks with a code other than 0 (130 after
    Ctrl-C).

    Where several ranks fail, as all do at a mistake in a script, the first of them alone prints and ends the others.
    """
    if isinstance(error, KeyboardInterrupt):
        say_last("\ndistsim: interrupted\n" if comm.rank == 0 else "")
        return end_all(comm, 130)
    if comm.rank:
        time.sleep(PATIENCE * (1 + comm.rank / comm.size))
    where = f" on rank {comm.rank} of {comm.size}" if comm.size > 1 else ""
    if isinstance(error, FaultError):
        say_last(f"distsim: error{where}: {error}\n")
    else:
        text = "".join(traceback.format_exception(error))
        say_last(f"distsim: error{where}; all ranks end\n{text}")
    end_all(comm, 1)


def end_all(comm: Comm, code: int) -> None:
    """End this process and all other ranks with an exit code."""
    if comm.size == 1:  # MPI would print a message of its own
        sys.exit(code)
    comm.Abort(code)


def say_last(text: str) -> None:
    """Write to standard error, if there is one that can be written: the process ends in any case."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()
