"""What a network needs in memory, from its description alone."""

from __future__ import annotations

from ..network import Network
from .connectivity import delays_in_use, plan_layout
from .delivery import WIDE
from .dense_connectivity import matrix_bytes, plan_groups
from .update import ROW
from .weights import plan_weights

IMPORTS = 205_000_000  # bytes a rank for Python, NumPy, Numba, HDF5 and MPI (measured)
STATE = 60  # bytes a neuron: state, refractoriness, currents, rows, Poisson numbers


def n_synapses(network: Network) -> int:
    """Synapses to be expected."""
    return sum(_size(projection) for projection in network.projections)


def _size(projection) -> int:
    return round(projection.rule.expected(len(projection.source), len(projection.target)))


def estimate(network: Network, size: int) -> int:
    """Bytes that each of `size` ranks needs at the peak, while its synapses are sorted."""
    groups = plan_groups(network)
    in_matrices = {number for group in groups for number in group.numbers}
    bytes_a_synapse = 8 if network.projections and plan_weights(network).form == WIDE else 4
    shards = plan_layout(-(-network.n // size), 1, ROW).n_shards
    index = 4 * network.n * delays_in_use(network).size * shards
    by_source: dict[str, int] = {}
    for projection in (p for number, p in enumerate(network.projections) if number not in in_matrices):
        name = projection.source.population.name
        by_source[name] = by_source.get(name, 0) + _size(projection)
    pool = 2 * bytes_a_synapse * max(by_source.values(), default=0) // size // shards
    table = bytes_a_synapse * sum(by_source.values()) // size
    return IMPORTS + table + matrix_bytes(groups, size) + index + pool + STATE * network.n // size
