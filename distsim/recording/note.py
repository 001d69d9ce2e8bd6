"""The note in the folder of an incomplete run: which neurons are recorded, which the parts do not say."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distsim.files import kinds
from distsim.files.kinds import Kind, listed, mapped, maybe, number, record, row, whole
from distsim.files.paths import NOTE, written_whole
from distsim.files.plain_files import read_json
from distsim.recording.output import sync_folder
from distsim.recording.report_files import is_report_file

NEURON, TIME = whole(0, 2**32), number(0.0, 1e15)  # ms
REPORT_FILE = Kind("the name of a report's file", lambda name: isinstance(name, str) and is_report_file(name))
CONTENT = record(
    {
        "dt_ms": number(1e-6, 1e6),
        "populations": mapped(record({"n": NEURON}, {"recorded": maybe(listed(row(NEURON, NEURON)))})),
        "recording": record({"files": listed(REPORT_FILE)}),
    },
    {
        "t_presim_ms": TIME,
        "t_sim_ms": TIME,
        "recorded_ms": maybe(listed(row(TIME, TIME))),
    },
)


def write_note(folder: Path, entries: Mapping[str, Any]) -> None:
    """Write the note into the run's `folder` (on one rank); it stays until the run is complete.

    Parameters
    ----------
    folder : Path
        The run's folder.
    entries : mapping
        Entries of the run's summary that are known already: `dt_ms`, `populations` with the recorded neurons of each,
        `recording` with the names of the files, and what figures need.
    """
    with written_whole(folder / NOTE) as part, open(part, "w", encoding="utf8") as file:
        json.dump(entries, file, default=lambda value: value.tolist())  # of numpy
        # It must survive a crash of the machine, as the closed parts do.
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)


def has_note(folder: Path) -> bool:
    """Return whether there is a note in the run's `folder`."""
    return (folder / NOTE).is_file()


def read_note(folder: Path) -> dict[str, Any]:
    """Return what the note in the run's `folder` says.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is damaged.
    """
    path = folder / NOTE
    found: dict[str, Any] = read_json(path)
    try:
        kinds.check(found, CONTENT)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return found
