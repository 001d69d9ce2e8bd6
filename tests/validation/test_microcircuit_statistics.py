"""The microcircuit's statistics are those of NEST 3.10, to within the spread that seeds make.

tests/reference/microcircuit.jsonl holds two seeds at scale 0.1 and three at scale 0.2, too few to tell their spread. So
each scale is run with ten seeds here, and under the hypothesis that both simulators draw from one distribution the
spread is estimated from both together. The criterion, chosen before the first comparison:

- each statistic of each population: Student's t of the difference of the two means, pooled variance. With 2 scales,
  8 populations and 5 statistics there are 80 comparisons; none may be significant at 1 % after Bonferroni's correction.
- all of them together: at most 20 % below p = 0.05. 5 % are expected; since the statistics of one network are
  correlated, their number varies more than that of independent ones.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from distsim import Simulation
from distsim.analysis.statistics import correlations, cv_isi, fano_factor, rates
from distsim.networks import Microcircuit, microcircuit
from distsim.parallel import SerialCommunicator

pytestmark = pytest.mark.validation

REFERENCE = Path(__file__).parents[1] / "reference" / "microcircuit.jsonl"
SCALES = (0.1, 0.2)
SEEDS = range(1, 11)
T0, T1 = 500.0, 10_500.0
STATISTICS = ("rate_hz", "cv_isi_mean", "cc_mean", "cc_sd", "population_count_fano_1ms")
FAMILY, COMPARISONS = 0.01, len(SCALES) * len(microcircuit.POPULATIONS) * len(STATISTICS)


def references(scale: float) -> list[dict]:
    """Return the statistics by population of each of NEST's seeds."""
    runs = [json.loads(line) for line in REFERENCE.read_text().splitlines()]
    assert all((run["t0"], run["t1"]) == (T0, T1) for run in runs)
    return [run["populations"] for run in runs if run["scale"] == scale]


@cache
def our_runs(scale: float) -> list[dict]:
    return [our_run(scale, seed) for seed in SEEDS]


def our_run(scale: float, seed: int) -> dict:
    """Return the statistics by population of one run."""
    network = Microcircuit().describe(microcircuit.Parameters(N_scaling=scale, K_scaling=scale))
    sim = Simulation(network, seed, SerialCommunicator())
    sim.run(T0, record=False)
    sim.run(T1 - T0)
    sim.ledger()
    return {p.name: summarize(*sim.spikes(p), p.n) for p in network.populations}


def summarize(times: np.ndarray, ids: np.ndarray, n: int) -> dict:
    cc = correlations(times, ids, n, T0, T1)
    return {
        "n": n,
        "rate_hz": rates(ids, n, T1 - T0).mean(),
        "cv_isi_mean": np.nanmean(cv_isi(times, ids, n)),
        "cc_mean": cc.mean(),
        "cc_sd": cc.std(),
        "population_count_fano_1ms": fano_factor(times, T0, T1),
    }


@cache
def comparison(scale: float, statistic: str) -> dict[str, tuple]:
    """Return, by population, mean and SD of ours, mean and SD of NEST's, and the p-value of the difference."""
    table = {}
    for name in microcircuit.POPULATIONS:
        ours, theirs = (
            np.array([run[name][statistic] for run in runs]) for runs in (our_runs(scale), references(scale))
        )
        p = stats.ttest_ind(ours, theirs).pvalue
        table[name] = (ours.mean(), ours.std(ddof=1), theirs.mean(), theirs.std(ddof=1), p)
    return table


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scale", SCALES)
def test_the_populations_are_as_large(scale):
    for theirs in references(scale):
        assert {name: p["n"] for name, p in our_runs(scale)[0].items()} == {name: p["n"] for name, p in theirs.items()}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("scale", SCALES)
def test_a_statistic_lies_within_the_spread_of_seeds(scale, statistic):
    table = comparison(scale, statistic)
    print(f"\n{statistic} at scale {scale}, ours (mean, SD) and NEST's, p")
    for name, row in table.items():
        print(f"  {name:<6}" + "".join(f"{x:>11.5f}" for x in row))
    assert {name: row for name, row in table.items() if row[-1] < FAMILY / COMPARISONS} == {}


@pytest.mark.timeout(1800)
def test_all_statistics_together_lie_within_the_spread_of_seeds():
    p = np.array([row[-1] for scale in SCALES for s in STATISTICS for row in comparison(scale, s).values()])
    assert p.size == COMPARISONS
    print(f"\n{np.mean(p < 0.05):.1%} of {p.size} below 0.05, smallest {p.min():.2g}, median {np.median(p):.2f}")
    assert np.mean(p < 0.05) <= 0.2
