"""The state of a simulation: what a checkpoint holds, as arrays from which any number of ranks can resume.

It excludes synapses, which are drawn again from the seed and checked (except changed weights); Poisson numbers, which
are functions of the seed and the step; and recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..description.edge_files import EdgeFile
from ..description.network import Network
from ..engine.ledger import events_on_their_way
from ..engine.rank_engine import RankEngine
from ..engine.step import loop
from ..engine.step.delivery import History, deliver_again
from ..engine.step.period import Period
from ..engine.step.population_state import find_shared_currents, state_places, sum_currents
from ..engine.step.stimulation import resume
from .agreement import described, digest
from .changed import changed_settings, record_changes
from .changed_inputs import arrays_of_inputs
from .guard import Guard
from .state_check import check_arrays, check_facts, check_size
from .weight_changes import all_weights, put_weights

BY_NEURON = ("refractory", "I_e", "device", "emitted")
MAY_DIFFER = "the recorders"  # the part of a description that may differ


class State(NamedTuple):
    """The state of a simulation after a step.

    Attributes
    ----------
    facts : single numbers and texts, for JSON, the same on all ranks.
    neurons : name -> array (n_local,), one value for each of this rank's neurons, by ascending gid.
    shared : name -> array, the same on all ranks: `history/counts` int64 (longest delay,), how many spikes each of the
        last steps had, oldest first; `history/gids` uint32, the neurons that fired; `weights/NUMBER` float64, of
        projections whose weights were changed, in the order of `Simulation.connections`; `rates/NUMBER/NAME`,
        `steps/NUMBER/NAME`, `waves/NUMBER`, `trains/NUMBER`: arrays of changed inputs.
    """

    facts: dict
    neurons: dict[str, np.ndarray]
    shared: dict[str, np.ndarray]


def state_of(engine: RankEngine, period: Period, guard: Guard) -> State:
    """Return the state of a simulation between two steps (collective); RuntimeError if one was left half-way."""
    engine.check_whole()
    neurons = engine.neurons
    arrays = {f"state/{k}": _variable(engine, k) for k in range(_n_variables(engine.network))}
    arrays |= {name: getattr(neurons, name).copy() for name in BY_NEURON}
    arrays["counted"] = period.counts.copy()
    facts = {
        "step": engine.step,
        "noise_seed": engine.noise_seed,
        "network": _identity(engine),
        "n_synapses": engine.n_synapses,
        "spikes": engine.n_spikes,
        "delivered": engine.ledger().delivered,
        "pieces": [list(piece) for piece in period.pieces],
        "changes": record_changes(engine.network, engine.described, engine.settings),
        "window": [guard.since, guard.counts.tolist()],
    }
    weights = {f"weights/{number}": all_weights(engine, number) for number in engine.settings.weights}
    inputs = arrays_of_inputs(engine.network, engine.settings)
    return State(facts, arrays, {**_recent_spikes(engine), **weights, **inputs})


def restore(engine: RankEngine, guard: Guard, state: State, noise_seed: int | None = None) -> Period:
    """Set the engine and guard of a simulation just built to `state`; return the recorded period (collective).

    Raises
    ------
    ValueError : the state is that of another network or seed, of another noise seed than the given one, or is damaged.
    """
    facts, step = state.facts, state.facts["step"]
    _check(engine, state)
    if noise_seed not in (None, facts["noise_seed"]):
        raise ValueError(f"the checkpoint is of noise_seed {facts['noise_seed']}, not {noise_seed}")
    engine.draw_noise_from(facts["noise_seed"])
    if facts["changes"]["number"]:
        settings = changed_settings(engine.network, engine.described, facts["changes"], state.shared)
        engine.apply(settings)
        engine.resume_given(settings, step)
    for number in facts["changes"]["weights"]:
        if f"weights/{number}" not in state.shared:
            raise ValueError(f"there is no dataset weights/{number}")
        put_weights(engine, number, state.shared[f"weights/{number}"])
    _restore_neurons(engine, state.neurons)
    guard.since, guard.counts = facts["window"][0], np.array(facts["window"][1], np.int64)
    counts = engine.clock.counts
    counts[loop.STEP] = step
    resume(engine.currents, engine.trains, step)
    _restore_recent_spikes(engine, state.shared["history/counts"], state.shared["history/gids"])
    counts[loop.SPIKES] = facts["spikes"]
    deliver_again(step, engine.synapses, engine.history, engine.scratch)
    in_rows = events_on_their_way(engine.connections, step)[1]
    counts[loop.EVENTS] = in_rows + (facts["delivered"] if engine.comm.rank == 0 else 0)
    try:
        engine.ledger()
    except RuntimeError as error:  # the same on all ranks
        raise ValueError(f"some of its spikes are missing: {error}") from None
    return Period([tuple(piece) for piece in facts["pieces"]], state.neurons["counted"].copy())


def _restore_neurons(engine: RankEngine, arrays: Mapping[str, np.ndarray]) -> None:
    neurons = engine.neurons
    for k in range(_n_variables(engine.network)):
        lids = _with_variable(engine, k)
        neurons.state[state_places(neurons, lids, k)] = arrays[f"state/{k}"][lids]
    for name in BY_NEURON:
        getattr(neurons, name)[:] = arrays[name]
    sum_currents(neurons, np.arange(engine.deal.n_local))
    find_shared_currents(neurons)


# --- is it the same network? ------------------------------------------------------------------------------------------


def _identity(engine: RankEngine) -> dict[str, str]:
    """Return a digest of each part of the description."""
    parts = described(engine.network, engine.seed)
    for number, projection in enumerate(engine.network.projections):
        if isinstance(projection.rule, EdgeFile):
            parts[f"edges of projection {number}"] = projection.rule.facts.content
    return {name: digest(part).hex() for name, part in parts.items() if name != MAY_DIFFER}


def _check(engine: RankEngine, state: State) -> None:
    """Check that `state` is of this network and seed; ValueError on every rank if not (collective)."""
    facts = state.facts
    check_facts(facts)
    here, there = _identity(engine), facts["network"]
    differing = [name for name in (*here, *there) if here.get(name) != there.get(name)]
    if differing:
        raise ValueError(f"the checkpoint is of another network or seed: {differing[0]} differs")
    if engine.n_synapses != facts["n_synapses"]:
        n = facts["n_synapses"]
        raise ValueError(f"the checkpoint is of a network with {n} synapses; here there are {engine.n_synapses}")
    check_size(engine.network, facts)
    neurons, n_local = engine.neurons, engine.deal.n_local
    expected = {f"state/{k}": np.zeros(n_local) for k in range(_n_variables(engine.network))}
    expected |= {name: getattr(neurons, name) for name in BY_NEURON} | {"counted": np.zeros(n_local, np.int64)}
    check_arrays(engine.comm, state.neurons, expected, state.shared, _longest(engine), engine.network.n)


# --- neurons ----------------------------------------------------------------------------------------------------------


def _n_variables(network: Network) -> int:
    return max((len(p.model.states) for p in network.populations), default=0)


def _with_variable(engine: RankEngine, k: int) -> np.ndarray:
    """Return the local neurons whose model has a state variable number `k`."""
    ranges = [
        np.arange(*engine.deal.local_range(p.first, p.n)) for p in engine.network.populations if len(p.model.states) > k
    ]
    return np.concatenate([np.zeros(0, np.int64), *ranges])


def _variable(engine: RankEngine, k: int) -> np.ndarray:
    values, lids = np.zeros(engine.deal.n_local), _with_variable(engine, k)
    values[lids] = engine.neurons.state[state_places(engine.neurons, lids, k)]
    return values


# --- spikes that are on their way -------------------------------------------------------------------------------------


def _longest(engine: RankEngine) -> int:
    return engine.plan.longest_delay


def _recent_spikes(engine: RankEngine) -> dict[str, np.ndarray]:
    """Return the spikes of the last steps, as many as the longest delay has; none before the first step."""
    history, now = engine.history, engine.step
    steps = np.arange(now - _longest(engine) + 1, now + 1)
    counts = np.where(steps > 0, history.count[steps % history.count.size], 0)
    numbers = engine.clock.counts[loop.HEAD] - counts.sum() + np.arange(counts.sum())
    return {"history/counts": counts, "history/gids": history.gids[numbers % history.gids.size]}


def _restore_recent_spikes(engine: RankEngine, counts: np.ndarray, gids: np.ndarray) -> None:
    """Make these the spikes of the last steps."""
    old, now = engine.history, engine.step
    size = max(old.gids.size, 1 << int(gids.size).bit_length())
    ring = np.empty(size, np.uint32)
    ring[: gids.size] = gids
    engine.history = History(ring, np.zeros_like(old.first), np.zeros_like(old.count))
    slots = np.arange(now - counts.size + 1, now + 1) % old.first.size
    engine.history.first[slots] = np.cumsum(counts) - counts
    engine.history.count[slots] = counts
    engine.clock.counts[loop.HEAD] = gids.size
