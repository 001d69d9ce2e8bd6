"""Does a sample of whole numbers have its distribution?"""

from __future__ import annotations

import numpy as np
from scipy import stats

ALPHA = 1e-3  # of each test of a distribution; the seeds are fixed, so they pass always or never


def check_distribution(sample: np.ndarray, distribution, smallest: float = 8.0) -> None:
    """Chi-square of whole numbers against a distribution of scipy.stats, in cells that expect at least `smallest`."""
    share = smallest / sample.size
    low, high = distribution.ppf([share, 1 - share])
    few = high - low < 200
    edges = np.arange(low, high + 1) if few else np.unique(distribution.ppf(np.linspace(0, 1, 61)[1:-1]))
    cells = np.diff(distribution.cdf(edges), prepend=0.0, append=1.0)
    while cells.min() < share:
        at = int(cells.argmin())
        edges = np.delete(edges, min(at, edges.size - 1))
        cells = np.diff(distribution.cdf(edges), prepend=0.0, append=1.0)
    assert cells.size > 1
    observed = np.bincount(np.searchsorted(edges, sample), minlength=cells.size)
    assert stats.chisquare(observed, cells * sample.size).pvalue > ALPHA
