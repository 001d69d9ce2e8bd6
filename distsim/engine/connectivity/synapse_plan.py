"""Delays and expected numbers of synapses, from the description alone."""

from __future__ import annotations

import numpy as np

from ...description.distance import OfDistance
from ...description.distributions import Distribution
from ...description.edge_files import EdgeFile, FromFile
from ...description.elements import Projection
from ...description.in_space import InSpace
from ...description.network import Network
from ...description.projections import MOST_DELAYS
from ..random import streams

PIECE = 1 << 18  # listed delays counted at a time


def delays_in_use(network: Network) -> np.ndarray:
    """All delays (steps) that the projections can have, ascending int64."""
    found = [np.zeros(0, np.int64)]
    for projection in network.projections:
        if projection.delay_steps is not None:
            found.append(np.flatnonzero(given_delays(network, projection)))
        else:
            first, cdf = delay_levels(network, projection)
            table = streams.quantile_table(first, cdf)
            found.append(table.first + np.arange(table.n_levels))
    return np.unique(np.concatenate(found))


def given_delays(network: Network, projection: Projection) -> np.ndarray:
    """Return how many synapses have each delay (steps), int64, where delays are not drawn; 1 for all of them where
    they share one, and where they depend on distance for all that occur."""
    steps = projection.delay_steps
    if isinstance(steps, FromFile):
        assert isinstance(projection.rule, EdgeFile)
        counts = projection.rule.facts.delay_counts
        assert counts is not None
        return counts
    if isinstance(steps, OfDistance):
        counts = np.zeros(MOST_DELAYS + 1, np.int64)
        first, last = steps_between(network, projection)
        counts[first : last + 1] = 1
        return counts
    assert steps is not None
    return count_delays(steps)


def steps_between(network: Network, projection: Projection) -> tuple[int, int]:
    """Return the shortest and the longest delay (steps) of a projection whose delays depend on distance."""
    rule, delay = projection.rule, projection.delay
    assert isinstance(rule, InSpace) and isinstance(delay, OfDistance)
    limits = np.array(delay.limits(rule.near, rule.far))
    low, high = np.floor(limits / network.grid.dt_ms * (1 + 1e-12) + 0.5)
    return max(1, int(low)), min(MOST_DELAYS, max(1, int(high)))


def steps_of_distances(network: Network, projection: Projection, delays: np.ndarray) -> np.ndarray:
    """Return delays (ms) that depend on distance as steps, int16, rounded as those that are drawn, halves upwards."""
    steps = np.floor(delays / network.grid.dt_ms * (1 + 1e-12) + 0.5)
    return np.clip(steps, *steps_between(network, projection)).astype(np.int16)


def count_delays(steps: int | np.ndarray) -> np.ndarray:
    """Return how many of `steps` there are by step, int64."""
    steps, counts = np.atleast_1d(steps), np.zeros(MOST_DELAYS + 1, np.int64)
    for start in range(0, steps.size, PIECE):  # each piece is copied as int64
        counts += np.bincount(steps[start : start + PIECE], minlength=counts.size)
    return counts


def delay_levels(network: Network, projection: Projection) -> tuple[int, np.ndarray]:
    """A delay distribution rounded to the grid, halves upwards: first step and the distribution function by step."""
    assert isinstance(projection.delay, Distribution)
    dt, low_high = network.grid.dt_ms, projection.delay.support()
    first, last = max(1, round(low_high[0] / dt) - 1), round(low_high[1] / dt) + 1
    return first, projection.delay.cdf((np.arange(first, last + 1) + 0.5) * dt * (1 - 1e-12))


def delay_table(
    network: Network, projection: Projection, delays: np.ndarray
) -> tuple[streams.QuantileTable, np.ndarray]:
    """Return the table of a delay that is drawn, or one number, and the position of each level in `delays`, int32."""
    if projection.delay_steps is None:
        table = streams.quantile_table(*delay_levels(network, projection))
    else:
        assert not isinstance(projection.delay_steps, FromFile | OfDistance)  # each synapse has its own
        table = streams.quantile_table(int(projection.delay_steps), np.ones(1))
    slots = np.searchsorted(delays, table.first + np.arange(table.n_levels))
    return table, slots.astype(np.int32)


def n_expected(projection: Projection) -> int:
    """Synapses to be expected of a projection."""
    return round(projection.rule.expected(len(projection.source), len(projection.target)))
