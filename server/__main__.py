"""The command line: `affetto COMMAND`. Each command is a module, imported only when it is used."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from .. import __version__
from .cli.outcome import FAILED, INTERRUPTED, OK, USAGE, explain
from .cli.parser import Parser, meant

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("affetto.clients.cli.demo", "start a server, ask it a recorded question, show what happens"),
    "serve": ("affetto.server.cli.serve", "run the server"),
    "talk": ("affetto.clients.cli.talk", "talk to a server by microphone"),
    "say": ("affetto.clients.cli.say", "speak a recording to a server and save its answer"),
    "chat": ("affetto.clients.cli.chat", "write with a server"),
    "pull": ("affetto.server.cli.pull", "fetch the models' weights"),
    "keys": ("affetto.server.cli.keys", "make, list and revoke API keys"),
    "memory": ("affetto.server.cli.memory", "look after what is remembered: tables, keys, retention, erasure"),
    "doctor": ("affetto.server.cli.doctor", "tell what is installed, pulled, reachable, and how fast it is here"),
    "config": ("affetto.server.cli.config", "show the effective settings, or write a commented file"),
    "cluster": ("affetto.server.cli.cluster", "run the models' stages on a Ray cluster"),
    "plan": ("affetto.server.cli.plan", "tell how many machines so many sessions need"),
    "eval": ("affetto.server.cli.evaluate", "measure a part of the system on data"),
    "train": ("affetto.server.cli.train", "train a part of the system on data"),
    "bench": ("affetto.clients.cli.bench", "measure the timing of conversations"),
    "soak": ("affetto.clients.cli.soak", "put a server under the load of many calls, and see whether it holds"),
    "replay": ("affetto.server.cli.replay", "check that a session's log gives the same decisions again"),
    "completion": ("affetto.server.cli.completion", "print what completes commands in your shell"),
    "version": ("affetto.server.cli.version", "tell the version"),
}
HELP = """\
usage: affetto COMMAND [options]

An empathetic spoken dialogue server: hears what you say and how you say it, and answers aloud.

commands:
{commands}

first steps:
  affetto demo                 everything at once, on this machine
  affetto serve                then, in another terminal:  affetto chat
  affetto COMMAND --help       what a command takes, with examples

exit status: 0 done, 1 failed, 2 wrong usage, 3 something needed is missing, 130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        listing = "\n".join(f"  {name:<10} {text}" for name, (_, text) in COMMANDS.items())
        print(HELP.format(commands=listing), end="")
        return OK
    if given[0] in ("-V", "--version"):
        print(f"affetto {__version__}")
        return OK
    name, *rest = given
    if name not in COMMANDS:
        hint = meant(name, COMMANDS) or f"; choose from {', '.join(COMMANDS)}"
        print(f"affetto: there is no command {name!r}{hint}\nsee: affetto --help", file=sys.stderr)
        return USAGE
    return run(name, rest)


def run(name: str, arguments: Sequence[str]) -> int:
    """One command: its module has `add_arguments(parser)` and `run(args) -> int`."""
    module, described = _described(name)
    command = Parser(prog=f"affetto {name}", **described)
    module.add_arguments(command)
    args = command.parse_args(arguments)
    try:
        return int(module.run(args))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has heard enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - expected ones become a sentence, others are raised again
        message, status = explain(error)
        print(f"affetto {name}: {message}", file=sys.stderr)
        return status


def whole() -> argparse.ArgumentParser:
    """All commands in one parser; every module is imported for it."""
    parser = Parser(prog="affetto", description="An empathetic spoken dialogue server.")
    parser.add_argument("--version", action="store_true", help="tell the version")
    commands = parser.add_subparsers(dest="command")
    for name, (_, text) in COMMANDS.items():
        module, described = _described(name)
        module.add_arguments(commands.add_parser(name, help=text, **described))
    return parser


def _described(name: str) -> tuple[Any, dict[str, Any]]:
    """A command's module, and what its help says beside its arguments."""
    module_name, text = COMMANDS[name]
    module = import_module(module_name)
    return module, {
        "description": f"{text[0].upper()}{text[1:]}.",
        "epilog": (module.__doc__ or "").partition("\n\n")[2],
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


if __name__ == "__main__":
    sys.exit(main())
