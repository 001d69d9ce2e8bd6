"""python -m distsim: the command line; an exception on one rank ends all ranks."""

from __future__ import annotations

import sys

from .process import interrupts, standard_streams


def main() -> int:
    """Run the command line; the exit code."""
    interrupts.end_at_interrupt()
    standard_streams.keep()
    from .cli.command import run_command
    from .parallel import end_all_ranks, world

    comm = world()
    try:
        return run_command(sys.argv[1:], comm)
    except SystemExit:
        raise
    except BaseException as error:
        end_all_ranks(comm, error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
