"""Names of the files of reports in a run's folder."""

from __future__ import annotations

from distsim.description.elements import SPIKES as SPIKE_REPORT
from distsim.description.elements import V_M

SPIKES, VOLTAGES = "spikes.h5", "voltages.h5"
NAMES = {SPIKE_REPORT: SPIKES, V_M: VOLTAGES}
CHECKPOINTS = "checkpoint-"  # begins the names of other HDF5 files in a run's folder


def file_of(name: str) -> str:
    """Return the name of the file of the report `name`."""
    return NAMES.get(name, f"{name}.h5")


def report_of(file: str) -> str:
    """Return the name of the report in `file`: undoes `file_of`."""
    return {kept: name for name, kept in NAMES.items()}.get(file, file.removesuffix(".h5"))


def is_report_file(file: str) -> bool:
    """Return whether a file of this name in a run's folder may be a report."""
    return file.endswith(".h5") and "/" not in file and not file.startswith((CHECKPOINTS, "."))
