"""Kernels that are compiled once: kept in the cache folder, loaded from there.

Numba notices a change in the file of a kernel, by its time, not in the files of what it calls, and its cache is not
safe while several processes fill it. So the folder is named after the sources and their times, the versions and the
processor; on each node one rank fills it under a lock while the others wait, and so do the threads of a process.

What is kept of a user's own functions is not ours: `njit` and `cfunc` here keep what they compile in this folder and
leave Numba's setting, which holds for the whole process, alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import compiler, sigutils
from numba.core.caching import CompileResultCacheImpl, FunctionCache, NullCache
from numba.core.ccallback import CFunc
from numba.core.codegen import RuntimeLinker
from numba.core.compiler_lock import global_compiler_lock as compiling
from numba.core.registry import cpu_target

from ...parallel import Comm, cause, place_on_node
from .cache_folder import fingerprint, folder, say_once

F = TypeVar("F", bound=Callable)

MANIFEST = "manifest.json"
INDEX, CODE = ".nbi", ".nbc"  # suffixes of Numba's files


# --- Numba's cache, in a folder of ours -------------------------------------------------------------------------------


class _Place:
    """Stands in for Numba's locator: tells it the folder in which a function is kept."""

    def __init__(self, function: Callable, path: Path) -> None:
        self._py_file, self._path = function.__code__.co_filename, path

    def get_cache_path(self) -> str:
        return str(self._path)

    def get_source_stamp(self) -> str:
        return fingerprint()

    def ensure_cache_path(self) -> None:
        self._path.mkdir(0o700, exist_ok=True)


class _Files(CompileResultCacheImpl):
    """The names of a function's files."""

    def __init__(self, function: Callable, path: Path) -> None:
        line, module = function.__code__.co_firstlineno, Path(function.__code__.co_filename).stem
        self._lineno, self._locator = line, _Place(function, path)
        name = f"{module}.{function.__qualname__}-{line}".replace("<", "").replace(">", "")
        self._filename_base = f"{name}.py{sys.version_info[0]}{sys.version_info[1]}{sys.abiflags}"


class _Cache(FunctionCache):
    def __init__(self, function: Callable, path: Path) -> None:
        self._impl_class = lambda function: _Files(function, path)  # type: ignore[assignment]  # it is only called
        super().__init__(function)


class _Kept(NullCache):
    """A function's cache in the folder of this process, which is chosen when something is first compiled or loaded."""

    def __init__(self, function: Callable) -> None:
        self._function = function
        self._path: Path | None = None
        self._cache: _Cache | None = None

    def _here(self) -> _Cache:
        path = folder()
        if self._cache is None or path != self._path:
            self._path, self._cache = path, _Cache(self._function, path)
        return self._cache

    @property
    def cache_path(self) -> str:
        return str(self._here().cache_path)

    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            return self._here().load_overload(signature, context)
        except OSError:
            return None  # it is compiled instead

    def save_overload(self, signature: Any, data: Any) -> None:
        machine_code, _ = data.library.serialize_using_object_code()[2]
        if RuntimeLinker.PREFIX.encode() in machine_code:
            return  # a recursion: Numba resolves its calls in the process that compiles, not in those that load
        try:
            self._here().save_overload(signature, data)
        except OSError as error:  # the disk is full: the next run compiles it again
            say_once(f"distsim: compiled kernels cannot be kept: {cause(error)}")

    def flush(self) -> None:
        self._here().flush()


def njit(*, cache: bool = False, **options: Any) -> Callable[[F], F]:
    """`numba.njit(**options)`; with `cache` what it compiles is kept in the cache folder."""

    def decorate(function: F) -> F:
        with compiling:
            compiled: Any = numba.njit(**options)(function)
            if cache:
                compiled._cache = _Kept(function)
            made: F = compiled  # which is called as the function is
            return made

    return decorate


def cfunc(signature: Any, function: Callable, pipeline_class: type[compiler.Compiler] = compiler.Compiler) -> CFunc:
    """`function` compiled as a C function, kept in the cache folder."""
    with compiling:
        signature = sigutils.normalize_signature(signature)
        compiled = CFunc(function, signature, locals={}, options={}, pipeline_class=pipeline_class)
        compiled._cache = _Kept(function)  # type: ignore[attr-defined]  # which CFunc sets to a Cache
        compiled.compile()
        return compiled


# --- filled once ------------------------------------------------------------------------------------------------------

_filling = threading.RLock()  # of threads; the lock on the file does nothing where the file system has none


def fill_once(comm: Comm, path: Path, kernels: Mapping[str, Callable[[], object]]) -> None:
    """Compile those `kernels`, by name, that never were: on one rank a node, while the others wait (collective).

    What is damaged is removed and compiled again. Numba is made ready to load kernels on all ranks.
    """
    with compiling:
        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()  # 0.2 s, which the first call of a kernel would take otherwise
    if place_on_node(comm)[0] == 0:
        with _filling, locked(path / "lock"):
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
    return {str(file.relative_to(path)): zlib.crc32(file.read_bytes()) for file in sorted(path.glob(f"*{CODE}"))}


def _damaged(path: Path, files: Mapping[str, int]) -> list[Path]:
    """Code files that are not what they were when they were compiled, and index files that cannot be read.

    What was compiled since then is in no list, and an index file grows by it: neither is damage.
    """
    there = {path / name: checksum for name, checksum in _checksums(path).items()}
    listed = {path / name: checksum for name, checksum in files.items()}
    code = [file for file, checksum in listed.items() if there.get(file) != checksum]
    return code + [file for file in path.glob(f"*{INDEX}") if not _is_readable(file)]


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
