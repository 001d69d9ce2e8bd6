"""Populations of a network under construction: neurons, by name and by part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..neurons import MODELS, NeuronModel, model_for
from .elements import FOREVER, Part, Population, Selection, Value, check_name, find, nearest, select
from .grid import TimeGrid, resolution
from .positions import Positions, read_positions
from .quantities import bound, whole
from .spike_trains import SpikeTrains
from .values import check_together, read_values


@dataclass
class Populations:
    """Populations on a time grid; `dt` is the resolution in ms."""

    dt: float = 0.1
    populations: list[Population] = field(default_factory=list, init=False)
    is_simulated: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.grid = TimeGrid(resolution(self.dt))
        self.dt = self.grid.dt_ms

    def __getstate__(self) -> dict:
        """Return the state of a copy: the same description in lists of its own, to which more can be added."""
        state = {name: list(value) if isinstance(value, list) else value for name, value in vars(self).items()}
        return {**state, "is_simulated": False}

    @property
    def n(self) -> int:
        """Return the number of neurons and sources."""
        return sum(len(population) for population in self.populations)

    @property
    def n_neurons(self) -> int:
        return sum(len(population) for population in self.populations if not population.model.is_source)

    def __getitem__(self, name: str) -> Population:
        for population in self.populations:
            if population.name == name:
                return population
        raise KeyError(f"no population {name!r}: {nearest(name, [p.name for p in self.populations])}")

    def select(self, what: Part) -> Selection:
        """Return neurons by name, 'E', 'E[:50]', 'E[-1]', 'E[[1, 5, 7]]', or by a population or a part of one;
        ValueError if there is no such population."""
        name, indices = find(what, {population.name: population.n for population in self.populations})
        return Selection(self[name], indices)

    def create(
        self,
        name: str,
        n: int,
        model: str | NeuronModel = "iaf_psc_exp",
        positions: Positions | Value | None = None,
        **parameters: Value,
    ) -> Population:
        """Add `n` neurons of `model`; parameters not given keep the model's default.

        Parameters
        ----------
        positions : where they are: a `Grid`, `UniformBox`, `UniformDisc` or `Points`, or an array (n, 2) or (n, 3).
        parameters : each a number, an array of n numbers, or a distribution, drawn neuron by neuron. Some models have
            lists of them, such as tau_syn=[2.0, 100.0]; an array of shape (n, elements) gives each neuron a list.

        Raises
        ------
        ValueError : unknown model or parameter, a value outside its range, a name used twice.
        """
        model, n = self._model(name, model, parameters), whole(f"{name}: n", n)
        if model.is_source:
            raise ValueError(f"{name}: sources are made by poisson_source and spike_source")
        values = {**model.defaults(), **read_values(name, model, n, parameters)}
        for key in model.initial:
            reference = model.recordables[key].reference
            if key not in parameters and reference is not None:
                values[key] = values[reference]  # at rest
        return self._add(name, n, model, values, positions=read_positions(name, n, positions))

    def _model(self, name: str, model: str | NeuronModel, parameters: Mapping[str, object]) -> NeuronModel:
        if isinstance(model, NeuronModel):
            return model
        if not isinstance(model, str):
            raise TypeError(f"{name}: expected a neuron model or the name of one, not {model!r}")
        if model not in MODELS:
            raise ValueError(f"no neuron model {model!r}: {nearest(model, list(MODELS))}")
        return model_for(model, parameters)

    def _check_open(self) -> None:
        if self.is_simulated:
            raise ValueError(
                "the network is being simulated and cannot be added to: describe all of it before Simulation "
                "(parameters, rates and potentials can be changed by its set)"
            )

    def _add(
        self,
        name: str,
        n: int,
        model: NeuronModel,
        values: dict,
        spikes: SpikeTrains | None = None,
        positions: Positions | None = None,
    ) -> Population:
        self._check_open()
        if any(population.name == name for population in self.populations):
            raise ValueError(f"there is a population {name!r} already")
        check_name(name)
        if self.n + n >= 2**32:
            raise ValueError(f"{name}: {n:g} neurons more make 2^32 or more")
        check_together(name, model, values, self.grid.dt_ms)
        population = Population(name, n, model, MappingProxyType(values), self.n, spikes, positions)
        self.populations.append(population)
        return population

    def _own(self, what: Part) -> Selection:
        self._check_open()
        selection = self.select(what) if isinstance(what, str) else select(what)
        if not any(population is selection.population for population in self.populations):
            raise ValueError(f"{selection} belongs to another network")
        return selection

    def _window(self, name: str, start: float, stop: float) -> tuple[int, int]:
        first = self.grid.step(start, f"{name}: start", 0)
        is_open = bound(f"{name}: stop", stop, "ms") == math.inf
        last = FOREVER if is_open else self.grid.step(stop, f"{name}: stop", 0)
        if last < first:
            raise ValueError(f"{name}: start {start} and stop {stop} must be 0 <= start <= stop")
        return first, last

    def _steps(self, what: str, value: float | None) -> int:
        """Return the steps of a `value` (ms), at least one; one where none is given."""
        return 1 if value is None else self.grid.step(value, what, 1)
