"""The natural-density microcircuit, timed; optionally in turn with another program, pair by pair.

    python tests/benchmarks/natural_density.py --pairs 5
    python tests/benchmarks/natural_density.py --pairs 5 --against "python OTHER.py 1.0 1000"

The other program is started under the same mpirun and must print `real_time_factor X` and `build_s X`. Nothing else
should be running. Prints each run, then medians and the median of the ratios within pairs, and the machine.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess

from common import launcher, median, ratio_text, ratios, run_distsim

from distsim.performance.bench.machine import machine
from distsim.performance.bench.peers import Figures, read_figures

COMPARED = ("real_time_factor", "build_s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3, help="runs of each program (%(default)s)")
    parser.add_argument("--ranks", type=int, default=2, help="MPI ranks (%(default)s)")
    parser.add_argument("--t-sim", type=float, default=1000.0, help="simulated time, ms (%(default)g)")
    parser.add_argument("--record", action="store_true", help="record all spikes")
    parser.add_argument("--against", help="command of the other program, without mpirun")
    args = parser.parse_args()
    print(machine(), flush=True)
    ours, others = [], []
    for _ in range(args.pairs):
        ours.append(run_natural_density(args))
        print("distsim", ours[-1], flush=True)
        if args.against:
            others.append(run_other(args))
            print("other  ", others[-1], flush=True)
    for name in ours[0]:
        line = f"{name:<20} distsim {median(ours, name):.3f}"
        if others and name in COMPARED:
            line += f"  other {median(others, name):.3f}  ratio {ratio_text(ratios(ours, others, name))}"
        print(line)


def run_natural_density(args: argparse.Namespace) -> Figures:
    recording = [] if args.record else ["--no-record"]
    summary = run_distsim(["microcircuit", "--t-sim", str(args.t_sim), *recording], args.ranks)
    return {
        "real_time_factor": round(summary["timing"]["real_time_factor"], 4),
        "build_s": round(summary["timing"]["build_s"], 2),
        "memory_GB": summary["memory"]["peak_rss_bytes_total"] / 1e9,
    }


def run_other(args: argparse.Namespace) -> Figures:
    command = [*launcher(args.ranks), *shlex.split(args.against)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    figures = read_figures(text, COMPARED)
    return {name: figures[name] for name in COMPARED}


if __name__ == "__main__":
    main()
