"""NEST's kernel for a timed run, and the run."""

from __future__ import annotations

import argparse
import time

import nest
import numpy as np
from harness import report


def start(args: argparse.Namespace, resolution: float) -> float:
    """An empty kernel at `resolution` (ms); the time at which building begins (s)."""
    nest.ResetKernel()
    nest.set(resolution=resolution, local_num_threads=args.threads, rng_seed=args.seed, print_time=False)
    return time.perf_counter()


def run(args: argparse.Namespace, begun: float, n_neurons: int, synapses: tuple[str, ...], recorders: dict) -> None:
    """Simulate what was built since `begun` and print the figures.

    Building includes nest.Prepare, which sorts the connections and tells each thread the targets on the others;
    otherwise the run would pay for that.

    Parameters
    ----------
    synapses : names of the synapse models whose connections count.
    recorders : population -> its spike_recorder and the number of neurons recorded from.
    """
    connected = time.perf_counter()
    nest.Prepare()
    built = time.perf_counter()
    if args.t_presim:
        nest.Run(args.t_presim)
    simulating = time.perf_counter()
    nest.Run(args.t_sim)
    seconds = time.perf_counter() - simulating
    n_spikes = nest.local_spike_counter  # of all neurons, in the last call of Run
    nest.Cleanup()
    figures = {"build_s": built - begun, "prepare_s": built - connected, "real_time_factor": 1e3 * seconds / args.t_sim}
    figures["rate_hz"] = 1e3 * n_spikes / n_neurons / args.t_sim
    for population, (recorder, n) in recorders.items():
        figures[f"rate_{population}_hz"] = 1e3 * recorder.n_events / n / args.t_sim
    figures["n_synapses"] = sum(nest.GetDefaults(name, "num_connections") for name in synapses)
    report({"NEST": nest.__version__, "numpy": np.__version__}, figures)
