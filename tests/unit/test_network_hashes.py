"""The spikes of all networks are those of before, bit for bit."""

from __future__ import annotations

import json

import pytest

from tests.support.hashed_networks import ALONE, CASES, FILE, check, layout


@pytest.mark.parametrize("name", CASES)
def test_spikes_are_those_of_before(name):
    check(name, ALONE)


def test_every_network_has_a_hash_of_its_own():
    known = json.loads(FILE.read_text())
    assert list(known) == list(CASES) and len(set(known.values())) == len(known)


def test_synapses_are_kept_in_every_way():
    """The index by source is of several ranks."""
    matrices = [name for name in CASES if name.endswith("matrices") or name == "own: shards"]
    assert len(matrices) == 6 and all(layout(name, ALONE)[0] for name in matrices)
    chosen = ("microcircuit: DC, seed 1", "own: exp, explicit", "own: weights of all kinds", "own: shards")
    found = [layout(name, ALONE) for name in chosen]
    assert len({form for _, _, form, _ in found}) == 3 and found[-1][-1] > 1
