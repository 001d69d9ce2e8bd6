"""Time is counted in steps; milliseconds are exact at the surface and refused where they lie between steps."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from distsim.description.grid import TimeGrid, resolution


@pytest.mark.parametrize(
    ("dt", "fraction"),
    [(0.1, Fraction(1, 10)), (0.05, Fraction(1, 20)), (1.0, Fraction(1)), (0.025, Fraction(1, 40)), (2, Fraction(2))],
)
def test_the_resolution_is_the_fraction_that_was_written(dt, fraction):
    assert resolution(dt) == fraction


@pytest.mark.parametrize("dt", [0.0, -0.1, math.nan, math.inf, -math.inf, 1e-9, 1e-300])
def test_a_resolution_that_is_no_positive_number_is_refused(dt):
    with pytest.raises(ValueError, match="dt"):
        resolution(dt)


@pytest.mark.parametrize("dt", [0.1, 0.05, 0.2, 0.025, 0.3, 1.0])
def test_steps_and_ms_are_inverse_at_any_length(dt):
    grid = TimeGrid(resolution(dt))
    steps = np.unique(np.geomspace(1, 10**9, 500).astype(np.int64))
    times = grid.ms(steps)
    np.testing.assert_array_equal(grid.steps(times, "t"), steps)
    # Each time is the float nearest to the exact value, which is what its decimal notation means too.
    assert all(
        Fraction(float(t)) == Fraction(float(Fraction(int(k)) * grid.dt)) for k, t in zip(steps, times, strict=True)
    )


def test_decimal_times_are_on_the_grid():
    grid = TimeGrid(resolution(0.1))
    assert [grid.steps(t, "t") for t in (0.1, 0.3, 1.1, 16.6, 1000.0, 0.1 + 0.2)] == [1, 3, 11, 166, 10000, 3]
    assert isinstance(grid.steps(0.3, "t"), int)
    np.testing.assert_array_equal(grid.steps(np.array([0.7, 1.4]), "t"), [7, 14])


@pytest.mark.parametrize("time", [0.15, 0.1001, 100.05, 1e6 + 0.01])
def test_a_time_between_steps_is_refused_by_name(time):
    with pytest.raises(ValueError, match=f"t_sim: {time} ms is not a multiple of dt = 0.1 ms"):
        TimeGrid(resolution(0.1)).steps(time, "t_sim")


@pytest.mark.parametrize("dt", [0.1, 0.05, 0.125, 0.3, 1.0])
@pytest.mark.parametrize("around", [0.0, 1e3, 5e7, 1e9, 1e11, 1e12])
def test_times_are_held_to_the_grid_wherever_they_are(dt, around):
    grid = TimeGrid(resolution(dt))
    steps = round(around / dt) + np.arange(1, 2000)
    times = grid.ms(steps)
    assert grid.steps(times, "t").tolist() == steps.tolist()
    for part in (0.5, 0.1, 0.01, 2e-3):
        for off in (times + part * dt, times - part * dt):
            # Beyond 1e11 ms the spacing of float64 is more than a thousandth of dt.
            off = off[np.abs(off - times) > 1e-3 * dt]
            for time in off[::500]:
                with pytest.raises(ValueError, match=r"t: .* is not a multiple of dt"):
                    grid.steps(time, "t")
            with pytest.raises(ValueError, match=r"t: .* is not a multiple of dt"):
                grid.steps(off, "t")


@pytest.mark.parametrize("around", [0.0, 1e5, 5e7, 1e9])
def test_what_products_make_of_a_multiple_is_that_multiple(around):
    grid, steps = TimeGrid(resolution(0.1)), round(around / 0.1) + np.arange(2000)
    assert grid.steps(steps * 0.1, "t").tolist() == steps.tolist()
    assert grid.steps(np.nextafter(steps * 0.1, np.inf), "t").tolist() == steps.tolist()


@pytest.mark.parametrize("time", [5e7 + 0.04, 5e7 + 0.001, 1e9 + 0.05, 1e9 + 1e-5, 1e10 + 0.0011])
def test_a_refused_time_is_shown_with_all_its_digits(time):
    with pytest.raises(ValueError) as error:
        TimeGrid(resolution(0.1)).steps(time, "t")
    assert float(str(error.value).split()[1]) == time


def test_the_first_of_many_wrong_times_is_named():
    with pytest.raises(ValueError, match=r"delay: 0\.25 ms"):
        TimeGrid(resolution(0.1)).steps(np.array([0.2, 0.25, 0.35]), "delay")


@pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf])
def test_a_time_that_is_not_finite_is_refused_by_name(time):
    with pytest.raises(ValueError, match="delay must be finite"):
        TimeGrid(resolution(0.1)).steps(time, "delay")
