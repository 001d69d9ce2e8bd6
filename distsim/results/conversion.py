"""Recordings as objects of pandas and Neo, which are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ..recording.pieces import Pieces, piece_of
from ..recording.samples import Samples
from ..recording.spikes import Spikes

if TYPE_CHECKING:
    import neo
    import pandas


def spikes_to_pandas(
    spikes: tuple[np.ndarray, np.ndarray, np.ndarray], populations: Sequence[str], pieces: Pieces
) -> pandas.DataFrame:
    """A row a spike: time_ms, population (categorical), id; from times (ms), ids and codes of `populations`."""
    pd = _pandas()
    times, ids, codes = spikes
    names = pd.Categorical.from_codes(codes, categories=list(populations))
    frame = pd.DataFrame({"time_ms": times, "population": names, "id": ids})
    frame.attrs["pieces"] = list(pieces)
    return frame


def samples_to_pandas(samples: Mapping[str, Samples], pieces: Pieces) -> pandas.DataFrame:
    """Samples (float64): index time_ms, a column for each (population, id); NaN where only others have a sample."""
    pd = _pandas()
    times = np.unique(np.concatenate([np.zeros(0), *(s.times for s in samples.values())]))
    columns = [(name, int(i)) for name, s in samples.items() for i in s.ids]
    values, start = np.full((times.size, len(columns)), np.nan), 0
    for s in samples.values():
        values[np.searchsorted(times, s.times), start : start + s.ids.size] = s.values
        start += s.ids.size
    names = pd.MultiIndex.from_tuples(columns, names=["population", "id"])
    frame = pd.DataFrame(values, index=pd.Index(times, name="time_ms"), columns=names)
    frame.attrs["pieces"] = list(pieces)
    return frame


def to_neo(
    title: str | None,
    pieces: Pieces,
    spikes: Mapping[str, Spikes],
    recorded: Mapping[str, np.ndarray],
    reports: Mapping[str, Mapping[str, Samples]],
) -> neo.Block:
    """A block with a segment a piece: a SpikeTrain for each neuron of `recorded`, an AnalogSignal for each report and
    population.

    Raises
    ------
    ValueError : a spike or a sample lies in none of several pieces.
    """
    block = _neo().Block(name=title)
    places = [_places("spikes", name, s.times, pieces) for name, s in spikes.items()]
    sampled = [
        (report, name, s, _places(report, name, s.times, pieces))
        for report, found in reports.items()
        for name, s in found.items()
    ]
    for k, piece in enumerate(pieces):
        inside = {
            name: replace(s, times=s.times[place == k], ids=s.ids[place == k])
            for (name, s), place in zip(spikes.items(), places, strict=True)
        }
        signals = [
            (report, name, replace(s, times=s.times[place == k], values=s.values[place == k]))
            for report, name, s, place in sampled
        ]
        block.segments.append(_segment(piece, inside, recorded, signals))
    return block


def _places(what: str, name: str, times: np.ndarray, pieces: Pieces) -> np.ndarray:
    """Return the piece of each time, 0 for all if there is only one; ValueError if a time lies in none."""
    places = piece_of(times, pieces) if len(pieces) > 1 else np.zeros(times.size, np.int64)
    if np.any(places < 0):
        first = times[places < 0][0]
        raise ValueError(f"{what} of {name} at {first:g} ms are in none of the {len(pieces)} recorded pieces")
    return places


def _segment(
    piece: Sequence[float],
    spikes: Mapping[str, Spikes],
    recorded: Mapping[str, np.ndarray],
    signals: Sequence[tuple[str, str, Samples]],
) -> neo.Segment:
    neo = _neo()
    start, stop = piece
    segment = neo.Segment(name=f"{start:g} to {stop:g} ms")
    for name, s in spikes.items():
        for i, times in _trains(s, np.flatnonzero(recorded[name])):
            said = {"name": f"{name}[{i}]", "population": name, "id": i}
            segment.spiketrains.append(neo.SpikeTrain(times, units="ms", t_start=start, t_stop=stop, **said))
    for report, name, samples in signals:
        # A signal without samples would have no start.
        if samples.times.size:
            segment.analogsignals.append(_signal(report, name, samples))
    return segment


def _trains(spikes: Spikes, ids: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Times of each of the neurons `ids` (ascending), those without a spike too."""
    order = np.argsort(spikes.ids, kind="stable")
    times, ends = spikes.times[order], np.searchsorted(spikes.ids[order], [ids, ids + 1])
    for i, start, stop in zip(ids.tolist(), *ends, strict=True):
        yield i, times[start:stop]


def _signal(report: str, name: str, samples: Samples) -> neo.AnalogSignal:
    neo = _neo()
    import quantities as pq

    return neo.AnalogSignal(
        samples.values,
        units=_known_unit(samples.unit),
        dtype=np.float64,
        t_start=samples.times[0] * pq.ms,
        sampling_period=samples.interval_ms * pq.ms,
        name=f"{report} of {name}",
        population=name,
        array_annotations={"id": samples.ids},
    )


def _known_unit(unit: str) -> str:
    """Return a unit that quantities knows: "dimensionless" for one that it does not."""
    import quantities as pq

    try:
        pq.Quantity(1.0, unit or "dimensionless")
    except LookupError:
        return "dimensionless"
    return unit or "dimensionless"


def _pandas() -> ModuleType:
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise _missing("pandas", error) from None
    module: ModuleType = pandas
    return module


def _neo() -> ModuleType:
    try:
        import neo
    except ModuleNotFoundError as error:
        raise _missing("neo", error) from None
    module: ModuleType = neo
    return module


def _missing(package: str, error: ModuleNotFoundError) -> ModuleNotFoundError:
    """The same error, saying what to install where it is the package itself that is missing."""
    if error.name != package:
        return error
    return ModuleNotFoundError(f"{package} is not installed: pip install {package}", name=package)
