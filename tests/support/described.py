"""In which parts two descriptions differ; used by the tests of the models and of single elements."""

from __future__ import annotations

from distsim import Network
from distsim.simulation.agreement import described, digest

Digests = dict[str, list[bytes]]


def digests(network: Network) -> Digests:
    """Return digests of all parts by name, without the numbers, which change where a projection is added."""
    found: Digests = {}
    for name, part in described(network, 1).items():
        words = [word for word in name.replace(",", "").split() if not word.isdecimal()]
        found.setdefault(" ".join(words), []).append(digest(part))
    return found


def differing(one: Network | Digests, other: Network) -> set[str]:
    """Return the names of the parts in which two networks differ; of the first, its digests will do."""
    here, there = one if isinstance(one, dict) else digests(one), digests(other)
    return {name for name in {*here, *there} if here.get(name) != there.get(name)}
