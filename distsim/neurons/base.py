"""`NeuronModel`: a neuron's parameters, its exact propagators and the update of one neuron over one time step.

How to add a model: one file with one `NeuronModel` in it, entered in `distsim/neurons/__init__.py`.

    states       names of the state variables
    recordables  what can be read, set and recorded of them, for instance V_m: the state V plus the parameter E_L
    propagators  function (parameters, dt) -> numbers of one step, computed once, by name
    step         function of one neuron: (states ..., wait, ex, inh, current, propagators by name ...)
                 -> (new states ..., new wait, number of spikes)
    inputs       names of its receptors, where these are not ex and inh, between which the sign of a weight chooses
    uniforms     names of the uniform random numbers that `step` takes, after `current`

`step` is plain Python over numbers and without a branch that LLVM could not turn into a selection (`a if c else b` of
values already computed, `&` and `|` rather than `and` and `or`). The engine writes the loop over the neurons around it
and has it compiled and vectorised (`engine/step/update.py`); a test can call it directly. `iaf_psc_delta` is the
shortest example.

What `step` uses besides its arguments (globals, variables of a closure, attributes of modules, functions marked by
`helper` or decorated with `numba.njit`) is compiled with the values that it has when a simulation is built. Other
values give another compiled step, in the same process and in the cache. It is an error if such a value changes while a
simulation runs, or if its changes could not be noticed, as in lists, dictionaries and objects
(`engine/compiled/frozen_step.py`).

A model without exact propagators is solved in substeps that control their error (`solver.py`, `iaf_cond_exp.py`).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

SPIKES_AT_MOST = 254  # of one neuron in one step: the count is a byte, and 255 stands for more
MOST_RECEPTORS = 64
APART = "separate_currents"  # the parameter that keeps excitatory and inhibitory input apart
REDO = 255  # spikes that stand for: this has to be done in substeps
SIGNED = ("ex", "inh")  # inputs between which the sign of a weight chooses
FLOAT32 = 2.0**-23  # relative spacing of single precision, in which files may keep times


@dataclass(frozen=True)
class Parameter:
    """A neuron parameter: default value, unit and the range that is allowed (`minimum` is excluded if `open`), or the
    words, or True and False, that are allowed (`choices`)."""

    default: float | str | bool
    unit: str
    text: str
    minimum: float = -math.inf
    open: bool = False
    choices: tuple[str | bool, ...] = ()

    def problem(self, values: np.ndarray) -> str | None:
        """Return what is wrong with the numbers `values`, or None."""
        if not np.all(np.isfinite(values)):
            return "must be finite"
        if self.open and not np.all(values > self.minimum):
            return f"must be greater than {self.minimum:g} {self.unit}"
        if not np.all(values >= self.minimum):
            return f"must be at least {self.minimum:g} {self.unit}"
        return None


@dataclass(frozen=True)
class Recordable:
    """A quantity of a neuron that can be read, set and recorded: a state variable, or its sum with a parameter.

    Attributes
    ----------
    state : str
        Name of the state variable.
    reference : str or None
        Name of the parameter to which the state variable is relative, None if it is absolute.
    unit : str or None
        By default that of the parameter of the same name (the value at time 0), or of `reference`.
    """

    state: str
    reference: str | None = None
    unit: str | None = None


def one_receptor(parameters: Mapping) -> int:
    return 1


def nothing_demanded(parameters: Mapping) -> None:
    return None


@dataclass(frozen=True)
class NeuronModel:
    """A neuron model with exact integration on the grid (Rotter & Diesmann 1999).

    Attributes
    ----------
    name : the usual name of the model, for instance ``iaf_psc_exp``.
    parameters : name -> `Parameter`. One with the name of a recordable is its value at time 0.
    states : names of the float64 state variables, as `step` names them. They are 0 at time 0 where no parameter says
        otherwise.
    propagators : function (parameters, dt in ms) -> name -> scalar or array, the names being arguments of `step`.
    step : advances one neuron by one step. Arguments: the states; wait, steps that it is still refractory (int16);
        ex and inh, the weights (pA, delta: mV) that arrive in this step; current, constant plus device current (pA)
        over the step; the `uniforms`; the propagators. Returns the new states, the new wait and the number of spikes at
        the end of the step. An argument that has a default need not be among the propagators.
    receptors : function of the parameters: 1 if all input acts through `ex`, 2 if excitatory and inhibitory input must
        be kept apart; not asked where `inputs` has other names. inhibitory : the states that are 0 and stay so where
        there is only one; excitatory : those that carry both kinds of input then.
    check : function of the parameters -> message or None: what one parameter demands of another.
    weight_unit : unit of the weights of synapses onto it, pA or mV.
    inputs : names of what arrives, as `step` names it. By default the sign of a weight chooses between ``ex`` and
        ``inh``; with other names, one for each receptor, connections choose their `receptor`.
    first_receptor : the number by which connections call the first of those `inputs`; 0 needs not be chosen.
    uniforms : names of the uniform random numbers in (0, 1) that `step` takes, new in every step. They depend on the
        seed, the neuron and the step alone.
    relays : whether a spike counts as one when it arrives, whatever its weight, to be passed on.
    lists : names of the lists that a population may be given -> names of the parameters that are their elements.
    recordables : name -> `Recordable`. By default the first state is ``V_m``, relative to ``E_L`` if there is such a
        parameter; sources have none.
    potential : the recordable that is the membrane potential, recorded as voltage; None if there is none.
    attempt : a function like `step`, which may take other propagators, marked by `inlined` and without a branch: the
        loop over neurons, vectorised, takes it first, and `step` only where it returns `REDO` spikes.
    most_spikes : of one neuron in one step, as many as `step` may return, at most 254. Buffers have room for no more:
        a simulation in which it returns more ends with an error.
    current : the parameter that is the constant current (pA), to which that of devices is added; None if there is none.
    equations : what `from_equations` was given, from which the model is made again; None for other models.
    """

    name: str
    parameters: Mapping[str, Parameter]
    states: tuple[str, ...]
    propagators: Callable[[Mapping, float], Mapping[str, float | np.ndarray]]
    step: Callable
    receptors: Callable[[Mapping], int] = field(default=one_receptor)
    inhibitory: tuple[str, ...] = ()
    check: Callable[[Mapping], str | None] = field(default=nothing_demanded)
    is_source: bool = False
    weight_unit: str = "pA"
    inputs: tuple[str, ...] = SIGNED
    recordables: Mapping[str, Recordable] = None  # type: ignore[assignment]  # filled in by __post_init__
    potential: str | None = "V_m"
    current: str | None = "I_e"
    excitatory: tuple[str, ...] = ()
    most_spikes: int = 1
    attempt: Callable | None = None
    first_receptor: int = 1
    uniforms: tuple[str, ...] = ()
    relays: bool = False
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    equations: object = None

    @staticmethod
    def from_equations(equations: str, **described: object) -> NeuronModel:
        """Return a model of differential equations; distsim puts `neurons.from_equations` here."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        if self.recordables is None:
            object.__setattr__(self, "recordables", self._usual_recordables())
        self._check_recordables()
        if self.potential not in self.recordables:
            object.__setattr__(self, "potential", None)
        if self.current not in self.parameters:
            object.__setattr__(self, "current", None)
        if not inspect.isfunction(self.step):
            raise TypeError(
                f"{self.name}: step must be a plain Python function, not of type {type(self.step).__name__}; "
                f"without numba.njit, which comes later"
            )
        if not 1 <= self.most_spikes <= SPIKES_AT_MOST and not self.is_source:
            raise TypeError(f"{self.name}: most_spikes must be from 1 to {SPIKES_AT_MOST}, not {self.most_spikes}")
        if not 1 <= len(self.inputs) <= MOST_RECEPTORS:
            raise TypeError(f"{self.name}: inputs must be from 1 to {MOST_RECEPTORS} names, not {len(self.inputs)}")
        for argument in self._signature.values():
            if argument.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
                raise TypeError(f"{self.name}: step must take its arguments by position, {argument} is not allowed")
        for name, function in (("step", self.step), ("attempt", self.attempt)):
            if function is not None and self._arguments(function)[: len(self._before)] != self._before:
                raise TypeError(f"{self.name}: the arguments of {name} must begin with {', '.join(self._before)}")

    def _usual_recordables(self) -> dict[str, Recordable]:
        if self.is_source or not self.states:
            return {}
        return {"V_m": Recordable(self.states[0], "E_L" if "E_L" in self.parameters else None, "mV")}

    def _check_recordables(self) -> None:
        states = [recordable.state for recordable in self.recordables.values()]
        for name, recordable in self.recordables.items():
            if recordable.state not in self.states:
                known = ", ".join(self.states)
                raise TypeError(f"{self.name}: {name} is of the state {recordable.state!r}; known are {known}")
            if not (recordable.unit is None or _is_unit(recordable.unit)):
                raise TypeError(f"{self.name}: the unit of {name} must be a printable text of at most 100 characters")
            if states.count(recordable.state) > 1:
                raise TypeError(f"{self.name}: two recordables are of the state {recordable.state!r}")
            if recordable.reference is not None and recordable.reference not in self.parameters:
                raise TypeError(f"{self.name}: {name} is relative to {recordable.reference!r}, which is no parameter")

    @property
    def chooses_by_sign(self) -> bool:
        """Return whether the sign of a weight chooses the receptor."""
        return self.inputs == SIGNED

    def n_receptors(self, parameters: Mapping) -> int:
        """Return how many receptors neurons with these parameters have: kinds of input that are kept apart."""
        return self.receptors(parameters) if self.chooses_by_sign else len(self.inputs)

    @property
    def initial(self) -> tuple[str, ...]:
        """Recordables whose values at time 0 are parameters."""
        return tuple(name for name in self.recordables if name in self.parameters)

    @property
    def drawn(self) -> tuple[str, ...]:
        """Parameters that may be drawn from a distribution: values at time 0 and the constant current."""
        return (*self.initial, *((self.current,) if self.current else ()))

    def unit_of(self, name: str) -> str:
        """Return the unit of the recordable `name`, "" if it has none."""
        recordable = self.recordables[name]
        if recordable.unit is not None:
            return recordable.unit
        names = (name, recordable.reference or "")  # whose unit it has
        given = [self.parameters[known].unit for known in names if known in self.parameters]
        return given[0] if given else ""

    def problem_with(self, name: str, parameters: Mapping) -> str | None:
        """Return why the recordable `name` cannot be told from others with these parameters, or None."""
        state = self.recordables[name].state
        if self.receptors(parameters) == 1 and state in (*self.inhibitory, *self.excitatory):
            return (
                f"one state carries excitatory and inhibitory input where their time constants are equal; "
                f"{APART}=True keeps them apart"
            )
        return None

    def label(self, k: int) -> str:
        """Return what users call state variable `k`: the recordable that it belongs to, or its own name."""
        names = [name for name, recordable in self.recordables.items() if recordable.state == self.states[k]]
        return names[0] if names else self.states[k]

    def __copy__(self) -> NeuronModel:
        return self

    def __deepcopy__(self, memo: dict) -> NeuronModel:
        return self

    @property
    def _before(self) -> tuple[str, ...]:
        """Names of the arguments with which `step` and `attempt` begin."""
        return (*self.states, "wait", *self.inputs, "current", *self.uniforms)

    @property
    def _signature(self) -> dict[str, inspect.Parameter]:
        """Arguments of `step`, and those that only `attempt` takes."""
        others = () if self.attempt is None else inspect.signature(self.attempt).parameters.items()
        return dict([*others, *inspect.signature(self.step).parameters.items()])

    @staticmethod
    def _arguments(function: Callable) -> tuple[str, ...]:
        return tuple(inspect.signature(function).parameters)

    def propagators_of(self, function: Callable) -> tuple[str, ...]:
        """Return the names of the propagators that `step` or `attempt` takes, in order."""
        return self._arguments(function)[len(self._before) :]

    @property
    def propagator_names(self) -> tuple[str, ...]:
        """Names of the propagators of both, each once; those of `step` alone in the order in which it takes them."""
        return tuple(self._signature)[len(self._before) :]

    def propagator_values(self, parameters: Mapping, dt: float) -> dict[str, float | np.ndarray]:
        """Return the numbers of one step of `dt` ms by name, in the order of `propagator_names`.

        Raises
        ------
        TypeError : neither `propagators` nor a default gives an argument of `step`.
        """
        given, arguments = self.propagators(parameters, dt), self._signature
        values = {name: given.get(name, arguments[name].default) for name in self.propagator_names}
        for name, value in values.items():
            if np.asarray(value).dtype.kind not in "biuf":
                is_given = value is not inspect.Parameter.empty
                raise TypeError(f"{self.name}: {name!r}, an argument of step, {_must_be(value, is_given)}")
        return values

    def __str__(self) -> str:
        """The parameters, their defaults, units and meanings."""
        width = max(map(len, self.parameters), default=0)
        lines = [
            f"  {name:<{width}}  {f'{p.default} {p.unit}'.strip():<12} {p.text}" for name, p in self.parameters.items()
        ]
        return "\n".join([self.name, *lines])

    def defaults(self) -> dict[str, float | str | bool]:
        return {name: parameter.default for name, parameter in self.parameters.items()}


def _is_unit(unit: object) -> bool:
    """Return whether files and figures can keep `unit`."""
    return isinstance(unit, str) and unit.isprintable() and len(unit) <= 100


def _must_be(value: object, is_given: bool) -> str:
    if not is_given:
        return "is not among what propagators returns"
    return f"must be a number or an array of numbers, not {value!r}"


def refractory_steps(t_ref: float | np.ndarray, dt: float) -> float | np.ndarray:
    """Return the steps that a neuron stays refractory: t_ref / dt rounded up, as in NEST.

    A multiple of dt that was rounded to float64 or float32 counts as that multiple.
    """
    steps = np.asarray(t_ref) / dt
    nearest = np.rint(steps)
    steps = np.where(np.abs(steps - nearest) <= FLOAT32 * nearest, nearest, np.ceil(steps))
    if np.any(steps > 32767):
        raise ValueError(f"t_ref: {np.max(t_ref)} ms are more than 32767 steps of {dt} ms")
    return steps if steps.ndim else float(steps)
