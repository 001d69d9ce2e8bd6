"""Signals that ask a run to come to an end: remembered until the ranks agree on where."""

from __future__ import annotations

import signal

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Signals:
    """In a ``with`` statement: SIGTERM, SIGINT and SIGUSR1 are remembered; a second SIGINT ends the process at once.

    Attributes
    ----------
    received : the name of the first one, or None.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self._before: dict = {}

    def _remember(self, number: int, frame) -> None:
        self.received = self.received or signal.Signals(number).name
        if number == signal.SIGINT:
            # The system ends the process then, also one that is in compiled code.
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    def __enter__(self) -> Signals:
        self._before = {number: signal.signal(number, self._remember) for number in WATCHED}
        return self

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
