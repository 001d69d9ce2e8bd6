"""Where compiled kernels are kept, and that they are compiled once.

Numba notices a change in the file of a kernel, by its time, not in the files of what it calls, and its cache is not
safe while several processes fill it. So the folder is named after the sources and their times, the versions and the
processor; on each node one rank fills it under a lock while the others wait.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import llvmlite
import llvmlite.binding
import numba
import numpy
from numba.core.registry import cpu_target

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = "manifest.json"
SUFFIXES = (".nbi", ".nbc")  # Numba's index and code files


def folder() -> Path:
    """The cache of this machine type and this version of the sources; `DISTSIM_CACHE_DIR` moves it."""
    base = os.environ.get("DISTSIM_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "distsim" / fingerprint()


def fingerprint() -> str:
    digest = hashlib.sha256()
    for source in sorted([*(ROOT / "engine").glob("*.py"), *(ROOT / "neurons").glob("*.py")]):
        digest.update(source.read_bytes())
        digest.update(str(source.stat().st_mtime_ns).encode())
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


def fill_once(comm, path: Path, kernels: Mapping[str, Callable[[], object]]) -> None:
    """Compile those `kernels`, by name, that never were: on one rank a node, while the others wait (collective).

    A damaged cache is emptied and filled again. Numba is made ready to load kernels on all ranks.
    """
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()  # 0.2 s, which the first call of a kernel would take otherwise
    if _leads_node(comm):
        with locked(path / "lock"):
            manifest = _read_manifest(path)
            if manifest["files"] != _checksums(path):
                _empty(path)
                manifest = {"compiled": [], "files": {}}
            missing = [name for name in kernels if name not in manifest["compiled"]]
            if "kernels" in missing and comm.rank == 0:
                print("  compiling (once on this machine, about twenty seconds)", flush=True)
            for name in missing:
                kernels[name]()
            if missing:
                _write_manifest(path, [*manifest["compiled"], *missing])
    comm.Barrier()


def _read_manifest(path: Path) -> dict:
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        return {"compiled": list(manifest["compiled"]), "files": dict(manifest["files"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"compiled": [], "files": {}}


def _write_manifest(path: Path, compiled: list[str]) -> None:
    with contextlib.suppress(OSError):
        part = path / f"{MANIFEST}.part"
        part.write_text(json.dumps({"compiled": compiled, "files": _checksums(path)}))
        os.replace(part, path / MANIFEST)


def _checksums(path: Path) -> dict[str, int]:
    """CRC-32 of every file that Numba keeps in the cache."""
    files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)
    return {str(file.relative_to(path)): zlib.crc32(file.read_bytes()) for file in files}


def _empty(path: Path) -> None:
    for file in [*path.rglob("*"), path / MANIFEST]:
        if file.suffix in SUFFIXES or file.name == MANIFEST:
            with contextlib.suppress(OSError):
                file.unlink()


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
