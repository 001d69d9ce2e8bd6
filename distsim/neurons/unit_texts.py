"""Units written as texts, such as "mV", "nS/ms" or "spikes s^-1": what each is in SI units, and its dimension."""

from __future__ import annotations

import re
from fractions import Fraction

DIMENSIONS = ("length", "mass", "time", "current", "temperature", "substance", "luminosity")
NONE = (0,) * len(DIMENSIONS)
PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}
PREFIXES |= {"femto": -15, "pico": -12, "nano": -9, "micro": -6, "milli": -3, "kilo": 3, "mega": 6, "giga": 9}
SYMBOLS = {  # in SI units, and the exponents of the base units
    "s": (1, (0, 0, 1, 0, 0, 0, 0)),
    "min": (60, (0, 0, 1, 0, 0, 0, 0)),
    "h": (3600, (0, 0, 1, 0, 0, 0, 0)),
    "Hz": (1, (0, 0, -1, 0, 0, 0, 0)),
    "V": (1, (2, 1, -3, -1, 0, 0, 0)),
    "A": (1, (0, 0, 0, 1, 0, 0, 0)),
    "F": (1, (-2, -1, 4, 2, 0, 0, 0)),
    "S": (1, (-2, -1, 3, 2, 0, 0, 0)),
    "Ohm": (1, (2, 1, -3, -2, 0, 0, 0)),
    "m": (1, (1, 0, 0, 0, 0, 0, 0)),
    "spikes": (1, NONE),
    "1": (1, NONE),
}
WORDS = {"sec": "s", "second": "s", "minute": "min", "hour": "h", "hertz": "Hz", "volt": "V", "amp": "A"}
WORDS |= {"ampere": "A", "farad": "F", "siemens": "S", "ohm": "Ohm", "Ω": "Ohm", "metre": "m", "meter": "m"}
WORDS |= {"spike": "spikes", "dimensionless": "1"}
FACTOR = re.compile(r"\s*([*/·\s])\s*([^\W\d]+|1)(?:(?:\^|\*\*)?(-?\d+))?")


def read_unit(text: str) -> tuple[Fraction, tuple[int, ...]] | None:
    """Return what a unit such as "ms", "millivolt", "1/s" or "spikes s^-1" is in SI units, and the exponents of the
    base units; None where it cannot be read."""
    rest = f"*{text.strip() or '1'}".replace(" per ", "/")
    size, exponents = Fraction(1), list(NONE)
    while rest:
        match = FACTOR.match(rest)
        found = match and _read_symbol(match[2])
        if not match or not found:
            return None
        power = int(match[3] or 1) * (-1 if match[1] == "/" else 1)
        size *= found[0] ** power
        exponents = [a + power * b for a, b in zip(exponents, found[1], strict=True)]
        rest = rest[match.end() :].rstrip()
    return size, tuple(exponents)


def _read_symbol(text: str) -> tuple[Fraction, tuple[int, ...]] | None:
    if text in SYMBOLS:
        return Fraction(SYMBOLS[text][0]), SYMBOLS[text][1]
    for prefix in sorted(PREFIXES, key=len, reverse=True):
        rest = text.removeprefix(prefix)
        symbol = rest if rest in SYMBOLS else WORDS.get(rest.lower(), WORDS.get(rest.lower().removesuffix("s")))
        if text.startswith(prefix) and symbol is not None and symbol in SYMBOLS:
            return Fraction(SYMBOLS[symbol][0]) * Fraction(10) ** PREFIXES[prefix], SYMBOLS[symbol][1]
    return None
