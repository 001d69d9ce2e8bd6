"""Numbers are read strictly, and what is refused is refused in one line that says what, the value and the range."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from distsim.description.quantities import bound, number, numbers, whole


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int8(2), np.array(2), Fraction(2)])
def test_numbers_of_all_kinds_are_read(value):
    assert number("x", value) == numbers("x", value) == bound("x", value) == 2.0
    assert type(number("x", value)) is float
    assert numbers("x", [value, 3]).tolist() == [2.0, 3.0]
    assert whole("x", value) == 2 and type(whole("x", value)) is int


def test_whole_numbers_stay_exact_and_bounds_may_be_infinite():
    assert whole("x", 2**64 - 1) == 2**64 - 1
    assert bound("x", math.inf) == math.inf
    assert numbers("x", []).shape == (0,)
    given = np.array([1.0, 2.0])
    assert not np.shares_memory(numbers("x", given), given)


NOT_NUMBERS = ["1", b"1", None, True, 1j, math.nan, {}, [[1.0], 2.0], ["1"], [None], [1j], np.array([True]), object()]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [*NOT_NUMBERS, [1.0, 2.0], np.arange(5000.0), 10**400], ids=lambda v: repr(v)[:20])
@pytest.mark.parametrize("read", [number, bound, whole])
def test_anything_but_one_number_is_refused(read, value):
    if read is whole and isinstance(value, int) and value > 1:
        pytest.skip("a whole number however long")
    with pytest.raises(ValueError, match=r"^the x must be .*, not ") as error:
        read("the x", value)
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda v: repr(v)[:20])
def test_anything_but_an_array_of_numbers_is_refused(value):
    with pytest.raises(ValueError, match=r"^x must be .*, not "):
        numbers("x", value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 0.0), "x must be at least 0, not -1"),
        ((3.0, 0.0, 2.0, "ms"), "x must be from 0 to 2 ms, not 3"),
        ((3.0, -math.inf, 2.0, "ms"), "x must be at most 2 ms, not 3"),
        ((math.inf, 0.0, math.inf, "ms"), "x must be finite, not inf"),
        ((math.inf, 0.0, 2.0), "x must be from 0 to 2, not inf"),
        ((math.nan,), "x must be finite, not nan"),
    ],
)
def test_what_is_allowed_is_said(arguments, message):
    value, *limits = arguments
    for read, given in ((number, value), (numbers, value), (numbers, [1.0, value])):
        with pytest.raises(ValueError) as error:
            read("x", given, *limits)
        assert str(error.value) == message


def test_arrays_have_the_size_that_is_asked_for():
    assert numbers("x", [1.0, 2.0], n=2).tolist() == [1.0, 2.0] and numbers("x", 1.0, n=2) == 1.0
    with pytest.raises(ValueError, match=r"x: a number or an array of 3 numbers, not of shape \(2,\)"):
        numbers("x", [1.0, 2.0], n=3)


@pytest.mark.parametrize(("value", "high"), [(1.5, None), (-1, None), (4, 3), (math.inf, None), ("3", None)])
def test_a_whole_number_is_whole_and_in_range(value, high):
    allowed = "from 0 to 3" if high else "of at least 0"
    with pytest.raises(ValueError, match=f"x must be a whole number {allowed}, not {value!r}"):
        whole("x", value, 0, high)
