"""Check the configuration of a run that its folder keeps: whether this version can resume it."""

from __future__ import annotations

from typing import Any

from ..files import kinds
from ..files.kinds import FLAG, listed, mapped, maybe, number, record, text, whole

WORDS = maybe(listed(text()))
RECORDING = record(
    {"no_record": FLAG, "record_spikes": WORDS, "record_voltages": WORDS, "voltage_interval": maybe(number())}
)
OPTIONS = record(
    {
        "t_presim": number(0.0),
        "t_sim": number(0.0),
        "dt": number(0.0),
        "seed": whole(0, 2**64 - 1),
        "recording": RECORDING,
        "plots": FLAG,
        "profile": FLAG,
        "panel": maybe(text()),
        "max_rate": number(0.0),
    }
)
CONFIG = record(
    {"network": text(), "parameters": mapped(kinds.ANYTHING), "options": OPTIONS},
    {"keeping": record({}, {"every": number(1e-6), "wall": number(1e-6)})},
)


def check_config(config: Any) -> None:
    """Check a configuration, except the values of the network's parameters, which `prepare` checks.

    Raises
    ------
    ValueError
        If it is not one; the message names the entry.
    """
    kinds.check(config, CONFIG, "config")
