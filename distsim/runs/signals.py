"""Signals that ask a run to come to an end: remembered until the ranks agree on where."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)


class Signals:
    """In a ``with`` statement: SIGTERM, SIGINT, SIGUSR1 and SIGHUP are remembered; a second SIGINT ends the process at
    once. SIGHUP, which comes when a terminal is closed, stays ignored where it is, as under nohup.

    Parameters
    ----------
    says_so : whether this process tells, when it is interrupted, what happens.

    Attributes
    ----------
    received : the name of the first one, or None.
    """

    def __init__(self, says_so: bool = False) -> None:
        self._says_so = says_so
        self.received: str | None = None
        self._before: dict = {}

    def _remember(self, number: int, frame: object) -> None:
        self.received = self.received or signal.Signals(number).name
        if number == signal.SIGINT:
            # The system ends the process then, also one that is in compiled code.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if self._says_so:
                with contextlib.suppress(OSError):  # nobody reads it
                    os.write(2, b"\ninterrupted: stops as soon as it can, or at once if interrupted again\n")

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():  # signals go to no other
            ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            watched = [number for number in WATCHED if not (ignored and number == signal.SIGHUP)]
            self._before = {number: signal.signal(number, self._remember) for number in watched}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
