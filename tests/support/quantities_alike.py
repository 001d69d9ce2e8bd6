"""Quantities as Brian2, pint and astropy make them, as far as a reader of numbers sees; quantities has its own."""

from __future__ import annotations

import numpy as np

DIMENSIONS = ("length", "mass", "time", "current", "temperature", "substance", "luminosity")
SECOND, VOLT, AMP, FARAD = (0, 0, 1, 0), (2, 1, -3, -1), (0, 0, 0, 1), (-2, -1, 4, 2)
# Unit -> a larger one, how many of the first that is, its size and its exponents in SI units
LARGER = {
    "ms": ("s", 1e3, 1.0, SECOND),
    "mV": ("V", 1e3, 1.0, VOLT),
    "pA": ("nA", 1e3, 1e-9, AMP),
    "pF": ("nF", 1e3, 1e-9, FARAD),
    "spikes/s": ("kHz", 1e3, 1e3, (0, 0, -1, 0)),
    "1/s": ("1/ms", 1e3, 1e3, (0, 0, -1, 0)),
    "1/ms": ("1/us", 1e3, 1e6, (0, 0, -1, 0)),
    "nS": ("uS", 1e3, 1e-6, (-2, -1, 3, 2)),
    "nS/ms": ("uS/ms", 1e3, 1e-3, (-2, -1, 2, 2)),
    "pA/ms": ("nA/ms", 1e3, 1e-6, (0, 0, -1, 1)),
    "mV/ms": ("V/ms", 1e3, 1e3, (2, 1, -4, -1)),
}


class Dimension:
    """Exponents of the base units, as Brian2 keeps them."""

    def __init__(self, exponents: tuple) -> None:
        self.exponents = dict(zip(DIMENSIONS, (*exponents, 0, 0, 0), strict=True))

    def get_dimension(self, name: str) -> int:
        return self.exponents[name]

    def __str__(self) -> str:
        return " ".join(f"{name}^{power}" for name, power in self.exponents.items() if power)


class Brian2Quantity(np.ndarray):
    """Values in SI units with `dimensions`."""

    def __new__(cls, values, exponents: tuple) -> Brian2Quantity:
        array = np.asarray(values, float).view(cls)
        array.dimensions = Dimension(exponents)
        return array

    def __array_finalize__(self, other) -> None:
        self.dimensions = getattr(other, "dimensions", None)


class Unit:
    """A unit by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


class PintQuantity:
    """No array: `magnitude`, `units` and a method `to`."""

    def __init__(self, magnitude, name: str) -> None:
        self.magnitude, self.units = magnitude, Unit(name)

    def to(self, name: str) -> PintQuantity:
        for unit, (larger, factor, *_) in LARGER.items():
            if name == unit.replace("spikes", "1") and self.units.name in (larger, unit):
                scale = factor if self.units.name == larger else 1
                return PintQuantity(np.asarray(self.magnitude) * scale, name)
        raise TypeError("these are different dimensions")


class AstropyQuantity(np.ndarray):
    """An array with `unit`, `value` and a method `to`."""

    def __new__(cls, values, name: str) -> AstropyQuantity:
        array = np.asarray(values, float).view(cls)
        array.unit = Unit(name)
        return array

    def __array_finalize__(self, other) -> None:
        self.unit = getattr(other, "unit", None)

    @property
    def value(self) -> np.ndarray:
        return np.asarray(self)

    def to(self, name: str) -> AstropyQuantity:
        return AstropyQuantity(PintQuantity(self.value, self.unit.name).to(name).magnitude, name)


class WithAttributes:
    """An array with attributes, as a dataset of HDF5 or of xarray."""

    def __init__(self, values, unit: str) -> None:
        self.values, self.attrs = np.asarray(values, float), {"units": unit}

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self.values


def scaled(value, factor: float):
    """Return `value`, or the numbers of a list, divided by `factor`."""
    return [scaled(item, factor) for item in value] if isinstance(value, list) else np.asarray(value) / factor


def brian2(value, unit: str) -> Brian2Quantity:
    _, factor, size, exponents = LARGER[unit]
    return Brian2Quantity(np.asarray(scaled(value, factor)) * size, exponents)


def pint(value, unit: str) -> PintQuantity:
    larger, factor, *_ = LARGER[unit]
    return PintQuantity(np.asarray(scaled(value, factor)), larger)


def astropy(value, unit: str) -> AstropyQuantity:
    larger, factor, *_ = LARGER[unit]
    return AstropyQuantity(scaled(value, factor), larger)


def with_attributes(value, unit: str) -> WithAttributes:
    larger, factor, *_ = LARGER[unit]
    return WithAttributes(scaled(value, factor), larger)


def quantities(value, unit: str):
    import quantities as pq

    larger, factor, *_ = LARGER[unit]
    return pq.Quantity(scaled(value, factor), larger)


def listed(value, unit: str) -> list | Brian2Quantity:
    """A list of quantities where there is more than one number."""
    return [listed(item, unit) for item in value] if isinstance(value, list) else brian2(value, unit)


KINDS = (brian2, pint, astropy, with_attributes, quantities, listed)
