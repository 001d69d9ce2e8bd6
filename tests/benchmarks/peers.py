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
import shutil
import sys
from pathlib import Path

from common import median, ratio_text, ratios, run_distsim

from distsim.performance.bench.cases import CASES
from distsim.performance.bench.machine import machine
from distsim.performance.bench.peers import COMPARED, Figures, NotTimed, run_peer

SHOWN = (*COMPARED, "rate_hz", "rate_E_hz", "rate_I_hz", "n_synapses", "prepare_s", "compile_s")


# Arguments of distsim; times, peers and their scripts are those of `python -m distsim bench`.
NETWORKS = {
    "brunel-alpha": ("brunel-alpha",),
    "ei-clustered": ("ei-clustered",),
    "brunel-delta-A": ("brunel-delta", "--panel", "A", "--record-spikes", "E[:50]"),
    "brunel-delta-C": ("brunel-delta", "--panel", "C", "--record-spikes", "E[:50]"),
}


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
    known = f"of {', '.join(NETWORKS)} (default: all)"
    parser.add_argument(
        "--networks", nargs="+", choices=tuple(NETWORKS), default=list(NETWORKS), metavar="NAME", help=known
    )
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
    case, times = CASES[name], CASES[name].times(args.quick)
    print(f"\n{name}: {times[1]:g} ms after {times[0]:g} ms of warm-up", flush=True)
    runs, versions, problem = {"distsim": [], case.peer: []}, {}, None
    for pair in range(1, args.pairs + 1):
        versions["distsim"], figures = run_ours(name, times, pair, args.ranks)
        runs["distsim"].append(shown("distsim", figures))
        if problem:
            continue
        try:
            how = (case.script, case.arguments, times, pair, args.ranks)
            versions[case.peer], figures = run_peer(args.peer_python, *how)
            figures = {name: figures[name] for name in SHOWN if name in figures}
            runs[case.peer].append(shown(case.peer, figures))
        except NotTimed as error:
            problem = f"{case.peer} is not timed: {error}"
            runs[case.peer].clear()
            print(f"  {problem}", flush=True)
    return {"peer": case.peer, "problem": problem, "versions": versions, "runs": runs, **summarize(case.peer, runs)}


def run_ours(name: str, times: tuple[float, float], seed: int, ranks: int) -> tuple[str, Figures]:
    options = ("--t-presim", str(times[0]), "--t-sim", str(times[1]), "--seed", str(seed))
    summary = run_distsim([*NETWORKS[name], *options], ranks)
    seconds = summary["t_sim_ms"] / 1e3
    figures = {name: summary["timing"][name] for name in COMPARED}
    figures["rate_hz"] = summary["n_spikes"] / summary["n_neurons"] / seconds
    figures |= {f"rate_{name}_hz": p["rate_hz"] for name, p in summary["populations"].items()}
    figures["n_synapses"] = summary["n_synapses"]
    return ", ".join(f"{name} {version}" for name, version in summary["versions"].items()), figures


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
