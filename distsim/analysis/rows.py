"""Which neurons a raster plot shows, and their spikes by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from distsim.recording.spikes import Spikes

# As many dots and neurons as can be told apart.
MAX_NEURONS, MAX_SPIKES = 8000, 60000


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one population, a neuron each.

    Attributes
    ----------
    times : ndarray of float64, shape (n_spikes,)
        In ms.
    rows : ndarray of int64, shape (n_spikes,)
        The row of each spike, from 0.
    ids : ndarray of int64, shape (n_rows,)
        The neuron of each row, ascending.
    """

    times: np.ndarray
    rows: np.ndarray
    ids: np.ndarray

    @property
    def n(self) -> int:
        return self.ids.size


def recorded_ids(populations: Mapping[str, Spikes], recorded: Mapping[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """Return the neurons of each population whose spikes there are: those of `recorded`, or else all."""
    recorded = recorded or {}
    return {name: recorded[name] if name in recorded else np.arange(s.n) for name, s in populations.items()}


def number_through(spikes: Spikes, ids: np.ndarray) -> Spikes:
    """Return the spikes of the neurons `ids`, ascending, with these numbered from 0, so that no other seems silent."""
    return replace(spikes, ids=np.searchsorted(ids, spikes.ids), n=ids.size)


def present(names: Sequence[str] | None, ids: Mapping[str, np.ndarray]) -> list[str]:
    """Return those of `names` that have neurons, in the order of `ids`; all that have if that leaves none."""
    filled = [name for name, neurons in ids.items() if neurons.size]
    return [name for name in filled if names is None or name in names] or filled


def choose_rows(
    populations: Mapping[str, Spikes],
    ids: Mapping[str, np.ndarray],
    t0: float,
    t1: float,
    max_neurons: int = MAX_NEURONS,
    max_spikes: int = MAX_SPIKES,
) -> tuple[dict[str, Rows], int]:
    """Return the rows of the neurons `ids` with the spikes t0 < t <= t1, and k, if only every k-th neuron has one.

    k is the smallest with which there are at most `max_neurons` rows and about `max_spikes` spikes.
    """
    shown = {name: _rows(populations[name], neurons, t0, t1) for name, neurons in ids.items()}
    every = sampling(shown, max_neurons, max_spikes)
    if every > 1:
        shown = {name: _rows(populations[name], neurons[::every], t0, t1) for name, neurons in ids.items()}
    return shown, every


def sampling(shown: Mapping[str, Rows], max_neurons: int, max_spikes: int) -> int:
    """Return k such that every k-th neuron is to be drawn."""
    n_neurons = sum(rows.n for rows in shown.values())
    n_spikes = sum(rows.times.size for rows in shown.values())
    return max(1, -(-n_neurons // max_neurons), -(-n_spikes // max_spikes))


def _rows(spikes: Spikes, ids: np.ndarray, t0: float, t1: float) -> Rows:
    inside = (spikes.times > t0) & (spikes.times <= t1) & np.isin(spikes.ids, ids)
    return Rows(spikes.times[inside], np.searchsorted(ids, spikes.ids[inside]), ids)
