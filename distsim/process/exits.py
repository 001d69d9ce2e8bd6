"""`sys.exit(3)` on one rank of a user's script ends all ranks with 3: the others would wait for it for ever.

Where all ranks leave, with whatever codes, nothing is done. Python has no hook for this. So under a launcher `sys.exit`
raises a `SystemExit` that notices when the interpreter asks it for the exit code: that it does once nothing in the
program has caught it. `raise SystemExit(3)` itself cannot be seen.
"""

from __future__ import annotations

import _sitebuiltins
import contextlib
import functools
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from ..parallel import PATIENCE, RANK, Comm, end_all, running_world, say_last

TAG = 30_477  # of messages between ranks that leave
CODE: Any = SystemExit.code  # the slot that keeps an exit code


def end_all_at_exits() -> None:
    """From now on `sys.exit`, `exit` and `quit` with a code other than 0 on one rank end all ranks with that code."""
    if any(name in os.environ for name in RANK) and not hasattr(sys.exit, "__wrapped__"):
        sys.exit = _noticed(sys.exit)
        quitter: Any = _sitebuiltins.Quitter
        quitter.__call__ = _noticed(quitter.__call__)


def _noticed(function: Callable) -> Callable:
    @functools.wraps(function)
    def exit(*arguments: Any) -> None:
        try:
            function(*arguments)
        except SystemExit as error:
            # Threads end themselves by an exit, and know only the original.
            if running_world() is None or threading.current_thread() is not threading.main_thread():
                raise
            raise Exit(*error.args) from None

    return exit


class Exit(SystemExit):
    """A `SystemExit` that ends all ranks when the interpreter takes its code."""

    @property
    def code(self) -> Any:
        code = CODE.__get__(self)
        if sys._getframe().f_back is None:  # no program is left that could ask
            with contextlib.suppress(Exception):
                _leave(code)
        return code

    @code.setter
    def code(self, code: Any) -> None:
        CODE.__set__(self, code)

    def __reduce__(self) -> tuple:
        return SystemExit, self.args


Exit.__name__ = Exit.__qualname__ = "SystemExit"


def _leave(code: Any) -> None:
    """End all ranks, unless the exit code is 0 or the others leave, too."""
    status, comm = code if isinstance(code, int) else int(code is not None), running_world()
    if not status or comm is None or _do_all_leave(comm, time.monotonic() + PATIENCE):
        return
    said = "" if isinstance(code, int) else f"{code}\n"
    say_last(f"{said}distsim: rank {comm.rank} of {comm.size} has left with exit code {status}; all ranks end\n")
    end_all(comm, status)


def _do_all_leave(comm: Comm, until: float) -> bool:
    """Return whether all ranks come here in time: each tells rank 0, which answers when it has heard of all."""
    others = range(1, comm.size) if comm.rank == 0 else [0]
    if comm.rank:
        comm.isend(None, 0, TAG)
    waiting = set(others)
    while waiting and time.monotonic() < until:
        waiting -= {rank for rank in waiting if comm.iprobe(rank, TAG) and comm.recv(None, rank, TAG) is None}
        time.sleep(0.01)
    if not waiting and comm.rank == 0:
        for rank in others:
            comm.send(None, rank, TAG)
    return not waiting
