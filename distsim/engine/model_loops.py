"""The models' compiled loops: which a network needs, in the cache of the machine, loaded by this rank.

A loop takes what arrives at a block, and the Poisson numbers of one stimulus, straight from where they are (DIRECT).
Blocks with more than that have their input gathered first, for a loop that takes it from there (GATHERED). Which loops
a network needs follows from the description alone, so that all ranks know it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numba.core.ccallback import CFunc

from ..description.elements import PoissonInput, Population, Value
from ..description.network import Network
from ..description.rates import largest_rate
from ..neurons import NeuronModel
from ..parallel import Comm
from .compiled.cache import fill_once
from .compiled.cache_folder import agreed_folder
from .compiled.frozen_step import FrozenStep
from .connectivity.table_plan import TablePlan
from .step.layout import receptor_of
from .step.poisson_plan import fits_cells
from .step.population_state import Neurons
from .step.update import Variant, compile_update

Pair = tuple[Variant | None, Variant | None]  # DIRECT and GATHERED loops
MOSTLY = 0.9  # of the neurons have a propagator's usual value where blocks of such have loops of their own


class Loops:
    """The compiled loops of the models, each compiled (or loaded) when it is first asked for, and kept alive."""

    def __init__(self) -> None:
        self._compiled: dict[tuple, CFunc] = {}
        self._in_cache: set[str] = set()
        self._steps: dict[int, tuple[NeuronModel, FrozenStep]] = {}  # by id of the model, as they were at first

    def address(self, variant: Variant | None) -> int:
        """Return the address of the loop; 0 for none."""
        if variant is None:
            return 0
        what = (id(variant.model), *variant[1:])
        if what not in self._compiled:
            self._compiled[what] = compile_update(variant)
        address = self._compiled[what].address
        assert address is not None  # as it is compiled
        return address

    def fill_cache(
        self, comm: Comm, wanted: Sequence[Variant], others: Mapping[str, Callable[[], object]] | None = None
    ) -> None:
        """Have the loops `wanted`, and `others`, in the cache (collective)."""
        for variant in wanted:
            self._steps.setdefault(id(variant.model), (variant.model, FrozenStep.of(variant.model)))
        self.check_unchanged()
        # Not by what this rank has loaded: a rank without neurons of a population loads nothing for it.
        named = {variant.name: variant for variant in wanted}
        new = {name: functools.partial(self.address, v) for name, v in named.items() if name not in self._in_cache}
        if new or others:
            fill_once(comm, agreed_folder(comm), {**(others or {}), **new})
            self._in_cache |= new.keys()

    def models(self) -> dict[str, NeuronModel]:
        """The models in use, by what a message may call them."""
        return {f"the model {model.name}": model for model, _ in self._steps.values()}

    def check_unchanged(self) -> None:
        """Check that what the models' steps use has still the values that were compiled; ValueError if not."""
        for model, before in self._steps.values():
            now = FrozenStep.of(model)
            if now.identity != before.identity:
                raise ValueError(
                    f"{model.name}: {before.difference(now)}, which its step uses, has changed since the simulation "
                    f"was built with it; build a new Simulation"
                )


def loops_of(
    plan: TablePlan, parameters: Sequence[Mapping[str, Value]], stimuli: Sequence[PoissonInput]
) -> list[Variant]:
    """The loops that a network with these `parameters` of its populations and these `stimuli` needs."""
    variants = (
        variant
        for population, values in zip(plan.network.populations, parameters, strict=True)
        for pair in variants_of(plan, population, values, stimuli)
        for variant in pair
        if variant is not None
    )
    return list({(id(variant.model), *variant[1:]): variant for variant in variants}.values())


def variants_of(
    plan: TablePlan, population: Population, parameters: Mapping[str, Value], stimuli: Sequence[PoissonInput]
) -> list[Pair]:
    """The loops of one population: DIRECT and GATHERED, and, if most neurons are alike, those of even blocks.

    The neurons of an even block have the same propagators, though others of their population differ.
    """
    model, network = population.model, plan.network
    propagators = model.propagator_values(parameters, network.grid.dt_ms)
    alike = tuple(name for name, value in propagators.items() if not np.ndim(value))
    by_neuron = len(alike) < len(propagators)
    gathered = Variant(model, model.n_receptors(parameters), by_neuron, False, False, alike if by_neuron else ())
    if model.is_source:
        return [(None, gathered)]
    onto = [s for s in stimuli if s.target.population is population and largest_rate(s.rate) > 0]
    simple = [is_simple(network, gathered.receptors, stimulus) for stimulus in onto]
    direct = gathered._replace(fixed=plan.code.fixed, numbers=any(simple))
    pair = direct, gathered if len(onto) > sum(simple[:1]) else None
    if not mostly_even([np.asarray(value) for value in propagators.values() if np.ndim(value)]):
        return [pair]
    even_direct, even_gathered = (v and v._replace(alike=model.propagator_names) for v in pair)
    return [pair, (even_direct, even_gathered)]


def mostly_even(values: Sequence[np.ndarray]) -> bool:
    """Return whether propagators that differ between neurons are the same for most, so that even blocks pay."""
    return bool(values) and all(np.mean(value == np.median(value)) > MOSTLY for value in values)


def is_even(neurons: Neurons, block: np.void, n_propagators: int) -> bool:
    """Return whether all neurons of a block have the same propagators."""
    rows = block["par"] + block["par_stride"] * np.arange(n_propagators)
    table = neurons.propagators[rows[:, None] + np.arange(block["last"] - block["first"])]
    return bool((table == table[:, :1]).all())


def is_simple(network: Network, receptors: int, stimulus: PoissonInput) -> bool:
    """Return whether a stimulus is one to the first receptor of a whole population whose numbers are bytes."""
    is_first = int(receptor_of(stimulus.weight, receptors, stimulus.receptor)) == 0
    is_whole = len(stimulus.target) == stimulus.target.population.n
    return is_first and is_whole and fits_cells(largest_rate(stimulus.rate) * network.grid.dt_ms * 1e-3)


def choose_loops(
    neurons: Neurons,
    plan: TablePlan,
    parameters: Sequence[Mapping[str, Value]],
    stimuli: Sequence[PoissonInput],
    loops: Loops,
) -> None:
    """Let the blocks be updated by the loops that `parameters` and `stimuli` ask for."""
    for number, population in enumerate(plan.network.populations):
        mine = neurons.blocks["population"] == number
        if mine.any():
            general, *even = variants_of(plan, population, parameters[number], stimuli)
            numbers = np.flatnonzero(mine).tolist()
            assign(neurons, numbers, general, loops)
            for pair in even:
                size = len(population.model.propagator_names)
                those = [b for b in numbers if is_even(neurons, neurons.blocks[b], size)]
                assign(neurons, those, pair, loops)


def assign(neurons: Neurons, numbers: list[int], pair: Pair, loops: Loops) -> None:
    """Let the blocks of these `numbers` be updated by a pair of loops, DIRECT and GATHERED."""
    direct, gathered = pair
    neurons.blocks["direct"][numbers] = loops.address(direct)
    neurons.blocks["gathered"][numbers] = loops.address(gathered)
    neurons.blocks["takes_numbers"][numbers] = direct is not None and direct.numbers
