"""Distributions of weights, delays and initial values: frozen descriptions with their distribution function.

A draw is the inverse of the distribution function at a uniform number, so a redrawn (truncated) distribution costs no
more than a plain one and every draw needs exactly one number: what belongs to one synapse never shifts another's.

Their numbers are plain, in the unit of the drawn quantity (pA, ms, mV).

    Constant(5.0)  Normal(5.0, 0.5, minimum=0.0)  Lognormal(0.0, 1.0)  Uniform(1.0, 2.0)  20.0 - 20.0 * Lognormal(0, 1)
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .quantities import bound, keep, number

TAIL = 2.0**-33  # what is less probable is never drawn


class Distribution:
    """A distribution; shift it and stretch it with + - * and numbers."""

    __array_ufunc__ = None  # NumPy's numbers and quantities leave + - * to the distribution

    def cdf(self, x: np.ndarray) -> np.ndarray:
        """P(draw <= x), shape of x."""
        raise NotImplementedError

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """The draw at uniform numbers u in (0, 1), shape of u."""
        raise NotImplementedError

    def support(self) -> tuple[float, float]:
        """Bounds outside which a draw has a probability below 2^-32."""
        with np.errstate(over="ignore", invalid="ignore"):
            low, high = self.quantile(np.array([TAIL, 1 - TAIL]))
        return float(min(low, high)), float(max(low, high))

    def edges(self, n: int) -> np.ndarray:
        """n + 1 ascending bounds of the levels that stand for the draws where a table of values is needed."""
        return np.linspace(*self.support(), n + 1)

    @property
    def resolution(self) -> float:
        """The largest step on an even grid of values that keeps the shape of the distribution."""
        low, high = self.quantile(np.array([0.25, 0.75]))
        return abs(float(high - low)) / 64

    def __mul__(self, scale: float) -> Distribution:
        return Affine(self, number("factor of a distribution", scale), 0.0)

    def __truediv__(self, divisor: float) -> Distribution:
        if not number("divisor of a distribution", divisor):
            raise ValueError("divisor of a distribution must not be 0")
        return self * (1.0 / divisor)

    def __add__(self, offset: float) -> Distribution:
        return Affine(self, 1.0, number("offset of a distribution", offset))

    def __neg__(self) -> Distribution:
        return self * -1.0

    def __sub__(self, offset: float) -> Distribution:
        return self + -number("offset of a distribution", offset)

    def __rsub__(self, offset: float) -> Distribution:
        return self * -1.0 + offset

    __rmul__, __radd__ = __mul__, __add__


@dataclass(frozen=True)
class Affine(Distribution):
    """scale * base + offset."""

    base: Distribution
    scale: float
    offset: float

    def __post_init__(self) -> None:
        if self.scale == 0:
            raise ValueError("a distribution cannot be multiplied by 0")

    def cdf(self, x: np.ndarray) -> np.ndarray:
        below = self.base.cdf((np.asarray(x, float) - self.offset) / self.scale)
        return below if self.scale > 0 else 1.0 - below

    def quantile(self, u: np.ndarray) -> np.ndarray:
        u = np.asarray(u) if self.scale > 0 else 1.0 - np.asarray(u)
        return self.scale * self.base.quantile(u) + self.offset

    def edges(self, n: int) -> np.ndarray:
        return np.sort(self.scale * self.base.edges(n) + self.offset)

    @property
    def resolution(self) -> float:
        return abs(self.scale) * self.base.resolution


@dataclass(frozen=True)
class Truncated(Distribution):
    """A distribution redrawn until the value lies in [minimum, maximum]; the others derive from it."""

    if TYPE_CHECKING:  # fields of those that derive from it, where they follow fields without default

        @property
        def minimum(self) -> float: ...

        @property
        def maximum(self) -> float: ...

    def _plain_cdf(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _plain_quantile(self, u: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _read_bounds(self) -> None:
        keep(self, minimum=bound("minimum", self.minimum), maximum=bound("maximum", self.maximum))

    def _check_bounds(self) -> None:
        if not self.minimum < self.maximum:
            raise ValueError(f"minimum {self.minimum} must be below maximum {self.maximum}")
        if _mass(self)[1] < 1e-6:
            raise ValueError(f"less than one in a million draws lies in [{self.minimum}, {self.maximum}]")

    def support(self) -> tuple[float, float]:
        return _support(self)

    def cdf(self, x: np.ndarray) -> np.ndarray:
        low, mass = _mass(self)
        inside = np.clip(np.asarray(x, float), self.minimum, self.maximum)
        return np.clip((self._plain_cdf(inside) - low) / mass, 0.0, 1.0)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        low, mass = _mass(self)
        draws: np.ndarray = np.clip(self._plain_quantile(low + np.asarray(u) * mass), self.minimum, self.maximum)
        return draws


# A network of many projections asks for these again and again while it is checked, estimated and built.
@functools.lru_cache(maxsize=4096)
def _mass(distribution: Truncated) -> tuple[float, float]:
    """Return the probability below the minimum, and between the bounds."""
    low, high = distribution._plain_cdf(np.array([distribution.minimum, distribution.maximum]))
    return float(low), float(high - low)


@functools.lru_cache(maxsize=4096)
def _support(distribution: Truncated) -> tuple[float, float]:
    return Distribution.support(distribution)


@dataclass(frozen=True)
class Constant(Distribution):
    """Always `value`."""

    value: float

    def __post_init__(self) -> None:
        keep(self, value=number("value", self.value))

    def cdf(self, x: np.ndarray) -> np.ndarray:
        return (np.asarray(x, float) >= self.value).astype(float)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        return np.full(np.shape(u), float(self.value))


@dataclass(frozen=True)
class Normal(Truncated):
    """Normal distribution, redrawn until the value lies in [minimum, maximum].

    Parameters
    ----------
    mean, std : in the unit of what is drawn (pA, ms, mV); std > 0 (std = 0 is a constant).
    minimum, maximum : bounds of the redraw, infinite by default.
    """

    mean: float
    std: float
    minimum: float = -math.inf
    maximum: float = math.inf

    def __post_init__(self) -> None:
        keep(self, mean=number("mean", self.mean), std=number("std", self.std, 0.0))
        self._read_bounds()
        if self.std == 0 and not self.minimum <= self.mean <= self.maximum:
            raise ValueError(f"mean {self.mean} with std 0 lies outside [{self.minimum}, {self.maximum}]")
        self._check_bounds()

    def _plain_cdf(self, x: np.ndarray) -> np.ndarray:
        from scipy.special import ndtr

        if self.std == 0:
            return np.where(np.asarray(x) == self.minimum, 0.0, np.asarray(x) >= self.mean).astype(float)
        with np.errstate(over="ignore", invalid="ignore"):
            below: np.ndarray = ndtr((x - self.mean) / self.std)
        return below

    def _plain_quantile(self, u: np.ndarray) -> np.ndarray:
        from scipy.special import ndtri

        return self.mean + (self.std * ndtri(u) if self.std else np.zeros(np.shape(u)))


@dataclass(frozen=True)
class Lognormal(Truncated):
    """exp of a normal number of mean `mu` and SD `sigma` (> 0), redrawn until it lies in [minimum, maximum]."""

    mu: float
    sigma: float
    minimum: float = 0.0
    maximum: float = math.inf

    def __post_init__(self) -> None:
        keep(self, mu=number("mu", self.mu), sigma=number("sigma", self.sigma))
        self._read_bounds()
        if self.sigma <= 0:
            raise ValueError(f"sigma must be greater than 0, not {self.sigma}")
        if self.minimum < 0:
            raise ValueError(f"minimum must be at least 0, not {self.minimum}")
        self._check_bounds()

    def _plain_cdf(self, x: np.ndarray) -> np.ndarray:
        from scipy.special import ndtr

        with np.errstate(divide="ignore"):
            below: np.ndarray = ndtr((np.log(x) - self.mu) / self.sigma)
        return below

    def _plain_quantile(self, u: np.ndarray) -> np.ndarray:
        from scipy.special import ndtri

        draws: np.ndarray = np.exp(self.mu + self.sigma * ndtri(u))
        return draws

    def edges(self, n: int) -> np.ndarray:
        """Evenly spaced on the logarithmic axis, so that all levels are equally precise."""
        low, high = np.log(self.support())
        return np.exp(np.linspace(low, high, n + 1))

    @property
    def resolution(self) -> float:
        """0: no even grid does justice to the small values."""
        return 0.0


@dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform between `low` and `high`."""

    low: float
    high: float

    def __post_init__(self) -> None:
        keep(self, low=number("low", self.low), high=number("high", self.high))
        if not self.low < self.high:
            raise ValueError(f"low {self.low} must be below high {self.high}")

    def cdf(self, x: np.ndarray) -> np.ndarray:
        return np.clip((np.asarray(x, float) - self.low) / (self.high - self.low), 0.0, 1.0)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        return self.low + (self.high - self.low) * np.asarray(u)
