"""The command line: parse, check, act; the user's mistakes are said once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import folder
from .options import ALL, PROG, make_parser
from .parallel import InputError, on_root
from .prepare import prepare


def run_command(argv: Sequence[str], comm) -> int:
    """Parse and run; the exit code. The user's mistakes are printed once and give 2 on every rank (collective)."""
    try:
        args = parse(argv, comm)
        if args is None:
            return 0
        return COMMANDS.get(args.command, network_command)(args, comm)
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


def plot_command(args: argparse.Namespace, comm) -> int:
    """Draw the figures of a run's folder from the files alone."""

    def draw() -> None:
        from .analysis.figures import plot_folder

        try:
            paths = plot_folder(args.folder)
        except (ValueError, FileNotFoundError, NotADirectoryError) as error:
            raise InputError(str(error)) from None
        print("\n".join(str(path) for path in paths), flush=True)

    on_root(comm, draw)
    return 0


def bench_command(args: argparse.Namespace, comm) -> int:
    """Time the networks."""
    from .bench.command import bench, find_peers

    peers = find_peers(args.networks, args.peer_python, comm)
    out = on_root(comm, lambda: folder.claim(args.out, "bench", args.overwrite))
    bench(args.networks, args.quick, args.seed, args.peer_python or sys.executable, peers, out, comm)
    return 0


COMMANDS = {"plot": plot_command, "bench": bench_command}
