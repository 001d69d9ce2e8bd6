"""What a network needs in memory, from its description alone."""

from __future__ import annotations

from ..network import Network
from .delivery import WIDE
from .dense_connectivity import matrix_bytes, plan_groups
from .grains import empty_places, plan_grain
from .layout import goes_by_source, plan_layout, ring_size
from .population_state import two_receptors
from .synapse_plan import delays_in_use, in_table, n_expected
from .update import ROW
from .weights import plan_weights

IMPORTS = 205_000_000  # bytes a rank for Python, NumPy, Numba, HDF5 and MPI (measured)
STATE = 60  # bytes a neuron: state, refractoriness, currents, rows, Poisson numbers


def n_synapses(network: Network) -> int:
    """Synapses to be expected."""
    return sum(n_expected(projection) for projection in network.projections)


def estimate(network: Network, size: int) -> int:
    """Bytes that each of `size` ranks needs at the peak, while its synapses are sorted."""
    return IMPORTS + sum(estimate_arrays(network, size).values())


def estimate_arrays(network: Network, size: int) -> dict[str, int]:
    """Bytes of the arrays on each of `size` ranks at the peak, by what they hold."""
    groups, delays = plan_groups(network), delays_in_use(network)
    n_local, code = -(-network.n // size), plan_weights(network)
    layout = plan_layout(n_local, 2 if two_receptors(network).any() else 1, ROW)
    projections = in_table(network)
    n_in_table = sum(map(n_expected, projections))
    by_source = code.form != WIDE and goes_by_source(network.n, n_in_table / size, layout, delays)
    bytes_a_place = (8 if code.form == WIDE else 4) + (2 if by_source else 0)
    of_source: dict[str, int] = {}
    for projection in projections:
        name = projection.source.population.name
        of_source[name] = of_source.get(name, 0) + n_expected(projection)
    places = n_in_table // size
    if plan_grain(network, size, layout.n_shards, delays, by_source):
        places += empty_places(network, projections, size, layout.n_shards, delays, by_source)
    rows = (ring_size(delays) if by_source else 1) * layout.receptors * layout.width * layout.n_shards
    return {
        "synapses": bytes_a_place * places + matrix_bytes(groups, size),
        "index": 4 * network.n * (1 if by_source else delays.size) * layout.n_shards,
        "rows": (4 if code.fixed else 8) * rows,
        "neurons": STATE * n_local,
        "sorting": (12 if code.form == WIDE else 8) * max(of_source.values(), default=0) // size // layout.n_shards,
    }
