"""Put a server under the load of many calls at once, for long, and see whether it holds.

It starts a server of scripted models of its own: what is measured is the gateway, not the models. Callers send audio
in real time, are answered, hang up and are followed by others. Exit status 1 where something grows, breaks or is
dropped, or the event loop is too late.

examples:
  affetto soak                                    500 callers for 30 minutes
  affetto soak --minutes 5 --sessions 100
  affetto soak --workers 2                        two processes that share the port
  affetto soak --ramp 50,100,200,300,400,500 --plot load.png
  affetto soak --url ws://localhost:8600 --minutes 2      a server that runs already
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...server.cli.outcome import FAILED, OK
from ..bench import soak as soaking
from ..bench.swarm import Talk
from ..server_process import running_server
from .bench import BadInput

ROOM = ("server.sessions", "server.sessions_per_address", "server.sessions_per_key")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sessions", type=int, default=500, help="callers at the same time (default 500)")
    parser.add_argument("--workers", type=int, default=1, help="processes of our own server that share the port")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default 30)")
    parser.add_argument("--chunk-ms", type=int, default=20, help="audio in each message (default 20 ms)")
    parser.add_argument(
        "--turns-a-call", type=int, default=12, help="turns after which a caller is followed by another"
    )
    parser.add_argument("--ramp", metavar="N,N,...", help="more and more callers instead, --seconds for each number")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each step of --ramp (default 20)")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the ramp (needs matplotlib)")
    parser.add_argument("--url", help="a server that runs already")
    parser.add_argument("--key", help="its API key")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of our own server")


def run(args: argparse.Namespace) -> int:
    if args.plot and (not args.ramp or find_spec("matplotlib") is None):
        raise BadInput("--plot draws a --ramp and needs matplotlib: pip install 'affetto[train]'")
    if args.url and args.workers > 1:
        raise BadInput("--workers is for a server of our own: leave out --url, or give the URL of one worker")
    counts = [int(part) for part in args.ramp.split(",")] if args.ramp else [args.sessions]
    talk = Talk(chunk_ms=args.chunk_ms, turns_a_call=0 if args.ramp else args.turns_a_call)
    with _server(args, max(counts)) as (url, workers):
        figures = asyncio.run(_measured(args, soaking.Server(url, talk, api_key=args.key, workers=workers), counts))
    failed = [] if args.ramp else soaking.verdict(figures)
    if args.plot:
        from ..bench.plot import plotted

        plotted(figures["ramp"], args.plot)
    print(json.dumps(figures, indent=None if args.json else 1))
    for text in failed:
        print(f"it does not hold: {text}", file=sys.stderr)
    return FAILED if failed else OK


async def _measured(args: argparse.Namespace, server: soaking.Server, counts: list[int]) -> dict[str, Any]:
    try:
        if args.ramp:
            return {"ramp": await soaking.ramp(server, counts, seconds=args.seconds, progress=_say)}
        return await soaking.soak(server, counts[0], seconds=args.minutes * 60, progress=_say)
    finally:
        await server.close()


@contextmanager
def _server(args: argparse.Namespace, sessions: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Where it is, and its workers."""
    if args.url:
        yield args.url, ()
        return
    with TemporaryDirectory() as folder:
        shared = [
            f"server.workers={args.workers}",
            "handover.enabled=true",
            f"handover.url=sqlite:///{folder}/sessions",
        ]
        given = [f"{name}={sessions + 50}" for name in ROOM] + ["duplex.openers=false", "server.admission=false"]
        given += (shared if args.workers > 1 else []) + args.set
        with running_server(["--profile", "scripted", *(part for one in given for part in ("--set", one))]) as own:
            yield own.url, own.workers


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
