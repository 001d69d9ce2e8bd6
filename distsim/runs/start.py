"""Start a run in a folder of its own, or resume the run in a folder."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..networks.base import NetworkModel
from ..parallel import FaultError, InputError, cause, on_root
from ..results import folder
from ..simulation.saving import recorded_files
from . import panels, resume, run
from .folder_status import FolderState, FolderStatus, read_status
from .network_file import network_of
from .prepared import PreparedRun, prepare
from .problems import Problems
from .request import CheckpointSchedule, RunRequest
from .signals import Signals

NO_CHECKPOINT = "the run is complete and kept no checkpoint (--checkpoint-every), so it cannot be extended"


class Outcome(enum.Enum):
    """How a run ended."""

    COMPLETE = enum.auto()
    STOPPED = enum.auto()  # before its end, to be resumed
    GUARDED = enum.auto()  # by the guard: runaway activity, or a state that is not finite


@dataclass(frozen=True)
class Place:
    """Folder of a run: `out` as the user gives it, or None for a new one below results/.

    `overwrite` replaces an earlier run there; `resume_it` resumes it if it has the same request and is not complete.
    """

    out: str | None = None
    overwrite: bool = False
    resume_it: bool = False


@dataclass(frozen=True)
class Changes:
    """Changes to the request of a run that is resumed; None keeps the earlier value.

    Attributes
    ----------
    t_sim : float or None
        Simulated time after the warm-up (ms).
    max_rate : float or None
        Rate (spikes/s) of a population above which the run stops.
    checkpoints : CheckpointSchedule
        How often checkpoints are written.
    """

    t_sim: float | None = None
    max_rate: float | None = None
    checkpoints: CheckpointSchedule = field(default_factory=CheckpointSchedule)


def start(prepared: PreparedRun, place: Place, comm: Any, max_wall: float | None = None) -> Outcome:
    """Run a network, or resume it where `place` says so (collective).

    `max_wall` is the wall time (s since the process was started) after which the run stops.

    Raises
    ------
    InputError
        If the folder cannot be used.
    FaultError
        If the machine fails.
    """
    request = prepared.request
    if not place.resume_it:
        return _start_anew(prepared, place, comm, max_wall)
    if place.out is None or place.overwrite:
        raise InputError("--resume auto: needs --out, and no --overwrite")
    out = Path(place.out)
    on_root(comm, lambda: folder.await_end(out))
    found = on_root(comm, lambda: read_status(out))
    if found.state in (FolderState.MISSING, FolderState.EMPTY):
        return _start_anew(prepared, place, comm, max_wall)
    differing = found.request.difference(request) if found.request else "its request"
    if differing:
        raise InputError(f"--out {out}: holds another run ({differing} differs); choose another folder")
    if found.state is not FolderState.UNFINISHED:
        say(comm, f"{out}: the run {found.finding or 'is complete'}, nothing to do")
        return Outcome.GUARDED if found.state is FolderState.GUARDED else Outcome.COMPLETE
    assert found.request is not None  # or it would differ
    with _taken(out, found.request, comm):
        origin = resume.latest(out, comm)
        if origin is None:
            say(comm, f"{out}: there is no checkpoint, the run starts from the beginning")
            on_root(comm, lambda: (folder.clear(out), folder.note_config(out, request.to_json())))
        return _execute(prepared, out, comm, max_wall, origin)


def resume_folder(out: Path, changes: Changes, comm: Any, max_wall: float | None = None) -> Outcome:
    """Resume the run in the folder `out`, or extend it (collective).

    Raises
    ------
    InputError
        If there is no run to resume, or not with these changes.
    FaultError
        If the machine fails.
    """
    on_root(comm, lambda: folder.await_end(out))
    found = on_root(comm, lambda: read_status(out))
    before = _resumable(found)
    model = network_of(before, out, comm)
    t_sim = before.t_sim if changes.t_sim is None else changes.t_sim
    if found.state is FolderState.GUARDED and changes.max_rate is None:
        raise InputError(f"{out}: the run {found.finding}; --max-rate 0 resumes it")
    if found.state is FolderState.COMPLETE:
        if t_sim == before.t_sim:
            say(comm, f"{out}: the run is complete, nothing to do (--t-sim extends it)")
            return Outcome.COMPLETE
        if t_sim < before.t_sim:
            raise InputError(f"--t-sim {t_sim:g}: the run is complete with {before.t_sim:g} ms")
        if not found.has_checkpoint:
            raise InputError(f"{out}: {NO_CHECKPOINT}")
    prepared = prepare_again(out, model, _changed(before, changes, t_sim), comm)
    with _taken(out, before, comm):
        origin = resume.latest(out, comm)
        if origin is None:
            raise InputError(f"{out}: there is no checkpoint to resume from; start the run again with --overwrite")
        done = prepared.network.grid.ms(origin.state.facts["step"]) - before.t_presim
        if done > t_sim:
            raise InputError(f"--t-sim {t_sim:g}: {done:g} ms are simulated already")
        return _execute(prepared, out, comm, max_wall, origin)


def start_variants(each: dict[str, PreparedRun], place: Place, comm: Any) -> Outcome:
    """Run all variants of a network one after another, each into a subfolder (collective)."""
    name = next(iter(each.values())).request.network
    reports = [file for prepared in each.values() for file in recorded_files(prepared.network)]
    out = on_root(comm, lambda: folder.claim(place.out, name, place.overwrite, tuple(each), reports=reports))
    with Signals(comm.rank == 0) as signals:
        return outcome_of(panels.run_panels(each, out, comm, signals))


def outcome_of(summary: dict[str, Any] | None) -> Outcome:
    """Return how a run, or one of several variants, ended, by its summary."""
    if summary is None:
        return Outcome.STOPPED
    ended = [summary, *summary.get("panels", {}).values()]
    return Outcome.GUARDED if any("stopped" in each for each in ended) else Outcome.COMPLETE


def _start_anew(prepared: PreparedRun, place: Place, comm: Any, max_wall: float | None) -> Outcome:
    request = prepared.request
    config, reports = request.to_json(), recorded_files(prepared.network)
    out = on_root(
        comm, lambda: folder.claim(place.out, request.network, place.overwrite, config=config, reports=reports)
    )
    return _execute(prepared, out, comm, max_wall)


def _execute(prepared: PreparedRun, out: Path, comm: Any, max_wall: float | None, origin: Any = None) -> Outcome:
    """Run, from the start or from a checkpoint."""
    try:
        with Signals(comm.rank == 0) as signals:
            return outcome_of(run.run(prepared, out, comm, signals, max_wall=max_wall, origin=origin))
    except (OSError, MemoryError) as error:
        raise FaultError("\n".join([cause(error), *resume.remedy(out)])) from error


def _resumable(found: FolderStatus) -> RunRequest:
    """Return the request of the run; InputError if there is no run, or no request is noted."""
    if found.state is FolderState.MISSING:
        raise InputError(f"{found.place}: no such folder")
    if found.request is not None:
        return found.request
    why = "there is no run with a checkpoint to resume from"
    if found.state in (FolderState.COMPLETE, FolderState.GUARDED) and not found.has_checkpoint:
        why = NO_CHECKPOINT
    raise InputError("\n".join([f"{found.place}: {why}", *found.problems]))


def _changed(before: RunRequest, changes: Changes, t_sim: float) -> RunRequest:
    """Return the request of a run that is resumed."""
    checkpoints = changes.checkpoints.or_else(before.checkpoints)
    max_rate = before.max_rate if changes.max_rate is None else changes.max_rate
    return dataclasses.replace(before, t_sim=t_sim, max_rate=max_rate, checkpoints=checkpoints)


def prepare_again(out: Path, model: NetworkModel, request: RunRequest, comm: Any) -> PreparedRun:
    """Prepare the run of an earlier request; errors name the folder `out`."""
    try:
        return prepare(model, request, comm, Problems())
    except InputError as error:
        raise InputError("\n".join(f"{out}: {line}" for line in str(error).splitlines())) from None


@contextmanager
def _taken(out: Path, request: RunRequest, comm: Any) -> Iterator[None]:
    """Claim the folder of an earlier run for a ``with`` statement, and give it back after an `InputError` (collective).

    `request` is that of the earlier run. An `InputError` within means that the run cannot be resumed: the folder is
    then left as it was.
    """
    before = on_root(comm, lambda: folder.claim_again(out, request.to_json()))
    try:
        yield
    except InputError:
        on_root(comm, lambda: folder.give_back(out, before))
        raise


def say(comm: Any, text: str) -> None:
    """Print a line on rank 0."""
    if comm.rank == 0:
        print(text, flush=True)
