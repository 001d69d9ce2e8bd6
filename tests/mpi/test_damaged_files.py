"""Damaged files end all ranks with the same words, and none of them waits for another."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import distsim
from distsim import Simulation
from distsim.recording import seal
from distsim.recording.spikes import SpikeFile
from tests.support import damage
from tests.support.damage_worker import small_network
from tests.support.folders import COMM

DT = Fraction(1, 10)


def on_root(action) -> None:
    if COMM.rank == 0:
        action()
    COMM.barrier()


def write(path: Path, n: int = 2000) -> None:
    with SpikeFile(path, {"E": (0, 7)}, DT, COMM) as file:
        file.append(np.arange(n), np.arange(n) % 7)


def turn_bit(path: Path, place: int = 3000) -> None:
    raw = bytearray(path.read_bytes())
    raw[place] ^= 8
    path.write_bytes(raw)


def said(action) -> str:
    """Return what all ranks say of what goes wrong, each the same."""
    with pytest.raises((ValueError, OSError)) as caught:
        action()
    words = COMM.allgather(str(caught.value))
    assert all("damaged" in text or "not a" in text for text in words), words
    return words[0]


def test_the_ranks_seal_a_file_together(folder):
    write(folder / "s.h5", 200_000)
    seal._sound.clear()
    assert seal.is_sound(folder / "s.h5")


def test_a_damaged_folder_is_loaded_by_no_rank(folder):
    write(folder / "spikes.h5")
    on_root(lambda: turn_bit(folder / "spikes.h5"))
    assert str(folder / "spikes.h5") in said(lambda: distsim.load(folder))
    on_root(lambda: (folder / "spikes.h5").write_bytes(b"no HDF5"))
    assert str(folder / "spikes.h5") in said(lambda: distsim.load(folder))
    on_root(lambda: (folder / "summary.json").write_bytes(b"[" * 100_000))
    assert str(folder / "summary.json") in said(lambda: distsim.load(folder))


@pytest.mark.parametrize("kind", ["bit", "noise", "pipe"])
def test_a_damaged_part_is_copied_by_no_rank(folder, kind):
    write(folder / "part.h5")

    def harm() -> None:
        if kind == "bit":
            turn_bit(folder / "part.h5")
        elif kind == "noise":
            (folder / "part.h5").write_bytes(bytes(1000))
        else:
            (folder / "part.h5").unlink()
            damage.INSTEAD["pipe"](folder / "part.h5")

    on_root(harm)
    file = SpikeFile(folder / "whole.h5", {"E": (0, 7)}, DT, COMM)
    said_here = ""
    try:
        file.copy(folder / "part.h5")
    except (ValueError, OSError) as error:
        said_here = str(error)
    assert all("part.h5" in text or "whole.h5" in text for text in COMM.allgather(said_here))
    assert "part.h5" in COMM.bcast(said_here)


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("history/gids", lambda a: np.full_like(a, 2**32 - 1)),
        ("refractory", lambda a: np.where(np.arange(a.size) == 1, -1, a).astype(a.dtype)),  # of one rank's neuron
        ("emitted", lambda a: np.where(np.arange(a.size) == 1, a + 1, a).astype(a.dtype)),
        ("state/0", lambda a: a[1:]),
    ],
)
def test_a_forged_state_is_taken_up_by_no_rank(folder, name, edit):
    sim = Simulation(small_network(), 1, COMM)
    sim.run(20.0)
    sim.checkpoint(folder / "c.h5")
    on_root(lambda: damage.forge_array(folder / "c.h5", name, edit))
    with pytest.raises(ValueError, match=r"c\.h5: ") as caught:
        Simulation(small_network(), 1, COMM, checkpoint=folder / "c.h5")
    assert len(set(COMM.allgather(str(caught.value)))) == 1
