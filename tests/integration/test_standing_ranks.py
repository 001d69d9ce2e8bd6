"""The ranks that stay for tests: a command's mistakes are said, and ranks that fail are followed by others."""

from __future__ import annotations

import pytest

from tests.support.ranks import launcher
from tests.support.standing_ranks import command

pytestmark = pytest.mark.skipif(launcher() is None, reason="there is no mpirun")

FAILING = """
from mpi4py import MPI
from distsim import Network, NetworkModel

class OnFire(NetworkModel):
    def describe(self, parameters, dt, t_presim):
        if MPI.COMM_WORLD.rank == 1:
            raise RuntimeError("the neurons are on fire")
        return Network(dt)
"""


def test_what_the_ranks_say_and_their_code_are_those_of_the_command(tmp_path):
    mistaken, helped = command(3, "microcircuit", "--scael", "1", cwd=tmp_path), command(2, "--help", cwd=tmp_path)
    assert (mistaken.returncode, mistaken.stdout, mistaken.stderr.count("did you mean '--scale'")) == (2, "", 1)
    assert (helped.returncode, helped.stderr, helped.stdout.count("usage: ")) == (0, "", 1)


def test_others_follow_ranks_that_fail(tmp_path):
    (tmp_path / "network.py").write_text(FAILING)
    failed = command(2, "run", tmp_path / "network.py", "--out", tmp_path / "run", cwd=tmp_path)
    assert failed.returncode not in (0, 2, 124) and "RuntimeError: the neurons are on fire" in failed.stderr
    assert command(2, "--help", cwd=tmp_path).returncode == 0
