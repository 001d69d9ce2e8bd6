"""Copies of functions to compile, made of what `frozen_step` has frozen of them and of all that they use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import CellType, FunctionType, ModuleType

from numba.core.registry import CPUDispatcher

from .code_bytes import MISSING, given_signatures

Make = Callable[["Copies"], object]  # makes a frozen value anew


class UsedModule:
    """Those attributes of a module of the user's that are used."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: dict[str, Make] = {}

    def __call__(self, copies: Copies) -> ModuleType:
        module = ModuleType(self.name)
        vars(module).update({name: make(copies) for name, make in self.values.items()})
        return module


class UsedFunction:
    """A function, what numba.njit made of it (None: nothing), and how to make what it uses."""

    def __init__(self, function: FunctionType, helper: CPUDispatcher | None) -> None:
        self.function, self.helper = function, helper
        self.globals: dict[str, Make] = {}
        self.cells: dict[str, Make] = {}
        self.defaults: dict[str, Make] = {}


def contents(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


def make_tuple(kind: type, makes: list[Make], copies: Copies) -> tuple:
    items = [make(copies) for make in makes]
    return kind(*items) if hasattr(kind, "_fields") else tuple(items)


class Copies:
    """Copies of functions, each made once, so that functions which call each other still do.

    They are named after the identity: loaded code of one name that several processes compiled may be mixed up.
    They belong to this module: Numba imports that of a function whose code it loads, and the user's may be elsewhere.
    """

    def __init__(self, functions: list[UsedFunction], identity: str) -> None:
        self._functions, self._identity = functions, identity
        self._made: dict[int, FunctionType | CPUDispatcher] = {}
        self._with_signatures: list[tuple[CPUDispatcher, list]] = []

    def function(self, number: int) -> object:
        if number not in self._made:
            frozen = self._functions[number]
            names: dict[str, object] = {"__name__": __name__}
            cells = {name: CellType() for name in frozen.function.__code__.co_freevars}
            self._made[number] = made = self._compiled_as(frozen.helper, self._bare(number, names, cells))
            names.update({name: make(self) for name, make in frozen.globals.items()})
            for name, make in frozen.cells.items():
                cells[name].cell_contents = make(self)
            signatures = given_signatures(frozen.helper) if frozen.helper is not None else []
            if signatures and isinstance(made, CPUDispatcher):
                self._with_signatures.append((made, signatures))
        return self._made[number]

    def _bare(self, number: int, names: dict, cells: Mapping[str, CellType]) -> FunctionType:
        frozen = self._functions[number]
        function = frozen.function
        copy = FunctionType(function.__code__, names, function.__name__, None, tuple(cells.values()))
        copy.__module__, copy.__qualname__ = __name__, f"{function.__name__}_{self._identity}_{number}"
        values = {name: make(self) for name, make in frozen.defaults.items()}
        keywords = {name: values.pop(name) for name in function.__kwdefaults__ or {}}
        copy.__defaults__, copy.__kwdefaults__ = tuple(values.values()) or None, keywords or None
        return copy

    def _compiled_as(self, helper: CPUDispatcher | None, function: FunctionType) -> FunctionType | CPUDispatcher:
        if helper is None:
            return function
        return CPUDispatcher(function, locals=dict(helper.locals), targetoptions=dict(helper.targetoptions))

    def compile_given_signatures(self) -> None:
        for helper, signatures in self._with_signatures:
            for signature in signatures:
                helper.compile(signature)
            helper.disable_compile()
