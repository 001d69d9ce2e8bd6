"""Send a network to another process and back: python -m tests.support.spawned prints whether it stays the same."""

from __future__ import annotations

import multiprocessing

from distsim import Network, Normal, explicit
from distsim.simulation.agreement import described, digest


def digests(net: Network) -> dict[str, bytes]:
    return {name: digest(part) for name, part in described(net, 1).items()}


def looked_at(net: Network) -> tuple[Network, dict[str, bytes]]:
    """Return what arrived, and what it describes there."""
    return net, digests(net)


def main() -> None:
    net = Network(0.1)
    E = net.create("E", 10, tau_m=[5.0 + k for k in range(10)], V_m=Normal(-60.0, 5.0))
    net.connect(E, E[2:8:2], explicit([0, 1], [1, 2]), [1.0, 2.0], 1.0)
    net.record_spikes(E)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        back, there = pool.apply(looked_at, (net,))
    print(there == digests(net) == digests(back))


if __name__ == "__main__":
    main()
