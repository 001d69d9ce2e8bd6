"""Every parameter of a model changes what it is there for in the network that is described, and nothing else."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import pytest

from distsim import Normal
from distsim.networks import (
    BrunelAlpha,
    BrunelDelta,
    EIClustered,
    Microcircuit,
    brunel_alpha,
    ei_clustered,
    microcircuit,
)
from distsim.networks.microcircuit import POPULATIONS
from distsim.simulation.agreement import described, digest
from tests.support.adaptive import adaptive
from tests.support.described import Digests, differing, digests


def kind(part: str) -> str:
    """Return what a part is; those of the thalamus by themselves: 'source' (how many, their rate) and 'thalamic'."""
    if "TH" in part:
        return "thalamic" if "->" in part else "source"
    return next(word for word in ("population", "projection", "Poisson", "current", "recorders", "dt") if word in part)


def another(value):
    """Return another value of the kind of `value` that most parameters may take."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value * 1.25


# --- the four models --------------------------------------------------------------------------------------------------

EVERYWHERE = "population projection Poisson current recorders"
MEMBRANE = "population projection thalamic Poisson"  # what the weight of a PSP of given height depends on
SCALED = {"N_scaling": 0.2, "K_scaling": 0.1, "thalamic_input": True, "dc_input": True}

# The part of a description that each field changes, where everything is on.
MICROCIRCUIT = {
    "N_scaling": f"{EVERYWHERE} thalamic source", "K_scaling": MEMBRANE, "poisson_input": "population Poisson",
    "V0_type": "population", "full_num_neurons": f"{EVERYWHERE} thalamic source", "full_mean_rates": "population",
    "conn_probs": "population projection", "PSP_exc_mean": "population projection Poisson",
    "weight_rel_std": "projection thalamic", "g": "population projection", "delay_exc_mean": "projection",
    "delay_inh_mean": "projection", "delay_rel_std": "projection", "K_ext": "population Poisson current",
    "bg_rate": "population Poisson", "delay_poisson": "Poisson", "E_L": "population", "V_th": "population",
    "V_reset": "population", "C_m": MEMBRANE, "tau_m": MEMBRANE, "tau_syn": MEMBRANE, "t_ref": "population",
    "thalamic_input": "source thalamic recorders", "num_th_neurons": "source thalamic recorders",
    "th_start": "source", "th_duration": "source", "th_rate": "source", "conn_probs_th": "thalamic",
    "PSP_th": "thalamic", "delay_th_mean": "thalamic", "delay_th_rel_std": "thalamic",
    "dc_input": "current", "dc_start": "current", "dc_dur": "current", "dc_amp": "current",
}  # fmt: skip
BRUNEL_ALPHA = {
    "order": "population projection Poisson recorders", "g": "projection", "eta": "Poisson", "epsilon": "projection",
    "J": "projection Poisson", "delay": "projection Poisson", "tau_m": "population projection Poisson",
    "tau_syn": "population projection Poisson", "C_m": "population projection Poisson", "V_th": "population Poisson",
    "V_reset": "population", "t_ref": "population", "N_rec": "recorders",
}  # fmt: skip
BRUNEL_DELTA = {
    "g": "projection", "nu_ext_over_nu_thr": "Poisson", "N_E": "population projection Poisson recorders",
    "gamma": "population projection Poisson recorders", "epsilon": "projection", "tau": "population Poisson",
    "theta": "population Poisson", "V_r": "population", "tau_rp": "population", "J": "projection Poisson",
    "D": "projection",
}  # fmt: skip
BALANCED = "population projection"
EI_CLUSTERED = {
    "N_E": "population projection current recorders", "N_I": "population projection recorders",
    "n_clusters": "projection current", "baseline_conn_prob": "projection", "gei": "projection", "gie": "projection",
    "gii": "projection", "s": "projection", "rj": "projection", "rep": "projection", "clustering": "projection",
    "fixed_indegree": "projection", "E_L": BALANCED, "C_m": "population", "tau_E": BALANCED, "tau_I": BALANCED,
    "t_ref": "population", "V_th_E": BALANCED, "V_th_I": BALANCED, "V_reset": "population", "V_m": "population",
    "tau_syn_ex": BALANCED, "tau_syn_in": BALANCED, "delay": "projection", "I_th_E": "population",
    "I_th_I": "population", "delta_I_xE": "population", "delta_I_xI": "population", "stim_clusters": "current",
    "stim_amp": "current", "stim_starts": "current", "stim_ends": "current",
}  # fmt: skip

# Values of those that another number would not do for, as it must be a word or a multiple.
MICROCIRCUIT_OTHERS = {
    "V0_type": "original", "delay_poisson": 1.6, "E_L": -66.0, "V_th": -49.0, "V_reset": -66.0, "th_start": 710.0,
    "th_duration": 12.0, "dc_start": 660.0, "dc_dur": 110.0,
}  # fmt: skip
EI_CLUSTERED_OTHERS = {
    "N_E": 4100, "N_I": 1100, "n_clusters": 10, "clustering": "probabilities", "E_L": -1.0, "V_reset": -2.0,
    "t_ref": 5.5, "V_m": "rest", "delay": 0.2, "stim_clusters": np.array([2.0, 5.0, 4.0]),
}  # fmt: skip
# By model: its class, what each field changes, what is on, and those values.
TABLES = {
    "microcircuit": (Microcircuit, MICROCIRCUIT, SCALED, MICROCIRCUIT_OTHERS),
    "brunel-alpha": (BrunelAlpha, BRUNEL_ALPHA, {}, {"delay": 1.6, "V_reset": 3.0}),
    "brunel-delta": (BrunelDelta, BRUNEL_DELTA, {}, {"D": 1.6}),
    "ei-clustered": (EIClustered, EI_CLUSTERED, {"delta_I_xE": 0.2, "delta_I_xI": 0.1}, EI_CLUSTERED_OTHERS),
}
FIELDS = [(name, field) for name, (model, *_) in TABLES.items() for field in dataclasses.fields(model.Parameters)]


def base(name: str):
    model, _, given, _ = TABLES[name]
    return model.Parameters(**given)


@functools.cache
def base_digests(name: str) -> Digests:
    return digests(TABLES[name][0]().describe(base(name)))


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=[f"{name}-{field.name}" for name, field in FIELDS])
def test_a_parameter_changes_what_it_is_there_for(name, field):
    model, expected, _, others = TABLES[name]
    p = base(name)
    value = others[field.name] if field.name in others else another(getattr(p, field.name))
    other = dataclasses.replace(p, **{field.name: value})
    found = {kind(part) for part in differing(base_digests(name), model().describe(other))}
    assert found == set(expected[field.name].split())


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("clustering", ["weight", "probabilities"])
@pytest.mark.parametrize("field", ["rj", "rep", "baseline_conn_prob", "gei", "gie", "gii", "s", "delay"])
def test_clusters_of_all_kinds_have_the_parameters(clustering, fixed, field):
    p = ei_clustered.Parameters(n_clusters=4, rep=2.5, clustering=clustering, fixed_indegree=fixed)
    other = dataclasses.replace(p, **{field: 0.2 if field == "delay" else another(getattr(p, field))})
    assert differing(EIClustered().describe(p), EIClustered().describe(other))


def test_rates_matter_only_where_indegrees_are_scaled():
    """They are then compared with, and nothing else."""
    p = microcircuit.Parameters()
    other = dataclasses.replace(p, full_mean_rates=p.full_mean_rates * 2.0)
    assert not differing(Microcircuit().describe(p), Microcircuit().describe(other))
    assert Microcircuit().reference_rates(p) != Microcircuit().reference_rates(other)


# --- element by element -----------------------------------------------------------------------------------------------


def with_element(p, name: str, index: tuple[int, ...], value: float):
    array = np.array(getattr(p, name), float)
    array[index] = value
    return dataclasses.replace(p, **{name: array})


def projections(names: set[str]) -> set[str]:
    return {name.removeprefix("projection ") for name in names if "->" in name}


def others(names: set[str]) -> set[str]:
    return {name for name in names if "->" not in name}


def test_each_connection_probability_is_that_of_its_target_and_source():
    p = base("microcircuit")
    whole = base_digests("microcircuit")
    for t, target in enumerate(POPULATIONS):
        for s, source in enumerate(POPULATIONS):
            changed = differing(whole, Microcircuit().describe(with_element(p, "conn_probs", (t, s), 0.2)))
            assert changed == {f"projection {source} -> {target}", f"population {target}"}


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("conn_probs_th", 0.09, {"projection TH -> {}"}),
        ("K_ext", 1000.0, {"population {}", "Poisson input into {}", "step current into {}"}),
    ],
)
def test_each_number_by_population_is_that_of_its_population(field, value, expected):
    p = base("microcircuit")
    whole = base_digests("microcircuit")
    for k, name in enumerate(POPULATIONS):
        changed = differing(whole, Microcircuit().describe(with_element(p, field, (k,), value)))
        assert changed == {part.format(name) for part in expected}


def test_each_size_is_that_of_its_population():
    p = base("microcircuit")
    whole = base_digests("microcircuit")
    for k, name in enumerate(POPULATIONS):
        changed = differing(whole, Microcircuit().describe(with_element(p, "full_num_neurons", (k,), 9000.0)))
        assert {f"population {name}", f"Poisson input into {name}", f"step current into {name}"} <= changed
        own = {part for part in projections(whole.keys()) if name in part.split(" -> ")}
        assert own <= projections(changed) and f"{name} -> {name}" in own


def test_each_rate_is_that_of_a_source():
    p = base("microcircuit")
    whole = base_digests("microcircuit")
    for s, name in enumerate(POPULATIONS):
        changed = differing(whole, Microcircuit().describe(with_element(p, "full_mean_rates", (s,), 20.0)))
        targets = {part.split(" -> ")[1] for part in projections(whole.keys()) if part.split(" -> ")[0] == name}
        assert changed == {f"population {target}" for target in targets}


@pytest.mark.parametrize("index", [(t, s) for t in (0, 1) for s in (0, 1)])
@pytest.mark.parametrize("clustering", ["weight", "probabilities"])
def test_each_baseline_probability_is_that_of_its_target_and_source(clustering, index):
    p = ei_clustered.Parameters(clustering=clustering)
    changed = differing(
        EIClustered().describe(p),
        EIClustered().describe(with_element(p, "baseline_conn_prob", index, 0.3)),
    )
    target, source = ("EI"[k] for k in index)
    # Weights are balanced: inhibition of a neuron goes by its excitation.
    assert f"projection {source} -> {target}" in changed
    assert {part.split(" -> ")[1] for part in projections(changed)} == {target} and not others(changed)


@pytest.mark.parametrize("field", ["stim_clusters", "stim_starts", "stim_ends"])
@pytest.mark.parametrize("k", [0, 1])
def test_each_number_of_the_stimuli_counts(field, k):
    p = ei_clustered.Parameters()
    value = 7.0 if field == "stim_clusters" else getattr(p, field)[k] + 100.0
    changed = differing(EIClustered().describe(p), EIClustered().describe(with_element(p, field, (k,), value)))
    assert changed == {"step current into E"}


def test_resolution_and_seed_are_parts():
    for model, _, given, _ in TABLES.values():
        p = model.Parameters(**given)
        assert "dt" in differing(model().describe(p), model().describe(p, 0.05))
        one, other = described(model().describe(p), 1), described(model().describe(p), 2)
        assert digest(one["the seed"]) != digest(other["the seed"])


def test_thalamic_delays_have_a_spread_of_their_own():
    p = dataclasses.replace(base("microcircuit"), delay_rel_std=0.4, delay_th_rel_std=0.1, delay_th_mean=2.0)
    for projection in Microcircuit().describe(p).projections:
        if projection.source.population.name == "TH":
            assert projection.delay == Normal(2.0, 0.2, minimum=0.05)
        else:
            assert projection.delay.std == pytest.approx(0.4 * projection.delay.mean)


def test_the_warm_up_is_that_of_the_stimuli():
    p = ei_clustered.Parameters()
    changed = differing(EIClustered().describe(p, 0.1, 1000.0), EIClustered().describe(p, 0.1, 900.0))
    assert changed == {"step current into E"}
    for name in ("microcircuit", "brunel-alpha", "brunel-delta"):
        model, p = TABLES[name][0], base(name)
        assert not differing(model().describe(p, 0.1, 0.0), model().describe(p, 0.1, 50.0))


# --- rounding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("probability", [0.1, 0.19, 0.29])
def test_indegrees_of_clusters_are_cut_as_in_NESTs_example(probability):
    """0.1, 0.19 and 0.29 of 10 neurons of a cluster are 1, 1.9 and 2.9: one synapse, one and two."""
    given = {"N_E": 50, "N_I": 50, "n_clusters": 5, "rep": 1.0, "baseline_conn_prob": np.full((2, 2), probability)}
    network = EIClustered().describe(ei_clustered.Parameters(fixed_indegree=True, **given))
    assert {projection.rule.n for projection in network.projections} == {math.floor(probability * 10 + 1e-9)}


def test_indegrees_of_several_passes_are_cut_in_each():
    """A probability of 0.9 * 3 takes three passes of 0.9 of 7 neurons: 6.3, of which 6 are left; between clusters there
    are 0.9 * 3.5 / 5 ... of 7."""
    given = {"N_E": 42, "N_I": 42, "n_clusters": 6, "rep": 3.0, "baseline_conn_prob": np.full((2, 2), 0.9)}
    p = ei_clustered.Parameters(fixed_indegree=True, clustering="probabilities", **given)
    plus, minus = ei_clustered.clustering_factors(p, excitatory=True)
    assert (plus, minus) == (3.0, 0.6)
    found = [x.rule.n for x in EIClustered().describe(p).projections if x.source.population is x.target.population][
        : 36 + 2 * 6
    ]
    assert sorted(set(found)) == [math.floor(0.54 * 7), math.floor(0.9 * 7)]
    assert found.count(6) == 3 * 6 and found.count(3) == 5 * 6


@pytest.mark.parametrize(("order", "epsilon"), [(9, 0.1), (19, 0.1), (24, 0.1), (13, 0.15)])
def test_indegrees_of_the_alpha_network_are_cut_as_in_NESTs_example(order, epsilon):
    p = brunel_alpha.Parameters(order=order, epsilon=epsilon)
    numbers = {(x.source.population.name, x.rule.n) for x in BrunelAlpha().describe(p).projections}
    assert numbers == {("E", math.floor(epsilon * 4 * order)), ("I", math.floor(epsilon * order))}
    weight, indegree = brunel_alpha.excitatory_weight(p), math.floor(epsilon * 4 * order)
    assert weight * indegree > 0 and brunel_alpha.external_rate(p) == pytest.approx(
        1000.0 * p.eta * p.V_th * p.C_m / (weight * math.e * p.tau_m * p.tau_syn)
    )


def test_numbers_of_the_microcircuit_are_rounded():
    """0.1 of 20683 and 21915 neurons are 2068.3 and 2191.5: rounded to even as NumPy does."""
    network = Microcircuit().describe(microcircuit.Parameters(N_scaling=0.1, K_scaling=0.1))
    assert [network[name].n for name in POPULATIONS] == [2068, 583, 2192, 548, 485, 106, 1440, 295]
    assert [x.rate / 8.0 for x in network.poisson_inputs] == [160, 150, 210, 190, 200, 190, 290, 210]


def test_one_value_changed_in_a_long_list_is_seen():
    values = np.random.default_rng(1).random(100_000)
    for place in (0, 8_191, 8_192, 99_999):
        other = values.copy()
        other[place] = np.nextafter(other[place], 2.0)
        assert digest(other) != digest(values)
    assert digest(values[:-1]) != digest(values) and digest(values.copy()) == digest(values)


FUNCTIONS = {  # two that differ, of the same name
    "constants": ("def f(p, dt):\n    return {'a': %s}", "0.1", "0.2"),
    "names": ("import math\ndef f(p, dt):\n    return math.%s(dt)", "exp", "expm1"),
    "defaults": ("def f(p, dt, a=%s):\n    return a", "1.0", "2.0"),
    "globals": ("K = [%s]\ndef f(p, dt):\n    return K", "1.0", "2.0"),
    "closures": ("def g(K):\n    def f(p, dt):\n        return K\n    return f\nf = g(%s)", "1.0", "2.0"),
    "helpers": ("def h(x):\n    return %s * x or f(x, x)\ndef f(p, dt):\n    return h(p)", "1.0", "2.0"),
    "functions within": ("f = lambda p, dt: [(lambda y: y * %s)(x) for x in p]", "1.0", "2.0"),
}


def made_by(text: str):
    names: dict = {"thing": object()}  # which shows its address
    exec(text.replace("return", "return thing and"), names)
    return names["f"]


@pytest.mark.parametrize(("text", "one", "other"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions_of_a_model_are_told_apart_by_all_that_they_compute_with(text, one, other):
    models = [dataclasses.replace(adaptive, propagators=made_by(text % value)) for value in (one, one, other)]
    first, same, differs = map(digest, models)
    assert first == same != differs
