"""The user's mistakes, gathered so that all of them are said at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ..parallel import InputError


class Problems:
    """Mistakes `found` so far, in words."""

    def __init__(self, found: Iterable[str] = ()) -> None:
        self.found = list(found)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the mistakes that a ``with`` statement raises, and continue after it."""
        try:
            yield
        except ArithmeticError as error:
            self.found.append(f"parameters too large or too small to compute with ({error})")
        except (InputError, ValueError, KeyError) as error:
            self.found.append(str(error.args[0]))

    def raise_all(self) -> None:
        """Raise an `InputError` that lists all mistakes, each once, if there are any."""
        if self.found:
            raise InputError("\n".join(dict.fromkeys(self.found)))
