"""`helper` marks a function that a model's `step` calls, without bringing Numba into a description."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable)
MARK = "__distsim_helper__"


def helper(function: F) -> F:
    """Have `function` compiled with the step that calls it, as a function decorated with ``numba.njit`` is.

    It stays plain Python where it is called from Python. Divisions by 0 give inf or NaN where it is compiled.
    """
    setattr(function, MARK, True)
    return function


def is_helper(value: object) -> bool:
    """Return whether `value` was marked by `helper`."""
    return getattr(value, MARK, False) is True
