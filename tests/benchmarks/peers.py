"""distsim beside NEST and Brian2: the same networks, in turn in the same minutes.

    pip install .[peers]
    python tests/benchmarks/peers.py
    python tests/benchmarks/peers.py --networks ei-clustered --quick --peer-python ~/nest/bin/python

NEST and Brian2 (C++ standalone with OpenMP) run with as many threads as distsim has ranks, bound to cores like these.
Both record what the peer's example records. Pair k has seed k. Nothing else should be running.

build_s           creating and connecting; NEST: with nest.Prepare (prepare_s of it); Brian2: in the compiled program
compile_s         Brian2 generating and compiling that program, apart as distsim keeps its compiled kernels
real_time_factor  wall time over model time, after the warm-up

Prints each run, then medians and the median of the ratios within pairs (least-largest), the machine and all versions.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common import Figures, machine, median, ratio_text, ratios, read_figures, run_distsim

COMPARED = ("build_s", "real_time_factor")
REQUIRED = (*COMPARED, "rate_hz", "n_synapses")
SHOWN = (*COMPARED, "rate_hz", "rate_E_hz", "rate_I_hz", "n_synapses", "prepare_s", "compile_s")


@dataclass(frozen=True)
class Case:
    """A network in both programs: distsim's arguments, the peer's name, script and its arguments; times in ms."""

    network: tuple[str, ...]
    peer: str
    script: tuple[str, ...]
    t_presim: float
    t_sim: float


def panel(name: str, t_sim: float) -> Case:
    network = ("brunel-delta", "--panel", name, "--record-spikes", "E[:50]")
    return Case(network, "Brian2", ("brian2_brunel_delta.py", "--panel", name), 0.0, t_sim)


CASES = {
    "brunel-alpha": Case(("brunel-alpha",), "NEST", ("nest_brunel_alpha.py",), 0.0, 1000.0),
    "ei-clustered": Case(("ei-clustered",), "NEST", ("nest_ei_clustered.py",), 1000.0, 10000.0),
    "brunel-delta-A": panel("A", 600.0),
    "brunel-delta-C": panel("C", 1200.0),
}


class NotTimed(Exception):
    """The peer is not installed or does not run; the message says why."""


def main() -> None:
    args = parse()
    print(machine(), flush=True)
    results = {name: time_network(name, args) for name in args.networks}
    print()
    for name, versions in {key: value for r in results.values() for key, value in r["versions"].items()}.items():
        print(f"{name}: {versions}")
    if args.json:
        document = {"machine": machine(), "ranks": args.ranks, "quick": args.quick, "networks": results}
        args.json.write_text(json.dumps(document, indent=1) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = f"of {', '.join(CASES)} (default: all)"
    parser.add_argument("--networks", nargs="+", choices=tuple(CASES), default=list(CASES), metavar="NAME", help=known)
    parser.add_argument("--pairs", type=int, default=3, help="runs of each program (%(default)s)")
    parser.add_argument("--ranks", type=int, default=2, help="ranks of distsim, threads of the peer (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the model time, to see that all runs")
    parser.add_argument("--peer-python", default=sys.executable, help="Python that has the peers (this one)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run and the medians to FILE")
    args = parser.parse_args()
    for name in ("pairs", "ranks"):
        if getattr(args, name) < 1:
            parser.error(f"--{name} {getattr(args, name)}: must be at least 1")
    if shutil.which(args.peer_python) is None:
        parser.error(f"--peer-python {args.peer_python}: must be the path of a Python")
    return args


def time_network(name: str, args: argparse.Namespace) -> dict:
    """Run both programs in turn, print runs and medians, and return all of it as plain data."""
    case, part = CASES[name], 0.1 if args.quick else 1.0
    times = ("--t-presim", str(part * case.t_presim), "--t-sim", str(part * case.t_sim))
    print(f"\n{name}: {part * case.t_sim:g} ms after {part * case.t_presim:g} ms of warm-up", flush=True)
    runs, versions, problem = {"distsim": [], case.peer: []}, {}, None
    for pair in range(1, args.pairs + 1):
        options = (*times, "--seed", str(pair))
        versions["distsim"], figures = run_ours(case, options, args.ranks)
        runs["distsim"].append(shown("distsim", figures))
        if problem:
            continue
        try:
            versions[case.peer], figures = run_peer(case, options, args)
            runs[case.peer].append(shown(case.peer, figures))
        except NotTimed as error:
            problem = f"{case.peer} is not timed: {error}"
            runs[case.peer].clear()
            print(f"  {problem}", flush=True)
    return {"peer": case.peer, "problem": problem, "versions": versions, "runs": runs, **summarize(case.peer, runs)}


def run_ours(case: Case, options: Sequence[str], ranks: int) -> tuple[str, Figures]:
    summary = run_distsim([*case.network, *options], ranks)
    seconds = summary["t_sim_ms"] / 1e3
    figures = {name: summary["timing"][name] for name in COMPARED}
    figures["rate_hz"] = summary["n_spikes"] / summary["n_neurons"] / seconds
    figures |= {f"rate_{name}_hz": p["rate_hz"] for name, p in summary["populations"].items()}
    figures["n_synapses"] = summary["n_synapses"]
    return ", ".join(f"{name} {version}" for name, version in summary["versions"].items()), figures


def run_peer(case: Case, options: Sequence[str], args: argparse.Namespace) -> tuple[str, Figures]:
    script = Path(__file__).with_name("peers") / case.script[0]
    command = [args.peer_python, str(script), *case.script[1:], *options, "--threads", str(args.ranks)]
    threads = {"OMP_NUM_THREADS": str(args.ranks), "OMP_PROC_BIND": "true"}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **threads})
    if done.returncode:
        raise NotTimed((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    figures = read_figures(done.stdout, REQUIRED)
    versions = next(line for line in done.stdout.splitlines() if line.startswith("versions "))
    return versions.removeprefix("versions "), {name: figures[name] for name in SHOWN if name in figures}


def shown(program: str, figures: Figures) -> Figures:
    print(f"  {program:<8}", *(f"{name} {plain(name, number)}" for name, number in figures.items()), flush=True)
    return figures


def plain(name: str, number: float) -> str:
    return f"{number:,.0f}" if name.startswith("n_") else f"{number:.3f}"


def summarize(peer: str, runs: dict[str, list[Figures]]) -> dict:
    """Print and return the medians and the ratios peer / distsim."""
    runs = {program: done for program, done in runs.items() if done}
    quotients = {name: ratios(runs[peer], runs["distsim"], name) for name in COMPARED if peer in runs}
    print(f"  {'median':<18}" + "".join(f"{p:>12}" for p in runs) + (f"   {peer} / distsim" if peer in runs else ""))
    medians = {}
    for name in SHOWN:
        medians[name] = {program: median(done, name) for program, done in runs.items() if name in done[0]}
        cells = [plain(name, medians[name][program]) if program in medians[name] else "" for program in runs]
        ratio = ratio_text(quotients[name]) if name in quotients else ""
        if any(cells):
            print(f"  {name:<18}{''.join(f'{cell:>12}' for cell in cells)}   {ratio}".rstrip())
    return {"medians": {name: m for name, m in medians.items() if m}, "ratios": quotients}


if __name__ == "__main__":
    main()
