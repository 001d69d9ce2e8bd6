"""Runs that are observed and interrupted, and all that can be read of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from distsim import Network, Simulation
from distsim.parallel import SerialCommunicator
from tests.support.small_runs import mixed

PARTS = ("E", "I[:3]")  # whose voltages are sampled
INTERVAL = 0.3  # ms between two samples
LOOKS = ("call", "c_return")  # Python looks for signals where a function begins, and after calls of compiled code


def observed(comm=None, sink=None) -> Simulation:
    """Return a simulation that records spikes and voltages."""
    net: Network = mixed()
    net.record_spikes("E", "I")
    for part in PARTS:
        net.record_voltages(part, INTERVAL)
    return Simulation(net, 5, SerialCommunicator() if comm is None else comm, sink)


def everything(sim: Simulation) -> dict:
    """Return all that depends on what was recorded so far (collective)."""
    result = sim.result()
    found = {f"spikes of {name}": [x.tolist() for x in sim.spikes(name)] for name in ("E", "I")}
    found |= {f"V_m of {part}": [x.tolist() for x in sim.voltages(part)] for part in PARTS}
    found |= {"of the result": [[x.tolist() for x in result.spikes(name)] for name in ("E", "I")]}
    found |= {"V_m of the result": [[x.tolist() for x in result.voltages(part)] for part in PARTS]}
    keys = ("n_spikes", "populations", "recorded_ms", "t_presim_ms", "t_sim_ms", "spikes_sha256", "ledger")
    found |= {key: result.summary[key] for key in keys}
    found |= {"period": result.period, "pieces": result.pieces, "of the simulation": sim.period.pieces}
    return found | {"counts": sim.period.counts.tolist(), "sha256": sim.spikes_sha256(), "ledger": sim.ledger()}


@contextmanager
def interrupted_at(k: int, where: tuple[Path, ...], events: tuple[str, ...] = LOOKS) -> Iterator[list[int]]:
    """Raise KeyboardInterrupt at the k-th of the `events` in the files `where`; yield a list that holds k once that is
    done."""
    files, seen = {str(path) for path in where}, [0]

    def look(frame, event, _) -> None:
        if event in events and frame.f_code.co_filename in files and seen[0] < k:
            seen[0] += 1
            if seen[0] == k:
                raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(before)


class Fault(Exception):
    """An error that a test causes."""


def at_step(step: int, action: Callable[[], object]) -> Callable[[Simulation], None]:
    """Return an observer that does something once the simulation has come to `step`."""

    def observe(sim: Simulation) -> None:
        if sim.step >= step:
            action()

    return observe


def fail(kind: type[BaseException]) -> Callable[..., None]:
    """Return a function that raises an exception whatever it is given."""

    def action(*_) -> None:
        raise kind

    return action


def same(one: dict, other: dict) -> None:
    """Check that two simulations tell the same; the message names what differs."""
    assert [key for key in one if one[key] != other[key]] == []
