"""`Network`, which a modeller describes: populations, projections, stimuli and recorders. Plain data, no MPI, no Numba.

    net = Network(dt=0.1)
    exc = net.create("E", 8000, "iaf_psc_exp", tau_m=20.0, V_m=Normal(-60, 5))
    net.connect(exc, exc, fixed_total_number(6_400_000), weight=Normal(20, 2, minimum=0), delay=1.5)
    net.poisson_input(exc, rate=8000.0, weight=20.0, delay=1.5)
    net.record_spikes(exc)

Neurons have global ids (gid) in the order of creation; sources are populations too. Errors are raised where the
mistake is made, before anything is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..parallel import is_first
from ..synapses import SynapseModel, static
from .elements import Part, Projection, Value
from .in_space import in_space
from .inputs import Inputs
from .matrices import Matrix, is_matrix, read_delay_matrix, read_matrix
from .projections import check_given, check_rule, check_synapse, read_delay, read_receptor, read_weight, values_of
from .quantities import whole
from .rules import Rule
from .summary import summarize


@dataclass
class Network(Inputs):
    """A network under construction, until it is simulated; `dt` is the resolution in ms."""

    projections: list[Projection] = field(default_factory=list, init=False)

    def connect(
        self,
        source: Part,
        target: Part,
        rule: Rule | Matrix,
        weight: Value | None = None,
        delay: Value | Matrix | None = None,
        synapse: SynapseModel = static,
        receptor: int | str | None = None,
    ) -> Projection:
        """Connect `source` to `target` by `rule`, or as a weight matrix says.

        Parameters
        ----------
        source, target : a population, a part of one (`exc[:50]`, `exc[[1, 5, 7]]`, `exc[mask]`, see `Selection`), or
            its name, 'E', 'E[:50]', 'E[[1, 5, 7]]', here and in all that follows.
        rule : a connection rule; or a matrix of weights, W[source, target], of shape (len(source), len(target)).
            Each stored entry of a scipy.sparse matrix or array is a synapse, zeros too, and one that is stored twice is
            two; of a NumPy array, each entry other than 0. The matrix is copied. Or the edges of a file, see
            `csv_edges`, `parquet_edges` and `sonata_edges`.
        weight : pA; a number, a distribution, or (explicit rule) an array with one value a synapse. Not with a matrix.
            Of neurons with positions also a function of distance, such as `Gaussian`.
        delay : ms, at least dt, multiples of dt; likewise. Draws of a distribution are rounded to the grid. With a
            weight matrix also a matrix with the same entries, or a NumPy array of its shape.
        synapse : the model of the synapses.
        receptor : where they arrive, for models whose receptors are chosen: a number, from 1 as in NEST, or the name of
            one of the model's `inputs`. With other models the sign of the weight says it.

        Raises
        ------
        ValueError : a rule or matrix that does not fit, values out of range, delays off the grid, no such receptor.
        """
        source, target = self._own(source), self._own(target)
        name = f"{source.population.name} -> {target.population.name}"
        if target.population.model.is_source:
            raise ValueError(f"{name}: {target.population.name} are sources, nothing can be connected to them")
        check_synapse(name, synapse)
        unit, shape = target.population.model.weight_unit, (len(source), len(target))
        check_given(name, rule, weight, delay)
        weight, delay = values_of(rule, weight, delay)
        if is_matrix(rule):
            rule, weight = read_matrix(name, rule, shape, unit)
            delay = read_delay_matrix(name, delay, rule, shape) if is_matrix(delay) else delay
        rule = in_space(name, rule, (source, target), weight, delay, self.grid)
        n_synapses = check_rule(name, rule, source, target)
        weight = read_weight(name, weight, n_synapses, target.population)
        delay, steps = read_delay(name, delay, n_synapses, self.grid)
        chosen = read_receptor(name, receptor, target.population)
        projection = Projection(source, target, rule, weight, delay, steps, synapse, chosen)
        self.projections.append(projection)
        return projection

    def summary(self, ranks: int | Sequence[int] = 1) -> None:
        """Print populations, projections with their expected numbers of synapses, inputs, recorders, and memory.

        Of several ranks that are started together, the first one prints.

        Parameters
        ----------
        ranks : a number of ranks, or several, for which the memory is estimated.

        Raises
        ------
        ValueError : a number of ranks below 1.
        """
        sizes = [whole("summary: ranks", size, 1) for size in np.atleast_1d(ranks).tolist()]
        text = summarize(self, sizes, lambda size: self.estimate_memory(self, size))
        if is_first():
            print(text)

    @staticmethod
    def estimate_memory(network: Network, size: int) -> int:
        """Return the bytes that each of `size` ranks needs; distsim puts the engine's estimate here."""
        raise NotImplementedError
