"""What can only be said of a network once it is to be run: found before anything is built."""

from __future__ import annotations

import os

from ..network import Network
from .memory import estimate


def check_network(network: Network, size: int) -> None:
    """ValueError if `network` cannot be run on `size` ranks: what cannot be stored, more memory than there is."""
    needed, there = estimate(network, size), memory_of_machine()
    if there and needed > there:
        raise ValueError(
            f"the network needs about {needed / 1e9:.1f} GB on each of {size} ranks, this machine has "
            f"{there / 1e9:.1f} GB: use more ranks on more nodes, or scale it down"
        )


def memory_of_machine() -> int:
    """Bytes of memory, 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 0
