"""distsim: networks of spiking neurons on any number of MPI ranks, the same spikes on each.

`Network` describes a network, `Simulation` runs it, `load` reads a run's folder, both give a `Result`;
`print(distsim.neuron_models["iaf_psc_exp"])` lists the parameters of a neuron model.
"""

# First, since it is there for what happens while the others are imported. Ctrl-C may come while it is imported itself.
try:
    from .process import interrupts as _interrupts  # noqa: F401
except KeyboardInterrupt:
    import sys as _sys

    if _sys.argv[0] != "-m":
        raise
    _sys.stderr.write("distsim: interrupted\n")
    raise SystemExit(130) from None
import typing as _typing

from .description.distance import Exponential, Gaussian, Linear
from .description.distributions import Constant, Lognormal, Normal, Uniform
from .description.edge_files import csv_edges, parquet_edges, sonata_edges
from .description.masks import Annulus, Box, Circle
from .description.network import Network
from .description.positions import Grid, Points, UniformBox, UniformDisc
from .description.rates import PiecewiseRate, SinusoidalRate
from .description.rules import (
    all_to_all,
    explicit,
    fixed_indegree,
    fixed_outdegree,
    fixed_total_number,
    one_to_one,
    pairwise_bernoulli,
)
from .description.spike_files import csv_spikes, sonata_spikes
from .neurons import MODELS as neuron_models
from .neurons import NeuronModel, Parameter, Recordable, helper
from .parallel import end_all_at_exceptions
from .process.exits import end_all_at_exits
from .version import __version__ as __version__

if _typing.TYPE_CHECKING:
    from .circuits.load import load_sonata
    from .networks.base import NetworkModel, Option, Variant
    from .networks.parameters import NetworkParameters, parameter
    from .results.loading import load
    from .results.result import Result
    from .simulation.guard import GuardError
    from .simulation.simulation import Simulation

__all__ = [
    "Annulus",
    "Box",
    "Circle",
    "Constant",
    "Exponential",
    "Gaussian",
    "Grid",
    "GuardError",
    "Linear",
    "Lognormal",
    "Network",
    "NetworkModel",
    "NetworkParameters",
    "NeuronModel",
    "Normal",
    "Option",
    "Parameter",
    "PiecewiseRate",
    "Points",
    "Recordable",
    "Result",
    "Simulation",
    "SinusoidalRate",
    "Uniform",
    "UniformBox",
    "UniformDisc",
    "Variant",
    "all_to_all",
    "csv_edges",
    "csv_spikes",
    "explicit",
    "fixed_indegree",
    "fixed_outdegree",
    "fixed_total_number",
    "helper",
    "load",
    "load_sonata",
    "neuron_models",
    "one_to_one",
    "pairwise_bernoulli",
    "parameter",
    "parquet_edges",
    "sonata_edges",
    "sonata_spikes",
]

_LATER = {
    "GuardError": ".simulation.guard",
    "NetworkModel": ".networks.base",
    "NetworkParameters": ".networks.parameters",
    "Option": ".networks.base",
    "Result": ".results.result",
    "Simulation": ".simulation.simulation",
    "Variant": ".networks.base",
    "load": ".results.loading",
    "load_sonata": ".circuits.load",
    "parameter": ".networks.parameters",
}


def _estimate_memory(network: Network, size: int) -> int:
    """Return the bytes that each of `size` ranks needs; a description alone does not import the engine."""
    from .engine.memory import estimate

    return estimate(network, size)


Network.estimate_memory = staticmethod(_estimate_memory)  # type: ignore[method-assign]
end_all_at_exceptions()
end_all_at_exits()


def __getattr__(name: str) -> _typing.Any:
    """Import what brings Numba, HDF5 or the networks when it is first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module 'distsim' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LATER[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
