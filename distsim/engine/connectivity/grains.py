"""Choose the size of a table's grains (see `delivery`): synapses of each, and the places that segments leave empty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...description.elements import Projection
from ...description.network import Network
from ..step.delivery import GRAIN_BITS
from .synapse_plan import delay_table, given_delays, n_expected

MOST_EMPTY = 0.3  # empty places for each synapse up to which grains of several synapses pay


def plan_grain(
    network: Network, projections: Sequence[Projection], size: int, n_shards: int, delays: np.ndarray, by_source: bool
) -> int:
    """Return the bits of the grains of a table of `projections`: GRAIN_BITS where few places are empty, otherwise 0."""
    empty = size * empty_places(network, projections, size, n_shards, delays, by_source)
    return GRAIN_BITS if 0 < empty < MOST_EMPTY * sum(map(n_expected, projections)) else 0


def empty_places(
    network: Network, projections: Sequence[Projection], size: int, n_shards: int, delays: np.ndarray, by_source: bool
) -> int:
    """Places to be expected that fill up grains of several synapses, on each of `size` ranks: the segments of a
    population's neurons hold Poisson numbers of synapses, whose means differ with the delay."""
    means = {population.name: np.zeros(delays.size) for population in network.populations}
    for projection in projections:
        source = projection.source.population
        means[source.name] += n_expected(projection) / max(1, source.n) * shares(network, projection, delays)
    total = 0.0
    for population in network.populations:
        mean = means[population.name]
        mean = mean.sum(keepdims=True) if by_source else mean
        total += population.n * n_shards * float(expected_filling(mean / size / n_shards).sum())
    return round(total)


def shares(network: Network, projection: Projection, delays: np.ndarray) -> np.ndarray:
    """Which share of a projection's synapses has each of the delays."""
    if projection.delay_steps is None:
        table, slots = delay_table(network, projection, delays)
        return np.bincount(slots, np.diff(table.thresholds / 2**32, prepend=0.0), delays.size)
    counts = given_delays(network, projection)
    found: np.ndarray = counts[delays] / max(1, counts.sum())
    return found


def expected_filling(mean: np.ndarray) -> np.ndarray:
    """Mean of -N modulo the synapses of a grain for Poisson numbers N of these means: the distribution of N modulo a
    number is a sum over the roots of unity."""
    grain = 1 << GRAIN_BITS
    k = np.arange(grain)
    weights = (-k % grain) @ np.exp(-2j * np.pi * np.outer(k, k) / grain) / grain
    filling: np.ndarray = (np.exp(np.multiply.outer(mean, np.exp(2j * np.pi * k / grain) - 1)) @ weights).real
    return filling
