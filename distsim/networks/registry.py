"""The networks by name: those of distsim, those that other packages register, and one of a user's own file."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import linecache
import os
import sys
import types
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .base import NetworkModel, check_model
from .brunel_alpha import BrunelAlpha
from .brunel_delta import BrunelDelta
from .ei_clustered import EIClustered
from .microcircuit import Microcircuit

GROUP = "distsim.networks"  # of the entry points by which other packages register networks
BUILT_IN = (Microcircuit, BrunelAlpha, BrunelDelta, EIClustered)


@dataclass(frozen=True)
class Source:
    """The file that a network comes from: its absolute path, the class in it, and the SHA-256 of its bytes."""

    path: str
    network: str
    sha256: str


@functools.cache
def networks() -> Mapping[str, NetworkModel]:
    """Return all networks that are known by name; warn of those of other packages that cannot be loaded."""
    found = {model.name: model() for model in BUILT_IN}
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            model = entry.load()
            check_model(model)
            if model.name in found:
                raise ValueError(f"there is a network {model.name!r} already")
            found[model.name] = model()
        except Exception as error:  # of another package, whatever it is
            warnings.warn(f"network {entry.name!r} ({entry.value}) is left out: {error}", stacklevel=2)
    return found


def load_file(path: str | Path, content: bytes, network: str | None = None) -> tuple[NetworkModel, Source]:
    """Run a file and return the network that it defines.

    Parameters
    ----------
    path : str or Path
        Where the file is; its folder is added to the end of ``sys.path``, so that it can import its neighbours.
    content : bytes
        The file's content, the same on all ranks.
    network : str, optional
        Name of the class, or of the network, where the file defines several.

    Raises
    ------
    ValueError
        If the file is no Python, or does not define one network to choose.
    """
    path = os.path.abspath(path)
    digest = hashlib.sha256(content).hexdigest()
    module = types.ModuleType(f"distsim_network_{digest[:16]}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # dataclasses look up their annotations there
    if os.path.dirname(path) not in sys.path:
        sys.path.append(os.path.dirname(path))
    linecache.checkcache(path)
    try:
        code = compile(content, path, "exec")
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    exec(code, module.__dict__)
    model = _chosen(path, module, network)
    return model(), Source(path, model.__name__, digest)


def _chosen(path: str, module: types.ModuleType, network: str | None) -> type:
    """Return the class of the network that is asked for, checked."""
    defined = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, NetworkModel) and each.__module__ == module.__name__
    ]
    # A class that others of the file derive from is their common ground.
    defined = [each for each in defined if not any(each in other.__mro__[1:] for other in defined)]
    found = [each for each in defined if network in (None, each.__name__, each.name)]
    if not defined:
        raise ValueError(f"{path}: defines no network: no class that derives from distsim.NetworkModel")
    names = ", ".join(each.__name__ for each in defined)
    if not found:
        raise ValueError(f"{path}: defines no network {network!r}; it defines {names}")
    if len(found) > 1:
        raise ValueError(f"{path}: defines several networks; choose one with --network: {names}")
    try:
        check_model(found[0])
    except ValueError as error:
        raise ValueError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from None
    return found[0]
