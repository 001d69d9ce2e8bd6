"""Folders that all ranks share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mpi4py import MPI

COMM = MPI.COMM_WORLD


@contextmanager
def common_folder() -> Iterator[Path]:
    """Make one folder for all ranks; it is there until all are done with it."""
    path = Path(COMM.bcast(tempfile.mkdtemp() if COMM.rank == 0 else None))
    yield path
    COMM.barrier()
    if COMM.rank == 0:
        shutil.rmtree(path)
