"""The closed parts of a run's recordings: find their files, read them as one recording, and rewind to a step."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from distsim.description.reports import Report
from distsim.files.paths import PARTS
from distsim.recording.report_files import SPIKES, file_of
from distsim.recording.samples import Samples, read_grid, read_reports
from distsim.recording.sonata import check_sound, times_of
from distsim.recording.spikes import Spikes, read_periods, read_spikes


class Span(NamedTuple):
    """The steps start + 1 ... stop of a part."""

    start: int
    stop: int


def part_path(folder: Path, name: str, span: Span) -> Path:
    """Return the path of the part of the report file `name` (spikes.h5, for instance) in the run's `folder`."""
    return folder / PARTS / f"{Path(name).stem}-{span.start:012d}-{span.stop:012d}.h5"


def closed_parts(folder: Path) -> dict[str, list[Span]]:
    """Return the closed parts in the run's `folder` by report file, in order of time."""
    try:
        files = os.listdir(folder / PARTS)
    except (FileNotFoundError, NotADirectoryError):  # it may be removed at any time
        return {}
    found: dict[str, list[Span]] = {}
    for match in (re.fullmatch(r"(.+)-([0-9]{12,16})-([0-9]{12,16})\.h5", file) for file in files):
        if match:
            found.setdefault(f"{match[1]}.h5", []).append(Span(int(match[2]), int(match[3])))
    return {name: sorted(spans) for name, spans in found.items()}


def spans_in(folder: Path, name: str) -> list[Span]:
    """Return the closed parts of the report file `name` in the run's `folder`, in order of time."""
    return closed_parts(folder).get(name, [])


def rewind(folder: Path, reports: Sequence[Report], span: Span, dt: Fraction) -> None:
    """Keep only the recordings of `span` in the run's `folder`, as parts (on one rank).

    Later recordings are removed, or all of them if the span is empty; a complete file becomes a part again.

    Raises
    ------
    ValueError
        If recordings of that span are missing; the folder is then left unchanged.
    """
    left = {file_of(report.name): _parts_of(folder, report, span, dt) for report in reports}
    (folder / PARTS).mkdir(exist_ok=True)
    for name, kept in left.items():
        for other in spans_in(folder, name):
            if kept is None or other not in kept:
                part_path(folder, name, other).unlink()
        if kept is None:
            (folder / name).replace(part_path(folder, name, span))
        (folder / name).unlink(missing_ok=True)


def _parts_of(folder: Path, report: Report, span: Span, dt: Fraction) -> list[Span] | None:
    """Return the parts of `report` that make up `span`; None if the complete file does.

    Raises
    ------
    ValueError
        If neither does.
    """
    name = file_of(report.name)
    kept = [other for other in spans_in(folder, name) if other.stop <= span.stop and span.start < span.stop]
    is_chain = [span.start, *(other.stop for other in kept)] == [*(other.start for other in kept), span.stop]
    if is_chain or span.stop <= span.start:
        for other in kept:
            check_sound(part_path(folder, name, other))
        return kept
    if not _covers(folder / name, report, span, dt):
        raise ValueError(f"{folder}: {name} is incomplete up to {float(span.stop * dt):g} ms")
    return None


def _covers(path: Path, report: Report, span: Span, dt: Fraction) -> bool:
    """Return whether the complete file at `path` is a recording of the steps of `span`, no more and no fewer."""
    if not path.is_file():
        return False
    if report.is_spikes:
        found = next(iter(read_periods(path)), (None, None))
        return found == tuple(float(time) for time in times_of(np.array(span), dt))
    first, n, interval = read_grid(path)
    start, stop = report.window
    before, last = (min(max(step, start), stop) // interval for step in span)
    return n == last - before and (n == 0 or first == (before + 1) * interval)


# --- reading ----------------------------------------------------------------------------------------------------------


def has_parts(folder: Path) -> bool:
    """Return whether the run's `folder` holds closed parts."""
    return bool(closed_parts(folder))


def read_spike_parts(folder: Path, spans: Sequence[Span] | None = None) -> dict[str, Spikes]:
    """Return the spikes in closed parts of a run's `folder`, by default all, by population, as `read_spikes` does."""
    spans = spans_in(folder, SPIKES) if spans is None else spans
    parts = [read_spikes(part_path(folder, SPIKES, span)) for span in spans]
    return {name: _joined_spikes(_each(folder, parts, name)) for name in (parts[0] if parts else ())}


def read_report_parts(folder: Path, file: str, spans: Sequence[Span] | None = None) -> dict[str, Samples]:
    """Return samples in closed parts of the report `file`, by default all, by population, as `read_reports` does."""
    spans = spans_in(folder, file) if spans is None else spans
    parts = [read_reports(part_path(folder, file, span)) for span in spans]
    return {name: _joined_samples(_each(folder, parts, name)) for name in (parts[0] if parts else ())}


def _each(folder: Path, parts: list[dict], name: str) -> list:
    """Return the recordings of the population `name` in each part; ValueError if they are not of the same neurons."""
    if any(part.keys() != parts[0].keys() for part in parts):
        raise ValueError(f"{folder / PARTS}: the parts are not of the same populations")
    found = [part[name] for part in parts]
    if any(getattr(s, "n", None) != getattr(found[0], "n", None) for s in found) or any(
        isinstance(s, Samples) and not np.array_equal(s.ids, found[0].ids) for s in found
    ):
        raise ValueError(f"{folder / PARTS}: the parts are not of the same neurons of {name}")
    return found


def _joined_spikes(parts: list[Spikes]) -> Spikes:
    times, ids = (np.concatenate([getattr(part, key) for part in parts]) for key in ("times", "ids"))
    return Spikes(times, ids, parts[0].n, parts[0].t_start_ms, parts[-1].t_stop_ms, parts[0].dt_ms)


def _joined_samples(parts: list[Samples]) -> Samples:
    times, values = (np.concatenate([getattr(part, key) for part in parts]) for key in ("times", "values"))
    return Samples(times, parts[0].ids, values, parts[0].interval_ms, parts[0].unit)
