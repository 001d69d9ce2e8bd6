"""One cluster for all tests of this folder."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from .cluster import Cluster, what_is_missing


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    missing = what_is_missing()
    if missing:
        pytest.skip(missing)
    # SIGTERM, as of `timeout`, would end us without ending the jobs.
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", 143))
    try:
        with Cluster() as started:
            yield started
    finally:
        signal.signal(signal.SIGTERM, before)
