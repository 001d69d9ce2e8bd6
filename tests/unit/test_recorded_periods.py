"""Which spikes and which time count in the figures: ends of periods and bins, and breaks in the recording."""

from __future__ import annotations

import numpy as np
import pytest

from distsim.analysis import rates
from distsim.analysis.run_folder import break_marks, recorded_ms
from distsim.analysis.statistics import population_rate
from distsim.recording.spikes import Spikes


def test_rates_are_of_the_spikes_after_the_start_up_to_the_end():
    spikes = Spikes(np.array([10.0, 10.1, 20.0, 20.1]), np.array([0, 1, 2, 3]), 4)
    assert rates._rates_of(spikes, 10.0, 20.0, 10.0).tolist() == [0.0, 100.0, 100.0, 0.0]


def test_rates_are_over_what_was_recorded_of_the_period():
    spikes = Spikes(np.array([1.0, 9.0]), np.array([0, 0]), 1)
    assert rates._rates_of(spikes, 0.0, 10.0, 4.0).tolist() == [500.0]


PIECES = [(0.0, 10.0), (30.0, 50.0), (80.0, 100.0)]


@pytest.mark.parametrize(
    ("period", "expected"),
    [((0.0, 100.0), 50.0), ((5.0, 35.0), 10.0), ((10.0, 30.0), 0.0), ((12.0, 20.0), 0.0), ((40.0, 45.0), 5.0)],
)
def test_what_was_recorded_of_a_period_leaves_out_breaks(period, expected):
    """A piece outside the period counts nothing, not less than nothing."""
    assert recorded_ms(PIECES, *period) == expected


def test_every_break_is_marked_from_the_end_of_a_piece_to_the_start_of_the_next():
    marks = break_marks(PIECES, {"E": 5, "empty": 0, "I": 2})
    found = [(mark.t0, mark.t1, mark.population, mark.first, mark.last) for mark in marks]
    assert found == [
        (10.0, 30.0, "E", 0, 4), (10.0, 30.0, "I", 0, 1), (50.0, 80.0, "E", 0, 4), (50.0, 80.0, "I", 0, 1),
    ]  # fmt: skip
    assert break_marks(PIECES[:1], {"E": 5}) == []


@pytest.mark.parametrize(("width", "n_bins"), [(0.1, 3), (0.3, 1)])
def test_the_last_bin_is_not_lost_by_rounding(width, n_bins):
    """0.3 / 0.1 is 2.9999999999999996."""
    found, edges = population_rate(np.array([0.1, 0.3]), 1, 0.0, 0.3, width)
    assert found.size == n_bins and edges.size == n_bins + 1
    assert round(found.sum() * width / 1e3) == 2
