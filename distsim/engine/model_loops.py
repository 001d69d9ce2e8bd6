"""The models' compiled loops: which a network needs, in the cache of the machine, loaded by this rank."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..elements import Value
from ..network import Network
from ..neurons import NeuronModel
from .cache import FOLDER, fill_once
from .update import compile_update, loop_name


class Loops:
    """The compiled loops of the models, each compiled (or loaded) when it is first asked for, and kept alive."""

    def __init__(self) -> None:
        self._compiled: dict = {}
        self._in_cache: set[str] = set()

    def address(self, model: NeuronModel, receptors: int, by_neuron: bool) -> int:
        what = (id(model), receptors, by_neuron)
        if what not in self._compiled:
            self._compiled[what] = compile_update(model, receptors, by_neuron)
        return self._compiled[what].address

    def fill_cache(
        self,
        comm,
        network: Network,
        parameters: Sequence[Mapping[str, Value]],
        others: Mapping[str, Callable[[], object]] | None = None,
    ) -> None:
        """Have the loops for `parameters` of the populations, and `others`, in the cache (collective)."""
        # Not by what this rank has loaded: a rank without neurons of a population loads nothing for it.
        named = {loop_name(*variant): variant for variant in loops_of(network, parameters)}
        new = {name: functools.partial(self.address, *v) for name, v in named.items() if name not in self._in_cache}
        if new or others:
            fill_once(comm, FOLDER, {**(others or {}), **new})
            self._in_cache |= new.keys()


def loops_of(network: Network, parameters: Sequence[Mapping[str, Value]]) -> list[tuple[NeuronModel, int, bool]]:
    """The loops that a network with these `parameters` of its populations needs: (model, receptors, whether parameters
    differ from neuron to neuron)."""
    found = {}
    for population, values in zip(network.populations, parameters, strict=True):
        propagators = population.model.propagators(values, network.grid.dt_ms)
        by_neuron = any(np.ndim(value) for value in propagators.values())
        found[id(population.model), population.model.receptors(values), by_neuron] = population.model
    return [(model, receptors, by_neuron) for (_, receptors, by_neuron), model in found.items()]
