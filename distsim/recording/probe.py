"""Read HDF5 files of other programs in a process apart first: HDF5 may crash over damaged bytes, or never end.

HDF5 1.10.8 raised SIGSEGV and SIGFPE, and followed B-trees in a circle. If the other process fails, that is an error
here; a file that it has read to its end is then read here.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import h5py

from distsim.recording.members import (
    PIECES,
    check_magic,
    children,
    column_blocks,
    dataset,
    datasets_of,
    has,
    text_attribute,
)

OF_MPI = ("OMPI_", "PMIX_", "PMI_", "PRTE_", "HYDRA_", "MPI_", "SLURM_PMI")  # the other process is no rank
SECONDS, SPEED = 5.0, 20e6  # processor time for a small file; bytes that one more second allows
MEMORY = 1 << 30  # bytes more than the process has at its start
SOUND, DAMAGED = 0, 3  # exit codes
COMMAND = "import mpi4py; mpi4py.rc.initialize = False; from distsim.recording.probe import main; main()"
WITHOUT_MPI = "from distsim.recording.probe import main; main()"
FAILURES: dict[int, str] = {
    signal.SIGXCPU: "HDF5 does not come to an end with it",
    signal.SIGKILL: "HDF5 was killed over it",
}


def probe(path: str | Path) -> None:
    """Read the file to its end in another process, where one can be started.

    Raises
    ------
    ValueError
        It cannot be read.
    """
    if not sys.executable:
        return
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OF_MPI)}
    environment["PYTHONPATH"] = os.pathsep.join(place or os.getcwd() for place in sys.path)
    command = [sys.executable, "-c", COMMAND if h5py.get_config().mpi else WITHOUT_MPI, os.path.abspath(path)]
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, cwd="/")
    except OSError as error:
        raise ValueError(f"cannot be tried in another process ({error.strerror or error})") from None
    if done.returncode < 0:
        number = -done.returncode
        name = signal.Signals(number).name if number in {*signal.Signals} else f"signal {number}"
        raise ValueError(f"damaged: {FAILURES.get(number, f'HDF5 crashes over it ({name})')}")
    if done.returncode == DAMAGED:
        raise ValueError(done.stdout.decode(errors="replace").strip())
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ValueError(f"cannot be tried in another process ({last})")


def main() -> None:
    """Read the recordings in the file that the command line names; the exit code is SOUND or DAMAGED."""
    _limit()
    _allow(SECONDS)
    try:
        with h5py.File(sys.argv[1], "r") as file:
            check_magic(file)
            _read_all(file)
    except Exception as error:  # damaged bytes make HDF5 and h5py raise anything
        print(str(error.args[0] if error.args else error)[:500] or type(error).__name__, flush=True)
        os._exit(DAMAGED)
    # Nothing of a file that may be damaged is closed or freed: HDF5 might crash over that.
    os._exit(SOUND)


def _read_all(file: h5py.File) -> None:
    if has(file, PIECES):
        for _ in column_blocks(dataset(file, PIECES, ndim=2)):
            pass
    for top in ("spikes", "report"):
        if has(file, top):
            for _, group in children(file, top):
                for found in datasets_of(group):
                    _allow(SECONDS + found.size * found.dtype.itemsize / SPEED)
                    for _ in column_blocks(found):
                        pass
                    text_attribute(found, "units")


def _limit() -> None:
    """Limit the memory of this process to that of a block of a dataset, and leave no core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        size = pages * resource.getpagesize() + MEMORY
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))
    except (OSError, ValueError):  # not Linux
        pass


def _allow(seconds: float) -> None:
    """Let this process be ended after `seconds` more of processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
