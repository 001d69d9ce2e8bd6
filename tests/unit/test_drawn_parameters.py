"""Every parameter and initial state of every model: a number, an array or a distribution."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Network, Normal, Simulation, Uniform, fixed_indegree
from distsim.description.distributions import Constant
from distsim.engine.memory import estimate
from distsim.neurons import FAMILIES, MODELS
from distsim.parallel import SerialCommunicator

LISTS = {
    "gif_psc_exp": {"tau_sfa": [10.0, 80.0], "q_sfa": [1.0, 2.0], "tau_stc": [30.0], "q_stc": [5.0]},
    "iaf_psc_exp_multisynapse": {"tau_syn": [2.0, 9.0]},
    "iaf_psc_alpha_multisynapse": {"tau_syn": [2.0, 9.0]},
}
WITH_PARAMETERS = [name for name, model in MODELS.items() if model.parameters and not model.is_source]
N = 40


def simulated(net: Network, t_sim: float = 20.0, seed: int = 1) -> Simulation:
    sim = Simulation(net, seed, SerialCommunicator())
    sim.run(t_sim)
    return sim


def numbers_of(name: str) -> dict[str, float]:
    """Return those parameters of a model that are numbers, lists as their elements."""
    model = FAMILIES[name].model_for(LISTS[name]) if name in LISTS else MODELS[name]
    usual = {key: value for key, value in model.defaults().items() if not isinstance(value, str | bool)}
    for key, values in LISTS.get(name, {}).items():
        usual |= dict(zip(model.lists[key], values, strict=True))
    return usual


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_each_parameter_may_be_a_number_an_array_or_a_distribution(name):
    lists, usual = LISTS.get(name, {}), numbers_of(name)
    spread = {key: 0.01 * abs(value) + 1e-3 for key, value in usual.items()}
    spread |= {key: 1e140 for key in ("V_min",) if key in usual}
    net = Network(0.1)
    numbers = {key: value + spread[key] for key, value in usual.items()}
    arrays = {key: value + spread[key] * np.linspace(0.0, 1.0, N) for key, value in usual.items()}
    drawn = {key: Uniform(value, value + spread[key]) for key, value in usual.items()}
    for what, values in (("numbers", numbers), ("arrays", arrays), ("drawn", drawn)):
        net.create(what, N, name, **lists, **values)
    sim = Simulation(net, 1, SerialCommunicator())
    for key, value in usual.items():
        assert sim.get("numbers", key) == pytest.approx(numbers[key], rel=1e-12), key
        assert sim.get("arrays", key) == pytest.approx(arrays[key], rel=1e-12), key
        found = sim.get("drawn", key)
        assert np.unique(found.round(12)).size > N / 2 or key == "V_min", key
        margin = 1e-12 * (1.0 + abs(value))  # V_m is kept relative to E_L
        assert value - margin <= found.min() <= found.max() <= value + spread[key] + margin, key
        assert abs((found.mean() - value) / spread[key] - 0.5) < 0.25, key
    sim.run(2.0)
    assert all(np.isfinite(sim.get(what, "V_m")).all() for what in ("numbers", "arrays", "drawn"))


def neurons(**parameters) -> Network:
    net = Network(0.1)
    net.create("others", 3, "iaf_psc_delta", tau_m=Uniform(5.0, 20.0))
    E = net.create("E", N, "iaf_psc_exp", **{"I_e": 500.0, **parameters})
    net.connect(E, E, fixed_indegree(5), -20.0, 1.5)
    net.connect(E, E, fixed_indegree(5), 20.0, 1.0)
    net.record_spikes(E)
    net.record_voltages(E, 1.0)
    return net


DRAWN = {
    "tau_m": Normal(10.0, 2.0, minimum=1.0),
    "E_L": Normal(-70.0, 2.0),
    "V_th": Uniform(-56.0, -50.0),
    "tau_syn_ex": Uniform(1.0, 3.0),
    "tau_syn_in": Uniform(1.0, 3.0),
    "t_ref": Uniform(0.5, 4.0),
    "V_m": Normal(-65.0, 1.0),
}


def test_what_is_drawn_is_as_if_it_were_given():
    sim = simulated(neurons(**DRAWN), 100.0)
    given = {key: sim.get("E", key) for key in DRAWN if key != "V_m"}
    again = simulated(neurons(**{**DRAWN, **given}), 100.0)
    assert sim.spikes("E")[0].size > 100
    np.testing.assert_array_equal(sim.spikes("E"), again.spikes("E"))
    np.testing.assert_array_equal(sim.voltages("E")[1], again.voltages("E")[1])
    assert np.all(sim.get("others", "tau_m") != sim.get("E", "tau_m")[:3])
    other = simulated(neurons(**DRAWN), 1.0, seed=2)
    assert not np.any(other.get("E", "tau_m") == given["tau_m"])


def test_equal_distributions_of_time_constants_are_drawn_apart():
    same = Uniform(1.0, 3.0)
    sim = simulated(neurons(tau_syn_ex=same, tau_syn_in=same), 30.0)
    assert not np.any(sim.get("E", "tau_syn_ex") == sim.get("E", "tau_syn_in"))
    assert sim.ledger().delivered > 0 and np.any(sim.get("E", "I_syn_in") < 0.0)
    assert np.all(sim.get("E", "I_syn_ex") >= 0.0)


def test_states_at_rest_where_the_resting_potential_is_drawn():
    net = Network(0.1)
    net.create("A", 50, "iaf_psc_exp", E_L=Normal(-70.0, 3.0))
    sim = Simulation(net, 1, SerialCommunicator())
    assert sim.get("A", "V_m").std() > 1.0


def test_parameters_drawn_between_runs():
    sim = simulated(neurons(**DRAWN), 10.0)
    before = {key: sim.get("E", key) for key in ("tau_m", "C_m", "E_L")}
    sim.set("E[[7, 3, 5]]", tau_m=Uniform(30.0, 40.0), C_m=Normal(250.0, 5.0, minimum=100.0))
    found = sim.get("E", "tau_m")
    assert np.all((found[[3, 5, 7]] >= 30.0) & (found[[3, 5, 7]] <= 40.0)) and np.unique(found[[3, 5, 7]]).size == 3
    rest = np.delete(np.arange(N), [3, 5, 7])
    assert np.all(found[rest] == before["tau_m"][rest]) and np.all(sim.get("E", "C_m")[rest] == 250.0)
    twin = simulated(neurons(**DRAWN), 10.0)
    twin.set("E[[3, 5, 7]]", C_m=Normal(250.0, 5.0, minimum=100.0), tau_m=Uniform(30.0, 40.0))
    for run in (sim, twin):
        run.run(20.0)
    np.testing.assert_array_equal(sim.spikes("E"), twin.spikes("E"))
    sim.set("E", tau_m=Uniform(30.0, 40.0))
    assert np.all(sim.get("E", "tau_m")[[3, 5, 7]] != found[[3, 5, 7]])  # another draw


def test_a_checkpoint_draws_the_same_and_does_not_hold_it(tmp_path):
    whole, sim = simulated(neurons(**DRAWN), 60.0), simulated(neurons(**DRAWN), 23.0)
    assert sim.state().facts["changes"]["parameters"] == {}
    sim.checkpoint(tmp_path / "c.h5")
    later = Simulation(neurons(**DRAWN), 1, SerialCommunicator(), checkpoint=tmp_path / "c.h5")
    later.run(37.0)
    times = whole.spikes("E")[0]
    assert later.spikes("E")[0].tolist() == times[times > 23.05].tolist()
    later.set("E", tau_m=Uniform(5.0, 6.0))
    later.checkpoint(tmp_path / "d.h5")
    last = Simulation(neurons(**DRAWN), 1, SerialCommunicator(), checkpoint=tmp_path / "d.h5")
    for key in DRAWN:
        assert last.get("E", key).tolist() == later.get("E", key).tolist()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tau_m": Normal(10.0, 5.0)}, r"E.tau_m must be greater than 0 ms, redraw what is not \(minimum\)"),
        ({"t_ref": Uniform(-1.0, 1.0)}, r"E.t_ref must be at least 0 ms, redraw"),
        ({"C_m": Normal(1e200, 1.0)}, r"E.C_m must be from -1e\+150 to 1e\+150"),
        ({"V_th": Uniform(-90.0, -80.0)}, "E: V_reset must be below V_th"),
    ],
)
def test_distributions_that_cannot_be_are_refused_when_they_are_given(given, message):
    with pytest.raises(ValueError, match=message):
        neurons(**given)


def test_drawn_parameters_that_do_not_go_together_are_refused_when_they_are_drawn():
    net = neurons(V_th=Uniform(-75.0, -50.0))
    with pytest.raises(ValueError, match="E: V_reset must be below V_th"):
        Simulation(net, 1, SerialCommunicator())


def test_a_constant_distribution_is_its_number():
    net = Network(0.1)
    E = net.create("E", 2, "iaf_psc_exp", tau_m=Constant(2.0))
    assert E.parameters["tau_m"] == 2.0


def test_words_and_switches_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"E\.separate_currents must be one of False, True"):
        Network().create("E", 2, "iaf_psc_exp", separate_currents=Uniform(0.0, 1.0))


def test_the_memory_of_drawn_arrays_is_estimated():
    sizes = []
    for tau_m in (10.0, Uniform(9.0, 11.0)):
        net = Network(0.1)
        net.create("E", 100_000, "iaf_psc_exp", tau_m=tau_m)
        sizes.append(estimate(net, 1))
    assert sizes[1] - sizes[0] >= 800_000
