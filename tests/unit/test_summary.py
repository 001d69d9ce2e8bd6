"""`Network.summary` prints what was described, with the synapses to be expected."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Lognormal, Network, Normal, Simulation, explicit, fixed_indegree, pairwise_bernoulli
from distsim.engine.memory import estimate


def network() -> Network:
    net = Network(0.1)
    E = net.create("E", 4000, tau_m=20.0, V_m=Normal(-60.0, 4.0), C_m=np.linspace(200.0, 300.0, 4000))
    I = net.create("I", 1000, "iaf_psc_delta")
    S = net.spike_source("S", [[1.0, 2.0], [3.0]])
    P = net.poisson_source("P", 10, 20.0, start=5.0)
    net.connect(E, I[:500], pairwise_bernoulli(0.1), Lognormal(0.0, 1.0), 1.5)
    net.connect(S, E, explicit([0, 1], [5, 6]), [10.0, -20.0], [0.5, 0.7])
    net.connect(P, E, fixed_indegree(2), 3.0, Normal(2.0, 0.1, minimum=1.0))
    net.poisson_input(E, 8000.0, 14.0, 1.5)
    net.dc_current(E[[1, 5, 7]], 120.0, 20.0, 30.0)
    net.record_spikes(E)
    net.record_voltages(I[:10], 0.5)
    net.record("V_m", E, 1.0, 10.0, 20.0, name="late")
    return net


EXPECTED = """
network of 5,000 neurons and 12 sources, about 208,002 synapses, dt 0.1 ms
populations
E 4,000 iaf_psc_exp C_m 4,000 values, 200 to 300 pF, tau_m 20 ms, V_m Normal(mean=-60.0, std=4.0) mV
I 1,000 iaf_psc_delta
S 2 spike_source 3 spikes
P 10 poisson_source rate 20 spikes/s, start 5 ms
E -> I[0:500:1] about 200,000 synapses PairwiseBernoulli(p=0.1) weight Lognormal(
S -> E 2 synapses explicit weight 2 values, -20 to 10 pA delay 2 values, 0.5 to 0.7 ms
P -> E 8,000 synapses FixedIndegree(n=2) weight 3 pA delay Normal(
PoissonInput E rate 8000.0, weight 14.0, delay 1.5 ms, start 0 ms
StepCurrent E[[1, 5, 7]] times 2 values, 20 to 30 ms, amplitudes 2 values, 0 to 120, delay 0.1 ms
spikes E
V_m I[0:10:1] every 0.5 ms
V_m as late E every 1 ms after 10 ms up to 20 ms
"""


def test_everything_that_was_described_is_there(capsys):
    network().summary()
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for expected in EXPECTED.strip().splitlines():
        assert any(line.startswith(expected) for line in lines), expected


def test_memory_is_that_of_the_estimate_for_each_number_of_ranks(capsys):
    net = network()
    net.summary(ranks=[1, 4])
    one, four = (estimate(net, size) / 1e9 for size in (1, 4))
    out = " ".join(capsys.readouterr().out.split())
    assert out.endswith(f"1 rank about {one:.2f} GB 4 ranks about {four:.2f} GB each, {4 * four:.2f} GB together")
    with pytest.raises(ValueError, match="summary: ranks must be a whole number of at least 1, not 0"):
        net.summary(0)


def test_expected_numbers_are_those_that_are_built(capsys):
    net = Network(0.1)
    E = net.create("E", 100)
    net.connect(E, E, fixed_indegree(7), 1.0, 1.0)
    net.connect(E, E, np.eye(100), delay=1.0)
    net.summary()
    assert f"network of 100 neurons, {Simulation(net).n_synapses} synapses" in capsys.readouterr().out


def test_an_empty_network_has_a_summary_and_other_ranks_print_nothing(capsys, monkeypatch):
    Network(0.5).summary()
    assert capsys.readouterr().out.startswith("network of 0 neurons, 0 synapses, dt 0.5 ms\n\npopulations\n  none\n")
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    monkeypatch.setenv("PMIX_RANK", "1")
    Network(0.5).summary()
    assert capsys.readouterr().out == ""
