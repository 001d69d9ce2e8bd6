"""Rates, CV of ISI and synchrony of Brunel's and the EI-clustered networks are NEST's and Brian2's within their spread.

Brunel's with alpha synapses and panel C are compared in every test run, the others in a long one.

As many seeds as the reference has. The criterion, chosen before the first comparison: for each network, Welch's t of
the difference of the two means; none may be significant at 1 % after Bonferroni's correction over its comparisons.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from distsim import Simulation
from distsim.analysis.statistics import cv_isi, fano_factor, rates
from distsim.networks import BrunelAlpha, BrunelDelta, EIClustered, brunel_alpha, brunel_delta, ei_clustered
from distsim.parallel import SerialCommunicator

FOLDER = Path(__file__).parents[1] / "reference"
STATISTICS = ("rate_hz", "cv_isi", "population_count_fano_1ms")
FAMILY = 0.01


def references(name: str, **wanted) -> list[dict]:
    runs = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
    return [run for run in runs if all(run[key] == value for key, value in wanted.items())]


def our_run(network, seed: int, t0: float, t1: float) -> dict:
    """Statistics of all neurons of E and I between t0 and t1 (ms)."""
    network.drop_recorders("spikes")
    network.record_spikes(network["E"], network["I"])
    sim = Simulation(network, seed, SerialCommunicator())
    sim.run(t0, record=False)
    sim.run(t1 - t0)
    sim.ledger()
    return {"sim": sim, **{p.name: summarize(*sim.spikes(p), p.n, t0, t1) for p in network.populations}}


def summarize(times, ids, n: int, t0: float, t1: float) -> dict:
    return {
        "rate_hz": rates(ids, n, t1 - t0).mean(),
        "cv_isi": np.nanmean(cv_isi(times, ids, n)),
        "population_count_fano_1ms": fano_factor(times, t0, t1),
    }


def compare(ours: list[dict], theirs: list[dict], names: list[tuple[str, ...]]) -> None:
    """Welch's t for each of `names` (a path into the dictionaries)."""
    found = {}
    for path in names:
        a, b = (np.array([pick(run, path) for run in runs]) for runs in (ours, theirs))
        found[path] = (stats.ttest_ind(a, b, equal_var=False).pvalue, a.round(4).tolist(), b.round(4).tolist())
    worst = min(found, key=lambda path: found[path][0])
    assert found[worst][0] > FAMILY / len(names), (worst, found[worst])


def pick(run: dict, path: tuple[str, ...]) -> float:
    for key in path:
        run = run[key]
    return run


BOTH = [(name, statistic) for name in ("E", "I") for statistic in STATISTICS]


def test_brunel_alpha():
    theirs = references("brunel_alpha")
    p = brunel_alpha.Parameters()
    assert brunel_alpha.excitatory_weight(p) == pytest.approx(theirs[0]["J_ex"], rel=1e-12)
    assert brunel_alpha.external_rate(p) == pytest.approx(theirs[0]["p_rate"], rel=1e-12)
    ours = [our_run(BrunelAlpha().describe(p), seed, 200.0, 1000.0) for seed in range(1, len(theirs) + 1)]
    compare(ours, theirs, BOTH)


@pytest.mark.parametrize(
    "panel", [pytest.param(p, marks=() if p == "C" else pytest.mark.validation) for p in brunel_delta.PANELS]
)
def test_brunel_delta(panel):
    theirs = references("brunel_delta", panel=panel)
    facts = brunel_delta.PANELS[panel]
    p = brunel_delta.Parameters(g=facts.g, nu_ext_over_nu_thr=facts.ratio)
    t1 = facts.period[1]
    assert {(run["t0"], run["t1"]) for run in theirs} == {(200.0, t1)}
    ours = [our_run(BrunelDelta().describe(p), seed, 200.0, t1) for seed in range(1, len(theirs) + 1)]
    compare(ours, theirs, BOTH)


@pytest.mark.validation
def test_ei_clustered():
    theirs = references("ei_clustered")
    p = ei_clustered.Parameters()
    ours = []
    for seed in range(1, len(theirs) + 1):
        run = our_run(EIClustered().describe(p), seed, 1000.0, 11_000.0)
        ours.append({**run, **cluster_rates(run["sim"], p)})
    clusters = ("stimulated_clusters_rate_on_hz", "stimulated_clusters_rate_off_hz", "other_clusters_rate_hz")
    more = [(name,) for name in (*clusters, "cluster_rate_std_50ms_hz")]
    compare(ours, theirs, BOTH + more)


def cluster_rates(sim: Simulation, p: ei_clustered.Parameters) -> dict:
    """Rates (spikes/s) of the excitatory clusters in and outside stimulation, and their fluctuation in 50 ms bins."""
    times, ids = sim.spikes(sim.network["E"])
    size = p.N_E // p.n_clusters
    edges = (np.arange(0.0, 10_001.0, 50.0), np.arange(p.n_clusters + 1) * size)
    counts, _, _ = np.histogram2d(times - 1000.0, ids, bins=edges)
    rate = counts / size / 0.05
    middle = (edges[0][1:] + edges[0][:-1]) / 2
    on = np.any([(middle > a) & (middle < b) for a, b in zip(p.stim_starts, p.stim_ends, strict=True)], axis=0)
    stimulated = np.isin(np.arange(p.n_clusters), p.stim_clusters)
    return {
        "stimulated_clusters_rate_on_hz": rate[np.ix_(on, stimulated)].mean(),
        "stimulated_clusters_rate_off_hz": rate[np.ix_(~on, stimulated)].mean(),
        "other_clusters_rate_hz": rate[:, ~stimulated].mean(),
        "cluster_rate_std_50ms_hz": rate.std(),
    }
