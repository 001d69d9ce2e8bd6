"""Mistakes in the description of a network, and what is said of them; used on one rank and under MPI."""

from __future__ import annotations

import math

import numpy as np

from distsim import Lognormal, Network, Normal, all_to_all, explicit, fixed_total_number


def network() -> Network:
    """Return a network with two populations, sources that spike, and random sources."""
    net = Network(0.1)
    net.create("E", 8, V_th=-50.0)
    net.create("I", 3)
    net.spike_source("S", [[1.0], [2.0, 0.5]])
    net.poisson_source("P", 2, 10.0)
    return net


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
    "drawn tau": (
        lambda net: net.create("x", 1, tau_m=Normal(1, 1)),
        ValueError,
        r"x\.tau_m must be greater than 0 ms, redraw what is not \(minimum\); draws go from -",
    ),
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
        "V_m of E: interval must be at least dt = 0.1 ms, not 0",
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
