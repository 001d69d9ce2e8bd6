"""`bench`: probe the machine, time each network and its peer, print the tables, write bench.json and bench.png."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ...engine.memory import estimate
from ...parallel import Comm, InputError, on_root, on_root_alone
from ...results import summary
from ...results.folder import release
from ...runs import pictures
from ...runs.report import ranks_text
from ...simulation.simulation import Simulation
from ...simulation.warmup import small_network
from ..probes import Probes, probe
from .cases import CASES, QUICK, available_memory, largest_scale
from .machine import machine
from .measure import measure
from .peers import NotTimed, installed, run_peer
from .table import networks_text, phases_text, probes_text

GET_PEERS = "pip install .[peers], or --peer-python PATH of a Python that has them"


def bench(
    networks: Sequence[str], quick: bool, seed: int, python: str, peers: set[str], folder: Path, comm: Comm
) -> None:
    """Time `networks` (names of CASES), and on the same cores those of `peers` that the Python at `python` has
    (collective)."""
    say = print if comm.rank == 0 else (lambda *args, **kwargs: None)
    say(f"distsim bench: {ranks_text(comm.size)} on {machine()}", flush=True)
    Simulation(small_network(), comm=comm).run(1.0)  # loads the kernels
    probes, cores, results = probe(comm), cores_of_all(comm), {}
    shown = mean_of_ranks(probes, comm)
    say(probes_text(shown), flush=True)
    for name in networks:
        say(f"  {name} ...", flush=True)
        results[name] = time_network(name, quick, seed, comm, probes)
        if CASES[name].peer in peers and cores:
            factor = results[name]["real_time_factor"]
            how = (name, quick, seed, python, cores, comm.size)
            results[name]["peer"] = on_root_alone(comm, partial(time_peer, *how, factor))

    def finish() -> None:
        print(f"\n{networks_text(results)}\n\n{phases_text(results)}\n")
        print(missing_text(networks, peers, bool(cores)), end="")
        probed = {**shown._asdict(), "sizes": [int(size) for size in shown.sizes]}
        about = {"machine": machine(), "ranks": comm.size, "seed": seed, "quick": quick}
        result = {**about, "versions": summary.versions(), "probes": probed, "networks": results}
        summary.write(folder, result, "bench.json")
        release(folder)
        print(f"files in {folder}: {', '.join(['bench.json', *pictures.draw_all(folder)])}", flush=True)

    on_root(comm, finish)


def find_peers(networks: Sequence[str], python: str | None, comm: Comm) -> set[str]:
    """The peers of `networks` that the Python at `python`, or this one, has; InputError if it does not run
    (collective)."""

    def ask() -> set[str]:
        if python is not None and shutil.which(python) is None:
            raise InputError(f"--peer-python {python}: must be the path of a Python")
        try:
            return installed(python or sys.executable) & {CASES[name].peer for name in networks}
        except NotTimed as error:
            raise InputError(f"--peer-python: {error}") from None

    return on_root(comm, ask)


def time_network(name: str, quick: bool, seed: int, comm: Comm, probes: Probes) -> dict:
    """Measure a network and return the figures with its scale (collective)."""
    case = CASES[name]
    available = comm.bcast(available_memory())
    fitting = largest_scale(case, lambda network: comm.size * estimate(network, comm.size), available)
    scale = QUICK if quick and case.scaled else fitting
    return {"scale": scale, **measure(case.describe(scale), seed, comm, case.times(quick), probes), "peer": None}


def time_peer(
    name: str, quick: bool, seed: int, python: str, cores: Sequence[int], threads: int, factor: float
) -> dict:
    """Return the time of a network's peer, and how many times faster than it `factor` is; or why it was not timed."""
    case = CASES[name]
    print(f"  {name} in {case.peer} ...", flush=True)
    try:
        versions, figures = run_peer(python, case.script, case.arguments, case.times(quick), seed, threads, cores)
    except NotTimed as error:
        return {"name": case.peer, "problem": str(error)}
    return {"name": case.peer, "versions": versions, **figures, "times_faster": figures["real_time_factor"] / factor}


def cores_of_all(comm: Comm) -> list[int]:
    """The cores that the ranks may use together; none if they are on several nodes (collective)."""
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    hosts, cores = zip(*comm.allgather((socket.gethostname(), set(mine))), strict=True)
    return sorted(set().union(*cores)) if len(set(hosts)) == 1 else []


def mean_of_ranks(probes: Probes, comm: Comm) -> Probes:
    """Return the mean over the ranks (collective)."""
    return Probes(*(comm.allreduce(value) / comm.size for value in probes))


def missing_text(networks: Sequence[str], peers: set[str], one_node: bool) -> str:
    """A line that says which peers were not timed and how to get them; nothing if all were."""
    wanted = {CASES[name].peer for name in networks} - {""}
    if wanted and not one_node:
        return f"  {' and '.join(sorted(wanted))} are timed only where all ranks are on one node\n"
    missing = sorted(wanted - peers, reverse=True)
    return f"  not installed for comparison: {' and '.join(missing)} ({GET_PEERS})\n" if missing else ""
