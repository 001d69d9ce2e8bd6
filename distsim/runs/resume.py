"""Whether, and from where, a run goes on that was begun earlier: `distsim resume DIR` and `--resume auto`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..files import kinds
from ..files.plain_files import read_json
from ..parallel import InputError
from ..recording.checkpoint_file import checkpoints_in, read_header
from ..results import folder
from ..simulation import checkpoints
from ..simulation.checkpoints import Checkpoint
from .configuration import CONFIG, check_config

SUMMARY = kinds.record(  # the entries of a summary that are read here
    {},
    {
        "network": kinds.text(),
        "config": kinds.mapped(kinds.ANYTHING),
        "stopped": kinds.record({"time_ms": kinds.number(), "why": kinds.text()}),
    },
)


def latest(place: Path, comm) -> Checkpoint | None:
    """Return the latest sound checkpoint in a run's folder; print a warning for each damaged one (collective)."""

    def warn(text: str) -> None:
        if comm.rank == 0:
            print(f"warning: {text}; the one before is used if there is one", flush=True)

    return checkpoints.read_latest(place, comm, warn)


def remedy(place: Path) -> list[str]:
    """What can be done after a fault ended the run in `place`."""
    if not place.is_dir():  # which HDF5 does not always say
        return [f"the folder {place} is gone"]
    if checkpoints_in(place):
        return [f"once this is mended, the run goes on from its latest checkpoint: python -m distsim resume {place}"]
    return ["there is no checkpoint to go on from; once this is mended, start the run again with --overwrite"]


def earlier_config(place: Path) -> dict[str, Any]:
    """What the run in `place` was asked to do, from its marker or its latest sound checkpoint (on one rank).

    Raises
    ------
    InputError : no such folder, or nothing there tells.
    """
    if not place.is_dir():
        raise InputError(f"{place}: no such folder")
    problems = []
    for name, read in _sources(place):
        try:
            if config := read():
                check_config(config)
                return config
        except (OSError, ValueError) as error:
            text = str(error.strerror or error) if isinstance(error, OSError) else str(error)
            problems.append(text if str(name) in text else f"{name}: {text}")
    why = "there is no run with a checkpoint to go on from"
    if is_complete(place) and not checkpoints_in(place):
        why = "the run is complete and kept no checkpoint (--checkpoint-every), so it cannot be extended"
    raise InputError("\n".join([f"{place}: {why}", *problems]))


def _sources(place: Path) -> Iterator[tuple[Path, Callable[[], dict[str, Any] | None]]]:
    """Yield the files that hold the configuration of a run, the most reliable first, with a function that reads it."""
    yield place / folder.MARKER, lambda: folder.noted_config(place)
    for path in reversed(checkpoints_in(place)):
        yield path, lambda path=path: read_header(path)["config"]


def is_complete(place: Path) -> bool:
    """Whether a run in `place` has come to its end (on one rank)."""
    return (place / "summary.json").is_file() and not folder.is_unfinished(place)


def read_summary(place: Path) -> dict[str, Any]:
    """The summary of a complete run (on one rank); `InputError` where it is damaged."""
    path = place / "summary.json"
    try:
        summary = read_json(path)
        kinds.check(summary, SUMMARY)
        return summary
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); --overwrite starts the run again") from None


def finding_of(place: Path) -> str | None:
    """How the guard ended the run in `place`, in words; None if it did not (on one rank)."""
    found = read_summary(place).get("stopped")
    return f"was stopped at {found['time_ms']:g} ms: {found['why']}" if found else None


def same_run(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """What differs between two configurations, as option or parameter; None if they describe the same run."""
    pairs = [(one["network"], other["network"], "the network")]
    for key in ("parameters", "options"):
        names = [name for name in {**one[key], **other[key]} if name not in ("plots", "profile", "max_rate")]
        pairs += [(one[key].get(name), other[key].get(name), name) for name in names]
    return next((name for here, there, name in pairs if here != there), None)


def config_of_summary(place: Path, like: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the complete run in `place`, by its summary, in the form of `like`."""
    summary = read_summary(place)
    found = summary.get("config") or {}
    parts = {key: {name: found.get(name) for name in like[key]} for key in ("parameters", "options")}
    return {"network": summary.get("network"), **parts}


def look(place: Path, config: Mapping[str, Any]) -> str:
    """What `--resume auto` finds in `place`: "nothing", "complete" or "unfinished" (on one rank).

    Raises
    ------
    InputError : another run is there.
    """
    if is_complete(place):
        found, state = config_of_summary(place, config), "complete"
    elif folder.is_unfinished(place):
        found, state = folder.noted_config(place), "unfinished"
        found = found if found and kinds.fits(found, CONFIG) else None
    else:
        return "nothing"
    differing = same_run(found, config) if found else "what it was asked to do"
    if differing:
        raise InputError(f"--out {place}: holds another run ({differing} differs); choose another folder")
    return state
