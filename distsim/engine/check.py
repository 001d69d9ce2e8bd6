"""What can only be said of a network once it is to be run: found before anything is built."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..description.network import Network
from ..parallel import place_on_node
from .memory import estimate

GROUPS = Path("/sys/fs/cgroup")  # of Linux; a job's or a container's memory may be less than the machine's


def check_network(network: Network, comm) -> None:
    """ValueError on all ranks if `network` needs more memory than there is on any rank's machine (collective)."""
    a_rank = estimate(network, comm.size)
    for n, there, host in comm.allgather((place_on_node(comm)[1], memory_of_machine(), socket.gethostname())):
        if there and n * a_rank > there:
            which = f" ({a_rank / 1e9:.1f} GB on each of {n} ranks)" if n > 1 else ""
            raise ValueError(
                f"the network needs about {n * a_rank / 1e9:.1f} GB of memory on {host}{which}, where there are "
                f"{there / 1e9:.1f} GB: use more machines, or scale it down"
            )


def memory_of_machine() -> int:
    """Bytes of memory that the processes here may take together, 0 where the system does not tell."""
    try:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 0
    return min([there, *_limits()])


def _limits() -> Iterator[int]:
    """Limits of the control groups that this process is in, bytes."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kinds, group = line.split(":", 2)
            if kinds not in ("", "memory"):
                continue
            top, name = (GROUPS / kinds, "memory.limit_in_bytes") if kinds else (GROUPS, "memory.max")
            # A container may not see its groups by the names they have outside.
            within = Path(group.lstrip("/"))
            for place in (top / within, *(top / above for above in within.parents)):
                with suppress(OSError, ValueError):  # "max" is no limit
                    yield int((place / name).read_text())
