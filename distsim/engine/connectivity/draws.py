"""Which synapses a random rule makes, drawn by each rank for its own neurons.

Rules that can be drawn target by target first get the indegrees of this rank's targets: given, a binomial number each,
or a part of a total that is split over a tree of targets. Then the sources of each target are drawn, with or without
replacement, one Philox block (projection, target, attempt) giving source, delay and weight. A fixed outdegree is drawn
source by source, on all ranks alike, and each keeps what leads to its neurons.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...description.elements import Projection, Selection
from ...description.indices import positions_of
from ...description.rules import AllToAll, FixedIndegree, FixedTotalNumber, PairwiseBernoulli
from ..compiled.cache import njit
from ..random import streams
from ..random.combinatorics import binomial, split_over_targets
from .pool import push

DRAW = 512  # blocks drawn at a time


class Draw(NamedTuple):
    """How the synapses of a projection are drawn.

    Attributes
    ----------
    projection : its number. source_first, source_step, n_sources : the sources, counted in their population.
    target_first, target_step, n_targets : the targets, as global ids.
    distinct : whether a pair is connected at most once. skip_self : whether autapses are left out.
    delay_thresholds, delay_guide, delay_slots : table of the delay and the slot of each of its levels.
    weight_thresholds, weight_guide, weight_slots, weight_first, weights : table of the weight, slot offset (receptor)
        of each level, code of the first, pA of each.
    """

    projection: int
    source_first: int
    source_step: int
    source_numbers: np.ndarray
    n_sources: int
    target_first: int
    target_step: int
    target_numbers: np.ndarray
    n_targets: int
    distinct: int
    skip_self: int
    delay_thresholds: np.ndarray
    delay_guide: np.ndarray
    delay_slots: np.ndarray
    weight_thresholds: np.ndarray
    weight_guide: np.ndarray
    weight_slots: np.ndarray
    weight_first: int
    weights: np.ndarray


class Range(NamedTuple):
    """The neurons whose synapses are kept: local ids first_lid ... last_lid - 1 of this rank."""

    first_lid: int
    last_lid: int
    rank: int
    size: int


def indegrees(projection: Projection, number: int, targets: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Indegrees (int32) of the targets `targets` (positions in the selection, int64, ascending)."""
    rule, n_sources = projection.rule, len(projection.source)
    if isinstance(rule, FixedIndegree):
        return np.full(targets.size, rule.n, np.int32)
    assert isinstance(rule, AllToAll | PairwiseBernoulli | FixedTotalNumber)  # others are not drawn by target
    own = own_positions(projection.source, projection.target)
    skipped = (own >= 0) & (not rule.allow_autapses)
    if isinstance(rule, AllToAll):
        all_but: np.ndarray = n_sources - skipped[targets]
        return all_but.astype(np.int32)
    degrees = np.zeros(targets.size, np.int32)
    if isinstance(rule, PairwiseBernoulli):
        draw_binomials(n_sources - skipped[targets], rule.p, targets, number, *key, degrees)
        return degrees
    before = np.concatenate([[0], np.cumsum(skipped)])
    split_over_targets(rule.n, n_sources, before, not rule.allow_multapses, targets, number, *key, degrees)
    return degrees


def own_positions(source: Selection, target: Selection) -> np.ndarray:
    """For each target its position among the sources, -1 if it is none of them; int64 (len(target),)."""
    if source.population is not target.population:
        return np.full(len(target), -1)
    return positions_of(target.indices, source.indices, source.population.n)


@njit(cache=True)
def draw_binomials(n, p, owners, obj, k0, k1, numbers):
    for i in range(owners.size):
        numbers[i] = binomial(n[i], p, owners[i], obj, k0, k1)


@njit()
def choose(need, n_choices, skip, distinct, owner, obj, k0, k1, u, stamps, stamp, chosen, u_delay, u_weight):
    """Draw `need` of n_choices (without position `skip`, if that is >= 0) for `owner`.

    Parameters
    ----------
    u : uint32 (4, DRAW), scratch. stamps : int64 (n_choices,), scratch; stamp : a number not yet in it.
    chosen : int64, filled with positions. u_delay, u_weight : uint32, filled with the words of delay and weight.
    """
    n_allowed = n_choices - (1 if skip >= 0 else 0)
    if distinct and 2 * need > n_allowed:  # fewer to leave out than to take
        leave_out(n_allowed - need, n_allowed, skip, owner, obj, k0, k1, u, stamps, stamp, chosen)
        for start in range(0, need, DRAW):
            n = min(DRAW, need - start)
            streams.words_by_index(n, owner, start, obj, streams.SYNAPSE, k0, k1, u)
            for k in range(n):
                u_delay[start + k], u_weight[start + k] = u[1, k], u[2, k]
        return
    done, attempt = 0, np.int64(0)
    while done < need:
        n = min(DRAW, need - done)
        streams.words_by_index(n, owner, attempt, obj, streams.SYNAPSE, k0, k1, u)
        attempt += n
        for k in range(n):
            which = uniform_below(u[0, k], u[3, k], n_allowed)
            if distinct:
                if stamps[which] == stamp:
                    continue
                stamps[which] = stamp
            chosen[done] = which + (1 if 0 <= skip <= which else 0)
            u_delay[done], u_weight[done] = u[1, k], u[2, k]
            done += 1


@njit()
def choose_alike(need, n_choices, skip, distinct, owner, obj, k0, k1, u, stamps, stamp, chosen):
    """As `choose`, of synapses that are all alike: there is nothing else to draw, so each word is an attempt."""
    n_allowed = n_choices - (1 if skip >= 0 else 0)
    if distinct and 2 * need > n_allowed:
        leave_out(n_allowed - need, n_allowed, skip, owner, obj, k0, k1, u, stamps, stamp, chosen)
        return
    # Lemire (2019, ACM Trans Model Comput Simul 29:3): words that would favour some positions are left out
    unfair = np.uint32((np.uint64(1) << np.uint64(32)) % np.uint64(max(1, n_allowed)))
    done, block = 0, np.int64(0)
    while done < need:
        n = min(DRAW, (need - done + 3) // 4)
        streams.words_by_index(n, owner, block, obj, streams.SYNAPSE, k0, k1, u)
        block += n
        for i in range(4 * n):
            product = np.uint64(u[i & 3, i >> 2]) * np.uint64(n_allowed)
            which = np.int64(product >> np.uint64(32))
            if np.uint32(product) < unfair or done == need:
                continue
            if distinct:
                if stamps[which] == stamp:
                    continue
                stamps[which] = stamp
            chosen[done] = which + (1 if 0 <= skip <= which else 0)
            done += 1


@njit()
def leave_out(n_out, n_allowed, skip, owner, obj, k0, k1, u, stamps, stamp, chosen):
    """Stamp `n_out` different positions below n_allowed; the others are `chosen`."""
    done, attempt, n = 0, np.int64(0), u.shape[1]
    while done < n_out:
        streams.words_by_index(n, owner, attempt, obj, streams.LEFT_OUT, k0, k1, u)
        attempt += n
        for k in range(n):
            which = uniform_below(u[0, k], u[3, k], n_allowed)
            if done < n_out and stamps[which] != stamp:
                stamps[which] = stamp
                done += 1
    n = 0
    for which in range(n_allowed):
        if stamps[which] != stamp:
            chosen[n] = which + (1 if 0 <= skip <= which else 0)
            n += 1


@njit(inline="always")
def uniform_below(high, low, n):
    """The upper word of the product of the 64-bit number high:low with n."""
    carry = (np.uint64(low) * np.uint64(n)) >> np.uint64(32)
    return np.int64((np.uint64(high) * np.uint64(n) + carry) >> np.uint64(32))


@njit(inline="always")
def number_at(numbers, k):
    """Number k as first and step of `indices.progression` take it up."""
    return numbers[k] if numbers.size else k


@njit()
def look_up(numbers, n, chosen):
    """Turn the first `n` positions of `chosen` into numbers, if these are listed."""
    if numbers.size:
        for k in range(n):
            chosen[k] = numbers[chosen[k]]


@njit(inline="always")
def add(pool, shape, draw, source, slot, u_delay, u_weight):
    """Push the synapse of source number `source` onto `slot`, delay and weight from their words."""
    d = streams.level(u_delay, draw.delay_thresholds, 0, draw.delay_guide, 0)
    w = streams.level(u_weight, draw.weight_thresholds, 0, draw.weight_guide, 0)
    from_ = draw.source_first + draw.source_step * source
    weight = draw.weights[w] if shape.wide else 0.0
    push(pool, shape, from_, np.int64(draw.delay_slots[d]), slot + draw.weight_slots[w], draw.weight_first + w, weight)


@njit(cache=True)
def generate_by_target(pool, shape, draw, kept, targets, own, indegree, k0, k1):
    """Draw the synapses of `targets` (positions in the selection); own : their positions among the sources, or -1."""
    most = indegree.max() if indegree.size else 0
    u = np.empty((4, DRAW), np.uint32)
    chosen, u_delay, u_weight = np.empty(most, np.int64), np.empty(most, np.uint32), np.empty(most, np.uint32)
    stamps = np.zeros(draw.n_sources if draw.distinct else 0, np.int64)
    for i in range(targets.size):
        gid = draw.target_first + draw.target_step * number_at(draw.target_numbers, targets[i])
        slot = gid // kept.size - kept.first_lid
        skip = own[i] if draw.skip_self else -1
        choose(
            np.int64(indegree[i]),
            draw.n_sources,
            skip,
            draw.distinct,
            gid,
            draw.projection,
            k0,
            k1,
            u,
            stamps,
            i + 1,
            chosen,
            u_delay,
            u_weight,
        )
        look_up(draw.source_numbers, indegree[i], chosen)
        for k in range(indegree[i]):
            add(pool, shape, draw, chosen[k], slot, u_delay[k], u_weight[k])


@njit(cache=True)
def generate_by_source(fill, pool, shape, draw, kept, width, counts, own, outdegree, k0, k1):
    """Draw the targets of every source, and count, or else push, the synapses that are kept.

    Parameters
    ----------
    width : neurons of a shard. counts : int64, by shard of those that are kept.
    own : the sources' positions among the targets, or -1.
    """
    u = np.empty((4, DRAW), np.uint32)
    chosen = np.empty(outdegree, np.int64)
    u_delay, u_weight = np.empty(outdegree, np.uint32), np.empty(outdegree, np.uint32)
    stamps = np.zeros(draw.n_targets if draw.distinct else 0, np.int64)
    for source in range(draw.n_sources):
        skip = own[source] if draw.skip_self else -1
        choose(
            outdegree,
            draw.n_targets,
            skip,
            draw.distinct,
            source,
            draw.projection,
            k0,
            k1,
            u,
            stamps,
            source + 1,
            chosen,
            u_delay,
            u_weight,
        )
        look_up(draw.target_numbers, outdegree, chosen)
        number = number_at(draw.source_numbers, source)
        for k in range(outdegree):
            gid = draw.target_first + draw.target_step * chosen[k]
            lid = gid // kept.size
            if gid % kept.size == kept.rank and kept.first_lid <= lid < kept.last_lid:
                if fill:
                    add(pool, shape, draw, number, lid - kept.first_lid, u_delay[k], u_weight[k])
                else:
                    counts[(lid - kept.first_lid) // width] += 1
