"""200 damaged checkpoints: each is detected, named, and the one before taken; or it is harmless.

The figures are printed: python -m pytest -rP tests/faults/test_damaged_checkpoints.py
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from distsim.cli.command import STOPPED
from distsim.parallel import SerialCommunicator
from distsim.simulation import checkpoints
from tests.support.commands import run
from tests.support.long_runs import options_of

COMM = SerialCommunicator()
HOW = {
    "bit flipped": r"dataset \S+ has the sum \w{16}, not \w{16}|its end is missing|dataset header is cut off",
    "truncated": "its end is missing",
}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Path:
    """The folder of a run with two checkpoints."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    assert run(*options_of("microcircuit"), "--out", out, "--max-wall", "1ms") == STOPPED
    assert run("resume", out, "--max-wall", "1ms") == STOPPED
    return out


def damage(raw: bytes, how: str, rng: np.random.Generator) -> bytes:
    changed = bytearray(raw)
    if how == "truncated":
        del changed[rng.integers(len(raw)) :]
    else:
        changed[rng.integers(len(raw))] ^= 1 << rng.integers(8)
    return bytes(changed)


def are_same(one: checkpoints.Checkpoint, other: checkpoints.Checkpoint) -> bool:
    if (one.config, one.state.facts) != (other.config, other.state.facts):
        return False
    pairs = [(here, there) for here, there in zip(one.state[1:], other.state[1:], strict=True)]
    return all(a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a) for a, b in pairs)


@pytest.mark.parametrize(("how", "n", "least"), [("bit flipped", 150, 100), ("truncated", 50, 50)])
def test_damaged_checkpoints_are_detected_or_harmless(tmp_path, stopped, how, n, least):
    paths = checkpoints.checkpoints_in(stopped)
    before, last = (checkpoints.read(path, COMM) for path in paths)
    raw, rng, detected = paths[-1].read_bytes(), np.random.default_rng(3), 0
    assert not are_same(before, last)
    for _ in range(n):
        for path in paths:
            shutil.copy(path, tmp_path)
        (tmp_path / paths[-1].name).write_bytes(damage(raw, how, rng))
        said: list[str] = []
        found = checkpoints.read_latest(tmp_path, COMM, said.append)
        if said:
            detected += 1
            (text,) = said
            assert re.fullmatch(re.escape(f"{tmp_path / paths[-1].name}: damaged: ") + f"({HOW[how]})", text), text
        assert are_same(found, before if said else last)
    assert detected >= least
    print(f"{n} checkpoints, {how}: {detected} detected and named, {n - detected} harmless, 0 wrong")
