"""Plan Poisson input to a rank's neurons: its entries block by block, the tables of its numbers, its rates in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...description.elements import PoissonInput
from ...description.grid import TimeGrid
from ...description.indices import runs
from ...description.network import Network
from ...description.rates import PiecewiseRate, Rate, SinusoidalRate, largest_rate
from ..compiled.intrinsics import LINE
from ..random import streams
from .decomposition import Decomposition
from .layout import receptor_of
from .poisson import BY_NEURON, CONSTANT, ENTRY, SHARED, PoissonInputs
from .poisson_rates import CELLS, NARROW_CELLS, NARROW_TABLE, SIGNAL, Signals
from .update import ROW

LARGEST_MEAN = 40_000.0  # of one table, so that a number fits 16 bits; larger ones are sums
MOST_THRESHOLDS = 64  # counted, not searched


@dataclass(frozen=True)
class CellTable:
    """A distribution on whole numbers as cells of 1/65536.

    Attributes
    ----------
    base : the number of cell 0. thresholds : uint16, a cell's number is base + the thresholds below it; what reaches
        base + len(thresholds) is drawn from `rest`.
    """

    base: int
    thresholds: np.ndarray
    rest: streams.QuantileTable


def cell_table(levels: np.ndarray, cdf: np.ndarray) -> CellTable:
    """`levels` : consecutive whole numbers, cdf : P(number <= level), float64, ending at (about) 1."""
    p = np.diff(cdf, prepend=0.0)
    cells = np.floor(p * CELLS).astype(np.int64)
    used = np.flatnonzero(cells)
    kept = slice(used[0], used[-1] + 1)
    ends = np.cumsum(cells[kept])
    rest = np.cumsum(np.maximum(p * CELLS - cells, 0.0))
    table = streams.quantile_table(int(levels[0]), rest / rest[-1] if rest[-1] > 0 else np.ones(rest.size))
    return CellTable(int(levels[kept][0]), (ends - 1).astype(np.uint16), table)


def fits_cells(mean: float) -> bool:
    """Return whether numbers of this mean > 0 are counted in cells, and so are bytes."""
    return mean < MOST_THRESHOLDS**2 and is_narrow(cell_table(*streams.poisson_levels(mean)))


def is_narrow(table: CellTable) -> bool:
    return table.thresholds.size <= MOST_THRESHOLDS


def plan_poisson(
    stimuli: Sequence[tuple[int, PoissonInput]],
    network: Network,
    deal: Decomposition,
    receptors: np.ndarray,
    blocks: np.ndarray,
) -> PoissonInputs:
    """Tables and buffers of this rank's Poisson input.

    Parameters
    ----------
    stimuli : with the number that tells the trains of one stimulus from those of another.
    receptors : see `TablePlan`. blocks : those of `Neurons`.
    """
    plan = _Plan(network, deal, blocks)
    for number, stimulus in stimuli:
        if largest_rate(stimulus.rate) > 0:
            n_receptors = receptors[network.populations.index(stimulus.target.population)]
            plan.add(number, stimulus, int(receptor_of(stimulus.weight, n_receptors, stimulus.receptor)))
    return plan.inputs()


class _Plan:
    """Collects the entries of a rank's Poisson input, and what they refer to."""

    def __init__(self, network: Network, deal: Decomposition, blocks: np.ndarray) -> None:
        self.dt_ms, self.deal, self.blocks = network.grid.dt_ms, deal, blocks
        self.rows: list[tuple[int, float, tuple]] = []
        self.tables, self.signals, self.n_counts = _Tables(), SignalPlan(network.grid), [0, 0]

    def add(self, number: int, stimulus: PoissonInput, receptor: int) -> None:
        """Add the entries of an input."""
        mean = largest_rate(stimulus.rate) * self.dt_ms * 1e-3
        parts = max(1, int(np.ceil(mean / LARGEST_MEAN)))
        gids, rates = stimulus.target.gids, rates_by_neuron(stimulus.rate, len(stimulus.target))
        order = np.argsort(gids, kind="stable")  # neighbours in a list of any order make one run
        mine = order[self.deal.local(gids[order])]
        lids = self.deal.lids(gids[mine])
        window = (stimulus.delay, stimulus.start, stimulus.stop)
        signal, kind = -1, CONSTANT
        if isinstance(stimulus.rate, float):
            table, is_wide = self.tables.of(mean / parts)
        else:
            is_wide = int(not fits_cells(mean / parts))
            kind = SHARED if rates is None else BY_NEURON
            table = self.tables.room(mean / parts, is_wide) if kind == SHARED else (0,) * 7
            where = (table[0], table[4], table[5])
            signal = self.signals.add(stimulus.rate, window, parts, bool(is_wide), where)
            self.signals.most_levels = max(self.signals.most_levels, room_of(mean / parts))
        for part in range(parts):
            for block, first, last in _pieces(runs(lids), self.blocks):
                own = None if rates is None else rates[:, mine[np.searchsorted(lids, first) :][: last - first]]
                more = self._more(kind, signal, last - first, own, 0 if is_wide else edges_of(mean))
                row = (first, last, *window, number + (part << 20), receptor, is_wide, self.n_counts[is_wide], -1)
                self.rows.append((block, stimulus.weight, (*row, *table, *more)))
                self.n_counts[is_wide] += (4 if is_wide else 8) * (last - first)

    def _more(self, kind: int, signal: int, n: int, own: np.ndarray | None, levels: int) -> tuple[int, ...]:
        """Return the last fields of an entry of `n` neurons, with rates of their `own` or None."""
        signals = self.signals
        rates = 0 if own is None else signals.add_rates(own)
        law = signals.n_edges if levels else signals.n_laws
        signals.n_kept += 0 if kind == CONSTANT else 4 * n
        if kind == BY_NEURON:
            signals.n_edges += levels * n
            signals.n_laws += 0 if levels else n
        return kind, signal, -1, -1, signals.n_kept - (0 if kind == CONSTANT else 4 * n), rates, law, levels

    def inputs(self) -> PoissonInputs:
        self.rows.sort(key=lambda row: row[0])  # stable: within a block in the order of the description
        return PoissonInputs(
            np.array([row for *_, row in self.rows], ENTRY),
            np.searchsorted([block for block, *_ in self.rows], np.arange(len(self.blocks) + 1)).astype(np.int64),
            np.array([weight for _, weight, _ in self.rows], float),
            np.concatenate([np.zeros(0, np.uint16), *self.tables.cells]),
            np.concatenate([np.zeros(0, np.uint32), *self.tables.thresholds]),
            np.concatenate([np.zeros(0, np.int32), *self.tables.guides]),
            np.zeros(self.n_counts[0] + LINE, np.uint8),
            np.zeros(self.n_counts[1], np.uint16),
            np.empty((4, ROW), np.uint32),
            self.signals.signals(),
        )


def edges_of(mean: float) -> int:
    """Return how many edges a neuron with a rate of its own has, where `mean` is the largest: few numbers are above."""
    return 3 + int(mean + 3.0 * np.sqrt(mean))


def room_of(mean: float) -> int:
    """Return how many levels a table of at most this mean may have."""
    return max(NARROW_TABLE, 300 + int(24.0 * np.sqrt(mean)))


class _Tables:
    """The tables of all means, one after the other."""

    def __init__(self) -> None:
        self.cells: list[np.ndarray] = []
        self.thresholds: list[np.ndarray] = []
        self.guides: list[np.ndarray] = []
        self._found: dict[float, tuple[tuple[int, ...], int]] = {}
        self._zeros: int | None = None
        self._n = [0, 0]

    def of(self, mean: float) -> tuple[tuple[int, ...], int]:
        """Fields `cell` ... `lowest` of an entry, and whether its numbers are wide."""
        if mean not in self._found:
            self._found[mean] = self._add(*streams.poisson_levels(mean))
        return self._found[mean]

    def room(self, mean: float, is_wide: int) -> tuple[int, ...]:
        """Fields `cell` ... `lowest` of an entry whose table is made later, of means up to `mean`."""
        guide = self._guide(np.zeros(1 << streams.GUIDE_BITS, np.int32), is_new=bool(is_wide))
        found = (self._n[0], self._n[0], 0, 0, self._n[1], guide, 0)
        self.cells.append(np.full(NARROW_CELLS, CELLS - 1, np.uint16))
        self.thresholds.append(np.zeros(room_of(mean), np.uint32))
        self._n = [self._n[0] + NARROW_CELLS, self._n[1] + room_of(mean)]
        return found

    def _guide(self, guide: np.ndarray, is_new: bool) -> int:
        """Return where a guide is; where it is not `is_new`, one of zeros, that all narrow tables share."""
        if not is_new and self._zeros is not None:
            return self._zeros
        self.guides.append(guide)
        place = (len(self.guides) - 1) << streams.GUIDE_BITS
        if not is_new:
            self._zeros = place
        return place

    def _add(self, levels: np.ndarray, cdf: np.ndarray) -> tuple[tuple[int, ...], int]:
        found = cell_table(levels, cdf)
        is_wide = not is_narrow(found)
        table = streams.quantile_table(int(levels[0]), cdf) if is_wide else found.rest
        where = (self._n[1], self._guide(table.guide, is_new=True), table.first)
        self.thresholds.append(table.thresholds)
        self._n[1] += table.thresholds.size
        cells = np.full(padded(found.thresholds.size), CELLS - 1, np.uint16)
        cells[: found.thresholds.size] = found.thresholds
        cell = (self._n[0], self._n[0] + cells.size, found.base, found.base + found.thresholds.size)
        self.cells.append(cells)
        self._n[0] += cells.size
        return (*cell, *where), int(is_wide)


def padded(n: int) -> int:
    """`n` thresholds or more: as many as are counted at once."""
    whole, left = divmod(n, 10)
    return 10 * whole + next(k for k in (0, 3, 7, 10) if k >= left)


def _pieces(ranges: list[tuple[int, int]], blocks: np.ndarray) -> list[tuple[int, int, int]]:
    """`ranges` of local ids cut at the borders of the blocks: (block, first, last)."""
    pieces = []
    for first, last in ranges:
        for block in range(np.searchsorted(blocks["last"], first, side="right"), len(blocks)):
            if blocks["first"][block] >= last:
                break
            pieces.append((block, max(first, int(blocks["first"][block])), min(last, int(blocks["last"][block]))))
    return pieces


# --- rates in time ----------------------------------------------------------------------------------------------------


class SignalPlan:
    """Collects the arrays of `Signals`."""

    def __init__(self, grid: TimeGrid) -> None:
        self.grid = grid
        self.rows: list[tuple] = []
        self.steps: list[np.ndarray] = []
        self.rates: list[np.ndarray] = []
        self.n_steps = self.n_rates = self.n_laws = self.n_edges = self.n_kept = 0
        self.most_levels = NARROW_TABLE

    def add(self, rate: Rate, window: tuple[int, int, int], parts: int, is_wide: bool, table: tuple[int, ...]) -> int:
        """Add a signal; return its number.

        Parameters
        ----------
        rate : Rate
            An array, or a function of time.
        window : tuple of int
            Delay, start and stop (steps).
        parts : int
            Equal parts in which the mean is drawn.
        table : tuple of int
            Where there is room for its cells, its table and its guide.
        """
        is_sine = isinstance(rate, SinusoidalRate)
        per_step = self.grid.dt_ms * 1e-3 / parts
        steps = np.zeros(0 if is_sine else 1, np.int64)
        if isinstance(rate, PiecewiseRate):
            steps = self.grid.steps(rate.times, "times")
        is_shared = is_sine or (isinstance(rate, PiecewiseRate) and rate.rates.ndim == 1)
        sine = (0.0, 0.0, 0.0, 0.0)
        if isinstance(rate, SinusoidalRate):
            sine = (rate.rate, rate.amplitude, rate.frequency * self.grid.dt_ms * 1e-3, rate.phase / 360.0)
        pieces = (self.n_steps, self.n_steps + steps.size, 0, 0, self.n_rates)
        kind = (int(is_shared), int(is_sine), int(is_wide), -1.0, per_step)
        cell, first_level, guide = table
        self.rows.append((*window, *pieces, *kind, *sine, cell, cell, 0, 0, first_level, guide, 0))
        self.steps.append(steps)
        self.n_steps += steps.size
        if isinstance(rate, PiecewiseRate) and is_shared:
            self.add_rates(rate.rates)
        return len(self.rows) - 1

    def add_rates(self, rates: np.ndarray) -> int:
        """Add rates; return where they begin."""
        self.rates.append(np.ascontiguousarray(rates, float).ravel())
        self.n_rates += self.rates[-1].size
        return self.n_rates - self.rates[-1].size

    def signals(self) -> Signals:
        return Signals(
            np.array(self.rows, SIGNAL),
            np.concatenate([np.zeros(0, np.int64), *self.steps]),
            np.concatenate([np.zeros(0), *self.rates]),
            np.zeros(3 * self.n_laws),
            np.zeros(self.n_edges, np.uint32),
            np.zeros(self.n_kept, np.uint32),
            np.zeros(self.most_levels),
        )


def rates_by_neuron(rate: Rate, n: int) -> np.ndarray | None:
    """Return rates, (pieces, n), where they differ from neuron to neuron; None where all share them."""
    if isinstance(rate, np.ndarray):
        return rate.reshape(1, n)
    return rate.rates if isinstance(rate, PiecewiseRate) and rate.rates.ndim == 2 else None
