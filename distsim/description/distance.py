"""Functions of the distance between two neurons: connection probabilities, weights and delays.

    Gaussian(0.8, sigma=0.2)  Exponential(0.8, length=0.1)  Linear(1.0, slope=2.0)

Each of them rises or falls throughout, so its bounds are its values at the shortest and the longest distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .quantities import LARGEST, bound, keep, number

GAUSSIAN, EXPONENTIAL, LINEAR = range(3)  # kinds, for kernels


class Coefficients(NamedTuple):
    """A function in the form that kernels take: kind, factor, width, offset, and bounds of its values."""

    kind: int
    factor: float
    width: float
    offset: float
    minimum: float
    maximum: float


@dataclass(frozen=True)
class OfDistance:
    """A function of distance; call it with distances, float64 of any shape."""

    @property
    def coefficients(self) -> Coefficients:
        """Return the function for a kernel."""
        raise NotImplementedError

    def __call__(self, distance: np.ndarray | float) -> np.ndarray:
        """Return the values at these distances, shape of `distance`."""
        raise NotImplementedError

    def limits(self, near: float, far: float) -> tuple[float, float]:
        """Return the smallest and the largest value between the distances `near` and `far`."""
        ends = self(np.array([near, far]))
        return float(ends.min()), float(ends.max())

    def reach(self, least: float) -> float:
        """Return a distance beyond which no value exceeds `least` > 0; infinite where there is none."""
        return math.inf


@dataclass(frozen=True)
class Gaussian(OfDistance):
    """base + peak exp(-d^2 / (2 sigma^2)) at distance d.

    Parameters
    ----------
    peak : at distance 0, above `base`.
    sigma : in the unit of positions, > 0.
    base : far away.
    """

    peak: float
    sigma: float
    base: float = 0.0

    def __post_init__(self) -> None:
        keep(self, peak=_value("Gaussian: peak", self.peak), base=_value("Gaussian: base", self.base))
        keep(self, sigma=_width("Gaussian: sigma", self.sigma))

    @property
    def coefficients(self) -> Coefficients:
        return Coefficients(GAUSSIAN, self.peak, self.sigma, self.base, -math.inf, math.inf)

    def __call__(self, distance: np.ndarray | float) -> np.ndarray:
        ratio = np.asarray(distance, float) / self.sigma
        return self.base + self.peak * np.exp(-0.5 * (ratio * ratio))

    def reach(self, least: float) -> float:
        return self.sigma * math.sqrt(2.0 * _decay(self.peak, self.base, least))


@dataclass(frozen=True)
class Exponential(OfDistance):
    """base + peak exp(-d / length) at distance d.

    Parameters
    ----------
    peak : at distance 0, above `base`.
    length : in the unit of positions, > 0.
    base : far away.
    """

    peak: float
    length: float
    base: float = 0.0

    def __post_init__(self) -> None:
        keep(self, peak=_value("Exponential: peak", self.peak), base=_value("Exponential: base", self.base))
        keep(self, length=_width("Exponential: length", self.length))

    @property
    def coefficients(self) -> Coefficients:
        return Coefficients(EXPONENTIAL, self.peak, self.length, self.base, -math.inf, math.inf)

    def __call__(self, distance: np.ndarray | float) -> np.ndarray:
        return self.base + self.peak * np.exp(-(np.asarray(distance, float) / self.length))

    def reach(self, least: float) -> float:
        return self.length * _decay(self.peak, self.base, least)


@dataclass(frozen=True)
class Linear(OfDistance):
    """start + slope d at distance d, but at least `minimum` and at most `maximum`.

    Parameters
    ----------
    start : at distance 0.
    slope : change with each unit of distance.
    minimum, maximum : bounds of the values, infinite by default.
    """

    start: float
    slope: float
    minimum: float = -math.inf
    maximum: float = math.inf

    def __post_init__(self) -> None:
        keep(self, start=_value("Linear: start", self.start), slope=_value("Linear: slope", self.slope))
        keep(self, minimum=bound("Linear: minimum", self.minimum), maximum=bound("Linear: maximum", self.maximum))
        if not self.minimum <= self.maximum:
            raise ValueError(f"Linear: minimum {self.minimum} must be at most maximum {self.maximum}")

    @property
    def coefficients(self) -> Coefficients:
        return Coefficients(LINEAR, self.slope, 1.0, self.start, self.minimum, self.maximum)

    def __call__(self, distance: np.ndarray | float) -> np.ndarray:
        clipped: np.ndarray = np.clip(self.start + self.slope * np.asarray(distance, float), self.minimum, self.maximum)
        return clipped

    def reach(self, least: float) -> float:
        if self.minimum > 0 or self.slope >= 0:
            return math.inf
        return max(0.0, -self.start / self.slope)


def _decay(peak: float, base: float, least: float) -> float:
    """Return the x beyond which base + peak exp(-x) is at most `least` > 0; infinite where `base` is above 0."""
    if base > 0:
        return math.inf
    return math.log(peak / least) if peak > least else 0.0


def _value(name: str, value: object) -> float:
    return number(name, value, -LARGEST, LARGEST)


def _width(name: str, value: object) -> float:
    width = number(name, value, 0.0, LARGEST)
    if not width:
        raise ValueError(f"{name} must be greater than 0, not {value}")
    return width
