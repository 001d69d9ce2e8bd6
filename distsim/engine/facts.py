"""What was run and how often neurons fired: the keys that the summary of every run has."""

from __future__ import annotations

import numpy as np

from ..network import Network
from .recorders import recorded_ranges


def facts(simulation, title: str, t_presim: float, t_sim: float, seconds: float, counts: np.ndarray) -> dict:
    """Network, seed, ranks, times (ms), sizes and rates.

    Parameters
    ----------
    t_presim, t_sim : where the recorded period begins and how long it is, ms.
    seconds : the time in which `counts` (int64 by gid) spikes were emitted, s.
    """
    network = simulation.network
    return {
        "network": title,
        "seed": simulation.seed,
        "ranks": simulation.comm.size,
        "dt_ms": network.grid.dt_ms,
        "t_presim_ms": t_presim,
        "t_sim_ms": t_sim,
        "n_neurons": network.n_neurons,
        "n_synapses": simulation.n_synapses,
        "n_spikes": int(counts.sum()),
        "populations": population_facts(network, seconds, counts),
    }


def population_facts(network: Network, seconds: float, counts: np.ndarray) -> dict[str, dict]:
    """By population: n, rate_hz (None without neurons or time), n_spikes, and which neurons are recorded if not all."""
    populations = {}
    for population in network.populations:
        n_spikes = int(counts[population.first : population.first + population.n].sum())
        rate = n_spikes / population.n / seconds if population.n and seconds else None
        populations[population.name] = {"n": population.n, "rate_hz": rate, "n_spikes": n_spikes}
        recorded = recorded_ranges(network, population)
        if recorded is not None:
            populations[population.name]["recorded"] = recorded
    return populations
