"""The command line: parse, check, act; report the user's mistakes once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..networks.registry import networks
from ..parallel import FaultError, InputError, cause, on_root
from ..runs.network_file import load_network
from ..runs.problems import Problems
from .network_options import ALL, checkpoints_of, request_of
from .options import PROG, make_parser, make_run_parser
from .parser import Parser

STOPPED = 75  # the exit code of a run that stops before its end, to be resumed: EX_TEMPFAIL
GUARDED = 3  # the exit code of a run that the guard has ended: runaway activity, state that is not finite


def run_command(argv: Sequence[str], comm: Any) -> int:
    """Parse and run; return the exit code (collective).

    The user's mistakes are printed once and give 2 on every rank.

    Raises
    ------
    FaultError
        If the machine fails; not on all ranks, or not in the same words.
    """
    try:
        args = parse([str(word) for word in argv], comm)
        if args is None:
            return 0
        if args.command in COMMANDS:  # the commands of networks add their own problems first
            Problems(args.problems).raise_all()
        return COMMANDS.get(args.command, network_command)(args, comm)
    except InputError as error:
        if comm.rank == 0:
            sys.stdout.flush()
            for line in str(error).splitlines():
                sys.stderr.write(f"{PROG}: error: {line}\n")
            sys.stderr.flush()
        comm.Barrier()
        return 2
    except (OSError, MemoryError) as error:
        raise FaultError(cause(error)) from error


def parse(argv: Sequence[str], comm: Any) -> argparse.Namespace | None:
    """Return the arguments; None after --help or --version, which rank 0 alone prints."""
    writes_config = argv[:1] == ["config"] and (argv[1:2] == ["run"] or set(argv[1:2]) & set(networks()))
    words, source = argv[1:] if writes_config else argv, None
    parser = make_parser(networks())
    if words[:1] == ["run"] and len(words) > 1 and not words[1].startswith("-"):
        model, source = load_network(words[1], _chosen_network(words), comm)
        parser = make_run_parser(model)
    args = _parsed(parser, words, comm)
    if args is not None:
        args.writes_config = bool(writes_config)
        args.source = source
    return args


def _chosen_network(words: Sequence[str]) -> str | None:
    """Return the value of --network: which network of a file to run must be known before its options can be parsed."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--network")
    try:
        network: str | None = finder.parse_known_args(words)[0].network
        return network
    except argparse.ArgumentError:
        return None


def _commands(parser: Any) -> dict[str, Any]:
    """Return the parsers of the subcommands by name."""
    commands: dict[str, Any] = parser._subparsers._group_actions[0].choices
    return commands


def _parsed(parser: Parser, words: Sequence[str], comm: Any) -> argparse.Namespace | None:
    commands = _commands(parser)
    if comm.rank:
        for each in (parser, *commands.values()):
            each._print_message = lambda *_: None
    try:
        args, unknown = parser.parse_known_args(words)
        if args.command is None:
            raise InputError(f"no command; try: {PROG} microcircuit --scale 0.1 (see {PROG} --help)")
        chosen = commands[args.command]
        chosen.note_unknown(unknown)
        args.problems = [*parser.problems, *chosen.problems]
    except SystemExit:
        return None
    return args


def network_command(args: argparse.Namespace, comm: Any) -> int:
    """Describe, check, claim the folder, run. Nothing is written before everything is checked."""
    from ..runs.prepared import prepare
    from ..runs.start import Place, start

    if args.writes_config:
        return write_config(args, comm)
    if args.variant == ALL:
        return variants_command(args, comm)
    problems = Problems(args.problems)
    request, given = request_of(args, args.variant, comm, problems)
    prepared = prepare(args.model, request, comm, problems, given)
    place = Place(args.out, args.overwrite, args.resume is not None)
    return code_of(start(prepared, place, comm, args.max_wall))


def variants_command(args: argparse.Namespace, comm: Any) -> int:
    """Run all variants of a network, one after another."""
    from ..runs.prepared import prepare
    from ..runs.start import Place, start_variants

    Problems(args.problems).raise_all()
    option = args.model.variant_option
    for name in ("checkpoint_every", "checkpoint_wall", "max_wall", "resume"):
        if getattr(args, name) is not None:
            raise InputError(f"--{name.replace('_', '-')}: not with --{option} all: run the {option}s one by one")
    each = {}
    for variant in args.model.variants:
        problems = Problems()
        request, given = request_of(args, variant, comm, problems)
        each[variant] = prepare(args.model, request, comm, problems, given)
    return code_of(start_variants(each, Place(args.out, args.overwrite), comm))


def write_config(args: argparse.Namespace, comm: Any) -> int:
    """Print the configuration of a run."""
    from ..runs.prepared import prepare
    from ..runs.request_file import to_toml

    if args.variant == ALL:
        raise InputError(f"--{args.model.variant_option} all: a file configures one run; choose one of them")
    problems = Problems(args.problems)
    request, given = request_of(args, args.variant, comm, problems)
    prepared = prepare(args.model, request, comm, problems, given)
    if comm.rank == 0:
        print(to_toml(prepared.request, args.model), end="", flush=True)
    return 0


def no_network(args: argparse.Namespace, comm: Any) -> int:
    """Refuse `config` of a network that is not known."""
    from ..description.elements import nearest

    names = list(networks())
    raise InputError(f"config {args.network}: no such network: {nearest(args.network, names)}; or: config run FILE")


def resume_command(args: argparse.Namespace, comm: Any) -> int:
    """Resume the run in a folder, or extend it."""
    from ..runs.start import Changes, resume_folder

    changes = Changes(args.t_sim, args.max_rate, checkpoints_of(args))
    return code_of(resume_folder(Path(args.folder), changes, comm, args.max_wall))


def code_of(outcome: Any) -> int:
    """Return the exit code of a run."""
    from ..runs.start import Outcome

    return {Outcome.COMPLETE: 0, Outcome.STOPPED: STOPPED, Outcome.GUARDED: GUARDED}[outcome]


def plot_command(args: argparse.Namespace, comm: Any) -> int:
    """Draw the figures of a run's folder from the files alone."""
    from ..runs.pictures import in_one_line

    def draw() -> None:
        from ..analysis.figures import plot_folder
        from ..analysis.statistics_figure import plot_statistics

        try:
            paths = plot_folder(args.folder)
            pictures, tables = plot_statistics(args.folder) if args.statistics else ([], [])
        except (ValueError, FileNotFoundError, NotADirectoryError) as error:
            raise InputError(str(error)) from None
        except Exception as error:  # of matplotlib, whatever it is
            raise FaultError(f"{args.folder}: {in_one_line(error)}") from error
        print("\n".join(map(str, [*tables, *paths, *pictures])), flush=True)

    on_root(comm, draw)
    return 0


def bench_command(args: argparse.Namespace, comm: Any) -> int:
    """Time the networks."""
    from ..performance.bench.command import bench, find_peers
    from ..results import folder

    peers = find_peers(args.networks, args.peer_python, comm)
    out = on_root(comm, lambda: folder.claim(args.out, "bench", args.overwrite))
    bench(args.networks, args.quick, args.seed, args.peer_python or sys.executable, peers, out, comm)
    return 0


def sonata_command(args: argparse.Namespace, comm: Any) -> int:
    """Run a SONATA simulation."""
    from ..runs.sonata_run import run_sonata

    run_sonata(str(args.config), None if args.out is None else str(args.out), args.overwrite, args.seed, comm)
    return 0


COMMANDS = {
    "plot": plot_command,
    "bench": bench_command,
    "resume": resume_command,
    "config": no_network,
    "sonata": sonata_command,
}
