"""The update of the neurons: what arrives is taken from where it was summed up, or gathered first, to the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Network, Normal, Simulation, fixed_indegree
from distsim.engine.step.update import ROW
from distsim.parallel import SerialCommunicator

MODELS = {
    "iaf_psc_exp": {},
    "iaf_psc_alpha": {"tau_syn_in": 3.0},
    "iaf_psc_delta": {"C_m": 20.0},
}


def network(model: str, weight: float, drawn: bool, *others: tuple[slice, float, dict], **window: float) -> Network:
    """Two blocks of neurons that excite and inhibit each other, and Poisson input to all of them and to `others`."""
    net = Network(0.1)
    scale = 0.3 / 80.0 if model == "iaf_psc_delta" else 1.0
    E = net.create("E", ROW + 300, model, V_m=Normal(-65.0, 3.0), t_ref=2.0, **MODELS[model])
    for sign in (1.0, -4.0):
        size = 60.0 * sign * scale
        net.connect(E, E, fixed_indegree(20), Normal(size, abs(size) / 10) if drawn else size / 0.9, 1.5)
    net.poisson_input(E, 9000.0, weight * scale, 1.5, **window)
    for part, other_weight, when in others:
        net.poisson_input(E[part], 5000.0, other_weight * scale, 0.3, **when)
    net.record_spikes(E)
    net.record_voltages(E)
    return net


def run(net: Network) -> tuple[Simulation, np.ndarray]:
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(30.0)
    return sim, sim.voltages("E")[1]


def assert_same(one: tuple[Simulation, np.ndarray], other: tuple[Simulation, np.ndarray]) -> None:
    np.testing.assert_array_equal(one[1], other[1])
    assert one[0].spikes_sha256() == other[0].spikes_sha256()


@pytest.mark.parametrize("drawn", [True, False])
@pytest.mark.parametrize("weight", [70.0, -20.0])
@pytest.mark.parametrize("model", MODELS)
def test_input_taken_directly_and_gathered_is_the_same(model, weight, drawn):
    """An input of weight 0 makes the first block gather all of its input; nothing else differs."""
    directly = run(network(model, weight, drawn))
    partly = run(network(model, weight, drawn, (slice(3, 5), 0.0, {})))
    blocks = directly[0].engine.neurons.blocks
    assert len(blocks) == 2 and blocks["direct"].all()
    assert np.all(blocks["takes_numbers"] == (weight > 0 or model != "iaf_psc_alpha"))  # to the first receptor only
    assert (directly[0].engine.synapses.row_fixed.size > 0) == drawn
    assert_same(directly, partly)
    assert weight < 0 or directly[0].spikes("E")[0].size > 1000


def test_a_block_may_change_between_the_two_ways_at_any_step():
    """Inputs that are on for a while, of weight 0, while the other one stays on."""
    windows = [{"start": 0.1 * k, "stop": 0.1 * (k + 1)} for k in range(20, 240, 7)]
    others = [(slice(k, None), 0.0, window) for k, window in enumerate(windows)]
    assert_same(run(network("iaf_psc_exp", 70.0, True)), run(network("iaf_psc_exp", 70.0, True, *others)))


@pytest.mark.parametrize("part", [slice(0, 900), slice(3, None), slice(5, 7)])
def test_input_to_some_neurons_reaches_no_others_while_it_is_the_only_one(part):
    """An input of weight 0 makes both blocks gather all of their input, alone or not."""
    other, nothing = (part, 150.0, {"start": 10.0}), (slice(0, None), 0.0, {})
    alone = run(network("iaf_psc_exp", 70.0, True, other, stop=10.0))
    assert_same(alone, run(network("iaf_psc_exp", 70.0, True, other, nothing, stop=10.0)))
