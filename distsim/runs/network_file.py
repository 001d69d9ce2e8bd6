"""The network of a request: known by name, or described in a file that all ranks run as rank 0 has read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..files.paths import as_path
from ..networks.base import NetworkModel
from ..networks.registry import Source, load_file, networks
from ..parallel import InputError, on_root
from .request import RunRequest


def load_network(path: str, network: str | None, comm: Any) -> tuple[NetworkModel, Source]:
    """Return the network that a file defines (collective).

    Raises
    ------
    InputError
        If the file cannot be read, or does not define one network to choose.
    """

    def read() -> tuple[Path, bytes]:
        try:
            place = as_path(path).absolute()
            return place, place.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None

    place, content = on_root(comm, read)
    try:
        return load_file(place, content, network)
    except ValueError as error:
        raise InputError(str(error)) from None


def network_of(request: RunRequest, where: Path, comm: Any) -> NetworkModel:
    """Return the network of an earlier run in the folder `where` (collective).

    Raises
    ------
    InputError
        If this version does not know it, or its file is gone or has changed.
    """
    if request.source is not None:
        return _from_file(request.source, where, comm)
    known = networks()
    model = known.get(request.network)
    if model is not None and request.variant in (None, *model.variants):
        return model
    setting = "" if request.variant is None else f", {model.variant_option if model else 'variant'} {request.variant!r}"
    knows = ", ".join(known)
    raise InputError(f"{where}: holds a run of the network {request.network!r}{setting}; this version knows {knows}")


def _from_file(kept: Source, where: Path, comm: Any) -> NetworkModel:
    try:
        model, source = load_network(kept.path, kept.network, comm)
    except InputError as error:
        raise InputError(f"{where}: its network cannot be loaded: {error}") from None
    if source.sha256 != kept.sha256:
        raise InputError(
            f"{where}: {kept.path} has changed since the run began (sha256 {kept.sha256[:12]}, now "
            f"{source.sha256[:12]}): restore the file, or start the run again with --overwrite"
        )
    return model
