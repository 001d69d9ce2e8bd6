"""The microcircuit that the parameters mean, against the formulas of MODELS.md worked out here once more."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from distsim import Normal
from distsim.cli.command import run_command
from distsim.description.network import Network
from distsim.networks import Microcircuit
from distsim.networks.microcircuit import POPULATIONS, Parameters, psc_amplitude
from distsim.parallel import SerialCommunicator

N_FULL = [20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948]
RATES = [0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829]
K_EXT = [1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100]
J = 87.8085  # pA for 0.15 mV
P = Parameters().conn_probs


def full_number(p: float, n_target: int, n_source: int) -> float:
    """Synapses of a projection at full scale."""
    pairs = n_target * n_source
    return math.log(1 - p) / math.log((pairs - 1) / pairs) if p else 0.0


def by_projection(network: Network) -> dict:
    return {(p.target.population.name, p.source.population.name): p for p in network.projections}


def number(network: Network) -> int:
    return sum(p.rule.n for p in network.projections)


@pytest.fixture(scope="module")
def full() -> Network:
    return Microcircuit().describe(Parameters())


@pytest.fixture(scope="module")
def scaled() -> Network:
    return Microcircuit().describe(Parameters(N_scaling=0.2, K_scaling=0.1))


# --- natural density --------------------------------------------------------------------------------------------------


def test_the_full_network_has_its_known_size(full):
    assert (full.n, full.n_neurons, number(full)) == (77_169, 77_169, 298_880_968)
    assert [p.n for p in full.populations] == N_FULL
    assert tuple(p.name for p in full.populations) == POPULATIONS


def test_the_amplitude_of_a_psp_of_0_15_mV():
    assert psc_amplitude(0.15, Parameters()) == pytest.approx(J, abs=5e-5)


@pytest.mark.parametrize(
    ("tau_m", "tau_syn"), [(10.0, 0.5), (20.0, 2.0), (5.0, 20.0), (10.0, 10.0), (10.0, 10.0 + 1e-5)]
)
def test_the_psp_has_the_amplitude_that_was_asked_for(tau_m, tau_syn):
    p = Parameters(tau_m=tau_m, tau_syn=tau_syn)
    t = np.linspace(0.0, 100.0, 2_000_001)
    # Convolve exp(-t / tau_syn) with exp(-t / tau_m) / C_m, also where the two are nearly alike.
    rate = 1 / tau_syn - 1 / tau_m
    shape = t if abs(rate) < 1e-12 else -np.expm1(-t * rate) / rate
    psp = psc_amplitude(0.15, p) / p.C_m * np.exp(-t / tau_m) * shape
    assert psp.max() == pytest.approx(0.15, rel=1e-6)


def test_each_projection_has_its_number_weight_and_delay(full):
    found = by_projection(full)
    for t, target in enumerate(POPULATIONS):
        for s, source in enumerate(POPULATIONS):
            n = round(full_number(P[t, s], N_FULL[t], N_FULL[s]))
            assert (n == 0) == ((target, source) not in found)
            if not n:
                continue
            projection = found[target, source]
            assert projection.rule.n == n
            assert (len(projection.target), len(projection.source)) == (N_FULL[t], N_FULL[s])
            mean = J * (-4 if s % 2 else 2 if (target, source) == ("L23E", "L4E") else 1)
            weight, delay = projection.weight, projection.delay
            assert (weight.mean, weight.std) == (
                pytest.approx(mean, rel=1e-6),
                pytest.approx(0.1 * abs(mean), rel=1e-6),
            )
            assert (weight.minimum, weight.maximum) == ((-math.inf, 0) if s % 2 else (0, math.inf))
            assert delay == Normal(0.75 if s % 2 else 1.5, 0.375 if s % 2 else 0.75, minimum=0.05)
    assert len(found) == np.count_nonzero(P)


def test_neurons_have_the_parameters_of_the_model(full):
    for k, population in enumerate(full.populations):
        values = population.parameters
        given = [
            values[x] for x in ("C_m", "tau_m", "t_ref", "E_L", "V_th", "V_reset", "tau_syn_ex", "tau_syn_in", "I_e")
        ]
        assert given == [250.0, 10.0, 2.0, -65.0, -50.0, -65.0, 0.5, 0.5, 0.0]
        means = [-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43]
        stds = [5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48]
        assert values["V_m"] == Normal(means[k], stds[k])


def test_the_original_initial_potential_is_one_for_all():
    network = Microcircuit().describe(Parameters(V0_type="original"))
    assert {p.parameters["V_m"] for p in network.populations} == {Normal(-58.0, 10.0)}


def test_the_background_is_a_poisson_train_for_every_neuron(full):
    assert len(full.poisson_inputs) == 8 and not full.step_currents
    for stimulus, population, K in zip(full.poisson_inputs, full.populations, K_EXT, strict=True):
        assert stimulus.target.population is population and len(stimulus.target) == population.n
        assert stimulus.rate == 8.0 * K
        assert stimulus.weight == pytest.approx(J, rel=1e-6)
        assert (stimulus.delay, stimulus.start) == (15, 0) and stimulus.stop >= 2**62


def test_all_spikes_are_recorded_and_rates_compared(full):
    recorded = [(r.target.population.name, len(r.target)) for r in full.recorders]
    assert recorded == list(zip(POPULATIONS, N_FULL, strict=True))
    assert Microcircuit().reference_rates(Parameters()) == dict(zip(POPULATIONS, RATES, strict=True))


# --- down-scaling -----------------------------------------------------------------------------------------------------


def test_scaling_neurons_and_indegrees(scaled):
    assert [p.n for p in scaled.populations] == [round(0.2 * n) for n in N_FULL]
    for (target, source), projection in by_projection(scaled).items():
        t, s = POPULATIONS.index(target), POPULATIONS.index(source)
        assert projection.rule.n == round(full_number(P[t, s], N_FULL[t], N_FULL[s]) * 0.2 * 0.1)


def test_scaling_divides_weights_by_the_root(scaled, full):
    at_full = by_projection(full)
    for pair, projection in by_projection(scaled).items():
        assert projection.weight.mean == pytest.approx(at_full[pair].weight.mean / math.sqrt(0.1))
        assert projection.weight.std == pytest.approx(at_full[pair].weight.std / math.sqrt(0.1))
        assert projection.delay == at_full[pair].delay
    for stimulus, K in zip(scaled.poisson_inputs, K_EXT, strict=True):
        assert stimulus.rate == pytest.approx(8.0 * 0.1 * K)
        assert stimulus.weight == pytest.approx(J / math.sqrt(0.1), rel=1e-6)


def compensation(K_scaling: float, poisson: bool, g: float = -4.0) -> list[float]:
    """Work out the constant input (pA) by population: what scaling takes away, and what stands for Poisson input."""
    currents = []
    for t in range(8):
        recurrent = 0.0
        for s in range(8):
            mean = J * (g if s % 2 else 2 if (t, s) == (0, 2) else 1)
            recurrent += mean * full_number(P[t, s], N_FULL[t], N_FULL[s]) / N_FULL[t] * RATES[s]
        external = J * K_EXT[t] * 8.0
        lost = (1 - math.sqrt(K_scaling)) * (recurrent + (external if poisson else 0.0))
        currents.append(0.001 * 0.5 * (lost + (0.0 if poisson else external)))
    return currents


@pytest.mark.parametrize("poisson", [True, False])
@pytest.mark.parametrize("K_scaling", [1.0, 0.5, 0.1])
def test_constant_input_makes_up_for_what_is_missing(K_scaling, poisson):
    network = Microcircuit().describe(Parameters(N_scaling=0.1, K_scaling=K_scaling, poisson_input=poisson))
    I_e = [p.parameters["I_e"] for p in network.populations]
    np.testing.assert_allclose(I_e, compensation(K_scaling, poisson), rtol=2e-6, atol=1e-9)
    assert len(network.poisson_inputs) == (8 if poisson else 0)


def test_the_mean_input_does_not_change_with_the_scale():
    """Synapses and background at the full-scale rates, and constant input, add up to the same."""
    sums = []
    for K_scaling in (1.0, 0.3):
        network = Microcircuit().describe(Parameters(N_scaling=1.0, K_scaling=K_scaling))
        total = {p.name: p.parameters["I_e"] for p in network.populations}
        for (target, source), projection in by_projection(network).items():
            indegree = projection.rule.n / len(projection.target)
            total[target] += 0.5e-3 * projection.weight.mean * indegree * RATES[POPULATIONS.index(source)]
        for stimulus in network.poisson_inputs:
            total[stimulus.target.population.name] += 0.5e-3 * stimulus.weight * stimulus.rate
        sums.append(list(total.values()))
    np.testing.assert_allclose(sums[1], sums[0], rtol=1e-4)


# --- stimuli ----------------------------------------------------------------------------------------------------------


def test_the_thalamus_is_never_scaled_but_its_synapses_are():
    p_th = [0.0, 0.0, 0.0983, 0.0619, 0.0, 0.0, 0.0512, 0.0196]
    for scale in (1.0, 0.1):
        network = Microcircuit().describe(Parameters(N_scaling=scale, K_scaling=scale, thalamic_input=True))
        thalamus = network["TH"]
        assert thalamus.n == 902 and network.n_neurons == network.n - 902
        (pulse,) = [s for s in network.poisson_inputs if s.target.population is thalamus]
        assert (pulse.rate, pulse.start, pulse.stop) == (120.0, 7000, 7100)
        found = {target: p for (target, source), p in by_projection(network).items() if source == "TH"}
        assert list(found) == ["L4E", "L4I", "L6E", "L6I"]
        for target, projection in found.items():
            t = POPULATIONS.index(target)
            assert projection.rule.n == round(full_number(p_th[t], N_FULL[t], 902) * scale * scale)
            mean = J / math.sqrt(scale)
            assert projection.weight.mean == pytest.approx(mean, rel=1e-6)
            assert projection.weight.std == pytest.approx(0.1 * mean, rel=1e-6) and projection.weight.minimum == 0
            assert projection.delay == Normal(1.5, 0.75, minimum=0.05)


def test_the_dc_stimulus_goes_by_external_indegree():
    network = Microcircuit().describe(Parameters(N_scaling=0.1, K_scaling=0.1, dc_input=True))
    for current, population, K in zip(network.step_currents, network.populations, K_EXT, strict=True):
        assert current.target.population is population
        assert current.times.tolist() == [6500, 7500]
        np.testing.assert_allclose(current.amplitudes, [0.3 * K, 0.0])


# --- parameters -------------------------------------------------------------------------------------------------------


def test_defaults_are_not_shared():
    p = Parameters()
    p.conn_probs[0, 0] = 0.5
    assert Parameters().conn_probs[0, 0] == 0.1009


def test_a_population_of_no_neurons_has_no_synapses():
    network = Microcircuit().describe(Parameters(full_num_neurons=np.array([10, 10, 10, 0, 0, 0, 0, 0.0])))
    assert network.n == 30
    assert all(len(p.source) and len(p.target) for p in network.projections)


def test_weights_without_spread_and_inhibition_may_be_left_out():
    network = Microcircuit().describe(Parameters(weight_rel_std=0.0, g=0.0, delay_rel_std=0.0))
    weights = {p.weight for p in network.projections}
    assert sorted(weights) == pytest.approx([0.0, J, 2 * J], rel=1e-6)
    assert {(p.delay.mean, p.delay.std) for p in network.projections} == {(1.5, 0.0), (0.75, 0.0)}


OTHER_VALUES = {
    "full_num_neurons": np.full(8, 100.0),
    "poisson_input": False,
    "V0_type": "original",
    "V_reset": -66.0,
    "E_L": -64.0,
    "V_th": -49.0,
    "g": -5.0,
}


def another_value(field: dataclasses.Field):
    """Return an allowed value that is not the default, as one would type it and as it should arrive."""
    if field.name in OTHER_VALUES:
        value = OTHER_VALUES[field.name]
    else:
        default = field.default if field.default is not dataclasses.MISSING else field.default_factory()
        value = {bool: lambda: True, int: lambda: 7, float: lambda: 0.3}.get(type(default), lambda: default * 0.0)()
    return (value if isinstance(value, str) else json.dumps(np.asarray(value).tolist())), value


@pytest.mark.parametrize("field", dataclasses.fields(Parameters), ids=lambda f: f.name)
def test_every_parameter_can_be_set_on_the_command_line(field, tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr("distsim.runs.run.run", lambda prepared, *_, **__: ran.append(prepared.parameters) or {})
    typed, value = another_value(field)
    argv = ["microcircuit", "--no-plots", "--set", f"{field.name}={typed}", "--out", str(tmp_path)]
    assert run_command(argv, SerialCommunicator()) == 0
    np.testing.assert_array_equal(getattr(ran[0], field.name), value)
    others = [other.name for other in dataclasses.fields(Parameters) if other.name != field.name]
    for name in others:
        np.testing.assert_array_equal(getattr(ran[0], name), getattr(Parameters(), name))
