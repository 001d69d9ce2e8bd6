"""Where compiled kernels are kept, and that they are compiled once.

Numba notices a change in the file of a kernel, by its time, not in the files of what it calls, and its cache is not
safe while several processes fill it. So the folder is named after the sources and their times, the versions and the
processor; on each node one rank fills it under a lock while the others wait.

What is kept of a user's own functions is not ours: `njit` and `cfunc` here keep what they compile in this folder and
leave Numba's setting alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import platform
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import llvmlite
import llvmlite.binding
import numba
import numpy
from numba.core.registry import cpu_target

from ..parallel import place_on_node

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = "manifest.json"
INDEX, CODE = ".nbi", ".nbc"  # suffixes of Numba's files


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


def usable_folder() -> Path:
    """`folder()`, made if needed, or, where that cannot be written, a temporary one."""
    path = folder()
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(path)
    except OSError:
        path = Path(tempfile.gettempdir()) / f"distsim-{os.getuid()}" / path.name
        path.mkdir(parents=True, exist_ok=True)
    return path


FOLDER = usable_folder()


@contextlib.contextmanager
def _kept_here() -> Iterator[None]:
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(FOLDER)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def njit(**options):
    """`numba.njit(**options)`; with `cache=True` what it compiles is kept in `FOLDER`."""

    def decorate(function):
        with _kept_here():
            return numba.njit(**options)(function)

    return decorate


def cfunc(signature, function, pipeline_class=None):
    """`function` compiled as a C function, kept in `FOLDER`."""
    with _kept_here():
        return numba.cfunc(signature, cache=True, pipeline_class=pipeline_class)(function)


# --- filled once ------------------------------------------------------------------------------------------------------


def fill_once(comm, path: Path, kernels: Mapping[str, Callable[[], object]]) -> None:
    """Compile those `kernels`, by name, that never were: on one rank a node, while the others wait (collective).

    What is damaged is removed and compiled again. Numba is made ready to load kernels on all ranks.
    """
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()  # 0.2 s, which the first call of a kernel would take otherwise
    if place_on_node(comm)[0] == 0:
        with locked(path / "lock"):
            manifest = _read_manifest(path)
            if damaged := _damaged(path, manifest["files"]):
                _remove(damaged)
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
    """CRC-32 of the code files that Numba keeps in the cache."""
    return {str(file.relative_to(path)): zlib.crc32(file.read_bytes()) for file in sorted(path.rglob(f"*{CODE}"))}


def _damaged(path: Path, files: Mapping[str, int]) -> list[Path]:
    """Code files that are not what they were when they were compiled, and index files that cannot be read.

    What was compiled since then is in no list, and an index file grows by it: neither is damage.
    """
    there = {path / name: checksum for name, checksum in _checksums(path).items()}
    listed = {path / name: checksum for name, checksum in files.items()}
    code = [file for file, checksum in listed.items() if there.get(file) != checksum]
    return code + [file for file in path.rglob(f"*{INDEX}") if not _is_readable(file)]


def _is_readable(index: Path) -> bool:
    try:
        with open(index, "rb") as file:
            pickle.load(file)  # Numba's version
            pickle.loads(file.read())
    except Exception:  # what a damaged pickle raises is not limited
        return False
    return True


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        for one in (file, *file.parent.glob(f"{file.name.split('.py')[0]}.*{INDEX}")):  # with the index of the function
            one.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; without one where the file system has none."""
    import fcntl

    with open(path, "w") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
