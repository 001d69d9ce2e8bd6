"""Code that the peers' scripts share: their options and the output for `bench.peers` to read."""

from __future__ import annotations

import argparse
import platform


def parser(description: str) -> argparse.ArgumentParser:
    """Options that every peer's script has; times in ms."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--t-presim", type=float, default=0.0, help="warm-up, not timed, ms")
    options.add_argument("--t-sim", type=float, default=1000.0, help="timed part, ms")
    return options


def report(versions: dict[str, str], figures: dict[str, float]) -> None:
    """Print `versions NAME VERSION, ...` and a line `name number` for each figure."""
    versions = {**versions, "Python": platform.python_version()}
    print("versions", ", ".join(f"{name} {version}" for name, version in versions.items()))
    for name, number in figures.items():
        print(name, number)
