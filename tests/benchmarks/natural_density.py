"""The natural-density microcircuit, timed; optionally in turn with another program, pair by pair.

    python tests/benchmarks/natural_density.py --pairs 5
    python tests/benchmarks/natural_density.py --pairs 5 --against "python OTHER.py 1.0 1000"

The other program is started under the same mpirun and must print `real_time_factor X` and `build_s X`. Nothing else
should be running. Prints each run, then medians and the median of the ratios within pairs, and the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


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
        ours.append(run_distsim(args))
        print("distsim", ours[-1], flush=True)
        if args.against:
            others.append(run_other(args))
            print("other  ", others[-1], flush=True)
    for key in ours[0]:
        line = f"{key:<20} distsim {statistics.median(r[key] for r in ours):.3f}"
        if others and key in others[0]:
            ratios = [a[key] / b[key] for a, b in zip(ours, others, strict=True)]
            other = statistics.median(r[key] for r in others)
            line += f"  other {other:.3f}  ratio {statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})"
        print(line)


def launcher(ranks: int) -> list[str]:
    if os.getuid() == 0:  # what Open MPI wants of root
        os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return ["mpirun", "-n", str(ranks), "--bind-to", "core"] if ranks > 1 else []


def run_distsim(args: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [*launcher(args.ranks), sys.executable, "-m", "distsim", "microcircuit", "--t-sim", str(args.t_sim)]
        command += ["--no-plots", "--out", folder, *([] if args.record else ["--no-record"])]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        summary = json.loads((Path(folder) / "summary.json").read_text())
    timing = summary["timing"]
    return {
        "real_time_factor": round(timing["real_time_factor"], 4),
        "build_s": round(timing["build_s"], 2),
        "memory_GB": summary["memory"]["peak_rss_bytes_total"] / 1e9,
    }


def run_other(args: argparse.Namespace) -> dict[str, float]:
    command = [*launcher(args.ranks), *shlex.split(args.against)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {key: float(re.search(rf"{key}\s+([\d.]+)", text).group(1)) for key in ("real_time_factor", "build_s")}


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"model name\s*:\s*(.*)", cpuinfo.read_text())):
        model = found.group(1)
    return f"{model}, {os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
