"""Trials: a simulation goes back to time 0, with the network as built, to be run again with other noise."""

from __future__ import annotations

from ..description.quantities import whole
from ..description.reports import reports_of
from ..engine.connectivity.read_edges import read_lists
from ..engine.rank_engine import RankEngine
from ..engine.step.sinks import MemorySink
from .agreement import agree


def check_seed(seed: int, name: str = "seed") -> int:
    """Return `seed`; ValueError unless it is a whole number from 0 to 2^64 - 1."""
    return whole(name, seed, 0, 2**64 - 1)


def check_noise_seed(seed: int | None, otherwise: int) -> int:
    """Return `seed`, or what it is `otherwise` if it is None; ValueError as in `check_seed`."""
    return otherwise if seed is None else check_seed(seed, "noise_seed")


def reset(engine: RankEngine, noise_seed: int | None) -> None:
    """Set the engine of a simulation to time 0, see `Simulation.reset` (collective).

    Raises
    ------
    ValueError
        The noise seed is none, or not the same on all ranks.
    RuntimeError
        Recordings do not go to memory.
    """
    agree(engine.comm, {"the noise seed": noise_seed})
    chosen = check_noise_seed(noise_seed, engine.noise_seed)
    if not isinstance(engine.sink, MemorySink):
        raise RuntimeError(f"reset: recordings go to {type(engine.sink).__name__}, which holds those of one run")
    engine.loops.check_unchanged()
    lists = read_lists(engine.network, engine.comm, engine.deal) if engine.settings.weights else None
    engine.reset(MemorySink(reports_of(engine.network), engine.deal), chosen, lists)
