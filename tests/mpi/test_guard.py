"""The guard ends a run at the same step, for the same reason, on any number of ranks and however the run is cut."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Network, Simulation, explicit, fixed_indegree
from distsim.engine.step.population_state import state_places
from distsim.parallel import SerialCommunicator
from tests.support.small_networks import ended

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD


def runaway() -> Network:
    """Return neurons that excite each other, set off at 130 ms, beside a silent population and busy sources."""
    net = Network(0.1)
    net.create("silent", 5)
    E = net.create("E", 40, t_ref=1.0)
    given = net.spike_source("given", [np.repeat(np.arange(1, 4000) / 10, 3)])
    net.poisson_source("random", 2, 5000.0)
    net.connect(E, E, fixed_indegree(10), 400.0, 1.0)
    net.connect(given, "silent", explicit([0], [1]), 0.01, 1.0)
    net.step_current(E, [130.0, 140.0], [900.0, 0.0])
    net.record_spikes(E)
    net.record_voltages("silent[:2]", 0.5)
    return net


def overflowing() -> Network:
    """Return neurons of which one is driven out of all bounds by weights that are as large as weights may be."""
    net = Network(0.1)
    E = net.create("E", 7, C_m=1e-190, I_e=0.0)
    given = net.spike_source("given", [[3.3, 3.4]])
    net.connect(given, E, explicit([0], [5]), [-1e150], 1.0)
    net.record_spikes(E)
    return net


def outcome(comm, describe: Callable[[], Network], pieces: tuple[float, ...], max_rate: float, chunk: int) -> tuple:
    sim = Simulation(describe(), 3, comm)
    sim.chunk = chunk
    said = ended(sim, *pieces, max_rate=max_rate)
    return said, sim.step, sim.spikes_sha256(), sim.spikes("E")[0].size, sim.ledger()


def check(describe: Callable[[], Network], max_rate: float, *ways: tuple[tuple[float, ...], int]) -> tuple:
    """Compare all ways to cut a run, on all ranks, with the first one on one rank."""
    serial = COMM.bcast(
        outcome(SerialCommunicator(), describe, ways[0][0], max_rate, ways[0][1]) if not COMM.rank else 0
    )
    for pieces, chunk in ways:
        assert COMM.allgather(outcome(COMM, describe, pieces, max_rate, chunk)) == COMM.size * [serial]
    return serial


def test_runaway_activity_ends_the_run_and_what_was_recorded_is_kept():
    ways = [((500.0,), 500), ((500.0,), 7), ((500.0,), 1 << 16), ((33.3, 99.9, 366.8), 450)]
    said, step, _, n_spikes, _ = check(runaway, 300.0, *ways)
    assert step == 2000 and n_spikes > 40 * 300 * 0.1
    assert said.startswith("stopped at 200 ms: E fired ") and said.endswith(" from 100 to 200 ms, more than 300")
    rate = float(said.split(" fired ")[1].split()[0])
    assert rate == pytest.approx(n_spikes / 40 / 0.1, rel=1e-3)


@pytest.mark.parametrize("max_rate", [0.0, 1000.0])
def test_any_rate_is_allowed_with_0_and_sources_are_not_counted(max_rate):
    """Rates of the neurons cannot reach 1000 spikes/s, those of the sources are higher."""
    said, step, *_ = check(runaway, max_rate, ((500.0,), 500))
    assert said is None and step == 5000


def test_the_window_continues_after_a_checkpoint(folder):
    sim = Simulation(runaway(), 3, COMM)
    sim.run(143.7)
    sim.checkpoint(folder / "c.h5")
    after = Simulation(runaway(), 3, COMM, checkpoint=folder / "c.h5")
    whole = Simulation(runaway(), 3, COMM)
    said = ended(whole, 500.0, max_rate=300.0)
    assert said is not None and said == ended(after, 300.0, max_rate=300.0)


def test_a_potential_that_is_not_finite_ends_the_run():
    said, step, *_ = check(overflowing, 0.0, ((150.0,), 500), ((3.0, 147.0), 11))
    assert (said, step) == ("stopped at 100 ms: V_m of E[5] is nan, not finite", 1000)
    assert check(overflowing, 0.0, ((20.0,), 500))[:2] == ("stopped at 20 ms: V_m of E[5] is nan, not finite", 200)


def test_the_first_neuron_is_named_whichever_rank_has_it():
    sim = Simulation(runaway(), 3, COMM)
    gids = np.array([11, 12, 13, 30])  # after the five silent ones
    mine = sim.engine.deal.lids(gids[sim.engine.deal.local(gids)])
    sim.engine.neurons.state[state_places(sim.engine.neurons, mine)] = np.nan
    assert ended(sim, 100.0) == "stopped at 100 ms: V_m of E[6] is nan, not finite"


@pytest.mark.parametrize("max_rate", [-1.0, np.nan, "1", None])
def test_a_rate_that_is_none_is_refused(max_rate):
    sim = Simulation(overflowing(), 1, COMM)
    with pytest.raises(ValueError, match="max_rate must be"):
        sim.run(1.0, max_rate=max_rate)
    assert sim.step == 0
