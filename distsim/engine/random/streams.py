"""Counter-based random numbers: every number is a function of the seed, of what it is for and whom it belongs to.

Philox4x32-10 (Salmon et al. 2011, SC11, doi:10.1145/2063384.2063405): key = seed, counter = (index, owner, object,
purpose). `owner` is a global neuron id or a tree node, `object` the number of the projection or stimulus in the
network, so nothing drawn depends on the number of ranks.

What has a distribution function is drawn through a table: a `QuantileTable` holds the 32-bit thresholds between the
levels of a discrete distribution (delays on the grid, weights on their levels, Poisson numbers), exact to 2^-32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..compiled.intrinsics import kernel

INITIAL, POISSON, SYNAPSE, INDEGREE, LEFT_OUT, POISSON_REST, NEURON = range(1, 8)  # purposes
POISSON_BY_NEURON, NOISE = 11, 12
POSITION, PAIR, PAIR_VALUE = range(32, 35)  # of neurons with positions

GUIDE_BITS = 12


def key(seed: int) -> tuple[int, int]:
    """A 64-bit seed as the two words of the key."""
    return seed & 0xFFFFFFFF, seed >> 32


@kernel(inline="always")
def philox(c0, c1, c2, c3, k0, k1):
    """One block: counter (4 words) and key (2 words) -> 4 words, all uint32."""
    for _ in range(10):
        p0 = np.uint64(c0) * np.uint64(0xD2511F53)
        p1 = np.uint64(c2) * np.uint64(0xCD9E8D57)
        c0 = np.uint32(np.uint32(p1 >> np.uint64(32)) ^ c1 ^ k0)
        c2 = np.uint32(np.uint32(p0 >> np.uint64(32)) ^ c3 ^ k1)
        c1, c3 = np.uint32(p1), np.uint32(p0)
        k0 = np.uint32(k0 + np.uint32(0x9E3779B9))
        k1 = np.uint32(k1 + np.uint32(0xBB67AE85))
    return c0, c1, c2, c3


@kernel(cache=True)
def words_by_owner(n, owner, owner_step, index, obj, purpose, k0, k1, u):
    """Blocks of n owners (owner, owner + owner_step, ...) at one index: word w of owner i to u[w, i]."""
    u0, u1, u2, u3 = u[0], u[1], u[2], u[3]
    for i in range(n):
        who = np.uint32(owner + owner_step * i)
        u0[i], u1[i], u2[i], u3[i] = philox(
            np.uint32(index), who, np.uint32(obj), np.uint32(purpose), np.uint32(k0), np.uint32(k1)
        )


@kernel(cache=True)
def words_by_index(n, owner, index, obj, purpose, k0, k1, u):
    """Blocks of one owner at n indices (index, index + 1, ...): word w of index i to u[w, i]."""
    u0, u1, u2, u3 = u[0], u[1], u[2], u[3]
    for i in range(n):
        which = np.uint32(index + i)
        u0[i], u1[i], u2[i], u3[i] = philox(
            which, np.uint32(owner), np.uint32(obj), np.uint32(purpose), np.uint32(k0), np.uint32(k1)
        )


@kernel(cache=True)
def words_of_indices(indices, owner, obj, purpose, k0, k1, u):
    """As `words_by_index`, for a list of indices."""
    for i in range(indices.size):
        u[0, i], u[1, i], u[2, i], u[3, i] = philox(
            np.uint32(indices[i]), np.uint32(owner), np.uint32(obj), np.uint32(purpose), np.uint32(k0), np.uint32(k1)
        )


@kernel(cache=True)
def words_of_owners(owners, index, obj, purpose, k0, k1, u):
    """As `words_by_owner`, for a list of owners."""
    for i in range(owners.size):
        u[0, i], u[1, i], u[2, i], u[3, i] = philox(
            np.uint32(index), np.uint32(owners[i]), np.uint32(obj), np.uint32(purpose), np.uint32(k0), np.uint32(k1)
        )


def uniforms(owners: np.ndarray, index: int, obj: int, purpose: int, seed: int) -> np.ndarray:
    """One uniform number in (0, 1), 53 bits, for each of `owners` (int64); float64, same length."""
    u = np.empty((4, owners.size), np.uint32)
    words_of_owners(owners, index, obj, purpose, *key(seed), u)
    high, low = u[0].astype(np.uint64) >> np.uint64(5), u[1].astype(np.uint64) >> np.uint64(6)
    found: np.ndarray = (high * np.uint64(67108864) + low).astype(float) / 2.0**53 + 2.0**-54
    return found


# --- discrete distributions -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class QuantileTable:
    """A distribution on consecutive integers: the level of word u is `first` + the number of thresholds below u.

    Attributes
    ----------
    first : lowest level.
    thresholds : uint32, ascending, one fewer than levels; closed by 2^32 - 1, which no word exceeds.
    guide : int32 (2^GUIDE_BITS,), the level at which the search for words that begin with these bits starts.
    """

    first: int
    thresholds: np.ndarray
    guide: np.ndarray

    @property
    def n_levels(self) -> int:
        return self.thresholds.size


def quantile_table(first: int, cdf: np.ndarray) -> QuantileTable:
    """Table of levels first, first + 1, ...; cdf[k] = P(level <= first + k), float64, ascending, ending at (about)
    1."""
    edges = np.minimum(np.rint(np.asarray(cdf, float) * 2.0**32), 2.0**32).astype(np.uint64)
    below = int(np.count_nonzero(edges == 0))
    edges = edges[(edges > 0) & (edges < 2**32)]
    thresholds = np.append(edges - np.uint64(1), np.uint64(2**32 - 1)).astype(np.uint32)
    starts = np.arange(2**GUIDE_BITS, dtype=np.uint64) << np.uint64(32 - GUIDE_BITS)
    guide = np.searchsorted(edges, starts, side="right").astype(np.int32)
    return QuantileTable(first + below, thresholds, guide)


def poisson_levels(mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Numbers that a Poisson draw of `mean` > 0 can take (but for a probability below 2^-44) and their distribution
    function, float64."""
    width = 8.0 * math.sqrt(mean) + 40.0
    first, mode, last = max(0, math.floor(mean - width)), math.floor(mean), math.ceil(mean + width)
    down = np.cumprod(np.arange(mode, first, -1) / mean)[::-1]
    up = np.cumprod(mean / np.arange(mode + 1, last + 1))
    relative = np.concatenate((down, [1.0], up))  # to the probability of the mode
    return np.arange(first, last + 1), np.cumsum(relative) / relative.sum()


@kernel(inline="always")
def level(u, thresholds, start, guide, guide_start):
    """Number of thresholds[start:] below the word u, from the guide's hint upwards."""
    k = np.int64(guide[guide_start + np.int64(u >> np.uint32(32 - GUIDE_BITS))])
    while u > thresholds[start + k]:
        k += 1
    return k
