"""Distributions of weights, delays and initial values: frozen descriptions with their distribution function.

A draw is the inverse of the distribution function at a uniform number, so a redrawn (truncated) normal costs no more
than a plain one and every draw needs exactly one number: what belongs to one synapse never shifts another's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


def _check_finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value}")


@dataclass(frozen=True)
class Normal:
    """Normal distribution, redrawn until the value lies in [minimum, maximum].

    Parameters
    ----------
    mean, std : in the unit of what is drawn (pA, ms, mV); std >= 0.
    minimum, maximum : bounds of the redraw, infinite by default.
    """

    mean: float
    std: float
    minimum: float = -math.inf
    maximum: float = math.inf

    def __post_init__(self) -> None:
        _check_finite("mean", self.mean)
        _check_finite("std", self.std)
        if self.std < 0:
            raise ValueError(f"std must be at least 0, not {self.std}")
        if not self.minimum < self.maximum:
            raise ValueError(f"minimum {self.minimum} must be below maximum {self.maximum}")
        if self.std == 0 and not self.minimum <= self.mean <= self.maximum:
            raise ValueError(f"mean {self.mean} with std 0 lies outside [{self.minimum}, {self.maximum}]")
        if self.std > 0 and self._mass() < 1e-6:
            raise ValueError(f"less than one in a million draws lies in [{self.minimum}, {self.maximum}]")

    def _mass(self) -> float:
        from scipy.special import ndtr

        return float(ndtr((self.maximum - self.mean) / self.std) - ndtr((self.minimum - self.mean) / self.std))

    def cdf(self, x: np.ndarray) -> np.ndarray:
        """P(draw <= x), shape of x."""
        from scipy.special import ndtr

        x = np.clip(np.asarray(x, float), self.minimum, self.maximum)
        if self.std == 0:
            return (x >= self.mean).astype(float)
        low = ndtr((self.minimum - self.mean) / self.std)
        return np.clip((ndtr((x - self.mean) / self.std) - low) / self._mass(), 0.0, 1.0)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """The draw at uniform numbers u in (0, 1), shape of u."""
        from scipy.special import ndtr, ndtri

        low = ndtr((self.minimum - self.mean) / self.std) if self.std else 0.0
        value = self.mean + self.std * ndtri(low + np.asarray(u) * (self._mass() if self.std else 1.0))
        return np.clip(value, self.minimum, self.maximum)

    def support(self) -> tuple[float, float]:
        """Bounds outside which a draw has a probability below 2^-32."""
        if self.std == 0:
            return self.mean, self.mean
        tail = 2.0**-33
        low, high = self.quantile(np.array([tail, 1 - tail]))
        return float(low), float(high)


Distribution = (Normal,)
