"""Recordings as objects of pandas and Neo, which are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .recording.spikes import Spikes
from .recording.voltages import Voltages

if TYPE_CHECKING:
    import neo
    import pandas


def spikes_to_pandas(spikes: tuple[np.ndarray, np.ndarray, np.ndarray], populations: Sequence[str]) -> pandas.DataFrame:
    """A row a spike: time_ms, population (categorical), id; from times (ms), ids and codes of `populations`."""
    pd = _pandas()
    times, ids, codes = spikes
    names = pd.Categorical.from_codes(codes, categories=list(populations))
    return pd.DataFrame({"time_ms": times, "population": names, "id": ids})


def voltages_to_pandas(voltages: Mapping[str, Voltages]) -> pandas.DataFrame:
    """V_m (mV, float64): index time_ms, a column for each (population, id)."""
    pd = _pandas()
    columns = [(name, int(i)) for name, v in voltages.items() for i in v.ids]
    times = next((v.times for v in voltages.values()), np.zeros(0))
    V = np.concatenate([np.zeros((times.size, 0)), *(v.V for v in voltages.values())], axis=1)
    names = pd.MultiIndex.from_tuples(columns, names=["population", "id"])
    return pd.DataFrame(V, index=pd.Index(times, name="time_ms"), columns=names)


def to_neo(
    title: str | None,
    period: tuple[float, float],
    spikes: Mapping[str, Spikes],
    recorded: Mapping[str, np.ndarray],
    voltages: Mapping[str, Voltages],
) -> neo.Block:
    """A block of one segment: a SpikeTrain for each neuron of `recorded`, an AnalogSignal for each population."""
    neo = _neo()
    segment = neo.Segment(name=f"{period[0]:g} to {period[1]:g} ms")
    for name, s in spikes.items():
        for i, times in _trains(s, np.flatnonzero(recorded[name])):
            segment.spiketrains.append(
                neo.SpikeTrain(
                    times, units="ms", t_start=period[0], t_stop=period[1], name=f"{name}[{i}]", population=name, id=i
                )
            )
    for name, v in voltages.items():
        # A signal without samples would have no start.
        if v.times.size:
            segment.analogsignals.append(_signal(name, v))
    block = neo.Block(name=title)
    block.segments.append(segment)
    return block


def _trains(spikes: Spikes, ids: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Times of each of the neurons `ids` (ascending), those without a spike too."""
    order = np.argsort(spikes.ids, kind="stable")
    times, ends = spikes.times[order], np.searchsorted(spikes.ids[order], [ids, ids + 1])
    for i, start, stop in zip(ids.tolist(), *ends, strict=True):
        yield i, times[start:stop]


def _signal(name: str, voltages: Voltages) -> neo.AnalogSignal:
    neo = _neo()
    import quantities as pq

    return neo.AnalogSignal(
        voltages.V,
        units="mV",
        dtype=np.float64,
        t_start=voltages.times[0] * pq.ms,
        sampling_period=voltages.interval_ms * pq.ms,
        name=f"V_m of {name}",
        population=name,
        array_annotations={"id": voltages.ids},
    )


def _pandas():
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise _missing("pandas", error) from None
    return pandas


def _neo():
    try:
        import neo
    except ModuleNotFoundError as error:
        raise _missing("neo", error) from None
    return neo


def _missing(package: str, error: ModuleNotFoundError) -> ModuleNotFoundError:
    """The same error, saying what to install where it is the package itself that is missing."""
    if error.name != package:
        return error
    return ModuleNotFoundError(f"{package} is not installed: pip install {package}", name=package)
