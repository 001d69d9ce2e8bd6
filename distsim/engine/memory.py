"""What a network needs in memory, from its description alone."""

from __future__ import annotations

import numpy as np

from ..description.network import Network
from ..description.rules import Explicit, OneToOne
from .connectivity.build_dense import expected_seconds, matrix_bytes, plan_groups
from .connectivity.grains import empty_places, plan_grain
from .connectivity.synapse_plan import delays_in_use, in_table, n_expected
from .connectivity.weights import plan_weights
from .step import buffers
from .step.delivery import WIDE
from .step.layout import goes_by_source, plan_layout, ring_size
from .step.population_state import two_receptors
from .step.recorders import voltage_gids
from .step.update import ROW

IMPORTS = 205_000_000  # bytes a rank for Python, NumPy, Numba, HDF5 and MPI (measured)
STATE = 60  # bytes a neuron: state, refractoriness, currents, rows, Poisson numbers
TARGET = 12  # bytes for each target of a projection, while synapses are drawn: its number and its indegree


def n_synapses(network: Network) -> int:
    """Synapses to be expected."""
    return sum(n_expected(projection) for projection in network.projections)


def estimate(network: Network, size: int) -> int:
    """Bytes that each of `size` ranks needs at the peak, while its synapses are sorted."""
    of_all = description_bytes(network) + buffer_bytes(network, size)
    return IMPORTS + of_all + sum(estimate_arrays(network, size).values())


def description_bytes(network: Network) -> int:
    """Bytes of the arrays in the description of `network`, which every rank holds."""
    held: list[object] = []
    for p in network.projections:
        held += [p.weight, p.delay, p.delay_steps, *((p.rule.sources, p.rule.targets) if is_explicit(p) else ())]
    for population in network.populations:
        held += [*population.parameters.values(), *population.spike_steps]
    return selection_bytes(network) + sum(array.nbytes for array in held if isinstance(array, np.ndarray))


def selection_bytes(network: Network) -> int:
    """Bytes of the neurons that are listed one by one in `network`; a selection used several times counts once."""
    devices = (*network.poisson_inputs, *network.step_currents, *network.voltage_recorders)
    used = [*network.spike_recorders, *(device.target for device in devices)]
    used += [end for projection in network.projections for end in (projection.source, projection.target)]
    listed = {id(s.indices): s.indices.nbytes for s in used if isinstance(s.indices, np.ndarray)}
    return sum(listed.values())


def buffer_bytes(network: Network, size: int) -> int:
    """Bytes in which each of `size` ranks has room for the spikes of all of them, and for what is recorded."""
    delays, most = delays_in_use(network), buffers.most_spikes(network)
    interval = buffers.steps_of_interval(network, buffers.shortest_delay(delays))
    history = 4 << (2 * most * interval).bit_length()
    exchanged = 4 * most * (interval // size + (interval + 2 if size > 1 else 0))
    spikes = 12 * (buffers.SPIKE_BUFFER + most * interval) if network.spike_recorders else 0
    a_rank = -(-voltage_gids(network).size // size)
    voltages = 8 * max(buffers.VOLTAGE_BUFFER, interval * a_rank) if a_rank else 0
    return history + exchanged + spikes + voltages


def is_explicit(projection) -> bool:
    return isinstance(projection.rule, Explicit)


def estimate_arrays(network: Network, size: int) -> dict[str, int]:
    """Bytes of the arrays on each of `size` ranks at the peak, by what they hold."""
    groups, delays = plan_groups(network), delays_in_use(network)
    n_local, code = -(-network.n // size), plan_weights(network)
    layout = plan_layout(n_local, 2 if two_receptors(network).any() else 1, ROW)
    projections = in_table(network)
    n_in_table = sum(map(n_expected, projections))
    by_source = goes_by_source(network.n, n_in_table / size, layout, delays)
    bytes_a_place = (12 if code.form == WIDE else 4) + (2 if by_source else 0)
    second = sum(expected_seconds(network, group) for group in groups) // size
    places = n_in_table // size + second
    if plan_grain(network, size, layout.n_shards, delays, by_source):
        places += empty_places(network, projections, size, layout.n_shards, delays, by_source)
    rows = (ring_size(delays) if by_source else 1) * layout.receptors * layout.width * layout.n_shards
    return {
        "synapses": bytes_a_place * places + matrix_bytes(groups, size),
        "index": 4 * network.n * (1 if by_source else delays.size) * layout.n_shards,
        "rows": (4 if code.fixed else 8) * rows,
        "neurons": STATE * n_local,
        "given": 8 * second + _given_bytes(list(filter(is_given, projections)), size),
        "targets": sum(TARGET * len(p.target) for p in projections if not is_given(p)) // size,
        "sorting": (16 if code.form == WIDE else 8) * _most_pooled(projections) // size // layout.n_shards,
    }


def is_given(projection) -> bool:
    """Whether the synapses are a list, of which each rank keeps the places of its own."""
    return isinstance(projection.rule, Explicit | OneToOne)


def _given_bytes(projections: list, size: int) -> int:
    """Bytes of the places of a rank's own synapses in lists, of lists that are made, and of the shards of targets."""
    own = 4 * sum(map(n_expected, projections)) // size
    made = 4 * sum(len(p.target) for p in projections if not is_explicit(p))
    return own + made + 4 * max([len(p.target) for p in projections], default=0)


def _most_pooled(projections: list) -> int:
    """Synapses from the population that has most, where they are not all given one by one, see `edges`."""
    synapses: dict[str, int] = {}
    for projection in projections:
        name = projection.source.population.name
        synapses[name] = synapses.get(name, 0) + n_expected(projection)
    drawn = {p.source.population.name for p in projections if not is_given(p)}
    return max([synapses[name] for name in drawn], default=0)
