"""Random numbers: Philox as published, and what is drawn from it has the distribution it should have."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distsim.engine.random import streams
from tests.support.distributions import ALPHA

# Salmon et al. 2011, kat_vectors of Random123: counter, key, result
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def philox_twin(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Philox4x32-10 as in the paper: counter (4, n), key (2, n) -> words (4, n); all uint64 below 2^32."""
    low32 = np.uint64(2**32 - 1)
    c, k = counter.astype(np.uint64), key.astype(np.uint64)
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = np.array([(p1 >> np.uint64(32)) ^ c[1] ^ k[0], p1 & low32, (p0 >> np.uint64(32)) ^ c[3] ^ k[1], p0 & low32])
        k = (k + np.array([[0x9E3779B9], [0xBB67AE85]], np.uint64)) & low32
    return c


# --- Philox -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_published_vectors_come_out(counter, key, result):
    (index, owner, obj, purpose), (k0, k1) = words(counter), words(key)
    u = np.empty((4, 1), np.uint32)
    streams.words_by_owner(1, owner, 1, index, obj, purpose, k0, k1, u)
    assert u[:, 0].tolist() == words(result)
    streams.words_by_index(1, owner, index, obj, purpose, k0, k1, u)
    assert u[:, 0].tolist() == words(result)


def test_random_counters_agree_with_the_twin():
    n, rng = 50, np.random.default_rng(3)
    for _ in range(20):
        owner, index, obj, purpose, k0, k1 = (int(x) for x in rng.integers(0, 2**32 - 1000, 6))
        u = np.empty((4, n), np.uint32)
        key = np.tile([[k0], [k1]], n)
        streams.words_by_owner(n, owner, 7, index, obj, purpose, k0, k1, u)
        owners = owner + 7 * np.arange(n)
        same = np.ones(n, np.int64)
        np.testing.assert_array_equal(u, philox_twin(np.array([same * index, owners, same * obj, same * purpose]), key))
        streams.words_by_index(n, owner, index, obj, purpose, k0, k1, u)
        indices = index + np.arange(n)
        np.testing.assert_array_equal(
            u, philox_twin(np.array([indices, same * owner, same * obj, same * purpose]), key)
        )


def test_both_halves_of_a_seed_count():
    assert streams.key(0x0123456789ABCDEF) == (0x89ABCDEF, 0x01234567)
    draws = [streams.uniforms(np.arange(4), 0, 0, streams.INITIAL, seed) for seed in (1, 1 + 2**32, 1 + 2**63, 2)]
    assert len({draw.tobytes() for draw in draws}) == 4


def test_uniforms_are_uniform_and_belong_to_their_owner():
    u = streams.uniforms(np.arange(20_000), 0, 5, streams.INITIAL, 1)
    assert 0 < u.min() < u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > ALPHA
    np.testing.assert_array_equal(u[1::3], streams.uniforms(np.arange(1, 20_000, 3), 0, 5, streams.INITIAL, 1))


# --- tables -----------------------------------------------------------------------------------------------------------


def levels_by_table(u: np.ndarray, table: streams.QuantileTable) -> np.ndarray:
    return np.array([table.first + streams.level(x, table.thresholds, 0, table.guide, 0) for x in u])


@pytest.mark.parametrize(
    "cdf",
    [
        [1.0],
        [0.5, 1.0],
        [0.0, 0.0, 1e-12, 0.3, 0.3, 0.3 + 2.0**-32, 0.9999, 1.0],
        stats.norm.cdf(np.linspace(-7, 7, 3000)),
        stats.poisson.cdf(np.arange(60), 9.5),
    ],
    ids=["one level", "coin", "gaps", "many levels", "Poisson"],
)
def test_a_table_finds_the_level_that_direct_searching_finds(cdf):
    cdf = np.asarray(cdf, float)
    table = streams.quantile_table(3, cdf)
    assert np.all(np.diff(table.thresholds.astype(np.int64)) >= 0)
    rng = np.random.default_rng(4)
    near = table.thresholds.astype(np.int64)[:, None] + np.arange(-1, 2)
    u = np.concatenate([rng.integers(0, 2**32, 500), np.unique(near)[:3000], [0, 2**32 - 1]])
    u = u[(u >= 0) & (u < 2**32)].astype(np.uint32)
    # Level k is where cdf[k - 1] <= u / 2^32 < cdf[k], to the resolution of the word.
    direct = 3 + np.searchsorted(np.rint(cdf * 2.0**32), u.astype(float), side="right")
    np.testing.assert_array_equal(levels_by_table(u, table), np.minimum(direct, 3 + cdf.size - 1))
    np.testing.assert_array_equal(table.first + np.searchsorted(table.thresholds, u), levels_by_table(u, table))
