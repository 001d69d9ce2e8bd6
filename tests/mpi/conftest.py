"""A folder for all ranks; and a test that fails on some ranks only must not leave the others waiting.

After each test the ranks tell each other whether it failed. A rank that failed waits for the others for a while; where
they do not come they hang in the test, and all ranks are ended. Where they come, all of them continue together.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

PATIENCE = 30.0  # s that a rank that failed waits for the others


@pytest.fixture(scope="session")
def failures():
    """A communicator of its own for telling failures, so that no test's message is mistaken for one."""
    from mpi4py import MPI

    comm = MPI.COMM_WORLD.Dup()
    yield comm
    comm.Free()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make one folder for all ranks, see `common_folder`."""
    from tests.support.folders import common_folder

    with common_folder() as path:
        yield path


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.failed_here, item.text = report.failed, report.longreprtext


@pytest.fixture(autouse=True)
def together(request, failures):
    """Wait for the other ranks at the end of a test; fail where one of them failed."""
    yield
    failed = getattr(request.node, "failed_here", True)

    def end_all_ranks() -> None:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            text = getattr(request.node, "text", "")
            sys.stderr.write(f"\n{text}\nfailed on rank {failures.rank}, other ranks hang; all ranks end\n")
            sys.stderr.flush()
            failures.Abort(1)

    n_failed = count_failed(failures, failed, end_all_ranks)
    if n_failed and not failed:
        pytest.fail(f"failed on {n_failed} other ranks", pytrace=False)


def count_failed(comm, failed: bool, give_up: Callable[[], None]) -> int:
    """Return the number of ranks on which the test failed; give up if this one failed and some do not arrive."""
    mine, total = np.array([int(failed)]), np.zeros(1, int)
    request, started = comm.Iallreduce(mine, total), time.monotonic()
    while not request.Test():
        if failed and time.monotonic() - started > PATIENCE:
            give_up()
        time.sleep(0.001)
    return int(total[0])
