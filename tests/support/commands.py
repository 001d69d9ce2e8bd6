"""The command line on one rank, in this process and in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from distsim.cli.command import run_command
from distsim.parallel import SerialCommunicator

ROOT = Path(__file__).resolve().parents[2]
FILES = {"config.toml", "spikes.h5", "summary.json"}  # of a run without figures
PNG = b"\x89PNG\r\n\x1a\n"


def run(*argv) -> int:
    """Run a command in this process; return its exit code."""
    return run_command([str(word) for word in argv], SerialCommunicator())


def start(*argv, cwd: Path, timeout: float = 60.0) -> subprocess.CompletedProcess:
    """Run a command in a process of its own, which is ended after `timeout` s."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "distsim", *map(str, argv)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout)
