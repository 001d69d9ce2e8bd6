"""Rates of Poisson input: one number, one a neuron, or functions of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .grid import TimeGrid
from .quantities import LARGEST, number, numbers

KINDS = ("by neuron", "pieces", "sinusoid")  # of rates that are more than a number, in checkpoints


@dataclass(frozen=True, eq=False)
class PiecewiseRate:
    """A rate that becomes rates[k] (spikes/s) at times[k] (ms); it is 0 before the first of the times.

    Attributes
    ----------
    times : array_like, shape (pieces,)
        Ascending, multiples of dt, at least 0: spikes in (times[k], times[k + 1]] have the rate rates[k].
    rates : array_like, shape (pieces,) or (pieces, neurons)
        At least 0; of all neurons alike, or of each.
    """

    times: Any
    rates: Any

    def __repr__(self) -> str:
        shape = " x ".join(map(str, np.shape(self.rates)))
        lowest, highest = np.min(self.rates, initial=np.inf), np.max(self.rates, initial=-np.inf)
        return f"PiecewiseRate({shape} rates, {lowest:g} to {highest:g})"


@dataclass(frozen=True)
class SinusoidalRate:
    """rate + amplitude sin(2 pi frequency t + phase) at the end t of each step; 0 where that is negative.

    Attributes
    ----------
    rate, amplitude : float
        spikes/s, at least 0.
    frequency : float
        Hz.
    phase : float
        Degrees.
    """

    rate: float
    amplitude: float
    frequency: float
    phase: float = 0.0


Rate = float | np.ndarray | PiecewiseRate | SinusoidalRate


def read_rate(name: str, rate: object, n: int, largest: float, grid: TimeGrid, note: str = "") -> Rate:
    """Check and return the rate of the Poisson input `name` to `n` neurons, in spikes/s.

    Raises
    ------
    ValueError
        It is negative or above `largest` somewhere, of another shape, or its times do not ascend on the grid.
    """
    what = f"{name}: rate"
    if isinstance(rate, SinusoidalRate):
        mean = number(what, rate.rate, 0.0, largest, "spikes/s", note)
        amplitude = number(f"{name}: amplitude", rate.amplitude, 0.0, unit="spikes/s")
        number(f"{name}: rate + amplitude", mean + amplitude, 0.0, largest, "spikes/s", note)
        frequency = number(f"{name}: frequency", rate.frequency, 0.0, 500.0 / grid.dt_ms, "Hz")
        return SinusoidalRate(mean, amplitude, frequency, number(f"{name}: phase", rate.phase, -LARGEST, LARGEST))
    if isinstance(rate, PiecewiseRate):
        times = read_times(name, rate.times, grid)
        rates = np.atleast_1d(numbers(f"{name}: rates", rate.rates, 0.0, largest, "spikes/s"))
        if rates.shape not in ((times.size,), (times.size, n)):
            allowed = f"({times.size},) or ({times.size}, {n}), as times and neurons are"
            raise ValueError(f"{name}: rates must have the shape {allowed}, not {rates.shape}")
        return PiecewiseRate(_frozen(times), _frozen(rates))
    if isinstance(rate, list | tuple) or np.ndim(rate):  # type: ignore[arg-type]  # 0 of anything else
        return _frozen(np.asarray(numbers(what, rate, 0.0, largest, "spikes/s", n)))
    return number(what, rate, 0.0, largest, "spikes/s", note)


def _frozen(array: np.ndarray) -> np.ndarray:
    """Make `array`, which belongs to the caller, read-only, and return it."""
    array.setflags(write=False)
    return array


def read_times(name: str, times: Any, grid: TimeGrid) -> np.ndarray:
    """Return `times` (ms) of the changes of an input; ValueError unless they ascend on the grid from 0 on."""
    steps = np.atleast_1d(grid.steps(times, f"{name}: times"))
    if steps.ndim != 1 or not steps.size:
        raise ValueError(f"{name}: times must be a list of at least one time, not of shape {steps.shape}")
    wrong = np.flatnonzero(np.diff(steps) <= 0)
    if wrong.size:
        a, b = grid.ms(steps[wrong[0]]), grid.ms(steps[wrong[0] + 1])
        raise ValueError(f"{name}: times must ascend, but {b:g} ms follows {a:g} ms")
    if steps[0] < 0:
        raise ValueError(f"{name}: times must be at least 0 ms, not {grid.ms(steps[0]):g}")
    return grid.ms(steps)


def largest_rate(rate: Rate) -> float:
    """Return a bound (spikes/s) that no neuron's rate ever exceeds."""
    if isinstance(rate, SinusoidalRate):
        return rate.rate + rate.amplitude
    return float(np.max(rate.rates if isinstance(rate, PiecewiseRate) else rate, initial=0.0))


def arrays_of(rate: Rate) -> dict[str, np.ndarray]:
    """Return the arrays that a rate consists of, by name."""
    if isinstance(rate, PiecewiseRate):
        return {"times": rate.times, "rates": rate.rates}
    return {"rates": rate} if isinstance(rate, np.ndarray) else {}


def numbers_of(rate: Rate) -> float | dict[str, Any]:
    """Return a rate for JSON, without its arrays."""
    if isinstance(rate, SinusoidalRate):
        return {"kind": KINDS[2], **vars(rate)}
    if isinstance(rate, PiecewiseRate):
        return {"kind": KINDS[1]}
    return {"kind": KINDS[0]} if isinstance(rate, np.ndarray) else rate


def rate_of(found: float | Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Rate:
    """Return the rate of which `numbers_of` and `arrays_of` are; ValueError if they are those of none."""
    if not isinstance(found, Mapping):
        return number("a rate", found)
    try:
        if found["kind"] == KINDS[2]:
            return SinusoidalRate(*(found[key] for key in ("rate", "amplitude", "frequency", "phase")))
        rates = arrays["rates"]
        if found["kind"] == KINDS[0]:
            return rates
        times = arrays["times"]
        is_shared = rates.size == times.size or not times.size
        return PiecewiseRate(times, rates if is_shared else rates.reshape(times.size, -1))
    except (KeyError, ValueError) as error:
        raise ValueError(f"a rate is not whole: {error}") from None
