"""Populations, columns and modes of the recordings that ranks write together, and what a file holds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
import pytest

DT = Fraction(1, 10)
POPULATIONS = {"B": (0, 40), "empty": (40, 0), "silent": (40, 7), "A": (47, 12)}
COLUMNS = {"B": np.arange(0, 40, 3), "one": np.array([2]), "none": np.arange(0)}

modes = pytest.mark.parametrize(
    "parallel",
    [False, pytest.param(True, marks=pytest.mark.skipif(not h5py.get_config().mpi, reason="h5py without MPI"))],
    ids=["rank 0", "parallel"],
)


def contents(path: Path) -> dict[str, object]:
    """Return the bytes, types and attributes of everything in a file."""
    found: dict[str, object] = {}

    def note(name: str, thing: h5py.Dataset | h5py.Group) -> None:
        attributes = {key: (str(value), str(getattr(value, "dtype", ""))) for key, value in thing.attrs.items()}
        data = (thing.dtype.str, thing.shape, thing.chunks, thing[()].tobytes()) if hasattr(thing, "dtype") else ()
        found[name] = (attributes, data)

    with h5py.File(path, "r") as file:
        note("/", file)
        file.visititems(note)
    return found
