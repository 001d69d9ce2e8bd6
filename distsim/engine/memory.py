"""Estimate the memory that a network needs, from its description alone."""

from __future__ import annotations

import numpy as np

from ..description.currents import SampledCurrent
from ..description.distributions import Distribution
from ..description.edge_files import EdgeFile
from ..description.elements import Projection
from ..description.in_space import InSpace
from ..description.network import Network
from ..description.rates import arrays_of
from ..description.reports import reports_of, sampled_reports
from ..description.rules import Explicit, OneToOne
from .connectivity.build_dense import expected_seconds, matrix_bytes
from .connectivity.grains import empty_places
from .connectivity.synapse_plan import n_expected
from .connectivity.table_plan import TablePlan, plan_table
from .step import buffers

IMPORTS = 205_000_000  # bytes a rank for Python, NumPy, Numba, HDF5 and MPI (measured)
STATE = 68  # bytes a neuron: state, refractoriness, currents, rows, Poisson numbers
SPIKE = 16  # bytes of a given spike: its step and its source
WAVE = 40  # bytes for each neuron of a time-varying current: where it is, what it gets, random words
EDGE = 28  # bytes for each edge of a file, or drawn in space, that is kept, while its columns are put together
PLACED = 24  # bytes for the position of a neuron
TARGET = 12  # bytes for each target of a projection, while synapses are drawn: its number and its indegree


def n_synapses(network: Network) -> int:
    """Synapses to be expected."""
    return sum(n_expected(projection) for projection in network.projections)


def estimate(network: Network, size: int) -> int:
    """Return the bytes that each of `size` ranks needs at the peak, while its synapses are sorted."""
    return estimate_of(plan_table(network, size))


def estimate_of(plan: TablePlan) -> int:
    """Return the bytes that each rank needs at the peak where synapses are kept as planned."""
    of_all = description_bytes(plan.network) + buffer_bytes(plan)
    return IMPORTS + of_all + sum(estimate_arrays(plan).values())


def description_bytes(network: Network) -> int:
    """Bytes of the arrays in the description of `network`, which every rank holds."""
    held: list[object] = []
    for p in network.projections:
        pairs = (p.rule.sources, p.rule.targets) if isinstance(p.rule, Explicit) else ()
        held += [p.weight, p.delay, p.delay_steps, *pairs]
    for population in network.populations:
        held += [*population.parameters.values()]
        held += [] if population.spike_trains is None else [population.spike_trains.keys]
        drawn = [name for name, value in population.parameters.items() if isinstance(value, Distribution)]
        held += [np.broadcast_to(0.0, population.n)] * len(set(drawn) - set(population.model.drawn))
    for stimulus in network.poisson_inputs:
        held += [*arrays_of(stimulus.rate).values()]
    held += [getattr(device, "values", None) for device in network.currents]
    placed = PLACED * sum(population.n for population in network.populations if population.positions)
    return placed + selection_bytes(network) + sum(array.nbytes for array in held if isinstance(array, np.ndarray))


def selection_bytes(network: Network) -> int:
    """Bytes of the neurons that are listed one by one in `network`; a selection used several times counts once."""
    used = [stimulus.target for stimulus in network.poisson_inputs]
    used += [current.target for current in network.step_currents]
    used += [current.target for current in network.currents]
    used += [recorder.target for recorder in network.recorders]
    used += [end for projection in network.projections for end in (projection.source, projection.target)]
    listed = {id(s.indices): s.indices.nbytes for s in used if isinstance(s.indices, np.ndarray)}
    return sum(listed.values())


def input_bytes(network: Network) -> int:
    """Return the bytes of the arrays of all ranks for rates in time, time-varying currents and given spikes."""
    trains = [p.spike_trains.size for p in network.populations if p.spike_trains is not None]
    rates = [array.nbytes for stimulus in network.poisson_inputs for array in arrays_of(stimulus.rate).values()]
    samples = [device.values.nbytes for device in network.currents if isinstance(device, SampledCurrent)]
    held = WAVE * sum(len(device.target) for device in network.currents)
    return SPIKE * sum(trains) + sum(rates) + sum(samples) + held


def buffer_bytes(plan: TablePlan) -> int:
    """Return the bytes of a rank's buffers for the spikes of all ranks, and for recordings."""
    network, size, most = plan.network, plan.size, buffers.most_spikes(plan.network)
    interval = buffers.steps_of_interval(network, buffers.shortest_delay(plan.delays))
    history = 4 << (2 * most * interval).bit_length()
    exchanged = 4 * most * (interval // size + (interval + 2 if size > 1 else 0))
    reports = reports_of(network)
    spikes = 12 * buffers.spike_room(network, reports, interval)
    widths = [-(-report.gids.size // size) for report in sampled_reports(reports)]
    samples = 8 * int(buffers.sample_rooms(reports, size, interval) @ np.array(widths, np.int64))
    return history + exchanged + spikes + samples


def estimate_arrays(plan: TablePlan) -> dict[str, int]:
    """Return the bytes of the arrays on a rank at the peak, by what they hold."""
    network, size, layout, projections = plan.network, plan.size, plan.layout, plan.in_table
    bytes_a_place = (12 if plan.is_wide else 4) + (2 if plan.by_source else 0)
    second = sum(expected_seconds(network, group) for group in plan.groups) // size
    places = plan.n_in_table // size + second
    if plan.grain_bits:
        places += empty_places(network, projections, size, layout.n_shards, plan.delays, plan.by_source)
    return {
        "synapses": bytes_a_place * places + matrix_bytes(plan.groups, size),
        "index": 4 * network.n * plan.segments * layout.n_shards,
        "rows": (4 if plan.code.fixed else 8) * plan.row_size,
        "neurons": STATE * -(-network.n // size),
        "inputs": input_bytes(network) // size,
        "given": 8 * second + _given_bytes(list(filter(is_given, projections)), size),
        "targets": sum(TARGET * len(p.target) for p in projections if not is_given(p)) // size,
        "sorting": (16 if plan.is_wide else 8) * _most_pooled(projections) // size // layout.n_shards,
    }


def is_given(projection: Projection) -> bool:
    """Return whether the synapses are listed one by one; then each rank keeps the positions of its own."""
    return isinstance(projection.rule, Explicit | OneToOne | EdgeFile | InSpace)


def _given_bytes(projections: list[Projection], size: int) -> int:
    """Bytes of the places of a rank's own synapses in lists, of lists that are made, and of the shards of targets."""
    own = 4 * sum(map(n_expected, projections)) // size
    own += EDGE * sum(n_expected(p) for p in projections if isinstance(p.rule, EdgeFile | InSpace)) // size
    made = 4 * sum(len(p.target) for p in projections if isinstance(p.rule, OneToOne))
    return own + made + 4 * max([len(p.target) for p in projections], default=0)


def _most_pooled(projections: list[Projection]) -> int:
    """Synapses from the population that has most, where they are not all given one by one, see `edges`."""
    synapses: dict[str, int] = {}
    for projection in projections:
        name = projection.source.population.name
        synapses[name] = synapses.get(name, 0) + n_expected(projection)
    drawn = {p.source.population.name for p in projections if not is_given(p)}
    return max([synapses[name] for name in drawn], default=0)
