"""Descriptions of the other networks: sizes, weights, clusters, impossible demands."""

from __future__ import annotations

import numpy as np
import pytest

from distsim.engine.connectivity.synapse_plan import n_expected
from distsim.engine.memory import n_synapses
from distsim.networks import BrunelAlpha, EIClustered, brunel_alpha, brunel_delta, ei_clustered
from distsim.networks.parameters import make


def test_brunel_alpha_has_the_size_of_nests_example():
    network = BrunelAlpha().describe(brunel_alpha.Parameters())
    assert [p.n for p in network.populations] == [10_000, 2500]
    # NEST counts its generator's 12,500 connections and the recorders' 50 + 50 as well
    assert n_synapses(network) + 12_500 + 100 == 15_637_600
    weights = {p.weight for p in network.projections}
    assert min(weights) == pytest.approx(-5 * max(weights))


def test_brunel_alpha_prints_what_nests_example_prints():
    summary = {"populations": {"E": {"rate_hz": 28.524}, "I": {"rate_hz": None}}}
    summary["timing"] = {"build_s": 0.251, "sim_s": 1.0}
    lines = BrunelAlpha().report(brunel_alpha.Parameters(), summary).splitlines()
    assert lines[:9] == [
        "Brunel network simulation (Python)",
        "Number of neurons : 12500",
        "Number of synapses: 15637600",
        "       Excitatory : 12512600",
        "       Inhibitory : 3125000",
        "Excitatory rate   : 28.52 Hz",
        "Inhibitory rate   : 0.00 Hz",
        "Building time     : 0.25 s",
        "Simulation time   : 1.00 s",
    ]
    # Of a population smaller than N_rec all neurons are recorded.
    few = BrunelAlpha().report(brunel_alpha.Parameters(order=20), summary).splitlines()
    assert few[3] == f"       Excitatory : {100 * 8 + 100 + 50 + 20}"


def largest_potential(tau_m: float, tau_syn: float, C_m: float) -> float:
    """Return the largest of the potentials (mV) after an alpha current of 1 pA, each an integral over the current."""
    nodes, weights = np.polynomial.legendre.leggauss(120)

    def potentials(t: np.ndarray) -> np.ndarray:
        s = t[:, None] / 2 * (nodes + 1)
        return t / 2 * ((np.e * s / tau_syn * np.exp(-s / tau_syn - (t[:, None] - s) / tau_m) / C_m) @ weights)

    low, high = 0.0, 10 * (tau_m + tau_syn)
    for _ in range(8):  # the maximum lies between the neighbours of the largest sample
        t = np.linspace(low, high, 201)
        k = np.clip(np.argmax(potentials(t)), 1, 199)
        low, high = t[k - 1], t[k + 1]
    return potentials(t).max()


NEAR = [0.5, 5.0, 19.9, 19.9999, 20.0 - 1e-10, 20.0, 20.0000001, 20.1, 25.0, 200.0]


@pytest.mark.parametrize("tau_syn", NEAR)
def test_an_alpha_potential_has_the_peak_that_is_asked_for(tau_syn):
    p = brunel_alpha.Parameters(tau_syn=tau_syn)
    peak = brunel_alpha.excitatory_weight(p) * largest_potential(p.tau_m, tau_syn, p.C_m)
    assert peak == pytest.approx(p.J, rel=1e-12)
    assert BrunelAlpha().describe(p).projections


def test_the_peak_of_nests_example_is_what_lambert_w_gives():
    assert brunel_alpha.psp_peak(brunel_alpha.Parameters()) == pytest.approx(0.004835553641724627, rel=1e-15)


@pytest.mark.parametrize(("tau_m", "tau_syn", "peak"), [(1.0, 1e20, 1.0), (1e20, 1.0, np.e), (1e-3, 1e-3, 2e-3 / np.e)])
def test_a_potential_follows_a_slow_current_and_sums_a_short_one(tau_m, tau_syn, peak):
    p = brunel_alpha.Parameters(tau_m=tau_m, tau_syn=tau_syn, C_m=1.0)
    assert brunel_alpha.psp_peak(p) == pytest.approx(peak, rel=1e-14)


def test_a_network_too_small_for_a_synapse_is_refused():
    with pytest.raises(
        ValueError, match=r"order=1: no excitatory synapses, 4 order epsilon \(0\.1\) must be at least 1"
    ):
        BrunelAlpha().describe(brunel_alpha.Parameters(order=1))


def test_brunel_delta_is_driven_at_its_threshold_rate():
    p = brunel_delta.Parameters(nu_ext_over_nu_thr=1.0)
    assert brunel_delta.external_rate(p) == pytest.approx(10_000.0)  # C_ext nu_thr = theta / (J tau)


def test_ei_clusters_have_the_weights_of_the_formulas():
    p = ei_clustered.Parameters()
    network = EIClustered().describe(p)
    weights = ei_clustered.balanced_weights(p) / np.sqrt(5000)
    plus, minus = 6.0, 14 / 19
    EE = {x.weight for x in network.projections if x.source.population.name == x.target.population.name == "E"}
    assert sorted(EE) == pytest.approx(sorted([weights[0, 0] * plus, weights[0, 0] * minus]))
    other = 1 + 5 * 0.82
    EI = {x.weight for x in network.projections if x.source.population.name == "I" and x.target.population.name == "E"}
    assert sorted(EI) == pytest.approx(sorted([weights[0, 1] * other, weights[0, 1] * (20 - other) / 19]))
    assert n_synapses(network) == pytest.approx(7.7e6, rel=1e-3)


def test_clustering_keeps_the_mean_input():
    for clustering in ("weight", "probabilities"):
        p = ei_clustered.Parameters(clustering=clustering)
        for excitatory in (True, False):
            plus, minus = ei_clustered.clustering_factors(p, excitatory)
            assert (plus + 19 * minus) / 20 == pytest.approx(1.0)


@pytest.mark.parametrize(("n_clusters", "stimulated"), [(20, [2, 3, 4]), (4, [2, 3]), (2, [1]), (1, [0])])
def test_the_clusters_that_there_are_are_stimulated(n_clusters, stimulated):
    p = ei_clustered.Parameters(n_clusters=n_clusters, rep=1.5)
    assert p.stim_clusters.tolist() == stimulated
    size = 4000 // n_clusters
    first = [int(current.target.gids[0]) for current in EIClustered().describe(p).step_currents]
    assert first == [cluster * size for cluster in stimulated]


STIMULI = {
    "two": ([2000, 6000], [3500, 7500], [(2000, 3500), (6000, 7500)]),
    "one": ([5], [6.5], [(5, 6.5)]),
    "none": ([], [], []),
    "overlapping": ([100, 50], [250, 150], [(50, 250)]),
    "one in another": ([0, 10], [100, 20], [(0, 100)]),
    "back to back": ([10, 20, 40], [20, 30, 50], [(10, 30), (40, 50)]),
    "empty": ([10, 30, 30], [10, 40, 30], [(30, 40)]),
}


@pytest.mark.parametrize("case", STIMULI)
def test_the_current_is_on_in_the_union_of_the_periods(case):
    starts, ends, union = STIMULI[case]
    given = {"stim_starts": str(starts), "stim_ends": str(ends), "stim_clusters": "[7]"}
    p = make(ei_clustered.Parameters, given)
    currents = EIClustered().describe(p, 0.1, 1000.0).step_currents
    assert len(currents) == bool(union)
    for current in currents:
        assert current.times.tolist() == [round(10 * (t + 1000)) for period in union for t in period]
        assert current.amplitudes.tolist() == [0.15, 0.0] * len(union)
    marks = EIClustered().figures(p, 1000.0, 10_000.0)["marks"]
    assert [(mark["t0"] - 1000, mark["t1"] - 1000) for mark in marks] == union
    assert not marks or (marks[0]["first"], marks[0]["last"]) == (1400, 1599)


def test_without_stimulated_clusters_there_is_no_current():
    for given in ({}, {"stim_clusters": "[2, 3.0]"}):
        assert make(ei_clustered.Parameters, given).stim_clusters.dtype == np.int64
    p = make(ei_clustered.Parameters, {"stim_clusters": "[]"})
    assert EIClustered().describe(p).step_currents == [] and EIClustered().figures(p, 0.0, 1.0)["marks"] == []


@pytest.mark.parametrize(("text", "value"), [("rest", -3.0), ("-12.5", -12.5), ("0", 0.0)])
def test_potentials_start_where_they_are_said_to(text, value):
    network = EIClustered().describe(make(ei_clustered.Parameters, {"V_m": text, "E_L": "-3", "V_reset": "-3"}))
    assert [population.parameters["V_m"] for population in network.populations] == [value, value]
    drawn = EIClustered().describe(make(ei_clustered.Parameters, {"V_m": "rand"}))["E"].parameters["V_m"]
    assert float(drawn.quantile(np.array(0.5))) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("V_m", "random", "--set V_m=random: must be rand, rest or a finite number"),
        ("V_m", "nan", "--set V_m=nan: must be rand, rest or a finite number"),
        ("stim_starts", "3", r"--set stim_starts=3: must be a list of numbers, \[\] for none"),
        ("stim_clusters", "[1.5]", "must be a whole number"),
        ("stim_ends", "[-1]", "must be at least 0 ms"),
    ],
)
def test_a_value_of_another_kind_is_refused(name, text, message):
    with pytest.raises(ValueError, match=message):
        make(ei_clustered.Parameters, {name: text})


@pytest.mark.parametrize("zeros", [[[0, 0], [0, 0]], [[0, 0.5], [0.5, 0.5]], [[0.2, 0], [0, 0.5]]])
@pytest.mark.parametrize("other", [{}, {"fixed_indegree": True}, {"clustering": "probabilities"}])
def test_without_connections_there_are_no_synapses(zeros, other):
    p = ei_clustered.Parameters(baseline_conn_prob=np.array(zeros), **other)
    network = EIClustered().describe(p)
    assert np.all(np.isfinite(ei_clustered.balanced_weights(p)))
    kinds = {(x.target.population.name, x.source.population.name) for x in network.projections if n_expected(x)}
    assert kinds == {("EI"[t], "EI"[s]) for t in (0, 1) for s in (0, 1) if zeros[t][s]}


def test_one_cluster_is_no_cluster():
    p = ei_clustered.Parameters(n_clusters=1)
    network = EIClustered().describe(p)
    assert len(network.projections) == 4
    assert ei_clustered.clustering_factors(p, True) == (1.0, 1.0)


def test_probabilities_above_1_are_split_into_passes():
    p = ei_clustered.Parameters(clustering="probabilities", rep=8.0)
    rules = [x.rule for x in EIClustered().describe(p).projections]
    assert max(rule.p for rule in rules) <= 1.0 and not any(rule.allow_autapses for rule in rules)
    assert n_synapses(EIClustered().describe(p)) == pytest.approx(7.7e6, rel=1e-3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"N_E": 4001}, "N_E=4001: must be a multiple of n_clusters=20"),
        ({"n_clusters": 5}, "rep=6: with n_clusters=5"),
        ({"stim_clusters": np.array([2.0, 20.0])}, r"stim_clusters=\[2, 20\]: clusters are 0 \.\.\. 19"),
        ({"stim_clusters": np.array([2.0, 3.0, 2.0])}, r"stim_clusters=\[2, 3, 2\]: each cluster .* once"),
        ({"stim_starts": np.array([5.0])}, r"stim_ends=\[3500, 7500\]: must be as many as stim_starts=\[5\]"),
        (
            {"stim_starts": [5.0, 60.0], "stim_ends": [6.0, 50.0]},
            r"stim_ends=\[6, 50\]: must not be before stim_starts",
        ),
    ],
)
def test_impossible_clusters_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        EIClustered().describe(ei_clustered.Parameters(**values))
