"""Runs that are observed, and runs that an exception ends: what can be read then, and that they continue as they would
have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import distsim
from distsim import GuardError, Network, Simulation
from distsim.engine.rank_engine import RankEngine
from distsim.engine.step import buffers, period, sinks
from distsim.engine.step.sinks import MemorySink
from distsim.parallel import SerialCommunicator
from distsim.simulation import guard, simulation
from tests.support.interruptions import Fault, at_step, everything, fail, interrupted_at, observed, same
from tests.support.ranks import launcher, start

EXCEPTIONS = [KeyboardInterrupt, Fault, SystemExit]
WHERE = tuple(Path(module.__file__) for module in (simulation, buffers, sinks, period, guard))


def after(*durations: float) -> Simulation:
    """Return a simulation that was run without recording for 20 ms, and then for `durations` without being stopped."""
    sim = observed()
    sim.run(20.0, record=False)
    for duration in durations:
        sim.run(duration)
    return sim


@pytest.fixture(scope="module")
def at_70() -> dict:
    return everything(after(50.0))


@pytest.fixture(scope="module")
def at_120() -> dict:
    found = everything(after(100.0))
    assert len(found["spikes of E"][0]) > 50 and len(found["V_m of E"][0]) > 300
    return found


# --- within observe ---------------------------------------------------------------------------------------------------


def test_an_observer_sees_all_that_was_recorded_so_far(at_70, at_120):
    sim, seen = after(), {}
    sim.run(100.0, observe=lambda s: seen.update({s.time: everything(s)}))
    same(seen[70.0], at_70)
    same(seen[120.0], at_120)
    same(everything(sim), at_120)


def test_an_observer_may_save(tmp_path, at_70, at_120):
    sim = after()

    def save(s: Simulation) -> None:
        s.save(tmp_path / f"{s.time:g}")
        s.checkpoint(tmp_path / f"{s.time:g}.h5")

    sim.run(100.0, observe=save)
    for time, found in ((70, at_70), (120, at_120)):
        saved = distsim.load(tmp_path / str(time))
        assert [[x.tolist() for x in saved.spikes(name)] for name in ("E", "I")] == found["of the result"]
        for key in ("n_spikes", "populations", "recorded_ms", "spikes_sha256"):
            assert saved.summary[key] == found[key]
    again = Simulation(observed().network, 5, SerialCommunicator(), checkpoint=tmp_path / "70.h5")
    again.run(50.0)
    times, ids = sim.spikes("E")
    np.testing.assert_array_equal(again.spikes("E"), (times[times > 70.0], ids[times > 70.0]))


def test_potentials_sampled_before_a_change_of_E_L_are_what_they_were():
    sim, whole = after(), after(50.0)
    sim.run(100.0, observe=lambda s: s.set("E", E_L=-60.0) if s.time == 70.0 else None)
    times, V = whole.voltages("E")
    np.testing.assert_array_equal(sim.voltages("E")[0][: times.size], times)
    np.testing.assert_array_equal(sim.voltages("E")[1][: times.size], V)
    assert sim.voltages("E")[1][times.size :].std() > 0.1 and set(sim.get("E", "E_L")) == {-60.0}


def test_an_observer_that_runs_the_simulation_is_refused(at_70, at_120):
    sim = after()
    with pytest.raises(RuntimeError, match=r"^run: called by observe, during a run of the same simulation"):
        sim.run(100.0, observe=lambda s: s.run(1.0))
    same(everything(sim), at_70)
    sim.run(50.0)
    same(everything(sim), at_120)


def test_an_observer_may_run_another_simulation(at_120):
    sim = after()
    sim.run(100.0, observe=lambda s: after(5.0).run(1.0))
    same(everything(sim), at_120)


# --- after an exception -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_after_an_exception_all_that_was_recorded_is_there(tmp_path, kind, at_70, at_120):
    sim = after()
    with pytest.raises(kind):
        sim.run(100.0, observe=at_step(700, fail(kind)))
    assert sim.step == 700
    sim.checkpoint(tmp_path / "70.h5")
    same(everything(sim), at_70)
    saved = distsim.load(sim.save(tmp_path / "run"))
    assert saved.period == (20.0, 70.0) and saved.summary["populations"] == at_70["populations"]
    sim.run(50.0)
    same(everything(sim), at_120)


@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_what_follows_an_exception_need_not_be_recorded(kind, at_70):
    sim, whole = after(), after(50.0)
    with pytest.raises(kind):
        sim.run(100.0, observe=at_step(700, fail(kind)))
    for one in (sim, whole):
        one.run(20.0, record=False)
        one.run(30.0)
    assert sim.period.pieces == [(200, 700), (900, 1200)]
    same(everything(sim), everything(whole))
    np.testing.assert_array_equal(sim.voltages("E")[0][:167], at_70["V_m of E"][0])


def test_an_exception_in_what_is_not_recorded_adds_nothing():
    sim, whole = observed(), observed()
    with pytest.raises(Fault):
        sim.run(60.0, record=False, observe=at_step(500, fail(Fault)))
    assert sim.period.pieces == [] and sim.spikes("E")[0].size == 0
    sim.run(10.0)
    whole.run(50.0, record=False)
    whole.run(10.0)
    same(everything(sim), everything(whole))


def test_a_run_that_the_guard_ends_has_all_that_was_recorded():
    def quiet_then_wild() -> Simulation:
        sim = after(60.0)
        sim.set("E", I_e=1e5)
        return sim

    sim, whole = quiet_then_wild(), quiet_then_wild()
    with pytest.raises(GuardError, match="stopped at 100 ms: E fired"):
        sim.run(100.0, max_rate=50.0)
    whole.run(20.0)
    same(everything(sim), everything(whole))


def test_a_window_at_whose_end_a_run_was_interrupted_is_looked_at_by_the_next():
    sims = [after(), after()]
    for sim in sims:
        sim.set("E", I_e=1e5)
    check, calls = sims[1].guard.check, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return check(*args)

    sims[1].guard.check = interrupted
    with pytest.raises(KeyboardInterrupt):
        sims[1].run(100.0, max_rate=50.0)
    for sim in sims:
        with pytest.raises(GuardError, match="stopped at 100 ms: E fired"):
            sim.run(100.0, max_rate=50.0)
    same(everything(sims[1]), everything(sims[0]))


# --- at any place -----------------------------------------------------------------------------------------------------


def test_ctrl_c_may_come_at_any_place(monkeypatch):
    """Every run is interrupted one place later than the one before, and buffers are handed on again and again."""
    monkeypatch.setattr(buffers, "SPIKE_BUFFER", 0)
    monkeypatch.setattr(buffers, "SAMPLE_BUFFER", 30)
    sim, k, seen, steps = observed(), 0, [0], []
    sim.chunk = 40
    while seen[0] == k:
        k, begun = k + 1, sim.step
        try:
            with interrupted_at(k, WHERE, ("call", "c_return", "return")) as seen:
                sim.run(20.0, observe=lambda s: s.spikes("E"))
        except KeyboardInterrupt:
            steps.append(sim.step - begun)
    assert k > 100 and len(set(steps)) > 5 and sim.step > 2000
    whole = observed()
    whole.run(sim.time)
    same(everything(sim), everything(whole))


def test_ctrl_c_may_come_at_any_place_of_reading():
    sim, whole, k, seen = observed(), observed(), 0, [0]
    while seen[0] == k:
        k += 1
        with pytest.raises(Fault):
            sim.run(60.0, observe=fail(Fault))
        try:
            with interrupted_at(k, WHERE, ("call", "c_return", "return")) as seen:
                sim.voltages("E")
        except KeyboardInterrupt:
            pass
    assert k > 5 and sim.step == 500 * k
    whole.run(sim.time)
    same(everything(sim), everything(whole))


@pytest.mark.parametrize("change", [{"tau_m": 15.0, "E_L": -64.0}, {"I_e": 300.0, "V_m": -60.0}, {"rate": 3000.0}])
def test_a_change_that_is_interrupted_changes_nothing(change):
    net = observed().network
    E, noise = net["E"], net.poisson_inputs[0]
    what = noise if "rate" in change else E
    where = [Path(period.__file__).with_name(f"{name}.py") for name in ("changes", "simulation", "population_state")]
    sims, k = [Simulation(net, 5, SerialCommunicator()) for _ in range(2)], 0
    for sim in sims:
        sim.run(20.0)
    while True:
        k += 1
        try:
            with interrupted_at(k, tuple(where)):
                sims[0].set(what, **change)
            break
        except KeyboardInterrupt:
            for name in change:
                np.testing.assert_array_equal(sims[0].get(what, name), sims[1].get(what, name))
    assert k > 5
    sims[0].run(10.0)
    sims[1] = Simulation(net, 5, SerialCommunicator())
    sims[1].run(20.0)
    sims[1].set(what, **change)
    sims[1].run(10.0)
    same(everything(sims[0]), everything(sims[1]))


def test_a_change_that_fails_late_changes_nothing(monkeypatch, at_120):
    sim = after(50.0)
    with monkeypatch.context() as context:
        context.setattr(RankEngine, "_plan_poisson", fail(MemoryError))
        for what, values in (("E", {"tau_m": 5.0, "I_e": 900.0}), (sim.network.poisson_inputs[0], {"rate": 1.0})):
            with pytest.raises(MemoryError):
                sim.set(what, **values)
    sim.run(50.0)
    same(everything(sim), at_120)


# --- sinks ------------------------------------------------------------------------------------------------------------


class Failing(MemorySink):
    """Fails now and then, before or after it has taken what it is given."""

    calls, is_whole = 0, False

    def take(self, name, steps, values) -> None:
        self.calls += not self.is_whole
        if self.calls % 3 == 1:
            raise Fault
        super().take(name, steps, values)
        if self.calls % 3 == 2:
            raise Fault


def test_what_a_sink_fails_to_take_is_handed_to_it_again(monkeypatch, at_120):
    monkeypatch.setattr(buffers, "SPIKE_BUFFER", 0)
    monkeypatch.setattr(buffers, "SAMPLE_BUFFER", 30)
    engine = observed().engine
    sim, failed = observed(sink=Failing(engine.reports, engine.deal)), 0
    sim.run(20.0, record=False)
    while sim.step < 1200 and failed < 2000:
        try:
            sim.run(120.0 - sim.time)
        except Fault:
            failed += 1
    assert sim.step == 1200
    assert failed > 10
    sim.sink.calls, sim.sink.is_whole = 0, True
    same(everything(sim), at_120)


def test_a_network_that_records_nothing_can_be_read_within_a_run():
    net = Network(0.1)
    net.create("E", 3, I_e=500.0)
    sim = Simulation(net, 1, SerialCommunicator())
    sim.run(100.0, observe=lambda s: s.result().summary["n_spikes"] == 0 or len(s.spikes_sha256()) != 64)
    assert sim.period.pieces == [(0, 1000)] and sim.result().summary["n_spikes"] > 0


# --- one rank of several ----------------------------------------------------------------------------------------------

SCRIPT = """
import distsim
from distsim.parallel import world
net = distsim.Network()
net.record_spikes(net.create("E", 10, I_e=500.0))
sim = distsim.Simulation(net)
def observe(sim):
    if world().rank == 1 and sim.step == 1000:
        raise {kind}("of one rank")
sim.run(200.0, observe=observe)
"""


@pytest.mark.skipif(launcher() is None, reason="there is no mpirun")
@pytest.mark.parametrize("kind", ["ValueError", "KeyboardInterrupt"])
def test_an_exception_on_one_rank_ends_all(tmp_path, kind):
    (tmp_path / "script.py").write_text(SCRIPT.format(kind=kind))
    done = start(2, tmp_path / "script.py", cwd=tmp_path, limit=120)
    assert done.returncode not in (0, 124), done.stderr
    assert "of one rank" in done.stderr or kind == "KeyboardInterrupt"
