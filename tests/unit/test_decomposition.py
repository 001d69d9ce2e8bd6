"""Neurons are dealt round-robin: every one lives on one rank, in the order of its gid."""

from __future__ import annotations

import numpy as np
import pytest

from distsim.description.indices import runs
from distsim.engine.step.decomposition import Decomposition

CASES = [(0, 1), (0, 3), (1, 4), (2, 2), (7, 3), (20, 1), (64, 8), (101, 5)]


def deals(n: int, size: int) -> list[Decomposition]:
    return [Decomposition(n, size, rank) for rank in range(size)]


@pytest.mark.parametrize(("n", "size"), CASES)
def test_every_neuron_lives_on_one_rank(n, size):
    gids = [deal.gid(np.arange(deal.n_local)) for deal in deals(n, size)]
    np.testing.assert_array_equal(np.sort(np.concatenate(gids)), np.arange(n))
    assert max(map(len, gids)) - min(map(len, gids)) <= 1


@pytest.mark.parametrize(("n", "size"), CASES)
def test_gid_and_lid_are_inverse(n, size):
    everything = np.arange(n)
    for deal in deals(n, size):
        mine = everything[deal.local(everything)]
        np.testing.assert_array_equal(deal.lids(mine), np.arange(deal.n_local))
        np.testing.assert_array_equal(deal.gid(deal.lids(mine)), mine)


@pytest.mark.parametrize(("n", "size"), CASES)
def test_a_range_of_gids_is_a_range_of_lids(n, size):
    for deal in deals(n, size):
        for first in range(n + 1):
            expected = [gid for gid in range(first) if gid % size == deal.rank]
            assert deal.first_lid(first) == len(expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([5], [(5, 6)]),
        ([0, 1, 2], [(0, 3)]),
        ([0, 2, 3, 7], [(0, 1), (2, 4), (7, 8)]),
    ],
)
def test_runs_cut_ascending_integers_where_they_jump(values, expected):
    assert runs(np.array(values, np.int64)) == expected
