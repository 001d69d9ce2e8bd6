"""What the benchmarks share: starting distsim, reading what programs print, medians and ratios, the machine."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

Figures = dict[str, float]


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


def read_figures(text: str, required: Sequence[str]) -> Figures:
    """All `name number` in what a program printed.

    Raises
    ------
    ValueError : if one of `required` is not among them.
    """
    found = re.findall(r"\b([A-Za-z]\w*)[ \t]+([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?=\s|$)", text)
    figures = {name: float(number) for name, number in found}
    missing = [name for name in required if name not in figures]
    if missing:
        raise ValueError(f"the other program did not print {', '.join(missing)}:\n{text}")
    return figures


def median(runs: Sequence[Figures], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def ratios(above: Sequence[Figures], below: Sequence[Figures], name: str) -> Figures:
    """Median, min and max of above / below within pairs of runs."""
    values = [a[name] / b[name] for a, b in zip(above, below, strict=True)]
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratio_text(ratio: Figures) -> str:
    return f"{ratio['median']:.3f} ({ratio['min']:.3f}-{ratio['max']:.3f})"


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"model name\s*:\s*(.*)", cpuinfo.read_text())):
        model = found.group(1)
    return f"{model}, {os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"
