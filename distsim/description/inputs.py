"""Inputs of a network under construction: sources of spikes, Poisson input, currents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from ..files.spike_tables import SpikeTable
from ..neurons import MODELS
from ..neurons.sources import MOST_MEAN
from .currents import CurrentDevice, NoiseCurrent, SampledCurrent, SinusoidalCurrent, read_steps
from .elements import FOREVER, Part, PoissonInput, Population, Selection, StepCurrent
from .projections import read_input_weight, read_receptor
from .quantities import LARGEST, number, whole
from .rates import Rate, read_rate
from .recorders import Recorders
from .spike_trains import read_trains

Device = TypeVar("Device", bound=CurrentDevice)
MOST_EVENTS = 4e6  # Poisson events a neuron and step, on average


@dataclass
class Inputs(Recorders):
    """Populations, their recorders, and their input from outside the network."""

    poisson_inputs: list[PoissonInput] = field(default_factory=list, init=False)
    step_currents: list[StepCurrent] = field(default_factory=list, init=False)
    currents: list[CurrentDevice] = field(default_factory=list, init=False)

    # --- spikes -------------------------------------------------------------------------------------------------------

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

    # --- currents -----------------------------------------------------------------------------------------------------

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
        self.step_currents.append(StepCurrent(target, steps, values, self._steps(f"{name}: delay", delay)))
        return self.step_currents[-1]

    def dc_current(self, target: Part, amplitude: float, start: float = 0.0, stop: float = math.inf) -> None:
        """Inject `amplitude` (pA) from `start` to `stop` (ms)."""
        target, name = self._current_target(target)
        amplitude = number(f"{name}: amplitude", amplitude, -LARGEST, LARGEST, "pA")
        first, last = self._window(name, start, stop)
        times = np.array([first] if last == FOREVER else [first, last])
        if first < last:
            self.step_currents.append(StepCurrent(target, times, np.array([amplitude, 0.0])[: times.size], 1))

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
        steps = self._steps(f"{name}: interval", interval)
        window = (self._steps(f"{name}: delay", delay), first, last, first)
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
        device = SinusoidalCurrent(target, self._steps(f"{name}: delay", delay), first, last, first, 0.0, 0.0, 0.0, 0.0)
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
        steps = self._steps(f"{name}: interval", interval)
        first = self.grid.step(start, f"{name}: start", 0)
        window = (self._steps(f"{name}: delay", delay), first, FOREVER, first)
        return self._add_current(SampledCurrent(target, *window, np.zeros(1), steps), name, {"values": values})

    def _add_current(self, device: Device, name: str, given: dict) -> Device:
        """Add a device with the values `given`, which are checked; return it."""
        device = replace(device, **device.read(name, given, self.grid))
        self.currents.append(device)
        return device

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
