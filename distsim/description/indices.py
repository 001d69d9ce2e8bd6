"""Numbers of neurons in their population: read from `pop[...]` and 'E[...]', and kept as a range wherever they are one.

A list or a mask that selects equally spaced neurons in ascending order gives the range that the slice gives, so all
that follows treats both alike. Other numbers are kept as an array, in the order given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .quantities import shown

Indices = range | np.ndarray  # int64 (n,), read-only, no number twice
NUMBER = r"-?\d+"
LISTED = rf"\s*{NUMBER}(?:\s*,\s*{NUMBER})*\s*"
MOST_SHOWN = 8  # numbers of an array


# --- read -------------------------------------------------------------------------------------------------------------


def read_indices(name: str, index: Any, n: int, part: str = "") -> Indices:
    """Return the positions that `index` selects among the `n` neurons of population `name`, or of a `part` of it.

    Parameters
    ----------
    name, part : str
        What is indexed, for messages: 'E' and '', or '[10:20:1]'.
    index : int, slice, sequence of int, or sequence of bool
        As in NumPy: negative numbers count from the end; a mask has a bool for each of the `n` neurons. Numbers keep
        their order. An empty list selects none, as an empty slice does.

    Raises
    ------
    IndexError
        A number outside -n ... n - 1, or a mask of another length than n.
    ValueError
        A neuron listed twice, a slice that runs downwards, or something else than the above.
    """
    what, owner = f"{name}{part}[{shown(index)}]", f"{name}{part}" if part else f"population {name}"
    if isinstance(index, slice):
        chosen = range(n)[index]
        if chosen.step < 0:
            raise ValueError(f"{what}: a slice runs upwards; list neurons to have them in another order")
        return canonical(chosen)
    array = _as_array(index)
    if array is None:
        raise ValueError(
            f"{what}: must be a whole number, a slice, a list of whole numbers, or a mask with a bool for each of "
            f"the {n} neurons"
        )
    if array.dtype == bool:
        if array.size != n:
            raise IndexError(f"{what}: a mask of {array.size} bools, but {owner} has {n} neurons")
        return compact(np.flatnonzero(array))
    outside = (array < -n) | (array >= n)
    if outside.any():
        first = "" if np.ndim(index) == 0 else f"no neuron {array[outside][0]}: "
        raise IndexError(f"{what}: {first}{owner} has {n} neurons")
    array = array.astype(np.int64).reshape(-1)
    array[array < 0] += n
    found = compact(array)
    if isinstance(found, np.ndarray):
        numbers, counts = np.unique(found, return_counts=True)
        if numbers.size < found.size:
            raise ValueError(f"{what}: neuron {numbers[counts > 1][0]} is listed twice: each may be there once")
    return found


def _as_array(index: object) -> np.ndarray | None:
    """Return a number, a list of numbers or a mask as an array; None if `index` is none of these."""
    is_one_or_list = hasattr(index, "__index__") or hasattr(index, "__array__") or isinstance(index, Sequence)
    if isinstance(index, str | bytes | bool) or not is_one_or_list:
        return None
    try:
        array = np.asarray(index)
    except (TypeError, ValueError):
        return None
    if array.shape == (0,) and not isinstance(index, np.ndarray):
        return np.zeros(0, np.int64)  # NumPy takes an empty list for floating-point numbers
    fits = array.ndim == 1 or (array.ndim == 0 and array.dtype.kind in "iu")
    return array if fits and array.dtype.kind in "iub" else None


def parse(what: str) -> tuple[str, int | slice | list[int] | None] | None:
    """Return the name in 'E', 'E[5]', 'E[-20:]', 'E[:100:2]', 'E[1, 5, 7]' or 'E[[1, 5, 7]]' and what indexes it.

    None for other texts; the index is None where there is none.
    """
    inner = rf"({NUMBER})|(-?\d*):(-?\d*)(?::(\d*))?|({LISTED},{LISTED}|\[(?:\s*|{LISTED})\])"
    match = re.fullmatch(rf"([^\[\]]+)(?:\[(?:{inner})\])?", what)
    if not match:
        return None
    name, number, start, stop, step, listed = match.groups()
    if listed is not None:
        return name, [int(k) for k in re.findall(NUMBER, listed)]
    if start is not None:
        return name, slice(*(int(bound) if bound else None for bound in (start, stop, step)))
    return name, None if number is None else int(number)


# --- keep -------------------------------------------------------------------------------------------------------------


def compact(numbers: np.ndarray) -> Indices:
    """Return `numbers` (int64, at least 0) as a range if they ascend in equal steps, otherwise read-only."""
    if not numbers.size:
        return range(0)
    first, last = int(numbers[0]), int(numbers[-1])
    step = int(numbers[1]) - first if numbers.size > 1 else 1
    if step > 0 and last == first + step * (numbers.size - 1) and np.all(np.diff(numbers) == step):
        return canonical(range(first, last + 1, step))
    numbers.setflags(write=False)
    return numbers


def canonical(numbers: range) -> range:
    """Return the one range of all that hold these numbers, ascending, that ends behind the last of them."""
    if not numbers:
        return range(0)
    return range(numbers[0], numbers[-1] + 1, numbers.step if len(numbers) > 1 else 1)


def among(indices: Indices, chosen: Indices) -> Indices:
    """Return the numbers that stand at the positions `chosen` of `indices`."""
    if isinstance(indices, range) and isinstance(chosen, range):
        return canonical(indices[chosen.start : chosen.stop : chosen.step])
    return compact(numbers_at(indices, as_array(chosen)))


# --- use --------------------------------------------------------------------------------------------------------------


def as_array(indices: Indices) -> np.ndarray:
    """Return the numbers as an array, int64 (n,); it may be read-only."""
    if isinstance(indices, range):
        return np.arange(indices.start, indices.stop, indices.step, dtype=np.int64)
    return indices


def as_key(indices: Indices) -> slice | np.ndarray:
    """Return what selects these neurons from an array with a value for each of the population."""
    return slice(indices.start, indices.stop, indices.step) if isinstance(indices, range) else indices


def numbers_at(indices: Indices, positions: np.ndarray) -> np.ndarray:
    """Return the numbers at `positions` (whole numbers of any size) as int64."""
    if isinstance(indices, range):
        numbers: np.ndarray = indices.start + indices.step * positions.astype(np.int64)
        return numbers
    listed: np.ndarray = indices[positions]
    return listed


def positions_of(numbers: Indices, indices: Indices, n: int) -> np.ndarray:
    """Return where each of `numbers`, all below `n`, stands among `indices`: int64, -1 where it does not."""
    ids = as_array(numbers)
    if isinstance(indices, range):
        inside = (ids >= indices.start) & (ids < indices.stop) & ((ids - indices.start) % indices.step == 0)
        return np.where(inside, (ids - indices.start) // indices.step, -1)
    place = np.full(n, -1)
    place[indices] = np.arange(indices.size)
    places: np.ndarray = place[ids]
    return places


def hull(indices: Indices) -> range:
    """Return all numbers from the smallest to the largest."""
    if isinstance(indices, range):
        return range(indices[0], indices[-1] + 1) if indices else range(0)
    return range(int(indices.min()), int(indices.max()) + 1)


def progression(indices: Indices) -> tuple[int, int, np.ndarray]:
    """Return `indices` for a kernel: first, step, and an array that is empty for a range.

    Number k is first + step * k, or, where there is an array, its element k; first is then 0 and step 1. The array is a
    copy, because Numba compiles a kernel once more for read-only ones.
    """
    if isinstance(indices, range):
        return indices.start, indices.step, np.zeros(0, np.int64)
    return 0, 1, indices.copy()


def bracketed(indices: Indices) -> str:
    """Return '[0:10:2]', '[[1, 5, 7]]', or the ends of a long list."""
    if isinstance(indices, range):
        return f"[{indices.start}:{indices.stop}:{indices.step}]"
    if indices.size <= MOST_SHOWN:
        return f"[{indices.tolist()}]"
    first = ", ".join(str(k) for k in indices[: MOST_SHOWN - 2])
    return f"[[{first}, ..., {indices[-1]}]] ({indices.size} neurons)"


def runs(values: np.ndarray) -> list[tuple[int, int]]:
    """Return ascending integers as half-open runs [first, last)."""
    if not values.size:
        return []
    breaks = np.flatnonzero(np.diff(values) != 1) + 1
    firsts = values[np.concatenate([[0], breaks])]
    lasts = values[np.concatenate([breaks - 1, [values.size - 1]])] + 1
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
