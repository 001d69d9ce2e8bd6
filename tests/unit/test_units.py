"""Whatever takes a number takes it with a unit as well: converted where it can be, otherwise refused by name."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest

from distsim import (
    Constant,
    Lognormal,
    Network,
    Normal,
    Simulation,
    Uniform,
    all_to_all,
    explicit,
    fixed_indegree,
    fixed_outdegree,
    fixed_total_number,
    pairwise_bernoulli,
)
from distsim.analysis import statistics
from distsim.analysis.marks import Mark
from distsim.analysis.population_rate import PopulationRate
from distsim.analysis.raster import Raster
from distsim.analysis.rates import rates_boxplot
from distsim.description.units import UnitError, without_unit
from distsim.networks import BrunelAlpha, BrunelDelta, EIClustered, Microcircuit
from distsim.networks.parameters import make
from distsim.neurons import MODELS
from distsim.neurons.unit_texts import read_unit
from distsim.parallel import SerialCommunicator
from distsim.recording.spikes import Spikes
from distsim.simulation.agreement import described, digest
from tests.support.quantities_alike import KINDS, LARGER, SECOND, VOLT, Brian2Quantity, WithAttributes, brian2

# --- one number -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("unit", LARGER)
def test_a_quantity_is_converted(kind, unit):
    for value in (20.0, 10.7, [0.3, 1e4], [[1.0, 2.0], [3.0, 4.0]]):
        np.testing.assert_array_equal(np.asarray(without_unit("x", kind(value, unit), unit)), value)
    for other in (other for other in LARGER if LARGER[other][3] != LARGER[unit][3]):
        with pytest.raises(UnitError, match=f"^the x must be in {other}, not in .") as error:
            without_unit("the x", kind(20.0, unit), other)
        assert "\n" not in str(error.value)
    with pytest.raises(UnitError, match=r"^the x must be a number without unit, not in ."):
        without_unit("the x", kind(20.0, unit), "")


def test_numbers_stay_as_they_are():
    array = np.array([1.0, 2.0])
    for value in (1, 2.0, array, [1.0, 2], [[1.0], [2]], None, "1", {}, object(), Normal(0.0, 1.0)):
        assert without_unit("x", value, "ms") is value
    assert without_unit("x", Brian2Quantity([0.5], (0, 0, 0, 0)), "") == [0.5]


def test_numbers_beside_quantities_are_in_the_unit_that_is_needed():
    mixed = [brian2(2.0, "ms"), 3.0, np.array([brian2(4.0, "ms"), 5], object)]
    assert np.concatenate([np.ravel(item) for item in without_unit("x", mixed, "ms")]).tolist() == [2, 3, 4, 5]
    with pytest.raises(UnitError, match="x must be in ms, not in"):
        without_unit("x", [1.0, brian2(2.0, "mV")], "ms")


def test_durations_are_converted():
    given = [datetime.timedelta(seconds=1, microseconds=100), np.timedelta64(20, "us"), np.array([1, 2], "m8[s]")]
    assert without_unit("x", given[0], "ms") == 1000.1
    assert without_unit("x", given[1], "ms") == 0.02
    assert without_unit("x", given[2], "ms").tolist() == [1000.0, 2000.0]
    assert without_unit("x", [given[0], 2.0], "ms") == [1000.1, 2.0]
    for value in given:
        with pytest.raises(UnitError, match="x must be in mV, not in ms"):
            without_unit("x", value, "mV")
    with pytest.raises(UnitError, match="has no length in ms"):
        without_unit("x", np.timedelta64(1, "Y"), "ms")


MASKED = [
    np.ma.array([1.0, 2.0], mask=[True, False]),
    np.ma.array([1.0, 2.0]),
    [1.0, np.ma.masked],
    [np.ma.array([1.0]), [2.0]],
    np.array([1.0, np.ma.masked], object),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("value", MASKED, ids=range(len(MASKED)))
def test_masked_arrays_are_refused(value):
    with pytest.raises(UnitError, match=r"^x: masked arrays are not taken"):
        without_unit("x", value, "ms")


def test_what_has_a_unit_that_nobody_can_convert_is_refused():
    class Strange:
        units = object()

    for value in (Strange(), WithAttributes(1.0, "parsec"), WithAttributes(1.0, "a.u.")):
        with pytest.raises(UnitError, match="x must be in ms, not in"):
            without_unit("x", value, "ms")


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("milliseconds", "ms"),
        ("msec", "ms"),
        ("µs", "us"),
        ("spikes per second", "Hz"),
        ("s^-1", "1/s"),
        ("spikes s**-1", "spikes/s"),
        ("millivolt", "mV"),
        ("nA*V", "nA V"),
        ("S", "1/Ohm"),
        ("pF", "ps*S"),
        ("min", "min"),
        ("", "1"),
    ],
)
def test_units_are_read_as_people_write_them(text, same):
    assert read_unit(text) == read_unit(same) is not None


@pytest.mark.parametrize("text", ["a.u.", "%", "ms/", "parsec", "/s /", "2 ms", "xs"])
def test_what_is_no_unit_is_none(text):
    assert read_unit(text) is None


# --- all that takes numbers -------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A call that takes a number: `use` gives what came of it; an error must say `name`."""

    use: Callable
    name: str
    unit: str
    value: object


def network(dt=0.1) -> Network:
    net = Network(dt)
    net.create("E", 4)
    net.create("D", 4, "iaf_psc_delta")
    return net


def described_by(act: Callable) -> Callable:
    """Return what describes a network to which `act` has added something with a number."""

    def use(value) -> dict:
        net = network()
        act(net, value)
        return {name: digest(part) for name, part in described(net, 1).items()}

    return use


def simulated(act: Callable) -> Callable:
    def use(value):
        net = network()
        net.poisson_source("P", 2, 5.0)
        net.poisson_input("E", 1.0, 2.0, 1.0)
        sim = Simulation(net, comm=SerialCommunicator())
        return act(sim, value)

    return use


def set_and_get(what: Callable, name: str) -> Callable:
    def act(sim, value):
        sim.set(what(sim), **{name: value})
        return np.asarray(sim.get(what(sim), name))

    return simulated(act)


def parameters() -> dict[str, Entry]:
    """Return an entry for each parameter of each neuron model that is a number."""
    found = {}
    for model in MODELS.values():
        for key, p in model.parameters.items():
            if not model.is_source and not p.choices:
                create = described_by(lambda net, v, m=model, k=key: net.create("x", 2, m, **{k: v}))
                good = {"V_th": [-40.0, -41.5], "V_reset": [-80.0, -81.5]}.get(key, [7.0, 8.5])
                found[f"{model.name}.{key}"] = Entry(create, f"x.{key}", p.unit, good)
    return found


def model_parameters() -> dict[str, Entry]:
    """Return entries for parameters of networks, given as objects and by name."""
    found = {}
    for model, key, unit, value in (
        (Microcircuit, "tau_m", "ms", 9.5),
        (Microcircuit, "full_mean_rates", "spikes/s", [1.0] * 8),
        (BrunelAlpha, "C_m", "pF", 240.0),
        (BrunelDelta, "theta", "mV", 21.0),
        (EIClustered, "stim_amp", "pA", 0.2),
        (EIClustered, "stim_starts", "ms", [1.0, 2.0]),
    ):
        one = lambda v, m=model, k=key: np.asarray(getattr(m.Parameters(**{k: v}), k))  # noqa: E731
        other = lambda v, m=model, k=key: np.asarray(getattr(make(m.Parameters, {k: v}), k))  # noqa: E731
        found[f"{model.name} {key}"] = Entry(one, key, unit, value)
        found[f"{model.name} {key} by name"] = Entry(other, f"--set {key}", unit, value)
    return found


TIMES, IDS = np.array([1.0, 2.0, 7.5]), np.array([0, 1, 0])
SPIKES = {"E": Spikes(TIMES, IDS, 2)}
DESCRIPTIONS = {
    "dt": (lambda net, v: net.__init__(v), "dt", "ms", 0.2),
    "source rate": (lambda net, v: net.poisson_source("x", 1, v), "x: rate", "spikes/s", 5.5),
    "source start": (lambda net, v: net.poisson_source("x", 1, 5.0, start=v), "x: start", "ms", 3.0),
    "source stop": (lambda net, v: net.poisson_source("x", 1, 5.0, stop=v), "x: stop", "ms", 3.1),
    "spike times": (lambda net, v: net.spike_source("x", v), "x: times", "ms", [[0.3, 4.7], [1.0, 2.0]]),
    "times of one": (lambda net, v: net.spike_source("x", [v, [1.0]]), "x: ", "ms", [0.3, 4.7]),
    "weight": (lambda net, v: net.connect("D", "E", all_to_all(), v, 1.0), "D -> E: weight", "pA", 3.5),
    "delta weight": (lambda net, v: net.connect("E", "D", all_to_all(), v, 1.0), "E -> D: weight", "mV", 3.5),
    "weights": (lambda n, v: n.connect("E", "E", explicit([0, 1], [1, 2]), v, 1.0), "E -> E: weight", "pA", [1.5, 2.5]),
    "delay": (lambda net, v: net.connect("E", "E", all_to_all(), 1.0, v), "E -> E: delay", "ms", 1.7),
    "delays": (lambda n, v: n.connect("E", "E", explicit([0, 1], [1, 2]), 1.0, v), "E -> E: delay", "ms", [1.7, 0.3]),
    "input rate": (lambda net, v: net.poisson_input("E", v, 1.0, 1.0), "to E: rate", "spikes/s", 8000.0),
    "input weight": (lambda net, v: net.poisson_input("E", 1.0, v, 1.0), "to E: weight", "pA", 8.5),
    "delta input weight": (lambda net, v: net.poisson_input("D", 1.0, v, 1.0), "to D: weight", "mV", 8.5),
    "input delay": (lambda net, v: net.poisson_input("E", 1.0, 1.0, v), "to E: delay", "ms", 1.3),
    "input start": (lambda net, v: net.poisson_input("E", 1.0, 1.0, 1.0, v), "to E: start", "ms", 1.3),
    "input stop": (lambda net, v: net.poisson_input("E", 1.0, 1.0, 1.0, 0.0, v), "to E: stop", "ms", 1.3),
    "current times": (lambda net, v: net.step_current("E", v, [1.0, 2.0]), "into E: times", "ms", [1.3, 5.1]),
    "amplitudes": (lambda net, v: net.step_current("E", [1.0, 2.0], v), "into E: amplitudes", "pA", [1.3, 5.1]),
    "current delay": (lambda net, v: net.step_current("E", [1.0], [1.0], v), "into E: delay", "ms", 0.7),
    "dc": (lambda net, v: net.dc_current("E", v), "into E: amplitude", "pA", 30.5),
    "dc start": (lambda net, v: net.dc_current("E", 1.0, v), "into E: start", "ms", 30.5),
    "dc stop": (lambda net, v: net.dc_current("E", 1.0, 0.0, v), "into E: stop", "ms", 30.5),
    "interval": (lambda net, v: net.record_voltages("E", v), "of E: interval", "ms", 0.3),
    "n": (lambda net, v: net.create("x", v), "x: n", "", 3),
    "sources": (lambda net, v: net.poisson_source("x", v, 5.0), "x: n", "", 3),
}
MARK = Mark(1.0, 2.0, "E", 0, 1)
ENTRIES = {name: Entry(described_by(act), *rest) for name, (act, *rest) in DESCRIPTIONS.items()}
ENTRIES |= parameters() | model_parameters()
ENTRIES |= {
    "duration": Entry(simulated(lambda sim, v: sim.run(v) or sim.step), "duration", "ms", 0.7),
    "max_rate": Entry(simulated(lambda sim, v: sim.run(0.1, max_rate=v)), "max_rate", "spikes/s", 500.0),
    "seed": Entry(lambda v: Simulation(network(), v, SerialCommunicator()).seed, "seed", "", 3),
    "set tau_m": Entry(set_and_get(lambda sim: "E", "tau_m"), "E.tau_m", "ms", 9.5),
    "set V_m": Entry(set_and_get(lambda sim: "E[1:3]", "V_m"), "E.V_m", "mV", [-60.5, -61.5]),
    "set I_e": Entry(set_and_get(lambda sim: "D", "I_e"), "D.I_e", "pA", 9.5),
    "set source rate": Entry(set_and_get(lambda sim: "P", "rate"), "to P: rate", "spikes/s", 9.5),
    "set rate": Entry(set_and_get(lambda sim: sim.network.poisson_inputs[1], "rate"), "to E: rate", "spikes/s", 9.5),
    "set weight": Entry(set_and_get(lambda sim: sim.network.poisson_inputs[1], "weight"), "to E: weight", "pA", 9.5),
    "fixed_indegree": Entry(fixed_indegree, "fixed_indegree: n", "", 3),
    "fixed_outdegree": Entry(fixed_outdegree, "fixed_outdegree: n", "", 3),
    "fixed_total_number": Entry(fixed_total_number, "fixed_total_number: n", "", 3),
    "pairwise_bernoulli": Entry(pairwise_bernoulli, "pairwise_bernoulli: p", "", 0.5),
    "explicit sources": Entry(lambda v: explicit(v, [0, 1]).sources, "sources", "", [1, 0]),
    "explicit targets": Entry(lambda v: explicit([0, 1], v).targets, "targets", "", [1, 0]),
    "Constant": Entry(Constant, "value", "", 2.0),
    "Normal mean": Entry(lambda v: Normal(v, 1.0), "mean", "", 2.0),
    "Normal std": Entry(lambda v: Normal(1.0, v), "std", "", 2.0),
    "Normal minimum": Entry(lambda v: Normal(1.0, 1.0, v), "minimum", "", 0.5),
    "Normal maximum": Entry(lambda v: Normal(1.0, 1.0, maximum=v), "maximum", "", 2.0),
    "Lognormal mu": Entry(lambda v: Lognormal(v, 1.0), "mu", "", 2.0),
    "Lognormal sigma": Entry(lambda v: Lognormal(1.0, v), "sigma", "", 2.0),
    "Uniform low": Entry(lambda v: Uniform(v, 4.0), "low", "", 2.0),
    "Uniform high": Entry(lambda v: Uniform(1.0, v), "high", "", 2.0),
    "factor": Entry(lambda v: Normal(1.0, 1.0) * v, "factor of a distribution", "", 2.0),
    "factor before": Entry(lambda v: v * Normal(1.0, 1.0), "factor of a distribution", "", 2.0),
    "divisor": Entry(lambda v: Normal(1.0, 1.0) / v, "divisor of a distribution", "", 2.0),
    "offset": Entry(lambda v: Normal(1.0, 1.0) + v, "offset of a distribution", "", 2.0),
    "minus": Entry(lambda v: Normal(1.0, 1.0) - v, "offset of a distribution", "", 2.0),
    "offset before": Entry(lambda v: v - Normal(1.0, 1.0), "offset of a distribution", "", 2.0),
    "rates": Entry(lambda v: statistics.rates(IDS, 2, v), "duration_ms", "ms", 500.0),
    "rates ids": Entry(lambda v: statistics.rates(v, 2, 500.0), "ids", "", [0, 1]),
    "cv_isi": Entry(lambda v: statistics.cv_isi(v, [0, 0, 0], 1), "times", "ms", [1.0, 3.5, 4.0]),
    "correlations t0": Entry(lambda v: statistics.correlations(TIMES, IDS, 2, v, 8.0), "t0", "ms", 1.5),
    "correlations t1": Entry(lambda v: statistics.correlations(TIMES, IDS, 2, 0.0, v), "t1", "ms", 7.0),
    "fano_factor": Entry(lambda v: statistics.fano_factor(TIMES, 0.0, 8.0, v), "bin", "ms", 2.0),
    "population_rate": Entry(lambda v: statistics.population_rate(TIMES, 2, v, 9.0)[1], "t0", "ms", 2.0),
    "population_rate t1": Entry(lambda v: statistics.population_rate(TIMES, 2, 0.0, v)[0], "t1", "ms", 8.0),
    "population_rate bin": Entry(lambda v: statistics.population_rate(TIMES, 2, 0.0, 8.0, v), "bin", "ms", 2.0),
    "population_rate times": Entry(lambda v: statistics.population_rate(v, 2, 0.0, 8.0)[0], "times", "ms", [1.5, 2.0]),
    "Raster t0": Entry(lambda v: Raster(SPIKES, v, 8.0).t0, "t0", "ms", 1.0),
    "Raster t1": Entry(lambda v: Raster(SPIKES, 1.0, v).t1, "t1", "ms", 8.0),
    "PopulationRate bin": Entry(PopulationRate, "bin", "ms", 8.0),
    "PopulationRate tick": Entry(lambda v: PopulationRate(1.0, ylim=(0, 9), tick_step=v), "tick_step", "spikes/s", 8.0),
    "Mark t0": Entry(lambda v: Mark(v, 9.0, "E", 0, 1), "t0", "ms", 8.0),
    "Mark t1": Entry(lambda v: Mark(1.0, v, "E", 0, 1), "t1", "ms", 8.0),
    "result raster": Entry(simulated(lambda sim, v: raster_of(sim, v)), "t1", "ms", 0.5),
}


def raster_of(sim: Simulation, t1) -> float:
    sim.run(0.5)
    return sim.result().raster(0.0, t1).t1


def equal(one, other) -> bool:
    if isinstance(one, tuple) and not hasattr(one, "_fields"):
        return all(map(equal, one, other))
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


WITH_UNIT = [name for name, entry in ENTRIES.items() if entry.unit]


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[4]], ids=["Brian2", "quantities"])
@pytest.mark.parametrize("name", WITH_UNIT)
def test_whatever_takes_a_number_converts_it(name, kind):
    use, _, unit, value = ENTRIES[name]
    plain = np.array(value, float) if isinstance(value, list) else value
    assert equal(use(kind(value, unit)), use(plain))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ENTRIES)
def test_whatever_takes_a_number_refuses_another_unit_and_masked_arrays(name):
    use, said, unit, value = ENTRIES[name]
    wrong = Brian2Quantity(value, SECOND if unit != "ms" else VOLT)
    needed = f"in {unit}" if unit else "a number without unit"
    with pytest.raises(ValueError, match=f"{said}.* must be {needed}, not in (time|length)"):
        use(wrong)
    with pytest.raises(ValueError, match=f"{said}.* masked arrays are not taken"):
        use(np.ma.array(value))


def test_box_plots_take_periods_with_units(tmp_path):
    rates_boxplot(SPIKES, brian2(0.0, "ms"), brian2(8.0, "ms"), tmp_path / "a.png")
    rates_boxplot(SPIKES, 0.0, 8.0, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with pytest.raises(UnitError, match="t1 must be in ms"):
        rates_boxplot(SPIKES, 0.0, brian2(8.0, "mV"), tmp_path / "c.png")


def test_spike_trains_of_neo_are_given_spikes():
    neo, pq = pytest.importorskip("neo"), pytest.importorskip("quantities")
    net = network()
    source = net.spike_source("S", [neo.SpikeTrain([0.001, 0.0023] * pq.s, t_stop=1.0), [4.0]])
    assert [steps.tolist() for steps in source.spike_steps] == [[10, 23], [40]]


def test_columns_of_data_frames_are_arrays():
    pandas = pytest.importorskip("pandas")
    net = network()
    series = pandas.Series([7.0, 8.0])
    assert net.create("x", 2, tau_m=series).parameters["tau_m"].tolist() == [7.0, 8.0]
    series.attrs["units"] = "us"
    assert net.create("y", 2, tau_m=series).parameters["tau_m"].tolist() == [0.007, 0.008]


def test_the_same_numbers_in_other_units_are_not_the_same():
    numbers = [1.0, 2.0]
    assert digest(Brian2Quantity(numbers, SECOND)) != digest(Brian2Quantity(numbers, VOLT))
    assert digest(Brian2Quantity(numbers, SECOND)) == digest(Brian2Quantity(numbers, SECOND))
    assert digest(WithAttributes(numbers, "s")) == digest(WithAttributes(numbers, "s"))
    assert digest(np.array([Fraction(1, 3), 2.0], object)) == digest(np.array([Fraction(1, 3), 2.0], object))
    assert digest(WithAttributes(numbers, "s")) != digest(WithAttributes(numbers, "ms"))
    pandas = pytest.importorskip("pandas")
    one, other = (pandas.Series(np.where(np.arange(1000) == 500, x, 0.0)) for x in (1.0, 2.0))
    assert digest(one) != digest(other) and digest(one) == digest(one.copy())
