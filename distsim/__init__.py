"""distsim: networks of spiking neurons on any number of MPI ranks, the same spikes on each."""

from __future__ import annotations

__version__ = "0.1.0"

from .distributions import Constant, Lognormal, Normal, Uniform
from .network import Network
from .rules import (
    all_to_all,
    explicit,
    fixed_indegree,
    fixed_outdegree,
    fixed_total_number,
    one_to_one,
    pairwise_bernoulli,
)

__all__ = [
    "Constant",
    "Lognormal",
    "Network",
    "Normal",
    "Simulation",
    "Uniform",
    "all_to_all",
    "explicit",
    "fixed_indegree",
    "fixed_outdegree",
    "fixed_total_number",
    "one_to_one",
    "pairwise_bernoulli",
]


def __getattr__(name: str):
    """`Simulation` brings Numba, so it is imported when it is first asked for."""
    if name == "Simulation":
        from .engine.simulation import Simulation

        return Simulation
    raise AttributeError(f"module 'distsim' has no attribute {name!r}")
