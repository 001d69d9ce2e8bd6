"""The synapses between given neurons, read back from the table and the bit matrices of a rank."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...description.elements import Selection
from ..compiled.cache import njit
from ..step.decomposition import Decomposition
from ..step.delivery import FIXED, SLOT_BITS, WIDE, Synapses
from ..step.dense import Dense


class Found(NamedTuple):
    """Synapses of one rank, by source, target and delay; those that share all three in the order of their description.

    Attributes
    ----------
    sources, targets : ndarray of int64, shape (n,)
        Neurons, 0-based in their populations.
    delays : ndarray of int64, shape (n,)
        Steps.
    weights : ndarray of float64, shape (n,)
        In the unit of the target's weights.
    places : ndarray of int64, shape (n,)
        Where each one is in the table, -1 for a bit of a matrix.
    """

    sources: np.ndarray
    targets: np.ndarray
    delays: np.ndarray
    weights: np.ndarray
    places: np.ndarray


def find_synapses(synapses: Synapses, dense: Dense, deal: Decomposition, source: Selection, target: Selection) -> Found:
    """Return the synapses from `source` to this rank's neurons of `target`."""
    wanted = np.zeros(deal.n_local, np.bool_)
    wanted[deal.lids(target.gids[deal.local(target.gids)])] = True
    gids = np.sort(source.gids)
    parts = [*_in_matrices(dense, synapses.width, gids, wanted), *_in_table(synapses, gids, wanted)]
    empty = np.zeros((4, 0), np.int64), np.zeros(0)
    ends = np.concatenate([empty[0], *(ends for ends, _ in parts)], axis=1)
    weights = np.concatenate([empty[1], *(weights for _, weights in parts)])
    sources, lids, delays, places = ends
    sources = sources - source.population.first
    targets = deal.gid(lids) - target.population.first
    order = sorted_order(sources, targets, delays, target.population.n)
    return Found(sources[order], targets[order], delays[order], weights[order], places[order])


def sorted_order(sources: np.ndarray, targets: np.ndarray, delays: np.ndarray, n_targets: int) -> np.ndarray:
    """Return the order of synapses by source, target and delay; those that share all three keep theirs."""
    pairs = sources * n_targets + targets
    order = np.argsort(pairs, kind="stable")
    ordered = pairs[order]
    is_repeated = np.zeros(pairs.size, np.bool_)
    same = ordered[1:] == ordered[:-1]
    is_repeated[1:] |= same
    is_repeated[:-1] |= same
    repeated = order[is_repeated]
    order[is_repeated] = repeated[np.lexsort((delays[repeated], pairs[repeated]))]
    return order


def _in_table(synapses: Synapses, gids: np.ndarray, wanted: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return ends (source gid, lid, delay in steps, place) and weights of the synapses of each shard."""
    found = []
    for shard in range(synapses.base.size if synapses.delays.size else 0):
        lids = wanted[shard * synapses.width : (shard + 1) * synapses.width]
        n = read_table(synapses, shard, gids, lids, np.zeros((4, 0), np.int64), np.zeros(0), False)
        ends, weights = np.empty((4, n), np.int64), np.empty(n)
        read_table(synapses, shard, gids, lids, ends, weights, True)
        found.append((ends, weights))
    return found


@njit(cache=True)
def read_table(synapses, shard, gids, wanted, ends, weights, fill):
    """Count, or read into `ends` and `weights`, the synapses of `gids` onto the `wanted` neurons of a shard."""
    n, bits, segments, width = 0, synapses.grain_bits, synapses.segments, synapses.width
    index, base = synapses.index[shard], synapses.base[shard]
    by_source = synapses.delay_codes.size > 0
    for gid in gids:
        for segment in range(gid * segments, (gid + 1) * segments):
            end = np.int64(index[segment + 1]) >> bits << bits
            for place in range(base + np.int64(index[segment]), base + end):
                word = synapses.words[place]
                slot = np.int64(word) if synapses.form == WIDE else np.int64(word & np.uint32(0xFFFF))
                lid = slot % width
                if not wanted[lid]:
                    continue
                if fill:
                    delay = np.int64(synapses.delay_codes[place]) if by_source else segment - gid * segments
                    ends[0, n], ends[1, n] = gid, shard * width + lid
                    ends[2, n], ends[3, n] = synapses.delays[delay], place
                    weights[n] = weight_at(synapses, place)
                n += 1
    return n


@njit(inline="always")
def weight_at(synapses, place):
    """Return the weight of the synapse at a place of the table."""
    word = synapses.words[place]
    if synapses.form == WIDE:
        return synapses.weights[place]
    if synapses.form == FIXED:
        return (np.int32(word) >> np.int32(SLOT_BITS)) * synapses.unit
    return synapses.palette[np.int64(word >> np.uint32(SLOT_BITS))]


def _in_matrices(dense: Dense, width: int, gids: np.ndarray, wanted: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return ends and weights, as `_in_table`, of the bits of each matrix."""
    found = []
    for total, weight in zip(dense.sums, dense.weights, strict=True):
        first = int(total["shard"] * width + total["slot"] % width)
        columns = wanted[first : first + total["targets"]]
        for panel in dense.panels[total["first_panel"] : total["last_panel"]]:
            chosen = gids[(gids >= panel["first_gid"]) & (gids < panel["last_gid"])]
            starts = panel["bits"] + (chosen - panel["first_gid"]) * total["words"]
            n = read_bits(dense.bits, chosen, starts, columns, first, np.zeros((4, 0), np.int64), False)
            ends = np.empty((4, n), np.int64)
            read_bits(dense.bits, chosen, starts, columns, first, ends, True)
            ends[2], ends[3] = panel["delay"], -1
            found.append((ends, np.full(n, weight)))
    return found


@njit(cache=True)
def read_bits(bits, gids, starts, wanted, first, ends, fill):
    """Count, or read into `ends`, the bits of the rows that begin at `starts` in `wanted` columns."""
    n = 0
    for k in range(gids.size):
        for column in range(wanted.size):
            if wanted[column] and bits[starts[k] + (column >> 6)] >> np.uint64(column & 63) & np.uint64(1):
                if fill:
                    ends[0, n], ends[1, n] = gids[k], first + column
                n += 1
    return n
