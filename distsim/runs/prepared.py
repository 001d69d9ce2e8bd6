"""From a request to a network that is checked and can be built: nothing is written before that."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..description.elements import SPIKES, V_M, Selection, nearest
from ..description.grid import TimeGrid, resolution
from ..description.network import Network
from ..networks.base import NetworkModel
from ..networks.parameters import make
from ..parallel import InputError
from . import pictures
from .problems import Problems
from .request import Recording, RunRequest, plain_parameters


@dataclass(frozen=True)
class PreparedRun:
    """A request, resolved and checked, with its network.

    Attributes
    ----------
    request : RunRequest
        The request, with all parameters.
    model : NetworkModel
        The network by name.
    parameters : object
        Its parameters, checked.
    network : Network
        The description, recorders included.
    figures : mapping
        What the model adds to the figures of any network.
    """

    request: RunRequest
    model: NetworkModel
    parameters: Any
    network: Network
    figures: Mapping[str, Any]

    @property
    def steps(self) -> tuple[int, int]:
        """Return the steps of the warm-up, and of the whole run."""
        steps, request = self.network.grid.steps, self.request
        n_presim = steps(request.t_presim, "t_presim")
        return n_presim, n_presim + steps(request.t_sim, "t_sim")

    @property
    def checkpoint_steps(self) -> int | None:
        """Return the steps between two checkpoints; None if they are not scheduled by model time."""
        return checkpoint_steps(self.network.grid, self.request)

    def shortened(self, t_sim: float, comm: Any) -> PreparedRun:
        """Return the run as if it had been asked to last `t_sim` ms after the warm-up, with the same network."""
        request = dataclasses.replace(self.request, t_sim=t_sim)
        figures = pictures.describe(self.model, self.parameters, request, comm)
        return dataclasses.replace(self, request=request, figures=figures)


def prepare(
    model: NetworkModel,
    request: RunRequest,
    comm: Any,
    problems: Problems | None = None,
    given: Mapping[str, str] | None = None,
) -> PreparedRun:
    """Describe the network that `request` means, and check that it can be built (collective).

    Parameters
    ----------
    model : NetworkModel
        The network that the request names.
    request : RunRequest
        Its parameters may be texts; missing ones have their defaults.
    comm : communicator
        The ranks.
    problems : Problems, optional
        Mistakes found before; all mistakes are reported at once.
    given : mapping of str to str, optional
        How each parameter was given, for messages; by default ``--set NAME=VALUE``.

    Raises
    ------
    InputError
        If something is wrong with the request, or the machine has not enough memory.
    """
    from ..engine.check import check_network

    problems, parameters = problems or Problems(), None
    with problems.noted():
        parameters = make(type(model).Parameters, request.parameters, given)
    _check_times(request, problems)
    network = _described(model, request, parameters, problems)
    if network is not None:
        _set_recorders(network, request.recording, problems)
    problems.raise_all()
    assert network is not None  # or there would have been problems
    with problems.noted():
        check_network(network, comm)
    problems.raise_all()
    request = dataclasses.replace(request, parameters=plain_parameters(parameters))
    return PreparedRun(request, model, parameters, network, pictures.describe(model, parameters, request, comm))


def checkpoint_steps(grid: TimeGrid, request: RunRequest) -> int | None:
    """Return the steps between two checkpoints; ValueError if they do not fit the grid."""
    every = request.checkpoints.every
    return None if every is None else grid.steps(every * 1e3, "--checkpoint-every")


def _check_times(request: RunRequest, problems: Problems) -> None:
    with problems.noted():
        grid = TimeGrid(resolution(request.dt))
        for name, time in (("--t-presim", request.t_presim), ("--t-sim", request.t_sim)):
            with problems.noted():
                grid.steps(time, name)
        with problems.noted():
            checkpoint_steps(grid, request)


def _described(model: NetworkModel, request: RunRequest, parameters: Any, problems: Problems) -> Network | None:
    """Return the network; if there are mistakes in it, that of the default parameters, for further checks, or None."""
    found = Problems()
    with np.errstate(all="ignore"):
        if parameters is not None:
            with found.noted():
                return _made(model, parameters, request)
            # Of wrong times a network says so once more.
            problems.found += [] if problems.found else found.found
        with found.noted():
            return _made(model, type(model).Parameters(), request)
    return None


def _made(model: NetworkModel, parameters: Any, request: RunRequest) -> Network:
    """Return what `describe` of a network makes; ValueError if that is not the network that was asked for."""
    network, name = model.describe(parameters, request.dt, request.t_presim), type(model).__name__
    if not isinstance(network, Network):
        raise ValueError(f"{name}.describe must return a Network, not {network!r}")
    if network.grid != TimeGrid(resolution(request.dt)):
        raise ValueError(f"{name}.describe made a network with dt = {network.dt:g} ms instead of {request.dt:g} ms")
    return network


def _set_recorders(network: Network, recording: Recording, problems: Problems) -> None:
    """Replace what the network records by what the request says."""
    if recording.spikes is not None:
        network.drop_recorders(SPIKES)
    if recording.voltages is not None:
        network.drop_recorders(V_M)
    with problems.noted():
        _drop_others(network, recording.others)
    interval = None
    with problems.noted():
        given = recording.voltage_interval
        if given is not None and network.grid.steps(given, "--voltage-interval"):
            interval = given
    for text in recording.spikes or ():
        with problems.noted():
            network.record_spikes(_selection(network, "--record-spikes", text))
    for text in recording.voltages or ():
        with problems.noted():
            network.record_voltages(_selection(network, "--record-voltages", text), interval)


def _drop_others(network: Network, kept: Sequence[str] | None) -> None:
    """Take away the recorders of other quantities than spikes and V_m, but for those named in `kept` (None: all)."""
    known = sorted({recorder.name for recorder in network.recorders} - {SPIKES, V_M})
    for name in kept or ():
        if name not in known:
            raise InputError(f"recording.others: no recording {name!r}: {nearest(name, known) if known else 'none'}")
    for name in known:
        if kept is not None and name not in kept:
            network.drop_recorders(name)


def _selection(network: Network, option: str, text: str) -> Selection:
    """Return 'L4E' or 'L4E[10:20]' or 'L4E[:100:2]' as a selection."""
    try:
        chosen = network.select(text)
    except ValueError as error:
        raise InputError(f"{option} {error}") from None
    if not len(chosen):
        raise InputError(f"{option} {text}: selects none of the {len(chosen.population)} neurons")
    return chosen
