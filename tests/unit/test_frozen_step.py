"""Compiled steps: whatever their machine code depends on tells them apart, or is refused by name."""

from __future__ import annotations

import functools
import math
import textwrap
from types import FunctionType, ModuleType, SimpleNamespace

import numba
import numpy as np
import pytest

from distsim import Network, Simulation
from distsim.engine.compiled.cache_folder import folder
from distsim.engine.compiled.frozen_step import FrozenStep
from distsim.engine.step.update import ROW, Variant, compile_update
from distsim.neurons import MODELS, NeuronModel
from distsim.neurons.helpers import inlined
from distsim.neurons.iaf_psc_exp import iaf_psc_exp
from distsim.parallel import SerialCommunicator
from distsim.simulation.agreement import digest
from tests.support.users_steps import (
    HELPER,
    OTHERS,
    STEP,
    USES,
    by_global,
    by_helper_of_helper,
    by_inner_function,
    by_name_of_a_function,
    by_recursion,
    by_sign_of_zero,
    by_signature_of_helper,
    by_type,
    module,
)


def model_of(step, name: str = "user's") -> NeuronModel:
    return NeuronModel(name, {}, ("V",), lambda parameters, dt: {}, step)


def value_of(step) -> float:
    """Return V after one compiled step from 0."""
    function = compile_update(Variant(model_of(step), 1, False, False, False))
    state, none, fired = np.zeros(ROW), np.zeros(1), np.zeros(1, np.uint8)
    numbers = np.zeros(1, np.uint16)
    given = [1, state, np.zeros(1, np.int16), none, 1, none, none, 1.0, numbers, 0, 0.0, none, 1, fired, 0, none]
    kinds = zip(given, function.ctypes.argtypes, strict=True)
    function.ctypes(*(a.ctypes.data_as(kind) if isinstance(a, np.ndarray) else a for a, kind in kinds))
    return state[0]


# --- values that are compiled -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", USES + OTHERS, ids=lambda use: use.__name__)
def test_what_is_compiled_tells_steps_apart_and_nothing_else(use):
    names = [Variant(model_of(use(gain)), 1, False, False, False).name for gain in (1.5, 5.25, 1.5)]
    assert names[0] == names[2] != names[1]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_two_models_of_one_name_and_bytecode_have_a_compiled_step_each(use):
    assert [value_of(use(gain)) for gain in (1.5, 5.25, 1.5)] == [1.5, 5.25, 1.5]


def test_steps_that_recurse_or_have_functions_within_are_compiled_from_their_copies():
    assert value_of(by_recursion(1.5)) == 1.5 and value_of(by_recursion(5.25)) == 5.25
    assert value_of(by_inner_function(1.5)) == 1.5 and value_of(by_inner_function(5.25)) == 5.25
    assert value_of(by_type(1.5)) == 1.5 and value_of(by_type(2.5)) == 1.0
    assert value_of(by_name_of_a_function(1.5)) == 0.0 and value_of(by_name_of_a_function(2.5)) == 1.0
    assert value_of(by_signature_of_helper(1.5)) == 0.1
    assert value_of(by_sign_of_zero(1.5)) == 1.0 and value_of(by_sign_of_zero(2.5)) == -1.0


@pytest.mark.parametrize(("use", "is_kept"), [(by_recursion, False), (by_helper_of_helper, True)])
def test_code_that_recurses_is_not_kept_in_the_cache(use, is_kept):
    """Numba resolves a recursion's calls where it compiles them; a process that loaded the code would crash."""
    step = use(1.25)
    assert value_of(step) == 1.25
    name = Variant(model_of(step), 1, False, False, False).name
    assert bool(list(folder().glob(f"update.{name}-*"))) == is_kept


def test_a_helper_that_was_compiled_before_is_compiled_again_with_the_values_of_now():
    helpers = module("GAIN = 1.5\n" + HELPER.format("GAIN"))
    users = module(STEP.format("helpers.helper(V) + helper(V)"), helpers=helpers, helper=helpers.helper)
    assert helpers.helper(0.0) == 1.5 and value_of(users.step) == 3.0
    helpers.GAIN = 5.25
    assert value_of(users.step) == 10.5
    assert helpers.helper(0.0) == 1.5  # the user's own is left alone


def test_a_global_array_that_changes_is_another_constant():
    users = module("TABLE = np.array([1.5])\n" + STEP.format("V + TABLE[0]"))
    assert value_of(users.step) == 1.5
    users.TABLE[0] = 5.25
    assert value_of(users.step) == 5.25


def test_helpers_that_call_each_other_are_told_apart():
    source = """
        GAIN = 1.5
        @numba.njit
        def even(x, n):
            return x if n == 0 else odd(x, n - 1)
        @numba.njit
        def odd(x, n):
            return x + GAIN if n == 0 else even(x, n - 1)
        """
    users = module(textwrap.dedent(source) + STEP.format("even(V, 1)"))
    before = FrozenStep(users.step, "it")
    users.GAIN = 2.5
    after = FrozenStep(users.step, "it")
    assert before.identity != after.identity and before.difference(after) == "even: odd: GAIN"


def test_states_and_inhibitory_states_tell_loops_apart():
    one = NeuronModel("one", {}, ("V", "U"), lambda p, dt: {}, lambda V, U, wait, ex, inh, current: (V, U, wait, False))
    other = NeuronModel("one", {}, ("V", "U"), lambda p, dt: {}, one.step, inhibitory=("U",))
    assert Variant(one, 1, False, False, False).name != Variant(other, 1, False, False, False).name


def test_what_goes_by_name_is_not_looked_into(monkeypatch):
    assert set(FrozenStep(iaf_psc_exp.step, "it").uses) == {"np.int16", "max"}
    users = module(STEP.format("V + math.pi"))
    before = FrozenStep(users.step, "it").identity
    monkeypatch.setattr(math, "pi", 3.0)
    assert FrozenStep(users.step, "it").identity != before


def test_an_attempt_is_part_of_the_step_that_follows_it():
    users = module("GAIN = 1.0\ndef attempt(V, wait, ex, inh, current):\n    return V + GAIN, wait, 0")
    attempt, step = inlined(users.attempt), module(STEP.format("V")).step
    before = FrozenStep(step, "it", attempt)
    assert before.identity not in (FrozenStep(step, "it").identity, FrozenStep(users.attempt, "it").identity)
    users.GAIN = 2.0
    assert before.difference(FrozenStep(step, "it", attempt)) == "attempt: GAIN"
    assert before.copies()[1].py_func(0.0, 0, 0.0, 0.0, 0.0) == (1.0, 0, 0)


# --- refused ----------------------------------------------------------------------------------------------------------


def plain(x):
    return x


REFUSED = {
    "GAINS, of type list": ("V + GAINS[0]", {"GAINS": [1.0]}),
    "GAINS, of type dict": ("V + GAINS[0]", {"GAINS": {0: 1.0}}),
    "c, of type SimpleNamespace": ("V + c.gain", {"c": SimpleNamespace(gain=1.0)}),
    "f, a Python function that is not decorated": ("f(V)", {"f": plain}),
    "f, of type partial": ("f(V)", {"f": functools.partial(plain)}),
    "helpers, a module as a whole": ("f(helpers)", {"helpers": ModuleType("helpers"), "f": math.floor}),
    "helpers.GAIN, which does not exist": ("V + helpers.GAIN", {"helpers": ModuleType("helpers")}),
    "GAIN, which does not exist": ("V + GAIN", {}),
    "TABLE, an array of objects": ("V + TABLE[0]", {"TABLE": np.array([None])}),
    "TABLE, an array of 8000000 bytes": ("V + TABLE[0]", {"TABLE": np.zeros(10**6)}),
    "TABLE, an array that is not contiguous": ("V + TABLE[0]", {"TABLE": np.zeros(8)[::2]}),
    "np.random.normal, of type": ("V + np.random.normal()", {}),
    "outer: GAINS, of type list": ("outer(V)", {}),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_told_apart_is_refused_by_name(message):
    value, names = REFUSED[message]
    outer = module("GAINS = [1.0]\n@numba.njit\ndef outer(x):\n    return x + GAINS[0]").outer
    step = module(STEP.format(value), outer=outer, **names).step
    with pytest.raises(TypeError, match=f"^mine: its step uses {message}.*; it may use numbers"):
        FrozenStep(step, "mine")


@pytest.mark.parametrize(
    "step", [functools.partial(plain), numba.njit(plain), SimpleNamespace], ids=["partial", "njit", "class"]
)
def test_a_step_that_is_no_plain_function_is_refused(step):
    with pytest.raises(TypeError, match="mine: step must be a plain Python function, not of type"):
        model_of(step, "mine")


@pytest.mark.parametrize("last", ["*numbers", "*, gain=1.0", "**names"])
def test_arguments_that_are_not_by_position_are_refused(last):
    names: dict = {}
    exec(f"def step(V, wait, ex, inh, current, {last}):\n    return V, wait, False", names)
    with pytest.raises(TypeError, match="step must take its arguments by position, "):
        model_of(names["step"])


# --- networks ---------------------------------------------------------------------------------------------------------

PARAMETERS = {name: iaf_psc_exp.parameters[name] for name in ("E_L", "V_th", "I_e", "V_m")}


def integrator(
    step, propagators=lambda p, dt: {"theta": p["V_th"] - p["E_L"]}, name: str = "integrator"
) -> NeuronModel:
    return NeuronModel(name, PARAMETERS, ("V",), propagators, step)


CLIMB = """
    def step(V, wait, ex, inh, current, theta):
        new = V + GAIN
        spike = new >= theta
        return new - theta if spike else new, wait, spike
"""


def counts(*models: NeuronModel) -> list[int]:
    """Return the spikes of one neuron of each model, in one network, 10 ms long."""
    net = Network()
    neurons = [net.create(f"P{k}", 1, model, E_L=0.0, V_m=0.0, V_th=10.0) for k, model in enumerate(models)]
    for population in neurons:
        net.record_spikes(population)
    sim = Simulation(net, comm=SerialCommunicator())
    sim.run(10.0)
    return [sim.spikes(p)[0].size for p in neurons]


def test_a_network_has_two_models_of_one_name_with_other_globals():
    one, five = (integrator(module(f"GAIN = {gain}.0" + textwrap.dedent(CLIMB)).step) for gain in (1, 5))
    assert counts(one, five) == [10, 50]


def test_a_global_that_changes_holds_for_the_next_simulation_and_not_for_one_that_is_built():
    users = module("GAIN = 1.0" + textwrap.dedent(CLIMB))
    model = integrator(users.step)
    assert counts(model) == [10]
    net = Network()
    neuron = net.create("P", 1, model, E_L=0.0, V_m=0.0, V_th=10.0)
    sim = Simulation(net, comm=SerialCommunicator())
    sim.run(1.0)
    users.GAIN = 5.0
    for change in (lambda: sim.run(1.0), lambda: sim.set(neuron, V_th=np.array([9.0]))):
        with pytest.raises(ValueError, match="integrator: GAIN, which its step uses, has changed since the simulation"):
            change()
    assert sim.time == 1.0 and counts(model) == [50]


@pytest.mark.parametrize("name", ["my-model", "мой", "a b/c", "x" * 300])
def test_a_model_may_have_any_name(name):
    step = module("GAIN = 1.0" + textwrap.dedent(CLIMB)).step
    assert counts(integrator(step, name=name)) == [10]


def test_a_propagator_may_have_any_name():
    source = """
        def step(V, wait, ex, inh, current, n, i, state, par, unit, new_0, fired):
            new = V + n + i + state + par + unit
            spike = new >= fired
            return new - fired if spike else new, wait, spike
        """
    names = ("n", "i", "state", "par", "unit", "new_0", "fired")
    values = dict(zip(names, (0.5, 0.25, 0.125, 0.0625, 0.0625, 7.0, 10.0), strict=True))
    assert counts(integrator(module(source).step, lambda p, dt: values)) == [10]


def test_an_argument_with_a_default_need_not_be_a_propagator():
    source = CLIMB.replace("theta):", "theta, GAIN=5.0):")
    step = module(source).step
    assert counts(integrator(step)) == [50]
    assert counts(integrator(step, lambda p, dt: {"theta": 10.0, "GAIN": 1.0})) == [10]
    step.__defaults__ = (1.0,)
    assert counts(integrator(step)) == [10]


def test_what_propagators_return_besides_the_arguments_changes_nothing():
    step = module("GAIN = 1.0" + textwrap.dedent(CLIMB)).step
    assert counts(integrator(step, lambda p, dt: {"theta": 10.0, "unused": np.arange(1.0)})) == [10]


@pytest.mark.parametrize(
    ("given", "message"),
    [({}, "is not among what propagators returns"), ({"theta": "10"}, "must be a number or an array of numbers, not")],
)
def test_an_argument_without_a_number_is_refused_when_the_population_is_created(given, message):
    model = integrator(module("GAIN = 1.0" + textwrap.dedent(CLIMB)).step, lambda p, dt: given)
    with pytest.raises(TypeError, match=f"integrator: 'theta', an argument of step, {message}"):
        Network().create("P", 1, model)


def test_ranks_compare_what_steps_are_compiled_with():
    one, five = (model_of(by_global(gain)) for gain in (1.5, 5.25))
    assert digest(one) != digest(five) and digest(one) == digest(one)
    assert digest(NeuronModel("m", {}, ("V",), functools.partial(dict), by_global(1.5)))


def test_a_copy_uses_nothing_of_the_original():
    users = module("GAIN = 1.5\n" + HELPER.format("GAIN") + STEP.format("helper(V)"))
    copy = FrozenStep(users.step, "it").copy()
    assert isinstance(copy, FunctionType) and copy(0.0, 0, 0, 0, 0)[0] == 1.5
    assert copy.__globals__["helper"] is not users.helper
    users.GAIN = 5.25
    assert copy(0.0, 0, 0, 0, 0)[0] == 1.5


def test_all_models_can_be_frozen():
    # Both kinds of sources relay what arrives.
    assert len({FrozenStep(model.step, name).identity for name, model in MODELS.items()}) == len(MODELS) - 1
