"""Poisson input against Campbell's theorem: mean and variance of a shot noise, and no correlation between neurons."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Network, Simulation
from distsim.parallel import SerialCommunicator

N, RATE, WEIGHT = 1000, 294303.553, 0.01  # neurons, spikes/s, pA
TAU_M, TAU_SYN, C_M = 5.0, 0.5, 1.0  # ms, ms, pF


def potential(t: np.ndarray) -> np.ndarray:
    """The postsynaptic potential (mV) of an alpha current that peaks at WEIGHT."""
    b = 1 / TAU_SYN - 1 / TAU_M
    rise = (np.exp(-t / TAU_M) - np.exp(-t / TAU_SYN)) / b**2 - t * np.exp(-t / TAU_SYN) / b
    return WEIGHT * np.e / (TAU_SYN * C_M) * rise


@pytest.fixture(scope="module")
def voltages() -> np.ndarray:
    """V_m (mV) at every step from 50 to 200 ms, (time, neuron); ten membrane time constants are left out."""
    net = Network(0.1)
    parameters = {"tau_m": TAU_M, "tau_syn_ex": TAU_SYN, "tau_syn_in": TAU_SYN, "C_m": C_M}
    E = net.create("E", N, "iaf_psc_alpha", E_L=0.0, V_reset=0.0, V_th=1e9, **parameters)
    net.poisson_input(E, RATE, WEIGHT, 1.0)
    net.record_voltages(E)
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(200.0)
    times, V = sim.voltages(E)
    return V[times > 50.0]


def test_the_numbers_are_those_of_the_theorem():
    t = np.arange(0.0, 100.0, 1e-4)
    per_ms = RATE * 1e-3
    assert per_ms * np.trapezoid(potential(t), t) == pytest.approx(20.0, abs=1e-3)
    assert np.sqrt(per_ms * np.trapezoid(potential(t) ** 2, t)) == pytest.approx(0.343, abs=1e-3)


def test_mean_and_standard_deviation(voltages):
    assert voltages.mean() == pytest.approx(20.0, abs=0.044)
    assert voltages.std(axis=0).mean() == pytest.approx(0.343, rel=0.09)
    assert voltages.std(axis=1).mean() == pytest.approx(0.343, rel=0.09)


def test_neurons_are_independent(voltages):
    """Samples 20 ms apart hardly depend on each other, so that chance correlations have an SD of 1/sqrt(samples)."""
    across = voltages - voltages.mean(axis=1, keepdims=True)
    even, odd = across[:, 0::2], across[:, 1::2]
    moments = np.sum(even * odd, axis=1) / np.sqrt(np.sum(even**2, axis=1) * np.sum(odd**2, axis=1))
    # At each moment the correlation over 500 pairs of neighbours, which live on different ranks or in one vector.
    assert np.abs(moments).max() < 4 / np.sqrt(N // 2)
    sampled = voltages[::200]
    pairs = np.corrcoef(sampled.T)[np.triu_indices(N, k=1)]
    assert abs(pairs.mean()) < 4 / np.sqrt(N)
