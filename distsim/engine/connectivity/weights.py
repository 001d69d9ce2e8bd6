"""The code of weights: multiples of a unit, or positions in a palette, which is a lookup table. See `delivery`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from ...description.distance import OfDistance
from ...description.distributions import Distribution
from ...description.edge_files import EdgeFile, FromFile
from ...description.elements import Projection, Value
from ...description.in_space import InSpace
from ...description.network import Network
from ...description.rules import Explicit
from ..random.streams import QuantileTable, quantile_table
from ..step.delivery import FIXED, PALETTE, WIDE

LARGEST = 32767  # signed 16-bit code
PALETTE_SIZE = 1 << 16  # weights, including that of empty places
PIECE = 1 << 18  # listed weights, or targets, handled at a time
MOST_SUMMANDS = 1 << 16  # weights of LARGEST units that a 32-bit sum can hold
LEVELS = 1 << 13  # of a distribution in a palette

Levels = tuple[QuantileTable | None, np.ndarray | None]  # of a projection's weights, see `_palette_levels`


@dataclass(frozen=True)
class WeightCode:
    """The code of a network's weights, the same on every rank.

    Attributes
    ----------
    form : FIXED, PALETTE or WIDE; unit : pA a unit (FIXED); palette : float64, pA; its last weight is 0.
    n_exact : how many weights of the palette were given as numbers or lists; they come first, ascending, before the
        levels of distributions. Listed weights of a WIDE network, which have no codes, are not among them.
    tables : by projection (QuantileTable of its levels, code of level 0), None for lists of weights.
    """

    form: int
    unit: float
    palette: np.ndarray
    n_exact: int
    tables: list[tuple[QuantileTable, int] | None]

    @property
    def fixed(self) -> bool:
        return self.form == FIXED

    @property
    def zero(self) -> int:
        """Return the code of weight 0, for the empty places of a table."""
        return 0 if self.fixed else self.palette.size - 1

    def code(self, weights: np.ndarray) -> np.ndarray:
        """Return the codes of given weights (pA), unless they are WIDE."""
        return np.searchsorted(self.palette[: self.n_exact], weights)

    def table(self, number: int) -> tuple[QuantileTable, int]:
        """Return the table of projection `number`, whose weights are not a list, and the code of its level 0."""
        found = self.tables[number]
        assert found is not None
        return found

    def values(self, number: int) -> np.ndarray:
        """Return the weights (pA) of the levels of projection `number`."""
        table, first = self.table(number)
        codes = first + np.arange(table.n_levels)
        return codes * self.unit if self.fixed else self.palette[codes]


def plan_weights(network: Network) -> WeightCode:
    """Return the code of the weights: FIXED where there is a `fixed_unit`, otherwise a palette."""
    unit = fixed_unit(network)
    if unit is None:
        return _merge([_levels(projection) for projection in network.projections])
    weights = [projection.weight for projection in network.projections]
    tables = [_even_levels(weight, unit) for weight in weights if _is_spread(weight)]  # all of them are
    return WeightCode(FIXED, unit, np.zeros(0), 0, [(table, table.first) for table in tables])


def fixed_unit(network: Network) -> float | None:
    """Return the unit (pA) of FIXED weights; None unless all weights are drawn and it resolves every distribution."""
    weights = [projection.weight for projection in network.projections]
    spread = [weight for weight in weights if _is_spread(weight)]
    if not weights or len(spread) < len(weights) or most_events(network) >= MOST_SUMMANDS:
        return None
    unit = max(max(map(abs, weight.support())) for weight in spread) / LARGEST
    return unit if min(weight.resolution for weight in spread) >= unit else None


def _is_spread(weight: Value) -> TypeGuard[Distribution]:
    """Return whether `weight` is a distribution of more than one value."""
    return isinstance(weight, Distribution) and weight.support()[0] < weight.support()[1]


def most_events(network: Network) -> float:
    """Bound the events that reach a neuron in one step: by target population, the mean plus ten times its SD."""
    indegree: dict[str, float] = {}
    for projection in network.projections:
        name = projection.target.population.name
        rule = projection.rule
        if isinstance(rule, Explicit):
            most = float(most_equal(rule.targets, len(projection.target)))
        elif isinstance(rule, EdgeFile):
            most = float(rule.facts.most)
        elif isinstance(rule, InSpace):
            most = rule.most_onto_one(len(projection.source))
        else:
            n_targets = len(projection.target)
            most = rule.expected(len(projection.source), n_targets) / max(1, n_targets)
        at_once = projection.source.population.model.most_spikes
        indegree[name] = indegree.get(name, 0.0) + most * at_once
    return max(n + 10.0 * float(n**0.5) for n in indegree.values())


def most_equal(numbers: np.ndarray, n: int) -> int:
    """Return how often the most frequent of `numbers` below `n` occurs."""
    counts = np.zeros(n, np.int64)
    piece = max(PIECE, n)
    for start in range(0, numbers.size, piece):  # each piece is copied as int64
        counts += np.bincount(numbers[start : start + piece], minlength=n)
    return int(counts.max(initial=0))


def _even_levels(weight: Distribution, unit: float) -> QuantileTable:
    """Round a distribution to multiples of `unit`; bounded at 0, it keeps its sign."""
    low, high = weight.support()
    first, last = int(np.floor(low / unit + 0.5)), int(np.ceil(high / unit - 0.5))
    return quantile_table(first, weight.cdf((np.arange(first, last + 1) + 0.5) * unit))


def _levels(projection: Projection) -> Levels:
    """Return the weights of a projection for a palette, see `_palette_levels`."""
    if isinstance(projection.weight, FromFile):
        assert isinstance(projection.rule, EdgeFile)
        return None, projection.rule.facts.weights
    if isinstance(projection.weight, OfDistance):
        return None, None
    return _palette_levels(projection.weight)


def _palette_levels(weight: Value) -> Levels:
    """Return a projection's weights (pA) for a palette, with the table of their levels unless they are listed."""
    if _is_spread(weight):
        edges = weight.edges(LEVELS)
        table = quantile_table(0, weight.cdf(edges[1:]))
        return table, ((edges[1:] + edges[:-1]) / 2)[table.first :][: table.n_levels]
    if isinstance(weight, Distribution):
        weight = weight.support()[0]
    assert not isinstance(weight, FromFile | OfDistance)
    if not isinstance(weight, np.ndarray):
        return quantile_table(0, np.ones(1)), np.array([float(weight)])
    return None, distinct(weight, PALETTE_SIZE - 1)


def distinct(weights: np.ndarray, most: int) -> np.ndarray | None:
    """Return the different `weights`, ascending; None, as soon as it is clear, if they are more than `most`."""
    found = np.zeros(0)
    for start in range(0, weights.size, PIECE):
        found = np.union1d(found, weights[start : start + PIECE])
        if found.size > most:
            return None
    return found


def _merge(levels: list[Levels]) -> WeightCode:
    """Return a code with one palette: single weights, ascending, then the levels of each distribution as a block."""
    single = [values for table, values in levels if values is not None and (table is None or table.n_levels == 1)]
    palette = np.unique(np.concatenate([*single, np.zeros(0)]))
    blocks, end = [palette], palette.size
    tables: list[tuple[QuantileTable, int] | None] = []
    for table, values in levels:
        if table is None or values is None:
            tables.append(None)
        elif table.n_levels == 1:
            tables.append((table, int(np.searchsorted(palette, values[0]))))
        else:
            tables.append((table, end))
            blocks.append(values)
            end += values.size
    form = WIDE if end >= PALETTE_SIZE or any(values is None for _, values in levels) else PALETTE
    return WeightCode(form, 0.0, np.concatenate([*blocks, [0.0]]), palette.size, tables)
