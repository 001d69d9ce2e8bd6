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
from .description.distributions import Constant, Lognormal, Normal, Uniform
from .description.network import Network
from .description.rules import (
    all_to_all,
    explicit,
    fixed_indegree,
    fixed_outdegree,
    fixed_total_number,
    one_to_one,
    pairwise_bernoulli,
)
from .neurons import MODELS as neuron_models
from .parallel import end_all_at_exceptions
from .process.exits import end_all_at_exits
from .version import __version__ as __version__

__all__ = [
    "Constant",
    "GuardError",
    "Lognormal",
    "Network",
    "Normal",
    "Result",
    "Simulation",
    "Uniform",
    "all_to_all",
    "explicit",
    "fixed_indegree",
    "fixed_outdegree",
    "fixed_total_number",
    "load",
    "neuron_models",
    "one_to_one",
    "pairwise_bernoulli",
]

end_all_at_exceptions()
end_all_at_exits()


def __getattr__(name: str):
    """What brings Numba or HDF5 is imported when it is first asked for."""
    if name == "Simulation":
        from .simulation.simulation import Simulation

        return Simulation
    if name == "GuardError":
        from .simulation.guard import GuardError

        return GuardError
    if name == "Result":
        from .results.result import Result

        return Result
    if name == "load":
        from .results.loading import load

        return load
    raise AttributeError(f"module 'distsim' has no attribute {name!r}")
