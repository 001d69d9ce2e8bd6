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
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from ..neurons import MODELS, NeuronModel, model_for
from ..neurons.sources import MOST_MEAN, MOST_SPIKES
from ..parallel import is_first
from ..synapses import SynapseModel, static
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
from .matrices import Matrix, is_matrix, read_delay_matrix, read_matrix
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
from .quantities import LARGEST, bound, number, numbers, shown, whole
from .rules import Rule
from .summary import summarize
from .units import without_unit
from .values import check_together, read_values, stand_ins

MOST_EVENTS = 4e6  # Poisson events a neuron and step, on average


@dataclass
class Network:
    """A network under construction, until it is simulated; `dt` is the resolution in ms."""

    dt: float = 0.1
    populations: list[Population] = field(default_factory=list, init=False)
    projections: list[Projection] = field(default_factory=list, init=False)
    poisson_inputs: list[PoissonInput] = field(default_factory=list, init=False)
    step_currents: list[StepCurrent] = field(default_factory=list, init=False)
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

    def create(self, name: str, n: int, model: str | NeuronModel = "iaf_psc_exp", **parameters: Value) -> Population:
        """Add `n` neurons of `model`; parameters not given keep the model's default.

        Parameters
        ----------
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
        return self._add(name, n, model, values)

    def poisson_source(self, name: str, n: int, rate: float, start: float = 0.0, stop: float = math.inf) -> Population:
        """Add `n` Poisson sources of `rate` (spikes/s) that emit in (start, stop] ms; all targets of a
        source get the same train."""
        rate = self.read_rate(name, rate, is_source=True)
        window = self._window(name, start, stop)
        model, n = MODELS["poisson_source"], whole(f"{name}: n", n)
        first, last = (math.inf if step == FOREVER else float(self.grid.ms(step)) for step in window)
        values = {"rate": rate, "start": first, "stop": last}
        source = self._add(name, n, model, {**model.defaults(), **values})
        self.poisson_inputs.append(PoissonInput(source[:], rate, 1.0, 0, *window))
        return source

    def read_rate(self, name: str, rate: Value, is_source: bool) -> float:
        """Check and return the `rate` (spikes/s) of a Poisson input or source; ValueError if it is out of range."""
        largest = (MOST_MEAN if is_source else MOST_EVENTS) / (self.grid.dt_ms * 1e-3)
        note = " a source (for more use several)" if is_source else ""
        return number(f"{name}: rate", rate, 0.0, largest, "spikes/s", note)

    def spike_source(self, name: str, times: Sequence[Sequence[float]]) -> Population:
        """Add len(times) sources; source k emits at times[k] (ms, multiples of dt, > 0, any order)."""
        steps, times = [], without_unit(f"{name}: times", times, "ms")
        for k, train in enumerate(times if np.iterable(times) else [times]):
            what = f"{name}: spike time of source {k}"
            if np.ndim(numbers(what, train, unit="ms")) != 1:
                message = "times must be a list of times for each source, such as [[1.0, 2.0]] for one source"
                raise ValueError(f"{name}: {message}, not {shown(times)}")
            train_steps = np.sort(self.grid.steps(train, what))
            if train_steps.size and train_steps[0] < 1:
                raise ValueError(f"{name}: spike times of source {k} must be at least dt = {self.grid.dt_ms:g} ms")
            if train_steps.size and np.unique(train_steps, return_counts=True)[1].max() > MOST_SPIKES:
                raise ValueError(
                    f"{name}: source {k} has more than {MOST_SPIKES} spikes at one time: use several sources"
                )
            steps.append(train_steps)
        return self._add(name, len(steps), MODELS["spike_source"], {}, tuple(steps))

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

    def _add(self, name: str, n: int, model: NeuronModel, values: dict, spikes: tuple = ()) -> Population:
        self._check_open()
        if any(population.name == name for population in self.populations):
            raise ValueError(f"there is a population {name!r} already")
        check_name(name)
        if self.n + n >= 2**32:
            raise ValueError(f"{name}: {n:g} neurons more make 2^32 or more")
        check_together(name, model, values, self.grid.dt_ms)
        population = Population(name, n, model, MappingProxyType(values), self.n, spikes)
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
        rate: float,
        weight: float,
        delay: float,
        start: float = 0.0,
        stop: float = math.inf,
        receptor: int | str | None = None,
    ) -> PoissonInput:
        """Give each neuron of `target` its own Poisson train of `rate` spikes/s and `weight` (pA), `delay` in ms, with
        spikes in (start, stop] ms; `receptor` as in `connect`. Pass the returned input to `Simulation.set` to change
        its rate or weight."""
        target = self._own(target)
        name = f"Poisson input to {target.population.name}"
        if target.population.model.is_source:
            raise ValueError(f"{name}: sources take no input, use poisson_source")
        rate = self.read_rate(name, rate, is_source=target.population.model.relays)
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
    ) -> None:
        """Inject a current that becomes amplitudes[k] (pA) at times[k] (ms); it acts `delay` (default dt) later."""
        target, name = self._current_target(target)
        steps = np.atleast_1d(self.grid.steps(times, f"{name}: times"))
        values = np.atleast_1d(numbers(f"{name}: amplitudes", amplitudes, -LARGEST, LARGEST, "pA"))
        if steps.shape != values.shape or steps.ndim != 1:
            message = f"{steps.size} times and {values.size} amplitudes must be lists of equally many numbers"
            raise ValueError(f"{name}: {message}")
        if np.any(np.diff(steps) <= 0) or np.any(steps < 0):
            raise ValueError(f"{name}: times must increase and be at least 0 ms")
        delay_steps = 1 if delay is None else self.grid.step(delay, f"{name}: delay", 1)
        self.step_currents.append(StepCurrent(target, steps, values, delay_steps))

    def dc_current(self, target: Part, amplitude: float, start: float = 0.0, stop: float = math.inf) -> None:
        """Inject `amplitude` (pA) from `start` to `stop` (ms)."""
        target, name = self._current_target(target)
        amplitude = number(f"{name}: amplitude", amplitude, -LARGEST, LARGEST, "pA")
        first, last = self._window(name, start, stop)
        times = np.array([first] if last == FOREVER else [first, last])
        if first < last:
            self.step_currents.append(StepCurrent(target, times, np.array([amplitude, 0.0])[: times.size], 1))

    def _current_target(self, target: Part) -> tuple[Selection, str]:
        target = self._own(target)
        name = f"step current into {target.population.name}"
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
