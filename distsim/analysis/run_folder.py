"""Read what figures need from a run's folder: its summary, checked, and the spikes in the summary's order."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from distsim.analysis.marks import Mark
from distsim.analysis.rows import number_through
from distsim.analysis.summary_kinds import check_summary
from distsim.files.paths import MARKER, NOTE, as_path
from distsim.files.plain_files import read_json
from distsim.recording.part_files import has_parts
from distsim.recording.pieces import Pieces, recorded_ms
from distsim.recording.samples import Samples
from distsim.recording.spikes import Spikes

SCALINGS = {"N_scaling": "N", "K_scaling": "K"}  # parameters, and their words in titles
MOST_CHANGES = 3  # of parameters that a title has room for
MOST_PIECES = 4  # of a recording that an error lists
NEEDED = (("populations", dict), ("t_presim_ms", (int, float)), ("t_sim_ms", (int, float)))

Recording = TypeVar("Recording", Spikes, Samples)


def existing_folder(folder: str | Path) -> Path:
    """Return the folder as a path.

    Raises
    ------
    FileNotFoundError
        If there is none.
    NotADirectoryError
        If that is a file.
    """
    folder = as_path(folder)
    if folder.is_file():
        raise NotADirectoryError(f"{folder}: a file; give the folder of the run, here {folder.parent}")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    return folder


def read_summary(path: str | Path) -> dict[str, Any]:
    """Read a run's ``summary.json`` and check that it holds what the figures need.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not JSON, or an entry is missing or of the wrong kind.
    """
    path = as_path(path)
    if not path.is_file() and (
        has_parts(path.parent) or any((path.parent / name).is_file() for name in (NOTE, MARKER))
    ):
        raise FileNotFoundError(f"{path.parent}: the run has not come to its end: distsim resume {path.parent}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file: {path.parent} is not the folder of a run")
    summary = read_json(path)
    if not isinstance(summary, dict):
        raise ValueError(f"{path}: not the summary of a run")
    # The summary of a figure's panels names their folders, and each has its own.
    for key, kind in (("panels", dict),) if "panels" in summary else NEEDED:
        if not isinstance(summary.get(key), kind):
            raise ValueError(f"{path}: {key} is missing or of the wrong kind")
    if not isinstance(summary.get("figures", {}), dict):
        raise ValueError(f"{path}: figures is of the wrong kind")
    try:
        check_summary(summary)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return summary


def in_order_of(populations: Mapping[str, Any], found: Mapping[str, Recording]) -> dict[str, Recording]:
    """Return the recordings in the summary's order of populations; those that it does not name come last."""
    return {name: found[name] for name in [*populations, *found] if name in found}


def collect(populations: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the entry `key` of all populations that have it."""
    return {name: entry[key] for name, entry in populations.items() if isinstance(entry, dict) and entry.get(key)}


def title_of(summary: Mapping[str, Any]) -> str | None:
    """Return the title of a run's figures: the network's name, its panel or else its scale and what was changed of its
    parameters, and the seeds."""
    name, config = summary.get("network"), summary.get("config")
    if not isinstance(name, str):
        return None
    config = config if isinstance(config, dict) else {}
    parts = [" ".join(filter(None, [name, summary.get("figures", {}).get("title")]))]
    parts += _scalings({word: config.get(key) or 1.0 for key, word in SCALINGS.items()})
    changed = summary.get("changed")
    if "title" not in summary.get("figures", {}) and isinstance(changed, dict):
        parts += _changes(changed, dict(zip(changed, summary.get("changed_in_words") or [], strict=False)))
    if summary.get("seed") is not None:
        parts.append(f"seed {summary['seed']}")
        if summary.get("noise_seed") not in (None, summary["seed"]):
            parts.append(f"noise seed {summary['noise_seed']}")
    return ", ".join(parts)


def _scalings(factors: Mapping[str, float]) -> list[str]:
    """Say what is scaled, in one word if all is scaled alike."""
    if len(set(factors.values())) == 1:
        return [f"scale {factor:g}" for factor in set(factors.values()) if factor != 1.0]
    return [f"{word} scaled by {factor:g}" for word, factor in factors.items() if factor != 1.0]


def _changes(changed: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    """Say which parameters are not the network's own: a few in `words`, of more how many there are."""
    texts = []
    for name, value in changed.items():
        if name in SCALINGS:
            continue
        if name in words:
            texts.append(words[name])
        elif isinstance(value, bool):
            texts.append(name if value else f"no {name}")
        elif isinstance(value, (int, float)):
            texts.append(f"{name} = {value:g}")
        elif isinstance(value, str):
            texts.append(f"{name} = {value}")
        else:
            texts.append(f"{name} changed")
    if len(texts) > MOST_CHANGES:
        texts[MOST_CHANGES - 1 :] = [f"{len(texts) - MOST_CHANGES + 1} more parameters changed"]
    return texts


def rates_options(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return what the model says of the reference of its rates, as options of `rates_boxplot`.

    Raises
    ------
    ValueError
        If that is no text.
    """
    said = summary.get("figures", {}).get("rates", {})
    if not isinstance(said, dict) or not all(isinstance(text, str) for text in said.values()):
        raise ValueError("figures: rates is of the wrong kind")
    return {key: said[key] for key in ("reference", "note") if key in said}


def pieces_of(summary: Mapping[str, Any], period: tuple[float, float]) -> Pieces:
    """Return start and end (ms) of each recorded piece, those of `period` where the summary does not say."""
    return summary.get("recorded_ms") or [period]


def check_recorded(pieces: Pieces, t0: float, t1: float) -> None:
    """Check that something was recorded in the period; ValueError if not. The figures refuse an empty period."""
    if t0 < t1 and not recorded_ms(pieces, t0, t1):
        periods = [f"{start:g} to {stop:g} ms" for start, stop in pieces]
        if len(periods) > MOST_PIECES:
            periods = [*periods[: MOST_PIECES - 1], f"others up to {pieces[-1][1]:g} ms"]
        raise ValueError(f"nothing was recorded from {t0:g} to {t1:g} ms, only from {', '.join(periods)}")


def break_marks(pieces: Pieces, sizes: Mapping[str, int]) -> list[Mark]:
    """Return marks of what lies between the recorded pieces, in all populations."""
    breaks = [(before[1], after[0]) for before, after in itertools.pairwise(pieces)]
    return [Mark(*period, name, 0, n - 1, "not recorded") for period in breaks for name, n in sizes.items() if n]


def recorded_neurons(populations: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the ids of the recorded neurons of each population that was recorded only in part."""
    return {name: _ids(ranges) for name, ranges in collect(populations, "recorded").items()}


def recorded_only(entry: Any, spikes: Spikes) -> Spikes:
    """Return the spikes with the recorded neurons of a population numbered through, so that no other seems silent."""
    if not isinstance(entry, dict) or entry.get("recorded") is None:
        return spikes
    return number_through(spikes, _ids(entry["recorded"]))


def _ids(ranges: list[list[int]]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *(np.arange(first, last) for first, last in ranges)])
