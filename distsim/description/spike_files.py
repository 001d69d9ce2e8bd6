"""Spikes of files, for `Network.spike_source` and `Simulation.set`."""

from __future__ import annotations

from pathlib import Path

from ..files.paths import as_path
from ..files.spike_tables import CsvSpikes, SonataSpikes


def csv_spikes(path: str | Path, time: str = "time", id: str = "id", delimiter: str = ",") -> CsvSpikes:
    """Return the spikes of a CSV file with a header, one spike a line.

    Parameters
    ----------
    time, id : names of the columns of times (ms) and of sources, from 0.

    Raises
    ------
    ValueError : there is no such column.
    OSError : the file cannot be read.
    """
    return CsvSpikes(as_path(path), time, id, delimiter)


def sonata_spikes(path: str | Path, population: str | None = None) -> SonataSpikes:
    """Return the spikes of a population of a SONATA file, also of one that distsim wrote (`spikes.h5`).

    Parameters
    ----------
    population : /spikes/POP in the file; may be left out where there is only one.

    Raises
    ------
    ValueError : it is no such file, or the population is not in it.
    """
    return SonataSpikes(as_path(path), population)
