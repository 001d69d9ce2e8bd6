"""Weight matrices given to `Network.connect`: W[source, target] is the weight of a synapse.

A matrix becomes an `Explicit` list of its entries, source by source for the formats that are stored so. Each stored
entry of a sparse matrix is a synapse, zeros too, and an entry that a COO matrix holds twice is two synapses. In a dense
array each entry other than 0 is one. scipy is not imported: who has a sparse matrix has imported it.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np

from .quantities import shown
from .rules import Explicit, as_indices
from .units import without_unit

Matrix = Any  # of scipy.sparse, whose types need scipy, or an ndarray of two dimensions
FORMATS = ("csr", "csc", "coo", "lil", "dok")  # whose stored entries were all stored on purpose


class Entries(NamedTuple):
    """Entries of a matrix.

    Attributes
    ----------
    rows, columns : ndarray of int, shape (n,)
        Where they stand.
    values : ndarray, shape (n,)
        The entries, in the same order.
    """

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray


def is_matrix(value: object) -> bool:
    """Return whether `value` is a sparse matrix or array of scipy, or an array of two dimensions."""
    return is_sparse(value) or (getattr(value, "ndim", None) == 2 and hasattr(value, "__array__"))


def is_sparse(value: object) -> bool:
    """Return whether `value` is a sparse matrix or array of scipy, without importing scipy."""
    scipy_sparse = sys.modules.get("scipy.sparse")
    return scipy_sparse is not None and bool(scipy_sparse.issparse(value))


def read_matrix(name: str, matrix: Matrix, shape: tuple[int, int], unit: str) -> tuple[Explicit, np.ndarray]:
    """Return the synapses of a weight matrix as a list, and their weights.

    Parameters
    ----------
    name : str
        The projection, for messages.
    matrix : scipy.sparse matrix or array, or ndarray
        Weights (`unit`) by source and target.
    shape : tuple of int
        Numbers of sources and targets, which the matrix must have.

    Raises
    ------
    ValueError
        Another shape, a format that stores zeros nobody gave, or a weight that is not finite; the message names the
        entry.
    """
    found = _entries(f"{name}: weight matrix", matrix, shape, unit)
    _check_finite(f"{name}: weight", found)
    return Explicit(as_indices("sources", found.rows), as_indices("targets", found.columns)), found.values


def read_delay_matrix(name: str, matrix: Matrix, rule: Explicit, shape: tuple[int, int]) -> np.ndarray:
    """Return the delay (ms) of each synapse of `rule` from a second matrix.

    A sparse matrix holds an entry for each synapse and no other; where a pair has several, the k-th delay is that of
    the k-th synapse. A dense array is read where there are synapses.

    Raises
    ------
    ValueError
        Another shape or other entries; the message names the first.
    """
    what = f"{name}: delay matrix"
    if not is_sparse(matrix):
        dense = np.asarray(without_unit(what, matrix, "ms"))
        _check_shape(what, dense.shape, shape)
        delays: np.ndarray = dense[rule.sources, rule.targets]
        return delays
    found = _entries(what, matrix, shape, "ms")
    if np.array_equal(found.rows, rule.sources) and np.array_equal(found.columns, rule.targets):
        return found.values
    order, of_rule = (np.lexsort((pairs[1], pairs[0])) for pairs in (found, (rule.sources, rule.targets)))
    _check_same_pairs(what, (found.rows[order], found.columns[order]), (rule.sources[of_rule], rule.targets[of_rule]))
    delays = np.empty(found.values.size, found.values.dtype)
    delays[of_rule] = found.values[order]
    return delays


def _check_same_pairs(what: str, found: tuple, expected: tuple) -> None:
    """ValueError unless two lists of pairs, sorted, are the same."""
    n = min(found[0].size, expected[0].size)
    differs = (found[0][:n] != expected[0][:n]) | (found[1][:n] != expected[1][:n])
    if not differs.any() and found[0].size == expected[0].size:
        return
    k = int(np.argmax(differs)) if differs.any() else n
    candidates = [(int(pairs[0][k]), int(pairs[1][k])) for pairs in (found, expected) if k < pairs[0].size]
    row, column = min(candidates)
    which = [sum((pairs[0] == row) & (pairs[1] == column)) for pairs in (found, expected)]
    raise ValueError(
        f"{what}: must have the entries of the weight matrix: [{row}, {column}] stands {which[0]} times in the delays, "
        f"{which[1]} times in the weights"
    )


def _entries(what: str, matrix: Matrix, shape: tuple[int, int], unit: str) -> Entries:
    _check_shape(what, matrix.shape, shape)
    if not is_sparse(matrix):
        dense = np.asarray(without_unit(what, matrix, unit))
        _check_numbers(what, dense)
        rows, columns = np.nonzero(dense)
        return Entries(rows, columns, dense[rows, columns])
    if matrix.format not in FORMATS:
        raise ValueError(
            f"{what}: format {matrix.format!r} stores zeros that are no synapses: give W.tocsr(), after "
            f"eliminate_zeros() where zeros are to be left out; formats are {', '.join(FORMATS)}"
        )
    _check_numbers(what, matrix)
    if matrix.format == "csr":
        each = np.diff(matrix.indptr)
        return Entries(np.repeat(np.arange(shape[0], dtype=np.int32), each), matrix.indices, matrix.data)
    coo = matrix.tocoo(copy=False)
    return Entries(coo.row, coo.col, coo.data)


def _check_numbers(what: str, matrix: Any) -> None:
    if matrix.dtype.kind == "b":
        message = "holds bools, not weights: for its pattern alone give explicit(*W.nonzero()) and a weight"
        raise ValueError(f"{what}: {message}")
    if matrix.dtype.kind not in "iuf":
        raise ValueError(f"{what}: must hold real numbers, not {matrix.dtype}")


def _check_shape(what: str, found: tuple[int, ...], shape: tuple[int, int]) -> None:
    if tuple(found) != shape:
        turned = ": give its transpose, .T" if tuple(found) == shape[::-1] else ""
        raise ValueError(f"{what}: W[source, target] must be of shape {shape}, not {tuple(found)}{turned}")


def _check_finite(what: str, found: Entries) -> None:
    wrong = ~np.isfinite(found.values)
    if wrong.any():
        k = int(np.argmax(wrong))
        place = f"[{found.rows[k]}, {found.columns[k]}]"
        raise ValueError(f"{what}: entry {place} must be finite, not {shown(found.values[k])}")
