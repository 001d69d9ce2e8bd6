"""Standard output and standard error that nobody reads any more: output is dropped, and the run continues."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import select
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # there may be room again later
LAUNCHED = "OMPI_COMM_WORLD_SIZE"
MOST_ANCESTORS = 5  # between a rank and its launcher


def keep() -> None:
    """Make sure that printing never fails from now on, and that all three standard streams are open.

    Otherwise the next file that is opened would take the number of a closed stream, and would get the output.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name, number in (("stdout", 1), ("stderr", 2)):
        if not isinstance(getattr(sys, name), Lasting):
            setattr(sys, name, Lasting(getattr(sys, name), number))


class Lasting:
    """A text stream like `stream`, the process's standard stream `number`, whose `write` and `flush` never fail.

    Once nobody reads any more, output goes to the null device. Characters missing in its encoding are replaced.
    """

    _stream: Any  # a TextIO, which may know how to reconfigure

    def __init__(self, stream: TextIO | None, number: int) -> None:
        self._stream = stream if stream is not None else open(os.devnull, "w")  # noqa: SIM115
        self._number, self._target = number, _launcher_pipe(number)
        with contextlib.suppress(AttributeError, OSError, ValueError):
            self._stream.reconfigure(errors="replace")
        atexit.register(self._end)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._attempt(self._stream.flush)

    def isatty(self) -> bool:
        try:
            return bool(self._stream.isatty())
        except ValueError:  # closed
            return False

    def _attempt(self, action: Callable[[], object]) -> None:
        if self._target is not None and not _is_read(self._target):
            self._silence()
        try:
            action()
        except OSError as error:
            if error.errno not in FULL:
                self._silence()
        except ValueError:  # closed by somebody
            self._stream = open(os.devnull, "w")  # noqa: SIM115

    def _silence(self) -> None:
        self._target = None
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._number)
            os.close(null)
            self._stream.flush()  # what could not be written

    def _end(self) -> None:
        """Leave nothing that Python could not write when it ends."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._silence()


# --- the launcher's output --------------------------------------------------------------------------------------------


def _launcher_pipe(number: int) -> str | None:
    """Return the pipe to which the launcher passes this rank's output; None if there is none, or it cannot be seen.

    Open MPI's mpirun ends all ranks when it has met a pipe without a reader for ten times, so ranks stop speaking.
    """
    if LAUNCHED not in os.environ:
        return None
    try:
        mine, process = os.readlink(f"/proc/self/fd/{number}"), os.getppid()
        for _ in range(MOST_ANCESTORS):
            path = f"/proc/{process}/fd/{number}"
            if os.readlink(path) != mine:
                return path if stat.S_ISFIFO(os.stat(path).st_mode) else None
            process = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return None


def _is_read(pipe: str) -> bool:
    """Return whether somebody has the pipe open for reading."""
    try:
        end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        return error.errno != errno.ENXIO  # which a named pipe says
    try:
        asked = select.poll()
        asked.register(end, 0)
        return not any(event & select.POLLERR for _, event in asked.poll(0))
    finally:
        os.close(end)
