"""Tables that `bench` prints."""

from __future__ import annotations

from collections.abc import Mapping

from ...runs.report import size_text
from ..probes import Probes

HEAD = (
    f"  {'network':<16}{'neurons':>9}{'synapses':>13}{'build s':>9}{'real time':>13}{'ns/event':>10}{'ns/update':>11}"
    f"{'bytes/synapse':>15}{'memory':>10}"
)


def probes_text(probes: Probes) -> str:
    """Return a table of the machine's limits."""
    levels = [f"{size_text(size)} {rate / 1e9:.0f}" for size, rate in zip(probes.sizes, probes.read, strict=True)]
    lines = [
        "  at best, on every rank at once:",
        f"    reading    {', '.join(levels)} GB/s",
        f"    adding     {probes.adds / 1e9:.1f} /ns to a row, {probes.philox / 1e9:.1f} random words/ns",
    ]
    if probes.collective:
        lines.append(f"    exchanging {1e6 * probes.collective:.2f} us for an Allgather")
    return "\n".join(lines)


def networks_text(results: Mapping[str, Mapping]) -> str:
    """A line for each network, with its peer where one was timed."""
    with_peers = any(result["peer"] for result in results.values())
    lines = [HEAD + (f"{'peer':>9}{'real time':>13}{'times faster':>14}" if with_peers else "")]
    for name, r in results.items():
        title = name if r["scale"] == 1 else f"{name} {r['scale']:g}"
        event = "-" if r["event_ns"] is None else f"{r['event_ns']:.3f}"
        lines.append(
            f"  {title:<16}{r['n_neurons']:>9,}{r['n_synapses']:>13,}{r['build_s']:>9.2f}{r['real_time_factor']:>13.3f}"
            f"{event:>10}{r['update_ns']:>11.3f}{r['bytes_per_synapse']:>15.2f}"
            f"{size_text(r['peak_rss_bytes']):>10}{_peer_text(r['peer'])}"
        )
    lines.append(
        "  real time: real-time factor, wall time over model time (below 1: faster than nature); memory: of all ranks"
    )
    return "\n".join(lines)


def _peer_text(peer: Mapping | None) -> str:
    if peer is None:
        return ""
    if "problem" in peer:
        return f"{peer['name']:>9}  not timed: {peer['problem']}"
    return f"{peer['name']:>9}{peer['real_time_factor']:>13.3f}{peer['times_faster']:>14.1f}"


def phases_text(results: Mapping[str, Mapping]) -> str:
    """The share of each phase, and what it takes (as part of the real-time factor) beside what it would at best."""
    lines = [f"  {'network':<16}{'phase':<11}{'share':>7}{'real time':>13}{'limit':>10}{'x limit':>9}"]
    for name, r in results.items():
        for phase, found in r["phases"].items():
            took, limit = found["real_time_factor"], found["limit"]
            share = took / r["real_time_factor"] if r["real_time_factor"] else 0.0
            times = f"{took / limit:>9.1f}" if limit else f"{'-':>9}"
            lines.append(f"  {name:<16}{phase:<11}{share:>7.1%}{took:>13.4f}{limit:>10.4f}{times}")
            name = ""
    lines.append("  limit: what the phase would take if it moved and computed at full speed what it must")
    lines.append("  (python -m pydoc distsim.performance.limits says how it is computed)")
    return "\n".join(lines)
