"""A folder of a small run that was not simulated."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np

from distsim.recording.spikes import SpikeFile


def folder_with_run(path: Path, figures: dict, **others) -> Path:
    """Write what a run leaves: 60 ms of E (8 neurons) and I (4), of which 10 ms are the start."""
    path.mkdir(exist_ok=True)
    with SpikeFile(path / "spikes.h5", {"E": (0, 8), "I": (8, 4)}, Fraction(1, 10)) as file:
        file.append(np.arange(101, 601), np.arange(500) % 12)
    times = {"t_presim_ms": 10.0, "t_sim_ms": 50.0, "dt_ms": 0.1}
    summary = {"network": "two", "seed": 3, **times, "populations": {"E": {"n": 8}, "I": {"n": 4}}, "figures": figures}
    (path / "summary.json").write_text(json.dumps(summary | others))
    return path
