"""Load a run's folder as a `Result`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis.run_folder import collect, existing_folder, pieces_of, read_summary
from ..files.paths import MARKER, NOTE, SUMMARY
from ..recording.folder_state import State, UnsettledError, read_at_once, read_state
from ..recording.nodes import NODES, read_nodes
from ..recording.note import read_note
from ..recording.part_files import read_report_parts, read_spike_parts
from ..recording.pieces import Pieces, common, merged, piece_of
from ..recording.report_files import SPIKES, VOLTAGES, file_of, report_of
from ..recording.samples import Samples, read_reports
from ..recording.sonata import read_pieces, times_of
from ..recording.spikes import Spikes, read_spikes
from .result import Result

Reports = Mapping[str, Mapping[str, Samples]]  # by report and population


def load(folder: str | Path) -> Result:
    """Return the recordings of the run in `folder`; each rank reads for itself.

    Any of `summary.json`, `spikes.h5`, `voltages.h5` and other reports may be missing. Of an incomplete run, which may
    still be in progress, the result holds the closed parts, up to the same time in all reports.

    Raises
    ------
    FileNotFoundError : no such folder, none of the files is there, or nothing is recorded there yet.
    NotADirectoryError : `folder` is a file.
    ValueError : a file is damaged, or they contradict each other, or nothing says which neurons were recorded.
    """
    folder = existing_folder(folder)
    return read_at_once(folder, lambda state: _load(folder, state))


def _load(folder: Path, state: State) -> Result:
    """Return the recordings in the folder's `state`."""
    summary = read_summary(folder / SUMMARY) if SUMMARY in state.files else None
    if summary is not None and "panels" in summary:
        raise ValueError(_several(folder, list(summary["panels"])))
    in_parts = [name for name in state.reports if name not in state.files]
    if not in_parts and (summary is not None or not {NOTE, MARKER} & state.files.keys()):
        return _complete(folder, state, summary)
    about = read_note(folder) if NOTE in state.files else summary
    if about is not None:
        return _unfinished(folder, state, about)
    if in_parts or state.reports:
        raise UnsettledError(f"{folder}: nothing says which neurons were recorded ({NOTE} is missing)")
    panels = sorted(path.name for path in folder.iterdir() if read_state(path).files.keys() & {SUMMARY, MARKER})
    if panels:
        raise ValueError(_several(folder, panels))
    raise _nothing_yet(folder)


def _several(folder: Path, panels: Sequence[str]) -> str:
    return (
        f"{folder}: holds the runs of a figure's panels ({', '.join(panels)}): load one of them, {folder / panels[0]}"
    )


def _nothing_yet(folder: Path) -> FileNotFoundError:
    return FileNotFoundError(f"{folder}: nothing is recorded there yet: no part of its recordings is closed")


def _complete(folder: Path, state: State, summary: dict | None) -> Result:
    """Return the recordings of a complete run, or of files from elsewhere."""
    names = [name for name in _files_of(summary, state) if name in state.files]
    if summary is None and not names:
        raise FileNotFoundError(f"{folder}: no run is there (none of {', '.join((SUMMARY, SPIKES, VOLTAGES))})")
    spikes = _in_order(read_spikes(folder / SPIKES) if SPIKES in names else {})
    samples = {report_of(name): read_reports(folder / name) for name in names if name != SPIKES}
    period = _period(summary, spikes, samples)
    said = None if summary is None else pieces_of(summary, period)
    pieces = _pieces(said or _pieces_of_files(folder, names) or [period])
    return _result(folder, summary, period, spikes, _without_breaks(folder, samples, pieces), summary, pieces)


def _files_of(about: dict | None, state: State) -> list[str]:
    """Return the report files that a summary or note names; of a folder without one, those that may be there."""
    known = (about or {}).get("recording", {}).get("files")
    return [name for name in (SPIKES, VOLTAGES) if name in state.reports] if known is None else list(known)


def _unfinished(folder: Path, state: State, about: dict) -> Result:
    """Return the recordings of an incomplete run; `about` is its note, or its summary."""
    names = _files_of(about, state)
    if not names or any(name not in state.files and not state.spans(name) for name in names):
        raise _nothing_yet(folder)
    whole = [name for name in names if name in state.files]
    spikes: Mapping[str, Spikes] = {}
    if SPIKES in names:
        spikes = read_spikes(folder / SPIKES) if SPIKES in whole else read_spike_parts(folder, state.spans(SPIKES))
    samples = {
        report_of(name): read_reports(folder / name)
        if name in whole
        else read_report_parts(folder, name, state.spans(name))
        for name in names
        if name != SPIKES
    }
    if len(whole) == len(names):
        period = _period(about, spikes, samples)
        pieces = _pieces(pieces_of(about, period))
        return _result(folder, about, period, spikes, _without_breaks(folder, samples, pieces), None, pieces)
    if about.get("dt_ms") is None:
        raise ValueError(f"{folder / SUMMARY}: dt_ms is missing, without which the times of parts are not known")
    pieces = _pieces_of_parts(state, [name for name in names if name not in whole], about["dt_ms"])
    if not pieces:
        raise _nothing_yet(folder)
    spikes, samples = _inside(spikes, pieces), {name: _inside(found, pieces) for name, found in samples.items()}
    return _result(folder, about, (pieces[0][0], pieces[-1][1]), spikes, samples, None, pieces)


def _pieces_of_parts(state: State, names: Sequence[str], dt_ms: float) -> Pieces:
    """Return the pieces that the closed parts of all of `names` cover."""
    covered = [merged(state.spans(name)) for name in names]
    steps = np.array(reduce(common, covered), np.int64).reshape(-1, 2)
    return _pieces(times_of(steps, Fraction(dt_ms).limit_denominator(10**6)).tolist())


def _inside(recordings: Mapping[str, Any], pieces: Pieces) -> dict[str, Any]:
    """Return the spikes or samples that lie in the pieces."""
    found = {}
    for name, r in recordings.items():
        kept = piece_of(r.times, pieces) >= 0
        by_time = ("times", "ids") if isinstance(r, Spikes) else ("times", "values")
        found[name] = r if kept.all() else replace(r, **{key: getattr(r, key)[kept] for key in by_time})
    return found


def _pieces(found: Pieces) -> Pieces:
    return [(float(start), float(stop)) for start, stop in found]


def _pieces_of_files(folder: Path, names: Sequence[str]) -> Pieces | None:
    """Return the recorded pieces that one of the files lists; None if none of them does."""
    return next(filter(None, (read_pieces(folder / name) for name in names)), None)


def _result(
    folder: Path,
    about: dict | None,
    period: tuple[float, float],
    spikes: Mapping[str, Spikes],
    samples: Reports,
    summary: dict | None,
    pieces: Pieces,
) -> Result:
    """Return the recordings as a result; `about` is the summary, or the note of an incomplete run."""
    sizes = _sizes(folder, about, spikes, samples)
    recorded = {name: _recorded(about, name, s.n) for name, s in spikes.items()}
    facts: dict[str, Any] = {"about": about, "positions": _positions(folder, about, sizes)}
    return Result(sizes, _dt(about, spikes), period, spikes, recorded, samples, summary, pieces, **facts)


def _positions(folder: Path, about: dict | None, sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Return the positions of the populations that have some by the summary."""
    names = collect((about or {}).get("populations", {}), "positions")
    if not names or not (folder / NODES).exists():  # a run that has just begun writes them soon
        return {}
    found = read_nodes(folder / NODES)
    for name, placed in found.items():
        if sizes.get(name) != len(placed):
            raise ValueError(f"{folder}: {NODES} has {len(placed)} neurons of {name}, {SUMMARY} {sizes.get(name)}")
    return found


def _in_order(spikes: Mapping[str, Spikes]) -> dict[str, Spikes]:
    """Sort spikes by (time, id): distsim writes them so, other programs may not."""
    orders = {name: np.lexsort((s.ids, s.times)) for name, s in spikes.items()}
    return {name: replace(s, times=s.times[orders[name]], ids=s.ids[orders[name]]) for name, s in spikes.items()}


def _without_breaks(folder: Path, samples: Reports, pieces: Pieces) -> dict[str, dict[str, Samples]]:
    """Return the samples without those between the recorded pieces, which are NaN in all neurons.

    A neuron whose state is not finite has NaN within a piece, which stays.
    """
    if len(pieces) == 1:
        return {report: dict(found) for report, found in samples.items()}
    for report, found in samples.items():
        for name, s in found.items():
            if not np.isnan(s.values[piece_of(s.times, pieces) < 0]).all():
                raise ValueError(f"{folder}: {file_of(report)} holds samples of {name} between the recorded pieces")
    return {report: _inside(found, pieces) for report, found in samples.items()}


def _sizes(folder: Path, summary: dict | None, spikes: Mapping[str, Spikes], samples: Reports) -> dict:
    """Return the neurons of each population, in the order of the summary, or else of the files."""
    sizes = {} if summary is None else {name: _entry(folder, summary, name)["n"] for name in summary["populations"]}
    for name, s in spikes.items():
        if sizes.setdefault(name, s.n) != s.n:
            raise ValueError(f"{folder}: {name} has {sizes[name]} neurons by {SUMMARY} but {s.n} by {SPIKES}")
    known = set(sizes)
    for report, found in samples.items():
        for name, sampled in found.items():
            highest = int(sampled.ids.max(initial=-1))
            if name in known and sizes[name] <= highest:
                file = file_of(report)
                raise ValueError(f"{folder}: {name} has {sizes[name]} neurons, but {file} holds its neuron {highest}")
            sizes[name] = max(sizes.get(name, 0), highest + 1)
    return sizes


def _entry(folder: Path, summary: dict, name: str) -> dict:
    entry = summary["populations"].get(name)
    if not (isinstance(entry, dict) and isinstance(entry.get("n"), int)):
        raise ValueError(f"{folder / SUMMARY}: populations.{name}.n is missing or not a whole number")
    return entry


def _recorded(summary: dict | None, name: str, n: int) -> np.ndarray:
    """Return whether the spikes of each neuron are recorded; of all where no summary says otherwise."""
    ranges = None if summary is None else summary["populations"].get(name, {}).get("recorded")
    if ranges is None:
        return np.ones(n, bool)
    recorded = np.zeros(n, bool)
    for first, last in ranges:
        recorded[first:last] = True
    return recorded


def _dt(summary: dict | None, spikes: Mapping[str, Spikes]) -> float | None:
    known = [] if summary is None else [summary.get("dt_ms")]
    return next((dt for dt in [*known, *(s.dt_ms for s in spikes.values())] if dt is not None), None)


def _period(summary: dict | None, spikes: Mapping[str, Spikes], samples: Reports) -> tuple[float, float]:
    """Return the recorded period (ms): from the spike file, which is on the grid, or the summary, or the data."""
    for s in spikes.values():
        if s.t_start_ms is not None and s.t_stop_ms is not None:
            return s.t_start_ms, s.t_stop_ms
    if summary is not None and {"t_presim_ms", "t_sim_ms"} <= summary.keys():
        return float(summary["t_presim_ms"]), float(summary["t_presim_ms"] + summary["t_sim_ms"])
    sampled = [s for found in samples.values() for s in found.values()]
    times = np.concatenate([np.zeros(1), *(s.times for s in spikes.values()), *(s.times for s in sampled)])
    start = None if summary is None else summary.get("t_presim_ms")
    return float(times.min() if start is None else start), float(times.max())
