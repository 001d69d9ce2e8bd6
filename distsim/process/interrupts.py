"""Ctrl-C while nothing looks after it yet: the command ends at once, with one line, also while it is being imported.

It is the first module of the package that is imported, and imports nothing that Python has not loaded already.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal takes its time, this has no stub
import os
import sys

CODE = 130  # of a process that SIGINT has ended
RANK = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")  # in the environment, by launcher


def is_command() -> bool:
    """Return whether this process is `python -m distsim` or `distsim`, as far as is known while distsim is imported."""
    words, program = sys.orig_argv, (getattr(sys, "argv", None) or [""])[0]
    as_module = program == "-m" and "distsim" in words and words[words.index("distsim") - 1] == "-m"
    return as_module or os.path.basename(program) == "distsim"


def end_at_interrupt() -> None:
    """From now on SIGINT ends this process, and all ranks, at once, unless it is ignored or something else is done."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        try:
            _signal.signal(_signal.SIGINT, _end)
        except ValueError:  # signals go to the main thread
            return


def _end(number: int, frame: object) -> None:
    """End; an exception instead would meet imports and compilers that catch it, or print a traceback."""
    try:
        if all(os.environ.get(name, "0") == "0" for name in RANK):
            os.write(2, b"\ndistsim: interrupted\n" if os.isatty(2) else b"distsim: interrupted\n")
        MPI = sys.modules.get("mpi4py.MPI")
        if MPI and MPI.Is_initialized() and not MPI.Is_finalized() and MPI.COMM_WORLD.size > 1:
            MPI.COMM_WORLD.Abort(CODE)
    finally:  # whatever fails: nobody reads, the module is half imported
        os._exit(CODE)


if is_command():
    end_at_interrupt()
