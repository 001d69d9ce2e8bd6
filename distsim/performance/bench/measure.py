"""One network, run by the engine alone and timed: nothing is recorded."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from ...description.network import Network
from ...engine.rank_engine import RankEngine
from ...parallel import Comm
from ...results import summary
from ...simulation.simulation import Simulation
from ..limits import PHASES, Period, limits
from ..probes import Probes


def measure(network: Network, seed: int, comm: Comm, times: tuple[float, float], probes: Probes) -> dict:
    """Build `network`, run it for `times` (warm-up and timed part, ms); what was measured, as plain data (collective).

    Returns
    -------
    dict : n_neurons, n_synapses; build_s; real_time_factor; event_ns, the time that all ranks together deliver, by
        synaptic event, and update_ns, that they update, by neuron and step; bytes_per_synapse, of table, matrices and
        index; peak_rss_bytes, of all ranks; rate_hz, mean over neurons; phases, each with its part of the real-time
        factor (mean over ranks), its limit (likewise), and the bytes and operations a step of all ranks behind that.
    """
    forget_peak()
    simulation = Simulation(network, seed, comm)
    build = comm.bcast(simulation.build_time)
    advance(simulation, times[0])
    before, timer = simulation.spike_counts(), simulation.timer.copy()
    events, start = simulation.engine.n_events, simulation.step
    seconds, active = advance(simulation, times[1])
    counts, steps = simulation.spike_counts() - before, simulation.step - start
    period = Period(steps, -(-steps // simulation.engine.interval), counts, active)
    found = limits(simulation.engine, period, probes)
    spent = (simulation.timer - timer)[: len(PHASES)]
    mine = [spent, *(np.array([getattr(found[phase], name) for phase in PHASES]) for name in found["deliver"]._fields)]
    spent, n_bytes, operations, at_best = comm.allreduce(np.array(mine))
    events = comm.allreduce(simulation.engine.n_events - events)
    model_s, n = times[1] / 1e3, network.n_neurons
    rank_s = comm.size * model_s  # a mean over ranks, by model time
    phases = {}
    for k, phase in enumerate(PHASES):
        phases[phase] = {"real_time_factor": spent[k] / rank_s, "limit": at_best[k] / rank_s}
        phases[phase] |= {"bytes_per_step": n_bytes[k] / steps, "operations_per_step": operations[k] / steps}
    return {
        "n_neurons": n,
        "n_synapses": simulation.n_synapses,
        "t_presim_ms": times[0],
        "t_sim_ms": times[1],
        "build_s": build,
        "real_time_factor": seconds / model_s,
        "event_ns": 1e9 * spent[0] / events if events else None,
        "update_ns": 1e9 * spent[1] / (n * steps),
        "bytes_per_synapse": comm.allreduce(synapse_bytes(simulation.engine)) / max(1, simulation.n_synapses),
        "peak_rss_bytes": comm.allreduce(peak()),
        "rate_hz": int(counts.sum()) / n / model_s,
        "phases": phases,
    }


def advance(simulation: Simulation, duration: float) -> tuple[float, float]:
    """Run `duration` ms: wall time (s) on rank 0, without the check of the ledger behind the last step; and the share
    of the steps with spikes, as far as the simulation remembers at each look (collective)."""
    ends, active = [time.perf_counter()], [0.0]

    def look(simulation: Simulation) -> None:
        active.append(float(np.mean(simulation.engine.history.count > 0)))
        ends.append(time.perf_counter())

    simulation.comm.Barrier()
    begun = time.perf_counter()
    simulation.run(duration, False, look)
    seconds = max(0.0, ends[-1] - begun)
    measured: tuple[float, float] = simulation.comm.bcast((seconds, float(np.mean(active[1:] or [0.0]))))
    return measured


def synapse_bytes(engine: RankEngine) -> int:
    """Bytes of this rank's synapses and what finds them."""
    synapses = engine.synapses
    table = (synapses.words, synapses.weights, synapses.delay_codes, synapses.index)
    return sum(part.nbytes for part in table) + engine.dense.bits.nbytes


def forget_peak() -> None:
    """Let the peak of memory begin anew, so that networks after the first have their own; where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak() -> int:
    """Largest resident memory since `forget_peak`, bytes; since the process was started where that cannot be told."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return summary.peak_rss()
