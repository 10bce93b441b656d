"""Print a script that lets your shell complete commands, flags and files.

examples:
  affetto completion bash > ~/.local/share/bash-completion/completions/affetto
  affetto completion zsh > ~/.zfunc/_affetto          with fpath+=~/.zfunc before compinit
  affetto completion fish > ~/.config/fish/completions/affetto.fish
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import shtab

from .outcome import OK

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="which shell it is for")


def run(args: argparse.Namespace) -> int:
    from ..__main__ import whole

    print(script(whole(), args.shell), end="")
    return OK


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """What completes this parser's commands; arguments that take a path complete paths."""
    for action in _actions(parser):
        if action.type is Path:
            action.complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE  # type: ignore[attr-defined]
    return shtab.complete(parser, shell=shell)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
