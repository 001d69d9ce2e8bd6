"""Rank 0 acts alone: all ranks get its result, or its InputError."""

from __future__ import annotations

import pytest

from distsim.parallel import InputError, on_root_alone

pytestmark = pytest.mark.mpi


def fail() -> None:
    raise InputError("not this")


def test_all_ranks_get_what_rank_0_did_alone():
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    assert on_root_alone(comm, lambda: comm.rank + 41) == 41
    with pytest.raises(InputError, match="not this"):
        on_root_alone(comm, fail)
    assert on_root_alone(comm, lambda: "again") == "again"
