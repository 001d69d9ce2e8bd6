"""The current parameters of populations and inputs, which `Simulation.set` changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..description.currents import CurrentDevice
from ..description.distributions import Distribution
from ..description.elements import PoissonInput, StepCurrent, Value
from ..description.network import Network
from ..description.spike_trains import SpikeTrains
from ..description.values import frozen, is_drawn_later
from .random.streams import INITIAL, uniforms
from .step.population_state import drawn_object


@dataclass(frozen=True, eq=False)
class Settings:
    """Parameters and inputs in force from now on; changes make another object.

    Attributes
    ----------
    parameters : tuple of mappings
        Parameters by population.
    stimuli : tuple of (int, PoissonInput)
        Poisson input from which spikes may still arrive, each part with the number that tells the trains of one input
        from those of another. An input whose rate changed has one part before the change and one after it.
    latest : tuple of PoissonInput
        Each Poisson input of the network with the rate and weight that it has now.
    step_currents : tuple of StepCurrent
        Those of the network, with the amplitudes that they have from now on.
    waves : tuple of (int, CurrentDevice)
        Other devices that inject current, with their numbers; one whose values changed has parts, as Poisson input has.
    latest_waves : tuple of CurrentDevice
        Each of these devices with the values that it has now.
    trains : tuple of SpikeTrains or None
        Given spikes by population.
    n_changes : int
        Changes made so far.
    weights : tuple of int
        Projections whose weights are no longer as described; the synapse table holds them.
    """

    parameters: tuple[Mapping[str, Value], ...]
    stimuli: tuple[tuple[int, PoissonInput], ...]
    latest: tuple[PoissonInput, ...]
    step_currents: tuple[StepCurrent, ...]
    waves: tuple[tuple[int, CurrentDevice], ...]
    latest_waves: tuple[CurrentDevice, ...]
    trains: tuple[SpikeTrains | None, ...]
    n_changes: int = 0
    weights: tuple[int, ...] = ()

    @property
    def inputs(self) -> list[PoissonInput]:
        """The parts of Poisson input without their numbers."""
        return [stimulus for _, stimulus in self.stimuli]


def described_settings(network: Network, seed: int) -> Settings:
    """Return the settings of `network` as it was described, with what is drawn of parameters by `seed`."""
    inputs, waves = tuple(network.poisson_inputs), tuple(network.currents)
    return Settings(
        tuple(_drawn_parameters(network, number, seed) for number in range(len(network.populations))),
        tuple(enumerate(inputs)),
        inputs,
        tuple(network.step_currents),
        tuple(enumerate(waves)),
        waves,
        tuple(p.spike_trains for p in network.populations),
    )


def _drawn_parameters(network: Network, number: int, seed: int) -> dict[str, Value]:
    population = network.populations[number]
    gids = population[:].gids
    return {
        name: value
        if is_drawn_later(population.model, name, value)
        else drawn_values(network, number, name, value, gids, seed)
        for name, value in population.parameters.items()
    }


def drawn_values(
    network: Network, number: int, name: str, value: Value | str, gids: np.ndarray, seed: int, change: int = 0
) -> Any:
    """Return what neurons `gids` of population `number` draw of a distribution for their parameter `name`; any other
    value as it is. `change` tells apart what is drawn at the start (0) and by later changes."""
    if not isinstance(value, Distribution):
        return value
    obj = drawn_object(network.populations[number], number, name)
    return frozen(value.quantile(uniforms(gids, change, obj, INITIAL, seed)))
