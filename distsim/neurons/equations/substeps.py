"""The code that advances one neuron by a step in substeps, in which spikes may be found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sympy

from ..adex import MOST_SPIKES, TIMED
from ..helpers import helper
from ..solver import MOST, NODES, SHORTEST, resized, runge_kutta
from .exact import STEPS
from .formulas import FOR_STEPS
from .pieces import Pieces
from .steps import function
from .upstroke import Upstroke

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


class Substeps(Pieces):
    """Writes the function that solves in substeps."""

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


def _filled(text: str, parts: Mapping[str, str]) -> str:
    for key, part in parts.items():
        text = text.replace(f"<{key}>", part)
    return text
