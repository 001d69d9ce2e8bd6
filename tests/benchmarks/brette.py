"""4000 neurons, 2 % connectivity: CUBA and COBA of Brette et al. (2007) and adaptive neurons, beside NEST, in turn.

    python tests/benchmarks/brette.py --peer-python ~/nest/bin/python

Prints for each run the seconds that building took, wall time over model time, and the rate of all neurons. Pair k has
seed k. Nothing else should be running.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path

import brette_networks as shared
from common import launcher, median, ratio_text, ratios

from distsim import Network, Simulation, Uniform, pairwise_bernoulli
from distsim.performance.bench.machine import machine
from distsim.performance.bench.peers import Figures

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=tuple(shared.NETWORKS), default=list(shared.NETWORKS))
    parser.add_argument("--pairs", type=int, default=3, help="runs of each program (%(default)s)")
    parser.add_argument("--ranks", type=int, default=2, help="ranks of distsim, threads of NEST (%(default)s)")
    parser.add_argument("--t-presim", type=float, default=100.0, help="warm-up, not timed, ms (%(default)s)")
    parser.add_argument("--t-sim", type=float, default=1000.0, help="timed part, ms (%(default)s)")
    parser.add_argument("--peer-python", help="Python that has NEST (without: distsim alone)")
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)  # of one run, which prints its figures
    args = parser.parse_args()
    if args.seed is not None:
        simulate(args.networks[0], args)
        return
    print(machine(), flush=True)
    for name in args.networks:
        compare(name, args)


def compare(name: str, args: argparse.Namespace) -> None:
    ours, theirs = [], []
    for seed in range(1, args.pairs + 1):
        times = ["--t-presim", str(args.t_presim), "--t-sim", str(args.t_sim), "--seed", str(seed)]
        command = [*launcher(args.ranks), sys.executable, __file__, "--networks", name, *times]
        ours.append(json.loads(output(command).splitlines()[-1]))  # after what compiling says
        print(f"{name} {seed} distsim {shown(ours[-1])}", flush=True)
        if args.peer_python:
            command = [args.peer_python, str(HERE / "brette_nest.py"), name, *times, "--threads", str(args.ranks)]
            lines = [
                line.split() for line in output(command).splitlines() if line.startswith(("build_s", "real", "rate"))
            ]
            theirs.append({key: float(value) for key, value in lines})
            print(f"{name} {seed} NEST    {shown(theirs[-1])}", flush=True)
    text = f"{name}: real_time_factor {median(ours, 'real_time_factor'):.4f}"
    if theirs:
        ratio = ratio_text(ratios(theirs, ours, "real_time_factor"))
        text += f", NEST {median(theirs, 'real_time_factor'):.3f}: times faster {ratio}"
    print(text, flush=True)


def shown(figures: Figures) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in figures.items())


def output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def describe(name: str) -> Network:
    network, net = shared.NETWORKS[name], Network(0.1)
    rate, weight, end = network["input"]
    V_m = Uniform(-60.0, -50.0)
    parts = [
        net.create(p, n, network["model"], V_m=V_m, **network["neuron"])
        for p, n in (("E", shared.N_E), ("I", shared.N_I))
    ]
    for target in parts:
        for source, J in zip(parts, network["weights"], strict=True):
            net.connect(source, target, pairwise_bernoulli(shared.P), J, shared.DELAY)
        net.poisson_input(target, rate, weight, shared.DELAY, stop=math.inf if end is None else end)
    return net


def simulate(name: str, args: argparse.Namespace) -> None:
    net = describe(name)
    Simulation(net, args.seed)  # compiles what is not compiled yet
    begun = time.perf_counter()
    sim = Simulation(net, args.seed)
    built = time.perf_counter()
    sim.run(args.t_presim, record=False)
    before = sim.n_spikes
    sim.comm.Barrier()
    simulating = time.perf_counter()
    sim.run(args.t_sim, record=False)
    sim.comm.Barrier()
    seconds = time.perf_counter() - simulating
    rate = 1e3 * (sim.n_spikes - before) / net.n / args.t_sim
    if sim.comm.rank == 0:
        figures = {"build_s": built - begun, "real_time_factor": 1e3 * seconds / args.t_sim, "rate_hz": rate}
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
