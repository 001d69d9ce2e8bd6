"""Positions of the neurons of a population: given, on a grid, or drawn uniformly from a box or a disc.

    net.create("E", 1600, positions=Grid((40, 40), extent=(1.0, 1.0), periodic=True))
    net.create("I", 400, positions=UniformBox((1.0, 1.0), periodic=True))

Coordinates have one unit throughout a network, for instance mm. Drawn positions follow from the seed and the neuron.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .quantities import LARGEST, keep, number, numbers, whole

MOST_AXES = 3
SMALLEST = 1e-9  # of an extent


@dataclass(frozen=True)
class Positions:
    """Positions of the neurons of a population; the others derive from it.

    Attributes
    ----------
    lower, upper : tuple of float
        Corners of the box that holds all of them; its sides are the period where it is periodic.
    periodic : bool
        Whether what leaves the box on one side enters it on the opposite side.
    """

    @property
    def lower(self) -> tuple[float, ...]:
        """Return the lower corner of the box."""
        return tuple(c - side / 2 for c, side in zip(*self._box, strict=True))

    @property
    def upper(self) -> tuple[float, ...]:
        """Return the upper corner of the box."""
        return tuple(c + side / 2 for c, side in zip(*self._box, strict=True))

    @property
    def n_axes(self) -> int:
        """Return the number of coordinates."""
        return len(self._box[0])

    @property
    def period(self) -> tuple[float, ...]:
        """Return the period along each axis, 0 where there is none."""
        return self._box[1] if getattr(self, "periodic", False) else (0.0,) * self.n_axes

    @property
    def n_draws(self) -> int:
        """Return how many uniform numbers the position of a neuron takes, at most 3."""
        return 0

    @property
    def _box(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the center and the sides of the box."""
        raise NotImplementedError

    def problem(self, n: int) -> str | None:
        """Return why `n` neurons cannot have these positions, None if they can."""
        return None

    def place(self, u: np.ndarray) -> np.ndarray:
        """Return the positions, float64 (n, n_axes), from uniform numbers `u` in (0, 1), float64 (n, 3)."""
        raise NotImplementedError


def vector(name: str, value: object, low: float = -LARGEST, high: float = LARGEST) -> tuple[float, ...]:
    """Return `value`, a number or up to 3 of them, from `low` to `high`, as a tuple; ValueError otherwise."""
    array = np.atleast_1d(numbers(name, value, low, high))
    if array.ndim != 1 or not 1 <= array.size <= MOST_AXES:
        raise ValueError(f"{name}: one number for each of 1 to {MOST_AXES} axes, not of shape {array.shape}")
    return tuple(array.tolist())


def _read_box(positions: Positions, extent: object, center: object) -> None:
    """Read `extent` and `center` of a box; ValueError where they do not fit."""
    what = type(positions).__name__
    sides = vector(f"{what}: extent", extent, SMALLEST)
    middle = (0.0,) * len(sides) if center is None else vector(f"{what}: center", center)
    if len(middle) != len(sides):
        raise ValueError(f"{what}: center: {len(sides)} coordinates as extent, not {len(middle)}")
    keep(positions, extent=sides, center=middle)


@dataclass(frozen=True)
class Grid(Positions):
    """A regular grid that fills a box; neurons are at the centers of its cells, the last axis varies fastest.

    Values by neuron have the grid's shape after `values.reshape(shape)`.

    Parameters
    ----------
    shape : neurons along each axis; their product is the number of neurons.
    extent : sides of the box; 1 along each axis by default.
    center : its center, by default the origin.
    periodic : whether opposite sides of the box meet.
    """

    shape: Sequence[int]
    extent: Sequence[float] | None = None
    center: Sequence[float] | None = None
    periodic: bool = False

    def __post_init__(self) -> None:
        shape = tuple(whole("Grid: shape", k, 1) for k in np.atleast_1d(self.shape).tolist())
        if not 1 <= len(shape) <= MOST_AXES:
            raise ValueError(f"Grid: shape: one number for each of 1 to {MOST_AXES} axes, not {len(shape)} numbers")
        keep(self, shape=shape)
        _read_box(self, (1.0,) * len(shape) if self.extent is None else self.extent, self.center)
        if len(self._box[0]) != len(shape):
            raise ValueError(f"Grid: extent: {len(shape)} sides as shape has axes, not {len(self._box[0])}")

    @property
    def _box(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.center, self.extent  # type: ignore[return-value]  # read

    def problem(self, n: int) -> str | None:
        held = int(np.prod(self.shape))
        return None if held == n else f"the grid {self.shape} has {held} places for {n} neurons"

    def place(self, u: np.ndarray) -> np.ndarray:
        axes = [
            low + (np.arange(k) + 0.5) * side / k
            for low, side, k in zip(self.lower, self._box[1], self.shape, strict=True)
        ]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


@dataclass(frozen=True)
class UniformBox(Positions):
    """Positions drawn uniformly from a box.

    Parameters
    ----------
    extent : its sides, one for each axis.
    center : its center, by default the origin.
    periodic : whether opposite sides of the box meet.
    """

    extent: Sequence[float]
    center: Sequence[float] | None = None
    periodic: bool = False

    def __post_init__(self) -> None:
        _read_box(self, self.extent, self.center)

    @property
    def _box(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.center, self.extent  # type: ignore[return-value]  # read

    @property
    def n_draws(self) -> int:
        return self.n_axes

    def place(self, u: np.ndarray) -> np.ndarray:
        placed: np.ndarray = np.array(self.lower) + np.array(self.extent) * u[:, : self.n_axes]
        return placed


@dataclass(frozen=True)
class UniformDisc(Positions):
    """Positions drawn uniformly from a disc, or, around a center with three coordinates, from a ball.

    Parameters
    ----------
    radius : of the disc.
    center : its center, (0, 0) by default.
    """

    radius: float
    center: Sequence[float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        center = vector("UniformDisc: center", self.center)
        if len(center) == 1:
            raise ValueError("UniformDisc: center: 2 coordinates for a disc, 3 for a ball, not 1")
        keep(self, radius=number("UniformDisc: radius", self.radius, SMALLEST, LARGEST), center=center)

    @property
    def _box(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.center, (2 * self.radius,) * len(self.center)  # type: ignore[return-value]  # read

    @property
    def n_draws(self) -> int:
        return self.n_axes

    def place(self, u: np.ndarray) -> np.ndarray:
        angle = 2 * np.pi * u[:, 1]
        if self.n_axes == 2:
            radius, parts = self.radius * np.sqrt(u[:, 0]), [np.cos(angle), np.sin(angle)]
        else:
            height = 2 * u[:, 2] - 1
            across = np.sqrt(1 - height**2)
            radius, parts = self.radius * np.cbrt(u[:, 0]), [across * np.cos(angle), across * np.sin(angle), height]
        placed: np.ndarray = np.array(self.center) + radius[:, None] * np.stack(parts, axis=1)
        return placed


@dataclass(frozen=True, eq=False)
class Points(Positions):
    """Given positions; `create` also takes the array alone where space is not periodic.

    Parameters
    ----------
    coordinates : shape (n, 1), (n, 2) or (n, 3).
    extent, center : the box that holds them; needed where it is periodic, by default the smallest one.
    periodic : whether opposite sides of the box meet.
    """

    coordinates: np.ndarray
    extent: Sequence[float] | None = None
    center: Sequence[float] | None = None
    periodic: bool = False
    _bounds: tuple = field(default=(), repr=False)

    def __post_init__(self) -> None:
        placed = np.asarray(numbers("positions", self.coordinates, -LARGEST, LARGEST))
        if placed.ndim != 2 or not 1 <= placed.shape[1] <= MOST_AXES:
            raise ValueError(f"positions: an array (n, 1), (n, 2) or (n, 3), not of shape {placed.shape}")
        placed.setflags(write=False)
        keep(self, coordinates=placed)
        if self.extent is not None:
            _read_box(self, self.extent, self.center)
            keep(self, _bounds=(self.center, self.extent))
            self._check_inside(placed)
        elif self.periodic or self.center is not None:
            raise ValueError("Points: extent is missing: the sides of the box")
        else:
            low, high = (placed.min(0), placed.max(0)) if placed.size else 2 * (np.zeros(placed.shape[1]),)
            keep(self, _bounds=(tuple((low + high) / 2), tuple(high - low)))

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self.coordinates.setflags(write=False)  # which copied and unpickled arrays are not

    def _check_inside(self, placed: np.ndarray) -> None:
        if len(self.extent or ()) != placed.shape[1]:
            raise ValueError(f"Points: extent: {placed.shape[1]} sides, one for each coordinate, not {self.extent}")
        outside = np.any((placed < self.lower) | (placed > self.upper), axis=1)
        if outside.any():
            first = int(np.argmax(outside))
            corners = f"{self.lower} to {self.upper}"
            raise ValueError(f"Points: neuron {first} at {tuple(placed[first].tolist())} is outside the box {corners}")

    def __len__(self) -> int:
        return len(self.coordinates)

    def __repr__(self) -> str:
        box = f", extent={self.extent}, center={self.center}, periodic={self.periodic}" if self.extent else ""
        return f"Points({len(self)} positions in {self.n_axes} dimensions{box})"

    @property
    def _box(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self._bounds

    def problem(self, n: int) -> str | None:
        return None if len(self) == n else f"{len(self)} positions for {n} neurons"

    def place(self, u: np.ndarray) -> np.ndarray:
        return self.coordinates


def read_positions(name: str, n: int, given: Any) -> Positions | None:
    """Return the positions `given` to the `n` neurons of population `name`: as such, or as an array.

    Raises
    ------
    ValueError : not for `n` neurons, or no array of numbers (n, 1), (n, 2) or (n, 3).
    """
    if given is None:
        return None
    try:
        positions = given if isinstance(given, Positions) else Points(given)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    problem = positions.problem(n)
    if problem:
        raise ValueError(f"{name}: positions: {problem}")
    return positions
