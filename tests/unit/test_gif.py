"""gif_psc_exp, against its hazard and by hand; NEST's recordings without noise are in test_nest_models."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distsim import Network, Simulation, Uniform, fixed_indegree
from distsim.parallel import SerialCommunicator

ALPHA = 1e-4  # of a correct program, so rarely one of these tests fails for a seed


def simulated(net: Network, t_sim: float, seed: int = 1) -> Simulation:
    sim = Simulation(net, seed, SerialCommunicator())
    sim.run(t_sim)
    return sim


def test_a_constant_hazard_gives_geometric_intervals():
    net, n, t_sim = Network(0.1), 400, 2000.0
    steady = {"E_L": -40.0, "V_reset": -40.0, "V_m": -40.0, "V_T_star": -35.0, "Delta_V": 2.0, "lambda_0": 600.0}
    G = net.create("G", n, "gif_psc_exp", t_ref=3.05, **steady)
    net.record_spikes(G)
    times, ids = simulated(net, t_sim).spikes("G")
    p = -np.expm1(-600.0 * np.exp(-2.5) * 1e-4)  # of a spike in one step
    steps = [np.rint(times[ids == k] / 0.1).astype(int) for k in range(n)]
    free = np.concatenate([np.diff(each)[each[:-1] < 10_000] for each in steps]) - 31  # none is cut by the end
    assert free.min() == 1  # 31 steps refractory, then the first in which it may spike
    assert stats.binomtest(free.size, int(free.sum()), p).pvalue > ALPHA
    edges = np.array([0, 40, 80, 120, 180, 250, 350, 500, 10**6])
    expected = free.size * -np.diff((1.0 - p) ** edges)
    assert stats.chisquare(np.histogram(free, edges + 0.5)[0], expected).pvalue > ALPHA


def noisy(n: int, seed_of_input: float = 0.0) -> Network:
    net = Network(0.1)
    lists = {"tau_sfa": [50.0, 300.0], "q_sfa": [4.0, 1.5], "tau_stc": [30.0], "q_stc": [20.0]}
    G = net.create("G", n, "gif_psc_exp", V_T_star=-50.0, lambda_0=200.0, Delta_V=Uniform(1.0, 3.0), I_e=70.0, **lists)
    net.connect(G, G, fixed_indegree(10), 12.0, 1.5)
    net.connect(G, G, fixed_indegree(5), -15.0, 1.0)
    net.poisson_input(G, 500.0 + seed_of_input, 15.0, 1.0)
    net.record_spikes(G)
    return net


def test_spikes_follow_the_hazard_of_recorded_states():
    """Time rescaled by the hazard of recorded V_m and E_sfa: intervals are exponential, their number as expected."""
    n, net = 200, noisy(200)
    for what in ("V_m", "E_sfa"):
        net.record(what, "G")
    sim = simulated(net, 1200.0)
    V, threshold = (sim.samples(what, "G")[1] for what in ("V_m", "E_sfa"))
    times, ids = sim.spikes("G")
    fired = np.zeros(V.shape, bool)
    fired[np.rint(times / 0.1).astype(int) - 1, ids] = True
    is_free = np.ones(V.shape, bool)
    for step, k in zip(*np.nonzero(fired), strict=True):
        is_free[step + 1 : step + 41, k] = False
        assert np.all(V[step + 1 : step + 41, k] == -55.0)
    mean = np.where(is_free, 200.0 * 1e-4 * np.exp((V - threshold) / sim.get("G", "Delta_V")), 0.0)
    p = -np.expm1(-mean)
    assert abs(fired.sum() - p.sum()) < stats.norm.isf(ALPHA / 2) * np.sqrt((p * (1 - p)).sum())
    uniform, found = np.random.default_rng(1).uniform, []  # a place within the step of the spike
    for k in range(n):
        after = np.cumsum(mean[:, k])[fired[:, k]][:5]
        start = np.concatenate([[0.0], after[:-1]])
        before = after - mean[fired[:, k], k][:5]
        assert after.size == 5  # of all neurons, so that the end of the run chooses none
        found += [np.exp(start - before) - uniform() * (np.exp(start - before) - np.exp(start - after))]
    assert stats.kstest(np.concatenate(found), "uniform").pvalue > ALPHA


def test_a_spike_adds_to_threshold_and_current_which_decay():
    net = Network(0.1)
    lists = {"tau_sfa": [20.0, 5.0], "q_sfa": [3.0, 1.0], "tau_stc": [10.0], "q_stc": [-25.0]}
    G = net.create("G", 1, "gif_psc_exp", V_T_star=-60.0, Delta_V=1e-6, I_e=45.0, sfa_2=0.5, stc_1=8.0, **lists)
    for what in ("E_sfa", "I_stc", "V_m", "sfa_1"):
        net.record(what, G)
    net.record_spikes(G)
    sim = simulated(net, 60.0)
    (times, E), I = sim.samples("E_sfa", "G"), sim.samples("I_stc", "G")[1]
    first = sim.spikes("G")[0][0]
    before = times < first + 0.05
    # In a step act the elements at its beginning.
    np.testing.assert_allclose(E[before, 0], -60.0 + 0.5 * np.exp(-(times[before] - 0.1) / 5.0), atol=1e-12)
    np.testing.assert_allclose(I[before, 0], 8.0 * np.exp(-(times[before] - 0.1) / 10.0), atol=1e-12)
    k = np.flatnonzero(~before)[0]
    assert E[k, 0] == pytest.approx(-60.0 + 4.0 + 0.5 * np.exp(-(times[k] - 0.1) / 5.0), abs=1e-12)
    assert I[k, 0] == pytest.approx(-25.0 + 8.0 * np.exp(-(times[k] - 0.1) / 10.0), abs=1e-12)
    sim.set("G", sfa_1=100.0)
    sim.run(50.0)
    assert sim.samples("sfa_1", "G")[1][600, 0] == pytest.approx(100.0 * np.exp(-0.1 / 20.0))
    assert sim.spikes("G")[0].max() <= 60.0
    with pytest.raises(ValueError, match="gif_psc_exp has no parameter 'E_sfa'"):
        sim.set("G", E_sfa=1.0)


def test_noise_is_of_the_seed_and_of_the_neuron():
    one, again, other = (simulated(noisy(100), 200.0, seed) for seed in (1, 1, 2))
    assert one.spikes("G")[0].tolist() == again.spikes("G")[0].tolist() != other.spikes("G")[0].tolist()
    alike = Network(0.1)
    G = alike.create("G", 500, "gif_psc_exp", V_T_star=-64.0, V_reset=-70.0, Delta_V=1.0, lambda_0=60.0, I_e=20.0)
    alike.record_spikes(G)
    times, ids = simulated(alike, 1000.0).spikes("G")
    trains = [tuple(times[ids == k]) for k in range(500)]
    assert len(set(trains)) == 500


def test_a_checkpoint_changes_nothing(tmp_path):
    whole = simulated(noisy(60), 100.0)
    sim = simulated(noisy(60), 37.3)
    sim.checkpoint(tmp_path / "c.h5")
    later = Simulation(noisy(60), 1, SerialCommunicator(), checkpoint=tmp_path / "c.h5")
    later.run(62.7)
    times = whole.spikes("G")[0]
    assert later.spikes("G")[0].tolist() == times[times > 37.35].tolist()
    for what in ("V_m", "sfa_2", "stc_1", "E_sfa", "Delta_V"):
        assert later.get("G", what).tolist() == whole.get("G", what).tolist()
