"""On one rank: which rates end a run, with neurons that fire when they are told to."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Network, Simulation, explicit
from distsim.parallel import SerialCommunicator
from tests.support.small_networks import ended


def told(times: list[float], n_silent: int = 1, dt: float = 0.1) -> Simulation:
    """Return a neuron that fires at these times (ms), beside `n_silent` that do not, and a busy source."""
    net = Network(dt)
    net.create("silent", 3)
    E = net.create("E", 1 + n_silent, "iaf_psc_delta", t_ref=0.0)
    given = net.spike_source("given", [np.round(np.array(times) - dt, 9)])
    net.poisson_source("busy", 2, 5000.0)
    net.connect(given, E, explicit([0], [0]), 100.0, dt)
    net.record_spikes(E)
    return Simulation(net, 1, SerialCommunicator())


def every(ms: float, start: float, stop: float) -> list[float]:
    """Return times in (start, stop]."""
    return [round(start + ms * (k + 1), 9) for k in range(round((stop - start) / ms))]


def test_sources_may_fire_as_they_like():
    sim = told(every(10.0, 0.0, 300.0))
    assert ended(sim, 300.0, max_rate=60.0) is None
    assert sim.spike_counts()[-2:].sum() > 2000 and sim.spike_counts()[3:5].tolist() == [30, 0]


@pytest.mark.parametrize("dt", [0.1, 0.05, 0.3])
def test_as_many_spikes_as_are_allowed_are_allowed(dt):
    """10 spikes of one of two neurons in about 100 ms: 50 spikes/s, and the window is a whole number of steps."""
    times = [round(dt * round(t / dt), 9) for t in every(10.0, 0.0, 99.0)] + [30.0, 60.0, 90.0]
    window = round(100.0 / dt) * dt
    limit = len(set(times)) / 2 / (window / 1e3)
    assert ended(told(sorted(set(times)), dt=dt), round(2 * window, 9), max_rate=limit * (1 + 1e-9)) is None
    said = ended(told(sorted(set(times)), dt=dt), round(2 * window, 9), max_rate=limit * (1 - 1e-9))
    assert said == f"stopped at {window:g} ms: E fired {limit:.4g} spikes/s per neuron from 0 to {window:g} ms, " + (
        f"more than {limit:g}"
    )


def test_a_rate_that_is_just_reached_is_allowed():
    assert ended(told(every(10.0, 0.0, 100.0), n_silent=0), 200.0, max_rate=100.0) is None


@pytest.mark.parametrize("pieces", [(400.0,), (50.0, 350.0), (100.0, 300.0), (99.9, 0.1, 100.1, 199.9), (250.0, 150.0)])
def test_each_window_is_judged_by_itself(pieces):
    """100 spikes/s up to 200 ms are less than is allowed, and do not make up for what comes then."""
    sim = told(every(10.0, 0.0, 200.0) + every(2.5, 200.0, 400.0), n_silent=0)
    assert ended(sim, *pieces, max_rate=399.0) == (
        "stopped at 300 ms: E fired 400 spikes/s per neuron from 200 to 300 ms, more than 399"
    )
    assert sim.time == 300.0 and sim.spikes("E")[0].size == 60


def test_what_was_before_the_window_is_not_counted():
    """40 spikes up to 100 ms and none later are judged once, without a limit; nothing is left of them."""
    sim = told(every(2.5, 0.0, 100.0), n_silent=0)
    assert ended(sim, 100.0, max_rate=0.0) is None
    assert ended(sim, 200.0, max_rate=10.0) is None and sim.time == 300.0


def test_the_end_of_a_run_within_a_window_is_not_judged_by_rates():
    sim = told(every(1.0, 0.0, 50.0), n_silent=0)
    assert ended(sim, 50.0, max_rate=400.0) is None
    assert ended(sim, 50.0, max_rate=400.0) == (
        "stopped at 100 ms: E fired 500 spikes/s per neuron from 0 to 100 ms, more than 400"
    )


@pytest.mark.parametrize("cut", [30.0, 100.0, 130.0])
def test_the_window_continues_after_a_checkpoint(cut, tmp_path):
    """400 spikes/s from 120 to 200 ms: what was before the cut counts, if it is of the same window."""
    times = every(50.0, 0.0, 100.0) + every(2.0, 120.0, 200.0)
    whole, first = told(times, n_silent=0), told(times, n_silent=0)
    expected = "stopped at 200 ms: E fired 400 spikes/s per neuron from 100 to 200 ms, more than 399"
    assert ended(whole, 300.0, max_rate=399.0) == expected
    assert ended(whole, 300.0, max_rate=401.0) is None
    first.run(cut)
    first.checkpoint(tmp_path / "c.h5")
    second = Simulation(told(times, n_silent=0).network, 1, SerialCommunicator(), checkpoint=tmp_path / "c.h5")
    assert ended(second, 300.0 - cut, max_rate=399.0) == expected
