"""`Network`, which a modeller describes: populations, projections, stimuli and recorders. Plain data, no MPI, no Numba.

    net = Network(dt=0.1)
    exc = net.create("E", 8000, "iaf_psc_exp", tau_m=20.0, V_m=Normal(-60, 5))
    net.connect(exc, exc, fixed_total_number(6_400_000), weight=Normal(20, 2, minimum=0), delay=1.5)
    net.poisson_input(exc, rate=8000.0, weight=20.0, delay=1.5)
    net.record_spikes(exc)

Neurons have global ids (gid) in the order of creation; sources are populations too. Errors are raised where the
mistake is made, before anything is built.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from ..files.spike_tables import SpikeTable
from ..neurons import MODELS, NeuronModel, model_for
from ..neurons.sources import MOST_MEAN
from ..parallel import is_first
from ..synapses import SynapseModel, static
from .currents import CurrentDevice, NoiseCurrent, SampledCurrent, SinusoidalCurrent, read_steps
from .elements import (
    FOREVER,
    SPIKES,
    V_M,
    Part,
    PoissonInput,
    Population,
    Projection,
    Recorder,
    Selection,
    StepCurrent,
    Value,
    check_name,
    check_report_name,
    find,
    nearest,
    select,
)
from .grid import TimeGrid, resolution
from .in_space import in_space
from .matrices import Matrix, is_matrix, read_delay_matrix, read_matrix
from .positions import Positions, read_positions
from .projections import (
    check_given,
    check_rule,
    check_synapse,
    read_delay,
    read_input_weight,
    read_receptor,
    read_weight,
    values_of,
)
from .quantities import LARGEST, bound, number, whole
from .rates import Rate, read_rate
from .rules import Rule
from .spike_trains import SpikeTrains, read_trains
from .summary import summarize
from .values import check_together, read_values, stand_ins

Device = TypeVar("Device", bound=CurrentDevice)
MOST_EVENTS = 4e6  # Poisson events a neuron and step, on average


@dataclass
class Network:
    """A network under construction, until it is simulated; `dt` is the resolution in ms."""

    dt: float = 0.1
    populations: list[Population] = field(default_factory=list, init=False)
    projections: list[Projection] = field(default_factory=list, init=False)
    poisson_inputs: list[PoissonInput] = field(default_factory=list, init=False)
    step_currents: list[StepCurrent] = field(default_factory=list, init=False)
    currents: list[CurrentDevice] = field(default_factory=list, init=False)
    recorders: list[Recorder] = field(default_factory=list, init=False)
    is_simulated: bool = field(default=False, init=False)
    _records_all: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        self.grid = TimeGrid(resolution(self.dt))
        self.dt = self.grid.dt_ms

    def __getstate__(self) -> dict:
        """Return the state of a copy: the same description in lists of its own, to which more can be added."""
        state = {name: list(value) if isinstance(value, list) else value for name, value in vars(self).items()}
        return {**state, "is_simulated": False}

    @property
    def n(self) -> int:
        """Return the number of neurons and sources."""
        return sum(len(population) for population in self.populations)

    @property
    def n_neurons(self) -> int:
        return sum(len(population) for population in self.populations if not population.model.is_source)

    def __getitem__(self, name: str) -> Population:
        for population in self.populations:
            if population.name == name:
                return population
        raise KeyError(f"no population {name!r}: {nearest(name, [p.name for p in self.populations])}")

    def select(self, what: Part) -> Selection:
        """Return neurons by name, 'E', 'E[:50]', 'E[-1]', 'E[[1, 5, 7]]', or by a population or a part of one;
        ValueError if there is no such population."""
        name, indices = find(what, {population.name: population.n for population in self.populations})
        return Selection(self[name], indices)

    def summary(self, ranks: int | Sequence[int] = 1) -> None:
        """Print populations, projections with their expected numbers of synapses, inputs, recorders, and memory.

        Of several ranks that are started together, the first one prints.

        Parameters
        ----------
        ranks : a number of ranks, or several, for which the memory is estimated.

        Raises
        ------
        ValueError : a number of ranks below 1.
        """
        sizes = [whole("summary: ranks", size, 1) for size in np.atleast_1d(ranks).tolist()]
        text = summarize(self, sizes, lambda size: self.estimate_memory(self, size))
        if is_first():
            print(text)

    @staticmethod
    def estimate_memory(network: Network, size: int) -> int:
        """Return the bytes that each of `size` ranks needs; distsim puts the engine's estimate here."""
        raise NotImplementedError

    # --- populations ---------------------------------------------------------------------------------------------

    def create(
        self,
        name: str,
        n: int,
        model: str | NeuronModel = "iaf_psc_exp",
        positions: Positions | Value | None = None,
        **parameters: Value,
    ) -> Population:
        """Add `n` neurons of `model`; parameters not given keep the model's default.

        Parameters
        ----------
        positions : where they are: a `Grid`, `UniformBox`, `UniformDisc` or `Points`, or an array (n, 2) or (n, 3).
        parameters : each a number, an array of n numbers, or a distribution, drawn neuron by neuron. Some models have
            lists of them, such as tau_syn=[2.0, 100.0]; an array of shape (n, elements) gives each neuron a list.

        Raises
        ------
        ValueError : unknown model or parameter, a value outside its range, a name used twice.
        """
        model, n = self._model(name, model, parameters), whole(f"{name}: n", n)
        if model.is_source:
            raise ValueError(f"{name}: sources are made by poisson_source and spike_source")
        values = {**model.defaults(), **read_values(name, model, n, parameters)}
        for key in model.initial:
            reference = model.recordables[key].reference
            if key not in parameters and reference is not None:
                values[key] = values[reference]  # at rest
        return self._add(name, n, model, values, positions=read_positions(name, n, positions))

    def poisson_source(self, name: str, n: int, rate: Rate, start: float = 0.0, stop: float = math.inf) -> Population:
        """Add `n` Poisson sources of `rate` (spikes/s) that emit in (start, stop] ms; all targets of a
        source get the same train. Rates are those of `poisson_input`."""
        model, n = MODELS["poisson_source"], whole(f"{name}: n", n)
        rate = self.read_rate(name, rate, is_source=True, n=n)
        window = self._window(name, start, stop)
        first, last = (math.inf if step == FOREVER else float(self.grid.ms(step)) for step in window)
        values = {"rate": rate, "start": first, "stop": last}
        source = self._add(name, n, model, {**model.defaults(), **values})
        self.poisson_inputs.append(PoissonInput(source[:], rate, 1.0, 0, *window))
        return source

    def read_rate(self, name: str, rate: object, is_source: bool, n: int) -> Rate:
        """Check and return the `rate` (spikes/s) of a Poisson input to `n` neurons, or of `n` sources; ValueError if it
        is out of range."""
        largest = (MOST_MEAN if is_source else MOST_EVENTS) / (self.grid.dt_ms * 1e-3)
        note = " a source (for more use several)" if is_source else ""
        return read_rate(name, rate, n, largest, self.grid, note)

    def spike_source(
        self,
        name: str,
        times: Sequence[Sequence[float]] | Sequence[float] | SpikeTable,
        ids: Sequence[int] | None = None,
        n: int | None = None,
        round_times: bool = False,
    ) -> Population:
        """Add sources that emit given spikes; pass the population to `Simulation.set` to give it other ones.

        Parameters
        ----------
        times : ms, multiples of dt, > 0, in any order: a list for each source, source k emits at times[k]; or the times
            of all spikes, with `ids`; or a file, see `csv_spikes` and `sonata_spikes`.
        ids : the source, from 0, of each of the times.
        n : number of sources; by default as many as there are lists, or the largest id and 1 more.
        round_times : round times off the grid to the nearest step (at least the first), which are refused otherwise.

        Raises
        ------
        ValueError : times off the grid or below dt, ids out of range, more than 255 spikes of a source at one time.
        """
        n = None if n is None else whole(f"{name}: n", n)
        trains = read_trains(name, times, self.grid, ids, n, round_times)
        return self._add(name, len(trains), MODELS["spike_source"], {}, trains)

    def _model(self, name: str, model: str | NeuronModel, parameters: Mapping[str, object]) -> NeuronModel:
        if isinstance(model, NeuronModel):
            return model
        if not isinstance(model, str):
            raise TypeError(f"{name}: expected a neuron model or the name of one, not {model!r}")
        if model not in MODELS:
            raise ValueError(f"no neuron model {model!r}: {nearest(model, list(MODELS))}")
        return model_for(model, parameters)

    def _check_open(self) -> None:
        if self.is_simulated:
            raise ValueError(
                "the network is being simulated and cannot be added to: describe all of it before Simulation "
                "(parameters, rates and potentials can be changed by its set)"
            )

    def _add(
        self,
        name: str,
        n: int,
        model: NeuronModel,
        values: dict,
        spikes: SpikeTrains | None = None,
        positions: Positions | None = None,
    ) -> Population:
        self._check_open()
        if any(population.name == name for population in self.populations):
            raise ValueError(f"there is a population {name!r} already")
        check_name(name)
        if self.n + n >= 2**32:
            raise ValueError(f"{name}: {n:g} neurons more make 2^32 or more")
        check_together(name, model, values, self.grid.dt_ms)
        population = Population(name, n, model, MappingProxyType(values), self.n, spikes, positions)
        self.populations.append(population)
        if self._records_all:
            self.recorders.append(Recorder(SPIKES, SPIKES, population[:]))
        return population

    def _own(self, what: Part) -> Selection:
        self._check_open()
        selection = self.select(what) if isinstance(what, str) else select(what)
        if not any(population is selection.population for population in self.populations):
            raise ValueError(f"{selection} belongs to another network")
        return selection

    # --- projections, stimuli, recorders --------------------------------------------------------------------------

    def connect(
        self,
        source: Part,
        target: Part,
        rule: Rule | Matrix,
        weight: Value | None = None,
        delay: Value | Matrix | None = None,
        synapse: SynapseModel = static,
        receptor: int | str | None = None,
    ) -> Projection:
        """Connect `source` to `target` by `rule`, or as a weight matrix says.

        Parameters
        ----------
        source, target : a population, a part of one (`exc[:50]`, `exc[[1, 5, 7]]`, `exc[mask]`, see `Selection`), or
            its name, 'E', 'E[:50]', 'E[[1, 5, 7]]', here and in all that follows.
        rule : a connection rule; or a matrix of weights, W[source, target], of shape (len(source), len(target)).
            Each stored entry of a scipy.sparse matrix or array is a synapse, zeros too, and one that is stored twice is
            two; of a NumPy array, each entry other than 0. The matrix is copied. Or the edges of a file, see
            `csv_edges`, `parquet_edges` and `sonata_edges`.
        weight : pA; a number, a distribution, or (explicit rule) an array with one value a synapse. Not with a matrix.
            Of neurons with positions also a function of distance, such as `Gaussian`.
        delay : ms, at least dt, multiples of dt; likewise. Draws of a distribution are rounded to the grid. With a
            weight matrix also a matrix with the same entries, or a NumPy array of its shape.
        synapse : the model of the synapses.
        receptor : where they arrive, for models whose receptors are chosen: a number, from 1 as in NEST, or the name of
            one of the model's `inputs`. With other models the sign of the weight says it.

        Raises
        ------
        ValueError : a rule or matrix that does not fit, values out of range, delays off the grid, no such receptor.
        """
        source, target = self._own(source), self._own(target)
        name = f"{source.population.name} -> {target.population.name}"
        if target.population.model.is_source:
            raise ValueError(f"{name}: {target.population.name} are sources, nothing can be connected to them")
        check_synapse(name, synapse)
        unit, shape = target.population.model.weight_unit, (len(source), len(target))
        check_given(name, rule, weight, delay)
        weight, delay = values_of(rule, weight, delay)
        if is_matrix(rule):
            rule, weight = read_matrix(name, rule, shape, unit)
            delay = read_delay_matrix(name, delay, rule, shape) if is_matrix(delay) else delay
        rule = in_space(name, rule, (source, target), weight, delay, self.grid)
        n_synapses = check_rule(name, rule, source, target)
        weight = read_weight(name, weight, n_synapses, target.population)
        delay, steps = read_delay(name, delay, n_synapses, self.grid)
        chosen = read_receptor(name, receptor, target.population)
        projection = Projection(source, target, rule, weight, delay, steps, synapse, chosen)
        self.projections.append(projection)
        return projection

    def poisson_input(
        self,
        target: Part,
        rate: Rate,
        weight: float,
        delay: float,
        start: float = 0.0,
        stop: float = math.inf,
        receptor: int | str | None = None,
    ) -> PoissonInput:
        """Give each neuron of `target` a Poisson train of its own.

        Parameters
        ----------
        rate : spikes/s; a number, an array with a number for each neuron of `target`, or a function of time: a
            `PiecewiseRate` or a `SinusoidalRate`.
        weight : in the unit of the target's weights.
        delay : ms.
        start, stop : ms; spikes are emitted in (start, stop].
        receptor : as in `connect`.

        Returns
        -------
        PoissonInput : pass it to `Simulation.set` to change its rate or weight.

        Raises
        ------
        ValueError : rates that are negative, too large or of another shape, times off the grid or not ascending.
        """
        target = self._own(target)
        name = f"Poisson input to {target.population.name}"
        if target.population.model.is_source:
            raise ValueError(f"{name}: sources take no input, use poisson_source")
        rate = self.read_rate(name, rate, is_source=target.population.model.relays, n=len(target))
        weight = read_input_weight(name, weight, target.population)
        delay_steps, window = self.grid.step(delay, f"{name}: delay", 1), self._window(name, start, stop)
        chosen = read_receptor(name, receptor, target.population)
        self.poisson_inputs.append(PoissonInput(target, rate, weight, delay_steps, *window, chosen))
        return self.poisson_inputs[-1]

    def _window(self, name: str, start: float, stop: float) -> tuple[int, int]:
        first = self.grid.step(start, f"{name}: start", 0)
        is_open = bound(f"{name}: stop", stop, "ms") == math.inf
        last = FOREVER if is_open else self.grid.step(stop, f"{name}: stop", 0)
        if last < first:
            raise ValueError(f"{name}: start {start} and stop {stop} must be 0 <= start <= stop")
        return first, last

    def step_current(
        self,
        target: Part,
        times: Sequence[float],
        amplitudes: Sequence[float],
        delay: float | None = None,
    ) -> StepCurrent:
        """Inject a current that becomes amplitudes[k] (pA) at times[k] (ms); it acts `delay` (default dt) later.

        Pass the returned device to `Simulation.set` to give it other times and amplitudes.
        """
        target, name = self._current_target(target)
        steps, values = read_steps(name, times, amplitudes, self.grid)
        self.step_currents.append(StepCurrent(target, steps, values, self._device_delay(name, delay)))
        return self.step_currents[-1]

    def _device_delay(self, name: str, delay: float | None) -> int:
        return 1 if delay is None else self.grid.step(delay, f"{name}: delay", 1)

    def noise_current(
        self,
        target: Part,
        mean: float = 0.0,
        std: float = 0.0,
        interval: float | None = None,
        start: float = 0.0,
        stop: float = math.inf,
        delay: float | None = None,
    ) -> NoiseCurrent:
        """Inject noise: for each neuron a current of its own, drawn from a normal distribution for every `interval`.

        Parameters
        ----------
        mean, std : pA, of the current (NEST's noise_generator).
        interval : ms for which a drawn current lasts, counted from `start`; dt by default.
        start, stop : ms, when it is on.
        delay : ms after which it acts; dt by default.

        Returns
        -------
        NoiseCurrent : pass it to `Simulation.set` to change mean or std.

        Raises
        ------
        ValueError : std below 0, times off the grid.
        """
        target, name = self._current_target(target, NoiseCurrent.kind)
        first, last = self._window(name, start, stop)
        steps = 1 if interval is None else self.grid.step(interval, f"{name}: interval", 1)
        window = (self._device_delay(name, delay), first, last, first)
        return self._add_current(NoiseCurrent(target, *window, 0.0, 0.0, steps), name, {"mean": mean, "std": std})

    def sinusoidal_current(
        self,
        target: Part,
        amplitude: float,
        frequency: float,
        phase: float = 0.0,
        offset: float = 0.0,
        start: float = 0.0,
        stop: float = math.inf,
        delay: float | None = None,
    ) -> SinusoidalCurrent:
        """Inject offset + amplitude sin(2 pi frequency t + phase): pA, Hz, degrees (NEST's ac_generator).

        It is on from `start` to `stop` (ms) and acts `delay` (default dt) later; t counts from 0. Pass the returned
        device to `Simulation.set` to change amplitude, frequency, phase or offset.
        """
        target, name = self._current_target(target, SinusoidalCurrent.kind)
        first, last = self._window(name, start, stop)
        device = SinusoidalCurrent(target, self._device_delay(name, delay), first, last, first, 0.0, 0.0, 0.0, 0.0)
        given = {"amplitude": amplitude, "frequency": frequency, "phase": phase, "offset": offset}
        return self._add_current(device, name, given)

    def sampled_current(
        self,
        target: Part,
        values: np.ndarray,
        interval: float | None = None,
        start: float = 0.0,
        delay: float | None = None,
    ) -> SampledCurrent:
        """Inject given samples of a current, each for an `interval`, one after the other; 0 after the last.

        Parameters
        ----------
        values : pA, of shape (times,), or (times, len(target)): for each neuron its own.
        interval : ms for which a sample lasts; dt by default.
        start : ms, when the first sample begins.
        delay : ms after which it acts; dt by default.

        Returns
        -------
        SampledCurrent : pass it to `Simulation.set` to change values or start.

        Raises
        ------
        ValueError : another shape, times off the grid.
        """
        target, name = self._current_target(target, SampledCurrent.kind)
        steps = 1 if interval is None else self.grid.step(interval, f"{name}: interval", 1)
        first = self.grid.step(start, f"{name}: start", 0)
        window = (self._device_delay(name, delay), first, FOREVER, first)
        return self._add_current(SampledCurrent(target, *window, np.zeros(1), steps), name, {"values": values})

    def _add_current(self, device: Device, name: str, given: dict) -> Device:
        """Add a device with the values `given`, which are checked; return it."""
        device = replace(device, **device.read(name, given, self.grid))
        self.currents.append(device)
        return device

    def dc_current(self, target: Part, amplitude: float, start: float = 0.0, stop: float = math.inf) -> None:
        """Inject `amplitude` (pA) from `start` to `stop` (ms)."""
        target, name = self._current_target(target)
        amplitude = number(f"{name}: amplitude", amplitude, -LARGEST, LARGEST, "pA")
        first, last = self._window(name, start, stop)
        times = np.array([first] if last == FOREVER else [first, last])
        if first < last:
            self.step_currents.append(StepCurrent(target, times, np.array([amplitude, 0.0])[: times.size], 1))

    def _current_target(self, target: Part, kind: str = "step current") -> tuple[Selection, str]:
        target = self._own(target)
        name = f"{kind} into {target.population.name}"
        model = target.population.model
        if model.is_source or model.relays:
            what = "sources take" if model.is_source else f"{model.name} takes"
            raise ValueError(f"{name}: {what} no current")
        if model.equations is not None and model.current is None:
            raise ValueError(f"{name}: the equations of {model.name} do not use I_e")
        return target, name

    def record_spikes(self, *targets: Part) -> None:
        """Record the spikes of `targets`; several selections of one population are joined.

        Without `targets`, the spikes of all populations are recorded, including sources and populations created later.
        """
        self._check_open()
        self._records_all |= not targets
        chosen = [self._own(target) for target in targets or self.populations]
        self.recorders.extend(Recorder(SPIKES, SPIKES, target) for target in chosen)

    def record_voltages(self, target: Part, interval: float | None = None) -> None:
        """Record the membrane potential of `target` at every multiple of `interval` (ms, default dt)."""
        target = self._own(target)
        model = target.population.model
        if model.potential is None:
            what = "sources have" if model.is_source else f"{model.name} has"
            raise ValueError(f"voltages of {target.population.name}: {what} no membrane potential")
        self.record(model.potential, target, interval)

    def record(
        self,
        what: str,
        target: Part,
        interval: float | None = None,
        start: float = 0.0,
        stop: float = math.inf,
        name: str | None = None,
    ) -> None:
        """Record a quantity of neurons over time.

        Parameters
        ----------
        what : a recordable of the neurons' model, see `NeuronModel.recordables`.
        interval : ms between samples, which are taken at its multiples; dt by default.
        start, stop : ms; samples are taken in (start, stop].
        name : name of the report, in files and results; `what` by default. Recorders of one name are joined and must
            have the same interval, start and stop, so a quantity recorded at two intervals needs two names.

        Raises
        ------
        ValueError : no such recordable, a time off the grid, or a name that cannot be used.
        """
        target = self._own(target)
        model, where = target.population.model, f"{what} of {target.population.name}"
        if what not in model.recordables:
            known = nearest(str(what), list(model.recordables)) if model.recordables else "it has none"
            raise ValueError(f"{where}: no recordable of {model.name}: {known}")
        problem = model.problem_with(what, stand_ins(target.population.parameters))
        if problem:
            raise ValueError(f"{where}: {problem}")
        name = check_report_name((V_M if what == model.potential else what) if name is None else name)
        steps = 1 if interval is None else self.grid.step(interval, f"{where}: interval", 1)
        recorder = Recorder(name, what, target, steps, *self._window(where, start, stop))
        if name == V_M and what != model.potential:
            raise ValueError(f"{where}: {V_M!r} is the name of recorded membrane potentials")
        for other in self.recorders:
            if other.name == name:
                self._check_together(where, recorder, other)
            elif other.name.lower() == name.lower():
                raise ValueError(
                    f"{where}: the names {other.name!r} and {name!r} differ in case only, which some file systems "
                    f"ignore; give this recorder another name"
                )
        self.recorders.append(recorder)

    def _check_together(self, where: str, recorder: Recorder, other: Recorder) -> None:
        """Check that two recorders of one name can share a report; ValueError if not."""
        if (recorder.interval, recorder.start, recorder.stop) != (other.interval, other.start, other.stop):
            raise ValueError(
                f"{where}: recorders named {recorder.name!r} share one interval, start and stop; "
                f"give this one a name of its own"
            )
        same_population = recorder.target.population is other.target.population
        if same_population and recorder.what != other.what:
            raise ValueError(f"{where}: {recorder.name!r} records {other.what} of the same population already")

    def drop_recorders(self, name: str) -> None:
        """Remove the recorders of `name`, for instance "spikes" or "V_m"."""
        self._check_open()
        self.recorders[:] = [recorder for recorder in self.recorders if recorder.name != name]
        self._records_all &= name != SPIKES
