"""Arrays that every step walks through, on huge pages: the processor finds few of their addresses at a time."""

from __future__ import annotations

import mmap
from collections.abc import Sequence

import numpy as np

HUGE = 1 << 21  # bytes of a huge page
WORTH_IT = 1 << 18  # bytes: what is less is on few pages anyway
APART = 64  # bytes of a cache line, where arrays begin


def together(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Copies of one-dimensional arrays one behind the other on huge pages, where the system has them; the arrays
    themselves if they are small."""
    sizes = [-(-array.nbytes // APART) * APART for array in arrays]
    total = sum(sizes)
    if total < WORTH_IT or not hasattr(mmap, "MADV_HUGEPAGE"):
        return list(arrays)
    try:
        memory = mmap.mmap(-1, -(-total // HUGE) * HUGE + HUGE)
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # a kernel without them, or no room for copies
        return list(arrays)
    whole = np.frombuffer(memory, np.uint8)
    start = -whole.ctypes.data % HUGE
    copies = []
    for array, size in zip(arrays, sizes, strict=True):
        copy = whole[start : start + array.nbytes].view(array.dtype)
        copy[:] = array
        copies.append(copy)
        start += size
    return copies
