"""`Result`, the recordings of a run: the same object from a live simulation and from a run's folder.

result = distsim.load("results/one")  # or sim.result()
times, ids = result.spikes("E[:50]")
frame = result.to_pandas()
result.raster(500.0, 600.0).save("raster.png")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..analysis.population_statistics import PopulationStatistics, population_statistics
from ..analysis.raster import Raster
from ..analysis.rates import rates_boxplot
from ..analysis.rows import number_through
from ..analysis.run_folder import break_marks, check_recorded, collect, rates_options, title_of
from ..analysis.traces import label_of, traces, window
from ..description.elements import V_M, Part, find, nearest
from ..description.indices import as_key
from ..description.units import without_unit
from ..recording.pieces import recorded_ms
from ..recording.samples import Samples
from ..recording.spikes import Spikes

if TYPE_CHECKING:
    import neo
    import pandas


class AllSpikes(NamedTuple):
    """All recorded spikes by (time, population, id).

    Attributes
    ----------
    times : float64 (n_spikes,), ms. ids : int64 (n_spikes,), 0-based in the population.
    codes : int64 (n_spikes,), the population's place in `Result.populations`.
    """

    times: np.ndarray
    ids: np.ndarray
    codes: np.ndarray


class Result:
    """Recorded spikes and samples of a run; made by `distsim.load` and `Simulation.result`.

    Parameters
    ----------
    spikes : by population; some may be missing.
    samples : by report ("V_m", for instance) and population.
    recorded : by population, bool (n,): the neurons whose spikes are recorded; some may be missing.
    pieces : start and end (ms) of what was recorded without a break; by default all of `period`.
    about : entries of the summary that figures need, of a run that has no summary yet.
    positions : of populations that have some, float64 (n, coordinates).

    Attributes
    ----------
    sizes : number of neurons of each population, recorded or not, in order.
    dt : the step (ms); None if a file from elsewhere does not say.
    period : start and end of what was recorded (ms); spikes have start < time <= end.
    pieces : likewise of each recorded piece; nothing was recorded between them.
    summary : content of `summary.json` (of a simulation: what `Simulation.save` would write); None if there is none.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        dt: float | None,
        period: tuple[float, float],
        spikes: Mapping[str, Spikes],
        recorded: Mapping[str, np.ndarray],
        samples: Mapping[str, Mapping[str, Samples]],
        summary: dict | None = None,
        pieces: Sequence[Sequence[float]] | None = None,
        *,
        about: Mapping | None = None,
        positions: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.sizes, self.dt, self.period, self.summary = dict(sizes), dt, period, summary
        self.pieces = (period,) if pieces is None else tuple(pieces)
        self._about, self._positions = summary or about or {}, dict(positions or {})
        self._spikes, self._recorded = dict(spikes), dict(recorded)
        self._samples = {name: dict(found) for name, found in samples.items()}

    @property
    def populations(self) -> tuple[str, ...]:
        """Names of all populations, recorded or not, in order."""
        return tuple(self.sizes)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {n}" for name, n in self.sizes.items())
        kinds = {"spikes": self._recorded_names()} | {_word(name): list(of) for name, of in self._samples.items()}
        recorded = [f"{what} of {', '.join(names)}" for what, names in kinds.items() if names]
        start, stop = self.period
        period = f"{start:g} to {stop:g} ms" + (f" in {len(self.pieces)} pieces" if len(self.pieces) > 1 else "")
        return f"<Result of {sizes}, {period}: {' and '.join(recorded) or 'nothing recorded'}>"

    # --- recordings of some neurons -------------------------------------------------------------------------------

    def spikes(self, what: Part) -> tuple[np.ndarray, np.ndarray]:
        """Return recorded spikes: times (ms, float64) and ids (int64, 0-based in the population), by (time, id).

        Parameters
        ----------
        what : 'E', 'E[:50]', 'E[[1, 5, 7]]', or a population or a part of one.

        Raises
        ------
        ValueError : no such population, or the spikes of some of these neurons are not recorded.
        """
        name, indices = find(what, self.sizes)
        wanted = np.zeros(self.sizes[name], bool)
        wanted[as_key(indices)] = True
        recorded = self._recorded.get(name, np.zeros(wanted.size, bool))
        if np.any(wanted & ~recorded):
            raise ValueError(_not_recorded("spikes", what, name, int(recorded.sum()), self._recorded_names()))
        if name not in self._spikes:
            return np.zeros(0), np.zeros(0, np.int64)
        spikes = self._spikes[name]
        chosen = wanted[spikes.ids]
        return spikes.times[chosen], spikes.ids[chosen]

    def voltages(self, what: Part) -> tuple[np.ndarray, np.ndarray]:
        """Return recorded membrane potentials: times (ms, (k,)) and V_m (mV, float64 (k, len(what))).

        See `samples`.
        """
        return self.samples(V_M, what)

    def samples(self, name: str, what: Part) -> tuple[np.ndarray, np.ndarray]:
        """Return recorded samples: times (ms, (k,)) and values (float64 (k, len(what))); files hold float32 values.

            times, g = result.samples("g_ex", "E[:5]")

        The columns have the order of the neurons in `what`.

        Parameters
        ----------
        name : the recordable, or the name that its recorder was given.
        what : 'E', 'E[:50]', 'E[[1, 5, 7]]', or a population or a part of one.

        Raises
        ------
        ValueError : nothing of that name is recorded, no such population, or some of these neurons are not recorded.
        """
        population, indices = find(what, self.sizes)
        found = self._samples.get(name, {})
        if not found and name != V_M:
            recorded = ", ".join(self._samples) or "none"
            raise ValueError(f"no samples of {name!r} are recorded (recorded: {recorded}); record before Simulation")
        times = next((samples.times for samples in found.values()), np.zeros(0))
        nothing = Samples(times, np.zeros(0, np.int64), np.zeros((times.size, 0)), 0.0)
        samples = found.get(population, nothing)
        column = np.full(self.sizes[population], -1)
        column[samples.ids] = np.arange(samples.ids.size)
        columns = column[as_key(indices)]
        if np.any(columns < 0):
            raise ValueError(_not_recorded(_word(name), what, population, samples.ids.size, list(found)))
        return samples.times.copy(), samples.values[:, columns].astype(np.float64)

    def positions(self, what: Part) -> np.ndarray:
        """Return where neurons are: float64 (len(what), coordinates); ValueError if they have no positions."""
        name, indices = find(what, self.sizes)
        if name not in self._positions:
            known = ", ".join(self._positions) or "none"
            raise ValueError(f"{name} has no positions (populations with positions: {known})")
        return self._positions[name][as_key(indices)].copy()

    @property
    def sampled(self) -> dict[str, str]:
        """Units of what is sampled, by the names that `samples` takes; several where those of populations differ."""
        return {name: ", ".join(dict.fromkeys(s.unit for s in found.values())) for name, found in self._samples.items()}

    def _recorded_names(self) -> list[str]:
        return [name for name, recorded in self._recorded.items() if recorded.any()]

    # --- all recordings -------------------------------------------------------------------------------------------

    def all_spikes(self) -> AllSpikes:
        """Return the recorded spikes of all populations as flat arrays."""
        found = [(self.populations.index(name), spikes) for name, spikes in self._spikes.items()]
        times = np.concatenate([np.zeros(0), *(s.times for _, s in found)])
        ids = np.concatenate([np.zeros(0, np.int64), *(s.ids for _, s in found)])
        codes = np.repeat(np.array([code for code, _ in found], np.int64), [s.ids.size for _, s in found])
        order = np.lexsort((ids, codes, times))
        return AllSpikes(times[order], ids[order], codes[order])

    def to_pandas(self, what: str = "spikes") -> pandas.DataFrame:
        """Return recordings as a data frame (needs pandas: `pip install pandas`).

        Parameters
        ----------
        what : "spikes" gives a row per spike: time_ms, population (categorical), id.
            "voltages" gives V_m (mV), a row per sample (index time_ms) and a column per neuron (population, id); the
            name of any other sampled quantity, such as "g_ex", likewise.

        `attrs["pieces"]` of the frame is `pieces`; nothing was recorded between them.
        """
        from . import conversion

        if what == "spikes":
            return conversion.spikes_to_pandas(self.all_spikes(), self.populations, self.pieces)
        name = V_M if what == "voltages" else what
        if name == V_M or name in self._samples:
            return conversion.samples_to_pandas(self._samples.get(name, {}), self.pieces)
        known = " or ".join(map(repr, ["spikes", "voltages", *(name for name in self._samples if name != V_M)]))
        raise ValueError(f"to_pandas: {what!r} must be {known}")

    def to_neo(self) -> neo.Block:
        """Return recordings as a Neo block with a segment for each of `pieces` (needs Neo: `pip install neo`).

        In each segment each neuron whose spikes are recorded is a SpikeTrain, silent ones too, annotated with
        `population` and `id`; each population's samples of a quantity are an AnalogSignal, annotated likewise and
        with `unit`: where quantities does not know that, the signal is dimensionless.
        """
        from . import conversion

        spikes = {name: spikes for name, spikes in self._spikes.items() if name in self._recorded}
        return conversion.to_neo(self._about.get("network"), self.pieces, spikes, self._recorded, self._samples)

    # --- figures --------------------------------------------------------------------------------------------------

    def raster(self, t0: float | None = None, t1: float | None = None, **options: Any) -> Raster:
        """Return a raster plot of the recorded spikes; its `save(path)` draws it, or `panels` beside others.

            result.raster(500.0, 600.0, only=["E"], first=50, rate=PopulationRate(bin=1.0)).save("raster.png")

        Parameters
        ----------
        t0, t1 : period (ms); by default all that was recorded.
        options : those of `distsim.analysis.raster.Raster`; the title is by default the network's name and seed.

        Raises
        ------
        ValueError : the period is empty, nothing was recorded in it, or `only` names a population that there is not.
        """
        if "only" in options:
            options["only"] = self._known(options["only"])
        ids = {name: np.flatnonzero(self._recorded[name]) for name in self._recorded_names()}
        spikes = {name: self._spikes[name] for name in ids}
        defaults = {
            "colors": self._entries("color"),
            "recorded": ids,
            "title": title_of(self._about),
            "pieces": self.pieces,
        }
        options["marks"] = [*break_marks(self.pieces, self.sizes), *options.get("marks", ())]
        return Raster(spikes, *self._period(t0, t1), **{**defaults, **options})

    def rates_boxplot(
        self,
        path: str | Path,
        t0: float | None = None,
        t1: float | None = None,
        only: Sequence[str] | None = None,
        **options: Any,
    ) -> None:
        """Draw box plots of the rates of single neurons, of those that were recorded, into the picture `path`.

        Parameters
        ----------
        t0, t1 : period (ms); by default all that was recorded.
        only : names of the populations; by default all.
        options : those of `distsim.analysis.rates.rates_boxplot`; the title is by default that of `raster`.

        Raises
        ------
        ValueError : the period is empty, nothing was recorded in it, or `only` names a population that there is not.
        """
        only = self._known(only)
        names = [name for name in self._recorded_names() if only is None or name in only]
        alone = {name: number_through(self._spikes[name], np.flatnonzero(self._recorded[name])) for name in names}
        defaults: dict[str, Any] = {
            "colors": self._entries("color"),
            "sizes": self.sizes,
            "title": title_of(self._about),
        }
        if "reference_rates_hz" not in options:
            defaults |= {"reference_rates_hz": self._entries("reference_rate_hz"), **rates_options(self._about)}
        period = self._period(t0, t1)
        defaults["recorded_ms"] = recorded_ms(self.pieces, *period)
        rates_boxplot(alone, *period, path, **{**defaults, **options})

    def voltage_traces(
        self,
        path: str | Path,
        t0: float | None = None,
        t1: float | None = None,
        only: Sequence[str] | None = None,
        **options: Any,
    ) -> None:
        """Draw the recorded membrane potentials of a few neurons, with their spikes, into the picture `path`.

            result.voltage_traces("voltages.png", 500.0, 800.0, only=["E"], most=3)

        See `traces`.
        """
        self.traces(V_M, path, t0, t1, only, **options)

    def traces(
        self,
        name: str,
        path: str | Path,
        t0: float | None = None,
        t1: float | None = None,
        only: Sequence[str] | None = None,
        **options: Any,
    ) -> None:
        """Draw the samples of a few neurons, with their spikes, into the picture `path`.

        Parameters
        ----------
        name : as in `samples`.
        t0, t1 : period (ms); by default the first 500 ms of the recording, or of the samples if they begin later.
        only : names of the populations; by default all.
        options : those of `distsim.analysis.traces.traces`; the title is by default that of `raster`.

        Raises
        ------
        ValueError : nothing of that name is recorded, the period is empty, nothing was recorded in it, or `only` names
            a population that there is not.
        """
        only = self._known(only)
        recorded = self._samples.get(name, {})
        samples = {population: s for population, s in recorded.items() if only is None or population in only}
        if not samples:
            there, word = ", ".join(recorded) or "none", _word(name)
            raise ValueError(f"no {word} to draw (recorded: {there}); {_how_to_record(word)} before Simulation")
        period = window(self.pieces, samples) if t0 is None and t1 is None else self._period(t0, t1)
        names = self._recorded_names()
        defaults: dict[str, Any] = {"spikes": {name: self._spikes[name] for name in names}, "pieces": self.pieces}
        defaults |= {"recorded": {name: np.flatnonzero(self._recorded[name]) for name in names}}
        defaults |= {"colors": self._entries("color"), "title": title_of(self._about), "label": label_of(name, samples)}
        traces(samples, *period, path, **{**defaults, **options})

    # --- statistics -----------------------------------------------------------------------------------------------

    def statistics(
        self, t0: float | None = None, t1: float | None = None, only: Sequence[str] | None = None, **options: Any
    ) -> dict[str, PopulationStatistics]:
        """Return rates, CV of ISI, correlations, Fano factor and rate spectrum of each population's recorded neurons.

            result.statistics()["E"].cv_isi  # one value per neuron

        Parameters
        ----------
        t0, t1 : period (ms); by default all that was recorded.
        only : names of the populations; by default all whose spikes are recorded.
        options : those of `distsim.analysis.population_statistics.population_statistics`, such as the widths of bins.

        Raises
        ------
        ValueError : the period is empty, nothing was recorded in it, or `only` names a population that there is not.
        """
        only = self._known(only)
        names = [name for name in self._recorded_names() if only is None or name in only]
        ids = {name: np.flatnonzero(self._recorded[name]) for name in names}
        spikes = {name: self._spikes[name] for name in names}
        return population_statistics(spikes, *self._period(t0, t1), ids, pieces=self.pieces, **options)

    def _known(self, only: str | Sequence[str] | None) -> list[str] | None:
        """Return `only` as a list; ValueError if one of the populations is unknown."""
        names = [only] if isinstance(only, str) else only
        for name in names or ():
            if name not in self.sizes:
                raise ValueError(f"only: no population {name!r}: {nearest(str(name), list(self.sizes))}")
        return None if names is None else list(names)

    def _period(self, t0: float | None, t1: float | None) -> tuple[float, float]:
        t0, t1 = without_unit("t0", t0, "ms"), without_unit("t1", t1, "ms")
        start, stop = self.period
        period = start if t0 is None else t0, stop if t1 is None else t1
        check_recorded(self.pieces, *period)
        return period

    def _entries(self, key: str) -> dict:
        """Return an entry of the summary, if there is one, by population."""
        return collect(self._about.get("populations", {}), key)


def _word(name: str) -> str:
    """Return what messages call the samples of a report."""
    return "voltages" if name == V_M else name


def _how_to_record(kind: str) -> str:
    return f"record_{kind}" if kind in ("spikes", "voltages") else f"record({kind!r}, ...)"


def _not_recorded(kind: str, what: Part, name: str, n_recorded: int, names: list[str]) -> str:
    recorded = f"{n_recorded} neurons of {name}" if n_recorded else ", ".join(names) or "none"
    return f"the {kind} of {what} are not all recorded (recorded: {recorded}); {_how_to_record(kind)} before Simulation"
