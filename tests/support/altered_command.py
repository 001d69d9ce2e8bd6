"""The command line with faults built in: python -m tests.support.altered_command CHANGE,CHANGE... ARGUMENT...

PHASE:RANK:N:ERROR   the N-th call of what PHASE stands for raises ERROR on RANK (several: 1+3)
serial-h5py          h5py is as it is where it was built without MPI
memory=BYTES         the machine has so much memory
file-size=BYTES      files cannot be larger
slow=MS              each piece of the simulation takes as much longer, so that a short run can be hit
"""

from __future__ import annotations

import builtins
import ctypes
import itertools
import resource
import sys
import time
import types
from collections.abc import Callable

import h5py
from mpi4py import MPI

from distsim import __main__
from distsim.engine import check, rank_engine
from distsim.engine.step import buffers, loop
from distsim.recording import checkpoint_file
from distsim.recording.spikes import SpikeFile

FIRE = "the neurons are on fire"
# In the middle of what all ranks do together, files open: the others wait, in MPI or in HDF5.
PHASES = {
    "build": (rank_engine, "connect"),
    "update": (loop, "advance"),
    "record": (SpikeFile, "_extend"),
    "checkpoint": (checkpoint_file, "_write"),
}
KEPT = []  # what compiled code calls must stay


def fail(phase: str, n: int, kind: type[Exception]) -> None:
    place, name = PHASES[phase]
    original, calls = getattr(place, name), itertools.count(1)

    def failing(*arguments, **options):
        if next(calls) >= n:
            raise kind(FIRE)
        return original(*arguments, **options)

    setattr(place, name, failing)


def fail_in_exchange(n: int) -> None:
    """Let MPI report an error to the compiled loop."""
    kind = ctypes.CFUNCTYPE(ctypes.c_int, *7 * [ctypes.c_void_p])
    plan, calls = buffers.plan_exchange, itertools.count(1)

    def planned(*arguments):
        found = plan(*arguments)
        original = kind(int(found.handles[0]))
        KEPT.append(kind(lambda *words: 1 if next(calls) >= n else original(*words)))
        found.handles[0] = ctypes.cast(KEPT[-1], ctypes.c_void_p).value
        return found

    buffers.plan_exchange = planned


def slow_down(seconds: float) -> None:
    original = loop.advance

    def advance(*arguments):
        time.sleep(seconds)
        return original(*arguments)

    loop.advance = advance


def without_mpi(opened: Callable) -> Callable:
    def file(*arguments, driver=None, **options):
        if driver == "mpio":
            raise ValueError("h5py was built without MPI support, can't use mpio driver")
        return opened(*arguments, driver=driver, **options)

    return file


def change(text: str) -> None:
    if text == "serial-h5py":
        h5py.get_config = lambda: types.SimpleNamespace(mpi=False)
        h5py.File = without_mpi(h5py.File)
    elif text.startswith("memory="):
        check.memory_of_machine = lambda: int(text.split("=")[1])
    elif text.startswith("file-size="):  # not for mpirun, which has large files of its own
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(text.split("=")[1]), resource.RLIM_INFINITY))
    elif text.startswith("slow="):
        slow_down(float(text.split("=")[1]) / 1000.0)
    else:
        phase, ranks, n, kind = text.split(":")
        if str(MPI.COMM_WORLD.rank) in ranks.split("+"):
            fail_in_exchange(int(n)) if phase == "exchange" else fail(phase, int(n), getattr(builtins, kind))


if __name__ == "__main__":
    for each in sys.argv.pop(1).split(","):
        change(each)
    sys.exit(__main__.main())
