"""Pieces of the code of a solved model: which variables are exact, their values at nodes, slopes of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy

from ..adex import exponential
from ..base import REDO
from ..solver import NODES
from .analysis import System
from .drafts import Draft
from .exact import matrix_of, reached
from .formulas import FOR_LOOPS, FOR_STEPS, Constants, gathered, plain
from .steps import difference, indented
from .upstroke import Upstroke, find_upstroke


class Pieces:
    """Pieces of the code of one model: exact variables, slopes, constants."""

    def __init__(self, draft: Draft, system: System, within: bool) -> None:
        self.draft, self.system, self.within = draft, system, within and draft.margin is not None
        self.constants = Constants((*draft.states, *([draft.current] if draft.current else [])))
        self.rates = {x: self.constants.reduced(gathered(plain(rate), x)) for x, rate in draft.rates.items()}
        resets = set(draft.resets) if self.within else set()
        numeric = system.depending_on({*resets, *draft.frozen, *(set(draft.states) - system.linear)})
        self.numeric = [x for x in draft.states if x in numeric]
        self.exact = [x for x in draft.states if x not in numeric]
        self.all_frozen = draft.frozen.issuperset(self.numeric)
        margin = draft.margin
        self.margin: Any = None if margin is None else difference(margin, self.constants, draft.states)
        self.upstroke: Upstroke | None = find_upstroke(self.margin, self.rates, draft) if self.within else None
        self.resets = {x: self.constants.reduced(plain(value)) for x, value in draft.resets.items()}
        self.names: dict[str, object] = {"exponential": exponential, "REDO": REDO}
        self.matrices = self._node_matrices()
        self.driven = self._driven()
        self.solved = [x for x in draft.states if x not in self.driven]  # in substeps

    # --- what is exact --------------------------------------------------------------------------------------------

    def _node_matrices(self) -> list:
        """Return the matrices that advance the exact variables to the nodes of a step."""
        self.at_nodes: list[list[str]] = [[f"y{self.place(x)}" for x in self.exact]]
        if not self.exact:
            return []
        M, n, found = self.system.matrix(self.exact), len(self.exact), []
        for k, node in enumerate(NODES[1:], 1):
            names: dict[tuple[int, int], str] = {}
            texts = []
            for i, columns in enumerate(reached(M)[:n]):
                names |= {(i, j): f"n{k}_{i}_{j}" for j in columns}
                own = f"y{self.place(self.exact[i])}"
                parts = [f"{names[i, j]} * {self._source(j)}" for j in sorted(columns)]
                texts.append(" + ".join(parts) if i in columns else " + ".join([own, *parts]))
            found.append(matrix_of(M, names, (), self.constants, node))
            self.at_nodes.append(texts)
        return found

    def _driven(self) -> dict[sympy.Symbol, str]:
        """Return the exact variables that just decay, and the rates of that, which drive the others in substeps."""
        used = set() if self.margin is None else self.margin.free_symbols
        used = used.union(*(value.free_symbols for value in self.resets.values()))
        found, n = {}, len(self.exact)
        M = self.system.matrix(self.exact) if self.exact else sympy.zeros(0, 0)
        for i, x in enumerate(self.exact):
            if x not in used and M[i, i] != 0 and not any(M[i, j] != 0 for j in range(n + 2) if j != i):
                found[x] = str(self.constants.name(M[i, i])) if not M[i, i].is_Number else repr(float(M[i, i]))
        return found

    def _source(self, column: int) -> str:
        n = len(self.exact)
        return f"y{self.place(self.exact[column])}" if column < n else "current" if column == n else "1.0"

    def place(self, x: sympy.Symbol) -> int:
        return self.draft.states.index(x)

    # --- slopes ---------------------------------------------------------------------------------------------------

    def slope(self, name: str, solved: Sequence[sympy.Symbol], driven: Sequence[sympy.Symbol], rates: Mapping) -> str:
        """Return the source of the slopes of `solved`, which `driven` variables drive."""
        is_fast = name == "slope"
        printer = FOR_LOOPS if is_fast else FOR_STEPS
        places = {x: sympy.Symbol(f"y{self.place(x)}", real=True) for x in self.draft.states}
        if self.draft.current is not None:
            places[self.draft.current] = sympy.Symbol("current", real=True)
        shared, found = sympy.cse([rates[x].xreplace(places) for x in solved], sympy.numbered_symbols("c"))
        lines = [f"{', '.join(f'y{self.place(x)}' for x in solved)}, = y"]
        if driven:
            lines.append(f"{', '.join(f'y{self.place(x)}' for x in driven)}, = drive")
        lines.append(f"active, current, {''.join(f'{k}, ' for k in self.shared_constants())}= p")
        lines += [f"{symbol} = {printer.doprint(value)}" for symbol, value in shared]
        texts = [printer.doprint(value) for value in found]
        held = self.draft.frozen if not (is_fast and self.all_frozen) else ()
        values = [f"({t}) if active else 0.0" if x in held else t for x, t in zip(solved, texts, strict=True)]
        return f"def {name}(y, drive, p):\n{indented(lines)}\n    return ({', '.join(values)},)\n"

    def shared_constants(self) -> list[str]:
        """Return the constants that slopes, threshold and resets use."""
        expressions = [*self.rates.values(), *self.resets.values()]
        expressions += [] if self.margin is None else [self.margin]
        expressions += self.upstroke.expressions if self.upstroke else []
        used = {str(each) for expression in expressions for each in expression.free_symbols}
        return [name for name in self.constants.names() if name in used]

    @property
    def p(self) -> str:
        """Return the code of what slopes take besides variables."""
        return f"(active, current, {''.join(f'{name}, ' for name in self.shared_constants())})"

    @property
    def unpacked(self) -> str:
        return f"_, current, {''.join(f'{name}, ' for name in self.shared_constants())} = p"
