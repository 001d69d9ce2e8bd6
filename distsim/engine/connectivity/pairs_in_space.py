"""Draw synapses between neurons in space, one neuron after the other: which of the neurons within its reach it takes.

The neurons that choose are the targets, or, for a fixed outdegree, the sources. A pair has a random word of its own:
a function of the seed, the projection, the neuron that chooses and the place of the other one in the sorted order.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...description.distance import EXPONENTIAL, GAUSSIAN, Coefficients
from ..compiled.cache import njit
from ..random import streams
from .cells import find_runs

DRAW = 512  # blocks drawn at a time


class Axis(NamedTuple):
    """One coordinate of a displacement, from source to target.

    Attributes
    ----------
    sign : 1 where targets choose, -1 where sources do. period : 0 where space is not periodic.
    around, low, high : see `Mask`.
    """

    sign: float
    period: float
    around: float
    low: float
    high: float


class Law(NamedTuple):
    """Probability and mask for a kernel: numbers alone, as a tuple of arrays would be counted at each use.

    Attributes
    ----------
    function : of distance, the probability before the mask.
    falls : whether the probability falls with distance.
    peak : the largest probability. cutoff : the distance beyond which there are no pairs.
    is_ring : whether distances from a displacement have bounds, `inner` and `outer`, see `Mask`.
    x, y, z : `Axis` of each coordinate.
    """

    function: Coefficients
    falls: bool
    peak: float
    cutoff: float
    is_ring: bool
    inner: float
    outer: float
    x: Axis
    y: Axis
    z: Axis


class Choosing(NamedTuple):
    """Neurons that choose.

    Attributes
    ----------
    gids : uint32 (n,), for random words.
    numbers : int64 (n,), in the population of the others, -1 where an autapse is allowed or impossible.
    points : float64 (n, 3). back, ahead : float64 (3,), how far they reach.
    """

    gids: np.ndarray
    numbers: np.ndarray
    points: np.ndarray
    back: np.ndarray
    ahead: np.ndarray


@njit(inline="always")
def value_at(distance, function):
    """The value of a function of distance, given as `Coefficients`."""
    if function.kind == GAUSSIAN:
        ratio = distance / function.width
        return function.offset + function.factor * math.exp(-0.5 * (ratio * ratio))
    if function.kind == EXPONENTIAL:
        return function.offset + function.factor * math.exp(-(distance / function.width))
    return min(max(function.offset + function.factor * distance, function.minimum), function.maximum)


@njit(inline="always")
def along(axis, chooser, other):
    """The displacement along an axis, to the nearest image: two neurons are at most a period apart."""
    d = chooser - other
    if axis.period > 0.0:
        if d > 0.5 * axis.period:
            d -= axis.period
        elif d < -0.5 * axis.period:
            d += axis.period
    return axis.sign * d


@njit(inline="always")
def probability(law, x, y, z):
    """The probability of a pair with this displacement, 0 outside the mask."""
    distance = math.sqrt(x * x + y * y + z * z)
    is_inside = distance <= law.cutoff and law.x.low <= x <= law.x.high
    if not (is_inside and law.y.low <= y <= law.y.high and law.z.low <= z <= law.z.high):
        return 0.0
    if law.is_ring:
        away = math.sqrt((x - law.x.around) ** 2 + (y - law.y.around) ** 2 + (z - law.z.around) ** 2)
        if not law.inner < away <= law.outer:
            return 0.0
    return value_at(distance, law.function)


@njit(inline="always")
def largest(law, least):
    """A bound of the probabilities of pairs at least the square root of `least` apart."""
    if not law.falls:
        return law.peak
    distance = math.sqrt(least)
    return value_at(distance, law.function)


@njit(cache=True)
def draw_pairs(first, choosing, cells, law, obj, k0, k1, runs, least, chosen, counts):
    """Connect each pair with its probability, from the neuron `first` on.

    Parameters
    ----------
    runs, least : scratch, see `find_runs`.
    chosen : int32, filled with places in `cells`; it holds all neurons at least. counts : int32, of each that chooses.

    Returns
    -------
    int : the neuron at which it stopped because `chosen` might be too small.
    """
    u = np.empty((4, DRAW), np.uint32)
    done = np.int64(0)
    gids, own, places, back, ahead = choosing
    xs, ys, zs, numbers = cells.points[0], cells.points[1], cells.points[2], cells.numbers
    for i in range(first, gids.size):
        if done + numbers.size > chosen.size:
            return i
        x, y, z, before = places[i, 0], places[i, 1], places[i, 2], done
        for run in range(find_runs(cells, places[i], back, ahead, runs, least)):
            bound = min(4294967296.0, max(0.0, largest(law, least[run]) * 4294967296.0 * (1 + 1e-9) + 1.0))
            limit, begin, end = np.uint64(bound), runs[run, 0], runs[run, 1]
            for block in range(begin >> 2, (end + 3) >> 2, DRAW):
                n = min(DRAW, ((end + 3) >> 2) - block)
                streams.words_by_index(n, gids[i], block, obj, streams.PAIR, k0, k1, u)
                for other in range(max(begin, 4 * block), min(end, 4 * (block + n))):
                    word = u[other & 3, (other >> 2) - block]
                    if np.uint64(word) >= limit or numbers[other] == own[i]:
                        continue
                    dx, dy, dz = along(law.x, x, xs[other]), along(law.y, y, ys[other]), along(law.z, z, zs[other])
                    if np.float64(word) + 0.5 < 4294967296.0 * probability(law, dx, dy, dz):
                        chosen[done] = other
                        done += 1
        counts[i] = done - before
    return gids.size


@njit()
def weigh(i, choosing, cells, law, runs, least, which, weight):
    """Fill `which` and `weight` with the neurons that neuron `i` may choose and their probabilities; how many."""
    n, place, number = 0, choosing.points[i], choosing.numbers[i]
    xs, ys, zs, numbers = cells.points[0], cells.points[1], cells.points[2], cells.numbers
    x, y, z = place[0], place[1], place[2]
    for run in range(find_runs(cells, place, choosing.back, choosing.ahead, runs, least)):
        for other in range(runs[run, 0], runs[run, 1]):
            dx, dy, dz = along(law.x, x, xs[other]), along(law.y, y, ys[other]), along(law.z, z, zs[other])
            p = probability(law, dx, dy, dz)
            if p > 0.0 and numbers[other] != number:
                which[n], weight[n] = other, p
                n += 1
    return n


@njit(inline="always")
def uniform(high, low):
    """A number in (0, 1) of 53 bits from two words."""
    upper = np.float64(high >> np.uint32(5)) * 67108864.0
    return (upper + np.float64(low >> np.uint32(6)) + 0.5) / 9007199254740992.0


@njit()
def choose_repeatedly(degree, n, which, weight, owner, obj, k0, k1, u, chosen, done):
    """Choose `degree` of `n` neurons in proportion to their weights, each as often as chance has it."""
    total, last = 0.0, 0
    for k in range(n):
        total += weight[k]
        weight[k] = total
    last = n - 1
    for start in range(0, degree, DRAW):
        m = min(DRAW, degree - start)
        streams.words_by_index(m, owner, start, obj, streams.PAIR, k0, k1, u)
        for k in range(m):
            x = uniform(u[0, k], u[1, k]) * total
            low, high = 0, last
            while low < high:
                middle = (low + high) >> 1
                if weight[middle] > x:
                    high = middle
                else:
                    low = middle + 1
            chosen[done + start + k] = which[low]


@njit()
def choose_once(degree, n, which, weight, owner, obj, k0, k1, chosen, done):
    """Choose `degree` of `n` neurons, one after the other in proportion to the weights of those that are left.

    Those with the shortest of exponential waiting times of these rates (Efraimidis and Spirakis 2006, Inf Process Lett
    97:181) are such a choice.
    """
    for k in range(n):
        a, b, _, _ = streams.philox(
            np.uint32(which[k]), np.uint32(owner), np.uint32(obj), np.uint32(streams.PAIR), np.uint32(k0), np.uint32(k1)
        )
        weight[k] = -math.log(uniform(a, b)) / weight[k]
    limit = np.partition(weight[:n], degree - 1)[degree - 1]
    at, ties = done, np.int64(degree)
    for k in range(n):
        ties -= weight[k] < limit
    for k in range(n):
        is_tie = weight[k] == limit and ties > 0
        if weight[k] < limit or is_tie:
            chosen[at] = which[k]
            at += 1
            ties -= is_tie


@njit(cache=True)
def draw_degrees(first, choosing, cells, law, degree, distinct, obj, k0, k1, runs, least, chosen, counts):
    """Choose `degree` neurons for each that chooses, from the neuron `first` on; see `draw_pairs`.

    Returns
    -------
    int : the neuron at which it stopped; where `counts` of that is negative, because it has too few, -1 - counts, to
        choose from, otherwise because `chosen` is too small.
    """
    u = np.empty((4, DRAW), np.uint32)
    which, weight = np.empty(cells.numbers.size, np.int64), np.empty(cells.numbers.size)
    done = np.int64(0)
    for i in range(first, choosing.gids.size):
        if done + degree > chosen.size:
            return i
        n = weigh(i, choosing, cells, law, runs, least, which, weight)
        if n < (degree if distinct else 1):
            counts[i] = -1 - n
            return i
        if distinct:
            choose_once(degree, n, which, weight, choosing.gids[i], obj, k0, k1, chosen, done)
        else:
            choose_repeatedly(degree, n, which, weight, choosing.gids[i], obj, k0, k1, u, chosen, done)
        counts[i] = degree
        done += degree
    return choosing.gids.size


@njit(cache=True)
def distances(sources, targets, source_points, target_points, law, found):
    """Fill `found` with the distance of each pair; points are float64 (n, 3)."""
    for k in range(sources.size):
        s, t = source_points[sources[k]], target_points[targets[k]]
        x, y, z = along(law.x, t[0], s[0]), along(law.y, t[1], s[1]), along(law.z, t[2], s[2])
        found[k] = math.sqrt(x * x + y * y + z * z)


@njit(cache=True)
def fill_values(distances, function, values):
    """Fill `values` with those of a function, given as `Coefficients`, at the `distances`."""
    for k in range(distances.size):
        values[k] = value_at(distances[k], function)


@njit(cache=True)
def words_of_pairs(indices, owners, obj, k0, k1, u):
    """Fill u, uint32 (4, n), with the words of synapse `indices[k]` of neuron `owners[k]`."""
    for k in range(indices.size):
        u[0, k], u[1, k], u[2, k], u[3, k] = streams.philox(
            np.uint32(indices[k]),
            np.uint32(owners[k]),
            np.uint32(obj),
            np.uint32(streams.PAIR_VALUE),
            np.uint32(k0),
            np.uint32(k1),
        )
