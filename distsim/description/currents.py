"""Time-varying currents: noise, sinusoids, given samples.

Conventions are NEST's, as of step currents: what a device emits in the step that ends at t acts from t + delay on, so
that V_m first moves one step after start + delay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .elements import Selection
from .grid import TimeGrid
from .quantities import LARGEST, number, numbers


@dataclass(frozen=True, eq=False)
class CurrentDevice:
    """A device that injects current into `target` in (start, stop] steps, `delay` steps later.

    Attributes
    ----------
    origin : int
        The step from which its intervals are counted.
    """

    target: Selection
    delay: int
    start: int
    stop: int
    origin: int
    kind: ClassVar[str] = "current"  # what messages call it
    settable: ClassVar[tuple[str, ...]] = ()

    def read(self, name: str, given: Mapping[str, object], grid: TimeGrid) -> dict[str, Any]:
        """Check and return the values `given` to some of its fields; ValueError naming the one that is wrong."""
        raise NotImplementedError


def amplitude(name: str, value: object) -> float:
    """Return a current in pA; ValueError if it is none."""
    return number(name, value, -LARGEST, LARGEST, "pA")


@dataclass(frozen=True, eq=False)
class NoiseCurrent(CurrentDevice):
    """A current of its own for each neuron, drawn anew every `interval` steps from a normal distribution (pA)."""

    mean: float
    std: float
    interval: int
    kind, settable = "noise current", ("mean", "std")

    def read(self, name: str, given: Mapping[str, object], grid: TimeGrid) -> dict[str, Any]:
        kinds: dict[str, Callable] = {
            "mean": amplitude,
            "std": lambda name, value: number(name, value, 0.0, LARGEST, "pA"),
        }
        return {key: kinds[key](f"{name}: {key}", value) for key, value in given.items()}


@dataclass(frozen=True, eq=False)
class SinusoidalCurrent(CurrentDevice):
    """offset + amplitude sin(2 pi frequency t + phase) at the beginning t of each step: pA, Hz, degrees."""

    amplitude: float
    frequency: float
    phase: float
    offset: float
    kind = "sinusoidal current"
    settable = ("amplitude", "frequency", "phase", "offset")

    def read(self, name: str, given: Mapping[str, object], grid: TimeGrid) -> dict[str, Any]:
        kinds: dict[str, Callable] = {
            "amplitude": amplitude,
            "offset": amplitude,
            "frequency": lambda name, value: number(name, value, 0.0, 500.0 / grid.dt_ms, "Hz"),
            "phase": lambda name, value: number(name, value, -LARGEST, LARGEST),
        }
        return {key: kinds[key](f"{name}: {key}", value) for key, value in given.items()}


@dataclass(frozen=True, eq=False)
class SampledCurrent(CurrentDevice):
    """values[k] (pA), of all neurons or of each, in the k-th `interval` (steps) from `start` on; 0 after the last."""

    values: np.ndarray
    interval: int
    kind, settable = "sampled current", ("values", "start")

    def read(self, name: str, given: Mapping[str, object], grid: TimeGrid) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in given.items():
            if key == "start":
                found["origin"] = grid.step(value, f"{name}: start", 0)  # type: ignore[arg-type]  # which it checks
            else:
                found[key] = read_samples(f"{name}: {key}", value, len(self.target))
        return found


def read_samples(name: str, values: object, n: int) -> np.ndarray:
    """Return samples of a current (pA), read-only; ValueError unless their shape is (times,) or (times, n)."""
    found = np.atleast_1d(numbers(name, values, -LARGEST, LARGEST, "pA"))
    if not (found.ndim == 1 or (found.ndim == 2 and found.shape[1] == n)) or not found.size:
        raise ValueError(f"{name} must have the shape (times,) or (times, {n}), not {found.shape}")
    found.setflags(write=False)
    return found


def read_steps(name: str, times: Any, amplitudes: Any, grid: TimeGrid) -> tuple[np.ndarray, np.ndarray]:
    """Return when a step current changes (steps) and what it becomes (pA).

    Raises
    ------
    ValueError
        Lists of different lengths, times that do not ascend from 0 on.
    """
    steps = np.atleast_1d(grid.steps(times, f"{name}: times"))
    values = np.atleast_1d(numbers(f"{name}: amplitudes", amplitudes, -LARGEST, LARGEST, "pA"))
    if steps.shape != values.shape or steps.ndim != 1:
        message = f"{steps.size} times and {values.size} amplitudes must be lists of equally many numbers"
        raise ValueError(f"{name}: {message}")
    if np.any(np.diff(steps) <= 0) or np.any(steps < 0):
        raise ValueError(f"{name}: times must increase and be at least 0 ms")
    return steps, values
