"""All that the future of a simulation depends on, as arrays by global id that any number of ranks can take up.

Synapses are not among it: they are made again from the seed, and whether they are the same is checked. Neither are
Poisson numbers, which are functions of the seed and the step, nor what was recorded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..engine.ledger import events_on_their_way
from ..engine.step import loop
from ..engine.step.delivery import History, deliver_again
from ..engine.step.population_state import find_shared_currents, potential_places, sum_currents
from ..engine.step.recorders import Period
from ..engine.step.stimulation import resume
from ..engine.step.update import ROW
from .agreement import described, digest
from .changed import record_changes, repeat_changes
from .state_check import check_arrays, check_facts, check_size

BY_NEURON = ("refractory", "I_e", "device", "emitted")
EXCEPT = "what is recorded"  # the part of a description that may differ


class State(NamedTuple):
    """The state of a simulation after a step.

    Attributes
    ----------
    facts : numbers and texts, fit for JSON, the same on all ranks.
    neurons : name -> array (n_local,), one value for each of this rank's neurons, by ascending gid.
    shared : name -> array, the same on all ranks: `history/counts` int64 (longest delay,), spikes of the last steps,
        oldest first; `history/gids` uint32, whose they are.
    """

    facts: dict
    neurons: dict[str, np.ndarray]
    shared: dict[str, np.ndarray]


def state_of(simulation) -> State:
    """The state of `simulation` between two steps (collective)."""
    neurons, period = simulation.neurons, simulation.period
    arrays = {f"state/{k}": _variable(simulation, k) for k in range(_n_variables(simulation.network))}
    arrays |= {name: getattr(neurons, name).copy() for name in BY_NEURON}
    arrays["counted"] = period.counts.copy()
    facts = {
        "step": simulation.step,
        "network": _identity(simulation),
        "n_synapses": simulation.n_synapses,
        "spikes": int(simulation.clock[loop.SPIKES]),
        "delivered": simulation.ledger().delivered,
        "pieces": [list(piece) for piece in period.pieces],
        "changes": record_changes(simulation),
        "window": [simulation.guard.since, simulation.guard.counts.tolist()],
    }
    return State(facts, arrays, _recent_spikes(simulation))


def restore(simulation, state: State) -> None:
    """Bring `simulation`, just built, into `state` (collective).

    Raises
    ------
    ValueError : the state is that of another network or seed, or is damaged.
    """
    _check(simulation, state)
    repeat_changes(simulation, state.facts["changes"])
    neurons, facts = simulation.neurons, state.facts
    for k in range(_n_variables(simulation.network)):
        lids = _with_variable(simulation, k)
        neurons.state[potential_places(neurons, lids) + ROW * k] = state.neurons[f"state/{k}"][lids]
    for name in BY_NEURON:
        getattr(neurons, name)[:] = state.neurons[name]
    sum_currents(neurons, np.arange(simulation.deal.n_local))
    find_shared_currents(neurons)
    simulation.period = Period([tuple(piece) for piece in facts["pieces"]], state.neurons["counted"].copy())
    step = facts["step"]
    simulation.clock[loop.STEP] = step
    simulation.guard.since, simulation.guard.counts = facts["window"][0], np.array(facts["window"][1], np.int64)
    resume(simulation.currents, simulation.trains, step)
    _remember(simulation, **{name.split("/")[1]: array for name, array in state.shared.items()})
    simulation.clock[loop.SPIKES] = facts["spikes"]
    deliver_again(step, simulation.synapses, simulation.history, simulation.scratch)
    in_rows = events_on_their_way(simulation)[1]
    simulation.clock[loop.EVENTS] = in_rows + (facts["delivered"] if simulation.comm.rank == 0 else 0)
    try:
        simulation.ledger()
    except RuntimeError as error:  # the same on all ranks
        raise ValueError(f"its spikes are not all there: {error}") from None


# --- is it the same network? ------------------------------------------------------------------------------------------


def _identity(simulation) -> dict[str, str]:
    """A digest of each part of the description."""
    parts = described(simulation.network, simulation.seed)
    return {name: digest(part).hex() for name, part in parts.items() if name != EXCEPT}


def _check(simulation, state: State) -> None:
    """Check that `state` is one of this simulation; ValueError on every rank if not (collective)."""
    facts = state.facts
    check_facts(facts)
    here, there = _identity(simulation), facts["network"]
    differing = [name for name in (*here, *there) if here.get(name) != there.get(name)]
    if differing:
        raise ValueError(f"the checkpoint is of another network or seed: {differing[0]} differs")
    if simulation.n_synapses != facts["n_synapses"]:
        n = facts["n_synapses"]
        raise ValueError(f"the checkpoint is of a network with {n} synapses; here there are {simulation.n_synapses}")
    check_size(simulation.network, facts)
    neurons, n_local = simulation.neurons, simulation.deal.n_local
    expected = {f"state/{k}": np.zeros(n_local) for k in range(_n_variables(simulation.network))}
    expected |= {name: getattr(neurons, name) for name in BY_NEURON} | {"counted": simulation.period.counts}
    check_arrays(simulation.comm, state.neurons, expected, state.shared, _longest(simulation), simulation.network.n)


# --- neurons ----------------------------------------------------------------------------------------------------------


def _n_variables(network) -> int:
    return max((len(p.model.states) for p in network.populations), default=0)


def _with_variable(simulation, k: int) -> np.ndarray:
    """Local neurons that have a state variable number `k`."""
    ranges = [
        np.arange(*simulation.deal.local_range(p.first, p.n))
        for p in simulation.network.populations
        if len(p.model.states) > k
    ]
    return np.concatenate([np.zeros(0, np.int64), *ranges])


def _variable(simulation, k: int) -> np.ndarray:
    values, lids = np.zeros(simulation.deal.n_local), _with_variable(simulation, k)
    values[lids] = simulation.neurons.state[potential_places(simulation.neurons, lids) + ROW * k]
    return values


# --- spikes that are on their way -------------------------------------------------------------------------------------


def _longest(simulation) -> int:
    delays = simulation.synapses.delays
    return int(delays[-1]) if delays.size else 0


def _recent_spikes(simulation) -> dict[str, np.ndarray]:
    """The spikes of the last steps, as many as the longest delay has; none before the first step."""
    history, now = simulation.history, simulation.step
    steps = np.arange(now - _longest(simulation) + 1, now + 1)
    counts = np.where(steps > 0, history.count[steps % history.count.size], 0)
    numbers = simulation.clock[loop.HEAD] - counts.sum() + np.arange(counts.sum())
    return {"history/counts": counts, "history/gids": history.gids[numbers % history.gids.size]}


def _remember(simulation, counts: np.ndarray, gids: np.ndarray) -> None:
    """Make these the spikes of the last steps."""
    old, now = simulation.history, simulation.step
    size = max(old.gids.size, 1 << int(gids.size).bit_length())
    ring = np.empty(size, np.uint32)
    ring[: gids.size] = gids
    simulation.history = History(ring, np.zeros_like(old.first), np.zeros_like(old.count))
    slots = np.arange(now - counts.size + 1, now + 1) % old.first.size
    simulation.history.first[slots] = np.cumsum(counts) - counts
    simulation.history.count[slots] = counts
    simulation.clock[loop.HEAD] = gids.size
