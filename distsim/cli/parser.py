"""An argument parser that collects the user's mistakes, so that all of them are reported at once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from ..description.elements import nearest
from ..parallel import InputError


def literally(text: str) -> str:
    """Return a help text, written by anyone, so that argparse shows it as it is: a per cent sign is one."""
    return text.replace("%", "%%")


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `InputError`, names the nearest option and takes no abbreviations.

    `problems` are mistakes in the values of options; parsing continues with the default.
    """

    def __init__(self, prog: str | None = None, **keywords: Any) -> None:
        super().__init__(prog, allow_abbrev=False, **keywords)
        self.problems: list[str] = []

    def _get_values(self, action: argparse.Action, texts: list[str]) -> Any:
        try:
            return super()._get_values(action, texts)
        except argparse.ArgumentError as error:
            if not action.option_strings:
                raise
            self.problems.append(self.explained(str(error)))
            return action.default

    def note_unknown(self, words: Sequence[str]) -> None:
        """Words that are no options of this parser, nor values of such."""
        known = [o for action in self._actions for o in action.option_strings if o.startswith("--")]
        options = [word.split("=")[0] for word in words if word.startswith("--")] or words[:1]
        self.problems += [self.explained(f"unknown option {option}: {nearest(option, known)}") for option in options]

    def explained(self, message: str) -> str:
        return f"{message} (see {self.prog} --help)"

    def error(self, message: str) -> NoReturn:
        raise InputError(self.explained(message))
