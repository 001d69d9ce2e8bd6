"""Connection rules between neurons that have positions: checked, and told how far apart the neurons can be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .distance import OfDistance
from .elements import Selection
from .grid import TimeGrid
from .indices import numbers_at
from .masks import Mask
from .positions import Positions
from .projections import MOST_DELAYS
from .quantities import LARGEST
from .rules import AllToAll, FixedIndegree, FixedOutdegree, PairwiseBernoulli, Rule

SPATIAL = (AllToAll, FixedIndegree, FixedOutdegree, PairwiseBernoulli)
FIXED_DEGREES = (FixedIndegree, FixedOutdegree)
NEVER = 2.0**-33  # a probability that no random word meets
NEGLIGIBLE = 2.0**-53  # a probability, relative to the largest one, that a sum of them does not show
SAMPLE = (2048, 128)  # sources and targets, at most, from which the number of synapses is estimated


@dataclass(frozen=True)
class InSpace(Rule):
    """A rule between neurons with positions.

    Attributes
    ----------
    rule : AllToAll, FixedIndegree, FixedOutdegree or PairwiseBernoulli
        What is drawn.
    near, far : float
        Bounds of the distances of connected neurons.
    mean : float
        Mean probability of all pairs, estimated.
    """

    rule: AllToAll | FixedIndegree | FixedOutdegree | PairwiseBernoulli
    near: float
    far: float
    mean: float

    def __repr__(self) -> str:
        return repr(self.rule)

    __str__ = __repr__

    @property
    def probability(self) -> OfDistance | float:
        """Return the probability of a pair; of a fixed degree, relative to that of other pairs."""
        return probability_of(self.rule)

    @property
    def peak(self) -> float:
        """Return the largest probability of a pair."""
        probability = self.probability
        return probability.limits(self.near, self.far)[1] if isinstance(probability, OfDistance) else probability

    @property
    def mask(self) -> Mask | None:
        """Return the mask, if there is one."""
        return getattr(self.rule, "mask", None)

    @property
    def is_exact(self) -> bool:
        return self.rule.is_exact

    def problem(self, n_sources: int, n_targets: int, shared: int) -> str | None:
        return self.rule.problem(n_sources, n_targets, shared)

    def expected(self, n_sources: int, n_targets: int) -> float:
        if isinstance(self.rule, PairwiseBernoulli):
            return self.mean * n_sources * n_targets
        return self.rule.expected(n_sources, n_targets)

    def most_onto_one(self, n_sources: int) -> float:
        """Return a bound of the mean number of synapses onto a target."""
        rule = self.rule
        if isinstance(rule, FixedIndegree):
            return rule.n
        if isinstance(rule, FixedOutdegree):
            return n_sources * (rule.n if rule.allow_multapses else 1)
        return n_sources * min(1.0, self.peak)


def probability_of(rule: Rule) -> OfDistance | float:
    """Return the probability with which `rule` connects a pair within its mask."""
    probability = rule.p if isinstance(rule, PairwiseBernoulli) else getattr(rule, "probability", None)
    return 1.0 if probability is None else probability


def in_space(
    name: str, rule: Any, ends: tuple[Selection, Selection], weight: object, delay: object, grid: TimeGrid
) -> Any:
    """Return `rule` of the projection `name`; as an `InSpace` if it, the weight or the delay depends on positions.

    Parameters
    ----------
    ends : tuple of Selection
        Source and target.

    Raises
    ------
    ValueError
        Neurons have no positions or those of different spaces, or values are out of range at some distance.
    """
    mask = getattr(rule, "mask", None)
    probability = probability_of(rule) if isinstance(rule, Rule) else None
    given = {"probability": probability, "weight": weight, "delay": delay}
    depends = {what: value for what, value in given.items() if isinstance(value, OfDistance)}
    if not depends and mask is None:
        return rule
    if not isinstance(rule, SPATIAL):
        raise ValueError(
            f"{name}: {next(iter(depends))} depends on distance, which goes with pairwise_bernoulli, fixed_indegree, "
            f"fixed_outdegree and all_to_all"
        )
    source, target = _spaces(name, ends)
    problem = mask and mask.problem(source.n_axes)
    if problem:
        raise ValueError(f"{name}: mask: {problem}")
    near, far = _distances(source, target, mask)
    far = max(near, min(far, reach_of(rule, near, far)))
    _check_values(name, rule, depends, (near, far), grid)
    return InSpace(rule, near, far, _mean(rule, ends, (near, far)))


def reach_of(rule: Rule, near: float, far: float) -> float:
    """Return a distance beyond which `rule` connects nothing."""
    probability = probability_of(rule)
    if not isinstance(probability, OfDistance):
        return far
    least = NEVER
    if isinstance(rule, FIXED_DEGREES):
        least = NEGLIGIBLE * probability.limits(near, far)[1]
    return probability.reach(least) if least > 0 else far


def _spaces(name: str, ends: tuple[Selection, Selection]) -> tuple[Positions, Positions]:
    """Return the positions of source and target; ValueError unless they lie in one space."""
    for end in ends:
        if end.population.positions is None:
            raise ValueError(
                f"{name}: {end.population.name} has no positions, which probability, weight or delay depend on: "
                f"create(..., positions=...)"
            )
    source, target = (end.population.positions for end in ends)
    assert source is not None and target is not None
    if source.n_axes != target.n_axes:
        raise ValueError(f"{name}: positions in {source.n_axes} and in {target.n_axes} dimensions")
    if source.period != target.period:
        raise ValueError(f"{name}: spaces of different periods: {_period(source)} and {_period(target)}")
    return source, target


def _period(positions: Positions) -> str:
    return str(positions.period) if any(positions.period) else "not periodic"


def _distances(source: Positions, target: Positions, mask: Mask | None) -> tuple[float, float]:
    """Return bounds of the distances between neurons within the mask."""
    low, high = displacements(source, target, mask)
    far = math.sqrt(float(np.sum(np.maximum(np.abs(low), np.abs(high)) ** 2)))
    if mask is None or mask.around:
        return 0.0, far
    return max(0.0, mask.inner), max(mask.inner, min(far, mask.outer))


def displacements(source: Positions, target: Positions, mask: Mask | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and the largest displacement, target minus source, along each axis."""
    period = np.array(source.period)
    low = np.where(period > 0, -period / 2, np.subtract(target.lower, source.upper))
    high = np.where(period > 0, period / 2, np.subtract(target.upper, source.lower))
    if mask is not None:
        around = np.array(mask.around or (0.0,) * source.n_axes)
        low, high = np.maximum(low, around - mask.outer), np.minimum(high, around + mask.outer)
        if mask.low:
            low, high = np.maximum(low, mask.low), np.minimum(high, mask.high)
    return low, high


def _check_values(
    name: str, rule: Rule, depends: dict[str, OfDistance], distances: tuple[float, float], grid: TimeGrid
) -> None:
    """Check the range of what depends on distance; ValueError naming it."""
    between = f"between distances {distances[0]:g} and {distances[1]:g}"
    for what, function in depends.items():
        low, high = function.limits(*distances)
        goes = f"{function} goes from {low:g} to {high:g} {between}"
        if what == "probability" and isinstance(rule, PairwiseBernoulli) and high > 1.0:
            raise ValueError(f"{name}: probability must be at most 1; {goes}")
        if what == "probability" and not (high > 0.0 or (high == 0.0 and isinstance(rule, PairwiseBernoulli))):
            raise ValueError(f"{name}: probability must be greater than 0 somewhere; {goes}")
        if what == "weight" and not max(-low, high) <= LARGEST:
            raise ValueError(f"{name}: weight must be from {-LARGEST:g} to {LARGEST:g}; {goes}")
        if what == "delay":
            _check_delay(f"{name}: delay", goes, (low, high), grid.dt_ms)


def _check_delay(name: str, goes: str, limits: tuple[float, float], dt: float) -> None:
    if not limits[0] >= dt / 2 * (1 - 1e-12):
        raise ValueError(f"{name} must be at least dt = {dt:g} ms; {goes}: add to it, or Linear(..., minimum={dt:g})")
    if not limits[1] / dt <= MOST_DELAYS:
        raise ValueError(f"{name} must be at most {MOST_DELAYS} steps of {dt:g} ms; {goes}")


# --- the number of synapses to be expected ----------------------------------------------------------------------------


def _mean(rule: Rule, ends: tuple[Selection, Selection], distances: tuple[float, float]) -> float:
    """Return the mean probability of pairs, from a sample of them that depends on the description alone."""
    if not isinstance(rule, PairwiseBernoulli) or not all(map(len, ends)):
        return 0.0
    rng = np.random.default_rng(0)
    source, target = (_sampled(end, most, rng) for end, most in zip(ends, SAMPLE, strict=True))
    positions = ends[0].population.positions
    assert positions is not None
    total = 0.0
    for place in target:
        apart = wrapped(place - source, positions.period)
        inside = rule.mask.holds(apart) if rule.mask is not None else np.ones(len(apart), bool)
        inside &= (r := np.sqrt(np.sum(apart[:, :] ** 2, axis=1))) <= distances[1]
        p = rule.p(r[inside]) if isinstance(rule.p, OfDistance) else np.full(int(inside.sum()), rule.p)
        total += float(np.clip(p, 0.0, 1.0).sum())
    return total / len(source) / len(target)


def _sampled(end: Selection, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return positions of at most `most` neurons; drawn ones as typical ones."""
    positions, n = end.population.positions, len(end)
    assert positions is not None
    if positions.n_draws:
        return positions.place(rng.random((min(n, most), 3)))
    chosen = np.arange(n) if n <= most else rng.choice(n, most, replace=False)
    placed: np.ndarray = positions.place(np.zeros((0, 3)))[numbers_at(end.indices, chosen)]
    return placed


def wrapped(displacements: np.ndarray, period: tuple[float, ...]) -> np.ndarray:
    """Return displacements, shape (n, n_axes), to the nearest image where space is periodic."""
    found = displacements.copy()
    for axis, length in enumerate(period):
        if length:
            found[:, axis] -= length * np.rint(found[:, axis] / length)
    return found
