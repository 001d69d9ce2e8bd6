"""Check the arguments of `Network.connect`: the rule can be fulfilled, weights and delays can be computed with."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..synapses import SynapseModel
from .distance import OfDistance
from .distributions import Distribution
from .edge_files import EdgeFile, FromFile
from .elements import Population, Selection, Value
from .grid import TimeGrid
from .matrices import Matrix, is_matrix
from .quantities import LARGEST, number, numbers, shown, whole
from .rules import Explicit, OneToOne, Rule
from .values import check_drawn, frozen

RELAYED = 1.0  # weight of what arrives at neurons that pass on spikes
MOST_DELAYS = 32767  # steps that a delay may take
PIECE = 1 << 16  # delays converted at a time


def check_given(name: str, rule: object, weight: object, delay: object) -> None:
    """Check that the projection `name` has a weight and a delay, the weight of a matrix being its entries.

    Raises
    ------
    TypeError
        One of them is missing, or given twice.
    """
    if is_matrix(rule) and weight is not None:
        raise TypeError(f"{name}: weight: the matrix holds the weights; name the delay: connect(..., W, delay=1.5)")
    columns = rule.columns if isinstance(rule, EdgeFile) else None
    for what, value in (("weight", weight), ("delay", delay)):
        column = columns and getattr(columns, what)
        if column and value is not None:
            raise TypeError(f"{name}: {what}: the file holds it in column {column!r}")
        if value is None and not column and not (what == "weight" and is_matrix(rule)):
            raise TypeError(f"{name}: {what} is missing")


def values_of(rule: Rule | Matrix, weight: Any, delay: Any) -> tuple[Any, Any]:
    """Return weight and delay as they were given, or as columns of the file of `rule`."""
    if not isinstance(rule, EdgeFile):
        return weight, delay
    weight_column, delay_column = rule.columns.weight, rule.columns.delay
    return FromFile(weight_column) if weight_column else weight, FromFile(delay_column) if delay_column else delay


def check_rule(name: str, rule: Rule, source: Selection, target: Selection) -> int | None:
    """Number of synapses where they can be listed; ValueError where the rule cannot be fulfilled."""
    if callable(rule):
        called = getattr(rule, "__name__", repr(rule))
        raise TypeError(f"{name}: {called}: call it, {called}()")
    if not isinstance(rule, Rule):
        raise TypeError(f"{name}: expected a weight matrix or a connection rule, not {shown(rule)}")
    shared = 0
    if source.population is target.population:
        shared = np.intersect1d(source.gids, target.gids, assume_unique=True).size
    problem = rule.problem(len(source), len(target), shared)
    if problem:
        raise ValueError(f"{name}: {problem}")
    if isinstance(rule, Explicit):
        return rule.sources.size
    return len(target) if isinstance(rule, OneToOne) else None


def check_synapse(name: str, synapse: SynapseModel) -> None:
    """Check the synapse model of the projection `name`.

    Raises
    ------
    TypeError
        It is no synapse model.
    """
    if not isinstance(synapse, SynapseModel):
        raise TypeError(f"{name}: synapse must be a SynapseModel, such as distsim.synapses.static, not {synapse!r}")


def read_weight(name: str, weight: object, n_synapses: int | None, target: Population) -> Value:
    """`weight` (in the unit of the weights of `target`) of the projection `name`, for each of `n_synapses` if it is an
    array."""
    name = f"{name}: weight"
    if isinstance(weight, Distribution):
        check_drawn(name, weight)
    elif not isinstance(weight, FromFile | OfDistance):
        weight = frozen(numbers(name, weight, -LARGEST, LARGEST, target.model.weight_unit))
        _check_size(name, weight, n_synapses)
    return RELAYED if target.model.relays else weight


def read_input_weight(name: str, weight: object, target: Population) -> float:
    """`weight` of the Poisson input `name`, one number in the unit of the weights of `target`."""
    value = number(f"{name}: weight", weight, -LARGEST, LARGEST, target.model.weight_unit)
    return RELAYED if target.model.relays else value


def read_receptor(name: str, receptor: object, target: Population) -> int | None:
    """Return the number (from 0) of the receptor of `target` at which input arrives, None where its sign says it.

    Raises
    ------
    ValueError
        There is no such receptor, or the model has several and none was chosen.
    """
    model = target.model
    if model.chooses_by_sign:
        if receptor is None:
            return None
        raise ValueError(
            f"{name}: {model.name}: the sign of the weight chooses the receptor, not receptor={receptor!r}"
        )
    first, last = model.first_receptor, model.first_receptor + len(model.inputs) - 1
    if receptor is None and (first == 0 or first == last):
        return 0
    if receptor is None:
        raise ValueError(
            f"{name}: {model.name} has receptors {first} to {last}: choose one, receptor={first} for instance"
        )
    if isinstance(receptor, str) and receptor in model.inputs:
        return model.inputs.index(receptor)
    return whole(f"{name}: receptor of {model.name}", receptor, first, last) - first


def read_delay(
    name: str, delay: object, n_synapses: int | None, grid: TimeGrid
) -> tuple[Value, int | np.ndarray | FromFile | OfDistance | None]:
    """Return `delay` of the projection `name` in ms and in steps (see `Projection`): 1 to `MOST_DELAYS` steps, on the
    grid unless it is drawn."""
    name, dt = f"{name}: delay", grid.dt_ms
    if isinstance(delay, FromFile | OfDistance):
        return delay, delay
    if isinstance(delay, Distribution):
        low, high = delay.support()
        if not low >= dt / 2 * (1 - 1e-12):
            raise ValueError(f"{name} must be at least dt = {dt:g} ms: redraw below {dt / 2:g} ms (minimum)")
        if not high / dt <= MOST_DELAYS:
            raise ValueError(f"{name}: draws of up to {high:g} ms exceed {MOST_DELAYS} steps: set a maximum")
        return delay, None
    value = numbers(name, delay, unit="ms")
    _check_size(name, value, n_synapses)
    if not isinstance(value, np.ndarray):
        return value, steps_of_delay(name, value, grid)
    steps = np.empty(value.size, np.int16)
    for start in range(0, value.size, PIECE):  # a conversion takes several arrays of float64
        steps[start : start + PIECE] = steps_of_delay(name, value[start : start + PIECE], grid)
    return frozen(value), frozen(steps)


def steps_of_delay(name: str, value: float | np.ndarray, grid: TimeGrid) -> int | np.ndarray:
    """`value` (ms) in steps; ValueError unless these are from 1 to `MOST_DELAYS`."""
    steps = grid.steps(value, name)
    if np.any(steps < 1):
        raise ValueError(f"{name} must be at least dt = {grid.dt_ms:g} ms, not {np.min(value):g} ms")
    if np.any(steps > MOST_DELAYS):
        raise ValueError(f"{name} must be at most {MOST_DELAYS} steps of {grid.dt_ms:g} ms, not {np.max(value):g} ms")
    return steps


def _check_size(name: str, value: float | np.ndarray, n_synapses: int | None) -> None:
    shape = np.shape(value)
    if shape and n_synapses is None:
        raise ValueError(f"{name}: a number or a distribution; arrays go with explicit and one_to_one")
    if shape and shape != (n_synapses,):
        raise ValueError(f"{name}: a number, a distribution or {n_synapses} numbers, not shape {shape}")
