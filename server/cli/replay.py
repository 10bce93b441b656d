"""Check that a session's log gives the same decisions again.

examples:
  affetto replay session.log
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console

from .outcome import FAILED, OK


class BadInput(Exception):
    """The file is no log of a session."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("log", type=Path, help="event log of a session (written where server.event_logs is set)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    from ...pipelines.duplex import eventlog

    try:
        lines = args.log.read_text().splitlines()
        with Console(stderr=True).status(f"deciding {len(lines)} events again"):
            divergence = eventlog.replay(lines)
    except OSError as error:
        raise BadInput(f"cannot read {args.log}: {error.strerror}") from None
    except ValueError as error:
        raise BadInput(f"{args.log} is no event log: {error}") from None
    if args.json:
        line = divergence.line if divergence else None
        print(json.dumps({"events": len(lines) - 1, "same": divergence is None, "line": line}))
    elif divergence is None:
        print(f"{len(lines) - 1} events, every decision the same")
    else:
        print(f"line {divergence.line}: decided {divergence.replayed}, the log has {divergence.logged}")
    return OK if divergence is None else FAILED
