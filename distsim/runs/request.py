"""`RunRequest`: what a run was asked to do. Equal requests give equal runs.

It is kept in the run's folder and in checkpoints. What concerns one process only, such as the folder or --max-wall, is
not part of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..files import kinds
from ..files.kinds import ANYTHING, FLAG, listed, mapped, maybe, number, record, text, whole
from ..networks.registry import Source

MAX_RATE = 400.0  # spikes/s: above any population that computes, below what a refractory period of 2 ms allows
NEURONS = listed(text())
RECORDING = {"spikes": NEURONS, "voltages": NEURONS, "voltage_interval": number(), "others": listed(text())}
CHECKPOINTS = {"every": number(1e-6), "wall": number(1e-6)}
SOURCE = {"path": text(), "network": text(), "sha256": text()}
TABLES = {"recording": RECORDING, "checkpoints": CHECKPOINTS, "source": SOURCE}
ENTRIES = {  # of a configuration, in which each may be missing
    "network": text(),
    "variant": text(),
    "t_presim": number(0.0),
    "t_sim": number(0.0),
    "dt": number(0.0),
    "seed": whole(0, 2**64 - 1),
    "noise_seed": whole(0, 2**64 - 1),
    "max_rate": number(0.0),
    "plots": FLAG,
    "profile": FLAG,
    **{name: record({}, entries) for name, entries in TABLES.items()},
    "parameters": mapped(ANYTHING),  # checked by the network
}
REQUEST = record(  # nothing is missing, and what does not apply is null
    {
        **ENTRIES,
        "variant": maybe(text()),
        "noise_seed": maybe(whole(0, 2**64 - 1)),
        "source": maybe(record(SOURCE)),
        **{
            name: record({key: maybe(kind) for key, kind in TABLES[name].items()})
            for name in ("recording", "checkpoints")
        },
    }
)


@dataclass(frozen=True)
class Recording:
    """Which neurons are recorded, as selections such as ``E[:100]``; None: those that the network itself records.

    Attributes
    ----------
    spikes, voltages : tuple of str or None
        Selections of neurons; an empty tuple records none.
    voltage_interval : float or None
        Time between two samples of V_m (ms); None: dt.
    others : tuple of str or None
        Names of other quantities that the network records and that are kept; None: all of them.
    """

    spikes: tuple[str, ...] | None = None
    voltages: tuple[str, ...] | None = None
    voltage_interval: float | None = None
    others: tuple[str, ...] | None = None

    @classmethod
    def nothing(cls) -> Recording:
        """Return the recording of nothing at all."""
        return cls((), (), None, ())


@dataclass(frozen=True)
class CheckpointSchedule:
    """How often checkpoints are written: `every` s of model time and every `wall` s of wall time; None: never."""

    every: float | None = None
    wall: float | None = None

    def or_else(self, usual: CheckpointSchedule) -> CheckpointSchedule:
        """Return this schedule, with the entries of `usual` where it has none."""
        every = usual.every if self.every is None else self.every
        return CheckpointSchedule(every, usual.wall if self.wall is None else self.wall)


@dataclass(frozen=True)
class RunRequest:
    """A run as it was asked for, resolved: no default is left open.

    Attributes
    ----------
    network : str
        Name of the network.
    parameters : mapping
        All its parameters, as numbers, texts and lists.
    t_presim, t_sim, dt : float
        Warm-up, simulated time after it, and resolution (ms).
    seed : int
        Fixes every random number, but for what a `noise_seed` fixes.
    variant : str or None
        The named setting that was chosen.
    source : Source or None
        The file of a network that is not known by name.
    recording : Recording
        Which neurons are recorded.
    max_rate : float
        Rate (spikes/s) of a population above which the run stops; 0: none.
    checkpoints : CheckpointSchedule
        How often checkpoints are written.
    plots, profile : bool
        Whether figures are drawn, and whether the work of each rank is reported.
    noise_seed : int or None
        Fixes all that is drawn during the run; None: `seed` does.
    """

    network: str
    parameters: Mapping[str, Any]
    t_presim: float
    t_sim: float
    dt: float
    seed: int
    variant: str | None = None
    source: Source | None = None
    recording: Recording = field(default_factory=Recording)
    max_rate: float = MAX_RATE
    checkpoints: CheckpointSchedule = field(default_factory=CheckpointSchedule)
    plots: bool = True
    profile: bool = False
    noise_seed: int | None = None

    @property
    def noise(self) -> int:
        """Return the seed of all that is drawn during the run."""
        return self.seed if self.noise_seed is None else self.noise_seed

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON knows it."""
        found = dataclasses.asdict(self)
        for key in ("spikes", "voltages", "others"):
            chosen = found["recording"][key]
            found["recording"][key] = None if chosen is None else list(chosen)
        return found

    @classmethod
    def from_json(cls, found: Any, where: str = "request") -> RunRequest:
        """Return the request that `to_json` gave.

        Raises
        ------
        ValueError
            If it is none; the message names the entry, below `where`.
        """
        kinds.check(found, REQUEST, where)
        recording, source = found["recording"], found["source"]
        chosen = {k: None if recording[k] is None else tuple(recording[k]) for k in ("spikes", "voltages", "others")}
        values = {each.name: found[each.name] for each in dataclasses.fields(cls)}
        values["recording"] = Recording(**chosen, voltage_interval=recording["voltage_interval"])
        values["checkpoints"] = CheckpointSchedule(**{key: found["checkpoints"][key] for key in CHECKPOINTS})
        values["source"] = None if source is None else Source(**{key: source[key] for key in SOURCE})
        return cls(**values)

    def difference(self, other: RunRequest) -> str | None:
        """Return what `other` simulates or records otherwise, as option or parameter; None if it is the same run."""
        pairs: dict[str, tuple[Any, Any]] = {"the network": (self.network, other.network)}
        hashes = [None if request.source is None else request.source.sha256 for request in (self, other)]
        pairs["the network's file"] = (hashes[0], hashes[1])
        pairs |= {name: (self.parameters.get(name), other.parameters.get(name)) for name in self.parameters}
        pairs |= {name: (None, value) for name, value in other.parameters.items() if name not in self.parameters}
        for name in ("t_presim", "t_sim", "dt", "seed", "variant", "recording"):
            pairs[name] = (getattr(self, name), getattr(other, name))
        pairs["noise_seed"] = (self.noise, other.noise)
        return next((name for name, (here, there) in pairs.items() if here != there), None)


def plain_parameters(parameters: Any) -> dict[str, Any]:
    """Return the fields of a network's parameters as numbers, texts and lists."""
    return {name: np.asarray(value).tolist() for name, value in dataclasses.asdict(parameters).items()}
