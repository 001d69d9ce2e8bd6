"""Connection rules: which pairs of neurons a projection connects. Plain descriptions; `engine/connectivity.py` draws
them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FixedTotalNumber:
    """`n` synapses; source and target of each drawn uniformly with replacement (autapses and multapses occur)."""

    n: int

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"fixed_total_number: n must be at least 0, not {self.n}")


@dataclass(frozen=True, eq=False)
class Explicit:
    """Synapse k leads from neuron sources[k] to neuron targets[k], both 0-based in their selection (int64 arrays)."""

    sources: np.ndarray
    targets: np.ndarray

    def __post_init__(self) -> None:
        if self.sources.shape != self.targets.shape or self.sources.ndim != 1:
            raise ValueError(
                f"explicit: sources {self.sources.shape} and targets {self.targets.shape} must be 1-d and equally long"
            )


def fixed_total_number(n: int) -> FixedTotalNumber:
    return FixedTotalNumber(int(n))


def explicit(sources: np.ndarray, targets: np.ndarray) -> Explicit:
    return Explicit(as_indices("sources", sources), as_indices("targets", targets))


def as_indices(name: str, values: np.ndarray) -> np.ndarray:
    """`values` as int64, refused if that would change one of them."""
    array = np.asarray(values)
    if array.size and not (np.issubdtype(array.dtype, np.integer) or np.array_equal(array, np.floor(array))):
        raise ValueError(f"{name} must be whole numbers")
    return array.astype(np.int64)
