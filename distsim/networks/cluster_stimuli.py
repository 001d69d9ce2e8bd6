"""Stimuli of the EI-clustered network: a current into the excitatory neurons of some clusters, in some periods."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..description.elements import Population
from ..description.network import Network

USUAL = (2, 3, 4)  # the clusters that NEST's example stimulates


def default_clusters(n_clusters: int) -> np.ndarray:
    """The usual clusters as far as there are such, otherwise the last one, int64."""
    return np.array([c for c in USUAL if c < n_clusters] or [n_clusters - 1])


def check_stimuli(p: Any) -> None:
    """ValueError naming the parameter if the clusters or the periods that `p` asks for are impossible."""
    clusters, starts, ends = (np.asarray(x).tolist() for x in (p.stim_clusters, p.stim_starts, p.stim_ends))
    whole = [int(c) for c in clusters]
    if whole != clusters or not all(0 <= c < p.n_clusters for c in clusters):
        raise ValueError(f"stim_clusters={_short(clusters)}: clusters are 0 ... {p.n_clusters - 1}")
    if len(set(whole)) < len(whole):
        raise ValueError(f"stim_clusters={whole}: each cluster can be named only once")
    if len(starts) != len(ends):
        raise ValueError(f"stim_ends={_short(ends)}: must be as many as stim_starts={_short(starts)}")
    if any(end < start for start, end in zip(starts, ends, strict=True)):
        raise ValueError(f"stim_ends={_short(ends)}: must not be before stim_starts={_short(starts)}")


def periods(p: Any) -> list[tuple[float, float]]:
    """When the current is on (ms, from the end of the warm-up): what overlaps or touches is one period."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(zip(map(float, p.stim_starts), map(float, p.stim_ends), strict=True)):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif start < end and p.stim_amp:
            joined.append((start, end))
    return joined


def stimulate(network: Network, p: Any, exc: Population, t_presim: float) -> None:
    """Inject the current into the clusters of `exc`; the warm-up takes `t_presim` ms."""
    times = [t + t_presim for period in periods(p) for t in period]
    amplitudes = [p.stim_amp, 0.0] * (len(times) // 2)
    for first, stop in _neurons(p) if times else ():
        network.step_current(exc[first:stop], times, amplitudes)


def marks(p: Any, t_presim: float) -> list[dict]:
    """Return the marks of the raster plot: the stimulated neurons while they are stimulated."""
    return [
        {"t0": t0 + t_presim, "t1": t1 + t_presim, "population": "E", "first": first, "last": stop - 1}
        | {"label": "stimulus"}
        for t0, t1 in periods(p)
        for first, stop in _neurons(p)
    ]


def _neurons(p: Any) -> list[tuple[int, int]]:
    """First neuron of each stimulated cluster and the one behind its last, among the excitatory ones."""
    size = p.N_E // p.n_clusters
    return [(int(c) * size, (int(c) + 1) * size) for c in p.stim_clusters]


def _short(values: list[float]) -> str:
    return f"[{', '.join(f'{value:g}' for value in values)}]"
