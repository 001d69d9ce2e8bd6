"""Every argument of every element of a network is told apart in its description."""

from __future__ import annotations

import math

import numpy as np
import pytest

import distsim
from distsim import Lognormal, Network, Normal, Uniform
from tests.support.described import differing, digests

CALLS = {
    "create E": {"name": "E", "n": 6},
    "poisson_source": {"name": "S", "n": 3, "rate": 10.0, "start": 1.0, "stop": 20.0},
    "spike_source": {"name": "G", "times": [[1.0, 2.0], [3.0]]},
    "create": {
        "name": "F", "n": 5, "model": "iaf_psc_exp", "C_m": 250.0, "tau_m": 10.0, "tau_syn_ex": 2.0, "tau_syn_in": 2.0,
        "t_ref": 2.0, "E_L": -70.0, "V_th": -55.0, "V_reset": -70.0,
        "I_e": Uniform(1.0, 2.0), "V_m": Normal(-65.0, 1.0),
    },
    "create delta": {"name": "D", "n": 2, "model": "iaf_psc_delta"},
    "connect": {"source": "E", "target": "F", "rule": distsim.fixed_indegree(2), "weight": 1.0, "delay": 1.5},
    "poisson_input": {"target": "E", "rate": 10.0, "weight": 1.0, "delay": 1.5, "start": 1.0, "stop": 20.0},
    "step_current": {"target": "E", "times": [1.0, 2.0], "amplitudes": [3.0, 4.0], "delay": 0.1},
    "dc_current": {"target": "F", "amplitude": 3.0, "start": 1.0, "stop": 20.0},
    "noise_current": {
        "target": "E", "mean": 1.0, "std": 2.0, "interval": 0.1, "start": 1.0, "stop": 20.0, "delay": 0.1,
    },
    "sinusoidal_current": {
        "target": "E", "amplitude": 1.0, "frequency": 20.0, "phase": 30.0, "offset": 0.0, "start": 1.0, "stop": 20.0,
        "delay": 0.1,
    },
    "sampled_current": {"target": "E", "values": [1.0, 2.0], "interval": 0.1, "start": 1.0, "delay": 0.1},
    "record_spikes": {"target": "E"},
    "record_voltages": {"target": "E", "interval": 0.2},
}  # fmt: skip
PARTS = {
    "poisson_source": {"population S", "Poisson input into S"}, "spike_source": {"population G"},
    "create": {"population F"}, "create delta": {"population D"}, "connect": {"projection E -> F"},
    "poisson_input": {"Poisson input into E"}, "step_current": {"step current into E"},
    "dc_current": {"step current into F"}, "noise_current": {"noise current into E"},
    "sinusoidal_current": {"sinusoidal current into E"}, "sampled_current": {"sampled current into E"},
    "record_spikes": {"the recorders"},
    "record_voltages": {"the recorders"},
}  # fmt: skip
SOME = ("E[1:]", "E[:5]", "E[::2]", "E[3]")  # one neuron less at either end, every second, one
EACH = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
OTHERS = {
    "poisson_source": {"rate": (11.0,), "start": (1.1,), "stop": (19.9, math.inf)},
    "spike_source": {"times": ([[1.0, 2.1], [3.0]], [[1.0], [2.0, 3.0]], [[1.0, 2.0, 2.0], [3.0]])},
    "create": {
        "model": ("iaf_psc_alpha",), "C_m": (251.0, 250.0 + EACH), "tau_m": (11.0,), "tau_syn_ex": (2.1,),
        "tau_syn_in": (2.1,), "t_ref": (2.1,), "E_L": (-71.0,), "V_th": (-54.0,), "V_reset": (-71.0,),
        "I_e": (Uniform(1.0, 2.1), Uniform(1.1, 2.0), 1.5, EACH, EACH + 1e-9 * (EACH == 3.0)),
        "V_m": (
            Normal(-65.1, 1.0), Normal(-65.0, 1.1), Normal(-65.0, 1.0, minimum=-70.0),
            Normal(-65.0, 1.0, -80.0, -60.0),
        ),
    },
    "create delta": {"refractory_input": ("accumulate",), "detection": ("before_input",), "t_ref": (2.1,)},
    "connect": {
        "source": ("E[1:]", "E[::2]"), "target": ("F[1:]", "F[::2]"),
        "rule": (
            distsim.fixed_indegree(3), distsim.fixed_indegree(2, allow_autapses=False),
            distsim.fixed_indegree(2, allow_multapses=False), distsim.fixed_outdegree(2),
            distsim.fixed_outdegree(2, allow_autapses=False), distsim.fixed_outdegree(2, allow_multapses=False),
            distsim.fixed_total_number(2), distsim.fixed_total_number(2, allow_autapses=False),
            distsim.fixed_total_number(2, allow_multapses=False), distsim.pairwise_bernoulli(0.1),
            distsim.pairwise_bernoulli(0.2), distsim.pairwise_bernoulli(0.1, allow_autapses=False),
            distsim.all_to_all(), distsim.all_to_all(allow_autapses=False), distsim.explicit([0, 1], [2, 3]),
            distsim.explicit([1, 0], [2, 3]), distsim.explicit([0, 1], [3, 2]),
        ),
        "weight": (
            1.1, -1.0, Normal(1.0, 0.1), Normal(1.0, 0.2), Normal(1.0, 0.1, minimum=0.0), Normal(1.0, 0.1, maximum=3.0),
            Lognormal(1.0, 0.1), Lognormal(1.1, 0.1), Lognormal(1.0, 0.2), Lognormal(1.0, 0.1, maximum=9.0),
            Uniform(1.0, 2.0), Uniform(1.0, 3.0), 2.0 * Uniform(1.0, 2.0), 1.0 + Uniform(1.0, 2.0),
        ),
        "delay": (1.6, Uniform(1.5, 1.6), Uniform(1.5, 1.7)),
    },
    "poisson_input": {
        "rate": (
            11.0, distsim.PiecewiseRate([0.0, 1.0], [10.0, 10.0]), distsim.PiecewiseRate([0.0, 1.1], [10.0, 10.0]),
            distsim.PiecewiseRate([0.0, 1.0], [10.0, 11.0]), distsim.PiecewiseRate([0.0, 1.0], np.full((2, 6), 10.0)),
            np.full(6, 10.0), np.full(6, 11.0), distsim.SinusoidalRate(10.0, 1.0, 1.0),
            distsim.SinusoidalRate(10.0, 2.0, 1.0), distsim.SinusoidalRate(10.0, 1.0, 2.0),
            distsim.SinusoidalRate(10.0, 1.0, 1.0, 90.0),
        ),
        "target": SOME, "weight": (1.1,), "delay": (1.6,), "start": (1.1,), "stop": (19.9, math.inf),
    },
    "step_current": {
        "target": SOME, "times": ([1.0, 2.1], [1.1, 2.0]), "amplitudes": ([3.0, 4.1], [3.1, 4.0]), "delay": (0.2,),
    },
    "noise_current": {
        "target": SOME, "mean": (1.1,), "std": (2.1,), "interval": (0.2,), "start": (1.1,), "stop": (19.9, math.inf),
        "delay": (0.2,),
    },
    "sinusoidal_current": {
        "target": SOME, "amplitude": (1.1,), "frequency": (21.0,), "phase": (31.0,), "offset": (1.0,), "start": (1.1,),
        "stop": (19.9, math.inf), "delay": (0.2,),
    },
    "sampled_current": {
        "target": SOME, "values": ([1.0, 2.1], [1.0, 2.0, 0.0], np.ones((2, 6))), "interval": (0.2,), "start": (1.1,),
        "delay": (0.2,),
    },
    "dc_current": {"target": ("F[1:]",), "amplitude": (3.1,), "start": (1.1,), "stop": (19.9, math.inf)},
    "record_spikes": {"target": SOME},
    "record_voltages": {"target": SOME, "interval": (0.3,)},
}  # fmt: skip
CHANGES = [(call, argument, values) for call, others in OTHERS.items() for argument, values in others.items()]


def network(call: str = "", argument: str = "", value: object = None) -> Network:
    """Return a network with one of each element, of which one argument may be another."""
    net = Network(0.1)
    for name, arguments in CALLS.items():
        given = {**arguments, argument: value} if name == call else dict(arguments)
        names = ("source", "target") if name == "connect" else ("target",)
        selections = [given.pop(key) for key in names if key in given]
        getattr(net, name.split()[0])(*selections, **given)
    return net


@pytest.mark.parametrize(("call", "argument", "values"), CHANGES, ids=[f"{call}-{key}" for call, key, _ in CHANGES])
def test_every_argument_of_an_element_is_described(call, argument, values):
    whole = network()
    assert not differing(whole, network())
    for value in values:
        expected = PARTS[call]
        assert differing(whole, network(call, argument, value)) == expected, value
    of_each = [tuple(digests(network(call, argument, value))[part][0] for part in expected) for value in values]
    assert len(set(of_each)) == len(values)


def test_all_arguments_are_tried():
    for call, arguments in CALLS.items():
        if call in OTHERS:
            untried = set(arguments) - set(OTHERS[call]) - {"name", "n", "model"}
            assert not untried, call


@pytest.mark.parametrize(("argument", "value"), [("name", "X"), ("n", 7)])
def test_names_and_numbers_are_described(argument, value):
    def alone(**other) -> Network:
        net = Network(0.1)
        net.create(**{"name": "E", "n": 6, **other})
        return net

    assert differing(alone(), alone(**{argument: value}))


@pytest.mark.parametrize(
    ("call", "argument"),
    [("poisson_source", "start"), ("poisson_source", "stop"), ("poisson_input", "start"), ("poisson_input", "stop"),
     ("dc_current", "start"), ("dc_current", "stop"), ("connect", "delay"), ("poisson_input", "delay")],
)  # fmt: skip
def test_one_step_is_told_from_the_next(call, argument):
    value = CALLS[call][argument]
    assert differing(network(), network(call, argument, round(value + 0.1, 9))) == PARTS[call]
