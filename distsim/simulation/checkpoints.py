"""Checkpoints of a simulation: its state in a file, from which any number of ranks can resume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..files.paths import as_path
from ..parallel import Comm, on_root
from ..recording.checkpoint_file import (
    PATTERN,
    DamagedError,
    checkpoints_in,
    next_path,
    read_checkpoint,
    write_checkpoint,
)
from ..version import __version__
from .state import State

KEPT = 2  # checkpoints of a run that is not complete


class Checkpoint(NamedTuple):
    """Content of a checkpoint file: its path, the state, and the request of its run (or None).

    `damaged` lists later checkpoints that cannot be used.
    """

    path: Path
    state: State
    config: dict[str, Any] | None
    damaged: tuple[Path, ...] = ()


def write(path: str | Path, comm: Comm, state: State, config: dict[str, Any] | None = None) -> None:
    """Write the state of a simulation (collective).

    Raises
    ------
    OSError : on every rank, if the file cannot be written.
    """
    header = {"version": __version__, "facts": state.facts, "config": config}
    write_checkpoint(as_path(path), comm, header, state.neurons, state.shared)


def write_next(folder: Path, comm: Comm, state: State, config: dict[str, Any]) -> None:
    """Write the next checkpoint into the run's `folder`; the latest ones are kept (collective)."""
    path = on_root(comm, lambda: next_path(folder))
    write(path, comm, state, config)
    on_root(comm, lambda: keep_latest(folder, KEPT))


def keep_latest(folder: Path, n: int) -> None:
    """Remove all checkpoints in `folder` but the latest `n`, and the temporary files of incomplete ones (on one
    rank)."""
    paths = checkpoints_in(folder)
    for path in [*paths[: max(0, len(paths) - n)], *folder.glob(f"{PATTERN}.*part")]:
        path.unlink()


def read(path: str | Path, comm: Comm) -> Checkpoint:
    """Read and verify a checkpoint (collective); `DamagedError` on every rank if it is not what was written."""
    path = as_path(path)
    header, neurons, shared = read_checkpoint(path, comm)
    return Checkpoint(path, State(header["facts"], neurons, shared), header["config"])


def read_latest(folder: Path, comm: Comm, warn: Callable[[str], None]) -> Checkpoint | None:
    """Return the latest undamaged checkpoint in `folder`, or None (collective).

    `warn` is called with a message for each damaged one; `set_aside` renames them once the run is resumed.
    """
    damaged: tuple[Path, ...] = ()
    for path in reversed(on_root(comm, lambda: checkpoints_in(folder))):
        try:
            return read(path, comm)._replace(damaged=damaged)
        except DamagedError as error:
            warn(str(error))
            damaged += (path,)
    return None


def set_aside(checkpoint: Checkpoint) -> None:
    """Rename the damaged checkpoints later than this one to ``*.damaged`` (on one rank)."""
    for path in checkpoint.damaged:
        path.rename(path.with_name(path.name + ".damaged"))
