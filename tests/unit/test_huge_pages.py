"""Arrays laid together keep what is in them and share no byte."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from distsim.engine.compiled.huge_pages import WORTH_IT, together


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="no huge pages on this system")
def test_arrays_keep_their_values_and_do_not_overlap():
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=WORTH_IT // 8), np.arange(-50, 51, dtype=np.int16), np.zeros(0), np.ones(333, np.uint8)]
    copies = together(arrays)
    for array, copy in zip(arrays, copies, strict=True):
        assert copy.dtype == array.dtype and np.array_equal(copy, array)
        assert not np.shares_memory(copy, array) or copy.size == 0
    for copy in copies:
        before = [other.copy() for other in copies]
        copy[:] = 7
        for other, was in zip(copies, before, strict=True):
            assert other is copy or np.array_equal(other, was)


def test_small_arrays_stay_where_they_are():
    arrays = [np.zeros(10), np.zeros(5, np.int16)]
    assert all(copy is array for copy, array in zip(together(arrays), arrays, strict=True))
