"""Recorders of a network under construction: spikes, membrane potentials, and all that models can be asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from .elements import SPIKES, V_M, Part, Population, Recorder, check_report_name, nearest
from .populations import Populations
from .values import stand_ins


@dataclass
class Recorders(Populations):
    """Populations, and what is recorded of them."""

    recorders: list[Recorder] = field(default_factory=list, init=False)
    _records_all: bool = field(default=False, init=False, repr=False)

    def _add(self, *described: Any, **more: Any) -> Population:
        population = super()._add(*described, **more)
        if self._records_all:
            self.recorders.append(Recorder(SPIKES, SPIKES, population[:]))
        return population

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
        steps = self._steps(f"{where}: interval", interval)
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
