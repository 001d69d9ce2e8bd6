"""One number for all spikes of a run, by which runs are compared: ``spikes_sha256``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np

from distsim.recording.members import WHOLE, children, dataset
from distsim.recording.sonata import in_order, open_to_read, steps_of
from distsim.recording.spikes import Spikes

BLOCK = 1 << 20


def spikes_sha256(source: str | Path | Mapping[str, Spikes], dt: Fraction) -> str:
    """Return the SHA-256 of all spikes of a spike file, or of what `read_spikes` returned.

    For each population in order: its name in UTF-8, the little-endian int64 steps, then the little-endian int64 ids
    (0-based in the population) of its spikes sorted by (step, id). A file is read in blocks, in bounded memory.

    Parameters
    ----------
    source : str or Path or mapping of str to Spikes
        The file, or the spikes by population.
    dt : Fraction
        The step in ms; a spike's step is the one nearest to its time.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, or its spikes are not sorted by (time, id).
    """
    if isinstance(source, Mapping):
        return spikes_sha256_of({name: (steps_of(s.times, dt), s.ids) for name, s in source.items()})
    digest = hashlib.sha256()
    with open_to_read(source) as file:
        for name, group in children(file, "spikes"):
            steps = (steps for steps, _ in _blocks(group, dt))
            ids = (ids for _, ids in _sorted_blocks(group, dt))
            _add(digest, name, steps, ids)
    return digest.hexdigest()


def spikes_sha256_of(spikes: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> str:
    """Return the same SHA-256 of spikes in memory.

    Parameters
    ----------
    spikes : mapping of str to (ndarray, ndarray)
        Integer steps and ids (0-based in the population) of each population's spikes, in any order.
    """
    digest = hashlib.sha256()
    for name, (steps, ids) in spikes.items():
        order = np.lexsort((ids, steps))
        _add(digest, name, [np.asarray(steps)[order]], [np.asarray(ids)[order]])
    return digest.hexdigest()


def _add(digest: hashlib._Hash, name: str, steps: Iterable[np.ndarray], ids: Iterable[np.ndarray]) -> None:
    digest.update(name.encode("utf-8"))
    for block in steps:
        digest.update(block.astype("<i8").tobytes())
    for block in ids:
        digest.update(block.astype("<i8").tobytes())


def _blocks(group: h5py.Group, dt: Fraction) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield steps and ids of a population of a file, block by block."""
    times, ids = dataset(group, "timestamps"), dataset(group, "node_ids", WHOLE)
    if times.shape != ids.shape:
        raise ValueError(f"population {group.name} has {times.size} timestamps but {ids.size} node_ids")
    for start in range(0, times.shape[0], BLOCK):
        part = slice(start, min(start + BLOCK, times.shape[0]))
        yield steps_of(times[part], dt), ids[part].astype(np.int64)


def _sorted_blocks(group: h5py.Group, dt: Fraction) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield `_blocks`, and raise ValueError where they are not sorted by (step, id)."""
    last = (-1, -1)
    for steps, ids in _blocks(group, dt):
        if not in_order(steps, ids, last):
            raise ValueError(f"the spikes of {group.name} are not sorted by (time, id)")
        last = (steps[-1], ids[-1])
        yield steps, ids
