"""What a modeller describes: populations, projections, stimuli and recorders. Plain data, no MPI, no Numba.

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
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from .distributions import Distribution
from .elements import (
    FOREVER,
    PoissonInput,
    Population,
    Projection,
    Selection,
    StepCurrent,
    Value,
    VoltageRecorder,
    find,
    nearest,
    select,
)
from .grid import TimeGrid, resolution
from .neurons import MODELS, NeuronModel
from .neurons.sources import MOST_MEAN, MOST_SPIKES
from .rules import Explicit, OneToOne, Rule
from .values import check_together, frozen, read_values

MOST_EVENTS = 4e6  # Poisson events a neuron and step, on average
MOST_DELAYS = 32767  # steps that a drawn delay may take


@dataclass
class Network:
    """A network under construction; `dt` is the resolution in ms."""

    dt: float = 0.1
    populations: list[Population] = field(default_factory=list, init=False)
    projections: list[Projection] = field(default_factory=list, init=False)
    poisson_inputs: list[PoissonInput] = field(default_factory=list, init=False)
    step_currents: list[StepCurrent] = field(default_factory=list, init=False)
    spike_recorders: list[Selection] = field(default_factory=list, init=False)
    voltage_recorders: list[VoltageRecorder] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.grid = TimeGrid(resolution(self.dt))

    @property
    def n(self) -> int:
        """Neurons and sources together."""
        return sum(len(population) for population in self.populations)

    @property
    def n_neurons(self) -> int:
        return sum(len(population) for population in self.populations if not population.model.is_source)

    def __getitem__(self, name: str) -> Population:
        for population in self.populations:
            if population.name == name:
                return population
        raise KeyError(f"no population {name!r}: {nearest(name, [p.name for p in self.populations])}")

    def select(self, what: str | Population | Selection) -> Selection:
        """Neurons by name, 'E' or 'E[:50]', or as a population or a slice of one; ValueError where there are none."""
        name, indices = find(what, {population.name: population.n for population in self.populations})
        return Selection(self[name], indices)

    # --- populations ---------------------------------------------------------------------------------------------

    def create(self, name: str, n: int, model: str | NeuronModel = "iaf_psc_exp", **parameters: Value) -> Population:
        """Add `n` neurons of `model`; parameters not given keep the model's default.

        Parameters
        ----------
        parameters : each a number, an array of n numbers, or (V_m, I_e) a distribution, drawn neuron by neuron.

        Raises
        ------
        ValueError : unknown model or parameter, a value outside its range, a name used twice.
        """
        model = self._model(model)
        if model.is_source:
            raise ValueError(f"{name}: sources are made by poisson_source and spike_source")
        values = {**model.defaults(), **read_values(name, model, n, parameters)}
        if "V_m" in values and "V_m" not in parameters:
            values["V_m"] = values["E_L"]
        return self._add(name, n, model, values)

    def poisson_source(self, name: str, n: int, rate: float, start: float = 0.0, stop: float = math.inf) -> Population:
        """Add `n` Poisson sources of `rate` (spikes/s) that emit in (start, stop] ms, each one train for all
        targets."""
        self.check_rate(name, rate, is_source=True)
        window = self._window(name, start, stop)
        model = MODELS["poisson_source"]
        source = self._add(
            name, n, model, {**model.defaults(), "rate": float(rate), "start": float(start), "stop": float(stop)}
        )
        self.poisson_inputs.append(PoissonInput(source[:], float(rate), 1.0, 0, *window))
        return source

    def check_rate(self, name: str, rate: float, is_source: bool) -> None:
        """ValueError unless `rate` (spikes/s) is one of a Poisson input, or of a Poisson source."""
        largest = (MOST_MEAN if is_source else MOST_EVENTS) / (self.grid.dt_ms * 1e-3)
        if not (math.isfinite(rate) and 0 <= rate <= largest):
            several = " a source: use several" if is_source else ""
            raise ValueError(f"{name}: rate must be from 0 to {largest:g} spikes/s, not {rate}{several}")

    def spike_source(self, name: str, times: Sequence[Sequence[float]]) -> Population:
        """Add len(times) sources; source k emits at times[k] (ms, multiples of dt, > 0, any order)."""
        steps = []
        for k, train in enumerate(times):
            train_steps = np.sort(self.grid.steps(np.asarray(train, float), f"{name}: spike time of source {k}"))
            if train_steps.size and train_steps[0] < 1:
                raise ValueError(f"{name}: spike times of source {k} must be at least dt = {self.grid.dt_ms:g} ms")
            if train_steps.size and np.unique(train_steps, return_counts=True)[1].max() > MOST_SPIKES:
                raise ValueError(
                    f"{name}: source {k} has more than {MOST_SPIKES} spikes at one time: use several sources"
                )
            steps.append(train_steps)
        return self._add(name, len(steps), MODELS["spike_source"], {}, tuple(steps))

    def _model(self, model: str | NeuronModel) -> NeuronModel:
        if isinstance(model, NeuronModel):
            return model
        if model not in MODELS:
            raise ValueError(f"no neuron model {model!r}: {nearest(model, list(MODELS))}")
        return MODELS[model]

    def _add(self, name: str, n: int, model: NeuronModel, values: dict, spikes: tuple = ()) -> Population:
        if any(population.name == name for population in self.populations):
            raise ValueError(f"there is a population {name!r} already")
        if not name or "/" in name:
            raise ValueError(f"population name {name!r} must not be empty or contain '/'")
        if not math.isfinite(n) or int(n) != n or n < 0:
            raise ValueError(f"{name}: n must be a whole number of at least 0, not {n}")
        if self.n + n >= 2**32:
            raise ValueError(f"{name}: {n:g} neurons more make 2^32 or more")
        check_together(name, model, values, self.grid.dt_ms)
        population = Population(name, int(n), model, MappingProxyType(values), self.n, spikes)
        self.populations.append(population)
        return population

    def _own(self, what: Population | Selection) -> Selection:
        selection = select(what)
        if not any(population is selection.population for population in self.populations):
            raise ValueError(f"{selection} belongs to another network")
        return selection

    # --- projections, stimuli, recorders --------------------------------------------------------------------------

    def connect(
        self,
        source: Population | Selection,
        target: Population | Selection,
        rule: Rule,
        weight: Value,
        delay: Value,
    ) -> Projection:
        """Connect `source` to `target` by `rule`.

        Parameters
        ----------
        weight : pA; a number, a distribution, or (explicit rule) an array with one value a synapse.
        delay : ms, at least dt, multiples of dt; likewise. Draws of a distribution are rounded to the grid.
        """
        source, target = self._own(source), self._own(target)
        name = f"{source.population.name} -> {target.population.name}"
        if target.population.model.is_source:
            raise ValueError(f"{name}: {target.population.name} are sources, nothing can be connected to them")
        n_synapses = _check_rule(name, rule, source, target)
        self._check_weight(name, weight, n_synapses)
        self._check_delay(name, delay, n_synapses)
        projection = Projection(source, target, rule, frozen(weight), frozen(delay))
        self.projections.append(projection)
        return projection

    def _check_weight(self, name: str, weight: Value, n_synapses: int | None) -> None:
        if isinstance(weight, Distribution):
            return
        _check_size(f"{name}: weight", weight, n_synapses)
        if not np.all(np.isfinite(weight)):
            raise ValueError(f"{name}: weight must be finite")

    def _check_delay(self, name: str, delay: Value, n_synapses: int | None) -> None:
        dt = self.grid.dt_ms
        if isinstance(delay, Distribution):
            low, high = delay.support()
            if low < dt / 2 * (1 - 1e-12):
                raise ValueError(f"{name}: delay must be at least dt = {dt:g} ms: redraw below {dt / 2:g} ms (minimum)")
            if high / dt > MOST_DELAYS:
                raise ValueError(f"{name}: delays up to {high:g} ms exceed {MOST_DELAYS} steps: set a maximum")
            return
        _check_size(f"{name}: delay", delay, n_synapses)
        if np.any(self.grid.steps(delay, f"{name}: delay") < 1):
            raise ValueError(f"{name}: delay must be at least dt = {dt:g} ms, not {np.min(delay):g} ms")

    def poisson_input(
        self,
        target: Population | Selection,
        rate: float,
        weight: float,
        delay: float,
        start: float = 0.0,
        stop: float = math.inf,
    ) -> PoissonInput:
        """Give each neuron of `target` its own Poisson train of `rate` spikes/s and `weight` (pA), `delay` in ms, with
        spikes in (start, stop] ms. What is returned stands for it when a simulation changes rate or weight."""
        target = self._own(target)
        name = f"Poisson input to {target.population.name}"
        self.check_rate(name, rate, is_source=False)
        if target.population.model.is_source:
            raise ValueError(f"{name}: sources take no input, use poisson_source")
        if not math.isfinite(weight):
            raise ValueError(f"{name}: weight must be finite, not {weight}")
        delay_steps = self.grid.steps(delay, f"{name}: delay")
        if delay_steps < 1:
            raise ValueError(f"{name}: delay must be at least {self.grid.dt_ms:g} ms, not {delay}")
        window = self._window(name, start, stop)
        self.poisson_inputs.append(PoissonInput(target, float(rate), float(weight), delay_steps, *window))
        return self.poisson_inputs[-1]

    def _window(self, name: str, start: float, stop: float) -> tuple[int, int]:
        first = self.grid.steps(start, f"{name}: start")
        last = FOREVER if stop == math.inf else self.grid.steps(stop, f"{name}: stop")
        if first < 0 or last < first:
            raise ValueError(f"{name}: start {start} and stop {stop} must be 0 <= start <= stop")
        return first, last

    def step_current(
        self,
        target: Population | Selection,
        times: Sequence[float],
        amplitudes: Sequence[float],
        delay: float | None = None,
    ) -> None:
        """Inject a current that becomes amplitudes[k] (pA) at times[k] (ms); it acts `delay` (default dt) later."""
        target = self._own(target)
        name = f"step current into {target.population.name}"
        if target.population.model.is_source:
            raise ValueError(f"{name}: sources take no current")
        steps = np.atleast_1d(self.grid.steps(np.asarray(times, float), f"{name}: times"))
        values = np.atleast_1d(np.asarray(amplitudes, float))
        if steps.shape != values.shape:
            raise ValueError(f"{name}: {steps.size} times and {values.size} amplitudes must be equally many")
        if not np.all(np.isfinite(values)):
            raise ValueError(f"{name}: amplitudes must be finite")
        if np.any(np.diff(steps) <= 0) or np.any(steps < 0):
            raise ValueError(f"{name}: times must increase and be at least 0 ms")
        delay_steps = 1 if delay is None else self.grid.steps(delay, f"{name}: delay")
        if delay_steps < 1:
            raise ValueError(f"{name}: delay must be at least dt = {self.grid.dt_ms:g} ms, not {delay}")
        self.step_currents.append(StepCurrent(target, steps, values, delay_steps))

    def dc_current(self, target: Population | Selection, amplitude: float, start: float, stop: float) -> None:
        """Inject `amplitude` (pA) from `start` to `stop` (ms)."""
        self.step_current(target, [start, stop], [amplitude, 0.0])

    def record_spikes(self, *targets: Population | Selection) -> None:
        """Record the spikes of `targets`; several selections of one population are joined."""
        self.spike_recorders.extend(self._own(target) for target in targets)

    def record_voltages(self, target: Population | Selection, interval: float | None = None) -> None:
        """Record V_m of `target` at every multiple of `interval` (ms, default dt)."""
        target = self._own(target)
        name = f"voltages of {target.population.name}"
        if target.population.model.is_source:
            raise ValueError(f"{name}: sources have no membrane potential")
        steps = 1 if interval is None else self.grid.steps(interval, f"{name}: interval")
        if steps < 1:
            raise ValueError(f"{name}: interval must be at least dt = {self.grid.dt_ms:g} ms, not {interval}")
        if any(recorder.interval != steps for recorder in self.voltage_recorders):
            raise ValueError(f"{name}: all voltages are recorded at one interval")
        self.voltage_recorders.append(VoltageRecorder(target, steps))


def _check_rule(name: str, rule: Rule, source: Selection, target: Selection) -> int | None:
    """Number of synapses where they can be listed; ValueError where the rule cannot be fulfilled."""
    if not isinstance(rule, Rule):
        raise TypeError(f"{name}: expected a connection rule, not {rule!r}")
    shared = 0
    if source.population is target.population:
        shared = np.intersect1d(source.gids, target.gids, assume_unique=True).size
    problem = rule.problem(len(source), len(target), shared)
    if problem:
        raise ValueError(f"{name}: {problem}")
    if isinstance(rule, Explicit):
        return rule.sources.size
    return len(target) if isinstance(rule, OneToOne) else None


def _check_size(name: str, value: float | np.ndarray, n_synapses: int | None) -> None:
    shape = np.shape(value)
    if shape and n_synapses is None:
        raise ValueError(f"{name}: a number or a distribution; arrays go with explicit and one_to_one")
    if shape and shape != (n_synapses,):
        raise ValueError(f"{name}: a number, a distribution or {n_synapses} numbers, not shape {shape}")
