"""A slow and plain simulator of small networks, for comparison: each neuron by the matrix exponential of its equations.

The conventions are NEST's: a spike is stamped with the end of the step in which V_m reaches V_th, V_m is V_reset there
and for t_ref / dt further steps, rounded up; what arrives at a step changes currents (exp, alpha) or V_m (delta) there.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from scipy.linalg import expm

from tests.support.small_networks import Case, Group

STATES = {
    "iaf_psc_delta": ("V", "drive"),
    "iaf_psc_exp": ("I_ex", "I_in", "V", "drive"),
    "iaf_psc_alpha": ("slope_ex", "slope_in", "I_ex", "I_in", "V", "drive"),
}


class Outcome(NamedTuple):
    """spikes : by group, bool (steps, n). V : by group, mV (steps, n), after each step. margin : mV, how close a V_m
    that is compared with a threshold came to it."""

    spikes: dict[str, np.ndarray]
    V: dict[str, np.ndarray]
    margin: float


class Neurons:
    """The neurons of `group`, step by step."""

    def __init__(self, group: Group, dt: float, last: int) -> None:
        self.model, self.dt, self.n = group.model, dt, group.n
        self.parameters = {name: self._each(value) for name, value in group.parameters.items()}
        self.x = {name: np.zeros(group.n) for name in STATES[group.model]}
        self.x["V"] = self.parameters["V_m"].copy()
        self.wait, self.margin = np.zeros(group.n, int), np.inf
        self.device = np.zeros((last + 1, group.n))
        self.arriving = {receptor: np.zeros((last + 1, group.n)) for receptor in ("ex", "in")}
        self.propagator = self._propagator()

    def _each(self, value):
        return value if isinstance(value, str) else np.array(np.broadcast_to(value, self.n), float)

    def _propagator(self) -> np.ndarray:
        """The exact solution over one step: (n, states, states)."""
        p, index = self.parameters, {name: k for k, name in enumerate(self.x)}
        A = np.zeros((self.n, len(index), len(index)))
        A[:, index["V"], index["V"]] = -1 / p["tau_m"]
        A[:, index["V"], index["drive"]] = 1 / p["C_m"]
        for receptor in ("ex", "in"):
            current, slope = f"I_{receptor}", f"slope_{receptor}"
            if current in index:
                A[:, index["V"], index[current]] = 1 / p["C_m"]
                A[:, index[current], index[current]] = -1 / p[f"tau_syn_{receptor}"]
            if slope in index:
                A[:, index[slope], index[slope]] = -1 / p[f"tau_syn_{receptor}"]
                A[:, index[current], index[slope]] = 1.0
        return expm(self.dt * A) if self.n else A

    def change(self, indices: range, values: dict) -> None:
        """Give some neurons other parameters, or another potential."""
        for name, value in values.items():
            (self.x["V"] if name == "V_m" else self.parameters[name])[list(indices)] = value
        self.propagator = self._propagator()

    def step(self, k: int) -> np.ndarray:
        """Advance by step `k`; which neurons fire, bool (n,)."""
        p, free = self.parameters, self.wait == 0
        self.x["drive"] = p["I_e"] + self.device[k] + p["C_m"] * p["E_L"] / p["tau_m"]
        new = np.einsum("nij,jn->in", self.propagator, np.array(list(self.x.values())))
        V = self.x["V"]
        self.x = dict(zip(self.x, new, strict=True))
        self.x["V"] = np.where(free, self.x["V"], V)
        fired = self._delta(k, free) if self.model == "iaf_psc_delta" else self._currents(k)
        self.wait = np.where(fired, self._refractory_steps(), np.maximum(self.wait - 1, 0))
        self.x["V"] = np.where(fired, p["V_reset"], self.x["V"])
        return fired

    def _refractory_steps(self) -> list[int]:
        """Return t_ref / dt of each neuron rounded up, computed with the decimals that were written."""
        dt = Fraction(str(self.dt))
        return [math.ceil(Fraction(str(t_ref)) / dt) for t_ref in self.parameters["t_ref"].tolist()]

    def _currents(self, k: int) -> np.ndarray:
        """Input that arrives changes the currents, or their slopes, and so V from the next step on."""
        for receptor, weights in self.arriving.items():
            if self.model == "iaf_psc_exp":
                self.x[f"I_{receptor}"] += weights[k]
            else:
                self.x[f"slope_{receptor}"] += weights[k] * np.e / self.parameters[f"tau_syn_{receptor}"]
        self._note(self.x["V"], True)
        return self.x["V"] >= self.parameters["V_th"]

    def _delta(self, k: int, free: np.ndarray) -> np.ndarray:
        """Input that arrives changes V: before or after it is compared, and in refractory neurons or not."""
        relaxed = self.x["V"]
        takes = free | (self.parameters["refractory_input"] == "accumulate")
        self.x["V"] = relaxed + np.where(takes, self.arriving["ex"][k] + self.arriving["in"][k], 0.0)
        before = self.parameters["detection"] == "before_input"
        compared = relaxed if before else self.x["V"]
        self._note(compared, free)
        above = compared > self.parameters["V_th"] if before else compared >= self.parameters["V_th"]
        return free & above

    def _note(self, V: np.ndarray, which: np.ndarray | bool) -> None:
        self.margin = min(self.margin, np.min(np.abs(V - self.parameters["V_th"]), initial=np.inf, where=which))


def simulate(case: Case) -> Outcome:
    """Run all steps of `case`."""
    last = case.steps + case.longest_delay
    groups = {group.name: Neurons(group, case.dt, last) for group in case.groups}
    spikes = {name: np.zeros((case.steps, neurons.n), bool) for name, neurons in groups.items()}
    V = {name: np.zeros((case.steps, neurons.n)) for name, neurons in groups.items()}
    outgoing: dict = {}
    for s in case.synapses:
        for (i, j), weight, delay in zip(s.pairs, s.weights, s.delays, strict=True):
            source, target = s.source.indices[i], s.target.indices[j]
            outgoing.setdefault((s.source.name, source), []).append((groups[s.target.name], target, weight, delay))

    def emit(name: str, neuron: int, k: int) -> None:
        for target, j, weight, delay in outgoing.get((name, neuron), ()):
            target.arriving["ex" if weight >= 0 else "in"][k + delay, j] += weight

    for neuron, train in enumerate(case.trains):
        for k in train:
            if k <= case.steps:
                emit("S", neuron, k)
    for current in case.currents:
        ends = [*current.times[1:], last]
        for begin, end, amplitude in zip(current.times, ends, current.amplitudes, strict=True):
            rows = slice(begin + current.delay + 1, end + current.delay + 1)
            groups[current.target.name].device[rows, list(current.target.indices)] += amplitude
    for k in range(1, case.steps + 1):
        for change in case.changes:
            if change.step == k - 1:
                groups[change.target.name].change(change.target.indices, change.values)
        for name, neurons in groups.items():
            spikes[name][k - 1] = neurons.step(k)
            V[name][k - 1] = neurons.x["V"]
        for name, fired in spikes.items():
            for neuron in np.flatnonzero(fired[k - 1]):
                emit(name, neuron, k)
    return Outcome(spikes, V, min((neurons.margin for neurons in groups.values()), default=np.inf))
