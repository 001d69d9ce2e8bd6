"""NEST and Brian2 on the same networks: scripts of `peer_scripts`, each run by a Python that has the peer."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

SCRIPTS = Path(__file__).with_name("peer_scripts")
MODULES = {"NEST": "nest", "Brian2": "brian2"}
COMPARED = ("build_s", "real_time_factor")
REQUIRED = (*COMPARED, "rate_hz", "n_synapses")
COUNTS = ("n_synapses",)
OF_MPI = ("OMPI_", "PMIX_", "PMI_", "PRTE_", "HYDRA_", "MPI_", "SLURM_")  # variables that tell a process its rank
LIMIT = 900.0  # s that a peer may take

Figures = dict[str, float | int]


class NotTimed(Exception):
    """The peer is not installed or does not run; the message says why."""


def installed(python: str) -> set[str]:
    """The peers that the Python at `python` has; NotTimed if it does not run."""
    code = f"from importlib.util import find_spec; print(*[p for p, m in {MODULES!r}.items() if find_spec(m)])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60, env=environment(1))
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotTimed(f"{python} does not run ({error})") from None
    if done.returncode:
        raise NotTimed(f"{python} does not run ({last_line(done)})")
    return set(done.stdout.split())


def run_peer(
    python: str,
    script: str,
    arguments: Sequence[str],
    times: tuple[float, float],
    seed: int,
    threads: int,
    cores: Iterable[int] = (),
    limit: float = LIMIT,
) -> tuple[str, Figures]:
    """Run a script of `peer_scripts`; the versions in words, and every figure that it printed.

    Parameters
    ----------
    times : warm-up and timed part, ms. threads : of the peer, bound to `cores`, or else where the caller is.

    Raises
    ------
    NotTimed : it failed, took more than `limit` seconds, or printed not all of REQUIRED.
    """
    options = ("--t-presim", str(times[0]), "--t-sim", str(times[1]), "--seed", str(seed), "--threads", str(threads))
    command = [python, str(SCRIPTS / script), *arguments, *options]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=limit,
            env=environment(threads),
            preexec_fn=bind_to(cores),
        )
    except subprocess.TimeoutExpired:
        raise NotTimed(f"it took more than {limit:g} s") from None
    if done.returncode:
        raise NotTimed(last_line(done))
    try:
        figures = read_figures(done.stdout, REQUIRED)
    except ValueError as error:
        raise NotTimed(str(error)) from None
    versions = next(line for line in done.stdout.splitlines() if line.startswith("versions "))
    return versions.removeprefix("versions "), figures


def environment(threads: int) -> dict[str, str]:
    """The environment of a peer: not that of an MPI rank, whose launcher it would look for."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OF_MPI)}
    return {**kept, "OMP_NUM_THREADS": str(threads), "OMP_PROC_BIND": "true"}


def bind_to(cores: Iterable[int]) -> Callable[[], None] | None:
    """Return a function that binds a new process to `cores`: it would inherit the one core of its rank."""
    wanted = set(cores)
    if not wanted or not hasattr(os, "sched_setaffinity"):
        return None
    return lambda: os.sched_setaffinity(0, wanted)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def read_figures(text: str, required: Sequence[str]) -> Figures:
    """All `name number` in what a program printed.

    Raises
    ------
    ValueError : if one of `required` is not among them.
    """
    found = re.findall(r"\b([A-Za-z]\w*)[ \t]+([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?=\s|$)", text)
    figures = {name: (int if name in COUNTS else float)(float(number)) for name, number in found}
    missing = [name for name in required if name not in figures]
    if missing:
        raise ValueError(f"the other program did not print {', '.join(missing)}:\n{text}")
    return figures
