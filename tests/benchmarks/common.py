"""Code that the benchmarks share: starting distsim, medians and ratios."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from distsim.performance.bench.peers import Figures


def launcher(ranks: int) -> list[str]:
    """The command that starts `ranks` MPI ranks, each bound to a core; nothing for one rank."""
    if os.getuid() == 0:  # what Open MPI wants of root
        os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return ["mpirun", "-n", str(ranks), "--bind-to", "core"] if ranks > 1 else []


def run_distsim(arguments: Sequence[str], ranks: int) -> dict:
    """Run `python -m distsim ARGUMENTS` without figures; the run's summary."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*launcher(ranks), sys.executable, "-m", "distsim", *arguments, "--no-plots", "--out", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads((Path(folder) / "summary.json").read_text())


def median(runs: Sequence[Figures], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def ratios(above: Sequence[Figures], below: Sequence[Figures], name: str) -> Figures:
    """Median, min and max of above / below within pairs of runs."""
    values = [a[name] / b[name] for a, b in zip(above, below, strict=True)]
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratio_text(ratio: Figures) -> str:
    return f"{ratio['median']:.3f} ({ratio['min']:.3f}-{ratio['max']:.3f})"
