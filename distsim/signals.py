"""Signals that ask a run to come to an end: remembered until the ranks agree on where."""

from __future__ import annotations

import os
import signal
import threading

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Signals:
    """In a ``with`` statement: SIGTERM, SIGINT and SIGUSR1 are remembered; a second SIGINT ends the process at once.

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

    def _remember(self, number: int, frame) -> None:
        self.received = self.received or signal.Signals(number).name
        if number == signal.SIGINT:
            # The system ends the process then, also one that is in compiled code.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if self._says_so:
                os.write(2, b"\ninterrupted: stops as soon as it can, or at once if interrupted again\n")

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():  # signals go to no other
            self._before = {number: signal.signal(number, self._remember) for number in WATCHED}
        return self

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
