"""Binomial and hypergeometric numbers, and totals split over many targets, all keyed by what they are for.

A number is a function of (seed, object, owner) alone, so every rank can work it out for itself.
"""

from __future__ import annotations

import math

import numpy as np

from ..compiled.cache import njit
from . import streams


@njit()
def _stirling(k):
    """log k! minus its Stirling approximation."""
    if k < 10:
        return math.lgamma(k + 1.0) - ((k + 0.5) * math.log(k + 1.0) - (k + 1.0) + 0.9189385332046727)
    x = k + 1.0
    return (1 / 12.0 - (1 / 360.0 - 1 / 1260.0 / (x * x)) / (x * x)) / x


@njit()
def _two_uniforms(index, owner, obj, k0, k1):
    a, b, c, d = streams.philox(np.uint32(index), np.uint32(owner), np.uint32(obj), np.uint32(streams.INDEGREE), k0, k1)
    u = (np.float64(a >> np.uint32(5)) * 67108864.0 + np.float64(b >> np.uint32(6)) + 0.5) / 2.0**53
    v = (np.float64(c >> np.uint32(5)) * 67108864.0 + np.float64(d >> np.uint32(6)) + 0.5) / 2.0**53
    return u, v


@njit()
def _binomial_small(n, p, owner, obj, k0, k1):
    """Inversion by summing the probabilities; for n p < 10."""
    u, _ = _two_uniforms(0, owner, obj, k0, k1)
    q = 1.0 - p
    probability, k = math.exp(n * math.log1p(-p)), 0
    while u > probability and k < n:
        u -= probability
        k += 1
        probability *= (n - k + 1) * p / (k * q)
    return k


@njit()
def _binomial_large(n, p, owner, obj, k0, k1):
    """Transformed rejection with squeeze, BTRS of Hoermann (1993, J Stat Comput Simul 46:101); for p <= 1/2, n p >=
    10."""
    spq = math.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * spq
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = n * p + 0.5
    r = p / (1.0 - p)
    alpha = (2.83 + 5.1 / b) * spq
    m = math.floor((n + 1) * p)
    attempt = 0
    while True:
        u, v = _two_uniforms(attempt, owner, obj, k0, k1)
        attempt += 1
        u -= 0.5
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + c)
        if k < 0 or k > n:
            continue
        if us >= 0.07 and v <= 0.92 - 4.2 / b:
            return k
        bound = (m + 0.5) * math.log((m + 1.0) / (r * (n - m + 1.0)))
        bound += (n + 1.0) * math.log((n - m + 1.0) / (n - k + 1.0))
        bound += (k + 0.5) * math.log(r * (n - k + 1.0) / (k + 1.0))
        bound += _stirling(m) + _stirling(n - m) - _stirling(k) - _stirling(n - k)
        if math.log(v * alpha / (a / (us * us) + b)) <= bound:
            return k


@njit(cache=True)
def binomial(n, p, owner, obj, k0, k1):
    """Exact binomial number of `n` trials at probability 0 <= p <= 1, drawn for (INDEGREE, obj, owner)."""
    if n == 0 or p <= 0.0:
        return 0
    if p > 0.5:
        return n - binomial_half(n, 1.0 - p, owner, obj, k0, k1)
    return binomial_half(n, p, owner, obj, k0, k1)


@njit()
def binomial_half(n, p, owner, obj, k0, k1):
    if p <= 0.0:
        return 0
    if n * p < 10.0:
        return _binomial_small(n, p, owner, obj, k0, k1)
    return int(_binomial_large(n, p, owner, obj, k0, k1))


# --- hypergeometric numbers -------------------------------------------------------------------------------------------


@njit()
def _log_factorial(k):
    return math.lgamma(k + 1.0)


@njit()
def _urn(good, bad, n, owner, obj, k0, k1):
    """Draw n balls one by one; for small n."""
    found = 0
    for k in range(n):
        u, _ = _two_uniforms(k, owner, obj, k0, k1)
        if u * (good + bad - k) < good - found:
            found += 1
    return found


@njit()
def _hypergeometric_large(good, bad, n, owner, obj, k0, k1):
    """Ratio of uniforms, HRUA of Stadlober (1990, J Comput Appl Math 31:181); n <= (good + bad) / 2, good <= bad."""
    total = good + bad
    p, q = good / total, bad / total
    centre = n * p + 0.5
    spread = math.sqrt((total - n) * n * p * q / (total - 1.0) + 0.5)
    width = 1.7155277699214135 * spread + 0.8989161620588988  # 2 sqrt(2/e), 3 - 2 sqrt(3/e)
    mode = math.floor((n + 1.0) * (good + 1.0) / (total + 2.0))
    peak = _log_factorial(mode) + _log_factorial(good - mode) + _log_factorial(n - mode)
    peak += _log_factorial(bad - n + mode)
    bound = min(min(n, good) + 1.0, math.floor(centre + 16.0 * spread))
    attempt = 0
    while True:
        u, v = _two_uniforms(attempt, owner, obj, k0, k1)
        attempt += 1
        x = centre + width * (v - 0.5) / u
        if x < 0.0 or x >= bound:
            continue
        k = math.floor(x)
        here = _log_factorial(k) + _log_factorial(good - k) + _log_factorial(n - k) + _log_factorial(bad - n + k)
        t = peak - here
        if u * (4.0 - u) - 3.0 <= t:
            return k
        if u * (u - t) >= 1.0:
            continue
        if 2.0 * math.log(u) <= t:
            return k


@njit(cache=True)
def hypergeometric(good, bad, n, owner, obj, k0, k1):
    """Exact number of good ones among `n` drawn without replacement from `good` + `bad`."""
    total = good + bad
    few = min(n, total - n)  # what is not drawn is as random as what is
    rare = min(good, bad)
    if few < 10:
        found = _urn(rare, total - rare, few, owner, obj, k0, k1)
    else:
        found = int(_hypergeometric_large(rare, total - rare, few, owner, obj, k0, k1))
    if good > bad:
        found = few - found
    return found if few == n else good - found


# --- totals split over targets ----------------------------------------------------------------------------------------


@njit()
def put(row, low, high, count, node, first, last):
    """Fill a row of the stack; assigning a tuple takes Numba a second to compile."""
    row[0], row[1], row[2], row[3], row[4], row[5] = low, high, count, node, first, last


@njit()
def first_from(value, ascending, first, last):
    """The first of the places first ... last - 1 whose number is not below `value`; last if there is none."""
    while first < last:
        middle = (first + last) // 2
        if ascending[middle] < value:
            first = middle + 1
        else:
            last = middle
    return first


@njit(cache=True)
def split_over_targets(total, n_sources, skipped, distinct, mine, obj, k0, k1, indegree):
    """Deal `total` synapses to the targets; those of the targets `mine` go to `indegree`.

    The multinomial (distinct: multivariate hypergeometric) is split over a binary tree of target ranges by binomials
    (hypergeometrics) keyed by tree node, so any rank can work out its own targets alone: it descends only where it has
    targets, about 2 n_mine + n_mine log2(n_targets / n_mine) nodes.

    Parameters
    ----------
    n_sources : pairs that each target has.
    skipped : int64 (n_targets + 1,), how many pairs the targets before each lack (autapses).
    distinct : whether a pair is taken at most once.
    mine : int64, ascending positions of the targets wanted; indegree : int32, same length, filled.
    """
    stack = np.empty((128, 6), np.int64)
    put(stack[0], 0, skipped.size - 1, total, 1, 0, mine.size)
    depth = 1
    while depth:
        depth -= 1
        low, high, count, node = stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3]
        first, last = stack[depth, 4], stack[depth, 5]
        if first == last:
            continue
        if high - low == 1:
            indegree[first] = count
            continue
        middle = (low + high) // 2
        pairs_left = (middle - low) * n_sources - (skipped[middle] - skipped[low])
        pairs_right = (high - middle) * n_sources - (skipped[high] - skipped[middle])
        if distinct:
            left = hypergeometric(pairs_left, pairs_right, count, node, obj, k0, k1)
        else:
            left = binomial(count, pairs_left / max(1, pairs_left + pairs_right), node, obj, k0, k1)
        cut = first_from(middle, mine, first, last)
        put(stack[depth], middle, high, count - left, 2 * node + 1, cut, last)
        put(stack[depth + 1], low, middle, left, 2 * node, first, cut)
        depth += 2
