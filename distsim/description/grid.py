"""The time grid: steps are integers, milliseconds appear only at the surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import overload

import numpy as np

from .quantities import number, numbers, shown

CLOSE = 1e-6  # steps by which a time may miss the grid
MOST_STEPS = 2**53  # beyond which a float64 does not tell two steps apart


def resolution(dt: float) -> Fraction:
    """dt (ms) as the exact fraction that its decimal notation means; ValueError unless positive and finite."""
    dt = number("dt", dt, unit="ms")
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

    @overload
    def steps(self, time: float, name: str) -> int: ...

    @overload
    def steps(self, time: np.ndarray | Sequence[float], name: str) -> np.ndarray: ...

    @overload
    def steps(self, time: float | np.ndarray | Sequence[float], name: str) -> int | np.ndarray: ...

    def steps(self, time: float | np.ndarray | Sequence[float], name: str) -> int | np.ndarray:
        """`time` (ms) in steps; ValueError naming `name` where it is not finite or not a multiple of dt."""
        values = np.asarray(numbers(name, time, unit="ms"))
        with np.errstate(over="ignore"):
            steps = np.rint(values * self.dt.denominator / self.dt.numerator)
        if np.any(np.abs(steps) > MOST_STEPS):
            raise ValueError(f"{name}: {np.max(np.abs(values)):g} ms are more than 2^53 steps of {self.dt_ms:g} ms")
        steps = steps.astype(np.int64)
        distance = np.abs(values - self.ms(steps))
        off = distance > CLOSE * self.dt_ms
        if np.any(off):
            off &= distance > self._tolerance(values)
        if np.any(off):
            raise ValueError(f"{name}: {_exactly(values[off][0])} ms is not a multiple of dt = {self.dt_ms:g} ms")
        return steps if values.ndim else int(steps)

    def _tolerance(self, times: np.ndarray) -> np.ndarray:
        """Return how far (ms) `times` may lie from the nearest multiple of dt to count as that multiple.

        This is a millionth of dt or, beyond about 10^9 steps, two spacings of float64, but at most a thousandth of dt.
        """
        tolerance: np.ndarray = self.dt_ms * np.clip(2 * np.spacing(np.abs(times)) / self.dt_ms, CLOSE, 1e-3)
        return tolerance

    def step(self, time: float, name: str, fewest: int) -> int:
        """One `time` (ms) in steps; ValueError naming `name` also where it is less than `fewest` steps."""
        value = number(name, time, unit="ms")
        steps = self.steps(value, name)
        if steps < fewest:
            least = f"{'dt = ' if fewest else ''}{self.ms(fewest):g} ms"
            raise ValueError(f"{name} must be at least {least}, not {shown(value)}")
        return steps

    @overload
    def ms(self, steps: int) -> float: ...

    @overload
    def ms(self, steps: np.ndarray) -> np.ndarray: ...

    def ms(self, steps: int | np.ndarray) -> float | np.ndarray:
        """Times (ms) of `steps`, each the float64 nearest to the exact value."""
        return steps * self.dt.numerator / self.dt.denominator


def _exactly(value: float) -> str:
    """Return `value` with as many digits as tell it from its neighbours, whole numbers without .0."""
    short = f"{value:.15g}"
    return short if float(short) == value else repr(float(value))
