"""`Family`: models of one name whose lists of parameters, of receptors for instance, may have any length.

Each length is a `NeuronModel` of its own, whose `step` is written for it: a loop over the elements of a list could not
be vectorised. A population gets the one that fits the lists it is created with.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .base import NeuronModel


@dataclass(frozen=True)
class Family:
    """Models of one name that differ in the lengths of lists.

    Attributes
    ----------
    name : str
        The name.
    lists : tuple of tuples of str
        Names of lists; those in one tuple are equally long.
    fewest, most : int
        Elements that a list may have.
    usual : tuple of int
        Elements of lists that are not given.
    make : callable
        Returns the model for given lengths, one for each tuple of `lists`.
    """

    name: str
    lists: tuple[tuple[str, ...], ...]
    fewest: int
    most: int
    usual: tuple[int, ...]
    make: Callable[..., NeuronModel]

    def member(self, *lengths: int) -> NeuronModel:
        """Return the model for these lengths, the same object each time."""
        return _member(self, lengths or self.usual)

    def model_for(self, parameters: Mapping[str, object]) -> NeuronModel:
        """Return the model for the lists among `parameters`.

        Raises
        ------
        ValueError
            A list is none, or has too few or too many elements, or another number of them than it must.
        """
        pairs = zip(self.lists, self.usual, strict=True)
        return self.member(*(self._length(names, usual, parameters) for names, usual in pairs))

    def _length(self, names: tuple[str, ...], usual: int, parameters: Mapping[str, object]) -> int:
        lengths = {
            name: len(elements(f"{self.name}: {name}", parameters[name])) for name in names if name in parameters
        }
        if len(set(lengths.values())) > 1 or 0 < len(lengths) < len(names):
            found = ", ".join(f"{name} has {lengths.get(name, 0)}" for name in names)
            raise ValueError(f"{self.name}: {' and '.join(names)} must have equally many elements; {found}")
        length = next(iter(lengths.values()), usual)
        if not self.fewest <= length <= self.most:
            raise ValueError(f"{self.name}: {names[0]} must have {self.fewest} to {self.most} elements, not {length}")
        return length

    def lengths_of(self, model: NeuronModel) -> tuple[int, ...]:
        """Return the lengths of the lists of a member."""
        return tuple(len(model.lists[names[0]]) for names in self.lists)


@functools.cache
def _member(family: Family, lengths: tuple[int, ...]) -> NeuronModel:
    return family.make(*lengths)


def elements(name: str, value: object) -> Sequence:
    """Return the elements of a list of parameters: each a number, an array of one number a neuron, or a distribution.

    An array of shape (neurons, elements) holds those of every neuron.

    Raises
    ------
    ValueError
        `value` is no list.
    """
    if isinstance(value, np.ndarray) and value.ndim == 2:
        return list(value.T)
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if not (is_list or (isinstance(value, np.ndarray) and value.ndim == 1)):
        raise ValueError(f"{name} must be a list, of numbers, arrays or distributions, not {value!r}")
    return value  # type: ignore[return-value]  # as it was found to be one


def numbered(name: str, length: int) -> tuple[str, ...]:
    """Return the names of the elements of a list: name_1, name_2, ..."""
    return tuple(f"{name}_{k}" for k in range(1, length + 1))


def written(arguments: Sequence[str], lines: Sequence[str], results: Sequence[str]) -> Callable:
    """Return a `step` written out: a function of `arguments` that does `lines` and returns `results`."""
    body = "\n".join(f"    {line}" for line in [*lines, f"return {', '.join(results)}"])
    names: dict = {"np": np, "__name__": __name__}
    exec(f"def step({', '.join(arguments)}):\n{body}\n", names)
    step: Callable = names["step"]
    return step
