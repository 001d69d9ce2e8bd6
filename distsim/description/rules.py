"""Connection rules: which pairs of neurons a projection connects.

They are plain descriptions; `engine/connectivity/draws.py` draws the synapses.

Names and meanings are NEST's. A multapse is a second synapse of the same pair, an autapse one of a neuron with itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from .distance import OfDistance
from .masks import Mask
from .quantities import number, numbers, shown, whole

MOST_LISTED = 2**32 - 1  # synapses of a list: what is drawn for them is found by 32-bit positions


@dataclass(frozen=True)
class Rule:
    """A rule; `problem` says why it cannot be fulfilled between selections of these sizes."""

    def __repr__(self) -> str:
        values = [(field.name, getattr(self, field.name)) for field in fields(self)]
        given = ", ".join(f"{name}={value!r}" for name, value in values if value is not None)
        return f"{type(self).__name__}({given})"

    def problem(self, n_sources: int, n_targets: int, shared: int) -> str | None:
        """A message or None. shared: targets that are among the sources."""
        return None

    def expected(self, n_sources: int, n_targets: int) -> float:
        """Synapses to be expected (more than that by chance, fewer where autapses are left out)."""
        raise NotImplementedError

    @property
    def is_exact(self) -> bool:
        """Return whether the number of synapses always equals `expected`."""
        return True


@dataclass(frozen=True, repr=False)
class FixedIndegree(Rule):
    """Each target gets `n` synapses from sources drawn uniformly, or in proportion to `probability` within `mask`."""

    n: int
    allow_autapses: bool = True
    allow_multapses: bool = True
    probability: OfDistance | None = None
    mask: Mask | None = None

    def problem(self, n_sources: int, n_targets: int, shared: int) -> str | None:
        return _too_many("indegree", self, n_sources, n_targets, shared)

    def expected(self, n_sources: int, n_targets: int) -> float:
        return self.n * n_targets


@dataclass(frozen=True, repr=False)
class FixedOutdegree(Rule):
    """Each source makes `n` synapses onto targets drawn uniformly, or in proportion to `probability` within `mask`."""

    n: int
    allow_autapses: bool = True
    allow_multapses: bool = True
    probability: OfDistance | None = None
    mask: Mask | None = None

    def problem(self, n_sources: int, n_targets: int, shared: int) -> str | None:
        return _too_many("outdegree", self, n_targets, n_sources, shared)

    def expected(self, n_sources: int, n_targets: int) -> float:
        return self.n * n_sources


@dataclass(frozen=True)
class FixedTotalNumber(Rule):
    """`n` synapses; source and target of each drawn uniformly from the pairs that are allowed."""

    n: int
    allow_autapses: bool = True
    allow_multapses: bool = True

    def problem(self, n_sources: int, n_targets: int, shared: int) -> str | None:
        pairs = n_sources * n_targets - (0 if self.allow_autapses else shared)
        if self.n and not pairs:
            return f"{self.n} synapses, but there is no pair to connect"
        if self.n > pairs and not self.allow_multapses:
            return f"{self.n} synapses without multapses, but only {pairs} pairs"
        return None

    def expected(self, n_sources: int, n_targets: int) -> float:
        return self.n


@dataclass(frozen=True, repr=False)
class PairwiseBernoulli(Rule):
    """Each pair (within `mask`) is connected with probability `p`, at most once."""

    p: float | OfDistance
    allow_autapses: bool = True
    mask: Mask | None = None

    def expected(self, n_sources: int, n_targets: int) -> float:
        assert not isinstance(self.p, OfDistance)  # see `in_space`
        return self.p * n_sources * n_targets

    @property
    def is_exact(self) -> bool:
        return False


@dataclass(frozen=True)
class AllToAll(Rule):
    """Each source is connected to each target, once."""

    allow_autapses: bool = True

    def expected(self, n_sources: int, n_targets: int) -> float:
        return n_sources * n_targets

    @property
    def is_exact(self) -> bool:
        return self.allow_autapses


@dataclass(frozen=True)
class OneToOne(Rule):
    """Source k is connected to target k."""

    def problem(self, n_sources: int, n_targets: int, shared: int) -> str | None:
        if n_sources != n_targets:
            return f"one_to_one, but {n_sources} sources and {n_targets} targets"
        return None

    def expected(self, n_sources: int, n_targets: int) -> float:
        return n_targets


@dataclass(frozen=True, eq=False)
class Explicit(Rule):
    """Synapse k leads from neuron sources[k] to neuron targets[k], both 0-based in their selection (int32 arrays, int64
    where an index is larger)."""

    sources: np.ndarray
    targets: np.ndarray

    def __post_init__(self) -> None:
        if self.sources.shape != self.targets.shape or self.sources.ndim != 1:
            raise ValueError(
                f"explicit: sources {self.sources.shape} and targets {self.targets.shape} must be 1-d and equally long"
            )
        if self.sources.size > MOST_LISTED:
            raise ValueError(f"explicit: {self.sources.size} synapses in one list: at most {MOST_LISTED}, use several")

    def problem(self, n_sources: int, n_targets: int, shared: int) -> str | None:
        for what, indices, n in (("sources", self.sources, n_sources), ("targets", self.targets, n_targets)):
            if indices.size and (indices.min() < 0 or indices.max() >= n):
                return f"{what} must lie in 0 ... {n - 1}"
        return None

    def expected(self, n_sources: int, n_targets: int) -> float:
        return self.sources.size


Drawn = FixedIndegree | FixedOutdegree | FixedTotalNumber | PairwiseBernoulli | AllToAll  # not given as pairs


def fixed_indegree(
    n: int,
    allow_autapses: bool = True,
    allow_multapses: bool = True,
    probability: OfDistance | None = None,
    mask: Mask | None = None,
) -> FixedIndegree:
    """`n` synapses onto each target, from sources drawn uniformly; or, of neurons with positions, in proportion to
    `probability`, a function of distance, and within `mask`."""
    _check_mask("fixed_indegree", mask)
    probability = _function("fixed_indegree: probability", probability)
    return FixedIndegree(whole("fixed_indegree: n", n), allow_autapses, allow_multapses, probability, mask)


def fixed_outdegree(
    n: int,
    allow_autapses: bool = True,
    allow_multapses: bool = True,
    probability: OfDistance | None = None,
    mask: Mask | None = None,
) -> FixedOutdegree:
    """`n` synapses from each source, onto targets drawn uniformly; or, of neurons with positions, in proportion to
    `probability`, a function of distance, and within `mask`."""
    _check_mask("fixed_outdegree", mask)
    probability = _function("fixed_outdegree: probability", probability)
    return FixedOutdegree(whole("fixed_outdegree: n", n), allow_autapses, allow_multapses, probability, mask)


def fixed_total_number(n: int, allow_autapses: bool = True, allow_multapses: bool = True) -> FixedTotalNumber:
    """`n` synapses in all."""
    return FixedTotalNumber(whole("fixed_total_number: n", n), allow_autapses, allow_multapses)


def pairwise_bernoulli(
    p: float | OfDistance, allow_autapses: bool = True, mask: Mask | None = None
) -> PairwiseBernoulli:
    """Each pair with probability `p`; of neurons with positions, `p` may be a function of distance, and only pairs
    within `mask` are connected."""
    _check_mask("pairwise_bernoulli", mask)
    p = p if isinstance(p, OfDistance) else number("pairwise_bernoulli: p", p, 0.0, 1.0)
    return PairwiseBernoulli(p, allow_autapses, mask)


def all_to_all(allow_autapses: bool = True) -> AllToAll:
    """Each pair once."""
    return AllToAll(allow_autapses)


def one_to_one() -> OneToOne:
    """The k-th source to the k-th target."""
    return OneToOne()


def explicit(sources: np.ndarray | Sequence[int], targets: np.ndarray | Sequence[int]) -> Explicit:
    """The pairs (sources[k], targets[k])."""
    return Explicit(as_indices("sources", sources), as_indices("targets", targets))


def as_indices(name: str, values: np.ndarray | Sequence[int]) -> np.ndarray:
    """Return a copy of `values` as whole numbers: int32 if all of them fit, otherwise int64.

    Raises
    ------
    ValueError : a value that is no whole number, or is beyond 2^53.
    """
    if type(values) is np.ndarray and values.dtype.kind in "iu" and _fit_int32(values):
        return values.astype(np.int32)
    array = np.asarray(numbers(name, values, -(2**53), 2**53))
    if not np.array_equal(array, np.floor(array)):
        raise ValueError(f"{name} must be whole numbers")
    return array.astype(np.int32 if _fit_int32(array) else np.int64)


def _check_mask(rule: str, mask: object) -> None:
    if mask is not None and not isinstance(mask, Mask):
        raise TypeError(f"{rule}: mask must be a Circle, Annulus or Box, not {shown(mask)}")


def _function(name: str, value: object) -> OfDistance | None:
    if value is not None and not isinstance(value, OfDistance):
        raise TypeError(f"{name} must be a Gaussian, Exponential or Linear, not {shown(value)}")
    return value


def _fit_int32(array: np.ndarray) -> bool:
    return not array.size or bool(array.min() >= -(2**31) and array.max() < 2**31)


def _too_many(
    what: str, rule: FixedIndegree | FixedOutdegree, n_choices: int, n_drawing: int, shared: int
) -> str | None:
    """For a degree drawn from n_choices; a neuron that may not connect to itself has one choice less."""
    choices = n_choices - (1 if shared and not rule.allow_autapses else 0)
    if rule.n and n_drawing and not choices:
        return f"{what} {rule.n}, but there is nothing to choose from"
    if rule.n > choices and n_drawing and not rule.allow_multapses:
        return f"{what} {rule.n} without multapses, but only {choices} to choose from"
    return None
