"""Small networks as plain data, which different simulators can read, and as simulations of distsim."""

from __future__ import annotations

from dataclasses import dataclass, field

from distsim import GuardError, Network, Simulation, explicit


@dataclass
class Group:
    """A population of neurons."""

    name: str
    model: str
    n: int
    parameters: dict


@dataclass
class Part:
    """Some neurons of a population, or of the sources S: a range or a list, each neuron once."""

    name: str
    indices: range | list[int]


@dataclass
class Synapses:
    """Pairs (number in source, number in target) with weights (pA, mV) and delays (steps)."""

    source: Part
    target: Part
    pairs: list[tuple[int, int]]
    weights: list[float]
    delays: list[int]


@dataclass
class Current:
    """amplitudes (pA) from times (steps) on, `delay` steps later; `is_dc`: made by dc_current."""

    target: Part
    times: list[int]
    amplitudes: list[float]
    delay: int
    is_dc: bool


@dataclass
class Change:
    """New values of neurons after a step."""

    step: int
    target: Part
    values: dict


@dataclass
class Case:
    """A network, and the pieces (steps, whether recorded) in which it is simulated; trains: steps, source by source."""

    dt: float
    groups: list[Group]
    trains: list[list[int]]
    pieces: list[tuple[int, bool]]
    synapses: list[Synapses] = field(default_factory=list)
    currents: list[Current] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    spike_parts: list[Part] = field(default_factory=list)
    voltage_parts: list[Part] = field(default_factory=list)
    interval: int = 1

    @property
    def steps(self) -> int:
        return sum(steps for steps, _ in self.pieces)

    @property
    def longest_delay(self) -> int:
        return max((delay for s in self.synapses for delay in s.delays), default=0)


def describe(case: Case) -> Network:
    net, k = Network(case.dt), case.dt
    for group in case.groups:
        net.create(group.name, group.n, group.model, **group.parameters)
    net.spike_source("S", [[round(k * step, 9) for step in train] for train in case.trains])
    for s in case.synapses:
        sources, targets = zip(*s.pairs, strict=True) if s.pairs else ((), ())
        delays = [round(k * delay, 9) for delay in s.delays]
        net.connect(select(net, s.source), select(net, s.target), explicit(sources, targets), s.weights, delays)
    for current in case.currents:
        times, target = [round(k * step, 9) for step in current.times], select(net, current.target)
        if current.is_dc:
            net.dc_current(target, current.amplitudes[0], *times)
        else:
            net.step_current(target, times, current.amplitudes, round(k * current.delay, 9))
    net.record_spikes(*(select(net, part) for part in case.spike_parts))
    for part in case.voltage_parts:
        net.record_voltages(select(net, part), round(k * case.interval, 9))
    return net


def select(net: Network, part: Part):
    r = part.indices
    return net[part.name][r.start : r.stop : r.step] if isinstance(r, range) else net[part.name][r]


def simulate(case: Case, comm) -> Simulation:
    """Run the pieces, with the changes between them (collective)."""
    sim = Simulation(describe(case), 1, comm)
    for steps, record in case.pieces:
        sim.run(round(case.dt * steps, 9), record)
        for change in case.changes:
            if change.step == sim.step:
                sim.set(select(sim.network, change.target), **change.values)
    return sim


def ended(sim: Simulation, *pieces: float, max_rate: float = 0.0) -> str | None:
    """Run the pieces one after another (ms); return what the guard said if it ended one of them."""
    try:
        for piece in pieces:
            sim.run(piece, max_rate=max_rate)
    except GuardError as error:
        return str(error)
    return None
