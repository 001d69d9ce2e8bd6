"""Random small networks give what a slow, plain simulator gives: the same spikes, and V_m within 1e-9 mV."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume

from distsim.parallel import SerialCommunicator
from tests.support import drawn_networks, plain_simulator
from tests.support.drawn_networks import MODELS, for_each
from tests.support.small_networks import Case, select, simulate

EXACT = 1e-9  # mV
COMM = SerialCommunicator()


def recorded_steps(case: Case) -> np.ndarray:
    """Return which steps are recorded, bool (steps,)."""
    return np.repeat([record for _, record in case.pieces], [steps for steps, _ in case.pieces])


def compare(case: Case, seen: Counter) -> None:
    expected = plain_simulator.simulate(case)
    assume(expected.margin > EXACT)  # rounding would decide
    sim, is_recorded = simulate(case, COMM), recorded_steps(case)
    for part in case.spike_parts:
        fired = given_spikes(case) if part.name == "S" else expected.spikes[part.name]
        steps, ids = np.nonzero(fired * is_recorded[:, np.newaxis])
        steps, ids = (np.repeat(x, fired[steps, ids].astype(int)) for x in (steps, ids))
        chosen = np.isin(ids, list(part.indices))
        times, found = sim.spikes(select(sim.network, part))
        assert np.rint(times / case.dt).astype(int).tolist() == (steps[chosen] + 1).tolist()
        assert found.tolist() == ids[chosen].tolist()
    for part in case.voltage_parts:
        sampled = np.flatnonzero(is_recorded & (np.arange(1, case.steps + 1) % case.interval == 0))
        times, V = sim.voltages(select(sim.network, part))
        if V.size:
            assert np.rint(times / case.dt).astype(int).tolist() == (sampled + 1).tolist()
            np.testing.assert_allclose(V, expected.V[part.name][sampled][:, list(part.indices)], rtol=0, atol=EXACT)
    counts = sim.spike_counts()
    for group in case.groups:
        population = sim.network[group.name]
        mine = counts[population.first : population.first + group.n]
        assert mine.tolist() == expected.spikes[group.name].sum(axis=0).tolist()
        seen[group.model] += int(mine.sum())
    seen["delivered"] += sim.ledger().delivered


def given_spikes(case: Case) -> np.ndarray:
    """Return how often each source emits, int (steps, sources)."""
    found = np.zeros((case.steps, len(case.trains)), int)
    for source, train in enumerate(case.trains):
        np.add.at(found[:, source], [step - 1 for step in train if step <= case.steps], 1)
    return found


def check(n: int) -> Counter:
    """Compare `n` networks; return how many spikes of each model and synaptic events there were."""
    seen: Counter = Counter()
    for_each(n, lambda case: compare(case, seen))
    return seen


def test_small_networks_are_those_of_a_plain_simulator():
    seen = check(50)
    assert all(seen[model] > 100 for model in MODELS) and seen["delivered"] > 1000, seen


def test_a_network_that_fails_is_shown_in_time(monkeypatch):
    """Each check takes a second here, and Hypothesis would continue for 300 s; the smallest that failed is shown."""
    clock, failed = [0.0], []
    monkeypatch.setattr(drawn_networks, "PATIENCE", 4.0)
    monkeypatch.setattr(drawn_networks, "monotonic", lambda: clock[0])

    def fail(case: Case) -> None:
        clock[0] += 1.0
        if sum(group.n for group in case.groups) > 3:
            failed.append(repr(case))
            raise ValueError("too many")

    with pytest.raises(AssertionError, match="ValueError: too many\nwith Case") as caught:
        for_each(5, fail)
    assert str(caught.value) == f"ValueError: too many\nwith {min(failed, key=len)}"
    assert len(failed) > 1 and clock[0] <= 5 + 4.0 + 1.0  # 5 networks, or fewer, until one fails


@pytest.mark.validation
@pytest.mark.timeout(1800)
def test_many_small_networks_are_those_of_a_plain_simulator():
    check(1500)
