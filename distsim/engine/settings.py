"""The current parameters of populations and of Poisson input, which `Simulation.set` changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..description.elements import PoissonInput, Value
from ..description.network import Network


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
    n_changes : int
        Changes made so far.
    weights : tuple of int
        Projections whose weights are no longer as described; the synapse table holds them.
    """

    parameters: tuple[Mapping[str, Value], ...]
    stimuli: tuple[tuple[int, PoissonInput], ...]
    latest: tuple[PoissonInput, ...]
    n_changes: int = 0
    weights: tuple[int, ...] = ()

    @property
    def inputs(self) -> list[PoissonInput]:
        """The parts of Poisson input without their numbers."""
        return [stimulus for _, stimulus in self.stimuli]


def described_settings(network: Network) -> Settings:
    """Return the settings of `network` as it was described."""
    inputs = tuple(network.poisson_inputs)
    return Settings(tuple(dict(p.parameters) for p in network.populations), tuple(enumerate(inputs)), inputs)
