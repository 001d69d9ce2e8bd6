"""Stands for distsim in a long run: python -m distsim NETWORK --out DIR --resume auto --checkpoint-wall TIME STEPS.

It makes STEPS steps of 50 ms and writes their numbers down. On SIGTERM or SIGUSR1 all ranks leave after the step they
are in, with status 75 and a checkpoint.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from mpi4py import MPI


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("network", "--out", "--resume", "--checkpoint-wall"):
        parser.add_argument(name)
    parser.add_argument("steps", type=int)
    args = parser.parse_args()
    assert (args.network, args.resume, args.checkpoint_wall) == ("microcircuit", "auto", "10min")
    comm, signals = MPI.COMM_WORLD, []
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda number, _: signals.append(number))
    out = Path(args.out)
    checkpoint = out / "checkpoint"
    start = comm.bcast(int(checkpoint.read_text()) if checkpoint.exists() else 0)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "steps", "a") as steps:
        for step in range(start, args.steps):
            time.sleep(0.05)
            if comm.rank == 0:
                print(f"{comm.size} {step}", file=steps, flush=True)
            # Every rank must have its signal.
            if comm.allreduce(len(signals), MPI.MIN):
                if comm.rank == 0:
                    checkpoint.write_text(str(step + 1))
                sys.exit(75)


if __name__ == "__main__":
    main()
