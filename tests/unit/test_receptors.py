"""Models whose receptors are chosen by connections, and lists of parameters."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from distsim import Network, Normal, Simulation, Uniform, all_to_all, explicit, fixed_indegree, one_to_one
from distsim.neurons import FAMILIES, MODELS, NeuronModel, Parameter, Recordable
from distsim.parallel import SerialCommunicator
from distsim.simulation.facts import describe

KINDS = ("iaf_psc_exp", "iaf_psc_alpha")
TRAINS = [[1.0, 3.0, 3.5], [2.0, 4.0], [1.5, 7.0]]


def simulated(net: Network, t_sim: float = 100.0, seed: int = 1) -> Simulation:
    sim = Simulation(net, seed, SerialCommunicator())
    sim.run(t_sim)
    return sim


def balanced(model: str, receptors: tuple, weights=(30.0, -120.0), **parameters) -> Network:
    """Neurons that excite and inhibit each other and themselves; `receptors` of both."""
    net = Network(0.1)
    E = net.create("E", 80, model, V_m=np.linspace(-68.0, -56.0, 80), I_e=350.0, **parameters)
    S = net.create("S", 20, model, I_e=400.0, **parameters)
    for source, weight, receptor in ((E, weights[0], receptors[0]), (S, weights[1], receptors[1])):
        net.connect(source, E, fixed_indegree(10), weight, 1.5, receptor=receptor)
        net.connect(source, S, fixed_indegree(5), weight, 0.7, receptor=receptor)
    net.poisson_input(E, 6000.0, weights[0], 1.0, receptor=receptors[0])
    net.poisson_input(E[:30], 500.0, weights[1], 1.0, receptor=receptors[1])
    net.record_spikes()
    net.record_voltages(E[:9])
    return net


@pytest.mark.parametrize("kind", KINDS)
def test_two_receptors_are_excitation_and_inhibition(kind):
    taus = {"tau_syn_ex": 1.0, "tau_syn_in": 7.0}
    signs = simulated(balanced(kind, (None, None), **taus))
    chosen = simulated(balanced(f"{kind}_multisynapse", (1, 2), tau_syn=list(taus.values())))
    for name in "ES":
        one, other = signs.spikes(name), chosen.spikes(name)
        assert one[0].size > 20
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_allclose(chosen.voltages("E[:9]")[1], signs.voltages("E[:9]")[1], atol=1e-10)


@pytest.mark.parametrize("weights", [(30.0, -120.0), (1 / 3, -1.234), (Normal(30.0, 3.0), -120.0)])
def test_receptors_that_are_alike_are_one(weights):
    """The same input at any receptor of several that share a time constant, in every form of the table."""
    expected = None
    for receptors in ((1, 1), (1, 2), (5, 3)):
        net = balanced("iaf_psc_exp_multisynapse", receptors, (30.0, -120.0), tau_syn=[3.0] * 5)
        T = net.create("T", 40, "iaf_psc_exp_multisynapse", tau_syn=[3.0] * 5)
        for receptor, weight in zip(receptors, weights, strict=True):
            net.connect("E", T, fixed_indegree(7), weight, Uniform(1.0, 4.0), receptor=receptor)
        net.record("I_syn", T)
        found = simulated(net, 50.0).samples("I_syn", "T")[1]
        expected = found if expected is None else expected
        assert np.abs(found).max() > 1.0
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_matrices_of_bits_know_their_receptor():
    """Dense projections, whose synapses are kept as bits, to three receptors and by Poisson input to a fourth."""
    net = Network(0.1)
    E = net.create("E", 1100, "iaf_psc_exp", I_e=Uniform(300.0, 600.0))
    T = net.create("T", 1200, "iaf_psc_exp_multisynapse", tau_syn=[1e6] * 4)
    projections = [net.connect(E, T, all_to_all(), 1.0, 1.0, receptor=k) for k in (3, 1, 2)]
    net.poisson_input(T, 1000.0, 0.5, 1.0, receptor=4)
    net.record_spikes(E)
    sim = simulated(net, 40.0)
    assert {number for group in sim.engine.plan.groups for number in group.numbers} == {0, 1, 2}
    n = int(np.count_nonzero(sim.spikes("E")[0] <= 39.0 + 1e-9))
    for k in (1, 2, 3):
        np.testing.assert_allclose(sim.get("T", f"I_syn_{k}"), n, rtol=1e-4)
    assert sim.get("T", "I_syn_4").mean() == pytest.approx(0.5 * 39.0, rel=0.02)
    with pytest.raises(ValueError, match="another projection connects some of the same neurons"):
        sim.set(projections[0], weight=2.0)


def test_each_receptor_has_its_own_current():
    net = Network(0.1)
    T = net.create("T", 2, "iaf_psc_exp_multisynapse", tau_syn=[1.0, 10.0, 100.0])
    S = net.spike_source("S", TRAINS)
    for k in range(3):
        net.connect(S[k], T, all_to_all(), (-10.0) ** k, 0.5, receptor=k + 1)
        net.record(f"I_syn_{k + 1}", T)
    net.record("I_syn", T)
    sim = simulated(net, 20.0)
    times, total = sim.samples("I_syn", "T")
    expected = np.zeros((3, times.size))
    for k, (tau, train) in enumerate(zip((1.0, 10.0, 100.0), TRAINS, strict=True)):
        for spike in np.array(train) + 0.5:
            since = times - spike
            expected[k] += np.where(since > -1e-9, (-10.0) ** k * np.exp(-since / tau), 0.0)
        np.testing.assert_allclose(sim.samples(f"I_syn_{k + 1}", "T")[1], np.tile(expected[k][:, None], 2), atol=1e-10)
    np.testing.assert_allclose(total[:, 0], expected.sum(0), atol=1e-10)


def test_changed_weights_stay_at_their_receptor():
    net = Network(0.1)
    T = net.create("T", 3, "iaf_psc_exp_multisynapse", tau_syn=[1e9, 1e9, 1e9])
    S = net.spike_source("S", [[1.0, 11.0]] * 3)
    p = net.connect(S, T, one_to_one(), 2.0, 0.5, receptor=2)
    sim = simulated(net, 10.0)
    sim.set(p, weight=[-5.0, 7.0, 0.25])
    assert sim.connections("S", "T").weights.tolist() == [-5.0, 7.0, 0.25]
    sim.run(10.0)
    assert sim.get("T", "I_syn_2") == pytest.approx([-3.0, 9.0, 2.25])
    assert sim.get("T", "I_syn_1").tolist() == sim.get("T", "I_syn_3").tolist() == [0.0] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_many_receptors(kind):
    net = Network(0.1)
    T = net.create("T", 1500, f"{kind}_multisynapse", tau_syn=np.linspace(1.0, 20.0, 34))
    S = net.spike_source("S", [[1.0]])
    for k in (1, 2, 33, 34):
        net.connect(S, T, all_to_all(), float(k), 1.0, receptor=k)
        net.record(f"I_syn_{k}", T[::100])
    sim = simulated(net, 30.0)
    times = None
    for k in (1, 2, 33, 34):
        times, I = sim.samples(f"I_syn_{k}", "T[::100]")
        tau, since = np.linspace(1.0, 20.0, 34)[k - 1], np.maximum(times - 2.0, 0.0)
        shape = (
            np.exp(-since / tau) * (times > 1.95)
            if kind == "iaf_psc_exp"
            else np.e * since / tau * np.exp(-since / tau)
        )
        np.testing.assert_allclose(I, np.tile(k * shape[:, None], 15), atol=1e-11)
    assert np.all(sim.get("T", "I_syn_5") == 0.0)
    with pytest.raises(ValueError, match="tau_syn must have 1 to 64 elements, not 65"):
        Network().create("T", 1, f"{kind}_multisynapse", tau_syn=[2.0] * 65)


# --- choosing a receptor ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "receptor", "message"),
    [
        ("iaf_psc_exp_multisynapse", None, "has receptors 1 to 2: choose one, receptor=1 for instance"),
        (
            "iaf_psc_exp_multisynapse",
            0,
            "receptor of iaf_psc_exp_multisynapse must be a whole number from 1 to 2, not 0",
        ),
        ("iaf_psc_exp_multisynapse", 3, "from 1 to 2, not 3"),
        ("iaf_psc_exp_multisynapse", 1.5, "from 1 to 2, not 1.5"),
        ("iaf_psc_exp_multisynapse", True, "from 1 to 2, not True"),
        ("iaf_psc_exp_multisynapse", "ampa", "from 1 to 2, not 'ampa'"),
        ("iaf_psc_exp", 1, "iaf_psc_exp: the sign of the weight chooses the receptor, not receptor=1"),
        ("gif_psc_exp", 2, "gif_psc_exp: the sign of the weight chooses the receptor"),
        ("parrot_neuron", 2, "from 0 to 1, not 2"),
    ],
)
def test_there_is_no_such_receptor(model, receptor, message):
    net = Network()
    given = {"tau_syn": (1.0, 2.0)} if "multisynapse" in model else {}
    E = net.create("E", 3, model, **given)
    for add in (
        lambda: net.connect(E, E, all_to_all(), 1.0, 1.0, receptor=receptor),
        lambda: net.poisson_input(E, 1.0, 1.0, 1.0, receptor=receptor),
    ):
        with pytest.raises(ValueError, match=message):
            add()
    assert not net.projections and not net.poisson_inputs


def test_one_receptor_needs_no_choice_and_names_of_inputs_choose_too():
    net = Network(1.0)
    one = net.create("one", 1, "iaf_psc_exp_multisynapse", tau_syn=[1e9])
    three = net.create("three", 1, three_inputs)
    S = net.spike_source("S", [[1.0]])
    net.connect(S, one, explicit([0], [0]), 3.0, 1.0)
    net.connect(S, three, explicit([0], [0]), 5.0, 1.0, receptor="gaba")
    net.connect(S, three, explicit([0], [0]), 7.0, 1.0, receptor=2)
    for what in three_inputs.recordables:
        net.record(what, three)
    sim = simulated(net, 3.0)
    assert sim.get("one", "I_syn_1") == pytest.approx(3.0)
    assert [sim.get("three", what).item() for what in three_inputs.recordables] == [0.0, 7.0, 5.0]


def collect(a, n, g, wait, ampa, nmda, gaba, current):
    return a + ampa, n + nmda, g + gaba, wait, False


three_inputs = NeuronModel(
    "three_inputs",
    {name: Parameter(0.0, "mV", "initial value") for name in "ang"},
    ("a", "n", "g"),
    lambda parameters, dt: {},
    collect,
    inputs=("ampa", "nmda", "gaba"),
    recordables={name: Recordable(name) for name in "ang"},
)


def test_models_with_inputs_that_cannot_be_are_refused():
    with pytest.raises(TypeError, match="inputs must be from 1 to 64 names, not 65"):
        NeuronModel("m", {}, (), lambda p, dt: {}, lambda: None, inputs=tuple(f"i{k}" for k in range(65)))
    with pytest.raises(TypeError, match="arguments of step must begin with wait, a, b, current, u"):
        NeuronModel("m", {}, (), lambda p, dt: {}, lambda wait, ex: None, inputs=("a", "b"), uniforms=("u",))


def test_receptors_are_told_as_they_were_chosen(capsys):
    net = Network()
    E = net.create("E", 3, "iaf_psc_exp_multisynapse", tau_syn=(1.0, 2.0))
    P = net.create("P", 3, "parrot_neuron")
    net.connect(E, E, all_to_all(), 1.0, 1.0, receptor=2)
    net.connect(E, P, all_to_all(), 1.0, 1.0, receptor=1)
    net.poisson_input(E, 1.0, 1.0, 1.0, receptor=1)
    net.poisson_input(P, 1.0, 1.0, 1.0)
    net.summary()
    lines = capsys.readouterr().out.splitlines()
    found = [line.split("receptor ")[1].strip() for line in lines if "receptor " in line]
    assert found == ["2", "1", "1", "0"]
    sim = Simulation(net, 1, SerialCommunicator())
    facts = describe(net, sim.engine.settings)
    assert [p["receptor"] for p in facts["projections"]] == [2, 1]
    assert [p["receptor"] for p in facts["poisson_inputs"]] == [1, 0]


# --- lists ------------------------------------------------------------------------------------------------------------


def test_lists_of_numbers_arrays_and_distributions():
    net, n = Network(0.1), 50
    by_neuron = np.linspace(1.0, 2.0, n)
    A = net.create("A", n, "iaf_psc_exp_multisynapse", tau_syn=[2.0, by_neuron, Uniform(3.0, 4.0)])
    B = net.create("B", n, "iaf_psc_exp_multisynapse", tau_syn=np.column_stack([by_neuron, 5.0 * by_neuron]))
    G = net.create(
        "G", n, "gif_psc_exp", tau_sfa=(10.0, by_neuron), q_sfa=[1.0, Normal(5.0, 1.0)], tau_stc=[], q_stc=[]
    )
    sim = simulated(net, 5.0)
    taus = sim.get(A, "tau_syn")
    assert taus.shape == (n, 3) and np.all(taus[:, 0] == 2.0) and np.all(taus[:, 1] == by_neuron)
    assert 3.0 <= taus[:, 2].min() < 3.2 < 3.8 < taus[:, 2].max() <= 4.0
    assert np.all(sim.get(B, "tau_syn") == np.column_stack([by_neuron, 5.0 * by_neuron]))
    assert sim.get(G, "q_sfa")[:, 1].std() == pytest.approx(1.0, rel=0.4) and sim.get(G, "tau_stc").shape == (n, 0)
    sim.set(A[1:3], tau_syn=[7.0, [8.0, 9.0], 10.0])
    assert sim.get(A[:4], "tau_syn")[1:3].tolist() == [[7.0, 8.0, 10.0], [7.0, 9.0, 10.0]]
    assert sim.get(A[:4], "tau_syn")[3].tolist() == taus[3].tolist()
    with pytest.raises(ValueError, match=r"A.tau_syn must have 3 elements, as it had from the start, not 2"):
        sim.set(A, tau_syn=[1.0, 2.0])


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        ("iaf_psc_exp_multisynapse", {"tau_syn": 2.0}, "tau_syn must be a list, of numbers, .*, not 2.0"),
        ("iaf_psc_exp_multisynapse", {"tau_syn": []}, "tau_syn must have 1 to 64 elements, not 0"),
        ("iaf_psc_exp_multisynapse", {"tau_syn": [2.0, 0.0]}, r"E.tau_syn_2 must be greater than 0 ms, not 0.0"),
        ("iaf_psc_exp_multisynapse", {"tau_syn": [1.0, [1.0, 2.0]]}, r"E.tau_syn_2: a number or an array of 3 numbers"),
        ("iaf_psc_exp_multisynapse", {"tau_syn_ex": 2.0}, "has no parameter 'tau_syn_ex'"),
        ("gif_psc_exp", {"tau_sfa": [1.0, 2.0], "q_sfa": [1.0]}, "tau_sfa has 2, q_sfa has 1"),
        ("gif_psc_exp", {"q_stc": [1.0]}, "tau_stc has 0, q_stc has 1"),
        ("gif_psc_exp", {"tau_sfa": [-1.0], "q_sfa": [1.0]}, r"E.tau_sfa_1 must be greater than 0 ms"),
        ("gif_psc_exp", {"Delta_V": 0.0}, "Delta_V must be greater than 0 mV"),
    ],
)
def test_lists_that_cannot_be_are_refused(model, given, message):
    with pytest.raises(ValueError, match=message):
        Network().create("E", 3, model, **given)


def test_a_length_is_one_model():
    for name, lengths in (("iaf_psc_exp_multisynapse", (4,)), ("gif_psc_exp", (2, 3))):
        family = FAMILIES[name]
        member = family.member(*lengths)
        assert member is family.member(*lengths) and member is not MODELS[name] and member.name == name
        assert pickle.loads(pickle.dumps(member)) is member is copy.deepcopy(member)
        assert family.member() is MODELS[name] is pickle.loads(pickle.dumps(MODELS[name]))
        assert "E_L" in str(member)
