"""The options of the command line: a subcommand for each network, `plot`, `bench`, `resume`."""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
from collections.abc import Callable, Sequence

from ..description.elements import nearest
from ..files.paths import as_path
from ..networks import brunel_alpha, brunel_delta, ei_clustered, microcircuit
from ..networks.explain import has_lists, option_text, parameter_help
from ..parallel import InputError
from ..performance.bench.cases import CASES
from ..version import __version__
from . import durations

PROG = "distsim"
ALL = "all"  # the panels
MAX_RATE = 400.0  # spikes/s: above any population that computes, below what a refractory period of 2 ms allows
MODELS = (microcircuit, brunel_alpha, brunel_delta, ei_clustered)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `InputError`, names the nearest option and takes no abbreviations.

    `problems` are mistakes in the values of options; parsing goes on with the default.
    """

    def __init__(self, *args, **keywords) -> None:
        super().__init__(*args, allow_abbrev=False, **keywords)
        self.problems: list[str] = []

    def _get_values(self, action, texts):
        try:
            return super()._get_values(action, texts)
        except argparse.ArgumentError as error:
            if not action.option_strings:
                raise
            self.problems.append(self.explained(str(error)))
            return action.default

    def note_unknown(self, words: Sequence[str]) -> None:
        """Words that are no options of this parser, nor values of such."""
        known = [o for action in self._actions for o in action.option_strings if o.startswith("--")]
        options = [word.split("=")[0] for word in words if word.startswith("--")] or words[:1]
        self.problems += [self.explained(f"unknown option {option}: {nearest(option, known)}") for option in options]

    def explained(self, message: str) -> str:
        return f"{message} (see {self.prog} --help)"

    def error(self, message: str) -> None:
        raise InputError(self.explained(message))


def number(minimum: float, *, excluded: bool = False) -> Callable[[str], float]:
    """Argument type: a finite number of at least `minimum`, or above it if that is `excluded`."""

    def convert(text: str) -> float:
        allowed = f"a number {'greater than' if excluded else 'of at least'} {minimum:g}"
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {allowed}") from None
        if not math.isfinite(value) or value < minimum or (excluded and value == minimum):
            raise argparse.ArgumentTypeError(f"{text} is not {allowed}")
        return value

    return convert


def duration(text: str) -> float:
    """Argument type: 10s or 23h50m in seconds, more than none."""
    try:
        value = durations.seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not longer than 0 s")
    return value


def seed(text: str) -> int:
    if not re.fullmatch(r"\d+", text) or int(text) >= 2**64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2^64 - 1")
    return int(text)


def path(text: str) -> str:
    """Argument type: a path; the shell does not expand ~ in --out=~/results."""
    try:
        return str(as_path(text)) if text.startswith("~") else text
    except FileNotFoundError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def make_parser() -> Parser:
    parser = Parser(
        PROG,
        description="Spiking neural networks on any number of MPI ranks: mpirun -n 64 python -m distsim microcircuit",
    )
    parser.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    add_microcircuit(commands)
    for model in MODELS[1:]:
        add_plain(commands, model)
    text = "Draw the figures of a run's folder again, from the files alone: raster.png and rates.png of recorded "
    text += "spikes, voltages.png of recorded membrane potentials, panels.png where it holds the panels of a figure."
    plot = commands.add_parser("plot", help="draw the figures of a run's folder again", description=text)
    plot.add_argument("folder", type=path, metavar="DIR", help="folder of a run")
    text = "statistics.png too, and a table: rates, CV of ISI, correlations, Fano factor, spectrum of the rate"
    plot.add_argument("--statistics", action="store_true", help=text)
    add_bench(commands)
    add_resume(commands)
    return parser


def add_bench(commands) -> None:
    text = (
        "Time the networks on these ranks, recording nothing, beside the limits of this machine, and beside NEST and "
    )
    text += "Brian2 where they are installed. Nothing else should be running."
    bench = commands.add_parser("bench", help="time the networks on this machine", description=text)
    names = list(CASES)
    bench.add_argument("--quick", action="store_true", help="a tenth of the times, the microcircuit at scale 0.1")
    what = f"of {', '.join(names)} (default: all)"
    bench.add_argument("--networks", nargs="+", choices=names, default=names, metavar="NAME", help=what)
    what = "fixes every random number, 0 to 2^64 - 1 (%(default)s)"
    bench.add_argument("--seed", type=seed, default=1, help=what)
    what = "a Python that has NEST or Brian2 (default: this one)"
    bench.add_argument("--peer-python", type=path, metavar="PATH", help=what)
    what = "gets bench.json and bench.png (default results/bench-1, -2, ...)"
    bench.add_argument("--out", type=path, metavar="DIR", help=what)
    bench.add_argument("--overwrite", action="store_true", help="replace an earlier run in DIR")


def add_resume(commands) -> None:
    text = "Go on with a run that was stopped or ended before its time, from its latest checkpoint, on any number of "
    text += "ranks; or extend a complete one that has kept a checkpoint (--checkpoint-every, --checkpoint-wall)."
    parser = commands.add_parser("resume", help="go on with a run, or extend it", description=text)
    parser.add_argument("folder", type=path, metavar="DIR", help="folder of the run")
    text = "simulated time after the warm-up, ms: longer than planned extends the run (default: as planned)"
    parser.add_argument("--t-sim", type=number(0.0), metavar="MS", help=text)
    text = "spikes/s at which the guard stops, 0: none (default: as before); goes on with a run that it has stopped"
    parser.add_argument("--max-rate", type=number(0.0), metavar="HZ", help=text)
    add_keeping(parser, "default: as before")


def add_keeping(parser, default: str) -> None:
    """Options of checkpoints."""
    add = parser.add_argument
    text = f"write a checkpoint every so much model time, e.g. 10s, 500ms ({default})"
    add("--checkpoint-every", type=duration, metavar="TIME", help=text)
    text = f"write a checkpoint every so much wall time, e.g. 10min ({default})"
    add("--checkpoint-wall", type=duration, metavar="TIME", help=text)
    text = "stop with a checkpoint and exit code 75 after this wall time, e.g. 23h50m"
    add("--max-wall", type=duration, metavar="TIME", help=text)


def add_network(commands, model) -> tuple[Parser, argparse._ArgumentGroup]:
    """A subcommand for `model` and the group of its own options."""
    parser = commands.add_parser(
        model.NAME, help=model.SUMMARY, description=model.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser, parser.add_argument_group("network")


def add_microcircuit(commands) -> None:
    parser, network = add_network(commands, microcircuit)
    positive = number(0.0, excluded=True)
    add = network.add_argument
    add("--scale", type=positive, metavar="S", help="both scalings, > 0 (default 1: natural density)")
    add("--n-scaling", type=positive, metavar="S", help="scales the numbers of neurons, > 0 (default 1)")
    add("--k-scaling", type=positive, metavar="S", help="scales the indegrees, > 0; weights and DC make up for it (1)")
    add("--input", choices=("poisson", "dc"), help="background (poisson); dc: same mean without noise")
    add("--thalamus", action="store_true", help="thalamic pulse, 700 to 710 ms (parameters th_*)")
    add("--dc-stimulus", action="store_true", help="DC into all populations, 650 to 750 ms (parameters dc_*)")
    add("--v0", choices=("optimized", "original"), help="initial V_m, by population (optimized) or one for all")
    add_common(parser, network, microcircuit)
    parser.set_defaults(model=microcircuit, panel=None)


def add_plain(commands, model) -> None:
    """A subcommand whose own options are the parameters in model.SHORTCUTS."""
    parser, network = add_network(commands, model)
    fields = {field.name: field for field in dataclasses.fields(model.Parameters)}
    for name in model.SHORTCUTS:
        text = option_text(fields[name])
        network.add_argument(f"--{name.replace('_', '-')}", dest=f"parameter_{name}", metavar="VALUE", help=text)
    if model is brunel_delta:
        panels = ", ".join(
            f"{panel} g={p['g']:g} ratio {p['nu_ext_over_nu_thr']:g}" for panel, p in model.PANELS.items()
        )
        text = f"panel of figure 8: {panels}; all: one after another into DIR/A ... DIR/D, and their figure into DIR"
        network.add_argument("--panel", choices=(*model.PANELS, ALL), help=text)
    add_common(parser, network, model)
    parser.set_defaults(model=model, panel=None)


def add_common(parser: Parser, network, model) -> None:
    """Options that every network has."""
    text = f"any parameter below{', lists as [1, 2]' if has_lists(model) else ''}; repeatable"
    network.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=text)
    run = parser.add_argument_group("run")
    at_least_0 = number(0.0)
    run.add_argument(
        "--t-presim",
        type=at_least_0,
        default=model.T_PRESIM,
        metavar="MS",
        help="warm-up, not recorded, ms (%(default)g)",
    )
    text = f"simulated time after it, ms ({t_sim_text(model)})"
    run.add_argument("--t-sim", type=at_least_0, metavar="MS", help=text)
    run.add_argument(
        "--dt", type=number(0.0, excluded=True), default=0.1, metavar="MS", help="resolution, ms (%(default)g)"
    )
    run.add_argument("--seed", type=seed, default=1, help="fixes every random number, 0 to 2^64 - 1 (%(default)s)")
    what = "tell at the end what each rank did and waited, and what follows from it"
    run.add_argument("--profile", action="store_true", help=what)
    text = "stop with exit code 3, keeping what was recorded, where the neurons of a population fire faster on average "
    text += "over 100 ms, spikes/s; 0: at no rate (%(default)g)"
    run.add_argument("--max-rate", type=at_least_0, default=MAX_RATE, metavar="HZ", help=text)
    add_keeping(run, "none")
    text = "go on with the run in --out if it is this one and not complete; start it where there is none"
    run.add_argument("--resume", choices=("auto",), help=text)
    out = parser.add_argument_group("output")
    out.add_argument(
        "--out", type=path, metavar="DIR", help=f"folder of the run (default results/{model.NAME}-1, -2, ...)"
    )
    out.add_argument("--overwrite", action="store_true", help="replace an earlier run in DIR")
    out.add_argument("--no-record", action="store_true", help="record nothing (rates are counted all the same)")
    out.add_argument("--no-plots", action="store_true", help="write no figures")
    first, second = model.POPULATIONS[:2]
    what = f"record spikes of these neurons only, e.g. {second} '{first}[:100]' '{first}[-5:]'"
    out.add_argument("--record-spikes", nargs="+", action="extend", metavar="POP[a:b]", help=what)
    what = "record V_m of these neurons (ids from 0, b excluded)"
    out.add_argument("--record-voltages", nargs="+", action="extend", metavar="POP[a:b]", help=what)
    out.add_argument(
        "--voltage-interval",
        type=number(0.0, excluded=True),
        metavar="MS",
        help="time between samples of V_m, ms (default dt)",
    )
    parser.epilog = parameter_help(model)


def t_sim_text(model) -> str:
    """The default of --t-sim, which may depend on the panel."""
    ends = {panel: f"{p['t_range'][1]:g}" for panel, p in getattr(model, "PANELS", {}).items()}
    others = [f"panel {panel}: {end}" for panel, end in ends.items() if end != f"{model.T_SIM:g}"]
    return ", ".join([f"{model.T_SIM:g}", *others])
