"""Entries that every run's summary has: what was run, and how often neurons fired."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np

from ..description.currents import CurrentDevice
from ..description.elements import PoissonInput, Projection, StepCurrent
from ..description.network import Network
from ..description.reports import recorded_ranges, reports_of, spike_report
from ..description.rules import Explicit
from ..engine.rank_engine import RankEngine
from ..engine.settings import Settings
from ..engine.step.period import Period

MOST_LISTED = 100  # numbers of an array that a summary lists


class Counted(NamedTuple):
    """How often neurons fired while spikes were counted.

    Attributes
    ----------
    period : Period
        The recorded pieces.
    t_start, duration : float
        Start and length of the recorded period (ms), breaks included.
    seconds : float
        Time in which the spikes were counted (s), breaks excluded.
    counts : ndarray of int64, shape (n,)
        Spikes by gid.
    """

    period: Period
    t_start: float
    duration: float
    seconds: float
    counts: np.ndarray


def describe(network: Network, settings: Settings) -> dict[str, list | dict]:
    """Return the description of the network with its current parameters, for the summary."""
    populations = {
        p.name: {"model": p.model.name, **{name: _plain(value) for name, value in values.items()}}
        for p, values in zip(network.populations, settings.parameters, strict=True)
    }
    projections = [_fields(p, "source", "target", "rule", "weight", "delay") for p in network.projections]
    return {
        "populations": populations,
        "projections": projections,
        "poisson_inputs": [_fields(stimulus) for stimulus in settings.latest],
        "step_currents": [_fields(current) for current in settings.step_currents],
        "currents": [{"kind": type(current).__name__, **_fields(current)} for current in settings.latest_waves],
    }


def _fields(device: Projection | PoissonInput | StepCurrent | CurrentDevice, *names: str) -> dict:
    """Return fields of an element, all of them unless `names` say which; a receptor as it was chosen, if it was."""
    names = names or tuple(field.name for field in dataclasses.fields(device))
    found = {name: _plain(getattr(device, name)) for name in names if name != "receptor"}
    receptor = getattr(device, "receptor", None)
    if receptor is not None:
        found["receptor"] = receptor + device.target.population.model.first_receptor
    return found


def _plain(value: object) -> Any:
    """Return a value for JSON: short arrays as lists, long ones and distributions in words."""
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size <= MOST_LISTED else f"{value.size} values, mean {value.mean():g}"
    if isinstance(value, (str, int, float)) and value not in (math.inf, -math.inf):
        return value
    return repr(value) if not isinstance(value, Explicit) else f"{value.sources.size} pairs"


def run_entries(engine: RankEngine, title: str, counted: Counted) -> dict:
    """Return network, seeds, ranks, times (ms), sizes and rates."""
    network = engine.network
    return {
        "network": title,
        "seed": engine.seed,
        "noise_seed": engine.noise_seed,
        "ranks": engine.comm.size,
        "dt_ms": network.grid.dt_ms,
        "t_presim_ms": counted.t_start,
        "t_sim_ms": counted.duration,
        "recorded_ms": [[network.grid.ms(step) for step in piece] for piece in counted.period.pieces],
        "n_neurons": network.n_neurons,
        "n_synapses": engine.n_synapses,
        "n_spikes": int(counted.counts.sum()),
        "populations": population_entries(network, counted.seconds, counted.counts),
    }


def population_entries(network: Network, seconds: float, counts: np.ndarray) -> dict[str, dict]:
    """Return by population n, n_spikes, rate_hz (None without neurons or time), the recorded neurons if not all, and
    positions, if it has some, in words."""
    spikes = spike_report(reports_of(network))
    populations: dict[str, dict] = {}
    for population in network.populations:
        n_spikes = int(counts[population.span].sum())
        rate = n_spikes / population.n / seconds if population.n and seconds else None
        populations[population.name] = {"n": population.n, "rate_hz": rate, "n_spikes": n_spikes}
        recorded = recorded_ranges(spikes, population)
        if recorded is not None:
            populations[population.name]["recorded"] = recorded
        if population.positions is not None:
            populations[population.name]["positions"] = repr(population.positions)
    return populations
