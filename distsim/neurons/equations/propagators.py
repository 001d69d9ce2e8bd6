"""Exact propagators of linear equations: matrix exponentials, for one matrix or one a neuron.

Computed as numbers, not as formulas: those of SymPy divide by differences of time constants, and lose their digits
where two of them are nearly equal. All operations are by element, in a fixed order, so that a neuron's propagators
depend on its own parameters alone.
"""

from __future__ import annotations

import numpy as np

LARGEST = 0.25  # of a matrix whose series is summed; larger ones are halved before and squared after
MOST_TERMS = 60
AT_ONCE = 512  # matrices, which stay in the cache


def exponential_less_one(M: np.ndarray) -> np.ndarray:
    """Return exp(M) - 1 of a stack of square matrices, (..., m, m), precise also where it is small."""
    flat = M.reshape(-1, *M.shape[-2:])
    with np.errstate(all="ignore"):
        parts = [_of_some(flat[first : first + AT_ONCE]) for first in range(0, len(flat), AT_ONCE)]
    return np.concatenate([flat[:0], *parts]).reshape(M.shape)


def _of_some(M: np.ndarray) -> np.ndarray:
    halvings = np.ceil(np.log2(np.maximum(_size(M) / LARGEST, 1.0)))
    halvings = np.where(np.isfinite(halvings), halvings, 0.0)
    scaled = M * np.exp2(-halvings)[:, None, None]
    found, term = scaled.copy(), scaled.copy()
    for k in range(2, MOST_TERMS):
        term = _product(term, scaled) / k
        if k > M.shape[-1] and not np.any(found + term != found):
            break
        found = found + term
    for k in range(int(halvings.max(initial=0.0))):
        squared = 2.0 * found + _product(found, found)
        found = np.where((halvings > k)[:, None, None], squared, found)
    return found


def _size(M: np.ndarray) -> np.ndarray:
    """Return a bound on how fast M acts that does not depend on the units of the variables: couplings count where they
    go both ways."""
    both_ways = np.sqrt(np.abs(M * np.swapaxes(M, -1, -2)))
    size: np.ndarray = both_ways.sum(axis=-1).max(axis=-1)
    return size


def _product(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    found: np.ndarray = A[..., :, 0, None] * B[..., None, 0, :]
    for k in range(1, A.shape[-1]):
        found = found + A[..., :, k, None] * B[..., None, k, :]
    return found
