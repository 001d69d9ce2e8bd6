"""Descriptions: what they hold, and that every mistake is refused where it is made, by name."""

from __future__ import annotations

import math

import numpy as np
import pytest

from distsim import Network, Normal, explicit, fixed_total_number
from distsim.elements import nearest


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
    "no selection": (lambda net: net.connect("E", net["I"], two, 1, 1), TypeError, "a population .*not 'E'"),
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
        "Poisson input to E: delay must be at least 0.1 ms, not 0",
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
    "dt": (lambda net: Network(0.0), ValueError, "dt must be a positive .* ms, not 0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_by_name_and_leaves_no_trace(mistake):
    action, kind, message = MISTAKES[mistake]
    net = network()
    with pytest.raises(kind, match=message):
        action(net)
    assert [p.name for p in net.populations] == ["E", "I", "S", "P"]
    assert (net.projections, net.step_currents, net.voltage_recorders) == ([], [], [])
    assert len(net.poisson_inputs) == 1


def test_voltages_have_one_interval():
    net = network()
    net.record_voltages(net["E"], 0.2)
    with pytest.raises(ValueError, match="voltages of I: all voltages are recorded at one interval"):
        net.record_voltages(net["I"], 0.3)
