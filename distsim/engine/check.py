"""Check that a network fits the memory of the machines that are to run it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ..description.network import Network
from ..parallel import Comm, place_on_node
from .connectivity.read_edges import read_facts
from .connectivity.table_plan import TablePlan, plan_table
from .memory import estimate_of

GROUPS = Path("/sys/fs/cgroup")  # of Linux; a job's or a container's memory may be less than the machine's


def check_network(network: Network, comm: Comm) -> None:
    """Check that `network` fits the memory of the ranks' machines, see `check_memory` (collective)."""
    read_facts(network, comm)
    check_memory(plan_table(network, comm.size), comm)


def check_memory(plan: TablePlan, comm: Comm) -> None:
    """Check that a network fits the memory of the ranks' machines where its synapses are kept as planned (collective).

    Raises
    ------
    ValueError
        On all ranks, if one machine has too little.
    """
    a_rank = estimate_of(plan)
    for n, there, host in comm.allgather((place_on_node(comm)[1], memory_of_machine(), socket.gethostname())):
        if there and n * a_rank > there:
            which = f" ({a_rank / 1e9:.1f} GB on each of {n} ranks)" if n > 1 else ""
            raise ValueError(
                f"the network needs about {n * a_rank / 1e9:.1f} GB of memory on {host}{which}, where there are "
                f"{there / 1e9:.1f} GB: use more machines, or scale it down"
            )


def with_memory(comm: Comm, action: Callable[[], object]) -> None:
    """Call `action`; raise MemoryError on all ranks where it fails for lack of memory on any of them (collective)."""
    failure = None
    try:
        action()
    except MemoryError as error:
        where = f" on rank {comm.rank} of {comm.size}" if comm.size > 1 else ""
        failure = f"{str(error) or 'no more memory'}{where}"
    failures = [failure for failure in comm.allgather(failure) if failure]
    if failures:
        raise MemoryError(failures[0])


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
