"""Models whose equations are not all linear: written around the solver of the built-in models (`neurons/solver.py`).

What is linear and depends on nothing else, as conductances do, is advanced exactly, and known at the nodes of a whole
step, which is attempted for all neurons at once. Where that is not precise, or a spike is to be found within the step,
a neuron is solved in substeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sympy

from ..adex import QUIET
from ..helpers import inlined
from ..solver import NODES, runge_kutta
from .analysis import System
from .drafts import Draft
from .exact import STEPS, Propagators, used_in
from .formulas import FOR_LOOPS, FOR_STEPS
from .steps import arriving, ending, function, indented, inputs_of
from .substeps import Substeps

PRECISE = 20.0  # up to which argument `exponential` is precise to 1e-11
TOLERANCE = "gsl_error_tol"
END = NODES.index(1.0)


class Solved(Substeps):
    """Writes the functions of one model."""

    def arguments(self, lines: Sequence[str], matrices: Sequence) -> str:
        """Return the arguments of `step` or `attempt` whose body is `lines`."""
        names = [name for matrix in matrices for name, *_ in matrix.propagators]
        found = used_in("\n".join(lines), ("dt", "tolerance", STEPS, *names, *self.constants.names()))
        return ", ".join(
            [*(f"y{i}" for i in range(len(self.draft.states))), "wait", *inputs_of(self.draft), "current", *found]
        )

    def finished(self, lines: list[str], name: str, names: Mapping[str, object]) -> Callable:
        results = ", ".join([*(f"a{i}" for i in range(len(self.draft.states))), "left", "spikes"])
        source = f"def {name}({self.arguments(lines, self.matrices)}):\n{indented(lines)}\n    return {results}\n"
        return function(name, source, names)

    @property
    def _input_fires(self) -> bool:
        """Return whether arriving input changes a variable that the threshold is compared with."""
        return self.margin is not None and any(
            x in self.margin.free_symbols for jumps in self.draft.jumps.values() for x in jumps
        )

    def _end(self, active: str) -> list[str]:
        """Return the lines that end a step in which spikes are found within."""
        new = {x: f"a{i}" for i, x in enumerate(self.draft.states)}
        if not self.within or self._input_fires:
            return ending(self.draft, self.constants, self.margin, new, active)
        left = "np.int16(max(wait - 1, 0))" if self.draft.t_ref is not None else "wait"
        return [f"free = {active}", *arriving(self.draft, self.constants, new, "free"), f"left, spikes = {left}, 0"]

    def attempt(self) -> Callable:
        """Return the function that attempts a whole step of one neuron."""
        drives = [f"({', '.join(each)},)" if self.exact else "0.0" for each in self.at_nodes]
        drives = drives if self.exact else ["0.0"] * len(NODES)
        lines = ["active = wait == 0", f"p = {self.p}"]
        lines += [f"drives = ({', '.join(drives)})"]
        solved = "".join(f"a{self.place(x)}, " for x in self.numeric)
        errors = "".join(f"e{self.place(x)}, " for x in self.numeric)
        start = ", ".join(f"y{self.place(x)}" for x in self.numeric)
        lines += [f"({solved}), ({errors}) = runge(slope, ({start},), drives, dt, p)"]
        lines += [f"a{self.place(x)}, = drives[{END}][{k}]," for k, x in enumerate(self.exact)]
        lines += [f"good = {' + '.join(f'e{self.place(x)}' for x in self.numeric)} <= tolerance"]
        lines += [f"good = good & ({text} <= {most})" for text, most in self._exponents()]
        if self.all_frozen:
            lines += [f"a{self.place(x)} = a{self.place(x)} if active else y{self.place(x)}" for x in self.numeric]
            lines += ["good = good | (wait > 0)"]
        if self.within:
            places = {x: sympy.Symbol(f"a{i}", real=True) for i, x in enumerate(self.draft.states)}
            lines += [f"good = good & ((wait > 0) | ({FOR_STEPS.doprint(self.margin.xreplace(places))} < 0.0))"]
        lines += self._end("active")
        lines += ["spikes = np.int64(spikes) if good else REDO"]
        slope = inlined(function("slope", self.slope("slope", self.numeric, self.exact, self.rates), self.names))
        names = {**self.names, "slope": slope, "runge": runge_kutta(len(self.numeric))}
        return inlined(self.finished(lines, "attempt", names))

    def _exponents(self) -> list[tuple[str, float]]:
        """Return the code of the arguments of exponential functions, at both ends of a step, and what they may be."""
        found = set().union(*(self.rates[x].atoms(sympy.exp) for x in self.numeric))
        texts = []
        for letter in "ya":
            places = {x: sympy.Symbol(f"{letter}{i}", real=True) for i, x in enumerate(self.draft.states)}
            if self.draft.current is not None:
                places[self.draft.current] = sympy.Symbol("current", real=True)
            for each in sorted(found, key=sympy.default_sort_key):
                most = QUIET if self.upstroke and each == self.upstroke.part else PRECISE
                texts.append((FOR_LOOPS.doprint(each.args[0].xreplace(places)), most))
        return texts

    def step(self) -> Callable:
        """Return the function that advances one neuron by a step, in substeps."""
        solved = "".join(f"a{self.place(x)}, " for x in self.solved)
        lines = [f"{solved}found, still = in_substeps({', '.join(self._given_to_substeps())})"]
        for k, x in enumerate(self.exact):
            lines.append(f"a{self.place(x)} = {self.at_nodes[END][k]}")
        lines += self._end("still" if self.within else "wait == 0")
        if self.within:
            if self.draft.t_ref is not None:
                lines.append("left = np.int16(steps) if found > 0 else left")
            lines.append("spikes = np.int64(spikes) + found")
        return self.finished(lines, "step", {"in_substeps": self.substeps()})


def solved_model(draft: Draft, system: System, within: bool) -> tuple[Callable, Callable, Propagators]:
    """Return `step`, `attempt` and `propagators` of a model whose equations are not all linear."""
    code = Solved(draft, system, within)
    step, attempt = code.step(), code.attempt()
    t_ref = str(code.constants.name(draft.t_ref)) if draft.t_ref is not None else ""
    given = (("tolerance", TOLERANCE),)
    return step, attempt, Propagators(code.constants.formulas(), tuple(code.matrices), t_ref, given)
