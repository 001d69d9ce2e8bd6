"""The folder of compiled kernels, which only the user can write.

Kernels are loaded as pickles: whoever writes one has the user who loads it run whatever code it holds. A folder that
belongs to somebody else, or that group or others can write, is therefore not read. A private one in the folder for
temporary files takes its place, and a line says so.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import platform
import shutil
import stat
import sys
import tempfile
import threading
from pathlib import Path

import llvmlite
import llvmlite.binding
import numba
import numpy

from ...parallel import Comm, FaultError, SerialCommunicator, cause

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = 0o700
SETTINGS = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "USING_SVML")  # of Numba


@functools.cache
def fingerprint() -> str:
    """Return a name for all that the kernels' machine code depends on, except users' own models."""
    digest = hashlib.sha256()
    for source in sorted([*(ROOT / "engine").rglob("*.py"), *(ROOT / "neurons").rglob("*.py")]):
        digest.update(source.read_bytes())
        digest.update(str(source.stat().st_mtime_ns).encode())
    versions = (numba.__version__, llvmlite.__version__, numpy.__version__, platform.python_version(), str(ROOT))
    settings = [f"{name}={getattr(numba.config, name, None)}" for name in SETTINGS]
    digest.update("|".join((*versions, *settings, platform.machine(), llvmlite.binding.get_host_cpu_name())).encode())
    return digest.hexdigest()[:16]


def asked_for() -> tuple[Path, str]:
    """Return the folder that is to hold the cache (DISTSIM_CACHE_DIR, XDG_CACHE_HOME or HOME), and its name.

    Raises
    ------
    OSError : the home folder is not known.
    """
    asked = os.environ.get("DISTSIM_CACHE_DIR")
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    name = "DISTSIM_CACHE_DIR" if asked else "the user's cache folder"
    # The XDG specification says that a relative folder is to be ignored.
    base = os.path.expanduser(asked or (xdg if os.path.isabs(xdg) else "~/.cache"))
    if base.startswith("~") or not (asked or os.path.isabs(base)):
        raise OSError(f"{base}: there is no such home folder")
    return Path(os.path.abspath(base)), name


def problem_of(folder: Path) -> str | None:
    """Return why a folder that exists must not be read or cannot be used; None if it is the user's own."""
    found = os.stat(folder)
    if not stat.S_ISDIR(found.st_mode):
        return f"{folder} is not a folder"
    if found.st_uid != os.geteuid():
        return f"{folder} belongs to another user"
    if found.st_mode & 0o022:
        return f"{folder} can be written by others (chmod go-w {folder})"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder} cannot be written"
    return None


def problem_within(folder: Path) -> str | None:
    """Return why the files in the user's own folder must not be read: somebody else made or can write one; or None."""
    is_open = os.stat(folder).st_mode & 0o011
    for entry in os.scandir(folder):
        found = entry.stat(follow_symlinks=False)
        if found.st_uid != os.geteuid() or stat.S_ISLNK(found.st_mode):
            return f"{entry.path} belongs to another user"
        if is_open and found.st_mode & 0o022:
            return f"{entry.path} can be written by others (chmod -R go-w {folder})"
    return None


def make_folders(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for the user alone."""
    missing = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    for path in reversed(missing):
        path.mkdir(PRIVATE, exist_ok=True)


def problem_with(base: Path) -> str | None:
    """Make the cache in `base` if it is missing; return why it must not be used, or None."""
    try:
        for folder in (base, base / "distsim", base / "distsim" / fingerprint()):
            make_folders(folder)
            if problem := problem_of(folder):
                return problem
        return problem_within(folder)
    except OSError as error:
        return cause(error)


def private_folder() -> Path:
    """Return a folder among the temporary ones that only this user can read and write.

    It has a name that is the same in each run, so that kernels are kept; one that is not the user's own (anybody could
    make it first) is left alone, and one with a random name, for this run alone, takes its place.

    Raises
    ------
    FaultError : no folder can be made there.
    """
    try:
        fixed = Path(tempfile.gettempdir()) / f"distsim-{os.geteuid()}"
        if _is_private(fixed) and _is_private(fixed / fingerprint()):
            return fixed / fingerprint()
        path = Path(tempfile.mkdtemp(prefix=f"distsim-{os.geteuid()}-"))
    except OSError as error:
        raise FaultError(
            f"compiled kernels cannot be kept: {cause(error)}; set DISTSIM_CACHE_DIR to a folder of your own"
        ) from error
    atexit.register(_remove, path, os.getpid())
    return path


def _is_private(folder: Path) -> bool:
    """Make a folder, or withdraw others' permission to read it; return whether it is a folder, not a link, that only
    the user can write."""
    try:
        folder.mkdir(PRIVATE, exist_ok=True)
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode) or problem_of(folder) or problem_within(folder):
            return False
        if found.st_mode & 0o077:
            folder.chmod(PRIVATE)
        return True
    except OSError:
        return False


def _remove(path: Path, process: int) -> None:
    if os.getpid() == process:  # not a fork of it
        shutil.rmtree(path, ignore_errors=True)


# --- the choice -------------------------------------------------------------------------------------------------------


class _Choice:
    """The folder of this process, once it is chosen, and the line to print about it."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.line = ""
        self.lock = threading.RLock()

    def make(self) -> Path:
        with self.lock:
            if self.folder is None or not _can_stay(self.folder):
                self.folder, self.line = _choose()
            return self.folder


def _can_stay(folder: Path) -> bool:
    try:
        return problem_of(folder) is None
    except OSError:
        return False


def _choose() -> tuple[Path, str]:
    try:
        base, name = asked_for()
        problem = problem_with(base)
        if problem is None:
            return base / "distsim" / fingerprint(), ""
    except OSError as error:
        problem, name = cause(error), "the user's cache folder"
    folder = private_folder()
    return folder, f"distsim: {name} is not used for compiled kernels: {problem}; {folder} takes its place"


_choice = _Choice()


def folder() -> Path:
    """Return the folder of this process."""
    return agreed_folder(SerialCommunicator())


def agreed_folder(comm: Comm) -> Path:
    """Return the folder that the first rank of each machine has chosen, on all of its ranks (collective)."""
    if comm.size == 1:
        own = _choice.make()
        _say(_choice.line)
        return own
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    path: Path
    path, line, error = node.bcast(_first_choice() if node.rank == 0 else None)
    node.Free()
    told = comm.allgather((line, error))
    if comm.rank == 0:
        for line in dict.fromkeys(line for line, _ in told):
            _say(line)
    _choice.line = ""
    for _, error in told:
        if error:
            raise FaultError(error)
    # Loading from another folder than the first rank's would only compile more often, so no agreement is needed.
    if _can_stay(path):
        _choice.folder = path
    return path


def _first_choice() -> tuple[Path | None, str, str]:
    try:
        return _choice.make(), _choice.line, ""
    except FaultError as error:
        return None, "", str(error)


def _say(line: str) -> None:
    _choice.line = ""
    if line:
        print(line, file=sys.stderr, flush=True)


@functools.cache
def say_once(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
