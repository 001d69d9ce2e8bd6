"""Other weights for the synapses of a projection, before or between runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..description.elements import Projection
from ..description.quantities import LARGEST, numbers
from ..engine.check import with_memory
from ..engine.connectivity import build_dense
from ..engine.connectivity.build_dense import Group
from ..engine.connectivity.change_weights import with_weights
from ..engine.connectivity.read_back import Found, find_synapses
from ..engine.rank_engine import RankEngine
from ..engine.step.delivery import WIDE, deliver_again
from ..engine.step.layout import receptor_of
from .agreement import agree
from .connections import connections_of


def set_weights(engine: RankEngine, projection: Projection, values: Mapping[str, object]) -> None:
    """Give the synapses of a projection other weights, see `Simulation.set` (collective)."""
    number, name = _number(engine, projection), _name(projection)
    agree(engine.comm, {"what is set": (number, values)})
    if set(values) != {"weight"}:
        key = next(iter(key for key in values if key != "weight"), "nothing")
        raise ValueError(f"{name}: {key!r} cannot be changed, only weight")
    if projection.target.population.model.relays:
        raise ValueError(f"{name}: {projection.target.population.model.name} passes on spikes whatever their weight")
    check_apart(engine, number)
    weight = values["weight"]
    if callable(weight):
        weight = weight(connections_of(engine, projection.source, projection.target, is_local=False))
        agree(engine.comm, {f"the new weights of {name}": weight})
    put_weights(engine, number, weight)
    numbered = tuple(sorted({*engine.settings.weights, number}))
    engine.settings = replace(engine.settings, weights=numbered, n_changes=engine.settings.n_changes + 1)


def put_weights(engine: RankEngine, number: int, weight: object) -> None:
    """Write the weights of projection `number`: one, or one for each synapse as `connections` lists them (collective).

    Raises
    ------
    ValueError
        On all ranks: another number of weights, one that is not finite, or synapses that are kept as bits.
    """
    projection = engine.network.projections[number]
    name = f"{_name(projection)}: weight"
    unit = projection.target.population.model.weight_unit
    value = np.asarray(numbers(name, weight, -LARGEST, LARGEST, unit))
    group = _group(engine, number)
    if group is not None:
        value = _one_weight(name, group, value)
    found = _in_table(engine, projection)
    n = int(engine.comm.allreduce(found.places.size))
    if value.ndim and value.shape != (n,):
        raise ValueError(f"{name}: a number, or {n} numbers in the order of sim.connections, not shape {value.shape}")
    mine = value[_positions(engine, found, projection.target.population.n)] if value.ndim else value
    _write(engine, projection, found, np.array(np.broadcast_to(mine, found.places.shape)))
    if group is not None:
        _write_group(engine, group, float(value))


def all_weights(engine: RankEngine, number: int) -> np.ndarray:
    """Return the weights of projection `number` in the order of `connections`; of one that is kept as bits, the one
    that all synapses have (collective)."""
    projection, group = engine.network.projections[number], _group(engine, number)
    if group is not None:
        return np.array([group.weight])
    return connections_of(engine, projection.source, projection.target, is_local=False).weights


def _group(engine: RankEngine, number: int) -> Group | None:
    """Return the group of bit matrices that holds projection `number`, if one does."""
    return next((group for group in engine.plan.groups if number in group.numbers), None)


def _one_weight(name: str, group: Group, value: np.ndarray) -> np.ndarray:
    """Return the one weight among new ones of synapses that are kept as bits; ValueError if there are several."""
    if value.size and (value == value.flat[0]).all() and len(group.numbers) == 1:
        return np.asarray(value.flat[0])
    several = "several weights" if len(group.numbers) == 1 else "a weight that is not that of others in their matrix"
    raise ValueError(
        f"{name}: its synapses are all alike and kept as bits of a matrix, which cannot have {several}. Read them "
        f"back, c = sim.connections(...), and connect them as a list, explicit(c.sources, c.targets), with an array of "
        f"weights, in a new network"
    )


def _in_table(engine: RankEngine, projection: Projection) -> Found:
    """Return the synapses of a projection that are in the table of this rank."""
    none = engine.dense._replace(sums=engine.dense.sums[:0], weights=engine.dense.weights[:0])
    return find_synapses(engine.synapses, none, engine.deal, projection.source, projection.target)


def _write_group(engine: RankEngine, group: Group, weight: float) -> None:
    plan = engine.plan
    groups = [replace(each, weight=weight) if each is group else each for each in plan.groups]
    engine.plan = replace(plan, groups=groups)
    engine.dense = build_dense.with_weights(
        engine.network, groups, plan.layout, engine.deal, plan.receptors, engine.dense
    )


def _write(engine: RankEngine, projection: Projection, found: Found, weights: np.ndarray) -> None:
    plan = engine.plan
    n_receptors = plan.receptors[engine.network.populations.index(projection.target.population)]
    receptors = receptor_of(weights, n_receptors, projection.receptor)
    tables = []
    with_memory(
        engine.comm, lambda: tables.append(with_weights(engine.synapses, plan, found.places, weights, receptors))
    )
    engine.synapses = tables[0]
    if plan.code.fixed:  # on all ranks, as they sum whole numbers or floating-point numbers together
        engine.plan = replace(plan, code=replace(plan.code, form=WIDE))
        engine.apply(engine.settings)
    deliver_again(engine.step, engine.synapses, engine.history, engine.scratch)


def _positions(engine: RankEngine, found: Found, n_targets: int) -> np.ndarray:
    """Return where this rank's synapses stand among those of all ranks, sorted (collective)."""
    pairs = engine.comm.allgather(found.sources * n_targets + found.targets)
    order = np.argsort(np.concatenate(pairs), kind="stable")
    places = np.empty(order.size, np.int64)
    places[order] = np.arange(order.size)
    first = sum(part.size for part in pairs[: engine.comm.rank])
    return places[first : first + found.sources.size]


def check_apart(engine: RankEngine, number: int) -> None:
    """ValueError if other projections connect the same neurons, as their synapses cannot be told apart."""
    mine = engine.network.projections[number]
    for other in engine.network.projections:
        ends = ((mine.source, other.source), (mine.target, other.target))
        if other is not mine and all(
            a.population is b.population and np.intersect1d(a.gids, b.gids).size for a, b in ends
        ):
            raise ValueError(
                f"{_name(mine)}: another projection connects some of the same neurons, and synapses of both cannot be "
                f"told apart: connect them as one list, explicit(sources, targets)"
            )


def _number(engine: RankEngine, projection: Projection) -> int:
    for number, known in enumerate(engine.network.projections):
        if known is projection:
            return number
    raise ValueError(f"{_name(projection)} is no projection of this network")


def _name(projection: Projection) -> str:
    return f"{projection.source.population.name} -> {projection.target.population.name}"
