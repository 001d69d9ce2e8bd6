"""Models whose equations are not all linear: written around the solver of the built-in models (`neurons/solver.py`).

What is linear and depends on nothing else, as conductances do, is advanced exactly, and known at the nodes of a whole
step, which is attempted for all neurons at once. Where that is not precise, or a spike is to be found within the step,
a neuron is solved in substeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy

from ..adex import MOST_SPIKES, QUIET, TIMED, exponential
from ..base import REDO
from ..helpers import helper, inlined
from ..solver import MOST, NODES, SHORTEST, resized, runge_kutta
from .analysis import System
from .drafts import Draft
from .exact import STEPS, Propagators, matrix_of, reached, used_in
from .formulas import FOR_LOOPS, FOR_STEPS, Constants, gathered, plain
from .steps import arriving, difference, ending, function, indented, inputs_of
from .upstroke import Upstroke, find_upstroke

PRECISE = 20.0  # up to which argument `exponential` is precise to 1e-11
TOLERANCE = "gsl_error_tol"
END = NODES.index(1.0)

# The code of a step in substeps; what is between < and > differs from model to model.
ATTEMPT = """
            new, errors = runge(whole_slope, y, drives, h, p)
            error = TOTAL
"""
ATTEMPT_OR_UPSTROKE = """
            if active and explodes(y, drives[0], p):
                new, error, met = attempt_upstroke(y, drives, h, p, tolerance)
                if (error <= tolerance) & (met < h):
                    h = met
                    continue
            else:
                new, errors = runge(whole_slope, y, drives, h, p)
                error = TOTAL
"""
SUBSTEPS = """
def in_substeps(<arguments>):
    y, t, h, active = <y>, 0.0, 0.25 * dt, wait == 0
    p = <p>
    for _ in range(MOST):
        rest = dt - t
        is_last = h >= rest
        h = rest if is_last else h
        drives = <drives>
        if True:
            <attempt>
        if error <= tolerance:
            y = new
            if is_last:
                return (*y, 0, active)
            t += h
        elif h < SHORTEST * dt:
            break
        h = resized(h, error, tolerance)
    return (*<nan>, 0, active)
"""
SUBSTEPS_WITHIN = """
def in_substeps(<arguments>):
    y, t, h, active, spikes = <y>, 0.0, 0.25 * dt, wait == 0, 0
    for _ in range(MOST):
        p = <p>
        rest = dt - t
        is_last = h >= rest
        h = rest if is_last else h
        before, drives = margin(y, p), <drives>
        if True:
            <attempt>
        if error <= tolerance:
            after = margin(new, p)
            if active & (before < 0.0) & (after >= 0.0):
                met = h * before / (before - after)
                if h - met > TIMED * tolerance:
                    h = met
                    continue
            y = new
            t += h
            if active & (after >= 0.0):
                y = after_spike(y, p)
                spikes += 1
                if <steps> > 0:
                    active = False
                elif spikes == MOST_SPIKES:
                    break
            if is_last:
                return (*y, spikes, active)
        elif h < SHORTEST * dt:
            break
        h = resized(h, error, tolerance)
    return (*<nan>, spikes, active)
"""
UPSTROKE = {
    "explodes": """
def explodes(y, drive, p):
    <y> = y
    <drive>
    <unpack>
    argument = <m> * <x> + <o>
    if not (<m> > 0.0) & (argument > 0.0) & (<x> < <theta>):
        return False
    return <c> * math.exp(argument) > abs(<rest>)
""",
    "upstroke_slope": """
def upstroke_slope(y, drive, p):
    <z> = y
    <drive>
    <unpack>
    <x> = <theta>
    if z > math.exp(-(<m> * <theta> + <o>)):
        <x> = -(math.log(z) + <o>) / (<m>)
    slopes = whole_slope((<y>), drive, p)
    slope_z = -(<m>) * (<c> + z * (<rest>))
    return (<slopes>,)
""",
    "attempt_upstroke": """
def attempt_upstroke(y, drives, h, p, tolerance):
    <y> = y
    <unpack>
    z, last = math.exp(-(<m> * <x> + <o>)), math.exp(-(<m> * <theta> + <o>))
    start = z
    new, errors = runge(upstroke_slope, (<z>), drives, h, p)
    z, error = new[<at>], errors[<at>]
    speed = <c> * (<m>)
    others = <total>
    late = (last - z) / (TIMED * speed)
    if late < -tolerance:
        reached = -(math.log(z) + <o>) / (<m>)
        return (<new>,), others + error / (z * (<m>)), h
    met = h * (start - last) / (start - z) if late > tolerance else h
    reached = <theta>
    return (<new>,), others + error / (TIMED * speed), met
""",
}


class Solved:
    """Writes the code of one model."""

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

    # --- in substeps ----------------------------------------------------------------------------------------------

    def substeps(self) -> Callable:
        """Return the function that advances one neuron by a step, in substeps; what just decays drives the others."""
        solved, driven = self.solved, list(self.driven)
        names = {"MOST": MOST, "SHORTEST": SHORTEST, "MOST_SPIKES": MOST_SPIKES, "TIMED": TIMED, "resized": resized}
        slope = self.slope("whole_slope", solved, driven, self.rates)
        names |= {"runge": runge_kutta(len(solved)), "whole_slope": helper(function("whole_slope", slope, {}))}
        if self.within:
            names |= {name: helper(function(name, source, {})) for name, source in self._of_spikes().items()}
        if self.upstroke:
            names |= self._upstroke_functions(self.upstroke, names)
        if driven:
            names["decayed"] = helper(function("decayed", self._decayed(), {}))
        attempt = ATTEMPT_OR_UPSTROKE if self.upstroke else ATTEMPT
        drives = f"decayed(t, h, {', '.join(self._of_driven())})" if driven else "(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)"
        parts = {
            "arguments": ", ".join(self._given_to_substeps()),
            "y": self._tuple(solved),
            "p": self.p,
            "attempt": attempt.replace("TOTAL", " + ".join(f"errors[{i}]" for i in range(len(solved)))).strip(),
            "drives": drives,
            "steps": STEPS if self.draft.t_ref is not None else "0",
            "nan": f"({'math.nan, ' * len(solved)})",
        }
        source = _filled(SUBSTEPS_WITHIN if self.within else SUBSTEPS, parts)
        return helper(function("in_substeps", source, names))

    def _tuple(self, variables: Sequence[sympy.Symbol]) -> str:
        return f"({''.join(f'y{self.place(x)}, ' for x in variables)})"

    def _of_driven(self) -> list[str]:
        return [
            *(f"y{self.place(x)}" for x in self.driven),
            *dict.fromkeys(k for k in self.driven.values() if k[0] == "k"),
        ]

    def _given_to_substeps(self) -> list[str]:
        steps = [STEPS] if self.draft.t_ref is not None else []
        given = [*(f"y{self.place(x)}" for x in self.solved), "wait", "current", "dt", "tolerance", *steps]
        return list(dict.fromkeys([*given, *self._of_driven(), *self.shared_constants()]))

    def _decayed(self) -> str:
        """Return the source of what drives the others, at the nodes of a substep."""
        rows = []
        for node in NODES:
            at = "t" if node == 0.0 else f"(t + {node} * h)"
            rows.append(f"({''.join(f'y{self.place(x)} * math.exp({k} * {at}), ' for x, k in self.driven.items())})")
        return f"def decayed(t, h, {', '.join(self._of_driven())}):\n    return ({', '.join(rows)})\n"

    def _of_spikes(self) -> dict[str, str]:
        """Return the sources of how far a neuron is above its threshold, and of what a spike makes of it."""
        places = {x: sympy.Symbol(f"y{self.place(x)}", real=True) for x in self.solved}
        head = f"    {self._tuple(self.solved)} = y\n    {self.unpacked}\n"
        margin = FOR_STEPS.doprint(self.margin.xreplace(places))
        after = [FOR_STEPS.doprint(self.resets.get(x, x).xreplace(places)) for x in self.solved]
        return {
            "margin": f"def margin(y, p):\n{head}    return {margin}\n",
            "after_spike": f"def after_spike(y, p):\n{head}    return ({', '.join(after)},)\n",
        }

    def _upstroke_functions(self, up: Upstroke, names: Mapping[str, object]) -> dict[str, object]:
        """Return the functions of the upstroke."""
        places = {x: sympy.Symbol(f"y{self.place(x)}", real=True) for x in self.draft.states}
        if self.draft.current is not None:
            places[self.draft.current] = sympy.Symbol("current", real=True)
        numbered = list(enumerate(self.solved))
        parts = {
            "y": self._tuple(self.solved),
            "z": self._tuple(self.solved).replace(f"y{self.place(up.x)},", "z,"),
            "drive": f"{self._tuple(list(self.driven))} = drive" if self.driven else "pass",
            "unpack": self.unpacked,
            "x": f"y{self.place(up.x)}",
            "at": str(self.solved.index(up.x)),
            "total": " + ".join(f"errors[{i}]" for i, x in numbered if x != up.x) or "0.0",
            "slopes": ", ".join("slope_z" if x == up.x else f"slopes[{i}]" for i, x in numbered),
            "new": ", ".join("reached" if x == up.x else f"new[{i}]" for i, x in numbered),
        }
        constants = ("rest", "c", "m", "o", "theta")
        parts |= {name: FOR_STEPS.doprint(getattr(up, name).xreplace(places)) for name in constants}
        made: dict[str, object] = {}
        for name, text in UPSTROKE.items():
            made[name] = helper(function(name, _filled(text, parts), {**names, **made}))
        return made

    # --- a whole step ---------------------------------------------------------------------------------------------

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
        """Whether what arrives changes what the threshold is compared with."""
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


def _filled(text: str, parts: Mapping[str, str]) -> str:
    for key, part in parts.items():
        text = text.replace(f"<{key}>", part)
    return text


def solved_model(draft: Draft, system: System, within: bool) -> tuple[Callable, Callable, Propagators]:
    """Return `step`, `attempt` and `propagators` of a model whose equations are not all linear."""
    code = Solved(draft, system, within)
    step, attempt = code.step(), code.attempt()
    t_ref = str(code.constants.name(draft.t_ref)) if draft.t_ref is not None else ""
    given = (("tolerance", TOLERANCE),)
    return step, attempt, Propagators(code.constants.formulas(), tuple(code.matrices), t_ref, given)
