"""A run's folder: claimed before anything is built, so that no run overwrites another."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .parallel import InputError

FILES = ("summary.json", "spikes.h5", "voltages.h5", "raster.png", "rates.png")


def claim(out: str | None, network: str, overwrite: bool) -> Path:
    """Make the folder `out`, or the first free results/<network>-<number>, and return it.

    Raises
    ------
    InputError : it holds an earlier run and `overwrite` is not given, or it cannot be written.
    """
    path = Path(out) if out is not None else _first_free(network)
    try:
        earlier = [name for name in FILES if (path / name).exists()]
        if earlier and not overwrite:
            raise InputError(
                f"--out {path}: holds an earlier run ({', '.join(earlier)}); choose another folder or add --overwrite"
            )
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
        for name in earlier:
            os.remove(path / name)
    except OSError as error:
        raise InputError(f"--out {path}: cannot be written ({error.strerror or error})") from None
    return path


def _first_free(network: str) -> Path:
    number = 1
    while Path("results", f"{network}-{number}").exists():
        number += 1
    return Path("results", f"{network}-{number}")
