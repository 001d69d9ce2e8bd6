"""Networks in space: positions, masks, and connections that depend on distance."""

from __future__ import annotations

import copy
import itertools
import math
import pickle

import h5py
import numpy as np
import pytest
from scipy import stats

import distsim
from distsim import (
    Annulus,
    Box,
    Circle,
    Exponential,
    Gaussian,
    Grid,
    Linear,
    Network,
    Normal,
    Points,
    Simulation,
    UniformBox,
    UniformDisc,
    all_to_all,
    explicit,
    fixed_indegree,
    fixed_outdegree,
    fixed_total_number,
    pairwise_bernoulli,
)
from tests.support.in_space import counts, displacements, distances, everything, pair_of

LEAST = 1e-5  # p-value of a test of statistics
RNG = np.random.default_rng(11)
PLANE, OTHER = RNG.uniform(-0.5, 0.5, (300, 2)), RNG.uniform(-0.5, 0.5, (200, 2))


def periodic(places: np.ndarray) -> Points:
    return Points(places, (1.0,) * places.shape[1], periodic=True)


def net_of(n: int = 100, **values) -> tuple[Network, object]:
    net = Network()
    return net, net.create("E", n, **{"positions": Grid((10, n // 10)), **values})


def made(n: int, positions: object, seed: int = 7) -> np.ndarray:
    net = Network()
    net.create("E", n, positions=positions)
    return Simulation(net, seed).positions("E")


# --- positions --------------------------------------------------------------------------------------------------------


def test_a_grid_fills_its_box_the_last_axis_varying_fastest():
    found = made(6, Grid((3, 2), extent=(3.0, 1.0), center=(10.0, 0.0)))
    assert found.tolist() == [[9, -0.25], [9, 0.25], [10, -0.25], [10, 0.25], [11, -0.25], [11, 0.25]]


def test_given_positions_are_kept_and_parts_have_theirs():
    net = Network()
    net.create("E", 300, positions=PLANE)
    sim = Simulation(net)
    assert np.array_equal(sim.positions("E"), PLANE)
    assert np.array_equal(sim.positions("E[[7, 3]]"), PLANE[[7, 3]])
    sim.positions("E")[:] = 0.0
    assert np.array_equal(sim.positions("E"), PLANE)


def test_drawn_positions_are_uniform_and_follow_from_the_seed():
    box, box_again, other = (made(4000, UniformBox((2.0, 3.0), (1.0, 0.0)), seed) for seed in (7, 7, 8))
    assert np.array_equal(box, box_again) and not np.array_equal(box, other)
    for axis, (low, side) in enumerate(((0.0, 2.0), (-1.5, 3.0))):
        assert stats.kstest(box[:, axis], stats.uniform(low, side).cdf).pvalue > LEAST
    assert abs(stats.pearsonr(*box.T).statistic) < 0.07
    disc, ball = made(4000, UniformDisc(2.0)), made(4000, UniformDisc(2.0, (1.0, 2.0, 3.0)))
    for found, power in ((disc, 2), (ball - [1.0, 2.0, 3.0], 3)):
        share = (np.linalg.norm(found, axis=1) / 2.0) ** power
        assert stats.kstest(share, "uniform").pvalue > LEAST
        assert stats.kstest((found[:, 0] > 0) + np.linspace(0, 1e-6, 4000), "uniform").statistic < 0.54
        assert np.all(np.abs(found.mean(0)) < 0.08)


def test_populations_of_one_size_are_not_drawn_alike():
    net = Network()
    for name in "AB":
        net.create(name, 10, positions=UniformBox((1.0, 1.0)))
    sim = Simulation(net)
    assert not np.any(sim.positions("A") == sim.positions("B"))


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (Grid((3, 4)), r"E: positions: the grid \(3, 4\) has 12 places for 10 neurons"),
        (np.zeros((9, 2)), "E: positions: 9 positions for 10 neurons"),
        (np.zeros(10), r"E: positions: an array \(n, 1\), \(n, 2\) or \(n, 3\), not of shape \(10,\)"),
        (np.zeros((10, 4)), "not of shape"),
        (np.full((10, 2), np.nan), "positions must be finite"),
        ("everywhere", "positions must be a number or an array of numbers"),
    ],
)
def test_positions_that_do_not_fit_are_refused(positions, message):
    with pytest.raises(ValueError, match=message):
        Network().create("E", 10, positions=positions)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Grid((3, 0)), "Grid: shape must be a whole number of at least 1"),
        (lambda: Grid((3, 3), extent=(1.0,)), "Grid: extent: 2 sides"),
        (lambda: Grid((3, 3), extent=(1.0, 0.0)), "Grid: extent must be"),
        (lambda: UniformBox((1.0, 1.0), center=(0.0,)), "UniformBox: center: 2 coordinates"),
        (lambda: UniformDisc(0.0), "UniformDisc: radius"),
        (lambda: UniformDisc(1.0, (0.0,)), "2 coordinates for a disc, 3 for a ball"),
        (lambda: Points(PLANE, periodic=True), "Points: extent is missing"),
        (lambda: Points(PLANE, (0.5, 1.0), periodic=True), r"Points: neuron \d+ at .* is outside the box"),
        (lambda: Points(PLANE, (1.0,)), "Points: extent: 2 sides"),
        (lambda: Gaussian(1.0, 0.0), "Gaussian: sigma must be greater than 0"),
        (lambda: Exponential(1.0, 0.0), "Exponential: length must be greater than 0"),
        (lambda: Linear(1.0, 2.0, 3.0, 2.0), "Linear: minimum 3.0 must be at most maximum 2.0"),
        (lambda: Annulus(0.3, 0.2), "Annulus: inner_radius 0.3 must be below outer_radius 0.2"),
        (lambda: Box((0.0, 0.0), (0.1, -0.1)), "Box: lower"),
        (lambda: Circle(-1.0), "Circle: radius"),
    ],
)
def test_impossible_spaces_functions_and_masks_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


# --- probability ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [Gaussian(0.8, 0.1), Exponential(0.5, 0.2, 0.1), Linear(0.7, -2.0), Linear(0.1, 0.5)])
@pytest.mark.parametrize("space", [periodic, np.array])
def test_connection_probability_follows_distance(p, space):
    sim = pair_of(pairwise_bernoulli(p), space(PLANE), space(OTHER))
    d, n = distances(sim, "A", "B"), counts(sim, "A", "B")
    assert n.max() == 1
    expected = np.clip(p(d), 0.0, 1.0)
    assert not n[expected == 0].any()
    bins = np.digitize(d, np.quantile(d, np.linspace(0, 1, 25)[1:-1]))
    found, mean = (np.bincount(bins.ravel(), values.ravel()) for values in (n, expected))
    variance = np.bincount(bins.ravel(), (expected * (1 - expected)).ravel())
    kept = variance > 10
    assert kept.sum() >= 3
    assert stats.chi2.sf(np.sum((found - mean)[kept] ** 2 / variance[kept]), kept.sum()) > LEAST
    # Neither sources nor targets are favoured.
    for axis in (0, 1):
        chi2 = np.sum((n - expected).sum(axis) ** 2 / (expected * (1 - expected)).sum(axis))
        assert stats.chi2.sf(chi2, n.shape[1 - axis]) > LEAST


def test_each_seed_projection_and_pair_is_drawn_for_itself():
    net = Network()
    A = net.create("A", 300, positions=PLANE)
    for name in "BC":
        net.connect(A, net.create(name, 200, positions=OTHER), pairwise_bernoulli(Gaussian(0.5, 1.0)), 1.0, 1.0)
    one, two = Simulation(copy.deepcopy(net), 1), Simulation(net, 2)
    tables = [counts(sim, "A", name).ravel() for sim in (one, two) for name in "BC"]
    tables.append(np.roll(tables[0].reshape(300, 200), 1, 0).ravel())
    for a, b in itertools.combinations(tables, 2):
        assert abs(stats.pearsonr(a, b).statistic) < 0.1  # the probabilities of both are alike, the draws are not


MASKS = [Circle(0.2), Annulus(0.1, 0.3), Circle(3.0), Circle(0.0), Circle(0.15, (0.2, -0.1))]
MASKS += [Box((-0.1, 0.0), (0.3, 0.2)), Box((-0.1,), (0.3,)), Circle(0.3, (0.2, 0.1, 0.0))]
MASKED = [(mask, n_axes) for mask in MASKS for n_axes in (1, 2, 3) if not mask.problem(n_axes)]


@pytest.mark.parametrize(("mask", "n_axes"), MASKED)
@pytest.mark.parametrize("space", [periodic, np.array])
def test_masks_choose_the_pairs(mask, n_axes, space):
    rng = np.random.default_rng(n_axes)
    places, others = rng.uniform(-0.5, 0.5, (400, n_axes)), rng.uniform(-0.5, 0.5, (90, n_axes))
    places[:50] = others[:50]  # distance 0
    places[50:60] = 0.5  # on the border of the box, and at its opposite corner
    others[50:60] = -0.5
    sim = pair_of(pairwise_bernoulli(1.0, mask=mask), space(places), space(others))
    inside = mask.holds(displacements(sim, "A", "B").reshape(-1, n_axes)).reshape(400, 90)
    assert np.array_equal(counts(sim, "A", "B"), inside)
    if inside.any(1).all():
        out = pair_of(fixed_outdegree(500, mask=mask), space(places), space(others))
        assert np.all(counts(out, "A", "B")[~inside] == 0)


def test_what_is_within_reach_is_found_in_many_cells():
    places = periodic(np.random.default_rng(1).uniform(-0.5, 0.5, (20_000, 2)))
    others = periodic(np.random.default_rng(2).uniform(-0.5, 0.5, (50, 2)))
    sim = pair_of(pairwise_bernoulli(1.0, mask=Circle(0.07)), places, others)
    assert np.array_equal(counts(sim, "A", "B"), distances(sim, "A", "B") <= 0.07)


def test_periodic_boundaries_make_all_neurons_of_a_grid_alike():
    net, E = net_of(400, positions=Grid((20, 20), periodic=True))
    net.connect(E, E, pairwise_bernoulli(1.0, mask=Circle(0.21)), 1.0, 1.0)
    open_net, E = net_of(400, positions=Grid((20, 20)))
    open_net.connect(E, E, pairwise_bernoulli(1.0, mask=Circle(0.21)), 1.0, 1.0)
    closed, opened = (counts(Simulation(n), "E", "E").sum(0) for n in (net, open_net))
    assert len(set(closed.tolist())) == 1
    assert opened.max() == closed[0] and opened.min() == opened[0] < closed[0]


def test_autapses_are_left_out_where_they_are_not_allowed():
    for rule in (pairwise_bernoulli, fixed_indegree, fixed_outdegree, all_to_all):
        for allowed in (True, False):
            net, E = net_of(100)
            many = {fixed_indegree: 60, fixed_outdegree: 60, pairwise_bernoulli: 1.0}
            net.connect(E, E[20:80], rule(*([many[rule]] if rule in many else []), allowed), 1.0, Linear(1.0, 0.1))
            found = counts(Simulation(net), "E", "E")
            assert bool(np.trace(found)) == allowed
            if rule in (pairwise_bernoulli, all_to_all):
                assert found.sum() == 60 * 100 - (0 if allowed else 60)


# --- fixed degrees ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [fixed_indegree, fixed_outdegree])
@pytest.mark.parametrize("space", [periodic, np.array])
def test_fixed_degrees_are_exact_and_follow_distance(rule, space):
    p, degree = Gaussian(0.5, 0.15), 40
    sim = pair_of(rule(degree, probability=p), space(PLANE), space(OTHER))
    d, n = distances(sim, "A", "B"), counts(sim, "A", "B")
    axis = 0 if rule is fixed_indegree else 1
    assert set(n.sum(axis).tolist()) == {degree} and n.max() > 1
    share = p(d) / p(d).sum(axis, keepdims=True)
    bins = np.digitize(d, np.quantile(d, np.linspace(0, 1, 40)[1:-1]))
    found, mean = (np.bincount(bins.ravel(), values.ravel()) for values in (n, degree * share))
    kept = mean > 10
    assert stats.chi2.sf(np.sum((found - mean)[kept] ** 2 / mean[kept]), kept.sum() - 1) > LEAST


@pytest.mark.parametrize("rule", [fixed_indegree, fixed_outdegree])
def test_without_multapses_those_left_are_chosen_in_proportion_to_their_probability(rule):
    chooser, few, p = np.zeros((4000, 2)), np.array([[0.0, 0.0], [0.1, 0.0], [0.2, 0.0], [0.3, 0.0]]), Linear(1.0, -3.0)
    by_target = rule is fixed_indegree
    ends = (few, chooser) if by_target else (chooser, few)
    found = counts(pair_of(rule(2, allow_multapses=False, probability=p), *ends), "A", "B")
    found = found.T if by_target else found
    assert found.max() == 1 and set(found.sum(1).tolist()) == {2}
    weight = p(few[:, 0])
    chance = {pair: 0.0 for pair in itertools.combinations(range(4), 2)}
    for a, b in itertools.permutations(range(4), 2):
        chance[min(a, b), max(a, b)] += weight[a] / weight.sum() * weight[b] / (weight.sum() - weight[a])
    seen = [int(np.sum(found[:, a] * found[:, b])) for a, b in chance]
    assert stats.chisquare(seen, 4000 * np.array(list(chance.values()))).pvalue > LEAST


def test_a_degree_may_take_all_that_there_are():
    sim = pair_of(fixed_indegree(300, allow_multapses=False, probability=Gaussian(1.0, 0.3)), PLANE, OTHER)
    assert np.all(counts(sim, "A", "B") == 1)


def test_too_few_within_reach_are_refused_with_the_neuron():
    far = np.concatenate([OTHER, [[9.0, 9.0]]])
    for rule in (fixed_indegree(1, mask=Circle(0.5)), fixed_indegree(1, probability=Gaussian(1.0, 0.1))):
        with pytest.raises(
            ValueError, match=r"A -> B: FixedIndegree.*but within reach of B\[200\] there are 0 sources"
        ):
            pair_of(rule, PLANE, far)
    with pytest.raises(ValueError, match=r"within reach of A\[0\] there are 0 targets"):
        pair_of(fixed_outdegree(1, mask=Circle(0.5)), far[200:], OTHER)
    with pytest.raises(ValueError, match=r"but within reach of B\[\d+\] there are \d+ sources"):
        pair_of(fixed_indegree(50, allow_multapses=False, mask=Circle(0.1)), PLANE, OTHER)


# --- weights and delays -----------------------------------------------------------------------------------------------

RULES = [
    pairwise_bernoulli(0.2),
    pairwise_bernoulli(Gaussian(0.9, 0.2), mask=Annulus(0.05, 0.4)),
    fixed_indegree(8),
    fixed_outdegree(8, mask=Circle(0.4)),
    all_to_all(),
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("space", [periodic, np.array])
def test_weights_and_delays_are_the_functions_of_distance(rule, space):
    weight, delay = Gaussian(20.0, 0.3, -5.0), Linear(0.52, 3.0)
    sim = pair_of(rule, space(PLANE), space(OTHER), weight=weight, delay=delay)
    found = sim.connections("A", "B")
    d = distances(sim, "A", "B")[found.sources, found.targets]
    assert len(found) > 100
    assert np.abs(found.weights - weight(d)).max() < 1e-14 * 20.0
    assert np.array_equal(found.delays, np.floor(delay(d) / 0.1 * (1 + 1e-12) + 0.5) / 10)


def test_positive_and_negative_weights_reach_their_receptors():
    net = Network()
    A = net.create("A", 1, I_e=600.0, positions=np.zeros((1, 2)))
    places = np.array([[0.1, 0.0], [0.9, 0.0]])
    B = net.create("B", 2, positions=places, tau_syn_ex=0.5, tau_syn_in=2.0)
    other = net.create("C", 2, positions=places, tau_syn_ex=0.5, tau_syn_in=2.0)
    weight = Linear(500.0, -1000.0)
    net.connect(A, B, all_to_all(), weight, 1.0)
    net.connect(A, other, explicit([0, 0], [0, 1]), weight(places[:, 0]), 1.0)
    net.record_voltages(B)
    net.record_voltages(other)
    sim = Simulation(net)
    sim.run(50.0)
    assert sim.n_spikes and np.array_equal(sim.voltages("B")[1], sim.voltages("C")[1])
    assert np.ptp(sim.voltages("B")[1][:, 1]) > 0.1


def test_drawn_weights_and_delays_belong_to_the_synapse():
    for rule in (fixed_indegree(50, mask=Circle(0.3)), fixed_outdegree(50, mask=Circle(0.3))):
        drawn = {"weight": Normal(20.0, 4.0), "delay": Normal(2.0, 0.4, minimum=0.3)}
        found = pair_of(rule, PLANE, OTHER, **drawn).connections("A", "B")
        assert stats.kstest(found.weights, stats.norm(20.0, 4.0).cdf).pvalue > LEAST
        assert abs(found.delays.mean() - 2.0) < 0.02 and abs(found.delays.std() - 0.4) < 0.02
        assert abs(stats.pearsonr(found.weights, found.delays).statistic) < 0.04
        apart = np.flatnonzero(np.diff(found.sources) | np.diff(found.targets))
        assert abs(stats.pearsonr(found.weights[apart], found.weights[apart + 1]).statistic) < 0.05


def test_a_delay_and_a_weight_of_distance_go_with_drawn_ones():
    sim = pair_of(fixed_indegree(20), PLANE, OTHER, weight=Normal(20.0, 4.0), delay=Linear(1.0, 2.0))
    found = sim.connections("A", "B")
    d = distances(sim, "A", "B")[found.sources, found.targets]
    assert np.all(np.abs(found.delays - 1.0 - 2.0 * d) < 0.0501) and 3.5 < found.weights.std() < 4.5


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "values", "message"),
    [
        (
            pairwise_bernoulli(Gaussian(1.2, 0.1)),
            {},
            "E -> E: probability must be at most 1; .*0 to 1.2 between",
        ),
        (fixed_indegree(2, probability=Linear(-1.0, 0.0)), {}, "probability must be greater than 0 somewhere"),
        (
            fixed_indegree(2),
            {"delay": Linear(0.0, 1.0)},
            r"delay must be at least dt = 0.1 ms; .*minimum=0.1",
        ),
        (fixed_indegree(2), {"delay": Linear(1.0, 1e6)}, "delay must be at most 32767 steps"),
        (fixed_indegree(2), {"weight": Linear(1.0, 1e150)}, "weight must be from -1e\\+150"),
        (fixed_total_number(5), {"weight": Linear(1.0, 1.0)}, "weight depends on distance, which goes with"),
        (explicit([0], [0]), {"delay": Linear(1.0, 1.0)}, "delay depends on distance, which goes with"),
        (
            pairwise_bernoulli(0.1, mask=Circle(0.1, (0.0, 0.0, 0.0))),
            {},
            "mask: .* 3 coordinates, positions have 2",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(rule, values, message):
    net, E = net_of()
    with pytest.raises(ValueError, match=message):
        net.connect(E, E, rule, **{"weight": 1.0, "delay": 1.0, **values})
    assert not net.projections


def test_ends_must_lie_in_one_space():
    net, E = net_of()
    others = {
        "N": (None, "N has no positions, which"),
        "B": (Grid((10, 10), periodic=True), "spaces of different periods: not periodic and"),
        "C": (Grid((10, 10, 1)), "positions in 2 and in 3 dimensions"),
    }
    for name, (positions, message) in others.items():
        with pytest.raises(ValueError, match=message):
            net.connect(
                E, net.create(name, 100, positions=positions), pairwise_bernoulli(0.1, mask=Circle(0.1)), 1.0, 1.0
            )
    with pytest.raises(ValueError, match="N has no positions"):
        Simulation(net).positions("N")


def test_functions_and_masks_are_told_from_other_things():
    with pytest.raises(TypeError, match=r"mask must be a Circle, Annulus or Box, not 0\.3"):
        pairwise_bernoulli(0.1, mask=0.3)
    with pytest.raises(TypeError, match=r"probability must be a Gaussian, Exponential or Linear, not 0\.5"):
        fixed_indegree(3, probability=0.5)


# --- the rest of the house --------------------------------------------------------------------------------------------


def test_without_functions_of_distance_positions_change_nothing():
    def spikes(positions: object) -> str:
        net, E = net_of(positions=positions, I_e=450.0, V_m=Normal(-60.0, 4.0))
        net.connect(E, E, fixed_indegree(9), Normal(30.0, 5.0), 1.5)
        net.record_spikes()
        sim = Simulation(net)
        sim.run(100.0)
        assert sim.n_spikes
        return sim.spikes_sha256()

    assert spikes(None) == spikes(UniformBox((1.0, 1.0)))


def test_checkpoints_compare_positions_functions_and_masks(tmp_path):
    def network(positions: object = None, p: object = None, mask: object = None, weight: object = None) -> Network:
        net, E = net_of(positions=Grid((10, 10)) if positions is None else positions)
        rule = pairwise_bernoulli(p or Gaussian(0.5, 0.2), mask=mask)
        net.connect(E, E, rule, weight or Gaussian(1.0, 0.2), Linear(1.0, 1.0))
        return net

    Simulation(network()).checkpoint(tmp_path / "a.h5")
    Simulation(network(), checkpoint=tmp_path / "a.h5")
    moved = made(100, Grid((10, 10)))
    moved[3, 1] += 1e-9
    for other in (
        {"positions": Grid((10, 10), extent=(1.0, 1.1))}, {"positions": moved}, {"p": Gaussian(0.5, 0.21)},
        {"mask": Circle(3.0)}, {"weight": Gaussian(1.0, 0.3)},
    ):  # fmt: skip
        with pytest.raises(
            ValueError, match=r"of another network or seed: (population E|projection 0, E -> E) differs"
        ):
            Simulation(network(**other), checkpoint=tmp_path / "a.h5")


def test_a_resumed_run_continues_as_the_whole_one(tmp_path):
    whole, first = Simulation(everything(), 5), Simulation(everything(), 5)
    whole.run(60.0)
    first.run(25.0)
    first.checkpoint(tmp_path / "c.h5")
    later = Simulation(everything(), 5, checkpoint=tmp_path / "c.h5")
    later.run(35.0)
    assert whole.n_spikes and np.array_equal(whole.spike_counts(), later.spike_counts())


def test_networks_in_space_are_copied_and_pickled():
    net = everything()
    expected = Simulation(net, 2)
    expected.run(20.0)
    for other in (copy.deepcopy(everything()), pickle.loads(pickle.dumps(everything()))):
        sim = Simulation(other, 2)
        sim.run(20.0)
        assert sim.spikes_sha256() == expected.spikes_sha256()


def test_the_summary_names_positions_and_expects_the_right_numbers(capsys):
    net = everything()
    net.summary()
    text = capsys.readouterr().out
    assert "Grid(shape=(12, 12)" in text and "UniformDisc(radius=0.5" in text and "Points(60 positions" in text
    sim = Simulation(net, 3)
    expected = sum(p.rule.expected(len(p.source), len(p.target)) for p in net.projections)
    assert math.isclose(expected, sim.n_synapses, rel_tol=0.03)


def test_positions_are_in_the_result_and_in_the_folder(tmp_path):
    net, moved = everything(), everything()
    sim = Simulation(net, 5)
    sim.run(20.0)
    folder = sim.save(tmp_path / "run")
    loaded = distsim.load(folder)
    for found in (sim.result(), loaded):
        for name in "EIGDS":
            assert np.array_equal(found.positions(name), sim.positions(name))
        assert np.array_equal(found.positions("G[[5, 2]]"), sim.positions("G")[[5, 2]])
        assert found.summary["populations"]["E"]["positions"].startswith("Grid(shape=(12, 12), extent=(1.0, 1.0)")
        assert "Gaussian(peak=0.6, sigma=0.12" in found.summary["config"]["projections"][0]["rule"]
    with pytest.raises(ValueError, match=r"holds an earlier run .*nodes\.h5"):
        Simulation(moved, 6).save(folder)
    plain, _ = net_of(positions=None)
    plain.record_spikes()
    plain.create("other", 3, positions=np.zeros((3, 1)))
    result = distsim.load(Simulation(plain).save(folder, overwrite=True))
    with pytest.raises(ValueError, match=r"E has no positions \(populations with positions: other\)"):
        result.positions("E")
    assert result.positions("other").tolist() == [[0.0]] * 3
    without, _ = net_of(positions=None)
    without.record_spikes()
    distsim.load(Simulation(without).save(folder, overwrite=True))
    assert not (folder / "nodes.h5").exists()


def test_a_file_of_positions_that_does_not_fit_is_refused(tmp_path):
    net, _ = net_of(50)
    net.record_spikes()
    folder = Simulation(net).save(tmp_path / "run")
    with h5py.File(folder / "nodes.h5", "r+") as file:
        del file["nodes/E/0/y"]
        file["nodes/E/0/y"] = np.zeros(49)
    with pytest.raises(ValueError, match=r"nodes\.h5: .*/nodes/E/0 does not hold x, y and z of all nodes"):
        distsim.load(folder)
    with h5py.File(folder / "nodes.h5", "r+") as file:
        del file["nodes/E/0/x"]
        file["nodes/E/0/x"] = np.zeros(49)
    with pytest.raises(ValueError, match=r"nodes\.h5 has 49 neurons of E, summary\.json 50"):
        distsim.load(folder)


def test_no_recorder_can_take_the_name_of_the_file_of_positions():
    net, E = net_of()
    with pytest.raises(ValueError, match="'nodes': other files of a run have this name"):
        net.record("V_m", E, name="nodes")


def test_libsonata_reads_positions(tmp_path):
    libsonata = pytest.importorskip("libsonata")
    net = everything()
    net.record_spikes()
    sim = Simulation(net, 5)
    folder = sim.save(tmp_path / "run")
    nodes = libsonata.NodeStorage(str(folder / "nodes.h5"))
    assert nodes.population_names == set("EIGDS")
    for name in "EIGDS":
        found = nodes.open_population(name)
        assert found.size == len(sim.network[name])
        for axis, letter in enumerate("xy"):
            assert np.array_equal(found.get_attribute(letter, found.select_all()), sim.positions(name)[:, axis])


def test_a_network_in_space_can_have_no_neurons_or_synapses():
    for n_a, n_b in ((0, 5), (5, 0), (5, 5)):
        p = pairwise_bernoulli(Linear(0.0, 0.0) if n_a and n_b else Gaussian(0.5, 0.1))
        sim = pair_of(p, np.zeros((n_a, 2)), np.ones((n_b, 2)), weight=Linear(1.0, 1.0), delay=Linear(1.0, 1.0))
        sim.run(1.0)
        assert sim.n_synapses == 0
