"""Check the entries of a run's summary that figures and results are made from."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from distsim.files import kinds
from distsim.files.kinds import ANYTHING, Kind, listed, mapped, maybe, number, record, row, text, whole
from distsim.recording.note import REPORT_FILE

MOST_NEURONS, LONGEST = 2**32, 1e15  # ms
MOST_BINS, MOST_TICKS = 1e6, 1e3  # of a figure
LABEL = text(1000)
TIME = number(-LONGEST, LONGEST)
SPAN = row(TIME, TIME)
# Of a population or a panel, whose name is that of its folder.
NAME = Kind(
    "a printable text, not '', '.' or '..', without '/'",
    lambda value: LABEL.holds(value) and value.isprintable() and value not in ("", ".", "..") and "/" not in value,
)
POPULATION = record(
    {},
    {
        "n": whole(0, MOST_NEURONS),
        "color": LABEL,
        "recorded": maybe(listed(row(whole(0, MOST_NEURONS), whole(0, MOST_NEURONS)))),
        "reference_rate_hz": maybe(number(0.0, 1e9)),
    },
)
INDEX = whole(0, MOST_NEURONS)
MARK = record({"t0": TIME, "t1": TIME, "population": LABEL, "first": INDEX, "last": INDEX}, {"label": LABEL})
RATE = record(
    {},
    {
        "bin": number(-LONGEST, LONGEST),
        "populations": maybe(listed(LABEL)),
        "ylim": maybe(row(number(-1e12, 1e12), number(-1e12, 1e12))),
        "tick_step": maybe(number(-1e12, 1e12)),
    },
)
FIGURES = record(
    {},
    {
        "title": LABEL,
        "period": SPAN,
        "only": listed(LABEL),
        "first": whole(1, MOST_NEURONS),
        "style": LABEL,
        "groups": mapped(whole(1, MOST_NEURONS)),
        "group": LABEL,
        "marks": listed(MARK),
        "rate": RATE,
        "rates": mapped(text()),
    },
)
SEED = maybe(whole(0, 2**64 - 1))
EVERY = {"network": maybe(LABEL), "seed": SEED, "noise_seed": SEED}
SUMMARY = record(
    {"populations": mapped(POPULATION, NAME), "t_presim_ms": number(0.0, LONGEST), "t_sim_ms": number(0.0, LONGEST)},
    {
        **EVERY,
        "dt_ms": maybe(number(1e-6, 1e6)),
        "recorded_ms": maybe(listed(SPAN)),
        "spikes_sha256": maybe(LABEL),
        "recording": record({}, {"files": listed(REPORT_FILE)}),
        "config": record({}, dict.fromkeys(("N_scaling", "K_scaling"), maybe(number()))),
        "changed": mapped(ANYTHING),
        "changed_in_words": listed(LABEL),
        "figures": FIGURES,
    },
)
PANELS = record({"panels": mapped(ANYTHING, NAME)}, EVERY)


def check_summary(summary: Any) -> None:
    """Check the entries of a summary, of a run or of a figure's panels.

    Raises
    ------
    ValueError
        If one of them is of the wrong kind or out of its range; the message names it.
    """
    if "panels" in summary:
        kinds.check(summary, PANELS)
        return
    kinds.check(summary, SUMMARY)
    if sum(entry.get("n", 0) for entry in summary["populations"].values()) > MOST_NEURONS:
        raise ValueError("populations have more than 2^32 neurons")
    for name, entry in summary["populations"].items():
        _check_recorded(name, entry)
    _check_order("recorded_ms", summary.get("recorded_ms") or [])
    _check_drawable(summary)


def _check_recorded(name: str, entry: Mapping[str, Any]) -> None:
    ranges = entry.get("recorded") or []
    _check_order(f"populations.{name}.recorded", ranges)
    if ranges and ranges[-1][1] > entry.get("n", MOST_NEURONS):
        raise ValueError(f"populations.{name}.recorded reaches beyond its {entry['n']} neurons")


def _check_order(where: str, ranges: list[list[float]]) -> None:
    ends = [end for each in ranges for end in each]
    if any(after < before for before, after in itertools.pairwise(ends)):
        raise ValueError(f"{where} is not of ranges that follow each other")


def _check_drawable(summary: Mapping[str, Any]) -> None:
    """Check that a figure would not have too many bins or ticks."""
    figures = summary.get("figures", {})
    rate, period = figures.get("rate", {}), figures.get("period", (0.0, summary["t_sim_ms"]))
    if 0 < rate.get("bin", 1.0) < (period[1] - period[0]) / MOST_BINS:
        raise ValueError(f"figures.rate.bin is {rate['bin']:g}, which makes more than {MOST_BINS:g} bins")
    step, ylim = rate.get("tick_step"), rate.get("ylim")
    if step and ylim and not abs(ylim[1] - ylim[0]) < MOST_TICKS * abs(step):
        raise ValueError(f"figures.rate.tick_step is {step:g}, which makes more than {MOST_TICKS:g} ticks")
