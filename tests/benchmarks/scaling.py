"""Strong scaling of the microcircuit: measured on 1 and 2 ranks, modelled beyond, and what each rank holds.

    python tests/benchmarks/scaling.py
    python tests/benchmarks/scaling.py --scale 0.1 --pairs 1 --out results/scaling.png

Writes a figure (measured: filled markers; modelled: dashed lines) and prints Markdown tables of measured and modelled
times and of the memory of each rank. `distsim.scaling` says what the model is. Its costs are those of two ranks, that
of an entry of the index is found at scale 0.1; latency and bandwidth are of the network that is to connect the ranks,
and come from the options. Nothing else should be running.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import run_distsim

from distsim import scaling
from distsim.analysis.scaling_figure import scaling_figure
from distsim.bench.machine import machine

MEASURED, SHOWN = (1, 2), (1, 2, 4, 16, 64, 256, 1024)
SMALL = 0.1  # scale
Times = dict[str, float]


def main() -> None:
    args = parse()
    print(machine(), flush=True)
    small_load, small = measure(SMALL, args)
    load, measured = (small_load, small) if args.scale == SMALL else measure(args.scale, args)
    segment = scaling.segment_cost(small_load, small[1]["deliver"], small[2]["deliver"])
    costs = scaling.fit_costs(load, measured[2], segment, 1e-6 * args.alpha, 1e9 * args.beta)
    dominates = scaling.exchange_dominates(load, costs)
    print(f"\n{costs}\nthe exchange dominates from {dominates} ranks on\n")
    if costs.event == 0.0:
        print("two ranks deliver no faster than one: something else is running, the model is not to be trusted\n")
    print(times_table(measured, scaling.step_times(load, costs, SHOWN), SHOWN, load.network.grid.dt_ms / 1e3), "\n")
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
    parser.add_argument("--pairs", type=int, default=3, help="runs on 1 and on 2 ranks; the least counts")
    parser.add_argument("--alpha", type=float, default=1.5, help="latency of a message, us (%(default)g)")
    parser.add_argument("--beta", type=float, default=10.0, help="bandwidth, GB/s (%(default)g)")
    parser.add_argument("--out", type=Path, default=Path("results/scaling.png"), help="the figure (%(default)s)")
    args = parser.parse_args()
    if args.pairs < 1:
        parser.error(f"--pairs {args.pairs}: must be at least 1")
    return args


def measure(scale: float, args: argparse.Namespace) -> tuple[scaling.Load, dict[int, Times]]:
    """The load of the microcircuit at the rates that it has, and what a step takes on 1 and 2 ranks."""
    measured = {}
    for ranks in MEASURED:
        runs = [run_microcircuit(scale, args.t_sim, ranks) for _ in range(args.pairs)]
        measured[ranks] = least_times([step_times(summary) for summary in runs])
        shown = ", ".join(f"{phase} {1e6 * t:.2f} us" for phase, t in measured[ranks].items())
        print(f"scale {scale:g}, ranks {ranks}: {shown}", flush=True)
    rates = {name: p["rate_hz"] for name, p in runs[0]["populations"].items()}
    return scaling.microcircuit_load(scale, rates), measured


def run_microcircuit(scale: float, t_sim: float, ranks: int) -> dict:
    options = ("--scale", str(scale), "--t-sim", str(t_sim), "--no-record", "--profile")
    return run_distsim(["microcircuit", *options], ranks)


def step_times(summary: Mapping) -> Times:
    """Seconds of a step by phase, means over ranks, of the exchange what it takes without waiting; step: the rest."""
    profile, size = summary["profile"], summary["ranks"]
    seconds = {phase: sum(profile["seconds"][phase]) / size for phase in ("deliver", "update", "stimulate")}
    seconds["exchange"] = min(profile["seconds"]["exchange"]) if size > 1 else 0.0
    passed = sum(sum(values) for values in profile["seconds"].values()) / size
    seconds["step"] = max(0.0, summary["timing"]["sim_s"] - passed)
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
