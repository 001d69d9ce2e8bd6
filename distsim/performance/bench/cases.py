"""The networks that are timed: sizes, times, and who else can run them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...description.elements import SPIKES
from ...description.network import Network
from ...networks import BrunelAlpha, BrunelDelta, EIClustered, Microcircuit, NetworkModel

DT = 0.1  # ms
QUICK = 0.1  # of the times, and the microcircuit's scale
SCALES = (1.0, 0.5, 0.2, 0.1)  # of the microcircuit, as memory allows


@dataclass(frozen=True)
class Case:
    """A network with its times (ms), and the peer that runs it by a script of `peer_scripts` with `arguments`.

    `scaled` networks come in any scale. Without a peer its name is empty.
    """

    model: NetworkModel
    t_presim: float
    t_sim: float
    parameters: Mapping[str, Any] = field(default_factory=dict)
    peer: str = ""
    script: str = ""
    arguments: tuple[str, ...] = ()
    scaled: bool = False

    def describe(self, scale: float = 1.0) -> Network:
        """The network, without recorders."""
        scaling = {"N_scaling": scale, "K_scaling": scale} if self.scaled else {}
        network = self.model.network(DT, self.t_presim, **self.parameters, **scaling)
        network.drop_recorders(SPIKES)
        return network

    def times(self, quick: bool) -> tuple[float, float]:
        """Warm-up and timed part, ms."""
        part = QUICK if quick else 1.0
        return part * self.t_presim, part * self.t_sim


def panel(name: str, t_sim: float) -> Case:
    model = BrunelDelta()
    parameters = model.variants[name].parameters
    return Case(model, 0.0, t_sim, parameters, "Brian2", "brian2_brunel_delta.py", ("--panel", name))


CASES = {
    "brunel-alpha": Case(BrunelAlpha(), 0.0, 1000.0, peer="NEST", script="nest_brunel_alpha.py"),
    "brunel-delta-A": panel("A", 600.0),
    "brunel-delta-C": panel("C", 1200.0),
    "ei-clustered": Case(EIClustered(), 1000.0, 10000.0, peer="NEST", script="nest_ei_clustered.py"),
    "microcircuit": Case(Microcircuit(), 500.0, 1000.0, scaled=True),
}


def largest_scale(case: Case, n_bytes: Callable[[Network], float], available: float) -> float:
    """The largest scale whose `n_bytes(network)` leave a fifth of `available` bytes free, or the smallest there is."""
    if not case.scaled:
        return 1.0
    fitting = (scale for scale in SCALES if n_bytes(case.describe(scale)) <= 0.8 * available)
    return next(fitting, SCALES[-1])


def available_memory() -> float:
    """Bytes that programs on this node can still have; infinity where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    found = dict(line.split(":", 1) for line in lines)
    return 1024.0 * int(found["MemAvailable"].split()[0]) if "MemAvailable" in found else float("inf")
