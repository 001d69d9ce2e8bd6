"""Commands of Python on several ranks, started as a user starts them."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.commands import ROOT

LIMIT = 60  # s that a run may take


@functools.cache
def launcher() -> tuple[str, ...] | None:
    """Return the command that starts ranks, without their number; None where there is none."""
    mpirun = shutil.which("mpirun")
    if mpirun is None:
        return None
    version = subprocess.run([mpirun, "--version"], capture_output=True, text=True, timeout=30).stdout
    return (mpirun, "--oversubscribe") if "Open" in version else (mpirun,)


def environment() -> dict[str, str]:
    """Return the variables of a process that starts ranks."""
    as_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **as_root}


def start(ranks: int, *argv, cwd: Path, limit: float = LIMIT) -> subprocess.CompletedProcess:
    """Run a Python command on `ranks` ranks; mpirun is ended, and its ranks with it, after `limit` s (code 124)."""
    command = ["timeout", "-k", "15", str(limit), *launcher(), "-n", str(ranks), sys.executable, *map(str, argv)]
    # Into files: a rank that outlives mpirun would keep a pipe open, and what it said be lost.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(command, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        done.stdout, done.stderr = (file.seek(0) or file.read() for file in (out, err))
    return done
