"""Masks: which pairs of neurons a projection may connect, by the displacement from the source to the target.

Circle(0.3)  Annulus(0.1, 0.3)  Box((-0.2, -0.2), (0.2, 0.4))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .positions import vector
from .quantities import LARGEST, keep, number


@dataclass(frozen=True)
class Mask:
    """A region of displacements, target minus source; the others derive from it.

    Attributes
    ----------
    inner, outer : float
        Pairs are connected at distances above `inner` and up to `outer` from `around`.
    around : tuple of float
        A displacement, all 0 where it is empty.
    low, high : tuple of float
        Bounds of each coordinate, none where they are empty.
    """

    @property
    def inner(self) -> float:
        return -1.0

    @property
    def outer(self) -> float:
        return math.inf

    @property
    def around(self) -> tuple[float, ...]:
        return ()

    @property
    def low(self) -> tuple[float, ...]:
        return ()

    @property
    def high(self) -> tuple[float, ...]:
        return ()

    def problem(self, n_axes: int) -> str | None:
        """Return why the mask does not fit positions of `n_axes` coordinates, None if it does."""
        for coordinates in (self.around, self.low):
            if coordinates and len(coordinates) != n_axes:
                return f"{self} has {len(coordinates)} coordinates, positions have {n_axes}"
        return None

    def holds(self, displacements: np.ndarray) -> np.ndarray:
        """Return which of the displacements, float64 (n, n_axes), lie within the mask."""
        n_axes = displacements.shape[1]
        distances = np.sqrt(np.sum((displacements - np.array(self.around or (0.0,) * n_axes)) ** 2, axis=1))
        inside = (distances > self.inner) & (distances <= self.outer)
        if self.low:
            inside &= np.all((displacements >= self.low) & (displacements <= self.high), axis=1)
        found: np.ndarray = inside
        return found


@dataclass(frozen=True)
class Circle(Mask):
    """Distances up to `radius`, in three dimensions within a ball; or those from another displacement, `offset`."""

    radius: float
    offset: Sequence[float] = ()

    def __post_init__(self) -> None:
        offset = vector("Circle: offset", self.offset) if np.size(self.offset) else ()
        keep(self, radius=number("Circle: radius", self.radius, 0.0, LARGEST), offset=offset)

    @property
    def outer(self) -> float:
        return self.radius

    @property
    def around(self) -> tuple[float, ...]:
        return tuple(self.offset)


@dataclass(frozen=True)
class Annulus(Mask):
    """Distances above `inner_radius`, up to `outer_radius`."""

    inner_radius: float
    outer_radius: float

    def __post_init__(self) -> None:
        inner = number("Annulus: inner_radius", self.inner_radius, 0.0, LARGEST)
        outer = number("Annulus: outer_radius", self.outer_radius, 0.0, LARGEST)
        if inner >= outer:
            raise ValueError(f"Annulus: inner_radius {inner} must be below outer_radius {outer}")
        keep(self, inner_radius=inner, outer_radius=outer)

    @property
    def inner(self) -> float:
        return self.inner_radius

    @property
    def outer(self) -> float:
        return self.outer_radius


@dataclass(frozen=True)
class Box(Mask):
    """Displacements from `lower` to `upper` along each axis."""

    lower: Sequence[float]
    upper: Sequence[float]

    def __post_init__(self) -> None:
        lower, upper = vector("Box: lower", self.lower), vector("Box: upper", self.upper)
        if len(lower) != len(upper) or any(low > high for low, high in zip(lower, upper, strict=True)):
            raise ValueError(f"Box: lower {lower} must be at most upper {upper}, coordinate by coordinate")
        keep(self, lower=lower, upper=upper)

    @property
    def low(self) -> tuple[float, ...]:
        return tuple(self.lower)

    @property
    def high(self) -> tuple[float, ...]:
        return tuple(self.upper)
