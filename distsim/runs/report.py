"""Tables that rank 0 prints: the network, then the results."""

from __future__ import annotations

from collections.abc import Mapping

from ..description.network import Network
from ..engine.memory import estimate, n_synapses


def size_text(n_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.2f} GB"


def ranks_text(size: int) -> str:
    return f"{size} rank" + ("s" if size > 1 else "")


def network_text(title: str, network: Network, size: int, seeds: tuple[int, int]) -> str:
    """The resolved network, before it is built; `seeds` are its seed and that of the noise."""
    seed = f"seed {seeds[0]}" + (f", noise seed {seeds[1]}" if seeds[1] != seeds[0] else "")
    n_sources = network.n - network.n_neurons
    sources = f" and {n_sources:,} sources" if n_sources else ""
    sizes = "  ".join(f"{p.name} {p.n:,}" for p in network.populations)
    about = "" if all(projection.rule.is_exact for projection in network.projections) else "about "
    a_rank = estimate(network, size)
    memory = size_text(a_rank) + (f" a rank, {size_text(a_rank * size)} on {size} ranks" if size > 1 else "")
    lines = [
        f"distsim: {title}",
        f"  neurons   {network.n_neurons:,}{sources}: {sizes}",
        f"  synapses  {about}{n_synapses(network):,}",
        f"  memory    about {memory}",
        f"  dt        {network.grid.dt_ms:g} ms, {seed}",
    ]
    return "\n".join(lines)


def rates_text(populations: Mapping[str, Mapping]) -> str:
    """Mean rates by population, beside those of the full-scale model where they are known."""
    with_reference = any("reference_rate_hz" in p for p in populations.values())
    head = f"  {'population':<12}{'neurons':>9}{'spikes/s':>11}"
    lines = [head + (f"{'full scale':>12}{'ratio':>8}" if with_reference else "")]
    for name, population in populations.items():
        rate = population["rate_hz"]
        line = f"  {name:<12}{population['n']:>9,}" + (f"{rate:>11.3f}" if rate is not None else f"{'-':>11}")
        reference = population.get("reference_rate_hz")
        if reference and rate is not None:
            line += f"{reference:>12.3f}{rate / reference:>8.3f}"
        lines.append(line)
    return "\n".join(lines + silence(populations))


def silence(populations: Mapping[str, Mapping]) -> list[str]:
    """A line that says so if no neuron fired; sources of spikes, which have no reference, are no neurons."""
    compared = [p for p in populations.values() if "reference_rate_hz" in p]
    rates = [p["rate_hz"] for p in compared or populations.values() if p["rate_hz"] is not None]
    if not rates or any(rates):
        return []
    why = "; down-scaled networks with DC input may fall silent (see examples/README.md)" if compared else ""
    return [f"  no neuron fired{why}"]


def phases_text(phases: Mapping[str, Mapping[str, float]], total: float) -> str:
    """Seconds by phase and of the rest: min, mean and max over the ranks, and the share of the `total` (s)."""
    lines = [f"  {'phase':<12}{'min s':>9}{'mean s':>9}{'max s':>9}{'share':>8}"]
    for phase, t in phases.items():
        share = t["mean"] / total if total else 0.0
        lines.append(f"  {phase:<12}{t['min']:>9.3f}{t['mean']:>9.3f}{t['max']:>9.3f}{share:>8.1%}")
    rest = total - sum(t["mean"] for t in phases.values())
    lines.append(f"  {'rest':<12}{'':>9}{rest:>9.3f}{'':>9}{rest / total if total else 0.0:>8.1%}")
    return "\n".join(lines)
