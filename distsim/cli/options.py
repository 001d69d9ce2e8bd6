"""The subcommands: one for each network, `run` for a file, `config`, `resume`, `plot`, `bench` and `sonata`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from ..networks.base import NetworkModel
from ..performance.bench.cases import CASES
from ..version import __version__
from .network_options import add_checkpoint_options, add_network_options
from .parser import Parser, literally
from .types import number, path, seed

PROG = "distsim"
FILE_TEXT = (
    "Run a network of your own: FILE defines a class derived from distsim.NetworkModel. Its parameters are listed by "
    f"{PROG} run FILE --help."
)
CONFIG_TEXT = (
    f"Write the configuration of a run as TOML, with units and comments: {PROG} config NETWORK [options], or "
    f"{PROG} config run FILE [options]. Options are those of the network; --config FILE takes what is written."
)


def make_parser(networks: Mapping[str, NetworkModel]) -> Parser:
    """Return the parser of the whole command line."""
    text = "Spiking neural networks on any number of MPI ranks: mpirun -n 64 python -m distsim microcircuit"
    parser = Parser(PROG, description=text)
    parser.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for model in networks.values():
        add_network_options(_subcommand(commands, model.name, model.summary, model), model)
    run = commands.add_parser("run", help="run a network that a file of your own describes", description=FILE_TEXT)
    run.add_argument("file", metavar="FILE", help="Python file with a NetworkModel; its options follow")
    config = commands.add_parser("config", help="write the configuration of a run as TOML", description=CONFIG_TEXT)
    config.add_argument("network", metavar="NETWORK", help="a network's name, or: run FILE")
    add_resume(commands)
    add_plot(commands)
    add_bench(commands)
    add_sonata(commands)
    return parser


def make_run_parser(model: NetworkModel) -> Parser:
    """Return the parser of `distsim run FILE`, whose file defines `model`."""
    parser = Parser(PROG)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    run = _subcommand(commands, "run", model.summary, model)
    run.add_argument("file", metavar="FILE", help="Python file with a NetworkModel")
    run.add_argument("--network", metavar="NAME", help="class in FILE, where it defines several networks")
    add_network_options(run, model)
    return parser


def _subcommand(commands: argparse._SubParsersAction, name: str, summary: str, model: NetworkModel) -> Parser:
    shown = literally(model.description()) if "%(prog)" in model.description() else model.description()
    parser: Parser = commands.add_parser(
        name, help=literally(summary), description=shown, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser


def add_plot(commands: argparse._SubParsersAction) -> None:
    """Add `plot`."""
    text = "Draw the figures of a run's folder again, from the files alone: raster.png and rates.png of recorded "
    text += "spikes, voltages.png of recorded membrane potentials, panels.png where it holds the panels of a figure."
    plot = commands.add_parser("plot", help="draw the figures of a run's folder again", description=text)
    plot.add_argument("folder", type=path, metavar="DIR", help="folder of a run")
    text = "statistics.png too, and a table: rates, CV of ISI, correlations, Fano factor, spectrum of the rate"
    plot.add_argument("--statistics", action="store_true", help=text)


def add_bench(commands: argparse._SubParsersAction) -> None:
    """Add `bench`."""
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


def add_sonata(commands: argparse._SubParsersAction) -> None:
    """Add `sonata`."""
    text = "Run a SONATA simulation: nodes, edges, inputs and reports of its configuration, whose output folder gets "
    text += "spikes, reports and summary.json. What is not supported is refused by name."
    parser = commands.add_parser("sonata", help="run a SONATA simulation", description=text)
    parser.add_argument("config", type=path, metavar="FILE", help="simulation_config.json")
    parser.add_argument("--out", type=path, metavar="DIR", help="output folder (default: that of the configuration)")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier run in DIR")
    text = "fixes every random number, 0 to 2^64 - 1 (%(default)s)"
    parser.add_argument("--seed", type=seed, default=1, help=text)


def add_resume(commands: argparse._SubParsersAction) -> None:
    """Add `resume`."""
    text = "Resume a run that stopped or failed before its end, from its latest checkpoint, on any number of "
    text += "ranks; or extend a complete one that has kept a checkpoint (--checkpoint-every, --checkpoint-wall)."
    parser = commands.add_parser("resume", help="resume a run, or extend it", description=text)
    parser.add_argument("folder", type=path, metavar="DIR", help="folder of the run")
    text = "simulated time after the warm-up, ms: longer than planned extends the run (default: as planned)"
    parser.add_argument("--t-sim", type=number(0.0), metavar="MS", help=text)
    text = "spikes/s at which the guard stops, 0: none (default: as before); resumes a run that it has stopped"
    parser.add_argument("--max-rate", type=number(0.0), metavar="HZ", help=text)
    add_checkpoint_options(parser, "default: as before")
