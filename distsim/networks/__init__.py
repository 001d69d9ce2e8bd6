"""The networks that people run: each a file with its parameters and the `Network` they describe.

`base.NetworkModel` is what a network is; `registry` finds them by name, or in a user's own file. May import
`description`: networks are plain data, without MPI, Numba and files.
"""

from .base import NetworkModel, Option, Variant
from .brunel_alpha import BrunelAlpha
from .brunel_delta import BrunelDelta
from .ei_clustered import EIClustered
from .microcircuit import Microcircuit
from .parameters import NetworkParameters, parameter

__all__ = [
    "BrunelAlpha",
    "BrunelDelta",
    "EIClustered",
    "Microcircuit",
    "NetworkModel",
    "NetworkParameters",
    "Option",
    "Variant",
    "parameter",
]
