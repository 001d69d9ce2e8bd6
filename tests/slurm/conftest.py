"""One cluster for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .cluster import Cluster, what_is_missing


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    missing = what_is_missing()
    if missing:
        pytest.skip(missing)
    with Cluster() as started:
        yield started
