"""distsim: networks of spiking neurons on any number of MPI ranks, the same spikes on each."""

from __future__ import annotations

__version__ = "0.1.0"

from .distributions import Normal
from .network import Network
from .rules import explicit, fixed_total_number

__all__ = ["Network", "Normal", "Simulation", "explicit", "fixed_total_number"]


def __getattr__(name: str):
    """`Simulation` brings Numba, so it is imported when it is first asked for."""
    if name == "Simulation":
        from .engine.simulation import Simulation

        return Simulation
    raise AttributeError(f"module 'distsim' has no attribute {name!r}")
