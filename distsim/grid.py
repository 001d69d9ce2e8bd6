"""The time grid: steps are integers, milliseconds appear only at the surface."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .quantities import number, numbers

MOST_STEPS = 2**53  # beyond which a float64 does not tell two steps apart


def resolution(dt: float) -> Fraction:
    """dt (ms) as the exact fraction that its decimal notation means; ValueError unless positive and finite."""
    dt = number("dt", dt)
    fraction = Fraction(repr(dt)).limit_denominator(10**6)
    if fraction <= 0 or abs(float(fraction) - dt) > 1e-9 * dt:
        raise ValueError(f"dt must be a positive multiple of 1e-6 ms, not {dt}")
    return fraction


@dataclass(frozen=True)
class TimeGrid:
    """Steps of `dt` ms (a Fraction); step k ends at k dt."""

    dt: Fraction

    @property
    def dt_ms(self) -> float:
        return float(self.dt)

    def steps(self, time: float | np.ndarray, name: str) -> int | np.ndarray:
        """`time` (ms) in steps; ValueError naming `name` where it is not finite or not a multiple of dt."""
        values = np.asarray(numbers(name, time))
        with np.errstate(over="ignore"):
            steps = np.rint(values * self.dt.denominator / self.dt.numerator)
        if np.any(np.abs(steps) > MOST_STEPS):
            raise ValueError(f"{name}: {np.max(np.abs(values)):g} ms are more than 2^53 steps of {self.dt_ms:g} ms")
        off = np.abs(steps * float(self.dt) - values) > 1e-9 * np.maximum(1.0, np.abs(values))
        if np.any(off):
            value = values[off][0] if values.ndim else float(values)
            raise ValueError(f"{name}: {value:.15g} ms is not a multiple of dt = {self.dt_ms:g} ms")
        return steps.astype(np.int64) if values.ndim else int(steps)

    def step(self, time: float, name: str, fewest: int) -> int:
        """One `time` (ms) in steps; ValueError naming `name` also where it is less than `fewest` steps."""
        steps = self.steps(number(name, time), name)
        if steps < fewest:
            raise ValueError(f"{name} must be at least {'dt = ' if fewest else ''}{self.ms(fewest):g} ms, not {time}")
        return steps

    def ms(self, steps: int | np.ndarray) -> float | np.ndarray:
        """Times (ms) of `steps`, each the float64 nearest to the exact value."""
        return steps * self.dt.numerator / self.dt.denominator
