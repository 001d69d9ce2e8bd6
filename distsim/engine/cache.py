"""Where compiled kernels are kept, and that they are compiled once.

Numba notices a change in the file of a kernel, not in the files of what it calls, and its cache is not safe while
several processes fill it. So the folder is named after the sources, the versions and the processor; on each node one
rank fills it under a lock while the others wait.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import llvmlite
import llvmlite.binding
import numba
import numpy

ROOT = Path(__file__).resolve().parents[1]


def folder() -> Path:
    """The cache of this machine type and this version of the sources; `DISTSIM_CACHE_DIR` moves it."""
    base = os.environ.get("DISTSIM_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "distsim" / fingerprint()


def fingerprint() -> str:
    digest = hashlib.sha256()
    for source in sorted([*(ROOT / "engine").glob("*.py"), *(ROOT / "neurons").glob("*.py")]):
        digest.update(source.read_bytes())
    versions = (numba.__version__, llvmlite.__version__, numpy.__version__, platform.python_version(), str(ROOT))
    digest.update("|".join((*versions, platform.machine(), llvmlite.binding.get_host_cpu_name())).encode())
    return digest.hexdigest()[:16]


def use_folder() -> Path:
    """Make Numba keep compiled kernels in `folder()`, or, where that cannot be written, in a temporary folder."""
    path = folder()
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(path)
    except OSError:
        path = Path(tempfile.gettempdir()) / f"distsim-{os.getuid()}" / path.name
        path.mkdir(parents=True, exist_ok=True)
    if not os.environ.get("NUMBA_CACHE_DIR"):
        numba.config.CACHE_DIR = str(path)
    return path


def fill_once(comm, path: Path, what: str, compile_all: Callable[[], None]) -> None:
    """Run `compile_all` on one rank a node unless `what` was compiled before; the others wait (collective)."""
    done = path / f"{what}.done"
    if _leads_node(comm) and not done.exists():
        with locked(path / "lock"):
            if not done.exists():
                if comm.rank == 0:
                    print("  compiling (once on this machine, about ten seconds)", flush=True)
                compile_all()
                with contextlib.suppress(OSError):
                    done.touch()
    comm.Barrier()


def _leads_node(comm) -> bool:
    if comm.size == 1:
        return True
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    leads = node.rank == 0
    node.Free()
    return leads


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; without one where the file system has none."""
    import fcntl

    with open(path, "w") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
