"""The fly brain of examples/fly_brain.py, and the same in Brian2's C++ standalone mode, in turn.

    python tests/benchmarks/fly_brain.py --peer-python ~/brian2/bin/python

20 neurons are excited. Prints for each run the seconds that building took (reading the connections included), wall time
over model time, the memory of a rank or of the program, and the number of spikes. Nothing else should be running.
"""

from __future__ import annotations

import argparse
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import run_distsim
from pyarrow import parquet

from distsim.performance.bench.machine import machine

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parents[1] / "examples" / "fly_brain.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3, help="runs of each program (%(default)s)")
    parser.add_argument("--ranks", type=int, default=2, help="ranks of distsim, threads of Brian2 (%(default)s)")
    parser.add_argument("--t-sim", type=float, default=1000.0, help="model time, ms (%(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("results"), help="of the connections (%(default)s)")
    parser.add_argument("--peer-python", help="Python that has Brian2 (without: distsim alone)")
    args = parser.parse_args()
    print(machine(), flush=True)
    module = runpy.run_path(str(EXAMPLE))
    p = module["FlyBrain"].Parameters(synthetic=True, folder=str(args.folder))
    _, connections = module["synthetic_files"](p)
    with tempfile.TemporaryDirectory() as folder:
        if args.peer_python:
            table = parquet.read_table(connections)
            for name, column in zip(("source", "target", "count"), module["COLUMNS"], strict=True):
                np.save(Path(folder) / f"{name}.npy", table[column].to_numpy().astype(np.int32))
            del table
        for pair in range(1, args.pairs + 1):
            print(f"{pair} distsim ", ours(args), flush=True)
            if args.peer_python:
                print(f"{pair} Brian2  ", brian2(args, folder, p.N), flush=True)


def ours(args: argparse.Namespace) -> str:
    options = ["--synthetic", "--set", f"folder={args.folder}", "--t-sim", str(args.t_sim), "--no-record"]
    summary = run_distsim(["run", str(EXAMPLE), *options], args.ranks)
    build, factor = summary["timing"]["build_s"], summary["timing"]["real_time_factor"]
    memory = max(summary["memory"]["peak_rss_bytes_per_rank"]) / 1e9
    return f"build_s {build:.2f}  real_time_factor {factor:.3f}  memory_GB {memory:.3f}  spikes {summary['n_spikes']}"


def brian2(args: argparse.Namespace, folder: str, n: int) -> str:
    script = HERE / "fly_brain_brian2.py"
    command = [args.peer_python, str(script), folder, "--neurons", str(n), "--threads", str(args.ranks)]
    done = subprocess.run([*command, "--t-sim", str(args.t_sim)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    wanted = ("build_s", "compile_s", "real_time_factor", "memory_GB", "spikes")
    return "  ".join(line for line in done.stdout.splitlines() if line.split(" ")[0] in wanted)


if __name__ == "__main__":
    main()
