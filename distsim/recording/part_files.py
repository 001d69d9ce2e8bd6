"""The closed parts of a run's recordings as files: where they are, what they hold together, going back to a step."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from distsim.files.paths import PARTS
from distsim.recording.file_sink import SPIKES, VOLTAGES
from distsim.recording.sonata import check_sound, times_of
from distsim.recording.spikes import Spikes, read_periods, read_spikes
from distsim.recording.voltages import Voltages, read_samples, read_voltages


class Span(NamedTuple):
    """The steps start + 1 ... stop of a part."""

    start: int
    stop: int


def part_path(folder: Path, name: str, span: Span) -> Path:
    """Return the path of the part of `name` (spikes.h5 or voltages.h5) in the run's `folder`."""
    return folder / PARTS / f"{Path(name).stem}-{span.start:012d}-{span.stop:012d}.h5"


def spans_in(folder: Path, name: str) -> list[Span]:
    """The closed parts of `name` in the run's `folder`, in order of time."""
    try:
        files = os.listdir(folder / PARTS)
    except (FileNotFoundError, NotADirectoryError):  # it may be removed at any time
        return []
    pattern = rf"{Path(name).stem}-([0-9]{{12,16}})-([0-9]{{12,16}})\.h5"
    matches = [re.fullmatch(pattern, file) for file in files]
    return sorted(Span(int(match[1]), int(match[2])) for match in matches if match)


def rewind(folder: Path, files: Sequence[str], span: Span, dt: Fraction) -> None:
    """Leave of the recordings `files` in the run's `folder` what was recorded in `span`, as parts (on one rank).

    What was recorded later is removed, also all if the span is empty; a complete file becomes a part again.

    Raises
    ------
    ValueError
        If recordings of that span are missing; the folder is then left unchanged.
    """
    left = {name: _parts_of(folder, name, span, dt) for name in files}
    (folder / PARTS).mkdir(exist_ok=True)
    for name, kept in left.items():
        for other in spans_in(folder, name):
            if kept is None or other not in kept:
                part_path(folder, name, other).unlink()
        if kept is None:
            (folder / name).replace(part_path(folder, name, span))
        (folder / name).unlink(missing_ok=True)


def _parts_of(folder: Path, name: str, span: Span, dt: Fraction) -> list[Span] | None:
    """Return the parts of `name` that hold what was recorded in `span`; None if the complete file holds it.

    Raises
    ------
    ValueError
        If neither holds it.
    """
    kept = [other for other in spans_in(folder, name) if other.stop <= span.stop and span.start < span.stop]
    is_chain = [span.start, *(other.stop for other in kept)] == [*(other.start for other in kept), span.stop]
    if is_chain or span.stop <= span.start:
        for other in kept:
            check_sound(part_path(folder, name, other))
        return kept
    if not _covers(folder / name, name, span, dt):
        raise ValueError(f"{folder}: {name} up to {float(span.stop * dt):g} ms is not all there")
    return None


def _covers(path: Path, name: str, span: Span, dt: Fraction) -> bool:
    """Return whether the complete file at `path` is a recording of the steps of `span`, no more and no fewer."""
    if not path.is_file():
        return False
    if name == SPIKES:
        found = next(iter(read_periods(path)), (None, None))
        return found == tuple(float(time) for time in times_of(np.array(span), dt))
    first, n, interval = read_samples(path)
    before, last = (step // interval for step in span)
    return n == last - before and (n == 0 or first == (before + 1) * interval)


# --- reading ----------------------------------------------------------------------------------------------------------


def has_parts(folder: Path) -> bool:
    """Return whether the run's `folder` holds closed parts."""
    return any(spans_in(folder, name) for name in (SPIKES, VOLTAGES))


def read_spike_parts(folder: Path, spans: Sequence[Span] | None = None) -> dict[str, Spikes]:
    """The spikes in closed parts of the run's `folder`, by default all, by population, as `read_spikes` gives them."""
    spans = spans_in(folder, SPIKES) if spans is None else spans
    parts = [read_spikes(part_path(folder, SPIKES, span)) for span in spans]
    return {name: _joined_spikes(_each(folder, parts, name)) for name in (parts[0] if parts else ())}


def read_voltage_parts(folder: Path, spans: Sequence[Span] | None = None) -> dict[str, Voltages]:
    """The voltages in closed parts of the run's `folder`, by default all, by population, as `read_voltages`."""
    spans = spans_in(folder, VOLTAGES) if spans is None else spans
    parts = [read_voltages(part_path(folder, VOLTAGES, span)) for span in spans]
    return {name: _joined_voltages(_each(folder, parts, name)) for name in (parts[0] if parts else ())}


def _each(folder: Path, parts: list[dict], name: str) -> list:
    """Return the recordings of the population `name` in each part; ValueError if they are not of the same neurons."""
    if any(part.keys() != parts[0].keys() for part in parts):
        raise ValueError(f"{folder / PARTS}: the parts are not of the same populations")
    found = [part[name] for part in parts]
    if any(getattr(s, "n", None) != getattr(found[0], "n", None) for s in found) or any(
        isinstance(v, Voltages) and not np.array_equal(v.ids, found[0].ids) for v in found
    ):
        raise ValueError(f"{folder / PARTS}: the parts are not of the same neurons of {name}")
    return found


def _joined_spikes(parts: list[Spikes]) -> Spikes:
    times, ids = (np.concatenate([getattr(part, key) for part in parts]) for key in ("times", "ids"))
    return Spikes(times, ids, parts[0].n, parts[0].t_start_ms, parts[-1].t_stop_ms, parts[0].dt_ms)


def _joined_voltages(parts: list[Voltages]) -> Voltages:
    times, V = (np.concatenate([getattr(part, key) for part in parts]) for key in ("times", "V"))
    return Voltages(times, parts[0].ids, V, parts[0].interval_ms)
