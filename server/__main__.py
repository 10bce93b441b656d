"""The command line: `affetto COMMAND`. Each command is a module, imported only when it is used."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from .. import __version__
from .cli.outcome import FAILED, OK, USAGE, explain

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("affetto.clients.cli.demo", "start a server, ask it a recorded question, show what happens"),
    "serve": ("affetto.server.cli.serve", "run the server"),
    "talk": ("affetto.clients.cli.talk", "talk to a server by microphone"),
    "say": ("affetto.clients.cli.say", "speak a recording to a server and save its answer"),
    "chat": ("affetto.clients.cli.chat", "write with a server"),
    "pull": ("affetto.server.cli.pull", "fetch the models' weights"),
    "keys": ("affetto.server.cli.keys", "make, list and revoke API keys"),
    "doctor": ("affetto.server.cli.doctor", "tell what is installed, pulled, reachable, and how fast it is here"),
    "config": ("affetto.server.cli.config", "show the effective settings, or write a commented file"),
    "eval": ("affetto.server.cli.evaluate", "measure a part of the system on data"),
    "train": ("affetto.server.cli.train", "train a part of the system on data"),
    "bench": ("affetto.clients.cli.bench", "measure the timing of conversations"),
    "soak": ("affetto.clients.cli.soak", "put a server under the load of many calls, and see whether it holds"),
    "replay": ("affetto.server.cli.replay", "check that a session's log gives the same decisions again"),
    "version": ("affetto.server.cli.version", "tell the version"),
}
INTERRUPTED = 130

HELP = """\
usage: affetto COMMAND [options]

An empathetic spoken dialogue server: hears what you say and how you say it, and answers aloud.

commands:
{commands}

first steps:
  affetto demo                 everything at once, on this machine
  affetto serve                then, in another terminal:  affetto chat
  affetto COMMAND --help       what a command takes, with examples

exit status: 0 done, 1 failed, 2 wrong usage, 3 something needed is missing
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        listing = "\n".join(f"  {name:<8} {text}" for name, (_, text) in COMMANDS.items())
        print(HELP.format(commands=listing), end="")
        return OK
    if given[0] in ("-V", "--version"):
        print(f"affetto {__version__}")
        return OK
    name, *rest = given
    if name not in COMMANDS:
        print(f"affetto: there is no command {name!r}; choose from {', '.join(COMMANDS)}", file=sys.stderr)
        return USAGE
    return run(name, rest)


def run(name: str, arguments: Sequence[str]) -> int:
    """One command: its module has `add_arguments(parser)` and `run(args) -> int`."""
    module_name, text = COMMANDS[name]
    module = import_module(module_name)
    command = argparse.ArgumentParser(
        prog=f"affetto {name}",
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=(module.__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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


if __name__ == "__main__":
    sys.exit(main())
