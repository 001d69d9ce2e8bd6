"""Check that a state read from a file fits the simulation: kernels check no bounds, and would write outside arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..description.elements import Population
from ..description.network import Network
from ..files import kinds
from ..parallel import Comm

MOST = 2**63 - 1
STEP, COUNT = kinds.whole(0, 2**53), kinds.whole(0, MOST)
# Start, stop, origin, numbers, dimensions of changed samples.
DEVICE = (COUNT, COUNT, COUNT, kinds.listed(kinds.number()), kinds.maybe(kinds.whole(1, 2)))
CHANGES = kinds.record(
    {
        "number": COUNT,
        "parameters": kinds.mapped(kinds.mapped(kinds.ANYTHING)),
        "rates": kinds.listed(kinds.ANYTHING),
        "stimuli": kinds.listed(kinds.row(COUNT, kinds.maybe(COUNT), kinds.number(), COUNT, COUNT)),
        "latest": kinds.listed(kinds.row(kinds.maybe(COUNT), kinds.number())),
        "weights": kinds.listed(COUNT),
        "steps": kinds.listed(COUNT),
        "waves": kinds.listed(kinds.row(COUNT, *DEVICE)),
        "latest_waves": kinds.listed(kinds.row(*DEVICE)),
        "trains": kinds.listed(COUNT),
    }
)
FACTS = kinds.record(
    {
        "step": STEP,
        "noise_seed": kinds.whole(0, 2**64 - 1),
        "network": kinds.mapped(kinds.text()),
        "n_synapses": COUNT,
        "spikes": COUNT,
        "delivered": COUNT,
        "pieces": kinds.listed(kinds.row(STEP, STEP)),
        "changes": CHANGES,
        "window": kinds.row(STEP, kinds.listed(COUNT)),
    }
)


def check_facts(facts: Any) -> None:
    """Check that the facts of a state are complete; ValueError naming an entry that is not."""
    kinds.check(facts, FACTS)


def check_size(network: Network, facts: Mapping[str, Any]) -> None:
    """Check that the facts of a state count as many populations and stimuli as `network` has.

    Raises
    ------
    ValueError
        They are not; the message names the entry.
    """
    changes, n_inputs = facts["changes"], len(network.poisson_inputs)
    if len(facts["window"][1]) != len(network.populations):
        raise ValueError(f"window counts {len(facts['window'][1])} populations; here are {len(network.populations)}")
    ends = [step for piece in facts["pieces"] for step in piece]
    if ends != sorted(ends) or (ends and ends[-1] > facts["step"]):
        raise ValueError("pieces do not follow each other up to the step of the checkpoint")
    if len(changes["latest"]) != n_inputs or any(row[0] >= n_inputs for row in changes["stimuli"]):
        raise ValueError(f"changes are not those of {n_inputs} Poisson inputs")
    places = [row[1] for row in changes["stimuli"]] + [row[0] for row in changes["latest"]]
    if any(place is not None and place >= len(changes["rates"]) for place in places):
        raise ValueError(f"changes: there are {len(changes['rates'])} rates")
    n_waves, n_steps = len(network.currents), len(network.step_currents)
    if len(changes["latest_waves"]) != n_waves or any(row[0] >= n_waves for row in changes["waves"]):
        raise ValueError(f"changes are not those of {n_waves} currents")
    if any(k >= n_steps for k in changes["steps"]) or any(k >= len(network.populations) for k in changes["trains"]):
        raise ValueError(f"changes are not those of {n_steps} step currents, {len(network.populations)} populations")
    if any(number >= len(network.projections) for number in changes["weights"]):
        raise ValueError(f"changes: weights of more than {len(network.projections)} projections")
    for population in network.populations:
        for name, value in changes["parameters"].get(population.name, {}).items():
            _check_parameter(population, name, value)


def _check_parameter(population: Population, name: str, value: Any) -> None:
    known = population.model.parameters
    if name not in known:
        raise ValueError(f"changes: {population.name} has no parameter {name!r}")
    if known[name].choices:
        kinds.check(value, kinds.one_of(*known[name].choices), f"changes: {population.name}.{name}")
    elif isinstance(value, list):
        array = np.array(value) if all(type(each) in (int, float) for each in value) else np.zeros(0, bool)
        if array.dtype.kind not in "if" or array.shape != (population.n,):
            raise ValueError(f"changes: {population.name}.{name} is not a list of {population.n} numbers")
    else:
        kinds.check(value, kinds.number(), f"changes: {population.name}.{name}")


def check_arrays(
    comm: Comm,
    neurons: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    shared: Mapping[str, np.ndarray],
    longest: int,
    n: int,
) -> None:
    """Check that the arrays of a state are those of this simulation (collective).

    Parameters
    ----------
    neurons, expected : mapping of str to ndarray, shape (n_local,)
        The arrays read from the file, and arrays of the types and lengths that they must have.
    shared : mapping of str to ndarray
        The recent spikes.
    longest : int
        The longest delay in steps.
    n : int
        The number of neurons.

    Raises
    ------
    ValueError
        On every rank, if they are not.
    """
    found = _unfit(neurons, expected) or _wrong_history(shared, longest, n)
    problems = [problem for problem in comm.allgather(found) if problem]
    if problems:
        raise ValueError(problems[0])


def _unfit(neurons: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> str | None:
    for name, array in expected.items():
        found = neurons.get(name)
        if found is None:
            return f"there is no dataset {name}"
        if found.dtype != array.dtype or found.shape != array.shape:
            return f"dataset {name} has {found.size} values of {found.dtype}, not {array.size} of {array.dtype}"
        # The guard finds states that are not finite.
        if found.dtype.kind == "i" and found.min(initial=0) < 0:
            return f"dataset {name} holds {found.min()}, less than 0"
    return None


def _wrong_history(shared: Mapping[str, np.ndarray], longest: int, n: int) -> str | None:
    counts, gids = (shared.get(f"history/{name}", np.zeros(0)) for name in ("counts", "gids"))
    if counts.dtype != np.int64 or counts.size != longest or counts.min(initial=0) < 0:
        return f"dataset history/counts is not of {longest} numbers of spikes"
    if gids.dtype != np.uint32 or counts.max(initial=0) > gids.size or counts.sum() != gids.size:
        return f"dataset history/gids has {gids.size} spikes, not as many as history/counts"
    if gids.max(initial=0) >= max(n, 1):
        return f"dataset history/gids holds neuron {gids.max()}; there are {n}"
    return None
