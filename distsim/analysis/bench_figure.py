"""The figure of `bench`: what networks take by phase, and beside it their peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.analysis.drawing import EXCITATORY, INHIBITORY, OTHER, own_canvas, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PHASES = {"deliver": EXCITATORY, "update": OTHER[0], "stimulate": OTHER[1], "exchange": INHIBITORY}
REST = "0.75"
PEERS = {"NEST": "D", "Brian2": "s"}  # markers


@own_canvas()
def bench_figure(bench: Mapping[str, Any], path: str | Path) -> None:
    """Draw the real-time factors in ``bench.json``: bars stacked by phase with the limits of the machine in them, and,
    where peers were timed, all factors on a logarithmic axis.

    Parameters
    ----------
    bench : mapping
        What ``bench.json`` holds.
    path : str or Path
        The picture to be written.
    """
    from matplotlib.figure import Figure

    results = bench["networks"]
    timed = {name: r["peer"] for name, r in results.items() if r["peer"] and "times_faster" in r["peer"]}
    figure = Figure(figsize=(12.0 if timed else 8.0, 1.9 + 0.55 * len(results)), layout="constrained")
    columns = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2)) if timed else [figure.subplots()]
    names = [name if r["scale"] == 1 else f"{name}\nscale {r['scale']:g}" for name, r in results.items()]
    _draw_bars(columns[0], list(results.values()))
    columns[0].set_yticks(range(len(names)), names)
    columns[0].tick_params(axis="y", length=0)
    columns[0].set_ylim(len(names) - 0.5, -0.5)
    if timed:
        _draw_peers(columns[1], list(results.values()))
    ranks = f"{bench['ranks']} rank" + ("s" if bench["ranks"] > 1 else "")
    cpu = ", ".join(bench["machine"].split(", ")[:2])
    figure.suptitle(f"{ranks} on {cpu}", x=0.01, ha="left", fontsize=10, color="0.35")
    save(figure, path, dpi=150)


def _draw_bars(axes: Axes, results: Sequence[Mapping[str, Any]]) -> None:
    """Draw a bar for each network, its phases side by side, each with its limit as a darker strip."""
    left = [0.0] * len(results)
    places = range(len(results))
    for phase, color in PHASES.items():
        widths = [r["phases"][phase]["real_time_factor"] for r in results]
        limits = [min(r["phases"][phase]["limit"], width) for r, width in zip(results, widths, strict=True)]
        axes.barh(places, widths, 0.62, left, color=color, alpha=0.55, linewidth=0, label=phase)
        axes.barh(places, limits, 0.62, left, color=color, linewidth=0)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    rest = [max(0.0, r["real_time_factor"] - end) for r, end in zip(results, left, strict=True)]
    axes.barh(places, rest, 0.62, left, color=REST, linewidth=0, label="rest")
    axes.barh([0], [0], color="0.2", linewidth=0, label="limit of the machine (darker)")
    right = max(r["real_time_factor"] for r in results)
    for place, r in enumerate(results):
        end = max(r["real_time_factor"], left[place])
        axes.text(end + 0.01 * right, place, f"{r['real_time_factor']:.3g}", va="center", fontsize=10)
    axes.set_xlim(0.0, 1.12 * right)
    axes.set_xlabel("real-time factor (wall time / model time)")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=6, frameon=False, fontsize=8.5, **COMPACT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


COMPACT = {"handlelength": 1.2, "columnspacing": 1.0, "handletextpad": 0.5, "borderaxespad": 0.2}


def _draw_peers(axes: Axes, results: Sequence[Mapping[str, Any]]) -> None:
    """Draw the factors of distsim and of the peers as points of a logarithmic axis, with the quotient between them."""
    from matplotlib.patheffects import withStroke

    own = [r["real_time_factor"] for r in results]
    halo: dict[str, Any] = {"path_effects": [withStroke(linewidth=3.0, foreground="white")]}
    for name, marker in PEERS.items():
        found = [(k, r["peer"]) for k, r in enumerate(results) if r["peer"] and r["peer"]["name"] == name]
        found = [(k, peer) for k, peer in found if "times_faster" in peer]
        for k, peer in found:
            axes.plot([own[k], peer["real_time_factor"]], [k, k], color="0.7", linewidth=1.2, zorder=1)
            middle = (own[k] * peer["real_time_factor"]) ** 0.5
            quotient = f"{peer['times_faster']:.2g} times faster"
            axes.text(middle, k - 0.08, quotient, ha="center", va="bottom", fontsize=9, **halo)
        if found:
            factors = [peer["real_time_factor"] for _, peer in found]
            points: dict[str, Any] = {"color": "white", "markeredgecolor": "black", "markersize": 8}
            axes.plot(factors, [k for k, _ in found], marker=marker, linestyle="none", label=name, **points)
    axes.plot(own, range(len(own)), "o", color="black", markersize=8, label="distsim")
    axes.axvline(1.0, color="0.4", linewidth=0.8, linestyle=":", zorder=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("real-time factor, logarithmic (1: as fast as nature)")
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.08)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, frameon=False, fontsize=8.5, **COMPACT)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
