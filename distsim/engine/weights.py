"""How weights are stored: as multiples of a unit, or as positions in a table of weights. See `delivery`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Network
from ..rules import Explicit
from .delivery import FIXED, PALETTE, WIDE
from .streams import QuantileTable, quantile_table

LARGEST = 32767  # of the signed 16-bit codes
FINEST = 64  # units that one standard deviation must have at least
PALETTE_SIZE = 1 << 16
MOST_SUMMANDS = 1 << 16  # of LARGEST units each that a 32-bit sum holds
LEVELS = 1 << 13  # of a distribution in a palette


@dataclass(frozen=True)
class WeightCode:
    """The code of a network's weights, the same on every rank.

    Attributes
    ----------
    form : FIXED, PALETTE or WIDE; unit : pA a unit (FIXED); palette : float64, pA.
    n_exact : the first weights of the palette are given ones, ascending; behind them come the levels of distributions.
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

    def code(self, weights: np.ndarray) -> np.ndarray:
        """Codes of given weights (pA)."""
        return np.searchsorted(self.palette[: self.n_exact], weights)

    def values(self, number: int) -> np.ndarray:
        """Weights (pA) of the levels of projection `number`."""
        table, first = self.tables[number]
        codes = first + np.arange(table.n_levels)
        return codes * self.unit if self.fixed else self.palette[codes]


def plan_weights(network: Network) -> WeightCode:
    """FIXED where all weights are drawn and the unit resolves every distribution, otherwise a palette."""
    weights = [projection.weight for projection in network.projections]
    drawn = [weight for weight in weights if hasattr(weight, "cdf") and weight.std > 0]
    if drawn and len(drawn) == len(weights) and most_indegree(network) < MOST_SUMMANDS:
        unit = max(max(map(abs, weight.support())) for weight in drawn) / LARGEST
        if min(weight.std for weight in drawn) >= FINEST * unit:
            tables = []
            for weight in drawn:
                table = _levels(weight, unit)
                tables.append((table, table.first))
            return WeightCode(FIXED, unit, np.zeros(0), 0, tables)
    return _plan_palette(weights)


def most_indegree(network: Network) -> float:
    """A bound on the indegree of any neuron: by target population, the sum of the mean indegrees plus ten times its
    SD."""
    indegree: dict[str, float] = {}
    for projection in network.projections:
        name = projection.target.population.name
        rule = projection.rule
        if isinstance(rule, Explicit):
            most = np.bincount(rule.targets).max() if rule.targets.size else 0
        else:
            most = rule.n / max(1, len(projection.target))
        indegree[name] = indegree.get(name, 0.0) + most
    return max(n + 10.0 * n**0.5 for n in indegree.values())


def _levels(weight, unit: float) -> QuantileTable:
    """A distribution rounded to multiples of `unit`; a bound of the redraw at 0 keeps the sign."""
    low, high = weight.support()
    first, last = int(np.floor(low / unit + 0.5)), int(np.ceil(high / unit - 0.5))
    return quantile_table(first, weight.cdf((np.arange(first, last + 1) + 0.5) * unit))


def _plan_palette(weights: list) -> WeightCode:
    levels = []
    for weight in weights:
        if hasattr(weight, "cdf") and weight.std > 0:
            low, high = weight.support()
            unit = (high - low) / LEVELS
            table = _levels(weight, unit)
            levels.append((table, (table.first + np.arange(table.n_levels)) * unit))
        elif np.ndim(weight) == 0:
            value = weight.mean if hasattr(weight, "cdf") else weight
            levels.append((quantile_table(0, np.ones(1)), np.array([float(value)])))
        else:
            levels.append((None, np.unique(np.asarray(weight, float))))
    return _merge(levels)


def _merge(levels: list) -> WeightCode:
    """One ascending palette; a distribution's levels must stay neighbours, so they come as a block behind the
    others."""
    single = [values for table, values in levels if table is None or table.n_levels == 1]
    palette = np.unique(np.concatenate([*single, np.zeros(0)]))
    blocks, tables, end = [palette], [], palette.size
    for table, values in levels:
        if table is None:
            tables.append(None)
        elif table.n_levels == 1:
            tables.append((table, int(np.searchsorted(palette, values[0]))))
        else:
            tables.append((table, end))
            blocks.append(values)
            end += values.size
    form = PALETTE if end <= PALETTE_SIZE else WIDE
    return WeightCode(form, 0.0, np.concatenate(blocks), palette.size, tables)
