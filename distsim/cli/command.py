"""The command line: parse, check, act; the user's mistakes are said once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..parallel import FaultError, InputError, cause, on_root
from ..results import folder
from ..runs.pictures import in_one_line
from ..runs.signals import Signals
from .launch import GUARDED, STOPPED, code_of, resume_command, single_command
from .options import ALL, PROG, make_parser
from .prepare import config_of, prepare
from .problems import Problems

__all__ = ["GUARDED", "STOPPED", "run_command"]


def run_command(argv: Sequence[str], comm) -> int:
    """Parse and run; the exit code. The user's mistakes are printed once and give 2 on every rank (collective).

    Raises
    ------
    FaultError : the machine fails; not on all ranks, or not in the same words.
    """
    try:
        args = parse(argv, comm)
        if args is None:
            return 0
        if args.command in COMMANDS:  # others have more to say
            Problems(args.problems).say()
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
        chosen = parser._subparsers._group_actions[0].choices[args.command]
        chosen.note_unknown(unknown)
        args.problems = [*parser.problems, *chosen.problems]
    except SystemExit:
        return None
    return args


def network_command(args: argparse.Namespace, comm) -> int:
    """Describe, check, claim the folder, run. Nothing is written before everything is checked."""
    from ..runs import panels, run

    if args.panel != ALL:
        return single_command(args, comm)
    Problems(args.problems).say()
    for option in ("checkpoint_every", "checkpoint_wall", "max_wall", "resume"):
        if getattr(args, option) is not None:
            raise InputError(f"--{option.replace('_', '-')}: not with --panel all: run the panels one by one")
    each = {panel: prepare(with_panel(args, panel), comm) for panel in args.model.PANELS}
    out = on_root(comm, lambda: folder.claim(args.out, args.model.NAME, args.overwrite, tuple(each)))
    with Signals(comm.rank == 0) as signals:
        care = {name: run.Care(config=config_of(args.model, p, o), signals=signals) for name, (p, _, o) in each.items()}
        result = panels.run_panels(args.model, each, out, comm, care)
    return code_of(result)


def with_panel(args: argparse.Namespace, panel: str) -> argparse.Namespace:
    return argparse.Namespace(**{**vars(args), "panel": panel})


def plot_command(args: argparse.Namespace, comm) -> int:
    """Draw the figures of a run's folder from the files alone."""

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


def bench_command(args: argparse.Namespace, comm) -> int:
    """Time the networks."""
    from ..performance.bench.command import bench, find_peers

    peers = find_peers(args.networks, args.peer_python, comm)
    out = on_root(comm, lambda: folder.claim(args.out, "bench", args.overwrite))
    bench(args.networks, args.quick, args.seed, args.peer_python or sys.executable, peers, out, comm)
    return 0


COMMANDS = {"plot": plot_command, "bench": bench_command, "resume": resume_command}
