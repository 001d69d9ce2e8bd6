"""Steps as users write them, which use a number in every way that there is."""

from __future__ import annotations

import textwrap
from types import ModuleType

HEAD = "import math, numba, numpy as np, enum\nfrom collections import namedtuple\n"
STEP = "def step(V, wait, ex, inh, current):\n    return {}, wait, False\n"
HELPER = "@numba.njit\ndef helper(x):\n    return x + {}\n"


def module(source: str, **names) -> ModuleType:
    """Return a module of this source, as a user's file would be."""
    made = ModuleType("users_model")
    vars(made).update(names)
    exec(compile(HEAD + textwrap.dedent(source), "users_model.py", "exec"), vars(made))
    return made


def by_global(gain):
    return module(f"GAIN = {gain}\n" + STEP.format("V + GAIN")).step


def by_closure(gain):
    return module(
        f"""
        def make(GAIN):
            def step(V, wait, ex, inh, current):
                return V + GAIN, wait, False
            return step
        step = make({gain})
        """
    ).step


def by_default_of_helper(gain):
    source = f"@numba.njit\ndef helper(x, gain={gain}):\n    return x + gain\n"
    return module(source + STEP.format("helper(V)")).step


def by_code_of_helper(gain):
    return module(HELPER.format(gain) + STEP.format("helper(V)")).step


def by_global_of_helper(gain):
    return module(f"GAIN = {gain}\n" + HELPER.format("GAIN") + STEP.format("helper(V)")).step


def by_helper_of_helper(gain):
    source = HELPER.format(gain) + "@numba.njit\ndef outer(x):\n    return helper(x)\n"
    return module(source + STEP.format("outer(V)")).step


def by_recursion(gain):
    source = f"""
        GAIN = {gain}
        @numba.njit
        def climb(x, n):
            if n == 0:
                return x
            return climb(x, n - 1) + GAIN
        """
    return module(textwrap.dedent(source) + STEP.format("climb(V, 1)")).step


def by_attribute_of_module(gain):
    return module(STEP.format("V + helpers.GAIN"), helpers=module(f"GAIN = {gain}")).step


def by_module_of_module(gain):
    return module(STEP.format("V + outer.inner.GAIN"), outer=module("", inner=module(f"GAIN = {gain}"))).step


def by_helper_of_module(gain):
    helpers = module(f"GAIN = {gain}\n" + HELPER.format("GAIN"))
    return module(STEP.format("helpers.helper(V)"), helpers=helpers).step


def by_array(gain):
    return module(f"TABLE = np.array([0.0, {gain}])\n" + STEP.format("V + TABLE[1]")).step


def by_tuple(gain):
    return module(f"TABLE = (1.0, ({gain}, 2))\n" + STEP.format("V + TABLE[1][0]")).step


def by_named_tuple(gain):
    source = f"Constants = namedtuple('Constants', 'gain')\nC = Constants({gain})\n"
    return module(source + STEP.format("V + C.gain")).step


def by_enumeration(gain):
    source = f"class Gains(enum.Enum):\n    high = {gain}\n"
    return module(source + STEP.format("V + Gains.high.value")).step


def by_inner_function(gain):
    source = """
        GAIN = {}
        def step(V, wait, ex, inh, current):
            rise = lambda x: x + GAIN
            return rise(V), wait, False
        """
    return module(source.format(gain)).step


def by_type(gain):
    source = "number = np.float64\n" if gain == 1.5 else "number = np.int64\n"
    return module(source + STEP.format("V + number(1.5)")).step


def by_name_of_a_function(gain):
    source = "from math import floor as rounded\n" if gain == 1.5 else "from math import ceil as rounded\n"
    return module(source + STEP.format("rounded(V + 0.5)")).step


def by_option_of_helper(gain):
    how = "(error_model='numpy')" if gain == 1.5 else ""
    return module(HELPER.format("1.0").replace("@numba.njit", f"@numba.njit{how}") + STEP.format("helper(V)")).step


def by_signature_of_helper(gain):
    given = "float64(float64)" if gain == 1.5 else "float64(float32)"
    return module(HELPER.format("0.1").replace("njit", f"njit('{given}')") + STEP.format("helper(V)")).step


def by_sign_of_zero(gain):
    source = f"ZERO = {0.0 if gain == 1.5 else -0.0}\n"
    return module(source + STEP.format("V + math.copysign(1.0, ZERO)")).step


USES = [
    by_global,
    by_closure,
    by_default_of_helper,
    by_code_of_helper,
    by_global_of_helper,
    by_helper_of_helper,
    by_attribute_of_module,
    by_module_of_module,
    by_helper_of_module,
    by_array,
    by_tuple,
    by_named_tuple,
]
OTHERS = [
    by_recursion,
    by_enumeration,
    by_inner_function,
    by_type,
    by_name_of_a_function,
    by_option_of_helper,
    by_signature_of_helper,
    by_sign_of_zero,
]
