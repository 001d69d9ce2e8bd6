"""`helper` marks a function that a model's `step` calls, without bringing Numba into a description."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable)
MARK, INLINED = "__distsim_helper__", "__distsim_inlined__"


def helper(function: F) -> F:
    """Have `function` compiled with the step that calls it, as a function decorated with ``numba.njit`` is.

    It stays plain Python where it is called from Python. Divisions by 0 give inf or NaN where it is compiled.
    """
    setattr(function, MARK, True)
    return function


def inlined(function: F) -> F:
    """Have `function` compiled as a `helper`, and put in place wherever it is called, so that loops are vectorised."""
    setattr(function, MARK, True)
    setattr(function, INLINED, True)
    return function


def is_inlined(value: object) -> bool:
    """Return whether `value` was marked by `inlined`."""
    return getattr(value, INLINED, False) is True


def is_helper(value: object) -> bool:
    """Return whether `value` was marked by `helper`."""
    return getattr(value, MARK, False) is True
