"""Positions of the neurons of a network; the seed fixes those that are drawn."""

from __future__ import annotations

import numpy as np

from ..description.elements import Part
from ..description.indices import as_key
from ..description.network import Network
from ..engine.connectivity import draw_in_space


def positions_of(network: Network, seed: int, what: Part) -> np.ndarray:
    """Return the positions of neurons, float64 (len(what), coordinates).

    Raises
    ------
    ValueError
        There is no such population, or it has no positions.
    """
    selection = network.select(what)
    population = selection.population
    if population.positions is None:
        raise ValueError(f"{population.name} has no positions: create(..., positions=...)")
    placed: np.ndarray = draw_in_space.positions_of(population, seed)[as_key(selection.indices)]
    return placed.copy()


def all_positions(network: Network, seed: int) -> dict[str, np.ndarray]:
    """Return the positions of all populations that have some, float64 (n, coordinates) by name."""
    return {
        population.name: draw_in_space.positions_of(population, seed)
        for population in network.populations
        if population.positions is not None
    }
