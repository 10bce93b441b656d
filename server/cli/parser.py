"""A command's parser: what is not known is told with what was probably meant."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn

from .outcome import USAGE


class Parser(argparse.ArgumentParser):
    """argparse's, but that a wrong flag brings a hint instead of the whole usage."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})  # what is a flag today must not become another's start

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}{self._hint(message)}\nsee: {self.prog} --help\n")

    def _hint(self, message: str) -> str:
        kind, colon, words = message.partition("unrecognized arguments: ")
        if not colon or kind:
            return ""
        unknown = [word.partition("=")[0] for word in words.split() if word.startswith("-")]
        found = [meant(flag, flags(self)) for flag in unknown]
        return "".join(found[:1])


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` for the nearest of what is known, or nothing where none is near."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def flags(parser: argparse.ArgumentParser) -> list[str]:
    """All long flags of a parser and of those below it."""
    found = [flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found += flags(inner)
    return found
