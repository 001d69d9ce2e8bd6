"""Strong scaling of the microcircuit: measured on some numbers of ranks, modelled beyond, and what each rank holds.

    python tests/benchmarks/scaling.py
    python tests/benchmarks/scaling.py --ranks 1 2 4 8 16 --out results/scaling.png

Writes a figure (measured: filled markers; modelled: dashed lines) and prints Markdown tables of measured and modelled
times and of the memory of each rank. `distsim.performance.scaling` says what the model is. Its costs are those of two
ranks; those of delivery are measured on one core, which does the part of one rank of many. Latency and bandwidth are of
the network that is to connect the ranks, and come from the options. Nothing else should be running.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import run_distsim

from distsim.analysis.scaling_figure import scaling_figure
from distsim.performance import scaling
from distsim.performance.bench.alone import deliver_alone
from distsim.performance.bench.machine import machine

SHOWN = (1, 2, 4, 16, 64, 256, 1024)
ALONE = ((2, False), (8, False), (32, True), (128, True))  # ranks, of which one is measured, and layout of the table
Times = dict[str, float]


def main() -> None:
    args = parse()
    print(machine(), flush=True)
    rates, measured = measure(args)
    load = scaling.microcircuit_load(args.scale, rates)
    alone = {what: deliver_alone(load.network, rates, *what) for what in ALONE}
    for (size, by_source), seconds in alone.items():
        layout = "source" if by_source else "delay"
        print(f"one of {size} ranks, table by {layout}: deliver {1e6 * seconds:.2f} us", flush=True)
    costs = scaling.fit_costs(load, measured[2], alone, 1e-6 * args.alpha, 1e9 * args.beta)
    dominates = scaling.exchange_dominates(load, costs)
    nanoseconds = {name: 1e9 * value for name, value in vars(costs).items() if name != "beta"}
    print(f"\ncosts: {', '.join(f'{name} {value:.3g} ns' for name, value in nanoseconds.items())}")
    print(f"the exchange dominates from {dominates} ranks on\n")
    shown = sorted({*SHOWN, *measured})
    print(times_table(measured, scaling.step_times(load, costs, shown), shown, load.network.grid.dt_ms / 1e3), "\n")
    print(memory_table(scaling.memory_by_ranks(load.network)))
    title = f"microcircuit, scale {args.scale:g}; modelled with {args.alpha:g} µs and {args.beta:g} GB/s a message"
    modelled = scaling.step_times(load, costs)
    step = load.network.grid.dt_ms / 1e3
    scaling_figure(measured, scaling.SIZES, modelled, args.out, step, dominates, title)
    print(f"\nfigure in {args.out}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="of the microcircuit (%(default)g)")
    parser.add_argument("--t-sim", type=float, default=1000.0, help="simulated time, ms (%(default)g)")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2], help="to measure on, 2 among them (1 2)")
    parser.add_argument("--runs", type=int, default=3, help="on each number of ranks; the least counts (%(default)d)")
    parser.add_argument("--alpha", type=float, default=1.5, help="latency of a message, us (%(default)g)")
    parser.add_argument("--beta", type=float, default=10.0, help="bandwidth, GB/s (%(default)g)")
    parser.add_argument("--out", type=Path, default=Path("results/scaling.png"), help="the figure (%(default)s)")
    args = parser.parse_args()
    if args.runs < 1:
        parser.error(f"--runs {args.runs}: must be at least 1")
    if 2 not in args.ranks or min(args.ranks) < 1:
        parser.error("--ranks: numbers from 1 on, with 2 among them, from which the model takes its costs")
    if max(args.ranks) > (os.cpu_count() or 1):
        parser.error(f"--ranks {max(args.ranks)}: this machine has {os.cpu_count()} cores")
    return args


def measure(args: argparse.Namespace) -> tuple[dict[str, float], dict[int, Times]]:
    """The rates of the microcircuit (spikes/s), and what a step takes by the number of ranks."""
    measured = {}
    for ranks in dict.fromkeys(args.ranks):
        runs = [run_microcircuit(args.scale, args.t_sim, ranks) for _ in range(args.runs)]
        measured[ranks] = least_times([step_times(summary) for summary in runs])
        shown = ", ".join(f"{phase} {1e6 * t:.2f} us" for phase, t in measured[ranks].items())
        print(f"scale {args.scale:g}, ranks {ranks}: {shown}", flush=True)
    return {name: p["rate_hz"] for name, p in runs[0]["populations"].items()}, measured


def run_microcircuit(scale: float, t_sim: float, ranks: int) -> dict:
    options = ("--scale", str(scale), "--t-sim", str(t_sim), "--no-record", "--profile")
    return run_distsim(["microcircuit", *options], ranks)


def step_times(summary: Mapping) -> Times:
    """Seconds of a step by phase, means over ranks, of the exchange what it takes without waiting."""
    profile, size = summary["profile"], summary["ranks"]
    seconds = {phase: sum(profile["seconds"][phase]) / size for phase in ("deliver", "update", "stimulate")}
    seconds["exchange"] = min(profile["seconds"]["exchange"]) if size > 1 else 0.0
    passed = sum(sum(values) for values in profile["seconds"].values()) / size
    seconds["rest"] = max(0.0, summary["timing"]["sim_s"] - passed)
    return {phase: t / profile["steps"] for phase, t in seconds.items()}


def least_times(runs: Sequence[Times]) -> Times:
    """The least of each phase: what disturbs a run makes it longer."""
    return {phase: min(run[phase] for run in runs) for phase in runs[0]}


def times_table(measured: Mapping[int, Times], modelled: Mapping, sizes: Sequence[int], step: float) -> str:
    """Times of a step (us) and real-time factors (`step` : model time, s) as Markdown."""
    lines = [f"| ranks | | {' | '.join(f'{p}, us' for p in modelled)} | real-time factor |"]
    lines.append("|---" * (len(modelled) + 3) + "|")
    rows = [(size, "measured", measured[size]) for size in measured]
    rows += [(n, "modelled", {p: t[k] for p, t in modelled.items()}) for k, n in enumerate(sizes)]
    for size, how, times in rows:
        cells = " | ".join(f"{1e6 * times[phase]:.2f}" for phase in modelled)
        lines.append(f"| {size} | {how} | {cells} | {sum(times.values()) / step:.3f} |")
    return "\n".join(lines)


def memory_table(memory: Mapping[int, Mapping[str, int]]) -> str:
    """Megabytes of the arrays on each rank as Markdown."""
    names = list(next(iter(memory.values())))
    lines = [f"| ranks | {' | '.join(f'{name}, MB' for name in names)} | all, MB |", "|---" * (len(names) + 2) + "|"]
    for size, found in memory.items():
        cells = " | ".join(f"{found[name] / 1e6:.1f}" for name in names)
        lines.append(f"| {size} | {cells} | {sum(found.values()) / 1e6:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
