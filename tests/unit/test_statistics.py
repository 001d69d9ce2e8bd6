"""Statistics of spikes: against plain loops over neurons, bins and pairs, and against values known by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from distsim.analysis.statistics import correlations, cv_isi, fano_factor, rates


@pytest.fixture(scope="module")
def spikes() -> tuple[np.ndarray, np.ndarray]:
    """Return times (100 to 1100 ms, on a grid of 0.1) and ids of 30 neurons, of which two are silent."""
    rng = np.random.default_rng(7)
    n = 2000
    ids = rng.integers(0, 28, n) + 1
    return 100 + rng.integers(1, 10001, n) / 10, ids


def counts_of(times: np.ndarray, t0: float, t1: float, width: float) -> np.ndarray:
    """Count the spikes in bins that include their end, in integers of 0.1 ms."""
    edges = range(round(10 * t0), round(10 * t1) + 1, round(10 * width))
    ticks = np.rint(times * 10).astype(int)
    return np.array([np.sum((ticks > low) & (ticks <= high)) for low, high in pairwise(edges)])


def test_rates():
    np.testing.assert_allclose(rates(np.array([1, 1, 3]), 5, 500.0), [0, 4, 0, 2, 0])
    assert rates(np.array([], dtype=int), 3, 100.0).tolist() == [0, 0, 0]
    assert rates(np.array([], dtype=int), 0, 100.0).shape == (0,)


def test_cv_isi_against_a_loop(spikes):
    times, ids = spikes
    expected = np.full(30, np.nan)
    for neuron in range(30):
        isis = np.diff(np.sort(times[ids == neuron]))
        if isis.size >= 70:
            expected[neuron] = isis.std() / isis.mean()
    assert 3 < np.isnan(expected).sum() < 27
    np.testing.assert_allclose(cv_isi(times, ids, 30, min_isis=70), expected, rtol=1e-12)


def test_cv_isi_of_regular_and_rare_spikes():
    times = np.array([1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 4.0, 5.0, 7.0])
    ids = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])
    np.testing.assert_allclose(cv_isi(times, ids, 4), [0, 0.5 / 1.5, np.nan, np.nan], atol=1e-15)


def test_correlations_against_numpy(spikes):
    times, ids = spikes
    counts = [counts_of(times[ids == neuron], 200, 700, 2) for neuron in range(1, 29)]
    expected = np.corrcoef(counts)[np.triu_indices(28, k=1)]
    np.testing.assert_allclose(correlations(times, ids, 30, 200.0, 700.0), expected, atol=1e-12)


def test_correlations_of_a_sample_and_of_too_few(spikes):
    times, ids = spikes
    all_pairs = correlations(times, ids, 30, 200.0, 700.0)
    some = correlations(times, ids, 30, 200.0, 700.0, max_neurons=14)
    # Every second of the 28 neurons that spike.
    counts = [counts_of(times[ids == neuron], 200, 700, 2) for neuron in range(1, 29, 2)]
    np.testing.assert_allclose(some, np.corrcoef(counts)[np.triu_indices(14, k=1)], atol=1e-12)
    assert all_pairs.size == 28 * 27 // 2
    assert correlations(times[:1], ids[:1], 30, 100.0, 1100.0).size == 0
    assert correlations(times[:0], ids[:0], 30, 100.0, 1100.0).size == 0


def test_identical_trains_are_fully_correlated():
    times = np.array([3.0, 3.0, 9.0, 9.0])
    np.testing.assert_allclose(correlations(times, np.array([0, 1, 0, 1]), 2, 0.0, 20.0), [1.0])


@pytest.mark.parametrize("width", [0.1, 0.3, 1.0, 2.5])
def test_fano_factor_against_a_loop(spikes, width):
    times, _ = spikes
    counts = counts_of(times, 130, 730, width)
    assert fano_factor(times, 130.0, 730.0, width) == pytest.approx(counts.var() / counts.mean(), rel=1e-12)


def test_fano_factor_tells_synchrony_from_independence():
    rng = np.random.default_rng(1)
    independent = rng.uniform(0, 10000, 20000)
    assert fano_factor(independent, 0.0, 10000.0) == pytest.approx(1.0, abs=0.06)
    assert fano_factor(np.repeat(independent[:2000], 10), 0.0, 10000.0) == pytest.approx(10.0, rel=0.1)
    assert np.isnan(fano_factor(independent[:0], 0.0, 100.0))


def test_wrong_arguments_are_named():
    times, ids = np.array([1.0]), np.array([3])
    for call in (lambda: rates(ids, 3, 10.0), lambda: cv_isi(times, ids, 3), lambda: correlations(times, ids, 3, 0, 9)):
        with pytest.raises(ValueError, match="between 0 and 2"):
            call()
    with pytest.raises(ValueError, match="duration_ms"):
        rates(ids, 5, 0.0)
    with pytest.raises(ValueError, match="bin must be positive"):
        fano_factor(times, 0.0, 10.0, bin=0.0)
    with pytest.raises(ValueError, match="whole bins"):
        fano_factor(times, 10.0, 10.0)
