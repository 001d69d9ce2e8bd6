"""Find the checkpoint from which a run can be resumed, and the remedy after a fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..recording.checkpoint_file import checkpoints_in
from ..simulation import checkpoints
from ..simulation.checkpoints import Checkpoint


def latest(place: Path, comm: Any) -> Checkpoint | None:
    """Return the latest sound checkpoint in a run's folder; print a warning for each damaged one (collective)."""

    def warn(text: str) -> None:
        if comm.rank == 0:
            print(f"warning: {text}; the one before is used if there is one", flush=True)

    return checkpoints.read_latest(place, comm, warn)


def remedy(place: Path) -> list[str]:
    """Return advice after a fault ended the run in `place`."""
    if not place.is_dir():  # which HDF5 does not always say
        return [f"the folder {place} is gone"]
    if checkpoints_in(place):
        return [f"once this is fixed, resume from the latest checkpoint: python -m distsim resume {place}"]
    return ["there is no checkpoint to resume from; once this is fixed, start the run again with --overwrite"]
