"""The command line: a subcommand for each network, and `plot`."""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
import sys
from collections.abc import Callable, Sequence

import numpy as np

from . import __version__, folder
from .elements import Selection, nearest
from .models import brunel_alpha, brunel_delta, ei_clustered, microcircuit
from .models.parameters import make
from .network import Network
from .parallel import InputError, on_root

PROG = "distsim"
ALL = "all"  # the panels


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `InputError`, names the nearest option and takes no abbreviations."""

    def __init__(self, *args, **keywords) -> None:
        super().__init__(*args, allow_abbrev=False, **keywords)

    def error(self, message: str) -> None:
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        if unknown:
            option = unknown.group(1).split("=")[0]
            known = [o for action in self._actions for o in action.option_strings if o.startswith("--")]
            message = f"unknown option {option}: {nearest(option, known)}"
        raise InputError(f"{message} (see {self.prog} --help)")


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


def seed(text: str) -> int:
    if not re.fullmatch(r"\d+", text) or int(text) >= 2**64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2^64 - 1")
    return int(text)


# --- parsers ----------------------------------------------------------------------------------------------------------


def make_parser() -> Parser:
    parser = Parser(
        PROG,
        description="Spiking neural networks on any number of MPI ranks: mpirun -n 64 python -m distsim microcircuit",
    )
    parser.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    add_microcircuit(commands)
    for model in (brunel_alpha, brunel_delta, ei_clustered):
        add_plain(commands, model)
    plot = commands.add_parser(
        "plot", help="draw the figures of a run's folder again", description=plot_command.__doc__
    )
    plot.add_argument("folder", metavar="DIR", help="folder of a run")
    plot.set_defaults(action=plot_command)
    return parser


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
    parser.set_defaults(action=network_command, model=microcircuit, shortcuts=microcircuit_parameters, panel=None)


def microcircuit_parameters(args: argparse.Namespace) -> dict:
    """Network parameters that the options of the microcircuit stand for."""
    if args.scale is not None and (args.n_scaling is not None or args.k_scaling is not None):
        raise InputError("--scale sets both scalings: give either it or --n-scaling and --k-scaling")
    values = {
        "N_scaling": args.scale if args.scale is not None else args.n_scaling,
        "K_scaling": args.scale if args.scale is not None else args.k_scaling,
        "poisson_input": None if args.input is None else args.input == "poisson",
        "thalamic_input": args.thalamus or None,
        "dc_input": args.dc_stimulus or None,
        "V0_type": args.v0,
    }
    return {name: value for name, value in values.items() if value is not None}


def add_plain(commands, model) -> None:
    """A subcommand whose own options are the parameters in model.SHORTCUTS."""
    parser, network = add_network(commands, model)
    fields = {field.name: field for field in dataclasses.fields(model.Parameters)}
    for name in model.SHORTCUTS:
        field = fields[name]
        unit = f", {field.metadata['unit']}" if field.metadata["unit"] else ""
        text = f"{field.metadata['text']}{unit} ({field.default})"
        network.add_argument(f"--{name.replace('_', '-')}", dest=f"parameter_{name}", metavar="VALUE", help=text)
    if model is brunel_delta:
        panels = ", ".join(
            f"{panel} g={p['g']:g} ratio {p['nu_ext_over_nu_thr']:g}" for panel, p in model.PANELS.items()
        )
        text = f"panel of figure 8: {panels}; all: one after another into DIR/A ... DIR/D, and their figure into DIR"
        network.add_argument("--panel", choices=(*model.PANELS, ALL), help=text)
    add_common(parser, network, model)
    parser.set_defaults(action=network_command, model=model, shortcuts=plain_parameters, panel=None)


def plain_parameters(args: argparse.Namespace) -> dict:
    """Network parameters that the options of a network with SHORTCUTS stand for."""
    values = {name: getattr(args, f"parameter_{name}") for name in args.model.SHORTCUTS}
    values = {name: value for name, value in values.items() if value is not None}
    if args.panel is None:
        return values
    panel = args.model.PANELS[args.panel]
    twice = [name for name in ("g", "nu_ext_over_nu_thr") if name in values]
    if twice:
        raise InputError(f"--{twice[0].replace('_', '-')}: the panel sets {twice[0]}: give either it or --panel")
    return {**values, **{name: panel[name] for name in ("g", "nu_ext_over_nu_thr")}}


def add_common(parser: Parser, network, model) -> None:
    """Options that every network has."""
    network.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any parameter below, lists as [1, 2]; repeatable",
    )
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
    out = parser.add_argument_group("output")
    out.add_argument("--out", metavar="DIR", help=f"folder of the run (default results/{model.NAME}-1, -2, ...)")
    out.add_argument("--overwrite", action="store_true", help="replace an earlier run in DIR")
    out.add_argument("--no-record", action="store_true", help="record nothing (rates are counted all the same)")
    out.add_argument("--no-plots", action="store_true", help="write no figures")
    out.add_argument(
        "--record-spikes",
        nargs="+",
        metavar="POP[a:b]",
        help="record spikes of these neurons only, e.g. L4E 'L23E[:100]'",
    )
    what = "record V_m of these neurons (ids from 0, b excluded)"
    out.add_argument("--record-voltages", nargs="+", metavar="POP[a:b]", help=what)
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


def parameter_help(model) -> str:
    """The parameters that --set knows, with default and unit."""
    lines = ["parameters (--set NAME=VALUE; times count from the start of the warm-up; lists in the order"]
    lines.append(f"{', '.join(model.POPULATIONS)}; matrices [target, source]):")
    for field in dataclasses.fields(model.Parameters):
        default = field.default if field.default is not dataclasses.MISSING else field.default_factory().tolist()
        if field.metadata["limits"].get("whole"):
            default = [int(n) for n in default]
        unit = f" {field.metadata['unit']}" if field.metadata["unit"] else ""
        value = "8 x 8 matrix" if np.size(default) > 20 else f"{default}{unit}"
        lines.append(f"  {field.name:<18} {field.metadata['text']} ({value})")
    return "\n".join(lines)


# --- commands ---------------------------------------------------------------------------------------------------------


def run_command(argv: Sequence[str], comm) -> int:
    """Parse and run; the exit code. The user's mistakes are printed once and give 2 on every rank (collective)."""
    try:
        args = parse(argv, comm)
        return args.action(args, comm) if args is not None else 0
    except InputError as error:
        if comm.rank == 0:
            sys.stdout.flush()
            for line in str(error).splitlines():
                sys.stderr.write(f"{PROG}: error: {line}\n")
            sys.stderr.flush()
        comm.Barrier()
        return 2


def parse(argv: Sequence[str], comm) -> argparse.Namespace | None:
    """The arguments; None after --help or --version, which rank 0 alone prints."""
    parser = make_parser()
    if comm.rank:
        parser._print_message = lambda *_: None
        for command in parser._subparsers._group_actions[0].choices.values():
            command._print_message = lambda *_: None
    try:
        args, unknown = parser.parse_known_args(argv)
        if args.command is None:
            raise InputError(f"no command; try: {PROG} microcircuit --scale 0.1 (see {PROG} --help)")
        if unknown:
            parser._subparsers._group_actions[0].choices[args.command].error(f"unrecognized arguments: {unknown[0]}")
    except SystemExit:
        return None
    return args


def network_command(args: argparse.Namespace, comm) -> int:
    """Describe, check, claim the folder, run. Nothing is written before everything is checked."""
    from . import panels, run

    if args.panel != ALL:
        prepared = prepare(args, comm)
        out = on_root(comm, lambda: folder.claim(args.out, args.model.NAME, args.overwrite))
        run.run(args.model, *prepared, out, comm)
        return 0
    each = {panel: prepare(with_panel(args, panel), comm) for panel in args.model.PANELS}
    out = on_root(comm, lambda: folder.claim(args.out, args.model.NAME, args.overwrite, tuple(each)))
    panels.run_panels(args.model, each, out, comm)
    return 0


def with_panel(args: argparse.Namespace, panel: str) -> argparse.Namespace:
    return argparse.Namespace(**{**vars(args), "panel": panel})


def prepare(args: argparse.Namespace, comm) -> tuple:
    """Parameters, network and `run.Options` that the arguments mean, checked."""
    from . import run
    from .engine.check import check_network

    t_sim = default_t_sim(args) if args.t_sim is None else args.t_sim
    try:
        with np.errstate(all="ignore"):
            parameters = make(args.model.Parameters, network_parameters(args))
            network = args.model.describe(parameters, args.dt, args.t_presim)
        network.grid.steps(args.t_presim, "--t-presim")
        network.grid.steps(t_sim, "--t-sim")
        set_recorders(network, args)
        check_network(network, comm.size)
    except ArithmeticError as error:
        raise InputError(f"parameters too large or too small to compute with ({error})") from None
    except (ValueError, KeyError) as error:
        raise InputError(error.args[0]) from None
    recording = {name: getattr(args, name) for name in ("no_record", "record_spikes", "record_voltages")}
    recording["voltage_interval"] = args.voltage_interval
    figures = figures_of(args, parameters, t_sim)
    options = run.Options(args.t_presim, t_sim, args.dt, args.seed, recording, not args.no_plots, figures)
    return parameters, network, options


def default_t_sim(args: argparse.Namespace) -> float:
    return args.model.T_SIM if args.panel is None else float(args.model.PANELS[args.panel]["t_range"][1])


def figures_of(args: argparse.Namespace, parameters, t_sim: float) -> dict:
    """What the figures show beyond what those of all networks do."""
    if not hasattr(args.model, "figures"):
        return {}
    panel = {} if args.panel is None else {"panel": args.panel}
    return args.model.figures(parameters, args.t_presim, t_sim, **panel)


def network_parameters(args: argparse.Namespace) -> dict:
    """Parameters from the network's own options and from --set; InputError if one is given twice."""
    from_options, from_set = args.shortcuts(args), settings(args.set)
    twice = sorted(set(from_options) & set(from_set))
    if twice:
        raise InputError(f"--set {twice[0]}={from_set[twice[0]]}: there is an option for it that says something else")
    return {**from_options, **from_set}


def settings(texts: Sequence[str]) -> dict[str, str]:
    """--set NAME=VALUE ... as a dictionary."""
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"--set {text}: must be NAME=VALUE")
        if name in values:
            raise InputError(f"--set {text}: {name} is set twice")
        values[name] = value
    return values


def set_recorders(network: Network, args: argparse.Namespace) -> None:
    """Replace what the model records by what the options say."""
    if args.no_record or args.record_spikes:
        network.spike_recorders.clear()
    if args.voltage_interval is not None and not args.record_voltages:
        raise InputError("--voltage-interval: there are no --record-voltages")
    if args.no_record and (args.record_spikes or args.record_voltages):
        raise InputError("--no-record excludes --record-spikes and --record-voltages")
    for text in args.record_spikes or []:
        network.record_spikes(selection(network, "--record-spikes", text))
    for text in args.record_voltages or []:
        network.record_voltages(selection(network, "--record-voltages", text), args.voltage_interval)


def selection(network: Network, option: str, text: str) -> Selection:
    """'L4E' or 'L4E[10:20]' or 'L4E[:100:2]' as a selection."""
    try:
        chosen = network.select(text)
    except ValueError as error:
        raise InputError(f"{option} {error}") from None
    if not len(chosen):
        raise InputError(f"{option} {text}: selects none of the {len(chosen.population)} neurons")
    return chosen


def plot_command(args: argparse.Namespace, comm) -> int:
    """Draw raster.png and rates.png of a run's folder again, and panels.png where it holds the panels of a figure, from
    the files alone."""

    def draw() -> None:
        from .analysis.figures import plot_folder

        try:
            paths = plot_folder(args.folder)
        except (ValueError, FileNotFoundError) as error:
            raise InputError(str(error)) from None
        print("\n".join(str(path) for path in paths), flush=True)

    on_root(comm, draw)
    return 0
