"""The identity of a compiled step: everything that its machine code depends on.

Numba compiles the values of globals, closure variables, default arguments and attributes of modules into machine code
as constants, and with them the helpers that a step calls. `FrozenStep` takes all of that as it is now. Steps of equal
`identity` have the same machine code: in this process, on other ranks and in the cache on disk. `copy` gives a step to
compile from what was frozen; its helpers are copies too, since those of the user may have been compiled with other
values.

Functions and constants of numpy, math and Python itself go by their names, as their versions are part of the cache
folder's name. What goes neither by name nor by value is refused.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any, NoReturn

import numba
import numpy as np
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher

from ...neurons import NeuronModel
from ...neurons.helpers import is_helper, is_inlined
from .code_bytes import (
    MISSING,
    code_bytes,
    constant_bytes,
    defaults,
    given_signatures,
    goes_by_name,
    joined,
    references,
)
from .step_copies import Copies, Make, UsedFunction, UsedModule, contents, make_tuple

LARGEST = 10**6  # bytes of an array: Numba makes no constant of a larger one, but reads it where it lies
ALLOWED = (
    "it may use numbers, strings, enumerations, tuples, contiguous arrays of up to 1 MB, functions decorated with "
    "numba.njit, and functions and constants of numpy and math"
)


@functools.lru_cache(maxsize=1024)
def decorated(function: FunctionType) -> Any:
    """Return a function marked by `neurons.helpers.helper` as numba.njit makes it, the same one each time."""
    return numba.njit(error_model="numpy", forceinline=is_inlined(function))(function)


class FrozenStep:
    """A step and all that it uses, as it is when this is made.

    Parameters
    ----------
    step : the function.
    owner : whose step it is, for messages.
    attempt : the function that is tried before it, if there is one, see `NeuronModel.attempt`.

    Attributes
    ----------
    identity : hexadecimal digits, the same for steps whose machine code is the same.
    uses : digests of the values that are used, by what the code calls them: ``GAIN``, ``helpers.GAIN``, and
        ``rise: GAIN`` where a helper ``rise`` uses it.

    Raises
    ------
    TypeError : the step uses something whose changes could not be noticed.
    """

    def __init__(self, step: Callable, owner: str, attempt: Callable | None = None) -> None:
        assert isinstance(step, FunctionType)  # as every model's step
        self.uses: dict[str, bytes] = {}
        self._owner = owner
        self._numbers: dict[int, int] = {}  # of the functions met, by id
        self._functions: list[UsedFunction] = []
        found, self._make_step = self._freeze_function(step, None, "")
        self._make_attempt: Make | None = None
        if attempt is not None:
            of_attempt, self._make_attempt = self._freeze_value(attempt, "attempt")
            found = joined(found, of_attempt)
        self.identity = hashlib.sha256(found).hexdigest()

    @classmethod
    def of(cls, model: NeuronModel) -> FrozenStep:
        """Return the step of a neuron model, and its attempt, as they are now."""
        return cls(model.step, model.name, model.attempt)

    def copy(self) -> FunctionType:
        """Return a copy of the step that uses copies of the frozen values."""
        return self.copies()[0]

    def copies(self) -> tuple[FunctionType, Any]:
        """Return copies of the step and of the attempt (None where there is none) that use copies of the frozen
        values."""
        copies = Copies(self._functions, self.identity[:16])
        step = self._make_step(copies)
        assert isinstance(step, FunctionType)  # only helpers are compiled
        attempt = self._make_attempt(copies) if self._make_attempt else None
        copies.compile_given_signatures()
        return step, attempt

    def difference(self, later: FrozenStep) -> str:
        """Return what the code calls the first value that differs from that in `later`."""
        names = [*self.uses, *later.uses]
        return next((name for name in names if self.uses.get(name) != later.uses.get(name)), "code")

    # --- freezing: each method returns bytes that tell values apart, and how to make the value anew -------------------

    def _freeze_function(self, function: FunctionType, helper: CPUDispatcher | None, path: str) -> tuple[bytes, Make]:
        key = id(function if helper is None else helper)
        known = key in self._numbers  # it was met before, perhaps on the way here: a recursion
        number = self._numbers.setdefault(key, len(self._functions))
        if known:
            return joined("again", str(number).encode()), lambda copies: copies.function(number)
        frozen = UsedFunction(function, helper)
        self._functions.append(frozen)
        code = joined("function", code_bytes(function.__code__), *self._options(helper, path))
        if helper is not None:
            self.uses[path] = code
        inside = f"{path}: " if path else ""
        parts = [
            self._freeze_reference(frozen, is_cell, name, attributes, inside)
            for is_cell, name, attributes in references(function.__code__)
        ]
        for name, value in defaults(function).items():
            found, frozen.defaults[name] = self._freeze_value(value, f"{inside}{name}")
            parts.append(joined(name, found))
        return joined("with", code, *parts), lambda copies: copies.function(number)

    def _options(self, helper: CPUDispatcher | None, path: str) -> Iterator[bytes]:
        if helper is None:
            return
        if helper._compiler.pipeline_class is not Compiler:  # type: ignore[attr-defined]  # which Dispatcher sets
            self._refuse(path, "compiled by a pipeline of its own")
        for name, value in sorted({**helper.targetoptions, **helper.locals}.items()):
            value = frozenset(value) if isinstance(value, set) else value
            yield joined(name, self._freeze_value(value, f"{path}, option {name}")[0])
        for signature in given_signatures(helper):
            yield joined("signature", str(signature).encode())

    def _freeze_reference(
        self, frozen: UsedFunction, is_cell: bool, name: str, attributes: tuple[str, ...], inside: str
    ) -> bytes:
        """Freeze one value that the code of a function refers to."""
        function, path = frozen.function, f"{inside}{name}"
        if is_cell:
            place, cells = frozen.cells, function.__closure__ or ()
            cell = dict(zip(function.__code__.co_freevars, cells, strict=True)).get(name)
            if cell is None:
                return b""  # a variable of the function itself, which a function within it uses
            value = contents(cell)
        else:
            place, value = frozen.globals, function.__globals__.get(name, MISSING)
            if value is MISSING:
                value = getattr(function, "__builtins__", {}).get(name, MISSING)
        return joined(name, self._freeze_attribute(place, name, value, attributes, path))

    def _freeze_attribute(
        self, place: dict[str, Make], name: str, value: object, attributes: tuple[str, ...], path: str
    ) -> bytes:
        """Enter `value` into `place`; of a module only what is used of it."""
        if value is MISSING:
            self._refuse(path, "which does not exist")
        if not isinstance(value, ModuleType):
            found, place[name] = self._freeze_value(value, path)
            return found
        if goes_by_name(value.__name__):
            place[name] = lambda copies: value
            return joined("module", value.__name__.encode(), self._found_in(value, attributes, path))
        if not attributes:
            self._refuse(path, "a module as a whole")
        inner = place.get(name)
        if not isinstance(inner, UsedModule):
            inner = place[name] = UsedModule(value.__name__)
        first, *others = attributes
        part = getattr(value, first, MISSING)
        return joined(first, self._freeze_attribute(inner.values, first, part, tuple(others), f"{path}.{first}"))

    def _found_in(self, module: ModuleType, attributes: tuple[str, ...], path: str) -> bytes:
        """Return the bytes of an attribute of a module that goes by its name."""
        value: object = module
        for name in attributes:
            path, value = f"{path}.{name}", getattr(value, name, MISSING)
            if not isinstance(value, ModuleType):
                break
        if isinstance(value, ModuleType):
            if not goes_by_name(value.__name__):
                self._refuse(path, "a module")
            return joined(path)
        return joined(path, self._freeze_attribute({}, "", value, (), path))

    def _freeze_value(self, value: object, path: str) -> tuple[bytes, Make]:
        if isinstance(value, FunctionType) and is_helper(value):
            value = decorated(value)
        if type(value) is CPUDispatcher:
            assert isinstance(value.py_func, FunctionType)
            return self._freeze_function(value.py_func, value, path)
        if type(value) is np.ndarray:
            self._check_array(value, path)
            frozen = value.copy(order="K")
            frozen.flags.writeable = value.flags.writeable
            kind = f"{np.lib.format.dtype_to_descr(value.dtype)} {value.shape} {value.strides} {value.flags.writeable}"
            found = joined("array", kind.encode(), frozen.tobytes(order="A"))
            make: Make = lambda copies: frozen  # noqa: E731
        elif isinstance(value, tuple):
            parts = [self._freeze_value(item, f"{path}[{k}]") for k, item in enumerate(value)]
            names = (type(value).__qualname__, *getattr(value, "_fields", ()))
            found = joined("tuple", joined(*names), *(part for part, _ in parts))
            make = functools.partial(make_tuple, type(value), [make for _, make in parts])
        else:
            found, make = self._constant(value, path), lambda copies: value
        self.uses[path] = found
        return found, make

    def _constant(self, value: object, path: str) -> bytes:
        try:
            return constant_bytes(value)
        except TypeError:
            pass
        if isinstance(value, FunctionType):
            self._refuse(path, "a Python function that is not decorated with numba.njit")
        self._refuse(path, f"of type {type(value).__name__}")

    def _check_array(self, array: np.ndarray, path: str) -> None:
        if array.dtype.hasobject:
            self._refuse(path, "an array of objects")
        if array.nbytes > LARGEST:
            self._refuse(path, f"an array of {array.nbytes} bytes")
        if not (array.flags.c_contiguous or array.flags.f_contiguous):
            self._refuse(path, "an array that is not contiguous")

    def _refuse(self, path: str, what: str) -> NoReturn:
        raise TypeError(f"{self._owner}: its step uses {path}, {what}; {ALLOWED}")
