"""`summary.json`: what a run was and what came out, for other programs."""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..files.paths import written_whole
from ..parallel import Comm
from ..version import __version__


def startup_seconds() -> float:
    """Wall time since this process was started (s); its processor time where the system does not tell."""
    try:
        fields = Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError, IndexError, ValueError):
        return time.process_time()


def peak_rss() -> int:
    """Largest resident memory of this process so far, bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def spread(comm: Comm, phases: Sequence[str], seconds: np.ndarray) -> dict[str, dict[str, float]]:
    """Min, mean and max over ranks of the `seconds` of each of `phases` (collective)."""
    table = np.array(comm.allgather(seconds))
    columns = zip(phases, table.T, strict=True)
    return {phase: {"min": float(c.min()), "mean": float(c.mean()), "max": float(c.max())} for phase, c in columns}


def versions() -> dict[str, str]:
    import h5py
    import numba

    found = {"distsim": __version__, "python": platform.python_version(), "numpy": np.__version__}
    found |= {"numba": numba.__version__, "h5py": h5py.__version__, "hdf5": h5py.version.hdf5_version}
    if "mpi4py.MPI" in sys.modules:
        from mpi4py import MPI
        from mpi4py import __version__ as mpi4py_version

        found |= {"mpi4py": mpi4py_version, "mpi": MPI.Get_library_version().splitlines()[0].rstrip("\x00")}
    return found


def write(folder: Path, summary: dict, name: str = "summary.json") -> Path:
    """Write `summary` under a temporary name and move it into place."""
    path = folder / name
    with written_whole(path) as part:
        part.write_text(json.dumps(summary, indent=1, default=_plain, allow_nan=False) + "\n", encoding="utf8")
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"cannot write {type(value)} to summary.json")
