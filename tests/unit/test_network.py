"""Descriptions: what they hold, and that every mistake is refused where it is made, by name."""

from __future__ import annotations

import math

import numpy as np
import pytest

from distsim import Lognormal, Network, Normal, all_to_all, explicit, fixed_total_number
from distsim.description.elements import nearest


def network() -> Network:
    """Return a network with two populations, sources that spike, and random sources."""
    net = Network(0.1)
    net.create("E", 8, V_th=-50.0)
    net.create("I", 3)
    net.spike_source("S", [[1.0], [2.0, 0.5]])
    net.poisson_source("P", 2, 10.0)
    return net


# --- what a description holds -----------------------------------------------------------------------------------------


def test_gids_follow_the_order_of_creation():
    net = network()
    assert [(p.name, p.first, len(p)) for p in net.populations] == [
        ("E", 0, 8),
        ("I", 8, 3),
        ("S", 11, 2),
        ("P", 13, 2),
    ]
    assert (net.n, net.n_neurons) == (15, 11)
    assert net["I"] is net.populations[1]


def test_slices_select_neurons():
    E, I = network().populations[:2]
    assert I[1:].gids.tolist() == [9, 10]
    assert E[1:8:3].gids.tolist() == [1, 4, 7]
    assert E[2:][1:3].gids.tolist() == [3, 4]
    assert E[-1].gids.tolist() == [7]
    assert E[5:2].gids.tolist() == [] and len(E[5:2]) == 0
    with pytest.raises(ValueError, match="runs upwards"):
        E[::-1]
    with pytest.raises(IndexError):
        E[8]


def test_V_m_starts_at_E_L_unless_given():
    net = Network()
    assert net.create("a", 2, E_L=-65.0).parameters["V_m"] == -65.0
    assert net.create("b", 2, E_L=-65.0, V_m=-60.0).parameters["V_m"] == -60.0


def test_descriptions_do_not_share_what_the_caller_changes():
    net, I_e = Network(), np.zeros(3)
    population = net.create("a", 3, I_e=I_e)
    I_e[:] = 7.0
    assert population.parameters["I_e"].tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(TypeError):
        population.parameters["I_e"] = 1.0


def test_times_become_steps():
    net = network()
    assert [train.tolist() for train in net["S"].spike_steps] == [[10], [5, 20]]
    net.poisson_input(net["E"], 5.0, 1.0, 1.5, 10.0, 20.0)
    stimulus = net.poisson_inputs[-1]
    assert (stimulus.delay, stimulus.start, stimulus.stop) == (15, 100, 200)
    net.dc_current(net["E"], 3.0, 5.0, 7.0)
    current = net.step_currents[-1]
    assert (current.times.tolist(), current.amplitudes.tolist(), current.delay) == ([50, 70], [3.0, 0.0], 1)


def test_populations_and_slices_can_be_named():
    net = network()
    net.connect("S", "E[2:4]", explicit([0, 1], [1, 0]), 1.0, 1.0)
    net.poisson_input("E[-3:]", 5.0, 1.0, 1.5)
    net.step_current("E[5]", [1.0], [2.0])
    net.dc_current("E[-1]", 2.0)
    net.record_spikes("I", "E[:-6]", net["S"])
    net.record_voltages("E[1:-1:3]")
    (projection,) = net.projections
    assert (projection.source.gids.tolist(), projection.target.gids.tolist()) == ([11, 12], [2, 3])
    assert net.poisson_inputs[-1].target.gids.tolist() == [5, 6, 7]
    assert [current.target.gids.tolist() for current in net.step_currents] == [[5], [7]]
    assert [recorder.gids.tolist() for recorder in net.spike_recorders] == [[8, 9, 10], [0, 1], [11, 12]]
    assert net.voltage_recorders[-1].target.gids.tolist() == [1, 4]
    assert net.select("E[-100:2]").gids.tolist() == [0, 1] and len(net.select("E[5:-5]")) == 0


def test_without_targets_the_spikes_of_all_are_recorded():
    net = Network()
    net.record_spikes()
    net.create("E", 3)
    net.spike_source("S", [[1.0]])
    net.record_spikes("E[:2]")
    net.record_spikes()
    net.poisson_source("P", 2, 10.0)
    gids = [selection.gids for selection in net.spike_recorders]
    assert np.unique(np.concatenate(gids)).tolist() == list(range(net.n))
    net.is_simulated = True
    with pytest.raises(ValueError, match="cannot be added to"):
        net.record_spikes()


def test_a_current_may_begin_at_0_and_need_not_end():
    net = network()
    net.dc_current("E", 3.0)
    net.dc_current("E", 3.0, stop=2.0)
    net.dc_current("E", 3.0, 4.0, math.inf)
    net.dc_current("E", 3.0, 7.0, 7.0)  # never on
    said = [(current.times.tolist(), current.amplitudes.tolist()) for current in net.step_currents]
    assert said == [([0], [3.0]), ([0, 20], [3.0, 0.0]), ([40], [3.0])]


@pytest.mark.parametrize("delay", [3276.7, Normal(1.0, 0.5, minimum=0.05, maximum=3276.7)])
def test_the_longest_delay_is_allowed(delay):
    assert network().connect("E", "I", all_to_all(), 1e150, delay).delay == delay


# --- mistakes ---------------------------------------------------------------------------------------------------------


def test_the_nearest_name_is_offered():
    assert nearest("tau_mm", ["tau_m", "C_m", "E_L"]) == "did you mean 'tau_m'?"
    assert nearest("zzz", ["b", "a"]) == "known are a, b"


two = explicit([0, 1], [1, 0])

MISTAKES = {
    "no population": (lambda net: net["e"], KeyError, "no population 'e'"),
    "name twice": (lambda net: net.create("E", 1), ValueError, "there is a population 'E' already"),
    "empty name": (lambda net: net.create("", 1), ValueError, "population name ''"),
    "slash in name": (lambda net: net.create("a/b", 1), ValueError, "population name 'a/b'"),
    "negative n": (lambda net: net.create("x", -1), ValueError, "x: n must be .* at least 0, not -1"),
    "broken n": (lambda net: net.create("x", 1.5), ValueError, "x: n must be a whole number .*not 1.5"),
    "model": (lambda net: net.create("x", 1, "iaf_psc_ex"), ValueError, "no neuron model 'iaf_psc_ex'.*'iaf_psc_exp'"),
    "parameter": (lambda net: net.create("x", 1, tau_M=1), ValueError, "iaf_psc_exp has no parameter 'tau_M'.*'tau_m'"),
    "tau_m 0": (lambda net: net.create("x", 1, tau_m=0), ValueError, "x.tau_m must be greater than 0 ms, not 0"),
    "C_m < 0": (lambda net: net.create("x", 1, C_m=-2.0), ValueError, "x.C_m must be greater than 0 pF, not -2"),
    "t_ref < 0": (lambda net: net.create("x", 1, t_ref=-1), ValueError, "x.t_ref must be at least 0 ms, not -1"),
    "NaN": (lambda net: net.create("x", 1, E_L=math.nan), ValueError, "x.E_L must be finite, not nan"),
    "one NaN": (lambda net: net.create("x", 2, I_e=np.array([0, math.nan])), ValueError, "x.I_e must be finite"),
    "shape": (
        lambda net: net.create("x", 3, I_e=np.zeros(2)),
        ValueError,
        r"x.I_e: .*array of 3 numbers, not .*\(2,\)",
    ),
    "drawn tau": (lambda net: net.create("x", 1, tau_m=Normal(1, 0)), ValueError, "x.tau_m: .*only V_m and I_e"),
    "reset": (lambda net: net.create("x", 1, V_reset=-50.0), ValueError, "x: V_reset must be below V_th"),
    "long t_ref": (lambda net: net.create("x", 1, t_ref=4000.0), ValueError, "x.*t_ref"),
    "spike at 0": (lambda net: net.spike_source("x", [[0.0]]), ValueError, "x: .*source 0 must be at least dt = 0.1"),
    "spike off": (lambda net: net.spike_source("x", [[1], [0.25]]), ValueError, "x: .*source 1: 0.25 ms is not a mul"),
    "source rate": (lambda net: net.poisson_source("x", 1, -1.0), ValueError, "x.*rate must .*-1"),
    "to sources": (lambda net: net.connect(net["E"], net["S"], two, 1, 1), ValueError, "E -> S: S are sources"),
    "rule": (lambda net: net.connect(net["E"], net["I"], "all", 1, 1), TypeError, "E -> I: .*rule, not 'all'"),
    "no selection": (lambda net: net.connect(5, net["I"], two, 1, 1), TypeError, "a population .*not 5"),
    "unknown selection": (
        lambda net: net.connect("e", "I", two, 1, 1),
        ValueError,
        "e: no population .*: known are E, I, P, S",
    ),
    "no index": (lambda net: net.record_spikes("I", "E[8]"), ValueError, r"E\[8\]: population E has 8 neurons"),
    "index below": (lambda net: net.record_voltages("E[-9]"), ValueError, r"E\[-9\]: population E has 8 neurons"),
    "empty index": (lambda net: net.dc_current("E[]", 1.0), ValueError, r"E\[\]: must be a population or a part"),
    "rule not called": (
        lambda net: net.connect("E", "I", all_to_all, 1, 1),
        TypeError,
        r"E -> I: all_to_all: call it, all_to_all\(\)",
    ),
    "delay 0": (
        lambda net: net.connect(net["E"], net["I"], two, 1, 0),
        ValueError,
        "E -> I: delay .*dt = 0.1 ms, not 0",
    ),
    "delay off": (
        lambda net: net.connect(net["E"], net["I"], two, 1, 0.25),
        ValueError,
        "E -> I: delay: 0.25 ms is not",
    ),
    "drawn delay": (
        lambda net: net.connect(net["E"], net["I"], two, 1, Normal(1, 0.5)),
        ValueError,
        "E -> I: delay must be at least dt = 0.1 ms",
    ),
    "weight": (
        lambda net: net.connect(net["E"], net["I"], two, math.nan, 1),
        ValueError,
        "E -> I: weight must be finite",
    ),
    "weights": (
        lambda net: net.connect(net["E"], net["I"], two, [1.0], 1),
        ValueError,
        r"E -> I: weight: .*2 numbers.*\(1,\)",
    ),
    "array": (
        lambda net: net.connect(net["E"], net["I"], fixed_total_number(2), [1.0, 2.0], 1),
        ValueError,
        r"E -> I: weight: .*arrays go with explicit",
    ),
    "source index": (
        lambda net: net.connect(net["E"], net["I"], explicit([8], [0]), 1, 1),
        ValueError,
        r"E -> I: sources must lie in 0 \.\.\. 7",
    ),
    "target index": (
        lambda net: net.connect(net["E"], net["I"], explicit([0], [-1]), 1, 1),
        ValueError,
        r"E -> I: targets must lie in 0 \.\.\. 2",
    ),
    "nobody": (
        lambda net: net.connect(net["E"][:0], net["I"], fixed_total_number(1), 1, 1),
        ValueError,
        "E -> I: 1 synapses, but",
    ),
    "synapses < 0": (lambda net: fixed_total_number(-1), ValueError, "n must be .*at least 0, not -1"),
    "broken synapses": (lambda net: fixed_total_number(2.5), ValueError, "2.5"),
    "lists": (lambda net: explicit([0, 1], [0]), ValueError, r"sources \(2,\) and targets \(1,\)"),
    "broken list": (lambda net: explicit([0.5], [0]), ValueError, "sources must be whole numbers"),
    "Poisson rate": (
        lambda net: net.poisson_input(net["E"], math.inf, 1, 1),
        ValueError,
        "Poisson input to E: rate must be .*0 .*spikes/s, not inf",
    ),
    "Poisson weight": (
        lambda net: net.poisson_input(net["E"], 1, math.nan, 1),
        ValueError,
        "Poisson input to E: weight must be finite, not nan",
    ),
    "Poisson delay": (
        lambda net: net.poisson_input(net["E"], 1, 1, 0),
        ValueError,
        "Poisson input to E: delay must be at least dt = 0.1 ms, not 0",
    ),
    "window": (
        lambda net: net.poisson_input(net["E"], 1, 1, 1, 5, 3),
        ValueError,
        "Poisson input to E: start 5 and stop 3",
    ),
    "window off": (
        lambda net: net.poisson_source("x", 1, 1.0, 0.05),
        ValueError,
        "x: start: 0.05 ms is not a multiple",
    ),
    "current into sources": (
        lambda net: net.step_current(net["S"], [1], [1]),
        ValueError,
        "step current into S: sources take no current",
    ),
    "amplitudes": (
        lambda net: net.step_current(net["E"], [1, 2], [1]),
        ValueError,
        "step current into E: 2 times and 1 amplitudes",
    ),
    "times down": (lambda net: net.step_current(net["E"], [2, 1], [1, 0]), ValueError, "into E: times must increase"),
    "time < 0": (lambda net: net.step_current(net["E"], [-1], [1]), ValueError, "into E: times must .*at least 0 ms"),
    "amplitude": (
        lambda net: net.step_current(net["E"], [1], [math.inf]),
        ValueError,
        "into E: amplitudes must be finite",
    ),
    "current delay": (
        lambda net: net.step_current(net["E"], [1], [1], delay=0),
        ValueError,
        "step current into E: delay must be at least dt = 0.1 ms, not 0",
    ),
    "V of sources": (
        lambda net: net.record_voltages(net["S"]),
        ValueError,
        "voltages of S: sources have no membrane potential",
    ),
    "interval": (
        lambda net: net.record_voltages(net["E"], 0.0),
        ValueError,
        "voltages of E: interval must be at least dt = 0.1 ms, not 0",
    ),
    "delay of no number": (
        lambda net: net.connect("E", "I", two, 1, "1"),
        ValueError,
        "E -> I: delay must be a number or an array of numbers, not '1'",
    ),
    "long delay": (
        lambda net: net.connect("E", "I", two, 1, 3276.8),
        ValueError,
        "E -> I: delay must be at most 32767 steps of 0.1 ms, not 3276.8 ms",
    ),
    "long delays": (
        lambda net: net.connect("E", "I", two, 1, [1.0, 1e9]),
        ValueError,
        r"E -> I: delay must be at most 32767 steps of 0.1 ms, not 1e\+09 ms",
    ),
    "long drawn delays": (
        lambda net: net.connect("E", "I", two, 1, Lognormal(1000, 1)),
        ValueError,
        "E -> I: delay: draws of up to inf ms exceed 32767 steps",
    ),
    "weight of no number": (
        lambda net: net.connect("E", "I", two, "1", 1),
        ValueError,
        "E -> I: weight must be a number or an array of numbers, not '1'",
    ),
    "complex weight": (
        lambda net: net.connect("E", "I", two, [1j, 1.0], 1),
        ValueError,
        "E -> I: weight must be a number or an array of numbers, not ",
    ),
    "huge weight": (
        lambda net: net.connect("E", "I", two, 1e151, 1),
        ValueError,
        r"E -> I: weight must be from -1e\+150 to 1e\+150, not 1e\+151",
    ),
    "drawn weights overflow": (
        lambda net: net.connect("E", "I", two, Lognormal(1000, 1), 1),
        ValueError,
        r"E -> I: weight must be from -1e\+150 to 1e\+150.*; draws go from inf to inf",
    ),
    "drawn weights too wide": (
        lambda net: net.connect("E", "I", two, Normal(0, 1e308), 1),
        ValueError,
        r"E -> I: weight must be from .*; draws go from -inf to inf",
    ),
    "drawn V_m": (lambda net: net.create("x", 1, V_m=Lognormal(1000, 1)), ValueError, "x.V_m must be from .*to inf"),
    "drawn I_e": (
        lambda net: net.create("x", 1, I_e=-Lognormal(0, 99)),
        ValueError,
        "x.I_e must be .*go from -3.17298e",
    ),
    "text": (lambda net: net.create("x", 1, tau_m="a"), ValueError, "x.tau_m must be a number or an array.*, not 'a'"),
    "text as n": (lambda net: net.create("x", "3"), ValueError, "x: n must be a whole number of at least 0, not '3'"),
    "word": (
        lambda net: net.create("x", 1, "iaf_psc_delta", refractory_input="keep"),
        ValueError,
        "x.refractory_input must be one of discard, accumulate, not 'keep'",
    ),
    "list of one word": (
        lambda net: net.create("x", 1, "iaf_psc_delta", refractory_input=["accumulate"]),
        ValueError,
        r"x.refractory_input must be one of discard, accumulate, not \['accumulate'\]",
    ),
    "array of one word": (
        lambda net: net.create("x", 1, "iaf_psc_delta", refractory_input=np.array(["accumulate"])),
        ValueError,
        r"x.refractory_input must be one of discard, accumulate, not \['accumulate'\]",
    ),
    "list of words": (
        lambda net: net.create("x", 3, "iaf_psc_delta", refractory_input=["discard"] * 3),
        ValueError,
        r"x.refractory_input must be one of discard, accumulate, not \['discard', 'd",
    ),
    "model of no name": (lambda net: net.create("x", 1, model=5), TypeError, "x: expected a neuron model .*not 5"),
    "one train": (
        lambda net: net.spike_source("x", [1.0, 2.0]),
        ValueError,
        r"x: times must be a list of times for each source, such as \[\[1.0, 2.0\]\].*, not \[1.0, 2.0\]",
    ),
    "one spike": (lambda net: net.spike_source("x", 5.0), ValueError, "x: times must be a list .*, not 5.0"),
    "texts as spikes": (lambda net: net.spike_source("x", [["1"]]), ValueError, r"x: spike time of source 0 .*\['1'\]"),
    "Poisson delays": (
        lambda net: net.poisson_input("E", 1, 1, np.ones(8)),
        ValueError,
        "Poisson input to E: delay must be one number, not .1.0, 1.0",
    ),
    "drawn Poisson weight": (
        lambda net: net.poisson_input("E", 1, Normal(1, 1), 1),
        ValueError,
        "Poisson input to E: weight must be one number, not Normal",
    ),
    "Poisson weights": (
        lambda net: net.poisson_input("E", 1, [1.0, 2.0], 1),
        ValueError,
        r"Poisson input to E: weight must be one number, not \[1.0, 2.0\]",
    ),
    "Poisson start": (
        lambda net: net.poisson_input("E", 1, 1, 1, -5.0),
        ValueError,
        "Poisson input to E: start must be at least 0 ms, not -5.0",
    ),
    "Poisson stop": (
        lambda net: net.poisson_input("E", 1, 1, 1, stop=math.nan),
        ValueError,
        "Poisson input to E: stop must be one number, not nan",
    ),
    "DC": (lambda net: net.dc_current("E", math.inf), ValueError, "step current into E: amplitude must be finite"),
    "DC window": (lambda net: net.dc_current("E", 1, 5, 3), ValueError, "into E: start 5 and stop 3"),
    "DC into sources": (lambda net: net.dc_current("S", 1, 5, 5), ValueError, "into S: sources take no current"),
    "tables of times": (
        lambda net: net.step_current("E", [[1, 2]], [[1, 2]]),
        ValueError,
        "step current into E: 2 times and 2 amplitudes must be lists",
    ),
    "text as dt": (lambda net: Network("0.1"), ValueError, "dt must be one number, not '0.1'"),
    "dt": (lambda net: Network(0.0), ValueError, "dt must be a positive .* ms, not 0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.filterwarnings("error")
def test_a_mistake_is_refused_by_name_and_leaves_no_trace(mistake):
    action, kind, message = MISTAKES[mistake]
    net = network()
    with pytest.raises(kind, match=message) as error:
        action(net)
    assert "\n" not in str(error.value)
    assert [p.name for p in net.populations] == ["E", "I", "S", "P"]
    assert (net.projections, net.step_currents, net.spike_recorders, net.voltage_recorders) == ([], [], [], [])
    assert len(net.poisson_inputs) == 1


def test_voltages_have_one_interval():
    net = network()
    net.record_voltages(net["E"], 0.2)
    with pytest.raises(ValueError, match="voltages of I: all voltages are recorded at one interval"):
        net.record_voltages(net["I"], 0.3)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\0", "a\nb", "\x7f", "\ud800", 5, None])
def test_a_name_that_files_cannot_keep_is_refused(name):
    net = Network()
    with pytest.raises(ValueError, match=r"population name .*: must be a printable text") as error:
        net.create(name, 1)
    assert "\n" not in str(error.value)
    net.create("L2/3E".replace("/", "_"), 1)
    assert [p.name for p in net.populations] == ["L2_3E"]


@pytest.mark.parametrize("name", ["Pyr é", "...", "E.1", "E-I", "\u795e\u7d4c"])
def test_other_names_are_kept(name):
    assert Network().create(name, 1).name == name
