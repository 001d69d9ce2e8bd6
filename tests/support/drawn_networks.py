"""Small networks drawn at random; which ones depends on the modules loaded, as Hypothesis takes constants from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import monotonic

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption

from tests.support.small_networks import Case, Change, Current, Group, Part, Synapses

MODELS = ("iaf_psc_exp", "iaf_psc_alpha", "iaf_psc_delta")
LONGEST = 20  # steps of a delay
PATIENCE = 45.0  # s for which a smaller network is looked for once one has failed
RANGES = {
    "tau_m": (3.0, 30.0), "C_m": (50.0, 400.0), "t_ref": (0.0, 4.0), "E_L": (-70.0, -62.0), "V_th": (-58.0, -50.0),
    "V_reset": (-75.0, -60.0), "V_m": (-72.0, -49.0), "I_e": (0.0, 1500.0),
}  # fmt: skip
CHANGEABLE = ("tau_m", "C_m", "t_ref", "E_L", "V_th", "V_reset", "I_e")


class Enough(BaseException):
    """Ends the search for a smaller network, as Ctrl-C does: Hypothesis's own limit is 300 s."""


def for_each(n: int, check: Callable[[Case], None]) -> None:
    """Call `check` with `n` networks; where it fails, look for PATIENCE for a small one that does, and show it."""
    failures: list[tuple[Case, Exception]] = []
    ends = math.inf

    def check_network(case: Case) -> None:
        nonlocal ends
        if monotonic() > ends:
            raise Enough
        try:
            check(case)
        except UnsatisfiedAssumption:
            raise
        except Exception as error:
            ends = min(ends, monotonic() + PATIENCE)
            failures.append((case, error))
            raise

    try:
        search(n, check_network)
    except (Enough, Exception):
        if not failures:
            raise
        case, error = min(failures, key=lambda failure: len(repr(failure[0])))
        raise AssertionError(f"{type(error).__name__}: {error}\nwith {case}") from error


def search(n: int, check: Callable[[Case], None]) -> None:
    """Call `check` with `n` networks, and with smaller ones once it has failed."""
    phases, unbounded = (Phase.generate, Phase.shrink), {"deadline": None, "suppress_health_check": list(HealthCheck)}
    quiet = {"derandomize": True, "database": None, "report_multiple_bugs": False}
    settings(max_examples=n, phases=phases, **quiet, **unbounded)(given(cases())(check))()


def drawn(n: int) -> list[Case]:
    """Return `n` networks."""
    found: list[Case] = []
    for_each(n, lambda case: found.append(case))
    return found


def values(low: float, high: float) -> st.SearchStrategy[float]:
    """Draw multiples of a hundredth, which are short to read in a failure."""
    return st.integers(round(100 * low), round(100 * high)).map(lambda k: k / 100)


@st.composite
def groups(draw, name: str) -> Group:
    model, n = draw(st.sampled_from(MODELS)), draw(st.sampled_from((5, 6, 4, 3, 2, 1, 0)))
    parameters = {key: draw(one_or_each(n, *limits)) for key, limits in RANGES.items()}
    if model == "iaf_psc_delta":
        parameters["refractory_input"] = draw(st.sampled_from(("discard", "accumulate")))
        parameters["detection"] = draw(st.sampled_from(("after_input", "before_input")))
    else:
        parameters["tau_syn_ex"] = draw(st.one_of(one_or_each(n, 0.3, 10.0), st.just(parameters["tau_m"])))
        other = st.one_of(one_or_each(n, 0.3, 10.0), st.just(parameters["tau_syn_ex"]))
        parameters["tau_syn_in"] = draw(other)
    return Group(name, model, n, parameters)


def one_or_each(n: int, low: float, high: float) -> st.SearchStrategy:
    return st.one_of(values(low, high), st.lists(values(low, high), min_size=n, max_size=n))


@st.composite
def parts(draw, sizes: dict[str, int]) -> Part:
    name = draw(st.sampled_from(sorted(sizes)))
    if draw(st.integers(0, 3)) == 3:
        numbers = draw(st.permutations(range(sizes[name])))
        return Part(name, numbers[: draw(st.integers(0, sizes[name]))])
    ends = sorted(draw(st.tuples(st.integers(0, sizes[name]), st.integers(0, sizes[name]))))
    return Part(name, range(*ends, draw(st.integers(1, 3))) if draw(st.booleans()) else range(sizes[name]))


@st.composite
def synapses(draw, sources: dict[str, int], targets: dict[str, int], models: dict[str, str]) -> Synapses:
    source, target = draw(parts(sources)), draw(parts(targets))
    a, b = len(source.indices), len(target.indices)
    n = draw(st.integers(0, 30)) if a and b else 0
    pair = st.tuples(st.integers(0, max(a - 1, 0)), st.integers(0, max(b - 1, 0)))
    pairs = draw(st.lists(pair, min_size=n, max_size=n))
    largest = 8.0 if models[target.name] == "iaf_psc_delta" else 900.0
    weight, delay = values(-largest / 2, largest), st.integers(1, LONGEST)
    weights = draw(st.one_of(weight.map(lambda w: n * [w]), st.lists(weight, min_size=n, max_size=n)))
    delays = draw(st.one_of(delay.map(lambda d: n * [d]), st.lists(delay, min_size=n, max_size=n)))
    return Synapses(source, target, pairs, weights, delays)


@st.composite
def currents(draw, sizes: dict[str, int], steps: int) -> Current:
    """Draw a device; amplitudes of very different size show whether something of an earlier one remains."""
    amplitude = st.one_of(values(-500.0, 900.0), st.sampled_from((0.0, 1e17)))
    times = sorted(draw(st.sets(st.integers(0, steps), min_size=1, max_size=4)))
    if draw(st.booleans()):
        amplitudes = [draw(amplitude), 0.0][: len(times)]
        return Current(draw(parts(sizes)), times[:2], amplitudes, 1, True)
    amplitudes = draw(st.lists(amplitude, min_size=len(times), max_size=len(times)))
    return Current(draw(parts(sizes)), times, amplitudes, draw(st.integers(1, LONGEST)), False)


@st.composite
def changes(draw, sizes: dict[str, int], ends: list[int]) -> Change:
    target = draw(parts(sizes))
    n, chosen = len(target.indices), draw(st.sets(st.sampled_from(CHANGEABLE), min_size=1, max_size=3))
    new = {key: draw(one_or_each(n, *RANGES[key])) for key in sorted(chosen)}
    if draw(st.booleans()):
        new["V_m"] = draw(one_or_each(n, -72.0, -59.0))
    return Change(draw(st.sampled_from(ends)), target, new)


@st.composite
def cases(draw) -> Case:
    """Draw a network of two to four populations and given spikes."""
    drawn = [draw(groups(f"P{k}")) for k in range(draw(st.integers(2, 4)))]
    pieces = draw(st.lists(st.tuples(st.integers(1, 150), st.booleans()), min_size=2, max_size=4))
    pieces[-1] = (pieces[-1][0], True)
    ends = np.cumsum([steps for steps, _ in pieces]).tolist()
    trains = draw(st.lists(st.lists(st.integers(1, ends[-1] + 5), max_size=20), min_size=1, max_size=4))
    case = Case(draw(st.sampled_from((0.1, 0.05, 0.2, 0.125))), drawn, trains, pieces)
    sizes, models = {g.name: g.n for g in drawn}, {g.name: g.model for g in drawn}
    case.synapses = draw(st.lists(synapses({**sizes, "S": len(trains)}, sizes, models), min_size=2, max_size=8))
    case.currents = draw(st.lists(currents(sizes, ends[-1]), max_size=6))
    case.changes = draw(st.lists(changes(sizes, ends), max_size=3))
    case.spike_parts = draw(st.lists(parts({**sizes, "S": len(trains)}), min_size=1, max_size=4))
    case.voltage_parts = draw(st.lists(parts(sizes), max_size=3))
    case.interval = draw(st.integers(1, 7))
    return case
