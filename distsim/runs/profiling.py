"""`--profile`: what each rank did and how long it waited, as a table and as one line of advice.

A rank that is ready early waits inside the exchange for the slowest one, so from the sums of its phases its waiting is

    waiting = (largest deliver + update + stimulate of all ranks) - its own

and the rest of its exchange is what the exchange costs. What ranks wait for each other by turns, where each is at times
the slowest, stays in that rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..engine.ledger import n_local_synapses
from ..engine.rank_engine import RankEngine
from ..engine.step import loop

WORK = ("deliver", "update", "stimulate")
MOST_SHOWN = 8  # ranks with a line each
UNEVEN = 0.1  # load imbalance from which on it is the first thing to see to
DISTURBED = 1e-5  # s of one exchange by log2 of the ranks, beyond which something else holds them up


class Counters(NamedTuple):
    """Counters of a simulation: seconds by phase, synaptic events on this rank, steps."""

    timer: np.ndarray
    events: int
    steps: int


def counters(engine: RankEngine) -> Counters:
    return Counters(engine.clock.timer.copy(), engine.n_events, engine.step)


def collect(engine: RankEngine, before: Counters) -> dict:
    """Return the work of each rank since `before` (collective).

    Returns
    -------
    dict : of lists by rank: seconds (of `loop.PHASES`, exchange without waiting, and waiting), neurons, synapses,
        events, event_ns (delivery by synaptic event), update_ns (by neuron and step); imbalance, largest load by mean
        load less 1; steps, interval (steps); advice.
    """
    now = counters(engine)
    blocks = engine.neurons.blocks
    n_neurons = (blocks["last"] - blocks["first"])[blocks["is_source"] == 0].sum()
    sizes = (int(n_neurons), int(n_local_synapses(engine.synapses, engine.dense)), now.events - before.events)
    timers, sizes = zip(*engine.comm.allgather((now.timer - before.timer, sizes)), strict=True)
    seconds = dict(zip(loop.PHASES, np.array(timers).T, strict=True))
    neurons, synapses, events = np.array(sizes).T
    return describe(seconds, neurons, synapses, events, now.steps - before.steps, engine.interval)


def describe(
    seconds: Mapping[str, np.ndarray],
    neurons: np.ndarray,
    synapses: np.ndarray,
    events: np.ndarray,
    steps: int,
    interval: int,
) -> dict:
    """The profile, as `collect` returns it, from what was measured on each rank."""
    work = np.sum([seconds[phase] for phase in WORK], axis=0)
    waiting = np.minimum(work.max() - work, seconds["exchange"])
    seconds = {**seconds, "exchange": seconds["exchange"] - waiting, "waiting": waiting}
    profile = {
        "seconds": {phase: values.tolist() for phase, values in seconds.items()},
        "neurons": neurons.tolist(),
        "synapses": synapses.tolist(),
        "events": events.tolist(),
        "event_ns": _quotient(1e9 * seconds["deliver"], events).tolist(),
        "update_ns": _quotient(1e9 * seconds["update"], neurons * steps).tolist(),
        "imbalance": float(work.max() / work.mean() - 1.0) if work.any() else 0.0,
        "steps": steps,
        "interval": interval,
    }
    return {**profile, "advice": advice(profile)}


def _quotient(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, 0 where that is 0."""
    quotient: np.ndarray = np.divide(above, below, out=np.zeros(above.shape), where=below > 0)
    return quotient


# --- advice -----------------------------------------------------------------------------------------------------------


def advice(profile: Mapping) -> str:
    """Return the conclusion from the numbers in one line."""
    seconds = {phase: np.array(values) for phase, values in profile["seconds"].items()}
    work = np.sum([seconds[phase] for phase in WORK], axis=0)
    total = work.mean() + seconds["exchange"].mean() + seconds["waiting"].mean()
    if not work.any():
        return "nothing was simulated"
    if work.size == 1:
        largest = max(WORK, key=lambda phase: seconds[phase][0])
        share = f"{seconds[largest][0] / total:.0%} of the time in its phases"
        return f"one rank: {largest} takes {share}; more ranks share all of it"
    exchange = float(seconds["exchange"].min())
    most = most_ranks(work.size, float(work.mean()), exchange)
    if exchange <= work.mean():
        if profile["imbalance"] > UNEVEN:
            return _advice_uneven(profile, seconds, int(work.argmax()))
        return f"well balanced: more ranks will help until about {most}, where the exchange takes as long as the rest"
    once = exchange * profile["interval"] / profile["steps"]
    if once > DISTURBED * np.log2(work.size):
        return f"one exchange takes {1e6 * once:.0f} us: more ranks than cores, or another program on one of them?"
    return f"the exchange takes {exchange / total:.0%} of the time in the phases: about {most} ranks will do as well"


def _advice_uneven(profile: Mapping, seconds: Mapping[str, np.ndarray], slowest: int) -> str:
    """Whom the others wait for, in which phase, and whether that rank has more to do in it."""
    phase = max(WORK, key=lambda phase: seconds[phase][slowest] - seconds[phase].mean())
    longer = _above_others(seconds[phase], slowest)
    amount, word = ("events", "synaptic events") if phase == "deliver" else ("neurons", "neurons")
    more = _above_others(np.array(profile[amount], float), slowest)
    text = f"the exchange waits for rank {slowest}, whose {phase} takes {longer:.0%} longer"
    if more > longer / 2:
        return f"{text}: it has {more:.0%} more {word}; with fewer ranks they would be shared more evenly"
    return f"{text}: a slower core or another program on it?"


def _above_others(values: np.ndarray, rank: int) -> float:
    others = np.delete(values, rank).mean()
    return float(values[rank] / others - 1.0) if others > 0 else 0.0


def most_ranks(size: int, work: float, exchange: float) -> int:
    """The number of ranks, by doubling or halving `size`, at which work that is shared and an exchange that grows as
    the logarithm of their number take about as long; at most 2^20."""

    def helps(n: int) -> bool:
        return bool(work * size / n > exchange * np.log2(n) / max(1.0, np.log2(size)))

    n = size
    while n > 1 and not helps(n):
        n //= 2
    while n < 1 << 20 and helps(2 * n):
        n *= 2
    return n


# --- text -------------------------------------------------------------------------------------------------------------

COLUMNS = (*WORK, "exchange", "waiting", "record")
HEAD = f"{'neurons':>11}{'synapses':>13}{'events':>15}{'ns/event':>10}{'ns/update':>11}"


def profile_text(profile: Mapping) -> str:
    """A line for each rank, or their least, median and largest where there are many, and the advice."""
    table = np.array(
        [
            *(profile["seconds"][phase] for phase in COLUMNS),
            *(profile[name] for name in ("neurons", "synapses", "events", "event_ns", "update_ns")),
        ],
        float,
    )
    names = [str(rank) for rank in range(table.shape[1])]
    if table.shape[1] > MOST_SHOWN:
        table = np.array([table.min(axis=1), np.median(table, axis=1), table.max(axis=1)]).T
        names = ["min", "median", "max"]
    lines = [f"  {'rank':<7}" + "".join(f"{phase + ' s':>12}" for phase in COLUMNS) + HEAD]
    for name, column in zip(names, table.T, strict=True):
        n, synapses, events, event_ns, update_ns = column[len(COLUMNS) :]
        seconds = "".join(f"{s:>12.3f}" for s in column[: len(COLUMNS)])
        counts = f"{n:>11,.0f}{synapses:>13,.0f}{events:>15,.0f}{event_ns:>10.3f}{update_ns:>11.3f}"
        lines.append(f"  {name:<7}{seconds}{counts}")
    lines.append(f"  load imbalance {profile['imbalance']:.1%}: the largest load above the mean one")
    lines.append(f"  {profile['advice']}")
    return "\n".join(lines)
