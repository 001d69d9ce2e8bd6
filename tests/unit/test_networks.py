"""What the descriptions of the other networks say: sizes, weights, clusters, impossible demands."""

from __future__ import annotations

import numpy as np
import pytest

from distsim.engine.memory import n_synapses
from distsim.models import brunel_alpha, brunel_delta, ei_clustered


def test_brunel_alpha_has_the_size_of_nests_example():
    network = brunel_alpha.describe(brunel_alpha.Parameters())
    assert [p.n for p in network.populations] == [10_000, 2500]
    # NEST counts its generator's 12,500 connections and the recorders' 50 + 50 as well
    assert n_synapses(network) + 12_500 + 100 == 15_637_600
    weights = {p.weight for p in network.projections}
    assert min(weights) == pytest.approx(-5 * max(weights))


def test_brunel_alpha_prints_what_nests_example_prints():
    summary = {"populations": {"E": {"rate_hz": 28.524}, "I": {"rate_hz": None}}}
    summary["timing"] = {"build_s": 0.251, "sim_s": 1.0}
    lines = brunel_alpha.report(brunel_alpha.Parameters(), summary).splitlines()
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
    few = brunel_alpha.report(brunel_alpha.Parameters(order=20), summary).splitlines()
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
    assert brunel_alpha.describe(p).projections


def test_the_peak_of_nests_example_is_what_lambert_w_gives():
    assert brunel_alpha.psp_peak(brunel_alpha.Parameters()) == pytest.approx(0.004835553641724627, rel=1e-15)


@pytest.mark.parametrize(("tau_m", "tau_syn", "peak"), [(1.0, 1e20, 1.0), (1e20, 1.0, np.e), (1e-3, 1e-3, 2e-3 / np.e)])
def test_a_potential_follows_a_slow_current_and_sums_a_short_one(tau_m, tau_syn, peak):
    p = brunel_alpha.Parameters(tau_m=tau_m, tau_syn=tau_syn, C_m=1.0)
    assert brunel_alpha.psp_peak(p) == pytest.approx(peak, rel=1e-14)


def test_a_network_too_small_for_a_synapse_is_refused():
    with pytest.raises(ValueError, match=r"order=1: with epsilon=0\.1 a neuron has no excitatory synapse"):
        brunel_alpha.describe(brunel_alpha.Parameters(order=1))


def test_brunel_delta_is_driven_at_its_threshold_rate():
    p = brunel_delta.Parameters(nu_ext_over_nu_thr=1.0)
    assert brunel_delta.external_rate(p) == pytest.approx(10_000.0)  # C_ext nu_thr = theta / (J tau)


def test_ei_clusters_have_the_weights_of_the_formulas():
    p = ei_clustered.Parameters()
    network = ei_clustered.describe(p)
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


def test_one_cluster_is_no_cluster():
    p = ei_clustered.Parameters(n_clusters=1, stim_clusters=np.array([0.0]))
    network = ei_clustered.describe(p)
    assert len(network.projections) == 4
    assert ei_clustered.clustering_factors(p, True) == (1.0, 1.0)


def test_probabilities_above_1_are_split_into_passes():
    p = ei_clustered.Parameters(clustering="probabilities", rep=8.0)
    rules = [x.rule for x in ei_clustered.describe(p).projections]
    assert max(rule.p for rule in rules) <= 1.0 and not any(rule.allow_autapses for rule in rules)
    assert n_synapses(ei_clustered.describe(p)) == pytest.approx(7.7e6, rel=1e-3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"N_E": 4001}, "N_E=4001: must be a multiple of n_clusters=20"),
        ({"n_clusters": 4, "rep": 2.0}, "clusters are 0 ... 3"),
        ({"n_clusters": 5}, "rep=6: with n_clusters=5"),
    ],
)
def test_impossible_clusters_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ei_clustered.describe(ei_clustered.Parameters(**values))
