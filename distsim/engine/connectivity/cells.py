"""Neurons sorted into the cells of a grid, so that a neuron looks for partners only in cells within its reach.

Cells that lie next to each other along the first axis follow each other in the sorted order, so what a neuron has to
look at are a few runs of neurons. Cells save time; what is drawn depends on them only through the sorted order, which
is the same on every rank.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..compiled.cache import njit

A_CELL = 16  # neurons that a cell holds on average, at least
ACROSS = 16  # cells across the reach, at most
SLACK = 1e-6  # of a cell: what rounding may move a neuron


class Cells(NamedTuple):
    """Neurons of one end of a projection, sorted by cell.

    Attributes
    ----------
    order : int64 (n,), their places in their selection.
    numbers : int64 (n,), their numbers in their population.
    points : float64 (3, n), coordinates.
    start : int64 (cells + 1,), where each cell begins.
    shape : int64 (3,), cells along each axis. origin, size : float64 (3,), lower corner and sides of a cell.
    period : float64 (3,), 0 where space is not periodic.
    """

    order: np.ndarray
    numbers: np.ndarray
    points: np.ndarray
    start: np.ndarray
    shape: np.ndarray
    origin: np.ndarray
    size: np.ndarray
    period: np.ndarray


def sort_into_cells(points: np.ndarray, numbers: np.ndarray, period: np.ndarray, width: np.ndarray) -> Cells:
    """Sort neurons into cells.

    Parameters
    ----------
    points : float64 (3, n). numbers : int64 (n,). period : float64 (3,).
    width : float64 (3,), how far apart along each axis the ends of the reach are; may be infinite.
    """
    n = numbers.size
    origin, top = (points.min(1), points.max(1)) if n else (np.zeros(3), np.zeros(3))
    span = np.where(period > 0, period, top - origin)
    axes = int(np.count_nonzero(span > 0))
    across = np.floor((n / A_CELL) ** (1 / max(1, axes)))
    finest = np.ceil(ACROSS * span / np.maximum(width, 1e-300))
    shape = np.where(span > 0, np.clip(np.minimum(across, finest), 1, 1 << 20), 1).astype(np.int64)
    size = np.where(span > 0, span / shape, 1.0)
    offset = points - origin[:, None]
    offset -= np.where(period > 0, period, 0.0)[:, None] * np.floor(offset / np.where(period > 0, period, 1.0)[:, None])
    x, y, z = np.clip(np.floor(offset / size[:, None]).astype(np.int64), 0, shape[:, None] - 1)
    cell = (z * shape[1] + y) * shape[0] + x
    order = np.argsort(cell, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=int(shape.prod())))])
    return Cells(order, numbers[order], np.ascontiguousarray(points[:, order]), start, shape, origin, size, period)


def most_runs(cells: Cells) -> int:
    """Return the most runs that `find_runs` finds."""
    return int(2 * cells.shape[1] * cells.shape[2])


@njit()
def cell_range(cells, axis, low, high):
    """First cell and number of cells from `low` to `high` along an axis; the first may be outside a periodic space."""
    n, size = cells.shape[axis], cells.size[axis]
    a, b = (low - cells.origin[axis]) / size - SLACK, (high - cells.origin[axis]) / size + SLACK
    if cells.period[axis] > 0:
        if not b - a < n - 1:  # infinite, too
            return 0, n
        first = np.int64(np.floor(a))
        return first, min(n, np.int64(np.floor(b)) - first + 1)
    first, last = np.int64(np.floor(max(0.0, min(a, n + 0.0)))), np.int64(np.floor(max(-1.0, min(b, n - 1.0))))
    return first, max(0, last - first + 1)


@njit()
def apart(cells, axis, cell, place):
    """A lower bound of the distance along an axis of `place` and the neurons of a cell."""
    if cells.shape[axis] == 1:
        return 0.0
    size = cells.size[axis]
    d = nearest_image(place - (cells.origin[axis] + (cell + 0.5) * size), cells.period[axis])
    return max(0.0, abs(d) - size * (0.5 + SLACK))


@njit(inline="always")
def nearest_image(d, period):
    """A displacement along an axis to the nearest image, if the axis is periodic."""
    return d - period * np.rint(d / period) if period > 0.0 else d


@njit()
def find_runs(cells, place, back, ahead, runs, least):
    """Find the neurons in cells that reach from place - back to place + ahead.

    Parameters
    ----------
    runs : int64 (most_runs, 2), filled with first and last (excluded) of each run in the sorted order.
    least : float64 (most_runs,), filled with a lower bound of the squared distances in each run.

    Returns
    -------
    int : how many runs there are.
    """
    x, nx = cell_range(cells, 0, place[0] - back[0], place[0] + ahead[0])
    y, ny = cell_range(cells, 1, place[1] - back[1], place[1] + ahead[1])
    z, nz = cell_range(cells, 2, place[2] - back[2], place[2] + ahead[2])
    x %= cells.shape[0]
    n = 0
    if nx == 0:
        return n
    for k in range(nz):
        cz = (z + k) % cells.shape[2]
        for j in range(ny):
            cy = (y + j) % cells.shape[1]
            bound = apart(cells, 1, cy, place[1]) ** 2 + apart(cells, 2, cz, place[2]) ** 2
            row = (cz * cells.shape[1] + cy) * cells.shape[0]
            end = min(x + nx, cells.shape[0])
            runs[n, 0], runs[n, 1], least[n] = cells.start[row + x], cells.start[row + end], bound
            n += runs[n, 0] < runs[n, 1]
            rest = x + nx - cells.shape[0]
            if rest > 0:
                runs[n, 0], runs[n, 1], least[n] = cells.start[row], cells.start[row + rest], bound
                n += runs[n, 0] < runs[n, 1]
    return n
